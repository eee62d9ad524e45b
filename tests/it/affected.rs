//! `konfig affected`: which stacks differ between revisions, held to builds from nothing.
//!
//! `KONFIG_COMMITS=500` tries so many random commits, `KONFIG_COMMITS_SEED` is the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use fastrand::Rng;
use serde_json::Value;

use crate::git::{commit, committed, demo, git};
use crate::json::Schema;
use crate::laboratory;
use crate::mutants::{Mutation, Tree};
use crate::repo::{Ran, Repo, STACK, files_below, of_project};

fn checked(ran: &Ran) -> Value {
    let value: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let text = fs::read_to_string(of_project("docs/schema/affected.v1.json")).expect("a schema");
    let schema = serde_json::from_str(&text).expect("a schema in JSON");
    let problems = Schema { root: &schema }.problems(&schema, &value, "affected");
    assert!(problems.is_empty(), "{}\n{value:#}", problems.join("\n"));
    value
}

/// The paths and what became of them: `apps/a modified`.
fn stacks(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let stacks = value["stacks"].as_array().expect("stacks").iter();
    for stack in stacks.clone() {
        assert_ne!(stack["because"], serde_json::json!([]), "{stack}");
    }
    stacks.map(|stack| format!("{} {}", text(&stack["path"]), text(&stack["status"]))).collect()
}

fn affected(repo: &Repo, more: &[&str]) -> Vec<String> {
    stacks(&checked(&repo.konfig(&[&["affected", "--format", "json"], more].concat()).good()))
}

/// What is affected by what is not committed, and that a comparison of inputs names no fewer.
#[track_caller]
fn pending(repo: &Repo) -> Vec<String> {
    let exact = affected(repo, &[]);
    let coarse = affected(repo, &["--no-eval"]);
    assert!(exact.iter().all(|stack| coarse.contains(stack)), "{exact:?} and {coarse:?}");
    exact
}

#[test]
fn a_default_affects_those_who_use_it() {
    let Some(repo) = demo() else { return };
    assert_eq!(pending(&repo), [""; 0]);
    let model = repo.read("base/model.k").expect("a model");
    repo.write("base/model.k", model.replace("replicas: int = 1", "replicas: int = 2").as_bytes());
    let value = checked(&repo.konfig(&["affected", "--format", "json"]).good());
    assert_eq!(stacks(&value), ["apps/a/dev modified"]);
    assert_eq!(value["head"], Value::Null);
    assert_eq!(value["base"].as_str(), Some(&*git(&repo, "", &["rev-parse", "HEAD"])));
    let because = value["stacks"][0]["because"].as_array().expect("reasons");
    let reason = because[0].as_str().unwrap_or_default();
    assert!(reason.contains("App") && reason.contains("`base.model` changed"), "{because:?}");
    assert_eq!(because[1], "`base/model.k` changed");
    // Nobody knows, without evaluation, that the one in `b` reads another file.
    let coarse = ["apps/a/dev modified", "apps/a/prod modified", "apps/b/dev modified"];
    assert_eq!(affected(&repo, &["--no-eval"]), coarse);
}

#[test]
fn of_very_many_all_are_named_that_use_what_changed() {
    let model = "schema App:\n    replicas: int = 1\n    size: str = \"small\" if replicas < 3 else \"large\"\n\nlimit = 5\n";
    let mut repo = Repo::monorepo().file("base/model.k", model);
    for number in 0..260 {
        let shown = ["replicas", "size"][number % 2];
        let main = format!("import base.model\n\nx = model.App {{}}.{shown}\ny = {number} > model.limit\n");
        repo = repo.stack(&format!("apps/{number:03}"), &main);
    }
    let Some(repo) = committed(repo) else { return };
    repo.konfig(&["build"]).good();
    repo.write("base/model.k", model.replace("= 1", "= 2").as_bytes());
    let named = checked(&repo.konfig(&["affected", "--format", "json"]).good());
    assert_eq!(stacks(&named).len(), 260);
    let because = serde_json::json!(["`App.replicas (default)` of `base` changed", "`base/model.k` changed"]);
    assert_eq!(named["stacks"][1]["because"], because);
    let exact = affected(&repo, &["--exact"]);
    assert!(exact.len() == 130 && exact.contains(&"apps/000 modified".to_owned()), "{exact:?}");
    // A value that came about otherwise is the same, another one is not.
    repo.write("base/model.k", model.replace("limit = 5", "limit = 2 + 3").as_bytes());
    assert_eq!(affected(&repo, &[]), [""; 0]);
    repo.write("base/model.k", model.replace("limit = 5", "limit = 6").as_bytes());
    assert_eq!(affected(&repo, &[]).len(), 260);
    assert_eq!(affected(&repo, &["--exact"]), ["apps/006 modified"]);
    // The stacks' own files are looked at in any case.
    repo.write("apps/007/main.k", b"z = 1\n");
    let named = affected(&repo, &[]);
    assert!(named.len() == 260 && named.contains(&"apps/007 modified".to_owned()));
    assert_eq!(affected(&repo, &["--exact"]), ["apps/006 modified", "apps/007 modified"]);
}

