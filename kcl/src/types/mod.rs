//! The static checker.

use syntax::Diagnostic;

use crate::package::PackageId;
use crate::resolve::{Main, Program};

/// What the checker knows of a package.
#[derive(Debug, Default)]
pub struct PackageTypes {
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
}

/// Checks a package; once, whoever asks.
pub fn check_package(_program: &Program, _id: PackageId) -> Option<&PackageTypes> {
    None
}

/// Checks a stack's program.
#[must_use]
pub fn check_main(_program: &Program, _main: &Main) -> Vec<Diagnostic> {
    Vec::new()
}
