//! Which stacks a change to a model rebuilds: those that use what changed, and no other ones.

use serde_json::Value;

use crate::repo::Repo;

const MODEL: &str = "\
schema S:
    name: str
    note?: str
    size: int = 1

schema T(S):
    twice: int = size * 2
";

/// Stacks that do different things with instances of a model.
const STACKS: [(&str, &str); 8] = [
    ("shows", "x = m.S {name = \"a\"}\n"),
    ("shows-note", "x = m.S {name = \"a\", note = \"n\"}\n"),
    ("reads-name", "_s = m.S {name = \"b\"}\nn = _s.name\n"),
    ("reads-size", "_s = m.S {name = \"b\"}\nn = _s.size\n"),
    ("reads-set-size", "_s = m.S {name = \"b\", size = 7}\nn = _s.size\n"),
    ("lists", "_s = m.S {name = \"c\"}\nn = [k for k, _ in _s]\n"),
    ("compares", "n = m.S {name = \"d\"} == m.S {name = \"d\", size = 2}\n"),
    ("derives", "_t = m.T {name = \"e\"}\nn = _t.twice\n"),
];

fn demo() -> Repo {
    let repo = Repo::monorepo().file("lib/m.k", MODEL);
    STACKS.iter().fold(repo, |repo, (name, main)| {
        repo.stack(&format!("apps/{name}"), &format!("import lib.m\n{main}"))
    })
}

/// The stacks that are built or checked when the model has become another one.
#[track_caller]
fn rebuilt(model: &str) -> Vec<String> {
    let repo = demo();
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model.as_bytes());
    let ran = repo.konfig(&["build", "--format", "json"]).good();
    let report: Value = serde_json::from_str(&ran.stdout).expect("a report");
    let stacks = report["stacks"].as_array().expect("stacks").iter();
    let built = stacks.filter(|stack| stack["status"] == "built" || stack["status"] == "checked");
    built.filter_map(|stack| stack["path"].as_str()?.strip_prefix("apps/")).map(str::to_owned).collect()
}

fn with(line: &str) -> String {
    MODEL.replace("    note?: str\n", &format!("    note?: str\n{line}\n"))
}

#[test]
fn an_attribute_that_nobody_sets_concerns_those_who_list() {
    assert_eq!(rebuilt(&with("    more?: int")), ["compares", "lists"]);
}

#[test]
fn an_attribute_with_a_default_concerns_those_who_show_too() {
    assert_eq!(rebuilt(&with("    more: int = 3")), ["compares", "lists", "shows", "shows-note"]);
}

#[test]
fn a_type_concerns_those_who_set_the_attribute() {
    let model = MODEL.replace("note?: str", "note?: \"n\"");
    assert_eq!(rebuilt(&model), ["shows-note"]);
}

#[test]
fn a_default_concerns_those_who_ask_for_it() {
    let model = MODEL.replace("size: int = 1", "size: int = 5");
    assert_eq!(rebuilt(&model), ["compares", "derives", "lists", "reads-size", "shows", "shows-note"]);
}

#[test]
fn the_order_of_attributes_concerns_those_who_show_several() {
    let model = MODEL.replace("    name: str\n    note?: str\n", "    note?: str\n    name: str\n");
    assert_eq!(rebuilt(&model), ["compares", "lists", "shows-note"]);
}

#[test]
fn a_name_that_a_derived_schema_takes_up_is_part_of_it() {
    let model = MODEL.replace("size * 2", "size * 2 if note else 0");
    assert_eq!(rebuilt(&model), ["derives"]);
}

#[test]
fn a_type_that_takes_the_same_values_concerns_nobody() {
    let model = "\
schema Inner:
    a: int = 1

schema Outer:
    labels: {str:str}
    names: [str]
    inner: Inner
    either: Inner | {str:str}
";
    let main = "x = m.Outer {labels = {a = \"b\"}, names = [\"c\"], inner = m.Inner {}, either = {}}\n";
    let repo = Repo::monorepo().file("lib/m.k", model).stack("a", &format!("import lib.m\n{main}"));
    repo.konfig(&["build"]).good();
    let builds = |from: &str, to: &str, built: &str| {
        repo.write("lib/m.k", model.replace(from, to).as_bytes());
        repo.konfig(&["build"]).good().prints(&format!("1 stack: {built},"));
    };
    builds("labels: {str:str}", "labels: {str:str | int}", "0 built, 1 reused");
    builds("names: [str]", "names: [str] | str", "0 built, 1 reused");
    builds("inner: Inner", "inner: Inner | str", "0 built, 1 reused");
    builds("either: Inner |", "either: int |", "1 built, 0 reused");
}

