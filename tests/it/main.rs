//! Everything that runs the tool as users do. One binary, so that it is linked once.

mod affected;
#[cfg(unix)]
mod apply;
mod build;
mod changes;
mod ci;
mod cli;
mod defaults;
mod differential;
mod docs;
mod errors;
mod errors_page;
mod exact;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod files;
mod git;
mod graph;
mod groups;
mod json;
mod junit;
mod laboratory;
mod layers;
mod lent;
mod mutants;
mod mutations;
mod page;
mod precision;
mod programs;
mod repeats;
mod repo;
mod run;
mod sessions;
mod shop;
mod sound;
mod store;
#[cfg(unix)]
mod story;
mod tail;
mod unpacked;
mod values;
mod verify;
mod watch;
mod why;
#[cfg(unix)]
mod workflow;

use std::fs;

#[test]
fn no_file_is_forgotten() {
    let listed = fs::read_to_string(repo::of_project("tests/it/main.rs")).expect("this file");
    for file in repo::files_below(&repo::of_project("tests/it")) {
        let name = file.strip_suffix(".rs").expect("a Rust file");
        assert!(name == "main" || listed.contains(&format!("\nmod {name};\n")), "`mod {name};` is missing");
    }
}