#[test]
fn a_comment_affects_nothing() {
    let Some(repo) = demo() else { return };
    let model = repo.read("base/model.k").expect("a model");
    repo.write("base/model.k", format!("# looked at\n{model}").as_bytes());
    assert_eq!(pending(&repo), [""; 0]);
    repo.konfig(&["affected"]).good().prints("0 stacks affected: 0 added, 0 removed, 0 modified\n");
}

#[test]
fn stacks_come_go_and_move() {
    let Some(repo) = demo() else { return };
    repo.write("apps/new/dev/stack.yaml", STACK.as_bytes());
    repo.write("apps/new/dev/main.k", b"x = 1\n");
    fs::remove_dir_all(repo.path("apps/c")).expect("a stack");
    fs::rename(repo.path("apps/a"), repo.path("apps/z")).expect("a project");
    let expected = [
        "apps/a/dev removed",
        "apps/a/prod removed",
        "apps/c/dev removed",
        "apps/new/dev added",
        "apps/z/dev added",
        "apps/z/prod added",
    ];
    assert_eq!(pending(&repo), expected);
    commit(&repo);
    assert_eq!(affected(&repo, &["--base", "HEAD^"]), expected);
    assert_eq!(affected(&repo, &["--head", "HEAD"]), expected);
    let coarse = affected(&repo, &["--head", "HEAD", "--no-eval"]);
    assert!(expected.iter().all(|stack| coarse.contains(&(*stack).to_owned())), "{coarse:?}");
    // And back again.
    let back = affected(&repo, &["--base", "HEAD", "--head", "HEAD^"]);
    assert!(back.contains(&"apps/new/dev removed".to_owned()) && back.len() == 6, "{back:?}");
}

#[test]
fn settings_count() {
    let Some(repo) = demo() else { return };
    repo.write("apps/c/dev/kcl.yaml", b"kcl_options: [{key: x, value: 1}]\n");
    assert_eq!(pending(&repo), ["apps/c/dev modified"]);
    repo.konfig(&["affected"]).good().prints("the option `x` changed, `apps/c/dev/kcl.yaml` is new\n");
    repo.write("apps/c/dev/kcl.yaml", b"kcl_options: [{key: y, value: 1}]\n");
    assert_eq!(pending(&repo), [""; 0]);
}

#[test]
fn manifests_count() {
    let module = "[package]\nname = \"m\"\n\n[profile]\nentries = [\"main.k\", \"more.k\"]\n";
    let Some(repo) = committed(
        Repo::empty().file("m/kcl.mod", module).file("m/main.k", "a = 1\n").file("m/more.k", "b = 2\n"),
    ) else {
        return;
    };
    repo.write("m/kcl.mod", module.replace(", \"more.k\"", "").as_bytes());
    assert_eq!(pending(&repo), ["m modified"]);
}

#[test]
fn files_that_are_read_count() {
    let Some(repo) = demo() else { return };
    repo.write("base/data.txt", b"two\n");
    assert_eq!(pending(&repo), ["apps/b/dev modified"]);
    repo.konfig(&["affected"]).good().prints("modified apps/b/dev: `base/data.txt` changed");
}

