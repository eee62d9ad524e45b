//! Layers point downwards, and only few of them touch the outside. ARCHITECTURE.md has the picture.

use std::collections::BTreeSet;
use std::fs;

use crate::repo::{files_below, of_project};

/// The modules of the root package, lowest first.
const ORDER: [&str; 5] = ["monorepo", "graph", "build", "apply", "cli"];

/// Crates of the workspace with those that they may use.
const CRATES: [(&str, &[&str]); 4] =
    [("syntax", &[]), ("cache", &[]), ("kcl", &["syntax"]), (".", &["syntax", "kcl", "cache"])];

/// A Rust file: its path from the folder that was asked for, and its code without comments.
struct Code {
    path: String,
    text: String,
}

fn code_of(folder: &str) -> Vec<Code> {
    let root = of_project(folder);
    let files = files_below(&root).into_iter().filter(|path| path.ends_with(".rs"));
    files.map(|path| Code { text: without_comments(&root.join(&path)), path }).collect()
}

fn without_comments(path: &std::path::Path) -> String {
    let text = fs::read_to_string(path).expect("a Rust file");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The code that users run: what comes before the tests, which are last in a file.
fn product(code: &Code) -> &str {
    code.text.split("#[cfg(test)]").next().unwrap_or_default()
}

fn rank(layer: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == layer)
}

/// The words that follow `crate::`, alone or in braces.
fn crate_paths(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for part in text.split("crate::").skip(1) {
        let names = match part.strip_prefix('{') {
            Some(inside) => inside.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![part],
        };
        for name in names {
            let name = name.trim_start();
            let end = name.find(|letter: char| letter != '_' && !letter.is_ascii_lowercase());
            found.insert(&name[..end.unwrap_or(name.len())]);
        }
    }
    found
}

#[test]
fn layers_point_downwards() {
    for file in code_of("src") {
        let Some((layer, _)) = file.path.split_once('/') else { continue };
        let own = rank(layer).unwrap_or_else(|| panic!("layer `{layer}` has no place in ORDER"));
        for used in crate_paths(product(&file)) {
            let Some(rank) = rank(used) else { continue };
            assert!(rank <= own, "src/{}: layer `{layer}` uses `{used}`, which is above it", file.path);
        }
    }
}

#[test]
fn all_layers_are_there() {
    let library = without_comments(&of_project("src/lib.rs"));
    for layer in ORDER {
        assert!(library.contains(&format!("mod {layer};")), "`{layer}` is no module of the library");
    }
}

#[test]
fn crates_point_downwards() {
    for (name, allowed) in CRATES {
        let manifest = fs::read_to_string(of_project(name).join("Cargo.toml")).expect("a manifest");
        let manifest: toml::Table = toml::from_str(&manifest).expect("TOML");
        let Some(used) = manifest.get("dependencies").and_then(toml::Value::as_table) else { continue };
        for (other, _) in CRATES.iter().filter(|(other, _)| used.contains_key(*other)) {
            assert!(allowed.contains(other), "crate `{name}` must not use `{other}`");
        }
    }
}

/// No file of a folder has one of these words in its product code, but for the files named.
#[track_caller]
fn only(folder: &str, words: &[&str], but: &[&str], why: &str) {
    for file in code_of(folder) {
        let excepted =
            but.iter().any(|path| file.path == *path || file.path.starts_with(&format!("{path}/")));
        for word in words.iter().filter(|_| !excepted) {
            assert!(!product(&file).contains(*word), "{folder}/{}: `{word}`: {why}", file.path);
        }
    }
}

#[test]
fn the_language_knows_nothing_of_the_outside() {
    let outside = [
        "std::fs",
        "std::env",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "std::process",
        "SystemTime",
        "Instant::now",
        "Local::now",
    ];
    for folder in ["syntax/src", "kcl/src"] {
        only(folder, &outside, &[], "what a compile needs from outside it asks of its World");
    }
}

#[test]
fn only_the_command_line_prints() {
    let printing = ["println!", "print!", "io::stdout", "io::stderr"];
    only("src", &printing, &["cli/ui.rs", "cli/progress.rs"], "results and messages go through `Ui`");
    for folder in ["syntax/src", "kcl/src", "cache/src"] {
        only(folder, &printing, &[], "a library returns what it has to say");
    }
}

#[test]
fn few_files_touch_the_disk() {
    only(
        "src",
        &["std::fs", "fs::"],
        &["monorepo", "build", "apply"],
        "files are read in `monorepo`, written in `build`",
    );
}

#[test]
fn few_files_read_the_clock() {
    let clock = ["Instant::now", "SystemTime", "Local::now", "Utc::now"];
    only(
        "src",
        &clock,
        &["monorepo/world.rs", "build/profile.rs", "cli"],
        "a build does not depend on the clock",
    );
}

#[test]
fn paths_are_found_in_code() {
    let text = "use crate::build::{self, Goal};\nlet x = crate::monorepo::paths::join();\nuse crate::{cli::ui, graph};";
    let found: Vec<_> = crate_paths(text).into_iter().collect();
    assert_eq!(found, ["build", "cli", "graph", "monorepo"]);
}
