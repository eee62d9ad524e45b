//! The store with artifacts of a usual size: packing, committing, reading back, and asking for records.

use cache::{Batch, Digest, Store};
use criterion::{BatchSize, Criterion};

/// How many artifacts there are.
const MANY: usize = 1000;

/// Documents of some kilobytes that differ in a few lines.
fn artifacts() -> Vec<Vec<u8>> {
    let line = |at: usize, number: usize| format!("- name: app-{at}-{number}\n  value: {}\n", at * number);
    let document = |at: usize| (0..200).map(|number| line(at, number)).collect::<String>().into_bytes();
    (0..MANY).map(document).collect()
}

fn batch(artifacts: &[Vec<u8>]) -> Batch {
    let mut batch = Batch::default();
    for artifact in artifacts {
        let digest = batch.blob(artifact);
        batch.record(digest, *b"a record");
    }
    batch
}

fn store(criterion: &mut Criterion) {
    let artifacts = artifacts();
    let digests: Vec<Digest> = artifacts.iter().map(|artifact| Digest::of(artifact)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = Store::open(folder.path());
    store.commit(batch(&artifacts), 0).expect("room");
    let mut group = criterion.benchmark_group("store");
    group.sample_size(20);
    group.bench_function("pack", |bencher| bencher.iter(|| batch(&artifacts).bytes()));
    group.bench_function("commit", |bencher| {
        let empty = || (tempfile::tempdir().expect("a folder"), batch(&artifacts));
        bencher.iter_batched(
            empty,
            |(folder, batch)| Store::open(folder.path()).0.commit(batch, 0).expect("room"),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            digests.iter().filter_map(|digest| store.blob(digest)).map(|it| it.len()).sum::<usize>()
        });
    });
    group.bench_function("records", |bencher| bencher.iter(|| store.records_of(&digests).len()));
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    store(&mut criterion);
    criterion.final_summary();
}
