//! `konfig verify`: rules and goldens.

use std::fs;

use serde_json::Value;

use crate::git::{commit, committed};
use crate::json::Schema;
use crate::repo::{Ran, Repo, STACK, of_project};

/// A monorepo that breaks no rule.
fn tidy() -> Repo {
    Repo::monorepo()
        .file("OWNERS", "ann\n")
        .file("apps/shop/project.yaml", "name: shop\ntenant: retail\n")
        .stack("apps/shop/dev", "x = 1\n")
        .file("apps/shop/dev/ci-test/stdout.golden.yaml", "x: 1\n")
        .stack("apps/shop/prod", "x = 2\n")
        .file("apps/shop/prod/stack.yaml", "name: prod\n")
        .file("apps/shop/prod/ci-test/stdout.golden.yaml", "x: 2\n")
}

/// The report of a command; it must be valid.
#[track_caller]
fn report(ran: &Ran) -> Value {
    let value: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let text = fs::read_to_string(of_project("docs/schema/verify.v1.json")).expect("a schema");
    let schema = serde_json::from_str(&text).expect("a schema in JSON");
    let problems = Schema { root: &schema }.problems(&schema, &value, "report");
    assert!(problems.is_empty(), "{}\n{value:#}", problems.join("\n"));
    value
}

/// What is found: `missing-golden apps/shop/dev`.
fn findings(repo: &Repo, arguments: &[&str]) -> Vec<String> {
    let value = report(&repo.konfig(&[&["verify", "--format", "json"], arguments].concat()));
    let found = value["findings"].as_array().expect("findings").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    found.map(|finding| format!("{} {}", text(&finding["rule"]), text(&finding["path"]))).collect()
}

#[test]
fn a_tidy_monorepo_is_good() {
    let repo = tidy();
    let ran = repo.konfig(&["verify"]).good();
    let expected =
        "2 stacks: 2 as their goldens, 0 failed, 0 without golden; rules: 0 errors, 0 warnings in ";
    assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
    assert!(!repo.has("dist"));
    // Again, with what was remembered.
    assert!(repo.konfig(&["verify"]).good().stdout.starts_with(expected));
}

#[test]
fn the_sample_keeps_its_rules() {
    let root = of_project("konfig");
    let arguments = ["verify", "--root", root.to_str().expect("a path"), "--format", "json"];
    let value = report(&Repo::empty().konfig(&arguments).good());
    assert_eq!(value["findings"], serde_json::json!([]));
    assert_eq!(value["counts"]["same"], value["counts"]["stacks"]);
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let repo = tidy()
        .file("OWNERS", "# nobody\n\n")
        .stack("apps/shop/prod/inner", "")
        .file("apps/mail/project.yaml", "name: shop\nowners: [bob]\n")
        .file("apps/old/project.yaml", "name: Old_\nowners: []\n")
        .file("apps/old/dev/ci-test/stdout.golden.yaml", "x: 1\n")
        .stack("lone", "x = 1\n")
        .file("lone/stack.yaml", "# what for?\nname: a.b\n");
    let expected = [
        "missing-golden apps/shop/prod/inner",
        "missing-golden lone",
        "stray-golden apps/old/dev",
        "project-name apps/old",
        "stack-name lone",
        "same-stack-name apps/shop/prod/inner",
        "missing-owners apps/old",
        "missing-owners apps/shop",
        "missing-project lone",
        "empty-project apps/mail",
        "empty-project apps/old",
        "nested-stack apps/shop/prod/inner",
    ];
    assert_eq!(findings(&repo, &[]), expected);
    repo.konfig(&["verify"])
        .good()
        .says("lone/stack.yaml:2:1")
        .says("warning[V04]: stack `lone` is called `a.b`");
    // Selectors leave what is about others.
    assert_eq!(findings(&repo, &["lone"]), [expected[1], expected[4], expected[8]]);
    repo.write("konfig.yaml", b"verify: {same-project-name: error, missing-golden: off}\n");
    let ran = repo.konfig(&["verify"]).exits(1);
    ran.says("error[V05]: project `apps/shop` is called `shop`, and so is `apps/mail`");
    assert!(!findings(&repo, &[]).contains(&expected[0].to_owned()));
}

