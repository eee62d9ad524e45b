//! The files that make folders what they are.

use std::path::Path;

/// Describes the monorepo; it stands at its root.
pub const KONFIG: &str = "konfig.yaml";
/// Describes a project.
pub const PROJECT: &str = "project.yaml";
/// Describes a stack.
pub const STACK: &str = "stack.yaml";
/// The manifest of a module.
pub const MODULE: &str = "kcl.mod";
/// What a stack starts from unless its settings say otherwise.
pub const MAIN: &str = "main.k";
/// What a stack came to when somebody looked at it last, from its folder.
pub const GOLDEN: &str = "ci-test/stdout.golden.yaml";
/// Says whose a folder is, with all below it.
pub const OWNERS: &str = "OWNERS";

/// The files whose text discovery reads.
pub const DESCRIPTIONS: [&str; 2] = [PROJECT, STACK];
/// The files whose coming and going may make other projects and stacks.
pub const ALL: [&str; 4] = [PROJECT, STACK, MODULE, MAIN];

/// Whether a file is a program, by its name.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "k")
}

/// Whether a folder is a stack, given which files it has.
#[must_use]
pub fn is_stack(has: impl Fn(&str) -> bool) -> bool {
    has(STACK) || (has(MODULE) && has(MAIN))
}
