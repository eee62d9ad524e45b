//! `--junit FILE`: reports of tests.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::repo::Repo;

/// An element: its name, its attributes and its text.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
}

/// The elements of a document, in the order in which they begin.
fn elements(text: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut all: Vec<Element> = Vec::new();
    let element = |start: &BytesStart<'_>| {
        let attributes = start.attributes().map(|it| it.expect("an attribute"));
        let attribute = |it: quick_xml::events::attributes::Attribute<'_>| {
            let value = quick_xml::escape::unescape(&it.value).expect("a value");
            (it.key.as_ref().to_owned(), value.into_owned())
        };
        let attributes = attributes.map(attribute).collect();
        Element { name: start.name().as_ref().to_owned(), attributes, text: String::new() }
    };
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(start) | Event::Empty(start) => all.push(element(&start)),
            Event::Text(text) => {
                let last = all.last_mut().map(|last| &mut last.text);
                if let Some(last) = last {
                    last.push_str(text.as_ref());
                }
            }
            Event::Eof => return all,
            _ => {}
        }
    }
}

fn report(repo: &Repo) -> Vec<Element> {
    elements(&repo.read("report.xml").expect("a report"))
}

/// The attribute of an element.
#[track_caller]
fn attribute<'e>(element: &'e Element, name: &str) -> &'e str {
    element.attributes.get(name).unwrap_or_else(|| panic!("no {name}: {element:?}"))
}

/// The counts of the whole: tests, failures, errors, skipped.
fn counts(all: &[Element]) -> [&str; 4] {
    assert_eq!(all[0].name, "testsuites");
    ["tests", "failures", "errors", "skipped"].map(|name| attribute(&all[0], name))
}

fn demo() -> Repo {
    Repo::monorepo()
        .file("apps/shop/project.yaml", "name: shop\n")
        .stack("apps/shop/dev", "x = 1\n")
        .stack("apps/shop/prod", "apple = 1\nx = aple\n")
        .stack("other", "y = 1\n")
}

#[test]
fn a_suite_a_project_and_a_case_a_stack() {
    let repo = demo();
    repo.konfig(&["build", "--junit", "report.xml"]).exits(1);
    let all = report(&repo);
    assert_eq!(counts(&all), ["3", "0", "1", "0"]);
    let names: Vec<&str> = all.iter().map(|element| element.name.as_str()).collect();
    let suite = ["testsuite", "testcase", "testcase", "error"];
    assert_eq!(names, [&["testsuites", "testsuite", "testcase"][..], &suite].concat());
    assert_eq!(attribute(&all[1], "name"), "(no project)");
    assert_eq!(attribute(&all[3], "name"), "apps/shop");
    assert_eq!(attribute(&all[4], "name"), "apps/shop/dev");
    assert_eq!(attribute(&all[4], "classname"), "apps/shop");
    assert!(attribute(&all[4], "time").parse::<f64>().expect("seconds") > 0.0);
    assert_eq!(attribute(&all[6], "type"), "E2L23");
    assert!(all[6].text.contains("apps/shop/prod/main.k:2:5"), "{}", all[6].text);
}

#[test]
fn goldens_that_differ_fail_and_stacks_that_are_not_asked_are_skipped() {
    let repo = demo()
        .file("apps/shop/dev/ci-test/stdout.golden.yaml", "x: 2\n")
        .file("apps/shop/prod/main.k", "x = 1\n")
        .file("apps/shop/prod/ci-test/stdout.golden.yaml", "x: 1\n");
    repo.konfig(&["build", "--check", "--junit", "report.xml"]).exits(1);
    let all = report(&repo);
    assert_eq!(counts(&all), ["3", "1", "0", "1"]);
    let failure = all.iter().find(|element| element.name == "failure").expect("a failure");
    assert_eq!(attribute(failure, "message"), "stack `apps/shop/dev` differs from its golden at `1: x`");
    let skipped = all.iter().find(|element| element.name == "skipped").expect("one that was not asked");
    assert_eq!(attribute(skipped, "message"), "it has no golden");
}

#[test]
fn what_is_wrong_with_no_stack_is_a_case_too() {
    let repo = demo().file("apps/shop/prod/main.k", "").file("apps/mail/project.yaml", "name: [\n");
    repo.konfig(&["build", "--junit", "report.xml"]).exits(2);
    let all = report(&repo);
    assert_eq!(counts(&all), ["4", "0", "1", "0"]);
    let case =
        all.iter().find(|element| element.attributes.get("name").is_some_and(|it| it.contains("mail")));
    assert_eq!(attribute(case.expect("a case"), "name"), "apps/mail/project.yaml");
}

#[test]
fn hostile_texts_are_well_formed() {
    let hostile = "x = \"<a>&]]>\"\ncheck = \"\\u0001\"\nassert False, \"</failure>\\u0001<x>\"\n";
    let repo = Repo::monorepo().stack("a&<b>", hostile);
    repo.konfig(&["build", "--junit", "report.xml"]).exits(1);
    let all = report(&repo);
    assert_eq!(counts(&all), ["1", "0", "1", "0"]);
    assert_eq!(attribute(&all[2], "name"), "a&<b>");
}

#[test]
fn a_report_that_cannot_be_written_is_refused() {
    let repo = demo().file("apps/shop/prod/main.k", "").file("file", "");
    let ran = repo.konfig(&["build", "--junit", "file/report.xml"]).exits(2);
    ran.says("cannot write the report to `file/report.xml`");
}
