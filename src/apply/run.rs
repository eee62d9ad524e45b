//! Handing over: wave by wave, target by target, with a ledger of what became of each stack.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use cache::Digest;

use super::change_set::{StackChange, StackStatus};
use super::form::{self, Rendered};
use super::job::{self, Known};
use super::ledger::{Entry, Ledger, State};
use super::target::{Context, Item, Outcome, target};
use crate::monorepo::konfig_yaml::TargetSettings;

/// Stacks that are handed over before the next ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// What it is called; none for those that no wave names.
    pub name: Option<String>,
    /// For each target that has any: its place among the settings, and the places of the stacks in the change set.
    pub steps: Vec<(usize, Vec<usize>)>,
}

/// What is to be done.
pub struct Plan<'a> {
    /// The targets.
    pub targets: &'a [TargetSettings],
    /// The waves, first things first.
    pub waves: Vec<Wave>,
    /// The artifacts, by the paths of the stacks.
    pub texts: &'a BTreeMap<String, String>,
    /// Whether what the ledger has is handed over all the same.
    pub again: bool,
}

/// What became of a stack at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The path of the stack.
    pub stack: String,
    /// What became of it in the change set.
    pub status: StackStatus,
    /// The target.
    pub target: String,
    /// The wave.
    pub wave: Option<String>,
    /// How it ended.
    pub end: End,
}

/// How the hand-over of a stack to a target ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is there now; with what there is to know.
    Applied(String),
    /// It was there before.
    Known,
    /// It is not there.
    Failed {
        /// Why, as a sentence.
        why: String,
        /// What was printed, without secrets.
        output: String,
    },
    /// It may be there, and must not be handed over twice.
    Unknown(String),
    /// It was not handed over, since something failed before.
    Skipped,
}

/// Learns what became of stacks, from any thread.
pub trait Told: Sync {
    /// A stack is done.
    fn done(&self, done: &Done);
    /// A command of an earlier apply is still running, and is waited for.
    fn waits(&self, stack: &str, target: &str);
    /// Something that users should know.
    fn note(&self, stack: &str, note: &str);
}

/// Who hands over.
pub struct Hand<'a> {
    /// What targets are told.
    pub context: &'a Context<'a>,
    /// Who learns what became of stacks.
    pub told: &'a dyn Told,
    /// Seconds since 1970.
    pub clock: &'a (dyn Fn() -> u64 + Sync),
    ledger: Mutex<Ledger>,
}

