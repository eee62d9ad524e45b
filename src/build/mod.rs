//! Building stacks: compile each, write its artifact or compare it with its golden, report.
//!
//! Invariants: a stack that fails, or even crashes, stops no other; the report is in the order of the stacks,
//! whatever the threads did; nothing here prints.
//!
//! Deliberately absent: priorities. Stacks are many and small, so any order keeps the cores busy.

pub mod compile;
pub mod golden;
mod outputs;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::outputs::write_if_changed as write_file;

use kcl::world::World;
use rayon::prelude::*;
use syntax::Diagnostic;

use self::compile::{Compiled, Format, Shared, compile};
use self::golden::Difference;
use crate::monorepo::{CompileUnit, Monorepo, PackageStore, Problem, ProblemKind, StackId};

/// The file that `--check` compares with, from the stack's folder.
pub const GOLDEN: &str = "ci-test/stdout.golden.yaml";

/// What to build and what to do with it.
pub struct BuildRequest<'a> {
    /// The monorepo.
    pub monorepo: &'a Monorepo,
    /// The stacks, in order.
    pub stacks: &'a [StackId],
    /// Where packages are that are wanted by version.
    pub store: &'a PackageStore,
    /// Where artifacts go.
    pub goal: Goal,
    /// Whether the first failure keeps stacks from starting.
    pub fail_fast: bool,
}

/// What becomes of what a stack compiles to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// It is written below this folder.
    Write(PathBuf),
    /// It is compared with the stack's golden.
    Check,
}

/// What became of a stack.
#[derive(Debug)]
pub enum Outcome {
    /// It was compiled; `changed` if its artifact was not there with the same bytes.
    Built {
        /// Whether the artifact was written.
        changed: bool,
    },
    /// It was compiled and says what its golden says.
    Same,
    /// It was compiled and has no golden.
    NoGolden,
    /// It was not started, because another one failed.
    Skipped,
    /// It has no artifact, or not the one that it should have.
    Failed(Failure),
}

/// Why a stack failed.
#[derive(Debug)]
pub enum Failure {
    /// What the monorepo says of it is wrong.
    Monorepo(Vec<Problem>),
    /// Its program is wrong; the problems are about dependencies that are not there.
    Program(Vec<Diagnostic>, Vec<Problem>),
    /// Its golden says something else.
    Differs(Box<Difference>),
    /// Its golden is not YAML: what the parser said.
    BadGolden(String),
    /// Its artifact cannot be written: what the operating system said.
    Write(String),
    /// The compiler crashed: what it said last.
    Crash(String),
}

/// A stack that is done.
#[derive(Debug)]
pub struct Finished {
    /// Which.
    pub stack: StackId,
    /// What became of it.
    pub outcome: Outcome,
    /// What it printed while it ran.
    pub printed: String,
    /// What is legal in it, but hardly meant.
    pub warnings: Vec<Diagnostic>,
}

/// What became of all stacks, in order.
#[derive(Debug, Default)]
pub struct Report {
    /// One a stack.
    pub stacks: Vec<Finished>,
}

/// How many stacks came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Compiled.
    pub built: usize,
    /// Taken from an earlier build.
    pub reused: usize,
    /// Without the artifact that they should have.
    pub failed: usize,
    /// With an artifact that was written.
    pub changed: usize,
    /// Not started.
    pub skipped: usize,
    /// Without a golden to compare with.
    pub unchecked: usize,
}

/// Learns how a build goes on, from any thread.
pub trait Progress: Sync {
    /// A stack is done.
    fn finished(&self, stack: &Finished);
}

impl Report {
    /// How many stacks came to what.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for stack in &self.stacks {
            match &stack.outcome {
                Outcome::Built { changed } => {
                    counts.built += 1;
                    counts.changed += usize::from(*changed);
                }
                Outcome::Same => counts.built += 1,
                Outcome::NoGolden => {
                    counts.built += 1;
                    counts.unchecked += 1;
                }
                Outcome::Skipped => counts.skipped += 1,
                Outcome::Failed(_) => counts.failed += 1,
            }
        }
        counts
    }

    /// Whether the compiler crashed anywhere.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.stacks.iter().any(|stack| matches!(stack.outcome, Outcome::Failed(Failure::Crash(_))))
    }
}

/// Builds stacks on the threads of the pool that this is called in.
#[must_use]
pub fn build(shared: &Shared<'_>, request: &BuildRequest<'_>, progress: &dyn Progress) -> Report {
    let stop = AtomicBool::new(false);
    let one = |stack: &StackId| {
        if stop.load(Ordering::Relaxed) {
            return Finished::quiet(*stack, Outcome::Skipped);
        }
        let finished = caught(*stack, || build_stack(shared, request, *stack));
        if request.fail_fast && matches!(finished.outcome, Outcome::Failed(_)) {
            stop.store(true, Ordering::Relaxed);
        }
        progress.finished(&finished);
        finished
    };
    // Stacks differ in size, so they are handed out one by one.
    Report { stacks: request.stacks.par_iter().with_max_len(1).map(one).collect() }
}

impl Finished {
    fn quiet(stack: StackId, outcome: Outcome) -> Self {
        Self { stack, outcome, printed: String::new(), warnings: Vec::new() }
    }
}

/// What a stack came to; a crash is a failure of this stack alone.
fn caught(stack: StackId, build: impl FnOnce() -> Finished) -> Finished {
    compile::caught(build).unwrap_or_else(|why| Finished::quiet(stack, Outcome::Failed(Failure::Crash(why))))
}

fn build_stack(shared: &Shared<'_>, request: &BuildRequest<'_>, id: StackId) -> Finished {
    let stack = request.monorepo.stack(id);
    let folder = request.monorepo.folder(stack);
    let unit = CompileUnit::of_stack(shared.world, request.store, &request.monorepo.root, &folder);
    let unit = match unit {
        Ok(unit) => unit,
        Err(problem) => return Finished::quiet(id, Outcome::Failed(Failure::Monorepo(vec![problem]))),
    };
    match compile(shared, &unit, Format::Yaml) {
        Err(problems) => Finished::quiet(id, Outcome::Failed(Failure::Program(problems, unit.missing))),
        Ok(Compiled { text, printed, volatile: _, warnings }) => {
            let outcome = match &request.goal {
                Goal::Write(out) => write(&out.join(stack.artifact()), &text),
                Goal::Check => check(shared.world, &folder.join(GOLDEN), &text),
            };
            Finished { stack: id, outcome, printed, warnings }
        }
    }
}

fn write(path: &Path, text: &str) -> Outcome {
    match outputs::write_if_changed(path, text.as_bytes()) {
        Ok(changed) => Outcome::Built { changed },
        Err(error) => Outcome::Failed(Failure::Write(error.to_string())),
    }
}

fn check(world: &dyn World, golden: &Path, text: &str) -> Outcome {
    if !world.is_file(golden) {
        return Outcome::NoGolden;
    }
    let expected = match fs::read_to_string(golden) {
        Ok(expected) => expected,
        Err(error) => {
            let kind = ProblemKind::Unreadable(error.to_string());
            return Outcome::Failed(Failure::Monorepo(vec![Problem::new(kind, golden)]));
        }
    };
    match golden::compare(&expected, text) {
        Ok(None) => Outcome::Same,
        Ok(Some(difference)) => Outcome::Failed(Failure::Differs(Box::new(difference))),
        Err(why) => Outcome::Failed(Failure::BadGolden(why)),
    }
}
