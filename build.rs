//! Names what the binary is built from, so that no store hands it results of another version.

use std::fs;
use std::path::{Path, PathBuf};

/// Everything that can change what a stack comes out as.
const SOURCES: [&str; 6] = ["Cargo.lock", "Cargo.toml", "src", "kcl", "syntax", "cache/src"];

fn main() {
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        list(Path::new(source), &mut files);
    }
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(file.to_string_lossy().as_bytes());
        // A file that cannot be read cannot be compiled either, which cargo says better.
        hasher.update(blake3::hash(&fs::read(&file).unwrap_or_default()).as_bytes());
    }
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rustc-env=KONFIG_SOURCES={version}-{}", hasher.finalize().to_hex());
}

fn list(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| list(&entry.path(), files)),
        Err(_) => files.push(path.to_owned()),
    }
}
