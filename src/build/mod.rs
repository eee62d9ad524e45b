//! Building stacks: compile each, write its artifact or compare it with its golden, report.
//!
//! Invariants: a stack that fails, or even crashes, stops no other; the report is in the order of the stacks,
//! whatever the threads did; nothing here prints.
//!
//! Deliberately absent: priorities. Stacks are many and small, so any order keeps the cores busy.

pub mod affected;
mod ahead;
pub mod checkout;
pub mod compile;
pub mod golden;
mod journal;
mod outputs;
pub mod profile;
pub mod reuse;
pub mod shard;
mod stack;
pub mod survey;
pub mod watch;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::journal::Journal;
pub use self::outputs::{append as append_to_file, write_if_changed as write_file};

use cache::Digest;
use kcl::stdlib::Volatile;
use rayon::prelude::*;
use syntax::Diagnostic;

use self::ahead::Ahead;
use self::compile::Shared;
use self::golden::Difference;
use self::profile::{Step, timed, timed_stack};
use self::reuse::{Artifacts, Reason, Records, Reuse};
use self::stack::Job;
use self::survey::{Regrouped, SHARE, Sweep};
pub use crate::monorepo::marks::GOLDEN;
use crate::monorepo::{Monorepo, PackageStore, Problem, Stack, StackId};

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
    /// How many of a hundred reused stacks are evaluated all the same, and compared.
    pub audit: u8,
    /// What the checkout knew of artifacts before.
    pub artifacts: Artifacts,
    /// Which stacks nothing has happened to.
    pub sweep: Option<&'a Sweep>,
    /// The digests of the artifacts that nothing has happened to either, in the order of the stacks; none where nobody has
    /// looked.
    pub untouched: Vec<Option<Digest>>,
    /// Those of them that come out as they did with other packages than before.
    pub regrouped: Regrouped,
    /// Whether the other stacks are so few that the survey is amended.
    pub narrow: bool,
    /// Where artifacts are announced before they are written.
    pub journal: Option<&'a Journal>,
    /// Set by somebody else to keep stacks from starting.
    pub stop: Option<&'a AtomicBool>,
    /// Whether the report has texts that are nowhere else afterwards: artifacts that are not written, and what stood where
    /// others are written.
    pub keep: bool,
}

impl<'a> BuildRequest<'a> {
    /// Only the digests of artifacts are wanted.
    fn digests(monorepo: &'a Monorepo, stacks: &'a [StackId], store: &'a PackageStore) -> Self {
        Self {
            monorepo,
            stacks,
            store,
            goal: Goal::Digest,
            fail_fast: false,
            audit: 0,
            artifacts: Artifacts::default(),
            sweep: None,
            untouched: Vec::new(),
            regrouped: Regrouped::default(),
            narrow: false,
            journal: None,
            stop: None,
            keep: false,
        }
    }

    /// The artifact of one of its stacks, if nothing happened to it.
    fn untouched(&self, at: usize) -> Option<Digest> {
        self.untouched.get(at).copied().flatten()
    }
}

/// What becomes of what a stack compiles to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// It is written below this folder.
    Write(PathBuf),
    /// It is compared with the stack's golden.
    Check,
    /// Only its digest is wanted.
    Digest,
}

