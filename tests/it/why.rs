//! `konfig why`: the chain from a commit to the stack that differs for it.

use std::fs;

use serde_json::{Value, json};

use crate::git::{commit, committed, demo, git};
use crate::json::Schema;
use crate::repo::{Repo, STACK, of_project};

fn why(repo: &Repo, arguments: &[&str]) -> Value {
    let ran = repo.konfig(&[&["why", "--format", "json"], arguments].concat()).good();
    let value: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let text = fs::read_to_string(of_project("docs/schema/why.v1.json")).expect("a schema");
    let schema = serde_json::from_str(&text).expect("a schema in JSON");
    let problems = Schema { root: &schema }.problems(&schema, &value, "why");
    assert!(problems.is_empty(), "{}\n{value:#}", problems.join("\n"));
    value
}

/// A stack that reaches a model through another package.
fn layered() -> Option<Repo> {
    committed(
        Repo::monorepo()
            .file(
                "base/model/app.k",
                "schema App:\n    name: str\n    replicas: int = 1\n    size: int = 1\n",
            )
            .file("base/kit/kit.k", "import base.model\n\n# all apps\nApp = model.App\n")
            .file("base/kit/more.k", "limit = 5\n")
            .stack("a", "import base.kit\n\napp = kit.App {name = \"a\"}\n")
            .stack("b", "x = 1\n"),
    )
}

fn change(repo: &Repo, path: &str, from: &str, to: &str) {
    let text = repo.read(path).expect("a file");
    assert!(text.contains(from), "{text}");
    repo.write(path, text.replace(from, to).as_bytes());
}

#[test]
fn what_comes_out_the_same_is_said_in_a_sentence() {
    let Some(repo) = demo() else { return };
    assert_eq!(repo.konfig(&["why", "apps/a/dev"]).good().stdout, "`apps/a/dev` comes out as in `HEAD`\n");
    change(&repo, "base/model.k", "size: int = 1", "size: int = 2");
    let expected =
        "`apps/a/dev` comes out as in `HEAD`\n  `base/model.k` changed, which makes no difference to it\n";
    assert_eq!(repo.konfig(&["why", "apps/a/dev"]).good().stdout, expected);
    let value = why(&repo, &["apps/a/dev"]);
    assert_eq!(value["status"], "same");
    assert_eq!(value["idle"][0]["path"], "base/model.k");
}

#[test]
fn the_chain_leads_from_the_commit_to_the_stack() {
    let Some(repo) = layered() else { return };
    change(&repo, "base/model/app.k", "replicas: int = 1", "replicas: int = 2");
    git(&repo, "", &["commit", "--quiet", "--all", "--message", "More replicas"]);
    commit(&repo);
    let ran = repo.konfig(&["why", "a", "--base", "HEAD~2"]).good();
    let ran = ran.prints("`a` is modified since `HEAD~2`: `App.replicas` of `base.model` changed");
    let ran = ran.prints(" Test: More replicas\n  file         base/model/app.k changed\n");
    let ran = ran.prints("  declaration  base/model/app.k:3: `App.replicas`, `App (attributes)`\n");
    let uses = "  used by      base/kit/kit.k:1, which imports `base.model`\n  used by      a/main.k:1, which imports `base.kit`\n";
    ran.prints(uses);
    let value = why(&repo, &["a", "--base", "HEAD~2", "--head", "HEAD"]);
    assert_eq!(value["status"], "modified");
    let chain = &value["chains"][0];
    assert_eq!(value["chains"].as_array().map(Vec::len), Some(1));
    let file = &chain["files"][0];
    assert_eq!((&file["path"], &file["change"]), (&json!("base/model/app.k"), &json!("modified")));
    assert_eq!(file["commits"].as_array().map(Vec::len), Some(1));
    assert_eq!(file["commits"][0]["id"].as_str(), Some(&*git(&repo, "", &["rev-parse", "HEAD^"])));
    assert_eq!((&file["commits"][0]["side"], &file["uncommitted"]), (&json!("head"), &json!(false)));
    let declaration = json!({
        "package": "base.model", "name": "App", "line": 3,
        "parts": ["App.replicas", "App (attributes)"], "file": "base/model/app.k",
    });
    assert_eq!(chain["declaration"], declaration);
    let uses = json!([
        {"file": "a/main.k", "line": 1, "package": "base.kit"},
        {"file": "base/kit/kit.k", "line": 1, "package": "base.model"},
    ]);
    assert_eq!(chain["used_by"], uses);
    assert_eq!(why(&repo, &["b", "--base", "HEAD~2"])["status"], "same");
}