#[test]
fn files_that_go_break_stacks() {
    let Some(repo) = demo() else { return };
    fs::remove_file(repo.path("base/model.k")).expect("a file");
    assert_eq!(pending(&repo), ["apps/a/dev modified", "apps/a/prod modified"]);
    repo.konfig(&["affected"]).good().prints("apps/a/dev: it fails now, `base/model.k` is gone");
    commit(&repo);
    assert_eq!(pending(&repo), [""; 0], "it fails as before");
    repo.write("base/model.k", b"schema App:\n    name: str\n");
    assert_eq!(pending(&repo), ["apps/a/dev modified", "apps/a/prod modified"]);
}

#[test]
fn files_that_git_does_not_know_count_unless_ignored() {
    let Some(repo) = demo() else { return };
    repo.write("base/more/more.k", b"x = 1\n");
    repo.write("base/notes.log", b"x\n");
    assert_eq!(pending(&repo), [""; 0]);
    repo.write("apps/c/dev/kcl.yaml", b"kcl_cli_configs: {file: [main.k, y.k]}\n");
    repo.write("apps/c/dev/y.k", b"y = 2\n");
    assert_eq!(pending(&repo), ["apps/c/dev modified"]);
    git(&repo, "", &["add", "apps"]);
    assert_eq!(pending(&repo), ["apps/c/dev modified"], "whether or not they are staged");
}

#[test]
fn a_folder_that_lost_its_last_file_is_in_no_revision() {
    let main = "import lib.m\n\nx = 1\n";
    let repo = Repo::monorepo().file("lib/m/deep/n.k", "y = 1\n").stack("a", main).stack("b", "x = 1\n");
    let Some(repo) = committed(repo.file("lib/m/m.k", "y = 1\n")) else { return };
    repo.konfig(&["build"]).good();
    // Those that never had one make no difference.
    fs::create_dir_all(repo.path("a/empty/deep")).expect("a folder");
    fs::create_dir_all(repo.path("empty")).expect("a folder");
    // The folders stay where git does not remove the files.
    fs::remove_file(repo.path("lib/m/m.k")).expect("a file");
    fs::remove_file(repo.path("lib/m/deep/n.k")).expect("a file");
    commit(&repo);
    for _ in 0..2 {
        assert_eq!(affected(&repo, &["--head", "HEAD"]), ["a modified"]);
        assert_eq!(affected(&repo, &["--head", "HEAD", "--no-eval"]), ["a modified"]);
        assert_eq!(affected(&repo, &["--base", "HEAD", "--head", "HEAD^"]), ["a modified"]);
        repo.konfig(&["build"]).exits(0);
    }
    fs::remove_dir_all(repo.path("lib")).expect("a folder");
    assert_eq!(affected(&repo, &["--head", "HEAD"]), ["a modified"]);
}

#[test]
fn two_revisions_leave_the_working_tree_alone() {
    let Some(repo) = demo() else { return };
    repo.write("apps/c/dev/main.k", b"x = 2\n");
    commit(&repo);
    repo.write("apps/c/dev/main.k", b"x = 3\n");
    commit(&repo);
    repo.write("apps/c/dev/main.k", b"x = option(\"x\")\n");
    repo.write("apps/d/dev/stack.yaml", b"");
    let files = || {
        let kept = |path: &String| !path.starts_with(".konfig/");
        let read = |path: String| (path.clone(), fs::read(repo.path(&path)).expect("a file"));
        files_below(&repo.path("")).into_iter().filter(kept).map(read).collect::<BTreeMap<_, _>>()
    };
    let before = files();
    assert_eq!(affected(&repo, &["--head", "HEAD^"]), ["apps/c/dev modified"]);
    assert_eq!(affected(&repo, &["--base", "HEAD~2"]), ["apps/d/dev added"]);
    assert_eq!(affected(&repo, &["--base", "HEAD~2", "--head", "HEAD"]), ["apps/c/dev modified"]);
    assert!(files() == before);
    assert!(!repo.has("dist"));
    // What was remembered of other revisions is not taken for the working tree's.
    repo.konfig(&["build"]).exits(1);
    assert_eq!(repo.read("dist/apps/c/dev.yaml").as_deref(), Some("x: null\n"));
}