/// What became of a stack.
#[derive(Debug)]
pub enum Outcome {
    /// It was compiled; `changed` if its artifact was not there with the same bytes.
    Built {
        /// Whether the artifact was written.
        changed: bool,
    },
    /// Only what checks use differs from an earlier build: it was compiled, no check refused it, and it comes out the same;
    /// `changed` if its artifact had to be written again.
    Checked {
        /// Whether the artifact was written.
        changed: bool,
    },
    /// It comes out as in an earlier build; `changed` if its artifact had to be written again.
    Reused {
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
    Failed(Box<Failure>),
}

impl Outcome {
    /// Whether an artifact was written.
    #[must_use]
    pub fn is_written(&self) -> bool {
        matches!(
            self,
            Self::Built { changed: true } | Self::Checked { changed: true } | Self::Reused { changed: true }
        )
    }
}

/// Why a stack failed.
#[derive(Debug)]
pub enum Failure {
    /// What the monorepo says of it is wrong.
    Monorepo(Vec<Problem>),
    /// Its program is wrong; the problems are about dependencies that are not there.
    Program(Vec<Diagnostic>, Vec<Problem>),
    /// Its golden says something else.
    Differs(Difference),
    /// Its golden is not YAML: what the parser said.
    BadGolden(String),
    /// Its artifact cannot be written: what the operating system said.
    Write(String),
    /// It was to be reused, but comes out differently: what the record lacks.
    Audit(Vec<String>),
    /// The compiler crashed: what it said last.
    Crash(String),
}

/// A stack that is done. Reports have thousands, of which next to all are reused, so what is rare is kept elsewhere.
#[derive(Debug)]
pub struct Finished {
    /// Which.
    pub stack: StackId,
    /// What became of it.
    pub outcome: Outcome,
    /// The digest of its artifact, if it has one.
    pub artifact: Option<Digest>,
    /// Whether stamps alone tell that nothing has happened to it.
    pub untouched: bool,
    remarks: Option<Box<Remarks>>,
}

/// What is to be said of a stack that was looked at more closely.
#[derive(Debug, Default)]
pub struct Remarks {
    /// What it printed while it ran.
    pub printed: String,
    /// What is legal in it, but hardly meant.
    pub warnings: Vec<Diagnostic>,
    /// Why it was evaluated and not reused.
    pub reason: Option<Reason>,
    /// Why it can never be reused, sorted.
    pub volatile: Vec<Volatile>,
    /// Its artifact, if that is asked for and not written.
    pub text: Option<String>,
    /// What its artifact was before it was written, if that is asked for.
    pub replaced: Option<String>,
}

/// What became of all stacks, in order.
#[derive(Debug, Default)]
pub struct Report {
    /// One a stack.
    pub stacks: Vec<Finished>,
    /// Artifacts that were deleted because their stacks are gone.
    pub removed: Vec<PathBuf>,
}

/// How many stacks came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Compiled.
    pub built: usize,
    /// Compiled since a check might refuse them, which none did.
    pub checked: usize,
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
                Outcome::Checked { changed } => {
                    counts.checked += 1;
                    counts.changed += usize::from(*changed);
                }
                Outcome::Reused { changed } => {
                    counts.reused += 1;
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
        self.stacks.iter().any(|stack| matches!(stack.failure(), Some(Failure::Crash(_))))
    }
}

/// Builds stacks on the threads of the pool that this is called in.
#[must_use]
pub fn build(
    shared: &Shared<'_>,
    request: &BuildRequest<'_>,
    reuse: Option<&Reuse<'_>>,
    progress: &dyn Progress,
) -> Report {
    let stop = AtomicBool::new(false);
    let touched: Vec<usize> =
        (0..request.stacks.len()).filter(|at| request.untouched(*at).is_none()).collect();
    let stack = |at: &usize| request.monorepo.stack(request.stacks[*at]);
    let moved = |at: &usize| {
        request.sweep.is_none_or(|sweep| sweep.proven(&stack(at).path, &request.regrouped).is_none())
    };
    let wanted: Vec<bool> = touched.par_iter().map(|at| request.audit > 0 || moved(at)).collect();
    let asked: Vec<&Stack> = touched.iter().zip(&wanted).filter(|it| *it.1).map(|it| stack(it.0)).collect();
    let alone = asked.len() < rayon::current_num_threads();
    let ahead = alone.then(|| Ahead::of(request.sweep, &asked));
    let one = |(at, records): (&usize, Records)| {
        let stack = request.stacks[*at];
        if stop.load(Ordering::Relaxed) || request.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Finished::quiet(stack, Outcome::Skipped);
        }
        let job = Job::new(shared, request, reuse, stack, ahead.as_ref());
        let finished = timed_stack(shared.profile, stack, || caught(stack, || job.run(&records)));
        if request.fail_fast && matches!(finished.outcome, Outcome::Failed(_)) {
            stop.store(true, Ordering::Relaxed);
        }
        progress.finished(&finished);
        finished
    };
    let run = || -> Vec<Finished> {
        let find = || reuse.map(|reuse| reuse.records(&asked)).unwrap_or_default();
        let mut records = timed(shared.profile, Step::Records, find).into_iter();
        let known = |wanted: &bool| wanted.then(|| records.next()).flatten().unwrap_or_default();
        let records: Vec<Records> = wanted.iter().map(known).collect();
        // Stacks differ in size, so they are handed out one by one.
        let all = || touched.par_iter().zip(records).with_max_len(1).map(one).collect();
        timed(shared.profile, Step::Stacks, all)
    };
    let done = match (&ahead, reuse) {
        (Some(ahead), Some(reuse)) if !ahead.is_empty() => ahead.read_meanwhile(reuse, run),
        _ => run(),
    };
    let stacks = if touched.len() < request.stacks.len() { among(request, &touched, done) } else { done };
    if let Some(journal) = request.journal {
        timed(shared.profile, Step::Tidy, || journal.tidy());
    }
    Report { stacks, removed: Vec::new() }
}

