//! Values of packages: which stacks are rebuilt where code changes that made them.

use crate::repo::Repo;

/// A monorepo of a package and a stack that was built.
fn built(package: &str, main: &str) -> Repo {
    let repo = Repo::monorepo().file("lib/m.k", package).stack("a", &format!("import lib.m\n{main}"));
    repo.konfig(&["build"]).good();
    repo
}

/// Puts something else into the package, and builds.
#[track_caller]
fn becomes(repo: &Repo, package: &str, from: &str, to: &str, says: &str) {
    assert!(package.contains(from), "{from}");
    repo.write("lib/m.k", package.replace(from, to).as_bytes());
    repo.konfig(&["build"]).good().prints(&format!("1 stack: {says}"));
    let ours = repo.read("dist/a.yaml");
    repo.konfig(&["build", "--no-cache", "--out", "fresh"]).good();
    assert_eq!(ours, repo.read("fresh/a.yaml"));
}

const REUSED: &str = "0 built, 1 reused";
const CHANGED: &str = "1 built, 0 reused, 0 failed, 1 changed";
const IN_VAIN: &str = "1 built, 0 reused, 0 failed, 0 changed";

#[test]
fn a_variable_that_was_read_before_it_was_final_counts_as_code() {
    let package = "\
schema S:
    x: int = _v
    f?: any
_v = 5
early = S {f = lambda q { q }}
_v = 2
late = lambda {
    _v
}
sum = lambda {
    _w
}
_w = 1
_w += 1
";
    let repo = built(package, "x = m.early.x\n");
    becomes(&repo, package, "_v = 5", "_v = 6", CHANGED);
    let repo = built(package, "x = m.sum()\n");
    becomes(&repo, package, "_w = 1\n_w += 1", "_w = 2\n_w += 0", REUSED);
    becomes(&repo, package, "_w = 1\n_w += 1", "_w = 2\n_w += 1", CHANGED);
    // Somebody read another value, whoever that was.
    let repo = built(package, "x = m.late()\n");
    becomes(&repo, package, "_v = 5", "_v = 6", IN_VAIN);
}

#[test]
fn a_collection_that_variables_share_counts_as_code() {
    let package = "one = {l += [1]}\nother = one\nthird = {l += [1]}\nnumber = 1\nfourth = {l += [number]}\n";
    let repo = built(package, "x = {k: m.one, k: m.other}\n");
    becomes(&repo, package, "other = one", "other = {l += [1]}", CHANGED);
    let repo = built(package, "x = {k: m.one, k: m.third}\ny = m.fourth\n");
    becomes(&repo, package, "third = {l += [1]}", "third = {l += [0 + 1]}", REUSED);
    becomes(&repo, package, "[number]", "[number + 0]", REUSED);
    becomes(&repo, package, "third = {l += [1]}", "third = one", CHANGED);
    let package = "one = other = [1]\n";
    let repo = built(package, "x = {k: m.one, k += m.other}\n");
    becomes(&repo, package, package, "one = [1]\nother = [1]\n", CHANGED);
}

#[test]
fn a_collection_that_is_a_default_too_counts_as_code() {
    let package = "import lib.n\nschema S:\n    l: [int] = n.list\none = S {}.l\nother = S {}.l\n";
    let repo = Repo::monorepo().file("lib/n.k", "list = [1]\n").file("lib/m/m.k", package);
    let repo = repo.stack("a", "import lib.m\nx = {k: m.one, k += m.other}\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m/m.k", package.replace("other = S {}.l", "other = [1]").as_bytes());
    repo.konfig(&["build"]).good().prints(&format!("1 stack: {CHANGED}"));
}

#[test]
fn a_collection_that_is_in_a_value_twice_is_part_of_the_value() {
    let package = "_pair = lambda {\n    _l = [1]\n    {x = _l, y = _l}\n}\npair = _pair()\n";
    let repo = built(package, "x = {k: m.pair.x, k += m.pair.y}\n");
    becomes(&repo, package, "_l = [1]", "_l = [0 + 1]", REUSED);
    becomes(&repo, package, "y = _l", "y = [1]", CHANGED);
}

