//! Bytes a second from text to tree, over the programs of a monorepo: `KONFIG_BENCH_ROOT`, or the sample.

use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use syntax::Source;

fn sources(root: &Path) -> Vec<Arc<Source>> {
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().filter_map(Result::ok);
    let programs = files.filter(|file| file.path().extension().is_some_and(|it| it == "k"));
    programs
        .filter_map(|file| {
            Some((file.path().display().to_string(), std::fs::read_to_string(file.path()).ok()?))
        })
        .map(|(name, text)| Arc::new(Source::new(name, text)))
        .collect()
}

fn parse(criterion: &mut Criterion) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("konfig");
    let root = std::env::var_os("KONFIG_BENCH_ROOT").map_or(sample, Into::into);
    let sources = sources(&root);
    let bytes: usize = sources.iter().map(|source| source.text().len()).sum();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("monorepo", |bencher| {
        bencher.iter(|| sources.iter().map(|source| syntax::parse(source).0.body.len()).sum::<usize>());
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    parse(&mut criterion);
    criterion.final_summary();
}
