//! The store of earlier builds as users meet it: damaged, read-only, shared, looked at.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::repo::{Ran, Repo};

fn demo() -> Repo {
    Repo::monorepo()
        .file("lib/sizes.k", "small = 1\nlarge = 2\n")
        .stack("apps/a", "import lib.sizes\nsize = sizes.small\n")
        .stack("apps/b", "import lib.sizes\nsize = sizes.large\n")
}

/// How many stacks were built and how many reused.
#[track_caller]
fn built_and_reused(ran: &Ran) -> (usize, usize) {
    let line = ran.stdout.lines().last().unwrap_or_default();
    let number = |what: &str| {
        let before = line.split(&format!(" {what}")).next().unwrap_or_default();
        before.rsplit([' ', ':']).next().and_then(|digits| digits.parse().ok()).expect("a number")
    };
    (number("built"), number("reused"))
}

#[track_caller]
fn builds(repo: &Repo, built: usize, reused: usize) -> Ran {
    let ran = repo.konfig(&["build"]).good();
    assert_eq!(built_and_reused(&ran), (built, reused), "{}{}", ran.stdout, ran.stderr);
    ran
}

#[test]
fn only_users_of_a_declaration_are_rebuilt() {
    let repo = demo();
    builds(&repo, 2, 0);
    builds(&repo, 0, 2);
    repo.write("lib/sizes.k", b"# sizes\nsmall = 1\nlarge = 2\nhuge = 3\n");
    builds(&repo, 0, 2);
    repo.write("lib/sizes.k", b"small = 1\nlarge = 20\n");
    builds(&repo, 1, 1);
    assert_eq!(repo.read("dist/apps/b.yaml").as_deref(), Some("size: 20\n"));
    // What was built before is still known.
    repo.write("lib/sizes.k", b"small = 1\nlarge = 2\n");
    builds(&repo, 0, 2);
    assert_eq!(repo.read("dist/apps/b.yaml").as_deref(), Some("size: 2\n"));
}

#[test]
fn a_failure_of_what_nobody_uses_is_found_and_goes_away() {
    let repo = demo();
    builds(&repo, 2, 0);
    repo.write("lib/sizes.k", b"small = 1\nlarge = 2\nassert small > 1\n");
    repo.konfig(&["build"]).exits(1);
    repo.write("lib/sizes.k", b"small = 1\nlarge = 2\nassert small > 0\n");
    builds(&repo, 0, 2);
}

#[test]
fn artifacts_are_restored_and_those_of_stacks_that_are_gone_deleted() {
    let repo = demo();
    builds(&repo, 2, 0);
    repo.write("dist/apps/a.yaml", b"edited\n");
    fs::remove_file(repo.path("dist/apps/b.yaml")).expect("an artifact");
    builds(&repo, 0, 2);
    assert_eq!(repo.read("dist/apps/a.yaml").as_deref(), Some("size: 1\n"));
    assert_eq!(repo.read("dist/apps/b.yaml").as_deref(), Some("size: 2\n"));
    repo.write("dist/apps/mine.yaml", b"mine\n");
    fs::remove_dir_all(repo.path("apps/a")).expect("a stack");
    builds(&repo, 0, 1);
    assert_eq!(repo.files("dist"), ["apps/b.yaml", "apps/mine.yaml"]);
}

#[test]
fn a_build_of_few_stacks_leaves_what_is_known_of_the_others_alone() {
    let repo = demo();
    builds(&repo, 2, 0);
    let known = || ["survey", "state"].map(|name| fs::read(repo.path(&format!(".konfig/{name}"))).ok());
    let before = known();
    for size in ["3", "4", "sizes.large"] {
        repo.write("apps/a/main.k", format!("import lib.sizes\nsize = {size}\n").as_bytes());
        builds(&repo, 1, 1);
        builds(&repo, 0, 2);
    }
    assert_eq!(known(), before);
    // What was added counts: this artifact is known to be one, and goes with its stack.
    fs::remove_dir_all(repo.path("apps/a")).expect("a stack");
    builds(&repo, 0, 1);
    assert_eq!(repo.files("dist"), ["apps/b.yaml"]);
    assert_ne!(known(), before);
    for (size, damaged) in [(5, &b""[..]), (6, b"nonsense")] {
        repo.write("apps/b/main.k", format!("size = {size}\n").as_bytes());
        builds(&repo, 1, 0);
        for name in [".konfig/survey.more", ".konfig/state.more"] {
            repo.write(name, damaged);
        }
        builds(&repo, 0, 1);
        repo.write("apps/b/main.k", format!("size = {size}0\n").as_bytes());
        builds(&repo, 1, 0);
        assert_eq!(repo.read("dist/apps/b.yaml"), Some(format!("size: {size}0\n")));
    }
}

#[test]
fn what_was_taken_back_is_known_as_it_is() {
    let repo = demo();
    builds(&repo, 2, 0);
    repo.write("apps/a/main.k", b"size = 3\n");
    builds(&repo, 1, 1);
    // This build looks at all stacks, and finds what the first one found.
    fs::remove_file(repo.path(".konfig/survey")).expect("a survey");
    repo.write("apps/a/main.k", b"import lib.sizes\nsize = sizes.small\n");
    builds(&repo, 0, 2);
    fs::remove_dir_all(repo.path("apps/a")).expect("a stack");
    builds(&repo, 0, 1);
    assert_eq!(repo.files("dist"), ["apps/b.yaml"]);
}

