//! What workflows of GitHub Actions take from a command.

pub(crate) mod annotations;
pub(crate) mod matrix;
pub(crate) mod summary;

use std::path::PathBuf;

use self::annotations::Places;
use super::options::stand;

/// The file for the outputs of a step: `$GITHUB_OUTPUT`.
pub(crate) fn output_file() -> Option<PathBuf> {
    file("GITHUB_OUTPUT")
}

/// The file for the summary of a step: `$GITHUB_STEP_SUMMARY`.
pub(crate) fn summary_file() -> Option<PathBuf> {
    file("GITHUB_STEP_SUMMARY")
}

/// What annotations are seen from, where this runs in a workflow.
pub(crate) fn workflow() -> Option<Places> {
    let runs = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    runs.then(|| stand().ok())?.map(|stand| annotations::places(stand, file("GITHUB_WORKSPACE").as_deref()))
}

/// The file that a variable names.
fn file(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}