#[test]
fn types_that_no_dict_can_be_of_concern_no_dict() {
    let model = "\
schema Inner:
    a?: int

schema Outer:
    inner: Inner
    every: [{str:Inner}]
";
    let main = "import lib.m\nx = m.Outer {inner = {a = 1}, every = [{b = {a = 2}}]}\n";
    let repo = Repo::monorepo().file("lib/m.k", model).stack("a", main);
    repo.konfig(&["build"]).good();
    let builds = |from: &str, to: &str, built: &str| {
        repo.write("lib/m.k", model.replace(from, to).as_bytes());
        repo.konfig(&["build"]).good().prints(&format!("1 stack: {built}, 0 failed, 0 changed"));
    };
    builds("inner: Inner", "inner: int | Inner | \"none\"", "0 built, 1 reused");
    builds("every: [", "every: str | [", "0 built, 1 reused");
    // The first one that a dict fits.
    builds("inner: Inner", "inner: {str:int} | Inner", "1 built, 0 reused");
    builds("inner: Inner", "inner: any | Inner", "0 built, 1 checked, 0 reused");
}

#[test]
fn an_attribute_that_must_be_set_is_a_check() {
    let model = "\
schema S:
    a: int

f = lambda s: S -> int {
    s.a
}
";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("made", "import lib.m\nx = m.S {a = 1}\n")
        .stack("passed", "import lib.m\nx = m.f({a = 1})\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model.replace("a: int\n", "a: int\n    b?: int\n").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 0 built, 2 reused");
    repo.write("lib/m.k", model.replace("a: int\n", "a: int\n    b: int = 2\n").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 1 built, 1 reused, 0 failed, 1 changed");
    repo.write("lib/m.k", model.replace("a: int\n", "a: int\n    b: int\n").as_bytes());
    let ran = repo.konfig(&["build", "--verbose"]);
    assert_eq!(ran.code, Some(1));
    ran.prints("failed   passed: a check may refuse it: `S (checks)` of `lib` changed\n");
}

#[test]
fn what_packages_make_counts_where_it_is_data() {
    let model = "\
schema S:
    a: int = 1

_parts = [\"a\", \"b\"]
name = \"\".join(_parts)
if option(\"long\"):
    _names = {one = name, two = \"2\"}
else:
    _names = {one = name}
names = _names
made = S {a = 3}
size = lambda {
    len(name)
}
";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("name", "import lib.m\nx = m.name\n")
        .stack("names", "import lib.m\nx = m.names.one\n")
        .stack("made", "import lib.m\nx = m.made.a\n")
        .stack("size", "import lib.m\nx = m.size()\n");
    repo.konfig(&["build"]).good();
    let builds = |from: &str, to: &str, says: &str| {
        repo.write("lib/m.k", model.replace(from, to).as_bytes());
        repo.konfig(&["build"]).good().prints(&format!("4 stacks: {says}"));
    };
    builds("[\"a\", \"b\"]", "[\"ab\"]", "0 built, 4 reused");
    builds("[\"a\", \"b\"]", "[\"abc\"]", "3 built, 1 reused, 0 failed, 3 changed");
    builds("two = \"2\"", "two = 2", "0 built, 4 reused");
    builds("{one = name}", "{one = name, three = \"3\"}", "1 built, 3 reused, 0 failed, 0 changed");
    builds("{one = name}", "{one: name}", "1 built, 3 reused, 0 failed, 0 changed");
    builds("made = S {a = 3}", "made = S {a = 2 + 1}", "0 built, 4 reused");
    builds("made = S {a = 3}", "made = S {a = 4}", "1 built, 3 reused, 0 failed, 1 changed");
    repo.write("lib/m.k", model.replace("name = \"\"", "assert False\nname = \"\"").as_bytes());
    repo.konfig(&["build"]).prints("4 stacks: 0 built, 0 reused, 4 failed");
}

#[test]
fn what_packages_make_of_the_clock_is_no_value() {
    let model = "day = \"x\"\n";
    let repo = Repo::monorepo().file("lib/m.k", model).stack("a", "import lib.m\nx = m.day\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", b"import datetime\nday = \"x\" if datetime.ticks() > 0 else \"y\"\n");
    repo.konfig(&["build"]).good().prints("1 stack: 1 built, 0 reused, 0 failed, 0 changed");
    repo.konfig(&["build"]).good().prints("1 stack: 1 built, 0 reused, 0 failed, 0 changed");
}

#[test]
fn what_packages_ask_for_a_value_is_asked_again() {
    let repo = Repo::monorepo()
        .file("lib/m.k", "text = \"one\"\n")
        .file("lib/m.txt", "one")
        .stack("a", "import lib.m\nx = m.text\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", b"import file\ntext = file.read(\"m.txt\")\n");
    repo.konfig(&["build"]).good().prints("1 stack: 0 built, 1 reused");
    repo.write("lib/m.txt", b"two");
    repo.konfig(&["build"]).good().prints("1 stack: 1 built, 0 reused, 0 failed, 1 changed");
    assert_eq!(repo.read("dist/a.yaml").as_deref(), Some("x: two\n"));
}

#[test]
fn what_packages_say_the_output_is_counts_as_text() {
    let model = |list: &str| {
        format!(
            "import manifests\n\n_all = {list}\nmore = 1\nmanifests.yaml_stream([{{a = 1}} for _ in _all])\n"
        )
    };
    let repo = Repo::monorepo()
        .file("lib/m.k", &model("[1, 2]"))
        .stack("a", "import lib.m\nx = m.more\n")
        .stack("b", "import lib.m\nimport manifests\nmanifests.yaml_stream([{b = m.more}])\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model("[3, 4]").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 0 built, 2 reused");
    repo.write("lib/m.k", model("[3]").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 2 built, 0 reused, 0 failed, 1 changed");
    repo.write("lib/m.k", model("[3]").replace("more = 1", "more = 1\n_other = [more, 2]").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 0 built, 2 reused");
}

#[test]
fn of_a_table_the_entry_that_is_taken_counts() {
    let model = "f = lambda k: str -> int {\n    {a = 1, b = 2}[k] or 7\n}\n";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("a", "import lib.m\nx = m.f(\"a\")\n")
        .stack("b", "import lib.m\nx = m.f(\"b\")\n")
        .stack("none", "import lib.m\nx = m.f(\"none\")\n");
    repo.konfig(&["build"]).good();
    assert_eq!(repo.read("dist/none.yaml").as_deref(), Some("x: 7\n"));
    repo.write("lib/m.k", model.replace("b = 2", "b = 3").as_bytes());
    // What is not there is looked for among all of them.
    repo.konfig(&["build"]).good().prints("3 stacks: 2 built, 1 reused, 0 failed, 1 changed");
    assert_eq!(repo.read("dist/b.yaml").as_deref(), Some("x: 3\n"));
}

#[test]
fn instances_of_one_schema_are_united_without_a_look_at_what_neither_sets() {
    let model = "schema S:\n    a: int = 1\n    b?: str\n\nschema T:\n    s: S = S {a = 2}\n";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("a", "import lib.m\nx = m.T {s: m.S {b = \"c\"}}.s.b\n")
        .stack("b", "import lib.m\nx = m.T {s: m.S {d = 3}}.s.b\n".replace("d = 3", "a = 2").as_str());
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model.replace("b?: str\n", "b?: str\n    c: int = 3\n").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 0 built, 2 reused");
    repo.write("lib/m.k", model.replace("a: int = 1\n", "a: int = 2\n").as_bytes());
    repo.konfig(&["build", "--audit=100"]).good();
}

#[test]
fn a_constant_or_lambda_more_concerns_nobody() {
    let model = "if option(\"x\"):\n    _a = 1\nelse:\n    _a = 2\na = _a\n";
    let repo = Repo::monorepo().file("lib/m.k", model).stack("a", "import lib.m\nx = m.a\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", format!("{model}more = 1\nother = lambda {{\n    2\n}}\n").as_bytes());
    repo.konfig(&["build"]).good().prints("1 stack: 0 built, 1 reused,");
    repo.write("lib/m.k", format!("{model}_a = 3\n").as_bytes());
    repo.konfig(&["build"]).good().prints("1 stack: 1 built, 0 reused,");
}

#[test]
fn the_order_of_mixins_concerns_those_who_see_it() {
    let model = "\
protocol AProtocol:
    name: str

mixin OneMixin for AProtocol:
    one: str = name + \"1\"

mixin TwoMixin for AProtocol:
    two: str = name + \"2\"

schema S:
    mixin [OneMixin, TwoMixin]
    name: str

schema T:
    name: str
";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("reads", "import lib.m\n_s = m.S {name = \"a\"}\nx = _s.one + _s.two\n")
        .stack("shows", "import lib.m\nx = m.S {name = \"a\"}\n")
        .stack("made", "import lib.m\n_s = m.S {name = \"a\"}\nx = len(m.OneMixin.instances())\n")
        .stack("others", "import lib.m\n_s = m.S {name = \"a\"}\nx = len(m.T.instances())\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model.replace("[OneMixin, TwoMixin]", "[TwoMixin, OneMixin]").as_bytes());
    repo.konfig(&["build", "--verbose"])
        .good()
        .prints("reused   others\n")
        .prints("reused   reads\n")
        .prints("4 stacks: 2 built, 2 reused");
    let dependent = model
        .replace("two: str = name", "two: str = one")
        .replace("[OneMixin, TwoMixin]", "[TwoMixin, OneMixin]");
    repo.write("lib/m.k", dependent.as_bytes());
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", dependent.replace("[TwoMixin, OneMixin]", "[OneMixin, TwoMixin]").as_bytes());
    repo.konfig(&["build"]).good().prints("4 stacks: 4 built, 0 reused");
}

#[test]
fn what_mixins_make_is_listed_in_their_order() {
    let model = "\
schema T:
    name: str

mixin OneMixin:
    one: T = T {name = \"1\"}

mixin TwoMixin:
    two: T = T {name = \"2\"}

schema Parts:
    mixin [OneMixin, TwoMixin]

schema S(Parts):
    name: str
";
    let main = format!(
        "{model}\n_s = S {{name = \"a\"}}\nx = [t.name for t in T.instances()]\n\
         y = [typeof(s) for s in S.instances()]\n"
    );
    let repo = Repo::monorepo().stack("a", &main);
    repo.konfig(&["build"]).good();
    let before = repo.read("dist/a.yaml");
    repo.write("a/main.k", main.replace("[OneMixin, TwoMixin]", "[TwoMixin, OneMixin]").as_bytes());
    repo.konfig(&["build"]).good().prints("1 stack: 1 built, 0 reused, 0 failed, 1 changed");
    assert_ne!(repo.read("dist/a.yaml"), before);
}

#[test]
fn what_one_mixin_makes_is_listed_in_any_order() {
    let swapped = |main: &str, says: &str| {
        let repo = Repo::monorepo().stack("a", main);
        repo.konfig(&["build"]).good();
        repo.write("a/main.k", main.replace("[OneMixin, TwoMixin]", "[TwoMixin, OneMixin]").as_bytes());
        repo.konfig(&["build"]).good().prints(&format!("1 stack: {says}"));
        let reused = repo.read("dist/a.yaml");
        repo.konfig(&["build", "--no-cache", "--out", "fresh"]).good();
        assert_eq!(reused, repo.read("fresh/a.yaml"));
    };
    let model = "\
schema T:
    name: str

protocol AProtocol:
    name: str

mixin OneMixin for AProtocol:
    one: [T] = [T {name = name + \"1\"}, T {name = name + \"2\"}]

mixin TwoMixin for AProtocol:
    two: str = name + \"2\"

schema S:
    mixin [OneMixin, TwoMixin]
    name: str

_all = [S {name = n} for n in [\"a\", \"b\"]]
x = [t.name for t in T.instances()]
";
    swapped(model, "0 built, 1 reused, 0 failed, 0 changed");
    // Who lists them has to have its turn in between.
    swapped(&model.replace("two: str = name + \"2\"", "two: int = len(T.instances())"), "1 built");
    // What both read is made in the turn of the first one.
    let lazy = model
        .replace("T {name = name + \"1\"}, T {name = name + \"2\"}", "_p, _q")
        .replace("two: str = name + \"2\"", "two: T = _q")
        .replace("_all = ", "_z = 1\n_all = ");
    let lazy = format!("{lazy}_p = T {{name = \"p\"}}\n_q = T {{name = \"q\"}}\n");
    swapped(&lazy, "1 built");
}

#[test]
fn private_constants_of_a_stack_concern_those_who_read_or_show_them() {
    let repo = Repo::monorepo()
        .stack("a", "_x = 1\n_y = 2\nz = _x\n")
        .stack("b", "_x = 1\n_y = 2\nz = _x\n")
        .file("b/kcl.yaml", "kcl_cli_configs: {show_hidden: true}\n");
    repo.konfig(&["build"]).good();
    for (main, built) in
        [("_y = 2\nz = _x\n_x = 1\n", 1), ("z = _x\n_x = 1\n_w = 3\n", 1), ("_x = 2\nz = _x\n", 2)]
    {
        repo.write("a/main.k", main.as_bytes());
        repo.write("b/main.k", main.as_bytes());
        repo.konfig(&["build"]).good().prints(&format!("2 stacks: {built} built, {} reused", 2 - built));
    }
    assert_eq!(repo.read("dist/b.yaml").as_deref(), Some("_x: 2\nz: 2\n"));
}

#[test]
fn a_lambda_that_a_stack_does_not_call_concerns_it_not() {
    let repo =
        Repo::monorepo().stack("a", "f = lambda x {\n    x + 1\n}\ny = f(1)\n").stack("b", "{z = 1}\n");
    repo.konfig(&["build"]).good();
    let append = |stack: &str, text: &str| {
        let path = format!("{stack}/main.k");
        let before = repo.read(&path).expect("a program");
        repo.write(&path, format!("{before}{text}").as_bytes());
    };
    let lambda = "g = lambda x {\n    x\n}\n";
    append("a", lambda);
    // With an expression beside them that is output, it counts whether there are any variables.
    append("b", lambda);
    repo.konfig(&["build"]).good().prints("2 stacks: 1 built, 1 reused");
    append("a", "w = g(2)\n");
    repo.konfig(&["build"]).good().prints("2 stacks: 1 built, 1 reused");
    let text = repo.read("a/main.k").expect("a program").replace("    x\n", "    x * 5\n");
    repo.write("a/main.k", text.as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 1 built, 1 reused");
    assert_eq!(repo.read("dist/a.yaml").as_deref(), Some("'y': 2\nw: 10\n"));
}

#[test]
fn assertions_of_lambdas_make_nothing() {
    let model = "limit = 5\nf = lambda x: int -> int {\n    assert x < limit, \"too large\"\n    _y = x + 1\n    assert _y > x\n    _y\n}\n";
    let repo = Repo::monorepo().file("lib/m.k", model).stack("a", "import lib.m\ny = m.f(2)\n");
    repo.konfig(&["build"]).good();
    for (from, to) in [
        ("limit = 5", "limit = 6"),
        ("too large", "far too large"),
        ("_y > x", "_y > x and [_n for _n in [x] if _n < 4]"),
    ] {
        repo.write("lib/m.k", model.replace(from, to).as_bytes());
        repo.konfig(&["build"]).good().prints("1 stack: 0 built, 1 checked, 0 reused");
    }
    // It cannot say anything of what is set after it.
    let (assert, set) = ("    assert _y > x\n", "    _y = x + 1\n");
    let moved = model.replace(assert, "").replace(set, &format!("{assert}{set}"));
    for refused in [model.replace("limit = 5", "limit = 2"), moved] {
        repo.write("lib/m.k", refused.as_bytes());
        repo.konfig(&["build"]).exits(1);
        repo.write("lib/m.k", model.as_bytes());
        repo.konfig(&["build"]).good();
    }
    // The last statement says what a lambda returns.
    repo.write("lib/m.k", model.replace("    _y\n", "").as_bytes());
    repo.konfig(&["build"]).good().prints("1 stack: 1 built");
    assert_eq!(repo.read("dist/a.yaml").as_deref(), Some("{}\n"));
}

#[test]
fn a_name_that_an_attribute_has_is_captured_for_those_who_leave_it_unset() {
    let model = "\
schema S:
    name?: str
    title: str = name or \"none\"
    made: str = (lambda { name or \"none\" })()
    entries: {str:str} = {name = name or \"none\"}

schema Mixin:
    more: str = str(level) if level else \"none\"
";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .file("lib/n.k", "other = 1\n")
        .stack("set", "import lib as m\nx = m.S {name = \"a\"}\n")
        .stack("unset", "import lib as m\nx = m.S {}\n")
        .stack("declares", "import lib as m\nschema T(m.S):\n    mixin [m.Mixin]\n    level: int = 2\nx = T {name = \"a\"}.more\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/n.k", b"name = \"captured\"\n");
    repo.konfig(&["build"]).good().prints("3 stacks: 1 built, 2 reused, 0 failed, 1 changed");
    assert!(repo.read("dist/unset.yaml").expect("an artifact").contains("title: captured"));
    repo.write("lib/n.k", b"name = \"other\"\n");
    repo.konfig(&["build"]).good().prints("3 stacks: 1 built, 2 reused, 0 failed, 1 changed");
    repo.write("lib/n.k", b"schema name:\n    a: int = 1\n");
    repo.konfig(&["build", "--audit=100"]);
    repo.write("lib/n.k", b"level = 1\n");
    repo.konfig(&["build"]).good().prints("3 stacks: 0 built, 3 reused, 0 failed, 1 changed");
    repo.konfig(&["build", "--audit=100"]).good();
}

#[test]
fn what_is_not_called_or_given_makes_nothing_of_arguments() {
    let model = "split = lambda text: str -> [str] {\n    text?.split(\",\") or []\n}\ntimes = lambda x: int, by: int = 2 -> int {\n    x * by\n}\n";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("default", "import lib.m\nx = m.times(3)\n")
        .stack("given", "import lib.m\nx = m.times(3, by=4)\n")
        .stack("none", "import lib.m\nx = m.split(None)\n")
        .stack("text", "import lib.m\nx = m.split(\"a,b\")\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model.replace("\",\"", "\";\"").as_bytes());
    repo.konfig(&["build"]).good().prints("4 stacks: 1 built, 3 reused, 0 failed, 1 changed");
    assert_eq!(repo.read("dist/text.yaml").as_deref(), Some("x:\n- a,b\n"));
    repo.write("lib/m.k", model.replace("int = 2", "int = 5").as_bytes());
    repo.konfig(&["build"]).good().prints("4 stacks: 1 built, 3 reused, 0 failed, 2 changed");
    assert_eq!(repo.read("dist/default.yaml").as_deref(), Some("x: 15\n"));
    repo.konfig(&["build", "--audit=100"]).good();
}

/// Stacks that hold instances against checks.
fn checked() -> Repo {
    let model = "\
_sizes = [1, 2]

schema S:
    size: int = 1
    note?: str

    check:
        size in _sizes
";
    Repo::monorepo()
        .file("lib/m.k", model)
        .stack("a", "import lib.m\nx = m.S {size = 2}\n")
        .stack("b", "import lib.m\nx = m.S {note = \"n\"}\n")
        .stack("c", "x = 1\n")
}

#[test]
fn what_only_checks_use_makes_stacks_checked_or_refused() {
    let repo = checked();
    repo.konfig(&["build"]).good();
    let becomes = |from: &str, to: &str| {
        let model = repo.read("lib/m.k").expect("a model");
        assert!(model.contains(from), "{model}");
        repo.write("lib/m.k", model.replace(from, to).as_bytes());
        repo.konfig(&["build", "--verbose"])
    };
    becomes("size in _sizes", "size in _sizes\n        size < 9 if size")
        .good()
        .prints("checked  a: a check may refuse it: `S (checks)` of `lib` changed\n")
        .prints("3 stacks: 0 built, 2 checked, 1 reused, 0 failed, 0 changed");
    becomes("[1, 2]", "[1, 2, 3]")
        .good()
        .prints("checked  b: a check may refuse it: `_sizes` of `lib` changed\n")
        .prints("3 stacks: 0 built, 2 checked, 1 reused, 0 failed, 0 changed");
    assert_eq!(becomes("[1, 2, 3]", "[1]").code, Some(1));
    becomes("[1]", "[1, 2]").good().prints("3 stacks: 0 built, 3 reused, 0 failed, 0 changed");
    becomes("size: int = 1", "size: int = 2").good().prints("3 stacks: 1 built, 2 reused");
}

#[test]
fn attributes_that_only_checks_name_concern_the_checks() {
    let repo = checked();
    repo.konfig(&["build"]).good();
    let model = repo.read("lib/m.k").expect("a model");
    let builds = |model: &str, says: &str| {
        repo.write("lib/m.k", model.as_bytes());
        repo.konfig(&["build"]).good().prints(&format!("3 stacks: {says}, 0 failed, 0 changed"));
    };
    let named = model.replace("size in _sizes", "size in _sizes\n        not more or more > 1");
    let named = format!("more = 2\n{named}");
    builds(&named, "0 built, 2 checked, 1 reused");
    let added = named.replace("    note?: str\n", "    note?: str\n    more?: int\n");
    builds(&added, "0 built, 2 checked, 1 reused");
    builds(&named, "0 built, 3 reused");
}

/// Builds a stack with one program after another, and from nothing: `c` is one that comes out differently, `b` one that is
/// built in vain, `r` one that is reused.
#[track_caller]
fn reordered(model: &str, programs: &[(&str, char)]) {
    let repo = Repo::monorepo().file("lib/m.k", model).stack("a", "");
    for (at, (main, becomes)) in programs.iter().enumerate() {
        repo.write("a/main.k", main.as_bytes());

        let ran = repo.konfig(&["build"]).good();
        let (built, changed) = match becomes {
            'c' => (1, 1),
            'b' => (1, 0),
            _ => (0, 0),
        };
        let says = format!("1 stack: {built} built, {} reused, 0 failed, {changed} changed", 1 - built);
        assert!(ran.stdout.contains(&says), "{at}: {}", ran.stdout);
        let reused = repo.read("dist/a.yaml");
        repo.konfig(&["build", "--no-cache", "--out", "fresh"]).good();
        assert_eq!(reused, repo.read("fresh/a.yaml"), "{at}");
    }
}

#[test]
fn the_order_of_statements_concerns_nobody_who_cannot_see_it() {
    reordered(
        "x = 1\n",
        &[
            ("_b = [i for i in _a]\n_a = [1]\n_c = {k = v for k, v in {z = 1}}\ny = _b\nz = _c\n", 'c'),
            ("_c = {k = v for k, v in {z = 1}}\n_a = [1]\n_b = [i for i in _a]\ny = _b\nz = _c\n", 'r'),
            ("y = _b\n_c = {k = v for k, v in {z = 1}}\nz = _c\n_a = [1]\n_b = [i for i in _a]\n", 'r'),
            // The order of keys is that of the statements.
            ("z = _c\ny = _b\n_c = {k = v for k, v in {z = 1}}\n_a = [1]\n_b = [i for i in _a]\n", 'c'),
        ],
    );
    let prints = "import manifests\n";
    reordered(
        "",
        &[
            (&format!("{prints}a = 1\nb = [2]\nmanifests.yaml_stream([{{a = a, b = b}}])\n"), 'c'),
            (&format!("{prints}manifests.yaml_stream([{{a = a, b = b}}])\nb = [2]\na = 1\n"), 'r'),
            (&format!("{prints}manifests.yaml_stream([{{a = a, b = b}}])\nb = [2]\na = 1\nc = 3\n"), 'r'),
            (&format!("{prints}manifests.yaml_stream([{{a = a, b = b}}])\nb = [2]\na = 4\nc = 3\n"), 'c'),
        ],
    );
}

#[test]
fn the_order_of_instances_concerns_those_who_list_them() {
    let model = "schema S:\n    n: int\n\nschema T:\n    n: int\n    m?: int\n";
    let import = "import lib.m\n";
    reordered(
        model,
        &[
            (
                &format!(
                    "{import}_a = m.S {{n = 1}}\n_b = m.S {{n = 2}}\n_c = m.T {{n = 3}}\nx = [s.n for s in m.S.instances()]\n"
                ),
                'c',
            ),
            (
                &format!(
                    "{import}_a = m.S {{n = 1}}\n_c = m.T {{n = 3}}\n_b = m.S {{n = 2}}\nx = [s.n for s in m.S.instances()]\n"
                ),
                'r',
            ),
            (
                &format!(
                    "{import}_b = m.S {{n = 2}}\n_a = m.S {{n = 1}}\n_c = m.T {{n = 3}}\nx = [s.n for s in m.S.instances()]\n"
                ),
                'c',
            ),
            (
                &format!(
                    "{import}_b = m.S {{n = 2}}\nx = [s.n for s in m.S.instances()]\n_a = m.S {{n = 1}}\n_c = m.T {{n = 3}}\n"
                ),
                'c',
            ),
        ],
    );
    // What is read early runs early.
    reordered(
        model,
        &[
            (
                &format!(
                    "{import}_a = m.S {{n = 1}}\n_l = m.S.instances()\n_k = [s.n for s in _l]\n_b = m.S {{n = 2}}\nx = _k\n"
                ),
                'c',
            ),
            (
                &format!(
                    "{import}_a = m.S {{n = 1}}\n_k = [s.n for s in _l]\n_l = m.S.instances()\n_b = m.S {{n = 2}}\nx = _k\n"
                ),
                'r',
            ),
            (
                &format!(
                    "{import}_k = [s.n for s in _l]\n_a = m.S {{n = 1}}\n_l = m.S.instances()\n_b = m.S {{n = 2}}\nx = _k\n"
                ),
                'c',
            ),
        ],
    );
}

#[test]
fn what_runs_again_or_is_set_by_several_statements_keeps_its_place() {
    let model = "schema S:\n    l: [int] = [0]\n";
    let import = "import lib.m\n";
    reordered(
        model,
        &[
            (&format!("{import}s: m.S {{l += [1]}}\nx = s.l\n"), 'c'),
            (&format!("{import}x = s.l\ns: m.S {{l += [1]}}\n"), 'c'),
        ],
    );
    reordered("", &[("_a = 1\nx = _a\n_a = 2\n", 'c'), ("_a = 2\nx = _a\n_a = 1\n", 'c')]);
    reordered(
        "",
        &[
            ("_t = True\nif _t:\n    _a = 1\nelse:\n    _a = 2\nx = _a\n", 'c'),
            ("if _t:\n    _a = 1\nelse:\n    _a = 2\n_t = True\nx = _a\n", 'b'),
        ],
    );
}

#[test]
fn code_that_is_not_evaluated_concerns_nobody() {
    let model = "\
f = lambda x, y {
    _z = 1
    if x > 5:
        _z = 2
    {
        a = 10 if x > 5 else 11
        if x > 5:
            b = 20
        c = [30 * i for i in y]
        d = [31, if x > 5: 32]
        e = x > 5 and x * 33
        z = _z
    }
}

schema S:
    n: int
    m: int = n + 40 if n > 5 else n + 41
    l: int = (lambda { n + 42 })()
";
    let main = |n: u8, list: &str| format!("import lib.m\nx = m.f({n}, {list})\ny = m.S {{n = {n}}}\n");
    let repo =
        Repo::monorepo().file("lib/m.k", model).stack("high", &main(9, "[]")).stack("low", &main(1, "[2]"));
    repo.konfig(&["build"]).good();
    let built = |from: &str, to: &str| {
        repo.write("lib/m.k", model.replace(from, to).as_bytes());
        let ran = repo.konfig(&["build", "--verbose"]).good();
        repo.write("lib/m.k", model.as_bytes());
        repo.konfig(&["build"]).good();
        let lines = ran.stdout.lines().filter(|line| line.starts_with("changed"));
        lines
            .filter_map(|line| line.split_whitespace().nth(1)?.strip_suffix(':'))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(built("_z = 2", "_z = 3 + [i for i in [1]][0]"), "high");
    assert_eq!(built("10 if", "12 if"), "high");
    assert_eq!(built("else 11", "else 12"), "low");
    assert_eq!(built("b = 20", "b = 22"), "high");
    assert_eq!(built("30 * i", "33 * i"), "low");
    assert_eq!(built("if x > 5: 32", "if x > 5: (lambda { 33 })()"), "high");
    assert_eq!(built("x * 33", "x * 34"), "high");
    assert_eq!(built("n + 40", "n + 43"), "high");
    assert_eq!(built("n + 41", "(lambda { n + 44 })()"), "low");
    assert_eq!(built("n + 42", "n + 43"), "high low");
}

#[test]
fn what_is_inside_of_code_that_does_not_count_moves_nothing() {
    // Each change takes the meaning of the second lambda to the place of the first.
    let model = "\
schema S:
    a: any = (lambda { 1 })()
    b: any = (lambda { 2 })()
";
    let repo = Repo::monorepo().file("lib/m.k", model);
    let repo = repo.stack("a", "import lib.m\nx = m.S {a = 5}\n").stack("b", "import lib.m\nx = m.S {}\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/m.k", model.replace("{ 2 }", "{ 3 }").replace("{ 1 }", "{ 2 }").as_bytes());
    repo.konfig(&["build"]).good().prints("2 stacks: 2 built, 0 reused, 0 failed, 2 changed");
    assert_eq!(repo.read("dist/a.yaml").as_deref(), Some("x:\n  a: 5\n  b: 3\n"));
    let more = model
        .replace("{ 1 })()", "{ 2 })() or (lambda { 2 })()")
        .replace("b: any = (lambda { 2 })()", "b: any = (lambda { 4 })()");
    repo.write("lib/m.k", more.as_bytes());
    repo.konfig(&["build"]).good();
    assert_eq!(repo.read("dist/a.yaml").as_deref(), Some("x:\n  a: 5\n  b: 4\n"));
}

#[test]
fn an_attribute_that_is_declared_twice_concerns_those_whose_value_is_united_with_itself() {
    let model = "\
schema S:
    n?: int
    s: str = \"a\"
    l?: [int]
    t: str = s + \"b\"
";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .stack("a", "import lib.m\nx = m.S {n = 1, s = \"c\"}\n")
        .stack("b", "import lib.m\nx = m.S {l = [1]}\n")
        .stack("c", "import lib.m\nx = m.S {l += [1]}\n");
    repo.konfig(&["build"]).good();
    let becomes = |line: &str, says: &str| {
        repo.write("lib/m.k", model.replace(line, &format!("{line}{line}")).as_bytes());
        repo.konfig(&["build"]).good().prints(&format!("3 stacks: {says}"));
        repo.konfig(&["build", "--no-cache", "--out", "fresh"]).good();
        for stack in ["a", "b", "c"] {
            assert_eq!(repo.read(&format!("dist/{stack}.yaml")), repo.read(&format!("fresh/{stack}.yaml")));
        }
    };
    becomes("    n?: int\n", "0 built, 3 reused");
    becomes("    s: str = \"a\"\n", "0 built, 3 reused");
    becomes("    l?: [int]\n", "1 built, 1 checked, 1 reused");
}

#[test]
fn code_of_a_file_that_stacks_share_concerns_those_who_run_it() {
    // The stacks begin with as many arms, in a variable or in a statement that sets none as the last one does.
    let render = "\
import manifests
import lib.m
manifests.yaml_stream([{v = box.one + 10 if box.first else box.two + 20} for box in m.Box.instances()])
";
    let model = "schema Box:\n    first: bool\n    one: int = 1\n    two: int = 2\n";
    let main = |first: &str, rest: &str| format!("import lib.m\n_a = m.Box {{first = {first}}}\n{rest}\n");
    let named = main("True", "_c = 1 + 1 if _a.first else 2 + 2\nprint(0)");
    let bare = main("False", "_c = 0\nprint(1 + 1 if _a.first else 2 + 2)");
    let files = "kcl_cli_configs:\n  file:\n    - main.k\n    - ${KCL_MOD}/lib/render.k\n";
    let repo = Repo::monorepo()
        .file("lib/m.k", model)
        .file("lib/render.k", render)
        .stack("bare", &bare)
        .stack("named", &named)
        .file("bare/kcl.yaml", files)
        .file("named/kcl.yaml", files);
    repo.konfig(&["build"]).good().prints("2 stacks: 2 built");
    let becomes = |from: &str, to: &str, documents: [&str; 2]| {
        repo.write("lib/render.k", render.replace(from, to).as_bytes());
        repo.konfig(&["build"]).good().prints("2 stacks: 1 built, 1 reused");
        let now = ["dist/bare.yaml", "dist/named.yaml"].map(|path| repo.read(path).expect("an artifact"));
        assert_eq!(now, documents);
        repo.write("lib/render.k", render.as_bytes());
        repo.konfig(&["build"]).good().prints("2 stacks: 0 built, 2 reused");
    };
    becomes("one + 10", "one + 11", ["v: 22\n", "v: 12\n"]);
    becomes("two + 20", "two + 21", ["v: 23\n", "v: 11\n"]);
}