#[test]
fn a_revision_that_is_not_there_is_said() {
    let Some(repo) = demo() else { return };
    let ran = repo.konfig(&["affected", "--base", "origin/main"]).exits(4);
    assert_eq!(ran.stdout, "");
    ran.says("error[C02]: there is no revision `origin/main`")
        .says("git fetch origin main:refs/remotes/origin/main");
    repo.konfig(&["affected", "--head", "v9"]).exits(4).says("`v9`");
    repo.konfig(&["affected", "--base", "-x"]).exits(2);
    repo.konfig(&["affected", "--base=-x"]).exits(4);
    Repo::monorepo()
        .env("PATH", &std::env::var("PATH").unwrap_or_default())
        .konfig(&["affected"])
        .exits(2)
        .says("no git repository");
}

#[test]
fn a_shallow_clone_lacks_older_revisions() {
    let Some(repo) = demo() else { return };
    repo.write("apps/c/dev/main.k", b"x = 2\n");
    commit(&repo);
    let source = format!("file://{}", repo.path("").display());
    git(&repo, "", &["clone", "--quiet", "--depth=1", &source, "root"]);
    let ran = repo.konfig(&["affected", "--root", "root", "--base", "HEAD^"]).exits(4);
    ran.says("revision `HEAD^` is not in this shallow clone").says("git fetch --unshallow");
    let first = git(&repo, "", &["rev-parse", "HEAD^"]);
    let ran = repo.konfig(&["affected", "--root", "root", "--base", &first]).exits(4);
    ran.says(&format!("git fetch --depth=1 origin {first}"));
    git(&repo, "root", &["fetch", "--quiet", "--depth=1", "origin", &first]);
    assert_eq!(affected(&repo, &["--root", "root", "--base", &first]), ["apps/c/dev modified"]);
}

#[test]
fn the_monorepo_may_be_a_part_of_the_repository() {
    let repo = Repo::empty()
        .file("shared/kcl.mod", "[package]\nname = \"shared\"\n")
        .file("shared/x.k", "x = 1\n")
        .file("conf/konfig.yaml", "")
        .file(
            "conf/a/kcl.mod",
            "[package]\nname = \"a\"\n[dependencies]\nshared = {path = \"../../shared\"}\n",
        )
        .file("conf/a/main.k", "import shared\n\ny = shared.x\n");
    let Some(repo) = committed(repo) else { return };
    let repo = repo.stand("conf");
    repo.write("shared/x.k", b"x = 2\n");
    assert_eq!(pending(&repo), ["a modified"]);
    repo.konfig(&["affected"]).good().prints("`../shared/x.k` changed");
}

#[test]
fn what_depends_on_the_clock_counts_only_if_its_inputs_differ() {
    let main = "import datetime\n\nnow = datetime.ticks()\n";
    let Some(repo) = committed(Repo::monorepo().stack("a", main).stack("b", "x = 1\n")) else { return };
    repo.write("b/main.k", b"x = 2\n");
    assert_eq!(pending(&repo), ["b modified"]);
    repo.write("a/main.k", format!("{main}y = 1\n").as_bytes());
    assert_eq!(pending(&repo), ["a modified", "b modified"]);
    repo.konfig(&["affected"]).good().prints("a: its result depends on the clock, `a/main.k` changed");
}

