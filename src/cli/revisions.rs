//! Two revisions of the monorepo, for commands that compare.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::PathBuf;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use kcl::eval::Limits;

use super::diagnostics::Shown;
use super::error::{Exit, Refusal};
use super::options::cache_dir;
use super::progress::Bar;
use super::report::notices;
use super::site::{Places, Site};
use super::ui::Ui;
use crate::apply::compare::Changes;
use crate::build::affected::{Affected, Comparison, Remembered, Side};
use crate::build::checkout::{Checkout, FOLDER};
use crate::build::compile::Shared;
use crate::build::survey::{Since, Survey, Sweep, Tree, Versions};
use crate::monorepo::{Difference, DiskWorld, Git, Overlay, RevisionError, Tracked};

/// The revisions that a command compares.
#[derive(Debug, Args)]
pub(crate) struct RevisionArgs {
    /// The revision before [default: `HEAD`, or with `--head` its first parent]
    #[arg(long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// The revision after [default: the working tree with what is not committed]
    #[arg(long, value_name = "REV")]
    pub(crate) head: Option<String>,
}

/// Two revisions by their numbers, and how the working tree differs from them.
pub(crate) struct Revisions {
    /// The commit before.
    pub(crate) base: String,
    /// The commit after; `None` for the working tree.
    pub(crate) head: Option<String>,
    before: Overlay,
    after: Option<Overlay>,
    /// How the ground of the survey differs from them, if it has one.
    since: Option<Since>,
    /// What another ground can be found with.
    tracked: Tracked,
    differing: BTreeSet<PathBuf>,
    /// Whether the monorepo is all that git keeps here.
    is_whole: bool,
}

/// What became of a thread.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Revisions {
    /// The revisions of these names, while `sweep` looks at the working tree. Without names the working tree is compared
    /// with `HEAD`, and a head with its first parent.
    pub(crate) fn find<S: Deref<Target = Sweep>>(
        places: &Places,
        base: Option<&str>,
        head: Option<&str>,
        sweep: impl FnOnce() -> Option<S>,
    ) -> Result<(Self, Option<S>), Refusal> {
        Self::ask(places, base, head, sweep).map_err(|error| Refusal::revision(&error))
    }

    /// The working tree and what `--affected` names; `sweep` has looked at the working tree.
    pub(crate) fn since(places: &Places, base: &str, sweep: Option<&Sweep>) -> Result<Self, Refusal> {
        let found = Self::find(places, Some(base), None, || sweep);
        found.map(|(revisions, _)| revisions).map_err(|refusal| match refusal.exit {
            Exit::NoRevision => {
                refusal.with_hint("what follows `--affected` is a revision; name stacks before it")
            }
            _ => refusal,
        })
    }

    fn ask<S: Deref<Target = Sweep>>(
        places: &Places,
        base: Option<&str>,
        head: Option<&str>,
        sweep: impl FnOnce() -> Option<S>,
    ) -> Result<(Self, Option<S>), RevisionError> {
        let Places { root, out, .. } = places;
        let parent = head.map(|head| format!("{head}^"));
        let base = base.or(parent.as_deref()).unwrap_or("HEAD");
        let names: Vec<&str> = head.into_iter().chain([base]).collect();
        let (git, mut commits) = Git::find(root, &names)?;
        let git = git.ignoring(&[&root.join(FOLDER), out]);
        let (base, head) = (commits.pop().unwrap_or_default(), commits.pop());
        // Git looks at all files for the first question, and answers the others in a moment.
        thread::scope(|scope| {
            let differences = scope.spawn(|| git.differences(&base));
            let between = scope.spawn(|| head.as_ref().map(|head| git.between(&base, head)).transpose());
            let tracked = scope.spawn(|| git.tracked());
            let sweep = sweep();
            let (between, tracked) = (joined(between)?, joined(tracked)?);
            let tree = Tree { tracked: &tracked, root, out };
            let is_whole = git.top() == root;
            let ground = sweep.as_ref().and_then(|sweep| sweep.ground()).filter(|_| is_whole);
            let since =
                ground.and_then(|ground| since(&git, ground, (&base, head.as_deref()), between.as_deref()));
            let unknown = since.as_ref().zip(sweep.as_ref()).and_then(|(since, it)| it.unknown(since, tree));
            let untracked = git.untracked(unknown.as_deref())?;
            let differences = joined(differences)?;
            let (before, after) = git.overlays(&differences, between.as_deref(), &untracked)?;
            let differing = differences.iter().map(|it| it.path().to_owned()).collect();
            let revisions = Self {
                before,
                after,
                since,
                tracked,
                differing,
                is_whole,
                base: base.clone(),
                head: head.clone(),
            };
            Ok((revisions, sweep))
        })
    }

    /// A survey that stands on the base, where it stood on nothing before that is of use.
    pub(crate) fn ground(&self, sweep: Sweep, places: &Places) -> Option<Survey> {
        let Places { root, out, .. } = places;
        let survey = sweep.into_survey();
        let is_wanted = self.is_whole && (self.since.is_none() || survey.is_adrift());
        let tree = Tree { tracked: &self.tracked, root, out };
        is_wanted.then(|| survey.grounded(&self.base, &self.differing, tree))
    }

    /// Whether they have the same files.
    pub(crate) fn are_same(&self) -> bool {
        self.differences().is_empty()
    }

    /// The files that they have differently.
    pub(crate) fn differences(&self) -> BTreeSet<PathBuf> {
        Overlay::differences(Some(&self.before), self.after.as_ref())
    }

    /// The monorepo in the base, given the head; also the stacks that the two may have differently, if a survey tells.
    pub(crate) fn site_before(
        &mut self,
        places: &Places,
        head: &DiskWorld,
        sweep: Option<&Sweep>,
    ) -> Result<(Site, Option<BTreeSet<String>>), Refusal> {
        let base = DiskWorld::of_revision(&places.stand, std::mem::take(&mut self.before));
        let Places { root, out, .. } = places;
        let known = sweep.and_then(|sweep| {
            let concerned =
                sweep.concerned(&Versions { base: &base, head, root, out, since: self.since.as_ref() })?;
            Some((sweep.monorepo(root)?, concerned))
        });
        match known {
            Some((monorepo, concerned)) => Ok((Site::with(places, base, monorepo), Some(concerned))),
            None => Ok((Site::of(places, base)?, None)),
        }
    }

    /// The monorepo in both; also the stacks that they may have differently, if a survey tells.
    pub(crate) fn sites(
        &mut self,
        places: &Places,
        sweep: Option<&Sweep>,
    ) -> Result<(Site, Site, Option<BTreeSet<String>>), Refusal> {
        let head = match self.after.take() {
            Some(overlay) => DiskWorld::of_revision(&places.stand, overlay),
            None => DiskWorld::new(&places.stand, false),
        };
        let (before, concerned) = self.site_before(places, &head, sweep)?;
        let after = match &concerned {
            // They have the same stacks, or nothing could be told.
            Some(_) => Site::with(places, head, before.monorepo.clone()),
            None => Site::of(places, head)?,
        };
        Ok((before, after, concerned))
    }
}

