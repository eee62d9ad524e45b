//! Builds of a monorepo in the folder `root`, compared with builds from nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::mutants::{Files, Tree};
use crate::repo::{Ran, Repo, files_below};

/// What a build came to: the status of each stack, and the artifacts.
pub(crate) struct Built {
    pub(crate) status: BTreeMap<String, String>,
    pub(crate) because: BTreeMap<String, String>,
    pub(crate) artifacts: BTreeMap<String, Vec<u8>>,
    /// What it wrote to stderr.
    pub(crate) said: String,
    /// Whether the monorepo itself has problems: then nobody knows which stacks are gone.
    confused: bool,
}

fn read(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = |path: String| {
        let bytes = fs::read(root.join(&path)).expect("an artifact");
        (path, bytes)
    };
    files_below(root).into_iter().map(bytes).collect()
}

/// How `konfig` is asked for a build of the folder `root`.
pub(crate) fn arguments<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["build", "--format", "json", "--error-format", "short", "--root", "root", "--out", out], more].concat()
}

/// Builds the folder `root`.
pub(crate) fn build(repo: &Repo, out: &str, more: &[&str]) -> Built {
    built(repo, out, repo.konfig(&arguments(out, more)))
}

/// Builds it from nothing.
pub(crate) fn build_fresh(repo: &Repo) -> Built {
    fs::remove_dir_all(repo.path("fresh")).ok();
    build(repo, "fresh", &["--no-cache"])
}

/// What a build came to that has run.
pub(crate) fn built(repo: &Repo, out: &str, ran: Ran) -> Built {
    assert!(matches!(ran.code, Some(0..=2)), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let stacks = report["stacks"].as_array().expect("stacks").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let status = stacks.clone().map(|stack| (text(&stack["path"]), text(&stack["status"]))).collect();
    let because = stacks.map(|stack| (text(&stack["path"]), text(&stack["because"]))).collect();
    let artifacts = read(&repo.path(out));
    Built { status, because, artifacts, said: ran.stderr, confused: ran.code == Some(2) }
}

/// A copy of a monorepo, as the folder `root`.
pub(crate) fn copy(root: &Path) -> Repo {
    let repo = Repo::empty();
    for (path, bytes) in &Tree::read(root).files {
        repo.write(&format!("root/{path}"), bytes);
    }
    repo
}

/// Changes files of the folder `root`; gives the change that takes it back.
pub(crate) fn apply(repo: &Repo, files: &Files) -> Files {
    let root = repo.path("root");
    let mut undo = Files::new();
    for (path, bytes) in files {
        let place = root.join(path);
        undo.insert(path.clone(), fs::read(&place).ok());
        match bytes {
            Some(bytes) => repo.write(&format!("root/{path}"), bytes),
            None => fs::remove_file(&place).unwrap_or_default(),
        }
    }
    undo
}

impl Built {
    /// The stacks that did not fail, with the names of their artifacts.
    pub(crate) fn delivered(&self) -> impl Iterator<Item = (&String, String)> {
        let good = self.status.iter().filter(|(_, status)| *status != "failed");
        good.map(|(path, _)| (path, format!("{path}.yaml")))
    }

    /// It must have the failures and artifacts of a build from nothing, and nothing else but older artifacts of stacks that
    /// fail.
    pub(crate) fn assert_same(&self, fresh: &Self, about: &dyn Fn() -> String) {
        for (path, status) in &fresh.status {
            let ours = self.status.get(path).map_or("missing", String::as_str);
            assert_eq!(ours == "failed", status == "failed", "{} at {path}: {ours} and {status}", about());
        }
        for (path, artifact) in fresh.delivered() {
            let (one, other) = (self.artifacts.get(&artifact), fresh.artifacts.get(&artifact));
            assert!(one == other, "{} at {path}: {}, but another artifact", about(), self.status[path]);
        }
        for artifact in self.artifacts.keys() {
            let stack = artifact.strip_suffix(".yaml");
            let wanted = stack.is_some_and(|stack| fresh.status.contains_key(stack));
            let kept = stack.is_some() && fresh.confused;
            assert!(wanted || kept, "{}: {artifact} is left", about());
        }
    }
}

/// More monorepos, such as a real one; none are named in a plain run of the tests.
pub(crate) fn other_monorepos() -> Vec<String> {
    let roots = std::env::var("KONFIG_MUTATION_ROOTS").unwrap_or_default();
    if roots.is_empty() {
        say("skipped: KONFIG_MUTATION_ROOTS names no monorepo");
    }
    roots.split(':').filter(|root| !root.is_empty()).map(str::to_owned).collect()
}

/// Says something whether or not the test passes.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// A number from the environment.
pub(crate) fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
