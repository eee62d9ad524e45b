//! Two revisions of the monorepo, for commands that compare.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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
use crate::build::checkout::Checkout;
use crate::build::compile::Shared;
use crate::build::survey::{Sweep, Versions};
use crate::monorepo::{DiskWorld, Git, Overlay, RevisionError};

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
}

impl Revisions {
    /// The revisions of these names. Without them the working tree is compared with `HEAD`, and a head with its first
    /// parent.
    pub(crate) fn find(root: &Path, base: Option<&str>, head: Option<&str>) -> Result<Self, Refusal> {
        Self::ask(root, base, head).map_err(|error| Refusal::revision(&error))
    }

    /// The working tree and what `--affected` names.
    pub(crate) fn since(root: &Path, base: &str) -> Result<Self, Refusal> {
        Self::find(root, Some(base), None).map_err(|refusal| match refusal.exit {
            Exit::NoRevision => {
                refusal.with_hint("what follows `--affected` is a revision; name stacks before it")
            }
            _ => refusal,
        })
    }

    fn ask(root: &Path, base: Option<&str>, head: Option<&str>) -> Result<Self, RevisionError> {
        let git = Git::open(root)?;
        let parent = head.map(|head| format!("{head}^"));
        let base = base.or(parent.as_deref()).unwrap_or("HEAD");
        let head = head.map(|head| git.commit(head)).transpose()?;
        let base = git.commit(base)?;
        let before = git.overlay(&base)?;
        let after = head.as_ref().map(|head| git.overlay(head)).transpose()?;
        Ok(Self { base, head, before, after })
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
            let concerned = sweep.concerned(&Versions { base: &base, head, root, out })?;
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

impl<'a> Pair<'a> {
    /// Two states, of which programs may do so much.
    pub(crate) fn new(before: &'a Site, after: &'a Site, limits: Limits) -> Self {
        Self { before: (before, before.shared(limits)), after: (after, after.shared(limits)), limits }
    }

    /// The comparison of their stacks, or of some by their paths.
    pub(crate) fn comparison(&'a self, only: Option<&'a BTreeSet<String>>) -> Comparison<'a> {
        let side = |it: &'a (&'a Site, Shared<'a>)| Side { shared: &it.1, monorepo: &it.0.monorepo };
        Comparison { base: side(&self.before), head: side(&self.after), store: &self.after.0.store, only }
    }

    /// The stacks that come out differently, and what the store had to say.
    pub(crate) fn by_results(
        &self,
        only: Option<&BTreeSet<String>>,
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
        let (affected, problems) = self.comparison(only).by_results(&remembered, &bar);
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
