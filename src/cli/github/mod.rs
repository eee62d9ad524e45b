//! What workflows of GitHub Actions take from a command.

pub(crate) mod matrix;

use std::path::PathBuf;

/// The file for the outputs of a step: `$GITHUB_OUTPUT`.
pub(crate) fn output_file() -> Option<PathBuf> {
    file("GITHUB_OUTPUT")
}

/// The file that a variable names.
fn file(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}
