//! What commands that show or hand over changes work on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cache::Digest;
use clap::Args;

use super::diagnostics::Shown;
use super::error::Refusal;
use super::options::{LimitArgs, cache_dir};
use super::revisions::{Pair, RevisionArgs, Revisions, Wanted, now};
use super::selection::select;
use super::site::{Places, Site, sweep_on_ground};
use super::ui::Ui;
use crate::apply::change_set::{ChangeSet, Delta, StackDiff};
use crate::apply::compare::Changes;
use crate::build::checkout::Checkout;
use crate::build::reuse::Artifacts;
use crate::build::survey::Concerned;
use crate::build::{Report, write_file};
use crate::monorepo::{Git, paths};

/// Which changes a command is about.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    revisions: RevisionArgs,
    /// Take this change set of `konfig build --change-set`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "head"])]
    change_set: Option<PathBuf>,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Where artifacts are [default: `dist` in the monorepo]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
}

impl ChangeArgs {
    /// The changes, or those in stacks that selectors select.
    pub(crate) fn find(&self, places: &Places, selectors: &[String], ui: &Ui) -> Result<Found, Refusal> {
        match &self.change_set {
            Some(file) => saved(places, file),
            None => self.between(places, selectors, ui),
        }
    }

    /// The change set between two revisions. Stacks that come out differently are built for it, if no earlier build has done so.
    fn between(&self, places: &Places, selectors: &[String], ui: &Ui) -> Result<Found, Refusal> {
        let (limits, began) = (self.limits.limits(), now());
        let RevisionArgs { base, head } = &self.revisions;
        let sweep = || sweep_on_ground(places, limits);
        let (mut revisions, sweep) = Revisions::find(places, base.as_deref(), head.as_deref(), sweep)?;
        let (base, head) = (revisions.base.clone(), revisions.head.clone());
        let name = Name::of(places, Some(base), head);
        if revisions.are_same() {
            let changes = Changes::default();
            return Ok(Found { set: name.set(&changes), changes, said: Vec::new() });
        }
        let (before, after, mut concerned) = revisions.sites(places, sweep.as_deref())?;
        let problems = after.monorepo.problems.iter();
        let mut said: Vec<Shown> = problems.map(|problem| Shown::problem(problem, &after.world)).collect();
        if !selectors.is_empty() {
            concerned = Some(Concerned::among(concerned, selected(&before, &after, selectors)?));
        }
        let pair = Pair::new(&before, &after, limits);
        let (affected, notices) =
            pair.by_results(concerned.as_ref(), Wanted { reasons: false, exact: true }, began, ui);
        said.extend(notices);
        let (changes, notices) = pair.changes(&affected, began, ui)?;
        said.extend(notices);
        drop(pair);
        // The process ends soon: freeing a tree of millions of nodes one by one would only cost time.
        std::mem::forget((before, after));
        Ok(Found { set: name.set(&changes), changes, said })
    }
}

/// What differs, and what it is called.
pub(crate) struct Found {
    /// The change set.
    pub(crate) set: ChangeSet,
    /// What differs, and the artifacts.
    pub(crate) changes: Changes,
    /// What there is to say besides.
    pub(crate) said: Vec<Shown>,
}

