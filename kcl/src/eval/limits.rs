//! How much a program may do: whoever compiles programs of others must not be kept by one of them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Run;
use crate::stdlib::Outcome;

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls, instances and turns of loops.
    pub steps: u64,
    /// Bytes for the values.
    pub memory: usize,
}

impl Default for Limits {
    /// A billion steps, which take about a minute, and 2 GiB.
    fn default() -> Self {
        Self { steps: 1_000_000_000, memory: 2 << 30 }
    }
}

/// Comparing so many pairs of values takes about as long as a step.
const PAIRS_OF_A_STEP: u64 = 16;

/// What the arena says, as a panic, when it would grow beyond its limit.
const OUT_OF_MEMORY: &str = "out of memory";

/// How the strings and lists in the arena begin to say it.
const NO_ROOM: &str = "encountered allocation error";

impl Run<'_> {
    /// Counts a step.
    pub(super) fn step(&mut self) -> Outcome<()> {
        self.steps += 1;
        self.within_steps()
    }

    /// Refuses a run that has taken too many.
    pub(super) fn within_steps(&self) -> Outcome<()> {
        let limit = self.settings.limits.steps;
        if self.steps > limit {
            return Err(format!("the program takes more than {limit} steps").into());
        }
        Ok(())
    }

    /// How many pairs of values may be compared before the steps are used up.
    pub(super) fn pairs(&self) -> u64 {
        let steps = self.settings.limits.steps.saturating_sub(self.steps);
        steps.saturating_mul(PAIRS_OF_A_STEP).saturating_add(1)
    }

    /// Counts the pairs that were compared.
    pub(super) fn count_pairs(&mut self, pairs: u64) {
        self.steps += pairs / PAIRS_OF_A_STEP;
    }

    /// Runs something whose values may not fit; a panic that says anything else goes on.
    pub(super) fn within_memory<T>(&mut self, run: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.arena.set_allocation_limit(Some(self.settings.limits.memory));
        // After a panic only the place of the run is looked at, which is whole at any time.
        let result = catch_unwind(AssertUnwindSafe(|| run(self)));
        self.arena.set_allocation_limit(None);
        match result {
            Ok(result) => result,
            Err(panic) if is_out_of_memory(panic.as_ref()) => {
                let limit = self.settings.limits.memory >> 20;
                Err(format!("the values of the program take more than {limit} MiB of memory").into())
            }
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Whether a panic says that a run has used up its memory, which is a failure of its program and no crash.
#[must_use]
pub fn is_out_of_memory(panic: &(dyn Any + Send)) -> bool {
    panic.downcast_ref::<&str>().is_some_and(|text| *text == OUT_OF_MEMORY)
        || panic.downcast_ref::<String>().is_some_and(|text| text.starts_with(NO_ROOM))
}
