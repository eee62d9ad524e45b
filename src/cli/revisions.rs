//! Two revisions of the monorepo, for commands that compare.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::{Path, PathBuf};
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
use crate::build::affected::{Affected, Comparison, Remembered, Side, Sifted};
use crate::build::checkout::{Checkout, FOLDER};
use crate::build::compile::Shared;
use crate::build::survey::{Concerned, Since, Survey, Sweep, Versions};
use crate::monorepo::answers::nanos;
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
    /// How the ground of the survey differs from them; if it has none, how the base does.
    since: Option<Since>,
    told: Told,
    /// From when on git and the disk were asked.
    began: Duration,
}

/// So many files are read before it is known whether they are needed.
const FEW: usize = 1024;

/// How it was told in what the working tree differs.
enum Told {
    /// Git has looked at all of it.
    ByGit {
        /// What another ground can be found with.
        git: Git,
        tracked: Tracked,
        /// Whether the monorepo is all that git keeps here.
        is_whole: bool,
    },
    /// The survey has, and git at these files alone.
    BySurvey { loose: Vec<PathBuf> },
}

/// What a survey made of the question.
pub(crate) enum Quick {
    /// It tells all that there is to tell.
    Told(Box<(Revisions, Sweep)>),
    /// Git has to look at the working tree.
    Open(Option<Box<Survey>>),
}

/// What git says of two commits, or of one and the working tree.
struct Commits {
    base: String,
    head: Option<String>,
    /// How they differ, if they are two.
    between: Option<Vec<Difference>>,
    since: Since,
    began: Duration,
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

    /// The revisions of these names, if a survey tells how the working tree differs from them. Whoever reads files of them has
    /// to ask [`Revisions::are_certain`] afterwards.
    pub(crate) fn quick(
        places: &Places,
        base: Option<&str>,
        head: Option<&str>,
        survey: impl FnOnce() -> Option<Survey>,
    ) -> Result<Quick, Refusal> {
        let root = &places.root;
        let began = now();
        let (found, survey) = thread::scope(|scope| {
            let commits = scope.spawn(|| {
                let (git, base, head) = commits(places, base, head)?;
                // What git does not like is said by who asks it more closely.
                let between = head.as_ref().and_then(|head| git.between(&base, head).ok());
                let few = between.iter().filter(|between| between.len() <= FEW);
                few.for_each(|between| git.read_ahead(between));
                Ok((git, base, head, between))
            });
            let survey = survey();
            (joined(commits), survey)
        });
        let (git, base, head, between) = found.map_err(|error| Refusal::revision(&error))?;
        let Some(survey) = survey.map(Box::new) else { return Ok(Quick::Open(None)) };
        let Some(ground) = survey.ground().filter(|_| git.top() == root).map(str::to_owned) else {
            return Ok(Quick::Open(Some(survey)));
        };
        let since = || since(&git, &ground, (&base, head.as_deref()), between.as_deref());
        let (since, sweep) = if head.is_none() {
            thread::scope(|scope| {
                let since = scope.spawn(since);
                let sweep = Sweep::of(*survey);
                (joined(since), sweep)
            })
        } else {
            let since = since().filter(|_| between.is_some());
            let sweep = Sweep::of_commits(*survey, since.as_ref());
            (since, sweep)
        };
        let told = since.and_then(|since| {
            Self::told(&git, Commits { base, head, between, since, began }, (root, &sweep))
        });
        Ok(match told {
            Some(revisions) => Quick::Told(Box::new((revisions, sweep))),
            None => Quick::Open(Some(Box::new(sweep.into_survey()))),
        })
    }

    fn told(git: &Git, commits: Commits, (root, sweep): (&Path, &Sweep)) -> Option<Self> {
        let Commits { base, head, between, since, began } = commits;
        // In the working tree anything may have happened to what a stack rests on of which nothing is known.
        if head.is_none() && !sweep.knows_all() {
            return None;
        }
        let loose = sweep.loose(root)?;
        // Where the base is not the ground it is known what it has, and where it is and the head is not.
        let mut open: BTreeSet<&Path> =
            loose.iter().filter_map(|path| path.strip_prefix(root).ok()).collect();
        let mut differences: Vec<Difference> = since.base.iter().map(Difference::reversed).collect();
        since.base.iter().for_each(|it| _ = open.remove(it.path()));
        differences.extend(since.head.iter().flatten().filter(|it| open.remove(it.path())).cloned());
        if !open.is_empty() {
            let open: Vec<PathBuf> = open.into_iter().map(Path::to_owned).collect();
            differences.extend(git.differences_among(&base, &open).ok()?);
        }
        if differences.iter().chain(between.iter().flatten()).any(Difference::is_submodule) {
            return None;
        }
        let (before, after) = git.overlays(&differences, between.as_deref(), &[]).ok()?;
        Some(Self { base, head, before, after, since: Some(since), told: Told::BySurvey { loose }, began })
    }

    /// Whether all that was read of two revisions is what they have.
    pub(crate) fn are_certain(&self, worlds: [&DiskWorld; 2], sweep: &Sweep, places: &Places) -> bool {
        let Told::BySurvey { loose } = &self.told else { return true };
        let mut overlays = worlds.into_iter().filter_map(DiskWorld::overlay);
        overlays.all(|overlay| sweep.vouches_for(&overlay.read_from_disk(), loose, &places.root))
    }

