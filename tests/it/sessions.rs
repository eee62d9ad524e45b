//! Long use of a checkout: whatever was built of it, changed, taken back or thrown away, the next build of all stacks leaves the same
//! files and failures as a build from nothing.
//!
//! `KONFIG_MUTATIONS=5000` has so much happen, `KONFIG_MUTATIONS_SEED` is the seed; `KONFIG_MUTATION_ROOTS` names more
//! monorepos. `KONFIG_SESSIONS_REST` is how long files are left alone now and then, in milliseconds: builds trust the times of those
//! that were left alone for a second. `scripts/exactness` runs it that way.

use std::fs;
use std::path::Path;

use fastrand::Rng;

use crate::affected::rest;
use crate::exact::{apply, build, build_fresh, copy, number, other_monorepos};
use crate::git::{commit_in, git, has_git};
use crate::laboratory;
use crate::mutants::{Files, Tree};
use crate::repo::{Repo, files_below, of_project};

/// How much happens to each monorepo in a plain run of the tests.
const EVENTS: usize = 90;

/// Where artifacts go.
const OUTS: [&str; 2] = ["out", "other"];

/// A checkout that is used, as the folder `root`.
struct Session {
    repo: Repo,
    /// Whether it is a repository of git.
    is_committed: bool,
    random: Rng,
    /// What takes back the changes so far, the last one at the end.
    undo: Vec<Files>,
    /// What has happened since all was right.
    events: Vec<String>,
}

impl Session {
    fn new(root: &Path) -> Self {
        let random = Rng::with_seed(number("KONFIG_MUTATIONS_SEED", 1) as u64);
        let repo = copy(root).env("PATH", &std::env::var("PATH").unwrap_or_default());
        let is_committed = has_git();
        if is_committed {
            git(&repo, "root", &["init", "--quiet"]);
            commit_in(&repo, "root");
        }
        Self { repo, is_committed, random, undo: Vec::new(), events: Vec::new() }
    }

    fn changes(&mut self) -> String {
        let mutation = Tree::read(&self.repo.path("root")).mutation(&mut self.random);
        self.undo.push(apply(&self.repo, &mutation.files));
        format!("{}: {:?}", mutation.name, mutation.files.keys().collect::<Vec<_>>())
    }

    fn takes_back(&mut self) -> String {
        if let Some(files) = self.undo.pop() {
            apply(&self.repo, &files);
        }
        "the last change is taken back".to_owned()
    }

    /// Some stack, project, or folder of the monorepo, as a selector.
    fn selector(&mut self) -> String {
        let is_stack = |path: &String| path.ends_with("/stack.yaml");
        let found = files_below(&self.repo.path("root")).into_iter().filter(is_stack);
        let stack = self.random.choice(found.collect::<Vec<_>>()).unwrap_or_default();
        let above = self.random.usize(1..=3);
        let folder = Path::new(&stack).ancestors().nth(above).unwrap_or(Path::new(""));
        let folder = folder.display();
        if above == 1 {
            folder.to_string()
        } else {
            format!("{folder}/...").trim_start_matches('/').to_owned()
        }
    }

    fn builds(&mut self) -> String {
        let out = OUTS[self.random.usize(..2)];
        let selector = self.selector();
        let more: &[&str] = match self.random.u8(..9) {
            0 | 1 => &[],
            2 | 3 => &[&selector],
            4 => &["--jobs", "1"],
            5 => &["--audit=100"],
            6 => &["--fail-fast"],
            7 if self.is_committed => &["--affected"],
            _ => &["--shard", "1/2"],
        };
        build(&self.repo, out, more);
        format!("a build to {out}, {more:?}")
    }

    /// A command that writes no artifact.
    fn asks(&mut self) -> String {
        let selector = self.selector();
        let words: &[&str] = match self.random.u8(..9) {
            0 => &["build", "--check"],
            1 => &["graph", &selector],
            2 => &["cache", "gc", "--keep", "0"],
            3 | 4 if self.is_committed => &["affected", "--no-eval"],
            5 if self.is_committed => &["why", &selector],
            6 | 7 if self.is_committed => &["affected"],
            _ => &["verify"],
        };
        let ran = self.repo.konfig(&[words, &["--root", "root"]].concat());
        assert!(matches!(ran.code, Some(0..=2)), "{words:?} after {:#?}: {}", self.events, ran.stderr);
        format!("{words:?}")
    }

    fn commits(&mut self) -> String {
        if self.is_committed {
            commit_in(&self.repo, "root");
        }
        "a commit".to_owned()
    }

    /// What was remembered goes, but not which artifacts were written.
    fn forgets(&mut self) -> String {
        let name = ["survey", "survey.more", "store.sqlite"][self.random.usize(..3)];
        fs::remove_file(self.repo.path("root/.konfig").join(name)).ok();
        format!("no {name}")
    }

    fn loses_artifacts(&mut self) -> String {
        let out = OUTS[self.random.usize(..2)];
        let all = self.random.bool();
        for artifact in files_below(&self.repo.path(out)) {
            if all || self.random.bool() {
                fs::remove_file(self.repo.path(out).join(artifact)).expect("an artifact");
            }
        }
        format!("artifacts of {out} are gone, all: {all}")
    }

    /// A file is written as it is.
    fn touches(&mut self) -> String {
        let files = Tree::read(&self.repo.path("root")).files;
        let (path, bytes) = self.random.choice(files).expect("a file");
        self.repo.write(&format!("root/{path}"), &bytes);
        format!("{path} is written anew")
    }

    fn rests(&mut self) -> String {
        rest(number("KONFIG_SESSIONS_REST", 0) as u64);
        "nothing".to_owned()
    }

    fn happens(&mut self) {
        let event = match self.random.u8(..24) {
            0..6 => self.changes(),
            6..9 => self.takes_back(),
            9..14 => self.builds(),
            14..17 => self.asks(),
            17 | 18 => self.commits(),
            19 => self.forgets(),
            20 => self.loses_artifacts(),
            21 => self.touches(),
            _ => self.rests(),
        };
        self.events.push(event);
    }

    fn is_right(&mut self) {
        let out = OUTS[self.random.usize(..2)];
        let fresh = build_fresh(&self.repo);
        let built = build(&self.repo, out, &[]);
        built.assert_same(&fresh, &|| format!("{out} after {:#?}", self.events));
        self.events = vec![format!("a build to {out}")];
        // A monorepo in which much is broken teaches little.
        let failed = built.status.values().filter(|status| *status == "failed").count();
        while failed * 6 > built.status.len() && !self.undo.is_empty() {
            let event = self.takes_back();
            self.events.push(event);
        }
    }
}

fn use_for_long(root: &Path) {
    let mut session = Session::new(root);
    for _ in 0..number("KONFIG_MUTATIONS", 3 * EVENTS) / 3 {
        session.happens();
        if session.random.u8(..3) == 0 {
            session.is_right();
        }
    }
    session.is_right();
}

#[test]
fn the_sample_is_used_for_long() {
    use_for_long(&of_project("konfig"));
}

#[test]
fn the_laboratory_is_used_for_long() {
    use_for_long(&laboratory::monorepo().path(""));
}

#[test]
fn other_monorepos_are_used_for_long() {
    for root in other_monorepos() {
        use_for_long(Path::new(&root));
    }
}
