//! Which stacks the default of an attribute concerns: those that make something of it.

use serde_json::Value;

use crate::repo::Repo;

const DEFAULTS: &str = r#"
import lib.meta

schema S:
    name: str
    issuer: str = "a" if meta.PROD else "b"
    networks: [str] = ["10.0.0.0/8"]
    labels: {str:str} = {a = "b"}
    title: str = "${meta.ENV}-x"
"#;

const META: &str =
    "ENV = option(\"env\") or \"dev\"\nPROD: bool = ENV == \"prod\"\nNONE = option(\"none\")\n";

/// Stacks that do different things with defaults.
const READERS: [(&str, &str); 13] = [
    ("adds", "_s = m.S {name = \"n\", networks += [\"c\"]}\nn = _s.networks\n"),
    ("catches", "import runtime\n_made = lambda {\n    m.S {name = \"n\"}\n}\nn = runtime.catch(_made)\n"),
    ("contradicts", "n = (m.S {name = \"n\"} | {issuer: \"b\"}).issuer\n"),
    ("issuer", "_s = m.S {name = \"n\"}\nn = _s.issuer\n"),
    ("lists", "_s = m.S {name = \"n\"}\nn = [k for k, _ in _s]\n"),
    ("other", "_s = m.S {name = \"n\"}\nn = _s.name\n"),
    ("replaces", "n = (m.S {name = \"n\"} | {issuer = \"c\"}).issuer\n"),
    ("says", "_s = m.S {name = \"n\", issuer: \"c\"}\nn = _s.issuer\n"),
    ("sets", "_s = m.S {name = \"n\", issuer = \"c\", labels = {}, title = \"t\"}\nn = _s.issuer\n"),
    ("shows", "n = m.S {name = \"n\"}\n"),
    ("title", "_s = m.S {name = \"n\"}\nn = _s.title\n"),
    ("unites", "_s = m.S {name = \"n\", labels: {c = \"d\"}}\nn = _s.labels\n"),
    ("unites-later", "_s = m.S {name = \"n\"}\nn = (_s | {labels: {c = \"d\"}}).labels\n"),
];

/// The stacks that are built, only checked, and failed after a change of a file.
#[track_caller]
fn after(path: &str, from: &str, to: &str) -> [String; 3] {
    let repo = Repo::monorepo().file("lib/m.k", DEFAULTS).file("lib/meta.k", META);
    let repo = READERS.iter().fold(repo, |repo, (name, main)| {
        repo.stack(&format!("apps/{name}"), &format!("import lib.m\n{main}"))
    });
    repo.konfig(&["build"]).good();
    let text = repo.read(path).expect("a file");
    assert!(text.contains(from), "{path} has {from}");
    repo.write(path, text.replace(from, to).as_bytes());
    let ran = repo.konfig(&["build", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).expect("a report");
    let all = report["stacks"].as_array().expect("stacks");
    let found = ["built", "checked", "failed"].map(|status| {
        let stacks = all.iter().filter(|stack| stack["status"] == status);
        let names = stacks.filter_map(|stack| stack["path"].as_str()?.strip_prefix("apps/"));
        names.collect::<Vec<_>>().join(" ")
    });
    // What was reused comes out the same from nothing.
    if ran.code == Some(0) {
        repo.konfig(&["build", "--audit=100"]).good();
    }
    found
}

#[test]
fn what_a_default_is_made_of_concerns_those_who_ask_for_it() {
    let model = |from, to| after("lib/m.k", from, to);
    assert_eq!(model("\"a\" if", "\"z\" if"), ["", "", ""]);
    assert_eq!(model("else \"b\"", "else \"z\""), ["issuer lists shows", "", "contradicts"]);
    assert_eq!(model("if meta.PROD", "if not meta.PROD"), ["issuer lists shows", "", "contradicts"]);
    assert_eq!(model("[\"10.0.0.0/8\"]", "[\"11.0.0.0/8\"]"), ["adds lists shows", "", ""]);
    assert_eq!(model("[\"10.0.0.0/8\"]", "[] if meta.PROD else [\"e\"]"), ["adds lists shows", "", ""]);
    assert_eq!(model("{a = \"b\"}", "{a = \"c\"}"), ["lists shows unites unites-later", "", ""]);
    let meta = |from, to| after("lib/meta.k", from, to);
    assert_eq!(meta("== \"prod\"", "!= \"prod\""), ["issuer lists shows", "", "contradicts"]);
    assert_eq!(meta("== \"prod\"", "== \"production\""), ["", "contradicts", ""]);
}

#[test]
fn whether_a_default_fails_is_a_check() {
    let rest = "adds catches contradicts issuer other replaces says unites unites-later";
    assert_eq!(after("lib/m.k", "}-x\"", "}-y\""), ["lists shows title", rest, ""]);
    let failed = "contradicts issuer lists other replaces says sets shows title unites unites-later";
    assert_eq!(after("lib/m.k", "[\"10.0.0.0/8\"]", "meta.NONE"), ["adds catches", "", failed]);
    let failed = "adds contradicts issuer lists other replaces says shows title unites unites-later";
    let fails = after("lib/m.k", "{a = \"b\"}", "{a = meta.NONE + \"b\"}");
    assert_eq!(fails, ["catches", "sets", failed]);
}

#[test]
fn a_default_counts_for_those_who_read_it_of_an_instance_that_is_listed_as_its_mixin() {
    let model = "mixin MMixin:\n    a: int = 5\n\nschema S:\n    mixin [MMixin]\n    x: int = 1\n";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("reads", "import lib.m\n_s = m.S {x = 2}\ny = m.S.instances()[0].a\n")
        .stack("counts", "import lib.m\n_s = m.S {x = 2}\ny = len(m.S.instances())\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model.replace("= 5", "= 6").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 1 built, 1 reused, 0 failed, 1 changed");
}