/// What became of all stacks of a build, given those that were touched.
fn among(request: &BuildRequest<'_>, touched: &[usize], done: Vec<Finished>) -> Vec<Finished> {
    let all = request.stacks.par_iter().enumerate().with_min_len(SHARE);
    let all = all.map(|(at, id)| match request.untouched(at) {
        Some(artifact) => Finished::untouched(*id, artifact),
        None => Finished::quiet(*id, Outcome::Skipped),
    });
    let mut all: Vec<Finished> = all.collect();
    for (at, finished) in touched.iter().zip(done) {
        all[*at] = finished;
    }
    all
}

impl Finished {
    fn quiet(stack: StackId, outcome: Outcome) -> Self {
        Self { stack, outcome, artifact: None, untouched: false, remarks: None }
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// What else is to be said.
    #[must_use]
    pub fn remarks(&self) -> &Remarks {
        static NONE: LazyLock<Remarks> = LazyLock::new(Remarks::default);
        self.remarks.as_deref().unwrap_or(&NONE)
    }

    fn remarks_mut(&mut self) -> &mut Remarks {
        self.remarks.get_or_insert_default()
    }

    /// A stack that nothing has happened to, nor to its artifact.
    fn failed(stack: StackId, failure: Failure) -> Self {
        Self::quiet(stack, Outcome::Failed(failure.into()))
    }

    fn untouched(stack: StackId, artifact: Digest) -> Self {
        let reused = Self::quiet(stack, Outcome::Reused { changed: false });
        Self { artifact: Some(artifact), untouched: true, ..reused }
    }

    /// The same with the digest of its artifact, unless that could not be put where it belongs: what is there then is
    /// an older one.
    fn with_artifact(self, digest: Digest) -> Self {
        let failed = matches!(self.outcome, Outcome::Failed(_));
        Self { artifact: (!failed).then_some(digest), ..self }
    }
}

/// What a stack came to; a crash is a failure of this stack alone.
fn caught(stack: StackId, build: impl FnOnce() -> Finished) -> Finished {
    compile::caught(build).unwrap_or_else(|why| Finished::failed(stack, Failure::Crash(why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_is_no_artifact() {
        let outcomes =
            [Outcome::Built { changed: true }, Outcome::Failed(Failure::Write("no space".into()).into())];
        let stack = Stack { path: "a".into(), name: "a".into(), project: None };
        let monorepo = Monorepo {
            root: PathBuf::new(),
            projects: vec![].into(),
            stacks: vec![stack].into(),
            problems: vec![],
        };
        let id = monorepo.stack_at("a").expect("a stack");
        let digest = Digest::of(b"a");
        let artifacts = outcomes.map(|outcome| Finished::quiet(id, outcome).with_artifact(digest).artifact);
        assert_eq!(artifacts, [Some(digest), None]);
    }
}
