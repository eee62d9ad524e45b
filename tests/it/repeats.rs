//! What a program says twice in a row is what it says once, where that is so.

use crate::repo::Repo;

const PACKAGE: &str = "\
team = option(\"team\") or \"core\"
_list = [1]
make = lambda name: str -> {str:} {
    _low = \"${name}\".lower()
    _two = [_low, team]
    assert len(name) > 0, \"empty\"
    {
        name = _low
        tag: \"${name}-${team}\".upper()
        more: {a = team, b: [team, 1]}
        list: _list
        items = [n for n in _list if n > 0]
        if team == \"core\":
            core: name
    }
}
schema S:
    a: str = team + \"x\"
    b: str = \"${team}-x\"
    c: [str] = [\"z\"]
    d?: int
";

/// Whether a line of the package that is there twice rebuilds a stack; builds from nothing must agree.
#[track_caller]
fn doubled(line: &str, main: &str) -> bool {
    let repo = Repo::monorepo().file("lib/m.k", PACKAGE).stack("a", &format!("import lib.m\n{main}"));
    repo.konfig(&["build"]).good();
    let line = PACKAGE.lines().find(|it| it.trim() == line).expect("the line");
    repo.write("lib/m.k", PACKAGE.replace(line, &format!("{line}\n{line}")).as_bytes());
    let ran = repo.konfig(&["build"]).good();
    let ours = repo.read("dist/a.yaml");
    repo.konfig(&["build", "--no-cache", "--out", "fresh"]).good();
    assert_eq!(ours, repo.read("fresh/a.yaml"));
    !ran.stdout.contains("1 stack: 0 built, 1 reused")
}

#[test]
fn what_a_lambda_says_twice_rebuilds_nothing() {
    let main = "x = m.make(\"One\")\n";
    for line in [
        "_low = \"${name}\".lower()",
        "_two = [_low, team]",
        "assert len(name) > 0, \"empty\"",
        "name = _low",
        "tag: \"${name}-${team}\".upper()",
        "more: {a = team, b: [team, 1]}",
        "list: _list",
        "items = [n for n in _list if n > 0]",
        "core: name",
    ] {
        assert!(!doubled(line, main), "{line}");
    }
}

#[test]
fn an_attribute_that_is_declared_twice_in_one_way_is_declared_once() {
    for line in ["a: str = team + \"x\"", "b: str = \"${team}-x\"", "d?: int"] {
        assert!(!doubled(line, "x = m.S {d = 3}\n"), "{line}");
    }
    assert!(!doubled("c: [str] = [\"z\"]", "x = m.S {}.a\n"));
}

#[test]
fn what_adds_makes_or_reads_itself_is_done_twice() {
    let twice =
        |line: &str| Repo::compiles(&format!("_a = [1]\n_k = 1\nschema S:\n    s?: int = 1\n{line}\n"), &[]);
    assert_eq!(twice("x = {l += [1], l += [1]}"), "x:\n  l:\n  - 1\n  - 1\n");
    assert_eq!(twice("x = {l: {m += [1]}, l: {m += [1]}}"), "x:\n  l:\n    m:\n    - 1\n    - 1\n");
    assert_eq!(twice("x = {_k = _k + 1, _k = _k + 1, y = _k}"), "x:\n  'y': 3\n");
    assert_eq!(
        twice("f = lambda {\n    _n = 1\n    _n = _n + 1\n    _n = _n + 1\n    _n\n}\nx = f()"),
        "x: 3\n"
    );
    let made = "f = lambda {\n    S {}\n    S {}\n}\n_s = f()\nx = len(S.instances())";
    assert_eq!(twice(made), "x: 2\n");
    assert_eq!(twice("x = {a: S {}, a: S {}}.a.s\ny = len(S.instances())"), "x: 1\n'y': 2\n");
    assert_eq!(twice("x = {l: _a, l += _a, l += [1], l += [1]}"), "x:\n  l:\n  - 1\n  - 1\n  - 1\n");
    // What is read first may change what is read next.
    let early = |entries: &str| {
        let rest = "    b: any = f()\nf = lambda {\n    _v\n}\n_v = 5\nx = R {}.a\n_v = 2";
        twice(&format!("schema R:\n    a: any = {{{entries}}}\n{rest}"))
    };
    assert_eq!(early("k = [_v, b]"), "x:\n  k:\n  - 5\n  - 2\n");
    assert_eq!(early("k = [_v, b], k = [_v, b]"), "x:\n  k:\n  - 2\n  - 2\n");
}

#[test]
fn an_attribute_that_comes_to_something_else_the_second_time_is_declared_twice() {
    let rest = "f = lambda {\n    _v\n}\n_v = 5\nx = R {}.a\n_v = 2\n";
    for (once, twice, value) in [
        ("    a: any = _v\n    b: any = f()\n", "    a: any = _v\n    b: any = f()\n    a: any = _v\n", "2"),
        (
            "    a: any = _v if b else b\n    b: any = f()\n",
            "    a: any = _v if b else b\n    a: any = _v if b else b\n    b: any = f()\n",
            "2",
        ),
    ] {
        let package = |lines: &str| format!("schema R:\n{lines}{rest}");
        let repo = Repo::monorepo().file("lib/m.k", &package(once)).stack("a", "import lib.m\nx = m.x\n");
        repo.konfig(&["build"]).good();
        repo.write("lib/m.k", package(twice).as_bytes());
        repo.konfig(&["build"]).good();
        assert_eq!(repo.read("dist/a.yaml").as_deref(), Some(&*format!("x: {value}\n")));
    }
}

#[test]
fn numbers_with_units_contradict_themselves() {
    let repo = Repo::empty().file("main.k", "x = {k: 1Ki, k: 1Ki}\n");
    let ran = repo.konfig(&["run", "main.k"]).exits(1);
    assert!(ran.stderr.contains("conflicting values"), "{}", ran.stderr);
}

#[test]
fn remarks_of_a_lambda_concern_nobody() {
    let lambda = |body: &str| format!("f = lambda n: int -> any {{\n{body}}}\n");
    let repo = Repo::monorepo()
        .file("lib/m.k", &lambda("    \"\"\"Doubles.\"\"\"\n    n * 2\n"))
        .stack("a", "import lib.m\nx = m.f(2)\n");
    let built = |body: &str| {
        repo.write("lib/m.k", lambda(body).as_bytes());
        let ran = repo.konfig(&["build"]).good();
        let is_built = !ran.stdout.contains("1 stack: 0 built, 1 reused");
        (is_built, repo.read("dist/a.yaml").expect("an artifact"))
    };
    let four = || "x: 4\n".to_owned();
    assert_eq!(built("    \"\"\"Doubles.\"\"\"\n    n * 2\n"), (true, four()));
    for body in ["    \"Twice as much.\"\n    n * 2\n", "    n * 2\n", "    1\n    None\n    n * 2\n"] {
        assert_eq!(built(body), (false, four()), "{body}");
    }
    assert_eq!(built("    n * 2\n    \"last\"\n"), (true, "x: last\n".to_owned()));
}