#[cfg(unix)]
#[test]
fn links_and_odd_names_are_seen_through() {
    use std::os::unix::fs::symlink;
    let Some(repo) = demo() else { return };
    symlink("../../../base/model.k", repo.path("apps/c/dev/linked.k")).expect("a link");
    symlink("../../b/dev/main.k", repo.path("apps/c/dev/other.k")).expect("a link");
    repo.write("apps/c/dev/kcl.yaml", b"kcl_cli_configs: {file: [main.k, linked.k]}\n");
    repo.write("apps/c/dev/main.k", b"app = App {name = \"c\"}\n");
    repo.write("apps/\u{fc} \n x/dev/stack.yaml", STACK.as_bytes());
    repo.write("apps/\u{fc} \n x/dev/main.k", b"x = 1\n");
    commit(&repo);
    let model = repo.read("base/model.k").expect("a model");
    repo.write("base/model.k", model.replace("replicas: int = 1", "replicas: int = 2").as_bytes());
    repo.write("apps/\u{fc} \n x/dev/main.k", b"x = 2\n");
    let expected = ["apps/a/dev modified", "apps/c/dev modified", "apps/\u{fc} \n x/dev modified"];
    assert_eq!(pending(&repo), expected);
    commit(&repo);
    fs::remove_file(repo.path("apps/c/dev/linked.k")).expect("a link");
    symlink("../../../base/files.k", repo.path("apps/c/dev/linked.k")).expect("a link");
    assert_eq!(affected(&repo, &[]), ["apps/c/dev modified"]);
    assert_eq!(affected(&repo, &["--head", "HEAD"]), expected);
}

#[test]
fn submodules_are_looked_into() {
    let Some(library) = committed(Repo::empty().file("x.k", "x = 1\n")) else { return };
    let Some(repo) = committed(Repo::monorepo().stack("a", "import lib.x\n\ny = x.x\n")) else { return };
    let source = library.path("").display().to_string();
    git(&repo, "", &["submodule", "--quiet", "add", &source, "lib"]);
    commit(&repo);
    assert_eq!(pending(&repo), [""; 0]);
    repo.write("lib/x.k", b"x = 2\n");
    assert_eq!(pending(&repo), ["a modified"], "edited");
    git(&repo, "lib", &["commit", "--quiet", "--all", "--message", "x"]);
    assert_eq!(pending(&repo), ["a modified"], "committed there");
    commit(&repo);
    assert_eq!(pending(&repo), [""; 0]);
    assert_eq!(affected(&repo, &["--head", "HEAD"]), ["a modified"]);
    git(&repo, "", &["submodule", "--quiet", "deinit", "--force", "lib"]);
    repo.konfig(&["affected", "--base", "HEAD^"]).exits(4).says("git submodule update --init -- lib");
}

#[test]
fn builds_of_what_is_affected_build_nothing_else() {
    let Some(repo) = demo() else { return };
    repo.konfig(&["build", "--affected"]).good().prints("0 stacks: 0 built, 0 reused, 0 failed, 0 changed");
    assert!(!repo.has("dist"));
    let model = repo.read("base/model.k").expect("a model");
    repo.write("base/model.k", model.replace("= 1", "= 2").as_bytes());
    repo.konfig(&["build", "--affected", "--verbose"])
        .good()
        .prints("2 stacks:")
        .prints("restored apps/a/dev");
    assert_eq!(repo.files("dist"), ["apps/a/dev.yaml", "apps/a/prod.yaml"]);
    assert_eq!(repo.read("dist/apps/a/prod.yaml").as_deref(), Some("other:\n  size: 2\n"));
    commit(&repo);
    repo.konfig(&["build", "--affected"]).good().prints("0 stacks:");
    repo.konfig(&["build", "--affected", "HEAD^"]).good().prints("2 stacks:").prints(", 0 failed, 0 changed");
}

#[test]
fn builds_of_what_is_affected_follow_selectors() {
    let Some(repo) = demo() else { return };
    let model = repo.read("base/model.k").expect("a model");
    repo.write("base/model.k", model.replace("= 1", "= 2").as_bytes());
    repo.konfig(&["build", "apps/a/dev | apps/b/dev", "--affected"]).good().prints("1 stack: ");
    assert_eq!(repo.files("dist"), ["apps/a/dev.yaml"]);
    repo.konfig(&["build", "--affected=HEAD", "apps/b/..."]).good().prints("0 stacks: ");
    repo.konfig(&["build", "--affected", "--", "apps/a/prod"]).good().prints("1 stack: ");
    assert_eq!(repo.files("dist"), ["apps/a/dev.yaml", "apps/a/prod.yaml"]);
    repo.konfig(&["build", "--affected", "apps/a/..."])
        .exits(4)
        .says("there is no revision `apps/a/...`")
        .says("what follows `--affected` is a revision");
    repo.konfig(&["build", "nowhere", "--affected"]).exits(2).says("`nowhere`");
}

