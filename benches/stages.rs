//! What one stack of the sample monorepo costs stage by stage, with packages that an earlier stack has parsed and lowered:
//! loading and checking its own files, their fingerprints, and writing a document.

use std::path::Path;

use bumpalo::Bump;
use criterion::{Criterion, Throughput};
use kcl::eval::Limits;
use kcl::lower::fingerprint::fingerprints;
use kcl::package::PackageId;
use kcl::plan::{PlanOptions, yaml};
use kcl::resolve::Program;
use kcl::types::check_main;
use kcl::value::convert::parse_option_json;
use konfig::build::compile::{Shared, prepare};
use konfig::monorepo::{CompileUnit, DiskWorld, PackageStore};

/// The packages of the sample, and its first stack.
struct Sample {
    world: DiskWorld,
    program: Program,
    unit: CompileUnit,
}

impl Sample {
    fn new(root: &Path) -> Self {
        let world = DiskWorld::new(root, false);
        let store = PackageStore { folder: None };
        let monorepo =
            konfig::monorepo::discover(&world, root, &root.join("dist")).expect("the sample is whole");
        let stack = monorepo.stacks.first().expect("the sample has stacks");
        let unit =
            CompileUnit::of_stack(&world, &store, root, &monorepo.folder(stack)).expect("the stack is whole");
        Self { world, program: Program::new(), unit }
    }

    fn shared(&self) -> Shared<'_> {
        let (program, world, limits) = (&self.program, &self.world, Limits::default());
        Shared { program, world, package_dir: None, limits, traced: false, profile: None }
    }
}

fn stages(criterion: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("konfig");
    let sample = Sample::new(&root);
    let shared = sample.shared();
    let load = || prepare(&shared, &sample.unit, &sample.world).expect("the stack is sound");
    let ready = load();
    let identity = |id: PackageId| sample.program.identity(id, &root);
    criterion.bench_function("load", |bencher| bencher.iter(|| load().warnings.len()));
    criterion.bench_function("check", |bencher| {
        bencher.iter(|| check_main(&sample.program, &ready.main, &ready.main.merged()).len());
    });
    criterion.bench_function("key", |bencher| {
        bencher.iter(|| fingerprints(&ready.code, &sample.program, &identity).names().count());
    });
}

/// Documents of many small mappings, as artifacts are.
fn emit(criterion: &mut Criterion) {
    let item = |at: usize| format!(r#"{{"name": "port-{at}", "containerPort": {at}, "protocol": "TCP"}}"#);
    let items: Vec<String> = (0..1000).map(item).collect();
    let text = format!(r#"{{"apiVersion": "v1", "ports": [{}]}}"#, items.join(", "));
    let arena = Bump::new();
    let value = parse_option_json(&text, &arena);
    let options = PlanOptions::default();
    let bytes = yaml(value, &options).map_or(0, |text| text.len());
    let mut group = criterion.benchmark_group("emit");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("yaml", |bencher| {
        bencher.iter(|| yaml(value, &options).map_or(0, |text| text.len()));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    stages(&mut criterion);
    emit(&mut criterion);
    criterion.final_summary();
}
