//! `konfig graph`: who imports what, and who uses it.

use std::fs;

use serde_json::{Value, json};

use crate::json::Schema;
use crate::repo::{Repo, of_project};

fn layered() -> Repo {
    Repo::monorepo()
        .file("base/model/app.k", "import base.names\n\nschema App:\n    name: str = names.name\n")
        .file("base/model/more.k", "x = 1\n")
        .file("base/names.k", "name = \"n\"\n")
        .file("base/other.k", "y = 1\n")
        .stack("apps/a", "import base.model\nimport base.other\n\napp = model.App {}\n")
        .stack("apps/b", "import base.names\n\nx = names.name\n")
        .stack("apps/c", "x = 1\n")
        .file("apps/c/kcl.yaml", "kcl_cli_configs: {file: [main.k, ../shared.k]}\n")
        .file("apps/shared.k", "y = 1\n")
}

fn json_of(repo: &Repo, arguments: &[&str]) -> Value {
    let ran = repo.konfig(&[&["graph", "--format", "json"], arguments].concat());
    let value: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let text = fs::read_to_string(of_project("docs/schema/graph.v1.json")).expect("a schema");
    let schema = serde_json::from_str(&text).expect("a schema in JSON");
    let problems = Schema { root: &schema }.problems(&schema, &value, "graph");
    assert!(problems.is_empty(), "{}\n{value:#}", problems.join("\n"));
    value
}

fn text_of(repo: &Repo, arguments: &[&str]) -> String {
    repo.konfig(&[&["graph"], arguments].concat()).good().stdout
}

#[test]
fn stacks_and_packages_lead_to_what_they_import() {
    let expected = "\
stack apps/a
  package base/model
  package base/other
stack apps/b
  package base/names
stack apps/c
package base/model
  package base/names
package base/names
package base/other
";
    assert_eq!(text_of(&layered(), &[]), expected);
}

#[test]
fn selectors_restrict_the_graph_to_what_they_reach() {
    let expected = "stack apps/b\n  package base/names\npackage base/names\n";
    assert_eq!(text_of(&layered(), &["apps/b | apps/b"]), expected);
    layered().konfig(&["graph", "apps/none"]).exits(2).says("`apps/none`");
}

#[test]
fn files_are_shown_for_those_who_ask() {
    let expected = "\
stack apps/c
  file apps/c/kcl.yaml
  file apps/c/main.k
  file apps/c/stack.yaml
  file apps/shared.k
  file kcl.mod
file apps/c/kcl.yaml
file apps/c/main.k
file apps/c/stack.yaml
file apps/shared.k
file kcl.mod
";
    assert_eq!(text_of(&layered(), &["apps/c", "--files"]), expected);
}

#[test]
fn the_reverse_names_who_uses_a_package_or_a_file() {
    let repo = layered();
    let expected = "\
stack apps/a
stack apps/b
package base/model
  stack apps/a
package base/names
  stack apps/b
  package base/model
";
    for written in ["base/names", "base/names.k", "base/names/", "base.names", "./base/names"] {
        assert_eq!(text_of(&repo, &["--reverse", written]), expected, "{written}");
    }
    assert_eq!(text_of(&repo, &["--reverse", "apps/shared.k"]), "stack apps/c\n");
    let more = "stack apps/a\npackage base/model\n  stack apps/a\n";
    assert_eq!(text_of(&repo, &["--reverse", "base/model/more.k"]), more);
    assert_eq!(
        text_of(&repo, &["apps/b", "--reverse", "base.names"]),
        "stack apps/b\npackage base/names\n  stack apps/b\n"
    );
    repo.konfig(&["graph", "--reverse", "base/none"])
        .exits(2)
        .says("nothing that is selected uses `base/none`");
    let expected = "stack apps/c\nfile apps/shared.k\n  stack apps/c\n";
    assert_eq!(text_of(&repo, &["--reverse", "apps/shared.k", "--files"]), expected);
}

#[test]
fn programs_read_nodes_and_edges() {
    let value = json_of(&layered(), &["apps/a"]);
    let node = |kind: &str, path: &str| json!({"id": format!("{kind}:{path}"), "kind": kind, "path": path});
    let nodes = [
        ("stack", "apps/a"),
        ("package", "base/model"),
        ("package", "base/names"),
        ("package", "base/other"),
    ];
    assert_eq!(value["nodes"], json!(nodes.map(|(kind, path)| node(kind, path))));
    let edges = json!([
        {"from": "stack:apps/a", "to": "package:base/model"},
        {"from": "stack:apps/a", "to": "package:base/other"},
        {"from": "package:base/model", "to": "package:base/names"},
    ]);
    assert_eq!(value["edges"], edges);
    assert_eq!(value["cycles"], json!([]));
}

#[test]
fn graphviz_reads_the_graph() {
    let repo = Repo::monorepo().stack("a\"b", "import base\n\nx = base.x\n").file("base/x.k", "x = 1\n");
    let expected = "\
digraph konfig {
  rankdir = LR;
  \"stack:a\\\"b\" [label = \"a\\\"b\", shape = box];
  \"package:base\" [label = \"base\", shape = ellipse];
  \"stack:a\\\"b\" -> \"package:base\";
}
";
    assert_eq!(text_of(&repo, &["--format", "dot"]), expected);
}

#[test]
fn circles_are_said_as_a_build_says_them() {
    let repo = Repo::monorepo()
        .file("base/one/one.k", "import base.two\n\nx = two.y\n")
        .file("base/two/two.k", "import base.one\n\ny = one.x\n")
        .stack("a", "import base.one\n\nx = one.x\n")
        .stack("b", "x = 1\n");
    let value = json_of(&repo, &[]);
    assert_eq!(value["cycles"], json!([["package:base/one", "package:base/two"]]));
    let ran = repo.konfig(&["graph"]).exits(1).prints("package base/one\n  package base/two\n");
    assert_eq!(ran.stderr, repo.konfig(&["build"]).exits(1).stderr);
    repo.konfig(&["graph", "b"]).good();
}

#[test]
fn what_is_wrong_with_a_stack_hides_no_other() {
    let repo = layered().file("apps/b/kcl.yaml", "kcl_cli_configs: {file: [none.k]}\n");
    let ran = repo.konfig(&["graph"]).exits(1).says("there is no entry file `none.k`");
    ran.prints("stack apps/b\nstack apps/c\n").prints("package base/model\n  package base/names\n");
}