#[test]
fn what_depends_on_the_clock_is_never_reused() {
    let repo = Repo::monorepo().stack("a", "import datetime\nx = datetime.now() != \"\"\n");
    builds(&repo, 1, 0);
    let ran = builds(&repo, 1, 0);
    assert!(ran.stdout.contains("1 volatile"), "{}", ran.stdout);
}

#[test]
fn a_damaged_store_is_made_anew() {
    let repo = demo();
    builds(&repo, 2, 0);
    let store = repo.path(".konfig/store.sqlite");
    let bytes = fs::read(&store).expect("a store");
    for damaged in [&bytes[..bytes.len() / 2], &b"no database"[..], &b""[..]] {
        fs::write(&store, damaged).expect("a store");
        fs::remove_file(repo.path(".konfig/survey")).expect("a survey");
        repo.konfig(&["build"]).good();
        builds(&repo, 0, 2);
    }
    fs::write(repo.path(".konfig/survey"), b"nonsense").expect("a survey");
    builds(&repo, 0, 2);
    fs::write(repo.path(".konfig/state"), b"nonsense").expect("a snapshot");
    builds(&repo, 0, 2);
}

/// Takes a blob out of a store.
fn lose(store: &Path, digest: &[u8]) {
    let store = Connection::open(store).expect("a store");
    assert_eq!(store.execute("DELETE FROM blobs WHERE digest = ?1", [digest]), Ok(1));
}

#[test]
fn any_blob_may_be_lost() {
    let repo = demo();
    builds(&repo, 2, 0);
    let path = repo.path(".konfig/store.sqlite");
    let bytes = fs::read(&path).expect("a store");
    let store = Connection::open(&path).expect("a store");
    let mut blobs = store.prepare("SELECT digest FROM blobs ORDER BY digest").expect("a table");
    let digests = blobs.query_map([], |row| row.get(0)).expect("digests");
    let digests: Vec<Vec<u8>> = digests.collect::<Result<_, _>>().expect("digests");
    drop(blobs);
    drop(store);
    assert!(digests.len() > 8, "{}", digests.len());
    for (number, digest) in digests.iter().enumerate() {
        fs::write(&path, &bytes).expect("a store");
        lose(&path, digest);
        fs::remove_file(repo.path(".konfig/survey")).expect("a survey");
        repo.konfig(&["build"]).good();
        // What has been found out again has to be about the stacks' own files too.
        for stack in ["a", "b"] {
            let main = format!("import lib.sizes\nsize = sizes.small + {number}\n");
            repo.write(&format!("apps/{stack}/main.k"), main.as_bytes());
        }
        repo.konfig(&["build"]).good();
        for stack in ["a", "b"] {
            let artifact = repo.read(&format!("dist/apps/{stack}.yaml"));
            assert_eq!(artifact, Some(format!("size: {}\n", number + 1)), "{number}: {stack}");
        }
    }
}

#[test]
fn checkouts_share_a_store() {
    let shared = Repo::empty();
    let folder = shared.path("store").to_string_lossy().into_owned();
    builds(&demo().env("KONFIG_CACHE_DIR", &folder), 2, 0);
    let other = demo().env("KONFIG_CACHE_DIR", &folder);
    builds(&other, 0, 2);
    assert_eq!(other.read("dist/apps/b.yaml").as_deref(), Some("size: 2\n"));
}

#[test]
fn a_pattern_is_searched_for_in_the_checkout_that_builds() {
    let shared = Repo::empty();
    let folder = shared.path("store").to_string_lossy().into_owned();
    let repo = || {
        let main = "import file\nnumber = len(file.glob(\"*.txt\"))\n";
        Repo::monorepo().stack("a", main).env("KONFIG_CACHE_DIR", &folder)
    };
    let (one, other) = (repo(), repo().file("a/x.txt", ""));
    builds(&one, 1, 0);
    builds(&other, 1, 0);
    assert_eq!(other.read("dist/a.yaml").as_deref(), Some("number: 1\n"));
    builds(&repo(), 0, 1);
}

#[test]
fn an_audit_evaluates_what_would_be_reused() {
    let repo = demo();
    builds(&repo, 2, 0);
    let ran = repo.konfig(&["build", "--audit=100"]).good();
    assert_eq!(built_and_reused(&ran), (2, 0));
}

#[test]
fn the_store_can_be_looked_at() {
    let repo = demo();
    builds(&repo, 2, 0);
    repo.konfig(&["cache", "stats"]).good().prints(" and 2 records");
    repo.konfig(&["cache", "verify"]).good().prints(", 0 damaged");
    repo.konfig(&["cache", "gc", "--keep", "0"]).good().prints("2 records thrown away");
    // Nothing happened to the stacks and their artifacts.
    builds(&repo, 0, 2);
    fs::remove_dir_all(repo.path("dist")).expect("artifacts");
    builds(&repo, 2, 0);
}

#[test]
fn builds_without_the_store_leave_none() {
    let repo = demo();
    repo.konfig(&["build", "--no-cache"]).good();
    assert!(!repo.has(".konfig"));
}
