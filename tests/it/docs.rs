//! What the documents say is true: commands, flags, links, paths.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::repo::{Repo, files_below, of_project};

/// All documents that users and contributors read, by path.
fn documents() -> BTreeMap<String, String> {
    let mut paths: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "konfig/README.md"]
            .map(str::to_owned)
            .to_vec();
    let pages = files_below(&of_project("docs")).into_iter().filter(|path| path.ends_with(".md"));
    paths.extend(pages.map(|path| format!("docs/{path}")));
    let read = |path: String| (path.clone(), fs::read_to_string(of_project(&path)).expect("a document"));
    paths.into_iter().map(read).collect()
}

/// The text outside of fenced blocks, and the lines inside.
fn prose_and_code(text: &str) -> (String, Vec<&str>) {
    let (mut prose, mut code, mut inside) = (String::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            code.push(line);
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    (prose, code)
}

/// What stands between backticks.
fn spans(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2).filter(|span| !span.contains('\n'))
}

/// The commands that a document shows, without the word `konfig`.
fn commands(text: &str) -> Vec<String> {
    let (prose, code) = prose_and_code(text);
    let shown = code.into_iter().chain(spans(&prose));
    let starts = ["konfig ", "$ konfig ", "cargo run --release -- "];
    let command = |line: &str| {
        let line = line.trim();
        let rest = starts.iter().find_map(|start| line.strip_prefix(start))?;
        Some(rest.split(" #").next().unwrap_or_default().trim().to_owned())
    };
    shown.filter_map(command).collect()
}

/// What is wrong with a command, as the help texts know it.
pub(crate) fn unknown(command: &str, help: &dyn Fn(&[&str]) -> String) -> Option<String> {
    let mut words = command.split_whitespace().filter(|word| !word.starts_with('['));
    let name = words.next()?;
    let general = help(&["--help"]);
    if name.starts_with('-') {
        return (!has_flag(&general, name)).then(|| format!("no flag {name}"));
    }
    if !general.lines().any(|line| line.split_whitespace().next() == Some(name) && line.starts_with("  ")) {
        return Some(format!("no command {name}"));
    }
    let page = help(&[name, "--help"]);
    let flags = words.filter(|word| word.starts_with('-') && *word != "-" && *word != "--");
    let mut missing = flags.filter(|flag| !has_flag(&page, flag));
    missing.next().map(|flag| format!("{name} has no flag {flag}"))
}

fn has_flag(page: &str, flag: &str) -> bool {
    let flag = flag.split('=').next().unwrap_or_default();
    page.split(|letter: char| letter.is_whitespace() || ",[]<>=.".contains(letter)).any(|word| word == flag)
}

#[test]
fn commands_and_flags_exist() {
    let repo = Repo::empty();
    let help = |arguments: &[&str]| repo.konfig(arguments).good().stdout;
    let mut shown = 0;
    for (path, text) in documents() {
        for command in commands(&text) {
            shown += 1;
            if let Some(problem) = unknown(&command, &help) {
                panic!("{path}: `konfig {command}`: {problem}");
            }
        }
    }
    assert!(shown > 20, "only {shown} commands were found");
}

#[test]
fn the_reference_page_is_what_the_help_says() {
    let path = of_project("docs/cli.md");
    let wanted = konfig::cli::reference();
    if std::env::var_os("KONFIG_BLESS").is_some() {
        fs::write(&path, &wanted).expect("docs/cli.md");
    }
    let found = fs::read_to_string(&path).expect("docs/cli.md");
    assert!(found == wanted, "docs/cli.md is not what the help texts say: run scripts/bless");
}

#[test]
fn links_lead_somewhere() {
    for (path, text) in documents() {
        let (prose, _) = prose_and_code(&text);
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = of_project(&path).parent().expect("a folder").to_owned();
            let target = if file.is_empty() { of_project(&path) } else { folder.join(file) };
            assert!(target.exists(), "{path}: nothing is at `{link}`");
            assert!(
                anchor.is_empty() || anchors(&target).contains(&anchor.to_owned()),
                "{path}: no heading `{link}`"
            );
        }
    }
}

/// The headings of a document as links name them.
fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a document");
    let (prose, _) = prose_and_code(&text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn paths_of_the_project_exist() {
    let folders =
        ["src/", "kcl/", "syntax/", "cache/", "tests/", "docs/", "scripts/", "benches/", ".ci/", ".github/"];
    for path in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(of_project(path)).expect("a document");
        let (prose, _) = prose_and_code(&text);
        for span in spans(&prose).filter(|span| folders.iter().any(|folder| span.starts_with(folder))) {
            let written = span.split_whitespace().next().unwrap_or_default();
            // `src/cli/commands/<name>.rs` stands for many.
            let plain = written.split(['<', '*', '{']).next().unwrap_or_default();
            let plain =
                if plain == written { plain } else { plain.rsplit_once('/').map_or(plain, |(it, _)| it) };
            assert!(of_project(plain).exists(), "{path}: there is no `{written}`");
        }
    }
}

#[test]
fn commands_are_found_in_documents() {
    let text = "Say `konfig build --check` or\n```sh\n$ konfig run a.k  # a remark\nls\n```\nnot konfig x\n";
    assert_eq!(commands(text), ["run a.k", "build --check"]);
    let help = |arguments: &[&str]| match arguments {
        ["--help"] => "Commands:\n  build  Compile\n".to_owned(),
        _ => "  -o, --out <DIR>  [possible: --odd]".to_owned(),
    };
    assert_eq!(unknown("build x --out=y -o z", &help), None);
    assert!(unknown("build --outer", &help).is_some());
    assert!(unknown("bild", &help).is_some());
}