/// The paths of the stacks that selectors select in either revision: what is gone can only be selected in the base.
pub(crate) fn selected(
    before: &Site,
    after: &Site,
    selectors: &[String],
) -> Result<BTreeSet<String>, Refusal> {
    let paths = |site: &Site| -> Result<BTreeSet<String>, Refusal> {
        let stacks = select(site, selectors)?;
        Ok(stacks.iter().map(|id| site.monorepo.stack(*id).path.clone()).collect())
    };
    match (paths(after), paths(before)) {
        (Ok(now), Ok(then)) => Ok(&now | &then),
        (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
        (Err(refusal), Err(_)) => Err(refusal),
    }
}

/// A change set from a file, with the artifacts that are here: in the output folder, or in the store.
fn saved(places: &Places, file: &Path) -> Result<Found, Refusal> {
    let set = read(&paths::join(&places.stand, file), file)?;
    let checkout = Checkout::open(&places.root, cache_dir().as_deref());
    let mut changes = Changes { failed: set.failed.clone(), ..Changes::default() };
    let mut said = Vec::new();
    let mut unknown = 0;
    for change in &set.stacks {
        let find = |digest: &Option<String>| {
            let digest: Digest = digest.as_ref()?.parse().ok()?;
            Some((digest, artifact(&checkout, &places.out.join(&change.artifact), digest)?))
        };
        let (before, after) = (find(&change.previous), find(&change.digest));
        if let Some((_, text)) = &after {
            changes.texts.insert(change.path.clone(), text.clone());
        }
        let is_whole =
            before.is_some() == change.previous.is_some() && after.is_some() == change.digest.is_some();
        let delta = Delta {
            path: change.path.clone(),
            project: change.project.clone(),
            name: change.name.clone(),
            artifact: change.artifact.clone(),
            before,
            after,
        };
        let diff = if is_whole { StackDiff::of(delta).ok().flatten() } else { None };
        unknown += usize::from(diff.is_none());
        let resources = diff.map(|diff| diff.resources).unwrap_or_default();
        changes.diffs.push(StackDiff { change: change.clone(), resources });
    }
    if unknown > 0 {
        let message = format!(
            "the artifacts of {} are not here, so only the paths of their fields are known",
            super::text::count(unknown, "stack")
        );
        let hint = "preview where both revisions were built, or name them with `--base` and `--head`";
        said.push(Shown::warning("C03", message, vec![hint.to_owned()]));
    }
    Ok(Found { set, changes, said })
}

/// The text of a digest: from a file if that has it, else from the store.
fn artifact(checkout: &Checkout, file: &Path, digest: Digest) -> Option<String> {
    let written = crate::apply::artifact::read(file, digest);
    written.or_else(|| String::from_utf8(checkout.store.blob(&digest)?).ok())
}

fn read(path: &Path, given: &Path) -> Result<ChangeSet, Refusal> {
    let text = crate::apply::artifact::text(path).map_err(|why| {
        let message = format!("cannot read the change set `{}`: {why}", given.display());
        Refusal::request(message, "write one with `konfig build --change-set FILE`")
    })?;
    ChangeSet::from_json(&text).map_err(|why| {
        let message = format!("`{}` is no change set: {why}", given.display());
        Refusal::request(message, "write one with `konfig build --change-set FILE`")
    })
}

/// Writes a change set.
pub(crate) fn write(places: &Places, file: &Path, set: &ChangeSet) -> Result<(), Refusal> {
    let path: PathBuf = paths::join(&places.stand, file);
    write_file(&path, set.to_json().as_bytes()).map(|_| ()).map_err(|error| {
        let message = format!("cannot write the change set `{}`: {error}", file.display());
        Refusal::request(message, "name a file in a folder that may be written")
    })
}

/// What a change set says of where it comes from.
pub(crate) struct Name {
    root: String,
    base: Option<String>,
    head: Option<String>,
}

impl Name {
    /// The name for revisions, of which no head stands for the working tree: that is `HEAD` where all is committed.
    pub(crate) fn of(places: &Places, base: Option<String>, head: Option<String>) -> Self {
        let git = Git::open(&places.root);
        let root = git.as_ref().ok().and_then(|git| git.below_top(&places.root));
        let root = root.map(|path| paths::slashed(&path)).filter(|path| !path.is_empty());
        let root = root.unwrap_or_else(|| ".".to_owned());
        let head = match (head, git) {
            (None, Ok(git)) => committed(git.ignoring(&[&places.out]), &places.out),
            (head, _) => head,
        };
        Self { root, base, head }
    }

    /// The change set of this name.
    pub(crate) fn set(self, changes: &Changes) -> ChangeSet {
        changes.set(self.root, self.base, self.head)
    }
}

/// The commit that the working tree is, but for artifacts.
fn committed(git: Git, out: &Path) -> Option<String> {
    let head = git.commit("HEAD").ok()?;
    let differences = git.differences(&head).ok()?;
    let is_clean = differences.iter().all(|it| git.top().join(it.path()).starts_with(out));
    (is_clean && git.untracked(None).ok()?.is_empty()).then_some(head)
}

/// The changes that a build has made to a folder.
pub(crate) fn written(site: &Site, report: &Report, known: &Artifacts) -> Result<Changes, Refusal> {
    let checkout = Checkout::open(&site.monorepo.root, cache_dir().as_deref());
    let stored = |digest: &Digest| String::from_utf8(checkout.store.blob(digest)?).ok();
    Changes::written(&site.monorepo, &site.out, report, known, &stored).map_err(Refusal::internal)
}
