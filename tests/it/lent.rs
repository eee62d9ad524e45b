//! What the first build of a checkout takes over from others that share its store.

use std::fs;
use std::path::Path;

use fastrand::Rng;

use crate::affected::rest;
use crate::exact::{apply, build, build_fresh, copy, number, other_monorepos};
use crate::git::{commit, committed};
use crate::laboratory;
use crate::mutants::Tree;
use crate::repo::{Repo, of_project};

/// How many changes each monorepo gets in a plain run of the tests.
const CHANGES: usize = 24;

fn demo(store: &Repo) -> Repo {
    let folder = store.path("store").to_string_lossy().into_owned();
    Repo::monorepo()
        .file("lib/sizes.k", "small = 1\nlarge = 2\n")
        .stack("apps/a", "import lib.sizes\nsize = sizes.small\n")
        .stack("apps/b", "import lib.sizes\nsize = sizes.large\n")
        .env("KONFIG_CACHE_DIR", &folder)
}

/// Builds verbosely; whether projects and stacks had to be found, and what the last line says.
#[track_caller]
fn builds(repo: &Repo, arguments: &[&str]) -> (bool, String) {
    let ran = repo.konfig(&[&["build", "--verbose"], arguments].concat()).good();
    let last = ran.stdout.lines().last().unwrap_or_default();
    let counts = last.split(" in ").next().unwrap_or_default().to_owned();
    (ran.stderr.contains("discover"), counts)
}

const REUSED: &str = "2 stacks: 0 built, 2 reused, 0 failed, 2 changed";

#[test]
fn the_first_build_of_a_checkout_looks_at_files_alone() {
    let store = Repo::empty();
    assert!(builds(&demo(&store), &[]).0, "nobody knew of any stacks");
    let other = demo(&store);
    assert_eq!(builds(&other, &[]), (false, REUSED.to_owned()));
    assert_eq!(other.read("dist/apps/b.yaml").as_deref(), Some("size: 2\n"));
    // A file instead of a folder: git has it where several checkouts share a repository.
    let other = demo(&store).file(".git", "gitdir: elsewhere\n");
    assert_eq!(builds(&other, &[]), (false, REUSED.to_owned()));
    assert_eq!(builds(&other, &[]), (false, REUSED.replace("2 changed", "0 changed")));
}

#[test]
fn what_is_nowhere_may_be_where_another_checkout_has_its_artifacts() {
    let store = Repo::empty();
    let repo = || demo(&store).stack("apps/c", "import file\nthere = file.exists(\"made/x\")\n");
    builds(&repo(), &[]);
    assert!(!builds(&repo(), &[]).0);
    let other = repo().file("apps/c/made/x", "");
    builds(&other, &["--out", "apps/c/made"]);
    assert_eq!(other.read("apps/c/made/apps/c.yaml").as_deref(), Some("there: true\n"));
}

#[test]
fn what_differs_there_is_built() {
    let store = Repo::empty();
    builds(&demo(&store), &[]);
    let other = demo(&store).file("lib/sizes.k", "small = 1\nlarge = 20\n");
    let one = "2 stacks: 1 built, 1 reused, 0 failed, 2 changed";
    assert_eq!(builds(&other, &[]), (false, one.to_owned()));
    assert_eq!(other.read("dist/apps/b.yaml").as_deref(), Some("size: 20\n"));
    let other = demo(&store).stack("apps/c", "size = 3\n");
    let more = "3 stacks: 1 built, 2 reused, 0 failed, 3 changed";
    assert_eq!(builds(&other, &[]), (true, more.to_owned()));
    // Artifacts that are in its way say nothing.
    let other = demo(&store).file("dist/apps/a.yaml", "size: 7\n");
    builds(&other, &[]);
    assert_eq!(other.read("dist/apps/a.yaml").as_deref(), Some("size: 1\n"));
}

#[test]
fn another_monorepo_takes_nothing_over() {
    let store = Repo::empty();
    builds(&demo(&store), &[]);
    let other = demo(&store).file("more.k", "a = 1\n");
    assert_eq!(builds(&other, &[]), (true, REUSED.to_owned()));
}

#[test]
fn a_build_of_one_stack_tells_others_nothing() {
    let store = Repo::empty();
    builds(&demo(&store), &["apps/a"]);
    assert!(builds(&demo(&store), &["apps/a"]).0);
}