/// Two revisions of a monorepo, loaded.
pub(crate) struct Pair<'a> {
    before: (&'a Site, Shared<'a>),
    after: (&'a Site, Shared<'a>),
    limits: Limits,
}

/// How the ground of a survey differs from two revisions; `None` where git does not know it any more.
fn since(
    git: &Git,
    ground: &str,
    (base, head): (&str, Option<&str>),
    between: Option<&[Difference]>,
) -> Option<Since> {
    let ask = |commit: &str| match between {
        Some(between) if (ground, Some(commit)) == (base, head) => Some(between.to_vec()),
        _ => git.between(ground, commit).ok(),
    };
    Some(Since { base: ask(base)?, head: head.map_or(Some(None), |head| ask(head).map(Some))? })
}

impl<'a> Pair<'a> {
    /// Two states, of which programs may do so much.
    pub(crate) fn new(before: &'a Site, after: &'a Site, limits: Limits) -> Self {
        Self { before: (before, before.shared(limits)), after: (after, after.shared(limits)), limits }
    }

    /// The comparison of their stacks, or of some by their paths.
    pub(crate) fn comparison(&'a self, only: Option<&'a BTreeSet<String>>) -> Comparison<'a> {
        let side = |it: &'a (&'a Site, Shared<'a>)| Side { shared: &it.1, monorepo: &it.0.monorepo };
        let (base, head) = (side(&self.before), side(&self.after));
        Comparison { base, head, store: &self.after.0.store, only, reasons: true }
    }

    /// The stacks that come out differently, with reasons if these are wanted, and what the store had to say.
    pub(crate) fn by_results(
        &self,
        only: Option<&BTreeSet<String>>,
        reasons: bool,
        began: Duration,
        ui: &Ui,
    ) -> (Vec<Affected>, Vec<Shown>) {
        let (before, after) = (self.before.0, self.after.0);
        if only.is_some_and(BTreeSet::is_empty) {
            return (Vec::new(), Vec::new());
        }
        let checkout = self.checkout();
        let remembered = self.remembered(&checkout, began);
        let stacks = |site: &Site| only.map_or(site.monorepo.stacks.len(), BTreeSet::len);
        let bar = Bar::new(ui, stacks(before) + stacks(after));
        let (affected, problems) =
            Comparison { reasons, ..self.comparison(only) }.by_results(&remembered, &bar);
        bar.clear();
        (affected, notices(&checkout, problems))
    }

    /// What differs in stacks that come out differently, and what the store had to say.
    pub(crate) fn changes(
        &self,
        affected: &[Affected],
        began: Duration,
        ui: &Ui,
    ) -> Result<(Changes, Vec<Shown>), Refusal> {
        let checkout = self.checkout();
        let bar = Bar::new(ui, affected.len() * 2);
        let changes =
            Changes::between(&self.comparison(None), affected, &self.remembered(&checkout, began), &bar);
        bar.clear();
        Ok((changes.map_err(Refusal::internal)?, notices(&checkout, Vec::new())))
    }

    fn checkout(&self) -> Checkout {
        Checkout::open(&self.after.0.monorepo.root, cache_dir().as_deref())
    }

    fn remembered<'c>(&self, checkout: &'c Checkout, began: Duration) -> Remembered<'c> {
        Remembered { checkout, key: self.after.0.key(self.limits), began }
    }
}

/// The time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