impl<'a> Hand<'a> {
    /// Opens the ledger. What commands of an earlier, killed apply have come to is waited for, and written into it.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn new(
        context: &'a Context<'a>,
        told: &'a dyn Told,
        clock: &'a (dyn Fn() -> u64 + Sync),
    ) -> io::Result<Self> {
        let ledger = Mutex::new(Ledger::open(context.folder)?);
        let hand = Self { context, told, clock, ledger };
        hand.settle()?;
        Ok(hand)
    }

    fn settle(&self) -> io::Result<()> {
        let mut jobs: Vec<_> = match fs::read_dir(self.context.folder.join("jobs")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed?.map(|entry| entry.map(|it| it.path())).collect::<io::Result<_>>()?,
        };
        jobs.sort();
        for path in jobs {
            if let Some(job) = job::running(&path)? {
                self.told.waits(&job.stack, &job.target);
            }
            if let Some((job, known)) = job::settle(&path)? {
                let state = match known {
                    Known::NotRun => None,
                    Known::Lost => Some(State::Unknown),
                    Known::Ended(ended) => {
                        Some(if ended.failure.is_none() { State::Done } else { State::Failed })
                    }
                };
                if let Some(state) = state {
                    self.add(&job.target, &job.stack, &job.what, &job.change_set, state)?;
                }
            }
            job::forget(&path)?;
        }
        // Nothing is running any more, so nobody needs what was to be applied.
        match fs::remove_dir_all(self.context.folder.join("work")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Does what a plan says. A wave is over before the next one begins, which it does only if nothing failed.
    ///
    /// # Errors
    /// Where a target cannot work at all, as a sentence.
    pub fn run(&self, plan: &Plan<'_>) -> Result<Vec<Done>, String> {
        let mut targets = BTreeMap::new();
        for at in plan.waves.iter().flat_map(|wave| &wave.steps).map(|(at, _)| *at).collect::<BTreeSet<_>>() {
            targets.insert(at, target(&plan.targets[at], self.context)?);
        }
        let mut all = Vec::new();
        let mut failed = false;
        for wave in &plan.waves {
            for (at, stacks) in &wave.steps {
                let stacks: Vec<&StackChange> =
                    stacks.iter().map(|it| &self.context.set.stacks[*it]).collect();
                let step = Step { plan, settings: &plan.targets[*at], wave: wave.name.as_deref() };
                let stopped = self.context.stop.load(Ordering::Relaxed);
                let done = if failed || stopped {
                    stacks.iter().map(|stack| step.done(stack, End::Skipped)).collect()
                } else {
                    self.step(&step, &stacks, targets[at].as_ref())
                };
                all.extend(done);
            }
            failed |= all.iter().any(|done| matches!(done.end, End::Failed { .. } | End::Unknown(_)));
        }
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.sync().map_err(|error| format!("cannot keep what was done: {error}"))?;
        Ok(all)
    }

    /// Hands over stacks of a wave to a target.
    fn step(
        &self,
        step: &Step<'_>,
        stacks: &[&StackChange],
        target: &dyn super::target::Target,
    ) -> Vec<Done> {
        let ends: Vec<Mutex<Option<End>>> = stacks.iter().map(|_| Mutex::new(None)).collect();
        let end = |at: usize, end: End| {
            self.told.done(&step.done(stacks[at], end.clone()));
            *ends[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        };
        let mut items = Vec::new();
        let mut places = Vec::new();
        for (at, stack) in stacks.iter().enumerate() {
            match self.item(step, stack) {
                Ok(item) => {
                    item.rendered.notes.iter().for_each(|note| self.told.note(&stack.path, note));
                    items.push(item);
                    places.push(at);
                }
                Err(ended) => end(at, ended),
            }
        }
        if !items.is_empty() {
            target.hand_over(&items, &|at, outcome| {
                let item = &items[at];
                let (mut ended, state) = match outcome {
                    Outcome::Done(note) => (End::Applied(note), State::Done),
                    Outcome::Failed { why, output } => (End::Failed { why, output }, State::Failed),
                    Outcome::Unknown(why) => (End::Unknown(why), State::Unknown),
                };
                let (name, path) = (&step.settings.name, &item.change.path);
                if let Err(error) = self.add(name, path, &item.what, &self.context.digest, state) {
                    let why = format!("it is there, but that cannot be written down: {error}");
                    ended = End::Failed { why, output: String::new() };
                } else {
                    job::forget(&self.context.folder.join("jobs").join(job::place(name, path))).ok();
                }
                end(places[at], ended);
            });
        }
        let taken = ends.into_iter().map(|it| it.into_inner().unwrap_or_else(PoisonError::into_inner));
        stacks.iter().zip(taken).map(|(stack, end)| step.done(stack, end.unwrap_or(End::Skipped))).collect()
    }

    /// What a target gets of a stack; or how it ends without that.
    fn item<'s>(&self, step: &Step<'s>, change: &'s StackChange) -> Result<Item<'s>, End> {
        let what = what(step.settings, change);
        let failed = |why| End::Failed { why, output: String::new() };
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = ledger.last(&step.settings.name, &change.path).filter(|_| !step.plan.again) {
            match last.state {
                State::Done if last.what == what => return Err(End::Known),
                State::Unknown if !step.settings.command.as_ref().is_some_and(|it| it.idempotent) => {
                    let why = "the machine stopped while its command ran, so it may be there or not";
                    return Err(End::Unknown(why.to_owned()));
                }
                State::Done | State::Failed | State::Unknown => {}
            }
        }
        let mut gone: BTreeSet<String> = form::paths(step.settings.form, change).into_iter().collect();
        let artifact = step.plan.texts.get(&change.path).map(String::as_str);
        let rendered = match (change.status, artifact) {
            (StackStatus::Removed, _) => Rendered::default(),
            (_, Some(artifact)) => form::render(step.settings.form, change, artifact).map_err(failed)?,
            (_, None) => return Err(failed("its artifact is not here".to_owned())),
        };
        rendered.files.iter().for_each(|file| {
            gone.remove(&file.path);
        });
        Ok(Item { change, what, rendered, gone: gone.into_iter().collect() })
    }

    fn add(&self, target: &str, stack: &str, what: &str, change_set: &str, state: State) -> io::Result<()> {
        let entry = Entry {
            target: target.to_owned(),
            stack: stack.to_owned(),
            what: what.to_owned(),
            state,
            change_set: change_set.to_owned(),
            at: (self.clock)(),
        };
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).add(entry)
    }
}

/// Stacks of a wave that go to a target.
struct Step<'a> {
    plan: &'a Plan<'a>,
    settings: &'a TargetSettings,
    wave: Option<&'a str>,
}

impl Step<'_> {
    fn done(&self, change: &StackChange, end: End) -> Done {
        Done {
            stack: change.path.clone(),
            status: change.status,
            target: self.settings.name.clone(),
            wave: self.wave.map(str::to_owned),
            end,
        }
    }
}

/// What the ledger says of a stack that is handed over: its digest, the form, and where that goes.
fn what(settings: &TargetSettings, change: &StackChange) -> String {
    let digest = change.digest.as_deref().unwrap_or("removed");
    let place = match (&settings.git, &settings.command, &settings.directory) {
        (Some(git), _, _) => format!("{} {} {}", git.repository, git.branch, git.folder),
        (_, Some(command), _) => format!("{:?} {:?}", command.apply, command.remove),
        (_, _, Some(directory)) => directory.path.clone(),
        (None, None, None) => String::new(),
    };
    let place = Digest::of(format!("{:?} {place}", settings.form).as_bytes()).to_string();
    format!("{digest} {}", &place[..16])
}