#[test]
fn rules_that_there_are_not_are_refused() {
    let repo = tidy().file("konfig.yaml", "verify: {missing-tests: error}\n");
    repo.konfig(&["verify"]).exits(2).says("error[M03]").says("missing-tests");
    let repo = tidy().file("konfig.yaml", "verify: {missing-golden: loud}\n");
    repo.konfig(&["verify"]).exits(2).says("loud");
}

#[test]
fn goldens_count_and_many_findings_are_summed_up() {
    let repo = (0..15).fold(tidy(), |repo, n| repo.stack(&format!("apps/shop/s{n:02}"), "x = 1\n"));
    repo.write("apps/shop/dev/main.k", b"x = 5\n");
    let ran = repo.konfig(&["verify"]).exits(1).says("error[B01]: stack `apps/shop/dev` differs");
    assert_eq!(ran.stderr.matches("has no golden").count(), 10, "{}", ran.stderr);
    ran.says("rule `missing-golden` is broken in 5 more places");
    let value = report(&repo.konfig(&["verify", "--format", "json"]).exits(1));
    assert_eq!((&value["counts"]["failed"], &value["counts"]["unchecked"]), (&1.into(), &15.into()));
    assert_eq!(value["diagnostics"][0]["code"], "B01");
}

#[test]
fn reports_of_tests_have_rules_too() {
    let repo =
        tidy().stack("apps/shop/new", "x = 1\n").file("konfig.yaml", "verify: {missing-golden: error}\n");
    repo.konfig(&["verify", "--junit", "report.xml"]).exits(1);
    let text = repo.read("report.xml").expect("a report");
    assert!(text.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{text}");
    assert!(
        text.contains("<failure type=\"V01\" message=\"stack `apps/shop/new` has no golden\">"),
        "{text}"
    );
}

#[test]
fn only_goldens_that_a_change_may_have_made_wrong_are_compared() {
    let Some(repo) = committed(tidy()) else { return };
    let stacks = |arguments: &[&str]| {
        let arguments = [&["verify", "--format", "json", "--affected"], arguments].concat();
        report(&repo.konfig(&arguments))["counts"]["stacks"].clone()
    };
    assert_eq!(stacks(&[]), 0);
    repo.write("apps/shop/dev/main.k", b"# a remark\nx = 1\n");
    assert_eq!(stacks(&[]), 0);
    repo.write("apps/shop/dev/main.k", b"x = 3\n");
    assert_eq!(stacks(&[]), 1);
    repo.konfig(&["verify", "--affected"]).exits(1).says("stack `apps/shop/dev` differs from its golden");
    // A golden that somebody edits is compared, though its stack comes out as before.
    repo.write("apps/shop/dev/main.k", b"x = 1\n");
    repo.write("apps/shop/prod/ci-test/stdout.golden.yaml", b"x: 3\n");
    repo.konfig(&["verify", "--affected"]).exits(1).says("stack `apps/shop/prod` differs from its golden");
    // Rules are about all that there is.
    repo.write("apps/shop/prod/ci-test/stdout.golden.yaml", b"x: 2\n");
    repo.write("apps/shop/new/stack.yaml", STACK.as_bytes());
    commit(&repo);
    repo.konfig(&["verify", "--affected"]).good().says("warning[V01]").prints("0 stacks: ");
    // So is a golden that is new and that git does not know of yet, after a build that remembers everything.
    repo.write("apps/shop/new/main.k", b"x = 1\n");
    commit(&repo);
    repo.konfig(&["build"]).good();
    repo.konfig(&["affected"]).good();
    repo.write("apps/shop/new/ci-test/stdout.golden.yaml", b"x: 4\n");
    repo.konfig(&["verify", "--affected"]).exits(1).says("stack `apps/shop/new` differs from its golden");
    repo.konfig(&["verify", "--affected", "nowhere"]).exits(4).says("name stacks before it");
}
