//! One stack of the sample monorepo: alone, and with packages that an earlier stack has parsed and lowered.

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use kcl::eval::Limits;
use kcl::resolve::Program;
use konfig::build::compile::{Format, Shared, compile};
use konfig::monorepo::{CompileUnit, DiskWorld, PackageStore};

fn evaluate(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("konfig");
    let world = DiskWorld::new(&root, false);
    let store = PackageStore { folder: None };
    let monorepo =
        konfig::monorepo::discover(&world, &root, &root.join("dist")).expect("the sample is whole");
    let stack = monorepo.stacks.first().expect("the sample has stacks");
    let unit =
        CompileUnit::of_stack(&world, &store, &root, &monorepo.folder(stack)).expect("the stack is whole");
    let once = |program: &Program| {
        let shared = Shared { program, world: &world, package_dir: None, limits: Limits::default() };
        compile(&shared, &unit, Format::Yaml).map(|compiled| compiled.text.len())
    };
    let mut group = criterion.benchmark_group("evaluate");
    group.bench_function("alone", |bencher| bencher.iter(|| once(&Program::new())));
    let program = Program::new();
    group.bench_function("shared packages", |bencher| bencher.iter(|| once(&program)));
    group.finish();
}

fn on_a_large_stack(criterion: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(kcl::eval::STACK_BYTES).build();
    pool.expect("a thread can be started").scope(|_| evaluate(criterion));
}

criterion_group!(benches, on_a_large_stack);
criterion_main!(benches);
