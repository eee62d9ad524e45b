//! Which stacks a change of a model concerns that unpack its instances: those that make something of what changed.

use serde_json::Value;

use crate::repo::Repo;

const MODEL: &str = "\
schema S:
    name: str
    note?: str
    size: int = 1
    last?: str

schema E:
    one?: int
";

/// Stacks that do different things with a dict that has the attributes of an instance.
const READERS: [(&str, &str); 25] = [
    ("again", "n = {**{**s}}.name\n"),
    ("both", "n = {**s, **{note = \"x\"}}.name\n"),
    ("called", "_f = lambda c: {str:} -> str {\n    c?.name\n}\nn = _f({**s, a = 1})\n"),
    ("compares", "n = {**s} == {name = \"n\"}\n"),
    ("counts", "n = len({**s})\n"),
    ("empty", "n = 1 if {**m.E {}} else 2\n"),
    ("finds", "n = \"more\" in {**s}\n"),
    ("finds-name", "n = \"name\" in {**s} and \"other\" not in {**s}\n"),
    ("finds-of", "n = \"more\" in m.S {name = \"n\"}\n"),
    ("instance", "n = m.S {**s}\n"),
    ("keeps", "schema K:\n    d: {str:} = {**s, a = 1}\n    n: str = d.name\nn = K {}.n\n"),
    ("lists", "n = [k for k in {**s}]\n"),
    ("more", "n = {**s, more = 7}\n"),
    ("more-before", "n = {more = 7, **s}\n"),
    ("more-if", "n = {**s, if True: more = 7}.more\n"),
    ("name", "n = {**s}.name\n"),
    ("ordered", "n = {**s, last = \"l\", note = \"x\"}\n"),
    ("shows", "n = {**s}\n"),
    ("size", "n = {**s}[\"size\"]\n"),
    ("sum", "n = ({**s} | {note = \"x\"}).name\n"),
    ("sum-all", "n = {**s} | {last = \"x\", note = \"x\"}\n"),
    ("sum-right", "n = ({note = \"x\"} | {**s}).name\n"),
    ("text", "n = str({**s})\n"),
    ("true", "n = 1 if {**s} else 2\n"),
    ("typed", "d: {str:int | str} = {**s}\nn = d.name\n"),
];

/// The stacks that are built or checked after a change of the model; all others come out the same from nothing.
#[track_caller]
fn concerns(from: &str, to: &str, expected: &str) {
    let repo = READERS.iter().fold(Repo::monorepo().file("lib/m.k", MODEL), |repo, (name, main)| {
        let main = main.replace("**s", "**m.S {name = \"n\"}");
        repo.stack(&format!("apps/{name}"), &format!("import lib.m\n{main}"))
    });
    repo.konfig(&["build"]).good();
    assert!(MODEL.contains(from), "the model has {from}");
    repo.write("lib/m.k", MODEL.replace(from, to).as_bytes());
    let ran = repo.konfig(&["build", "--format", "json"]).good();
    let report: Value = serde_json::from_str(&ran.stdout).expect("a report");
    let stacks = report["stacks"].as_array().expect("stacks").iter();
    let built = stacks.filter(|stack| stack["status"] != "reused");
    let built: Vec<&str> = built.filter_map(|stack| stack["path"].as_str()?.strip_prefix("apps/")).collect();
    repo.konfig(&["build", "--audit=100"]).good();
    assert_eq!(built.join(" "), expected);
}

#[test]
fn an_unset_attribute_concerns_those_who_list() {
    concerns(
        "    note?: str\n",
        "    note?: str\n    more?: int\n",
        "compares counts finds finds-of instance lists more more-before more-if sum-right text typed",
    );
}

#[test]
fn an_attribute_with_a_default_concerns_those_who_show_too() {
    concerns(
        "    note?: str\n",
        "    note?: str\n    more: int = 7\n",
        "compares counts finds finds-of instance lists more more-before more-if ordered shows sum-all sum-right text typed",
    );
}

#[test]
fn a_default_concerns_those_who_ask_for_it() {
    concerns(
        "size: int = 1",
        "size: int = 5",
        "compares counts instance lists more more-before ordered shows size sum-all sum-right text typed",
    );
}

#[test]
fn the_order_of_attributes_concerns_those_who_show_them() {
    let order = "    note?: str\n    size: int = 1\n    last?: str\n";
    let [swapped, turned] = [
        "    note?: str\n    last?: str\n    size: int = 1\n",
        "    last?: str\n    size: int = 1\n    note?: str\n",
    ];
    concerns(order, swapped, "compares counts instance lists ordered sum-all sum-right text typed");
    concerns(order, turned, "compares counts instance lists ordered sum-all sum-right text typed");
}

#[test]
fn an_attribute_that_is_gone_concerns_those_who_list() {
    concerns("    last?: str\n", "", "compares counts instance lists ordered sum-all sum-right text typed");
}

#[test]
fn the_last_attribute_that_is_gone_leaves_an_empty_dict() {
    concerns("    one?: int\n", "    name: str = \"E\"\n", "empty");
    concerns("    one?: int\n", "    _hidden = 1\n", "empty");
}
