//! Compiles programs whose paths come on stdin, and writes the CPU seconds that each took, the least of several runs.
//!
//! This is how `scripts/performance` measures konfig inside of a process, as it does the packages for Python.

#![allow(clippy::print_stdout, reason = "its output is its result")]

use std::io::BufRead;
use std::path::Path;

use kcl::eval::Limits;
use kcl::resolve::Program;
use konfig::build::compile::{Format, Shared, compile};
use konfig::monorepo::{CompileUnit, DiskWorld, PackageStore, RunRequest};
use rustix::time::{ClockId, clock_gettime};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seconds that the runs of one program may take together, and how many there are at most.
const ENOUGH: f64 = 0.6;
const MOST_RUNS: usize = 15;

/// The CPU time of this process so far, in seconds.
fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// What `konfig run` does with a program, but for the writing; how long it took. A refusal counts as well.
fn once(path: &Path) -> f64 {
    let start = cpu();
    let stand = path.parent().expect("a program is in a folder");
    let world = DiskWorld::new(stand, true);
    let store = PackageStore { folder: None };
    let request = RunRequest { inputs: vec![path.to_owned()], ..RunRequest::default() };
    if let Ok(unit) = CompileUnit::of_request(&world, &store, stand, request) {
        let program = Program::new();
        let limits = Limits::default();
        let shared = Shared {
            program: &program,
            world: &world,
            package_dir: None,
            limits,
            traced: false,
            profile: None,
        };
        std::hint::black_box(compile(&shared, &unit, Format::Yaml).is_ok());
    }
    cpu() - start
}

/// The least of several runs; the first one only warms up, unless it takes long.
fn least(path: &Path) -> f64 {
    let first = once(path);
    let (mut took, mut sum) = (Vec::new(), first);
    while took.len() < MOST_RUNS && sum < ENOUGH {
        took.push(once(path));
        sum += took.last().expect("just pushed");
    }
    took.into_iter().reduce(f64::min).unwrap_or(first)
}

fn main() {
    let work = || {
        for path in std::io::stdin().lock().lines().map_while(Result::ok) {
            println!("@ {}", least(Path::new(&path)));
        }
    };
    let thread = std::thread::Builder::new().stack_size(kcl::eval::STACK_BYTES).spawn(work);
    thread.expect("a thread can be started").join().expect("the programs end");
}
