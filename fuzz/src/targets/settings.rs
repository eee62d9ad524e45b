//! The files that describe a monorepo, and selectors. Each text is read as each of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use konfig::graph::select::{Importers, Scope};
use konfig::graph::selector::SelectError;
use konfig::monorepo::{self, CompileUnit, DiskWorld, PackageStore, Problem, RunRequest, StackId};
use syntax::Source;
use tempfile::TempDir;

use super::{Features, Subject, check_span, kind};
use crate::input::Input;
use crate::world::MemoryWorld;

/// Keys, operators, and what YAML and TOML make much of.
pub(super) const WORDS: &[&str] = &[
    "kcl_cli_configs:",
    "kcl_options:",
    "file:",
    "files:",
    "- key: ",
    "  value: ",
    "overrides:",
    "path_selector:",
    "strict_range_check: true",
    "disable_none: true",
    "${KCL_MOD}",
    "${a:KCL_MOD}",
    "${",
    ":KCL_MOD}",
    "name: ",
    "tenant: ",
    "[profile]",
    "[dependencies]",
    "[package]",
    "entries = [",
    "options = [",
    "path = \"../a\"",
    "version = \"1\"",
    "tag = \"v1\"",
    "= ",
    "{",
    "}",
    "[",
    "]",
    "- ",
    ": ",
    ", ",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!x ",
    "|\n",
    ">-\n",
    "--- ",
    "...",
    "? ",
    "\"",
    "'",
    "#",
    "\t",
    "~",
    "null",
    "yes",
    ".inf",
    ".nan",
    "0x1",
    "1e999",
    "2001-01-01",
    "\u{feff}",
    "é",
    "𝒳",
    "\0",
    "env(",
    "project(",
    "tenant(",
    "imports(",
    "~",
    " & ",
    " | ",
    "(",
    ")",
    "./",
    "../",
    "/...",
    "\"\"\"",
    "'''",
    "[[a]]",
    "a.b.c = 1",
    "a = 1",
];

/// Settings, whose text is the input.
const SETTINGS: [&str; 2] = ["stack/kcl.yaml", "stack/ci-test/settings.yaml"];

/// What describes a stack, whose text is the input.
const DESCRIPTIONS: [&str; 2] = ["project.yaml", "stack.yaml"];

/// Modules, whose text is the input, where settings are not.
const MODULES: [&str; 5] = ["kcl.mod", "a/kcl.mod", "b/kcl.mod", "store/a_1/kcl.mod", "stack/kcl.mod"];

/// The text of modules where settings are tested.
const MODULE: &str = "[dependencies]\na = { path = \"../a\" }\n";

pub(super) struct Settings {
    /// Folders are found on the disk, so some must be there.
    root: TempDir,
}

impl Settings {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder for temporary files");
        let stack = root.path().join("stack");
        fs::create_dir(&stack).expect("a folder can be made in a new folder");
        Self { root }
    }

    /// A world where some files have a text, and others another one.
    fn world(&self, files: &[(&[&str], &Arc<Source>)]) -> MemoryWorld {
        let root = self.root.path();
        let main = (root.join("stack/main.k"), Arc::new(Source::new("main.k", "")));
        let files = files.iter().flat_map(|(files, source)| files.iter().map(move |file| (file, source)));
        let files = files.map(|(file, source)| (root.join(file), Arc::clone(source)));
        MemoryWorld::new(&files.chain([main]).collect::<Vec<_>>())
    }
}

impl Subject for Settings {
    fn run(&mut self, input: &Input) -> Result<Features, String> {
        let source = Arc::new(Source::new("input", input.text.as_str()));
        let module = Arc::new(Source::new("kcl.mod", MODULE));
        let root = self.root.path();
        let stack = root.join("stack");
        let store = PackageStore { folder: Some(root.join("store")) };
        let mut features = Vec::new();
        let with_modules = self.world(&[(&MODULES, &source)]);
        describe(CompileUnit::of_stack(&with_modules, &store, root, &stack), root, &mut features)?;
        let world = self.world(&[(&SETTINGS, &source), (&MODULES, &module)]);
        describe(CompileUnit::of_stack(&world, &store, root, &stack), root, &mut features)?;
        let request = RunRequest { options: vec![input.text.clone()], ..RunRequest::default() };
        describe(CompileUnit::of_request(&with_modules, &store, &stack, request), root, &mut features)?;
        let written = DESCRIPTIONS.iter().try_for_each(|name| fs::write(stack.join(name), &input.text));
        written.map_err(|error| format!("the disk is in the way: {error}"))?;
        let disk = DiskWorld::new(root, false);
        let monorepo = monorepo::discover(&disk, root, Path::new("/none")).map_err(|it| format!("{it:?}"))?;
        for problem in &monorepo.problems {
            features.push(described(problem, root)?);
        }
        let scope = Scope { monorepo: &monorepo, stand: &stack, importers: &Nobody };
        for selector in std::iter::once(input.text.as_str()).chain(input.text.lines().take(20)) {
            features.push(selected(&scope, selector)?);
        }
        Ok(features)
    }
}

/// The kind of a selector's answer, whose column must be one of the selector.
fn selected(scope: &Scope<'_>, selector: &str) -> Result<String, String> {
    match scope.select(&[selector.to_owned()]) {
        Ok(stacks) => Ok(format!("{} stacks", stacks.len())),
        Err(SelectError::Syntax { column, .. }) if column > selector.chars().count() + 1 => {
            Err(format!("column {column} is not in the selector"))
        }
        Err(SelectError::Syntax { expected, .. }) => Ok(expected.concat()),
        Err(error) => Ok(kind(&format!("{error:?}").replace('"', "`"))),
    }
}

/// No stack imports anything.
struct Nobody;

impl Importers for Nobody {
    fn importers(&self, package: &str) -> Option<BTreeSet<StackId>> {
        (package == "a").then(BTreeSet::new)
    }
}

/// What a unit came to; its overrides must be readable or refused.
fn describe(unit: Result<CompileUnit, Problem>, root: &Path, features: &mut Features) -> Result<(), String> {
    match unit {
        Err(problem) => features.push(described(&problem, root)?),
        Ok(unit) => {
            for spec in &unit.flags.overrides {
                let parsed = kcl::resolve::Override::parse(spec);
                features.push(parsed.map_or_else(|message| kind(&message), |_| "an override".to_owned()));
            }
            let counts = [unit.files.len(), unit.external.len(), unit.missing.len(), unit.options.len()];
            features.push(format!("a unit of {:?}", counts.map(|count| count.min(3))));
        }
    }
    Ok(())
}

/// The kind of a problem, whose place must lie in its text.
fn described(problem: &Problem, root: &Path) -> Result<String, String> {
    let show = |path: &Path| {
        path.strip_prefix(root).map_or_else(|_| PathBuf::new(), Path::to_owned).display().to_string()
    };
    let message = problem.message(&show);
    if let Some(place) = &problem.place {
        check_span(&place.source, place.span, &message)?;
        let _ = place.source.line_col(place.span.start);
    }
    Ok(kind(&message))
}
