//! Targets: the places that stacks are handed over to.

mod command;
mod directory;
mod git;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::change_set::{ChangeSet, StackChange};
use super::form::Rendered;
use crate::monorepo::konfig_yaml::{TargetKind, TargetSettings};

pub use self::command::expand;

/// A stack that is to be handed over.
pub struct Item<'a> {
    /// What became of it.
    pub change: &'a StackChange,
    /// What the ledger is to say of it.
    pub what: String,
    /// What the target gets; nothing where the stack is gone.
    pub rendered: Rendered,
    /// Files that the target may have of it, and must not have any more.
    pub gone: Vec<String>,
}

/// How a hand-over ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is there; with what there is to know.
    Done(String),
    /// It is not there.
    Failed {
        /// Why, as a sentence.
        why: String,
        /// What was printed, without secrets.
        output: String,
    },
    /// It may be there.
    Unknown(String),
}

/// What all targets are told.
pub struct Context<'a> {
    /// The root of the monorepo.
    pub root: &'a Path,
    /// The folder for what is remembered.
    pub folder: &'a Path,
    /// The change set.
    pub set: &'a ChangeSet,
    /// Its digest.
    pub digest: String,
    /// The program, with arguments, that calls [`super::job::keep`].
    pub keeper: Vec<String>,
    /// How many stacks may be handed over at the same time.
    pub parallel: usize,
    /// Set by somebody else to start no more.
    pub stop: &'a AtomicBool,
}

/// A place that stacks are handed over to.
pub trait Target: Sync {
    /// Hands over the stacks of a wave. `tell` learns how each ended as soon as that is known, by its place; one that it
    /// does not hear of was not handed over.
    fn hand_over(&self, items: &[Item<'_>], tell: &(dyn Fn(usize, Outcome) + Sync));
}

/// The target of some settings.
///
/// # Errors
/// Where they cannot work, as a sentence.
pub fn target<'a>(
    settings: &'a TargetSettings,
    context: &'a Context<'a>,
) -> Result<Box<dyn Target + 'a>, String> {
    match settings.kind() {
        Some(TargetKind::Git(git)) => Ok(Box::new(git::Branch::new(settings, git, context))),
        Some(TargetKind::Command(command)) => {
            Ok(Box::new(command::PerStack::new(settings, command, context)?))
        }
        Some(TargetKind::Directory(directory)) => Ok(Box::new(directory::Mirror::new(directory, context))),
        None => Err(format!("target `{}` is of no kind", settings.name)),
    }
}

impl Context<'_> {
    /// Does something for each of so many items, some at the same time, until it is to stop.
    fn each(&self, items: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let worker = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= items || self.stop.load(Ordering::Relaxed) {
                    break;
                }
                work(at);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.parallel.min(items) {
                scope.spawn(worker);
            }
            worker();
        });
    }
}

impl Outcome {
    /// Something went wrong before anything was printed.
    fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), output: String::new() }
    }
}