#[test]
fn options_are_one_collection_for_all_who_ask() {
    let package = "one = option(\"l\") or [2]\nother = option(\"l\") or [2]\n";
    let repo = built(package, "x = {k: m.one, k += m.other}\n");
    repo.write("a/kcl.yaml", b"kcl_options:\n  - key: l\n    value: [1]\n");
    repo.konfig(&["build"]).good();
    becomes(&repo, package, "other = option(\"l\") or [2]", "other = [1] if option(\"l\") else [2]", CHANGED);
}

const INSTANCES: &str = "\
schema R:
    cpu: str = \"1\"
    size: int = 1
    note?: str
    tags?: {str:str}

schema Q:
    cpu: str = \"1\"
    size: int = 1
    note?: str
    tags?: {str:str}

small = R {size = 1}
big = R {size = 2 + 2, tags = {a = \"b\"}}
table = {b = R {size = 7}}
";

#[test]
fn an_instance_counts_by_what_can_be_seen_of_it() {
    let repo = built(INSTANCES, "x = m.big\ny = m.table.b\n");
    becomes(&repo, INSTANCES, "2 + 2", "4", REUSED);
    becomes(&repo, INSTANCES, "size: int = 1", "size: int = 3", REUSED);
    becomes(&repo, INSTANCES, "tags = {a = \"b\"}", "tags.a = \"b\"", IN_VAIN);
    becomes(&repo, INSTANCES, "cpu: str = \"1\"", "cpu: str = \"2\"", CHANGED);
    becomes(&repo, INSTANCES, "size = 7", "size = 8", CHANGED);
}

#[test]
fn an_instance_counts_by_its_schema() {
    let repo = built(INSTANCES, "x = typeof(m.big)\n");
    becomes(&repo, INSTANCES, "big = R {size = 2 + 2", "big = R {size = 4", REUSED);
    becomes(&repo, INSTANCES, "big = R {", "big = Q {", CHANGED);
    let repo = built(INSTANCES, "x = [k for k, _ in m.big]\n");
    becomes(&repo, INSTANCES, "note?: str", "note?: str\n    more?: int", CHANGED);
}

#[test]
fn an_instance_counts_by_what_makes_it_again() {
    let repo = built(INSTANCES, "x = m.small | {note = \"n\"}\n");
    becomes(&repo, INSTANCES, "size = 1", "size = 0 + 1", REUSED);
    becomes(&repo, INSTANCES, "cpu: str = \"1\"", "cpu: str = \"2\"", CHANGED);
    becomes(&repo, INSTANCES, "small = R {size = 1}", "small = R {}", CHANGED);
    becomes(&repo, INSTANCES, "size: int = 1", "size: int = 9", REUSED);
}

#[test]
fn an_instance_that_variables_share_counts_as_code() {
    let package = "schema S:\n    l: [int] = []\none = S {l += [1]}\nother = one\n";
    let repo = built(package, "x = {k: m.one, k: m.other}\n");
    becomes(&repo, package, "other = one", "other = S {l += [1]}", CHANGED);
}

#[test]
fn statements_that_only_made_a_value_may_come_to_say_what_the_output_is() {
    let package = "import manifests\n_v = 1\n_v += 1\nv = _v\n";
    let repo = built(package, "x = m.v\n");
    becomes(&repo, package, "v = _v\n", "v = _v\nmanifests.yaml_stream([{a = 1}])\n", CHANGED);
}

#[test]
fn variables_that_read_each_other_count_with_the_order_of_statements() {
    let (one, other) = ("_a: any = {u = one}\n", "one: any = {w = _a}\n");
    let package = format!("{one}{other}get = lambda {{\n    one\n}}\n");
    for main in ["x = str(m.one)\n", "x = m.get()\n"] {
        let repo = built(&package, main);
        becomes(&repo, &package, &format!("{one}{other}"), &format!("{other}{one}"), CHANGED);
    }
}