#[test]
fn parts_of_a_declaration_are_one_chain_and_declarations_are_many() {
    let Some(repo) = layered() else { return };
    change(&repo, "base/model/app.k", "= 1", "= 3");
    change(&repo, "a/main.k", "app =", "more = 1\napp =");
    let value = why(&repo, &["a"]);
    let because: Vec<&str> =
        value["chains"].as_array().expect("chains").iter().filter_map(|it| it["because"].as_str()).collect();
    assert_eq!(because, ["its own statements changed", "`App` of `base.model` changed"]);
    assert_eq!(value["chains"][0]["files"][0]["path"], "a/main.k");
    assert_eq!(value["chains"][0]["files"][0]["uncommitted"], true);
    let parts = &value["chains"][1]["declaration"]["parts"];
    assert_eq!(*parts, json!(["App.replicas", "App.size", "App (attributes)"]));
    repo.konfig(&["why", "a"])
        .good()
        .prints("\n  commit       not committed yet\n  file         base/model/app.k changed\n");
}

#[test]
fn declarations_that_are_gone_are_named() {
    let Some(repo) = committed(
        Repo::monorepo()
            .file("lib/one.k", "x = 1\n")
            .file("lib/two.k", "y = 2\n")
            .stack("a", "import lib\n\nb = {**lib.z} if typeof(lib) == \"x\" else lib.x\n"),
    ) else {
        return;
    };
    // It fails in both; then it does not.
    repo.write("a/main.k", b"import lib\n\nb = lib.x\n");
    commit(&repo);
    fs::remove_file(repo.path("lib/one.k")).expect("a file");
    repo.write("lib/two.k", b"y = 2\nx = 3\n");
    let value = why(&repo, &["a"]);
    let files = &value["chains"][0]["files"];
    assert_eq!(files[0]["path"], "lib/two.k");
    assert_eq!(value["chains"][0]["declaration"]["line"], 2);
}

#[test]
fn stacks_that_fail_name_the_files() {
    let Some(repo) = demo() else { return };
    fs::remove_file(repo.path("base/model.k")).expect("a file");
    let value = why(&repo, &["apps/a/dev"]);
    assert_eq!(value["because"][0], "it fails now");
    let chain = &value["chains"][0];
    assert_eq!(chain["files"][0]["change"], "removed");
    assert_eq!(chain["used_by"][0]["file"], "apps/a/dev/main.k");
}

#[test]
fn settings_and_files_that_are_read_are_named() {
    let Some(repo) = demo() else { return };
    repo.write("apps/c/dev/kcl.yaml", b"kcl_options: [{key: x, value: 1}]\n");
    repo.write("base/data.txt", b"two\n");
    let value = why(&repo, &["apps/c/dev"]);
    assert_eq!(value["chains"][0]["because"], "the option `x` changed");
    assert_eq!(value["chains"][0]["files"][0]["path"], "apps/c/dev/kcl.yaml");
    assert_eq!(value["chains"][0]["files"][0]["change"], "added");
    let value = why(&repo, &["apps/b/dev"]);
    assert_eq!(value["chains"][0]["because"], "`base/data.txt` changed");
}

#[test]
fn stacks_that_only_one_revision_has() {
    let Some(repo) = demo() else { return };
    repo.write("apps/new/stack.yaml", STACK.as_bytes());
    repo.write("apps/new/main.k", b"x = 1\n");
    fs::remove_dir_all(repo.path("apps/c")).expect("a stack");
    let value = why(&repo, &["apps/new"]);
    assert_eq!(value["status"], "added");
    assert_eq!(value["chains"][0]["files"][0]["path"], "apps/new/stack.yaml");
    assert_eq!(why(&repo, &["apps/c/dev"])["status"], "removed");
    repo.konfig(&["why", "apps/c/dev"]).good().prints("`apps/c/dev` is removed since `HEAD`");
}

#[test]
fn commits_that_only_the_base_has_are_marked() {
    let Some(repo) = layered() else { return };
    git(&repo, "", &["checkout", "--quiet", "-b", "other"]);
    change(&repo, "base/model/app.k", "replicas: int = 1", "replicas: int = 2");
    git(&repo, "", &["commit", "--quiet", "--all", "--message", "On the other branch"]);
    git(&repo, "", &["checkout", "--quiet", "main"]);
    let ran = repo.konfig(&["why", "a", "--base", "other"]).good();
    ran.prints(" Test: On the other branch (only in the base)\n");
}

#[test]
fn wrong_stacks_and_revisions_are_refused() {
    let Some(repo) = demo() else { return };
    repo.konfig(&["why", "apps/a/dve"]).exits(2).says("did you mean `apps/a/dev`?");
    repo.konfig(&["why", "apps/a/..."]).exits(2).says("`apps/a/...` selects 2 stacks");
    repo.konfig(&["why", "apps/a/dev", "--base", "v9"]).exits(4).says("there is no revision `v9`");
}
