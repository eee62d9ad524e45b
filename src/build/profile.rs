//! Where the time of a build goes: which step ran when, on which thread, for which stack. A build that nobody measures
//! keeps nothing.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::monorepo::StackId;

/// A step of a build. Those of the first group follow each other; the others are part of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A look at what an earlier build rested on.
    Survey,
    /// Finding stacks.
    Discover,
    /// What selectors and revisions mean.
    Select,
    /// Opening what the checkout remembers.
    Open,
    /// Proving that stacks come out the same with other packages.
    Groups,
    /// Reading records of earlier builds.
    Records,
    /// All stacks.
    Stacks,
    /// Deleting what artifacts took the place of.
    Tidy,
    /// Drawing the next survey.
    Draw,
    /// Committing the last results, while the survey is drawn.
    Flush,
    /// Writing what is to be remembered.
    Remember,
    /// A stack.
    Stack,
    /// Comparing what a stack asked with what is answered now.
    Compare,
    /// Reading settings.
    Settings,
    /// Reading, parsing, following imports.
    Parse,
    /// Types.
    Check,
    /// From trees to code.
    Lower,
    /// Fingerprints, and whether they are those of a record.
    Prove,
    /// From code to values.
    Evaluate,
    /// From values to text.
    Emit,
    /// Writing artifacts, or comparing them with goldens.
    Deliver,
    /// Handing results to the store.
    Keep,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 22] = [
        Self::Survey,
        Self::Discover,
        Self::Select,
        Self::Open,
        Self::Groups,
        Self::Records,
        Self::Stacks,
        Self::Tidy,
        Self::Draw,
        Self::Flush,
        Self::Remember,
        Self::Stack,
        Self::Compare,
        Self::Settings,
        Self::Parse,
        Self::Check,
        Self::Lower,
        Self::Prove,
        Self::Evaluate,
        Self::Emit,
        Self::Deliver,
        Self::Keep,
    ];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Discover => "discover",
            Self::Select => "select",
            Self::Open => "open",
            Self::Groups => "groups",
            Self::Records => "records",
            Self::Stacks => "stacks",
            Self::Tidy => "tidy",
            Self::Draw => "draw",
            Self::Flush => "flush",
            Self::Remember => "remember",
            Self::Stack => "stack",
            Self::Compare => "compare",
            Self::Settings => "settings",
            Self::Parse => "parse",
            Self::Check => "check",
            Self::Lower => "lower",
            Self::Prove => "prove",
            Self::Evaluate => "evaluate",
            Self::Emit => "emit",
            Self::Deliver => "deliver",
            Self::Keep => "keep",
        }
    }

    /// Whether it is a part of a stack.
    #[must_use]
    pub fn is_in_stack(self) -> bool {
        self > Self::Stack
    }
}

/// A step that was taken.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Which.
    pub step: Step,
    /// The stack, where it is one.
    pub stack: Option<StackId>,
    /// The number of the thread in its pool.
    pub thread: usize,
    /// How long after the profile began.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
}

/// What a build took, step by step.
pub struct Profile {
    began: Instant,
    spans: Mutex<Vec<Span>>,
}

impl Profile {
    /// A profile that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { began: Instant::now(), spans: Mutex::default() }
    }

    /// What was measured so far; steps of a thread in the order in which they began.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
        spans.sort_by_key(|span| (span.thread, span.began, span.step));
        spans
    }

    fn span<T>(&self, step: Step, stack: Option<StackId>, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        let thread = rayon::current_thread_index().unwrap_or_default();
        let span = Span { step, stack, thread, began: start - self.began, took: start.elapsed() };
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
        done
    }
}

/// Does something that counts as a step.
pub fn timed<T>(profile: Option<&Profile>, step: Step, work: impl FnOnce() -> T) -> T {
    match profile {
        Some(profile) => profile.span(step, None, work),
        None => work(),
    }
}

/// The same for a whole stack.
pub(super) fn timed_stack<T>(profile: Option<&Profile>, stack: StackId, work: impl FnOnce() -> T) -> T {
    match profile {
        Some(profile) => profile.span(Step::Stack, Some(stack), work),
        None => work(),
    }
}