#[test]
fn builds_of_what_is_affected_fail_and_compare_as_others() {
    let Some(repo) = demo() else { return };
    repo.write("apps/c/dev/main.k", b"x = y\n");
    repo.konfig(&["build", "--affected"]).exits(1).says("apps/c/dev/main.k:1:5").prints("1 stack: 0 built");
    repo.write("apps/c/dev/main.k", b"x = 1\n");
    repo.write("apps/c/dev/ci-test/stdout.golden.yaml", b"x: 2\n");
    repo.write("apps/b/dev/ci-test/stdout.golden.yaml", b"text: wrong\n");
    repo.konfig(&["build", "--affected", "--check"])
        .exits(1)
        .says("stack `apps/c/dev` differs")
        .prints("1 stack:");
    let ran = repo.konfig(&["build", "--affected", "origin/main"]).exits(4);
    assert_eq!(ran.stdout, "");
    ran.says("there is no revision `origin/main`").says("git fetch origin main:refs/remotes/origin/main");
}

#[test]
fn builds_of_what_is_affected_delete_artifacts_of_stacks_that_are_gone() {
    let Some(repo) = demo() else { return };
    repo.konfig(&["build"]).good();
    repo.write("dist/apps/b/notes.yaml", b"mine: true\n");
    repo.write("dist/apps/b/dev.yaml", b"edited: true\n");
    for gone in ["apps/b", "apps/c"] {
        fs::remove_dir_all(repo.path(gone)).expect("a stack");
    }
    repo.write("apps/d/dev/stack.yaml", STACK.as_bytes());
    repo.write("apps/d/dev/main.k", b"x = 1\n");
    repo.konfig(&["build", "--affected"]).good().prints("1 stack: 1 built").prints("1 removed");
    let left =
        ["apps/a/dev.yaml", "apps/a/prod.yaml", "apps/b/dev.yaml", "apps/b/notes.yaml", "apps/d/dev.yaml"];
    assert_eq!(repo.files("dist"), left);
}

/// Files have to be left alone for a second before a build trusts what it remembers of them.
#[expect(clippy::disallowed_methods, reason = "time is what it waits for")]
pub(crate) fn rest(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}

#[test]
fn commits_have_what_a_checkout_leaves_out() {
    let Some(repo) = demo() else { return };
    let model = repo.read("base/model.k").expect("a model");
    repo.write("base/model.k", model.replace("int = 1", "int = 2").as_bytes());
    commit(&repo);
    let expected = affected(&repo, &["--head", "HEAD"]);
    assert_eq!(expected, ["apps/a/dev modified", "apps/a/prod modified"]);
    let left_out = ["apps/a/prod/stack.yaml", "apps/a/prod/main.k", "base/model.k"];
    let leave_out = |repo: &Repo| {
        git(repo, "", &[&["update-index", "--skip-worktree"][..], &left_out].concat());
        left_out.iter().for_each(|path| fs::remove_file(repo.path(path)).expect("a file"));
    };
    // What builds have seen before does not tell of it either.
    for is_known in [false, true] {
        if is_known {
            git(&repo, "", &[&["update-index", "--no-skip-worktree"][..], &left_out].concat());
            git(&repo, "", &["checkout", "--", "."]);
            rest(1200);
            repo.konfig(&["build"]).good();
            for _ in 0..2 {
                assert_eq!(affected(&repo, &["--head", "HEAD"]), expected);
            }
        }
        leave_out(&repo);
        for _ in 0..2 {
            assert_eq!(affected(&repo, &["--head", "HEAD"]), expected, "{is_known}");
            repo.konfig(&["affected"]);
        }
    }
}

