//! Exactness: after any change, a build that reuses leaves the same files and failures as a build from nothing.
//!
//! `KONFIG_MUTATIONS=5000` tries so many changes, `KONFIG_MUTATIONS_SEED` is the seed; `KONFIG_MUTATION_ROOTS` names more
//! monorepos, separated by colons. `scripts/exactness` runs it that way.

use std::collections::BTreeMap;
use std::path::Path;

use fastrand::Rng;

use crate::exact::{Built, apply, build, build_fresh, copy, number, other_monorepos, say};
use crate::laboratory;
use crate::mutants::{Mutation, Tree};
use crate::repo::{Repo, of_project};

/// How many changes each monorepo gets in a plain run of the tests.
const CHANGES: usize = 70;

/// How exact a series of builds was.
#[derive(Default)]
struct Tally {
    rebuilt: usize,
    in_vain: usize,
    reused: usize,
    /// Stacks of which only a check might have come out differently.
    checked: usize,
    /// How many stacks were rebuilt for each kind of change, and how many of them in vain.
    kinds: BTreeMap<&'static str, (usize, usize)>,
    /// Why stacks were rebuilt in vain for the last change, with how many.
    latest: BTreeMap<String, usize>,
    /// The same of all changes, with what was changed.
    why: Vec<String>,
}

/// Builds with and without reuse after a change, and compares.
fn check(repo: &Repo, name: &str, mutation: &Mutation, before: &Built, tally: &mut Tally) -> Built {
    let fresh = build_fresh(repo);
    let reused = build(repo, "out", &[]);
    let about = || format!("{name}: {}: {:?}", mutation.name, mutation.files.keys().collect::<Vec<_>>());
    reused.assert_same(&fresh, &about);
    for (path, artifact) in fresh.delivered() {
        let same = before.artifacts.get(&artifact) == fresh.artifacts.get(&artifact);
        let why = format!("{}: {}", mutation.name, reused.because.get(path).map_or("", String::as_str));
        tally.count(mutation.name, &reused.status[path], same, why);
    }
    if mutation.idle {
        let built = reused.status.values().filter(|status| matches!(&***status, "built" | "checked")).count();
        assert_eq!(built, 0, "{}: {:?}", about(), reused.because);
    }
    reused
}

impl Tally {
    fn count(&mut self, kind: &'static str, status: &str, same: bool, why: String) {
        self.reused += usize::from(status == "reused");
        self.checked += usize::from(status == "checked");
        if status != "built" {
            return;
        }
        let of_kind = self.kinds.entry(kind).or_default();
        self.rebuilt += 1;
        of_kind.0 += 1;
        if same {
            self.in_vain += 1;
            of_kind.1 += 1;
            *self.latest.entry(why).or_default() += 1;
        }
    }

    /// What the last change was, if stacks were rebuilt in vain for it.
    fn explain(&mut self, edit: &str) {
        let latest = std::mem::take(&mut self.latest).into_iter();
        self.why.extend(latest.map(|(why, count)| format!("{count}: {why}: {edit}")));
    }
}

/// Changes a monorepo again and again: some changes are taken back, others stay.
fn mutate(name: &str, root: &Path, changes: usize, seed: u64) {
    let repo = copy(root);
    let mut random = Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut before = build(&repo, "out", &[]);
    assert!(before.status.values().any(|status| status == "built"), "{name} builds");
    for _ in 0..changes {
        let tree = Tree::read(&repo.path("root"));
        let mutation = tree.mutation(&mut random);
        let edit = tree.edit(&mutation.files);
        let undo = apply(&repo, &mutation.files);
        before = check(&repo, name, &mutation, &before, &mut tally);
        tally.explain(&edit);
        let failed = before.status.values().filter(|status| *status == "failed").count();
        // A monorepo in which much is broken teaches little.
        if failed * 8 > before.status.len() || random.u8(..3) == 0 {
            apply(&repo, &undo);
            let back = Mutation { name: "and back", files: undo, idle: false };
            before = check(&repo, name, &back, &before, &mut tally);
            tally.explain(&edit);
        }
    }
    let Tally { rebuilt, in_vain, reused, checked, kinds, why, latest: _ } = tally;
    let kinds: Vec<String> =
        kinds.iter().map(|(name, (all, vain))| format!("{name} {vain} of {all}")).collect();
    let kinds = kinds.join(", ");
    say(&format!(
        "{name}: {changes} changes, {rebuilt} rebuilt, {in_vain} of them in vain, {checked} checked, {reused} reused; by kind: {kinds}; \
         in vain: {why:#?}"
    ));
}

/// Changes of this test, of all tests together.
fn share() -> (usize, u64) {
    (number("KONFIG_MUTATIONS", 3 * CHANGES) / 3, number("KONFIG_MUTATIONS_SEED", 1) as u64)
}

#[test]
fn the_sample_is_built_exactly() {
    let (changes, seed) = share();
    mutate("sample", &of_project("konfig"), changes, seed);
}

#[test]
fn the_laboratory_is_built_exactly() {
    let (changes, seed) = share();
    let repo = laboratory::monorepo();
    mutate("laboratory", &repo.path(""), changes, seed);
}

#[test]
fn other_monorepos_are_built_exactly() {
    let (changes, seed) = share();
    for root in other_monorepos() {
        mutate(&root, Path::new(&root), changes, seed);
    }
}