    fn ask<S: Deref<Target = Sweep>>(
        places: &Places,
        base: Option<&str>,
        head: Option<&str>,
        sweep: impl FnOnce() -> Option<S>,
    ) -> Result<(Self, Option<S>), RevisionError> {
        let root = &places.root;
        let began = now();
        let (git, base, head) = commits(places, base, head)?;
        // Git looks at all files for the first question, and answers the others in a moment.
        thread::scope(|scope| {
            let differences = scope.spawn(|| git.differences(&base));
            let between = scope.spawn(|| head.as_ref().map(|head| git.between(&base, head)).transpose());
            let tracked = scope.spawn(|| git.tracked());
            let sweep = sweep();
            let (between, tracked) = (joined(between)?, joined(tracked)?);
            // Commits have files too that the checkout leaves out; nothing that was seen there tells of these.
            let unwatched = head.as_ref().map(|_| tracked.unwatched()).unwrap_or_default();
            let sweep = sweep.filter(|_| unwatched.is_empty());
            let is_whole = git.top() == root;
            let ground = sweep.as_ref().map(|sweep| sweep.ground().unwrap_or(&base)).filter(|_| is_whole);
            let since =
                ground.and_then(|ground| since(&git, ground, (&base, head.as_deref()), between.as_deref()));
            let unknown =
                since.as_ref().zip(sweep.as_ref()).and_then(|(since, it)| it.unknown(since, &tracked));
            let untracked = git.untracked(unknown.as_deref())?;
            let mut differences = joined(differences)?;
            differences.extend(git.differences_at(&base, &unwatched)?);
            let (before, after) = git.overlays(&differences, between.as_deref(), &untracked)?;
            Ok(((before, after, since), (tracked, is_whole), sweep))
        })
        .map(|((before, after, since), (tracked, is_whole), sweep)| {
            let told = Told::ByGit { git, tracked, is_whole };
            (Self { base, head, before, after, since, told, began }, sweep)
        })
    }

    /// A survey that stands on what is checked out, where it stood on nothing before that is of use.
    pub(crate) fn ground(&self, sweep: Sweep) -> Option<Survey> {
        let Told::ByGit { git, tracked, is_whole } = &self.told else { return None };
        let began = nanos(self.began);
        let is_sparse = !tracked.unwatched().is_empty();
        if !is_whole || is_sparse || self.since.is_some() && !sweep.is_adrift(began) {
            return None;
        }
        let survey = sweep.into_settled(began);
        let ground = git.commit("HEAD").unwrap_or_else(|_| self.base.clone());
        let differences = git.differences(&ground).ok()?;
        Some(survey.grounded(&ground, &differences, tracked))
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
    ) -> Result<(Site, Option<Concerned>), Refusal> {
        let base = DiskWorld::of_revision(&places.stand, std::mem::take(&mut self.before));
        let known = sweep.and_then(|sweep| {
            let (since, own) = (self.since.as_ref(), sweep.own());
            let concerned = sweep.concerned(&Versions { base: &base, head, own, since })?;
            Some((sweep.monorepo()?, concerned))
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
    ) -> Result<(Site, Site, Option<Concerned>), Refusal> {
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

/// What is wanted of a comparison.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Why stacks differ.
    pub(crate) reasons: bool,
    /// No stack that comes out the same is named, however many have to be evaluated to tell.
    pub(crate) exact: bool,
}

/// Two revisions of a monorepo, loaded.
pub(crate) struct Pair<'a> {
    before: (&'a Site, Shared<'a>),
    after: (&'a Site, Shared<'a>),
    limits: Limits,
}

/// The repository, and the commits of these names: the one before, and the one after if there is one.
fn commits(
    places: &Places,
    base: Option<&str>,
    head: Option<&str>,
) -> Result<(Git, String, Option<String>), RevisionError> {
    let Places { root, out, .. } = places;
    let parent = head.map(|head| format!("{head}^"));
    let base = base.or(parent.as_deref()).unwrap_or("HEAD");
    let names: Vec<&str> = head.into_iter().chain([base]).collect();
    let (git, mut commits) = Git::find(root, &names)?;
    let (base, head) = (commits.pop().unwrap_or_default(), commits.pop());
    Ok((git.ignoring(&[&root.join(FOLDER), out]), base, head))
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
        Some(between) if (Some(ground), commit) == (head, base) => {
            Some(between.iter().map(Difference::reversed).collect())
        }
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

    /// The stacks that come out differently, and what the store had to say.
    pub(crate) fn by_results(
        &self,
        concerned: Option<&Concerned>,
        wanted: Wanted,
        began: Duration,
        ui: &Ui,
    ) -> (Vec<Affected>, Vec<Shown>) {
        let (before, after) = (self.before.0, self.after.0);
        let Wanted { reasons, exact } = wanted;
        if concerned.is_some_and(|concerned| concerned.stacks.is_empty()) {
            return (Vec::new(), Vec::new());
        }
        let checkout = self.checkout();
        let remembered = self.remembered(&checkout, began);
        let sift = |concerned| self.comparison(None).sift(concerned, exact, &remembered);
        let (named, only) = concerned.map(sift).map(|Sifted { named, open }| (named, open)).unzip();
        let (named, only) = (named.unwrap_or_default(), only.as_ref());
        if only.is_some_and(BTreeSet::is_empty) {
            return (named, notices(&checkout, Vec::new()));
        }
        let stacks = |site: &Site| only.map_or(site.monorepo.stacks.len(), BTreeSet::len);
        let bar = Bar::new(ui, stacks(before) + stacks(after));
        let comparison = Comparison { reasons, ..self.comparison(only) };
        let (affected, problems) = comparison.by_results(named, &remembered, &bar);
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