#[test]
fn what_git_tells_of_files_that_nobody_looks_at_is_exact() {
    let Some(repo) = demo() else { return };
    repo.write("base/more/.hidden/x.txt", b"x\n");
    repo.write(
        "base/files.k",
        b"import file\n\ntext = [file.exists(\"more/.hidden/\" + x) for x in \"xyz\"]\n",
    );
    repo.write("apps/c/dev/main.k", b"import base.model\n\nname = typeof(model.App {name = \"a\"})\n");
    commit(&repo);
    rest(1200);
    repo.konfig(&["build"]).good();
    // The first one finds out what the survey stands on.
    for _ in 0..2 {
        assert_eq!(affected(&repo, &["--head", "HEAD"]), ["apps/b/dev modified", "apps/c/dev modified"]);
    }
    let model = repo.read("base/model.k").expect("a model");
    repo.write("base/model.k", model.replace("int = 1", "int = 2").as_bytes());
    assert_eq!(pending(&repo), ["apps/a/dev modified", "apps/a/prod modified"]);
    assert_eq!(affected(&repo, &["--head", "HEAD"]), ["apps/b/dev modified", "apps/c/dev modified"]);
    commit(&repo);
    assert_eq!(pending(&repo), [""; 0]);
    assert_eq!(affected(&repo, &["--head", "HEAD"]), ["apps/a/dev modified", "apps/a/prod modified"]);
    for (file, expected) in [
        ("base/more/.hidden/y", &["apps/b/dev modified"][..]),
        ("base/more/.hidden/z.log", &["apps/b/dev modified"]),
        ("dist/more", &["apps/b/dev modified"]),
        ("apps/c/dev/new/x.txt", &["apps/b/dev modified"]),
    ] {
        repo.write(file, b"new\n");
        assert_eq!(pending(&repo), expected, "{file}");
        assert_eq!(affected(&repo, &["--head", "HEAD"]), ["apps/a/dev modified", "apps/a/prod modified"]);
    }
    repo.konfig(&["build"]).good();
    assert_eq!(pending(&repo), ["apps/b/dev modified"]);
    // Both commits have the file no more, and the working tree has it still.
    git(&repo, "", &["rm", "--quiet", "--cached", "base/model.k"]);
    git(&repo, "", &["commit", "--quiet", "--message", "x"]);
    let expected =
        ["apps/a/dev modified", "apps/a/prod modified", "apps/b/dev modified", "apps/c/dev modified"];
    assert_eq!(pending(&repo), expected);
    git(&repo, "", &["commit", "--quiet", "--allow-empty", "--message", "x"]);
    assert_eq!(affected(&repo, &["--head", "HEAD"]), [""; 0]);
    assert_eq!(pending(&repo), expected);
}

/// Commits are compared without a look at files that a build has seen, but not at the cost of others.
#[test]
fn what_nobody_rested_on_is_read_as_the_revisions_have_it() {
    let Some(repo) = demo() else { return };
    let main = |text: &str| repo.write("apps/c/dev/main.k", text.as_bytes());
    repo.write("base/odd/size.k", b"size = 1\n");
    main("size = 1\n");
    commit(&repo);
    rest(1200);
    let remember = || {
        repo.konfig(&["build"]).good();
        affected(&repo, &["--head", "HEAD"])
    };
    remember();
    assert_eq!(remember(), ["apps/c/dev modified"]);
    // The commits have the same result, and the working tree has another package that only the second one imports.
    main("import base.odd\n\nsize = odd.size\n");
    commit(&repo);
    repo.write("base/odd/size.k", b"size = 2\n");
    assert_eq!(affected(&repo, &["--head", "HEAD"]), [""; 0]);
    assert_eq!(affected(&repo, &["--base", "HEAD~1"]), ["apps/c/dev modified"]);
    // And one that only the first one imports.
    main("size = 1\n");
    git(&repo, "", &["commit", "--quiet", "--message", "x", "apps/c/dev/main.k"]);
    rest(1200);
    remember();
    assert_eq!(affected(&repo, &["--base", "HEAD~1"]), [""; 0]);
    assert_eq!(affected(&repo, &["--base", "HEAD~2", "--head", "HEAD~1"]), [""; 0]);
    repo.write("base/odd/more.k", b"more = 1\n");
    assert_eq!(affected(&repo, &["--base", "HEAD~1", "--head", "HEAD"]), [""; 0]);
}

