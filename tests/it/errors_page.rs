//! `docs/errors.md` is true: its examples say what they are said to say, and every code is on it.
//!
//! An example is some fenced blocks, each a file, and after them a block that starts with `$ konfig`: the command and what
//! it writes to stderr. `KONFIG_BLESS=1 cargo test --test it errors_page` writes these blocks anew.

use std::collections::BTreeSet;
use std::fs;

use crate::repo::{Repo, files_below, of_project};

const PAGE: &str = "docs/errors.md";

/// A command and what it says about the files before it.
struct Example {
    /// The heading that it stands below, a code.
    code: String,
    /// Paths and texts.
    files: Vec<(String, String)>,
    /// Without the word `konfig`.
    command: String,
    /// The lines of the page that hold what the command says: the first, and the one after the last.
    said: (usize, usize),
}

fn page() -> String {
    fs::read_to_string(of_project(PAGE)).expect(PAGE)
}

/// Whether a word has the form of a code: `E2G22`, `M01`.
fn is_code(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|first| "EWMBCISV".contains(first))
        && letters.next().is_some_and(|second| second.is_ascii_digit())
        && letters.clone().next_back().is_some_and(|last| last.is_ascii_digit())
        && letters.all(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase())
        && matches!(word.len(), 3 | 5)
}

/// The codes that are headings.
fn headings(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    headings.filter(|heading| is_code(heading)).map(str::to_owned).collect()
}

/// The lines of a block as a file: `main.k`, or the path in the comment that it starts with.
fn file(lines: &[&str]) -> (String, String) {
    let named = lines.first().and_then(|line| line.strip_prefix("# "));
    let path = named.filter(|path| path.contains('.') && !path.contains(' ')).unwrap_or("main.k");
    (path.to_owned(), lines.join("\n") + "\n")
}

fn examples(page: &str) -> Vec<Example> {
    let lines: Vec<&str> = page.lines().collect();
    let (mut examples, mut files, mut code) = (Vec::new(), Vec::new(), String::new());
    let mut at = 0;
    while at < lines.len() {
        if let Some(heading) = lines[at].strip_prefix("## ") {
            heading.clone_into(&mut code);
            files.clear();
        }
        if lines[at].starts_with("```") {
            let end =
                at + 1 + lines[at + 1..].iter().position(|line| *line == "```").expect("a closing fence");
            match lines[at + 1].strip_prefix("$ konfig ") {
                Some(command) => examples.push(Example {
                    code: code.clone(),
                    files: std::mem::take(&mut files),
                    command: command.to_owned(),
                    said: (at + 2, end),
                }),
                None => files.push(file(&lines[at + 1..end])),
            }
            at = end;
        }
        at += 1;
    }
    examples
}

impl Example {
    /// What the command writes to stderr.
    fn run(&self) -> String {
        let mut repo = Repo::empty();
        for (path, text) in &self.files {
            // Editors show a byte that is not text so.
            let parts: Vec<&[u8]> = text.split('\u{fffd}').map(str::as_bytes).collect();
            repo = repo.bytes(path, &parts.join(&0xff));
        }
        let arguments: Vec<&str> = self.command.split_whitespace().collect();
        let ran = repo.konfig(&arguments);
        assert!(matches!(ran.code, Some(1 | 2)), "`konfig {}` ended with {:?}", self.command, ran.code);
        ran.stderr
    }
}

#[test]
fn examples_say_what_the_page_says() {
    let page = page();
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    let examples = examples(&page);
    let mut differences = Vec::new();
    for example in examples.iter().rev() {
        let said = example.run();
        let (start, end) = example.said;
        let shown: String = lines[start..end].iter().map(|line| format!("{line}\n")).collect();
        assert!(said.contains(&format!("[{}]: ", example.code)), "below {}:\n{said}", example.code);
        if shown != said {
            differences.push(format!("{PAGE}:{start}\nshown:\n{shown}said:\n{said}"));
            lines.splice(start..end, said.lines().map(str::to_owned));
        }
    }
    if std::env::var_os("KONFIG_BLESS").is_some() {
        fs::write(of_project(PAGE), lines.join("\n") + "\n").expect(PAGE);
        return;
    }
    assert!(examples.len() > 25, "only {} examples were found", examples.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_code_is_on_the_page() {
    let mut codes = BTreeSet::new();
    for folder in ["src", "syntax/src", "kcl/src", "cache/src"] {
        for path in files_below(&of_project(folder)).into_iter().filter(|path| path.ends_with(".rs")) {
            let text = fs::read_to_string(of_project(folder).join(path)).expect("a source");
            codes.extend(text.split('"').filter(|part| is_code(part)).map(str::to_owned));
        }
    }
    assert!(codes.contains("E2G22") && codes.contains("M01"), "{codes:?}");
    assert_eq!(codes, headings(&page()));
}

#[test]
fn examples_are_found() {
    let page =
        "## E2G22\n```kcl\na = 1\n```\n```yaml\n# x/kcl.yaml\nb: 1\n```\n```text\n$ konfig run\nsaid\n```\n";
    let examples = examples(page);
    let [example] = examples.as_slice() else { panic!("there is one example") };
    assert_eq!((example.code.as_str(), example.command.as_str()), ("E2G22", "run"));
    assert_eq!(example.said, (10, 11));
    let paths: Vec<&str> = example.files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["main.k", "x/kcl.yaml"]);
    assert_eq!(headings(page), BTreeSet::from(["E2G22".to_owned()]));
    assert!(!is_code("E2") && !is_code("Ex001") && !is_code("B0x"));
}
