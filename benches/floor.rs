//! What a cold build cannot do without: reads every file of a monorepo, hashes it, and writes the artifacts that a build
//! has made of it. Says how many seconds that took, on as many threads as there are cores, or as many as are named.
//!
//!     floor ROOT ARTIFACTS OUT [THREADS]
//!
//! This is how `scripts/bench` knows what the machine charges. Reading ARTIFACTS is not counted.

#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// All files below a folder, on all threads. Folders that a build does not look into are left out.
fn files(folder: &Path, out: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let entries: Vec<_> = entries.map(|entry| entry.expect("an entry")).collect();
    let below = entries.into_par_iter().flat_map(|entry| {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        match kind.is_dir() {
            true if path == out || entry.file_name().as_encoded_bytes()[0] == b'.' => Vec::new(),
            true => files(&path, out),
            false => vec![path],
        }
    });
    below.collect()
}

fn main() {
    let arguments: Vec<PathBuf> =
        std::env::args().skip(1).filter(|it| it != "--bench").map(PathBuf::from).collect();
    let [root, made, out, threads @ ..] = arguments.as_slice() else { return };
    let threads = threads.first().and_then(|it| it.to_str()?.parse().ok()).unwrap_or(0);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("threads");
    let artifacts: Vec<(PathBuf, Vec<u8>)> = files(made, Path::new(""))
        .into_iter()
        .map(|path| {
            (out.join(path.strip_prefix(made).expect("below")), std::fs::read(&path).expect("a file"))
        })
        .collect();
    let start = Instant::now();
    let hash = |path: &PathBuf| u64::from(blake3::hash(&std::fs::read(path).expect("a file")).as_bytes()[0]);
    let sum: u64 = files(root, out).par_iter().map(hash).sum();
    let read = start.elapsed();
    artifacts.par_iter().for_each(|(path, bytes)| {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    });
    let all = start.elapsed();
    println!(
        "{:.4} s: {:.4} s to read, {} artifacts, {sum}",
        all.as_secs_f64(),
        read.as_secs_f64(),
        artifacts.len()
    );
}