#[test]
fn what_depends_on_the_place_of_a_checkout_stays_there() {
    let store = Repo::empty();
    let repo = || demo(&store).stack("apps/c", "import file\nhere = file.abs(\"main.k\")\n");
    builds(&repo(), &[]);
    let other = repo();
    let counts = "3 stacks: 1 built, 2 reused, 0 failed, 3 changed";
    assert_eq!(builds(&other, &[]), (false, counts.to_owned()));
    let here = other.path("").display().to_string();
    assert!(other.read("dist/apps/c.yaml").is_some_and(|text| text.contains(here.trim_end_matches('/'))));
}

#[test]
fn what_is_outside_of_a_checkout_is_its_own() {
    let store = Repo::empty();
    let folder = store.path("store").to_string_lossy().into_owned();
    let repo = |size: u32| {
        let manifest = "[package]\nname = \"apps\"\n\n[dependencies]\nouter = { path = \"../outer\" }\n";
        Repo::empty()
            .file("outer/kcl.mod", "[package]\nname = \"outer\"\n")
            .file("outer/sizes.k", &format!("size = {size}\n"))
            .file("mono/konfig.yaml", "")
            .file("mono/kcl.mod", manifest)
            .stack("mono/a", "import outer.sizes\nsize = sizes.size\n")
            .stand("mono")
            .env("KONFIG_CACHE_DIR", &folder)
    };
    for size in [1, 2, 1] {
        let repo = repo(size);
        builds(&repo, &[]);
        assert_eq!(repo.read("mono/dist/a.yaml"), Some(format!("size: {size}\n")));
    }
}

/// Changes two checkouts in the same way, again and again, and builds them in turn as if each were new.
fn mutate(root: &Path) {
    let (store, changes) = (Repo::empty(), number("KONFIG_MUTATIONS", 3 * CHANGES) / 3);
    let mut random = Rng::with_seed(number("KONFIG_MUTATIONS_SEED", 1) as u64);
    let folder = store.path("store").to_string_lossy().into_owned();
    let checkouts = [(); 2].map(|()| copy(root).env("KONFIG_CACHE_DIR", &folder));
    let as_new = |checkout: &Repo, about: &dyn Fn() -> String| {
        for left in ["root/.konfig", "out"] {
            fs::remove_dir_all(checkout.path(left)).ok();
        }
        let built = build(checkout, "out", &[]);
        built.assert_same(&build_fresh(checkout), about);
        built.status.values().filter(|status| *status == "failed").count() * 8 > built.status.len()
    };
    as_new(&checkouts[0], &|| "at first".to_owned());
    for round in 0..changes {
        let mutation = Tree::read(&checkouts[0].path("root")).mutation(&mut random);
        let about = || format!("{round}: {}: {:?}", mutation.name, mutation.files.keys().collect::<Vec<_>>());
        let undo = checkouts.each_ref().map(|checkout| apply(checkout, &mutation.files));
        let is_broken = as_new(&checkouts[round % 2], &about);
        if is_broken || random.u8(..3) == 0 {
            checkouts.iter().zip(undo).for_each(|(checkout, undo)| _ = apply(checkout, &undo));
        }
    }
}

#[test]
fn new_checkouts_of_the_sample_are_built_exactly() {
    mutate(&of_project("konfig"));
}

#[test]
fn new_checkouts_of_the_laboratory_are_built_exactly() {
    mutate(&laboratory::monorepo().path(""));
}

#[test]
fn new_checkouts_of_other_monorepos_are_built_exactly() {
    for root in other_monorepos() {
        mutate(Path::new(&root));
    }
}

#[test]
fn a_new_checkout_is_asked_what_a_commit_affects() {
    let store = Repo::empty();
    let (Some(one), Some(other)) = (committed(demo(&store)), committed(demo(&store))) else { return };
    builds(&one, &[]);
    other.write("lib/sizes.k", b"small = 1\nlarge = 20\n");
    commit(&other);
    let ran = other.konfig(&["affected", "--base", "HEAD~1", "--head", "HEAD"]).good();
    ran.prints("apps/b").prints("1 stack affected");
    fs::remove_dir_all(other.path(".konfig")).expect("what is remembered");
    rest(1200);
    other.konfig(&["affected", "--no-eval", "--base", "HEAD~1", "--head", "HEAD"]).good();
    assert!(other.has(".konfig/survey"), "it is kept for the next time");
    assert_eq!(other.read(".konfig/.gitignore").as_deref(), Some("*\n"));
}
