//! One stack of the sample monorepo: alone, and with packages that an earlier stack has parsed and lowered.

use std::path::Path;

use criterion::Criterion;
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
        let limits = Limits::default();
        let shared =
            Shared { program, world: &world, package_dir: None, limits, traced: false, profile: None };
        compile(&shared, &unit, Format::Yaml).map(|(compiled, _)| compiled.text.len())
    };
    let mut group = criterion.benchmark_group("evaluate");
    group.bench_function("alone", |bencher| bencher.iter(|| once(&Program::new())));
    let program = Program::new();
    group.bench_function("shared packages", |bencher| bencher.iter(|| once(&program)));
    group.finish();
}

/// The benches on a thread with the stack that evaluation needs.
fn main() {
    let run = || {
        let mut criterion = Criterion::default().configure_from_args();
        evaluate(&mut criterion);
        criterion.final_summary();
    };
    let thread = std::thread::Builder::new().stack_size(kcl::eval::STACK_BYTES).spawn(run);
    thread.expect("a thread can be started").join().expect("the benches end");
}