/// What a build from nothing gives: the artifact or the failure of each stack.
fn truth(repo: &Repo) -> BTreeMap<String, String> {
    let _ = fs::remove_dir_all(repo.path("dist"));
    let ran = repo.konfig(&["build", "--no-cache", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut results = BTreeMap::new();
    for stack in report["stacks"].as_array().expect("stacks") {
        let path = text(&stack["path"]);
        let artifact = repo.read(&format!("dist/{path}.yaml"));
        results.insert(path, artifact.unwrap_or_else(|| "failed".to_owned()));
    }
    results
}

#[test]
fn random_commits_affect_what_builds_say() {
    commits(laboratory::monorepo(), |_| {});
}

#[test]
fn random_commits_affect_the_same_in_new_checkouts() {
    let store = Repo::empty();
    let folder = store.path("store").to_string_lossy().into_owned();
    let forget = |repo: &Repo| fs::remove_dir_all(repo.path(".konfig")).unwrap_or_default();
    commits(laboratory::monorepo().env("KONFIG_CACHE_DIR", &folder), forget);
}

/// Random commits, of which each may be undone or kept; `before_asking` happens to the checkout before it is asked what they affect.
/// `KONFIG_COMMITS_REST` is how long files are left alone before each build, in milliseconds.
fn commits(repo: Repo, before_asking: impl Fn(&Repo)) {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let Some(repo) = committed(repo) else { return };
    let mut random = Rng::with_seed(number("KONFIG_COMMITS_SEED", 1));
    let mut before = truth(&repo);
    for _ in 0..number("KONFIG_COMMITS", 25) {
        let mut tree = Tree::read(&repo.path(""));
        tree.files.retain(|path, _| !path.starts_with(".git"));
        let Mutation { name, files, idle: _ } = tree.mutation(&mut random);
        // What a build has remembered of the checkout, now or long ago, only makes the answer faster.
        let pause = number("KONFIG_COMMITS_REST", 0);
        if random.bool() {
            rest(pause);
            repo.konfig(&["build"]);
        }
        for (path, bytes) in &files {
            match bytes {
                Some(bytes) => repo.write(path, bytes),
                None => fs::remove_file(repo.path(path)).unwrap_or_default(),
            }
        }
        let about = || format!("{name}: {:?}", files.keys().collect::<Vec<_>>());
        let after = truth(&repo);
        let uncommitted = random.bool();
        if !uncommitted {
            commit(&repo);
        }
        if random.u8(..3) == 0 {
            rest(pause);
            repo.konfig(&["build"]);
        }
        let revision: &[&str] = if uncommitted { &[] } else { &["--head", "HEAD"] };
        let ask = |more: &[&str]| {
            before_asking(&repo);
            let ran = repo.konfig(&[&["affected", "--format", "json"], revision, more].concat());
            assert!(matches!(ran.code, Some(0 | 2)), "{}: {}", about(), ran.stderr);
            stacks(&checked(&ran)).into_iter().collect::<BTreeSet<_>>()
        };
        let (exact, coarse) = (ask(&[]), ask(&["--no-eval"]));
        let status = |path: &String| match (before.get(path), after.get(path)) {
            (None, _) => Some(format!("{path} added")),
            (_, None) => Some(format!("{path} removed")),
            (before, after) if before != after => Some(format!("{path} modified")),
            _ => None,
        };
        let expected: BTreeSet<String> = before.keys().chain(after.keys()).filter_map(status).collect();
        // A stack that fails before and after, but in another way, counts too.
        let fails = |stack: &String| {
            let path = stack.split(' ').next().unwrap_or_default();
            [&before, &after].iter().all(|it| it.get(path).is_some_and(|result| result == "failed"))
        };
        let found: BTreeSet<String> = exact.iter().filter(|stack| !fails(stack)).cloned().collect();
        assert_eq!(found, expected, "{}", about());
        assert!(exact.is_subset(&coarse), "{}: {exact:?} and {coarse:?}", about());
        before = after;
        if uncommitted {
            commit(&repo);
        }
        let failed = before.values().filter(|result| *result == "failed").count();
        if failed * 4 > before.len() {
            git(&repo, "", &["revert", "--no-edit", "HEAD"]);
            before = truth(&repo);
        }
    }
}
