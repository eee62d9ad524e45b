//! A checkout with its store: what builds of it remember from one process to the next.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cache::{Digest, Notice, Store, StoreError};
use rustc_hash::FxHashSet;

use super::reuse::{Artifacts, Reuse, State};
use super::survey::{Drawn, Encoded};
use super::{Finished, Goal, Journal, Outcome, Report};
use crate::monorepo::answers::{Known, Stamp};
use crate::monorepo::{Monorepo, plain};

/// The folder at the root of a monorepo that holds what builds remember.
pub const FOLDER: &str = ".konfig";

/// The store and the snapshot of a checkout.
pub struct Checkout {
    /// Results by what they depend on; other checkouts may share it.
    pub store: Store,
    /// What the store had to say when it was opened.
    pub notices: Vec<Notice>,
    /// What is being written.
    pub journal: Journal,
    snapshot: PathBuf,
    /// The snapshot that was there at first: where it still is, nobody else has remembered anything.
    before: [Option<Stamp>; 2],
}

impl Checkout {
    /// Opens what a checkout remembers. `shared` is the folder of a store that several checkouts share.
    #[must_use]
    pub fn open(root: &Path, shared: Option<&Path>) -> Self {
        let own = root.join(FOLDER);
        let (store, notices) = Store::open(shared.unwrap_or(&own));
        let journal = Journal::open(&own);
        let snapshot = own.join("state");
        Self { store, notices, journal, before: State::stamps(&snapshot), snapshot }
    }

    /// Begins another build after one that was remembered.
    pub(super) fn go_on(&mut self) {
        if let Some(folder) = self.snapshot.parent() {
            self.journal = Journal::open(folder);
        }
        self.before = State::stamps(&self.snapshot);
    }

    /// What the files of the checkout were like.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::read(&self.snapshot);
        self.journal.settle(&mut state.artifacts);
        state
    }

    /// Writes what is to be remembered of a build, and says what was in the way.
    ///
    /// `before` is the time at which the build began, in nanoseconds since 1970: files that are younger are looked at
    /// again. `partial` says that the build did not look at all stacks. `known` are the artifacts of [`Checkout::state`],
    /// and `change` adds those of the build to all that there are by now.
    pub fn remember(
        &self,
        reuse: Reuse<'_>,
        (before, partial): (u64, bool),
        survey: Option<&Drawn>,
        known: Artifacts,
        change: impl FnOnce(Artifacts) -> Artifacts + Send,
    ) -> Vec<String> {
        let (committed, files) = reuse.finish(before, partial);
        self.with_survey(|| survey.and_then(Drawn::encoded), || self.keep(committed, files, known, change))
    }

    /// The same for a build of few stacks, which leaves what is known of all others alone; the survey is drawn meanwhile.
    pub fn amend(
        &self,
        reuse: &Reuse<'_>,
        survey: impl FnOnce() -> Option<Encoded> + Send,
        mut artifacts: Artifacts,
    ) -> Vec<String> {
        self.with_survey(survey, || {
            self.in_turn(reuse.commit(), || {
                self.journal.settle(&mut artifacts);
                if artifacts.is_empty() { Ok(()) } else { State::add(&self.snapshot, artifacts) }
            })
        })
    }

    /// Writes a survey too, given how the rest is kept.
    fn with_survey(
        &self,
        survey: impl FnOnce() -> Option<Encoded> + Send,
        keep: impl FnOnce() -> Vec<String> + Send,
    ) -> Vec<String> {
        let (mut problems, survey) = rayon::join(keep, survey);
        // Without one the next build looks at everything anew; the state says why nothing can be written.
        if let (Some(survey), true) = (survey, problems.is_empty())
            && let Some(folder) = self.snapshot.parent()
            && let Err(error) = survey.write(folder)
            && self.store.is_writable()
        {
            problems.push(format!("cannot remember what stacks rest on: {}", plain(&error)));
        }
        problems
    }

    /// Writes what the files are like, and says what was in the way of that or of an earlier commit.
    pub(super) fn keep(
        &self,
        committed: Result<(), StoreError>,
        files: Known,
        known: Artifacts,
        change: impl FnOnce(Artifacts) -> Artifacts,
    ) -> Vec<String> {
        self.in_turn(committed, || {
            // Another build may have ended meanwhile, and knows of artifacts that this one does not.
            let same = State::stamps(&self.snapshot) == self.before;
            let mut artifacts = change(if same { known } else { State::read(&self.snapshot).artifacts });
            self.journal.settle(&mut artifacts);
            State { files, artifacts }.write(&self.snapshot)
        })
    }

    /// Writes while nobody else begins or ends a build, and says what was in the way of that or of an earlier commit.
    fn in_turn(
        &self,
        committed: Result<(), StoreError>,
        write: impl FnOnce() -> io::Result<()>,
    ) -> Vec<String> {
        let turn = self.journal.turn();
        let written = write();
        if let (Ok(turn), Ok(())) = (&turn, &written) {
            self.journal.clear(turn);
        }
        let committed = committed.err().map(|error| error.to_string());
        let written =
            written.err().map(|error| format!("cannot remember what files were like: {}", plain(&error)));
        // A checkout that cannot be written to has said so when it was opened.
        if self.store.is_writable() { committed.into_iter().chain(written).collect() } else { Vec::new() }
    }
}

/// The artifacts that the checkout has after a build: those of its stacks, and those of other output folders.
#[must_use]
pub fn artifacts(
    monorepo: &Monorepo,
    goal: &Goal,
    report: &Report,
    before: u64,
    known: Artifacts,
) -> Artifacts {
    let mut artifacts = known;
    for path in &report.removed {
        artifacts.remove(path.as_os_str());
    }
    report.stacks.iter().for_each(|finished| add(monorepo, goal, finished, before, &mut artifacts));
    artifacts
}

/// The artifacts of the stacks of a narrow build that something happened to.
#[must_use]
pub fn touched_artifacts(monorepo: &Monorepo, goal: &Goal, report: &Report, before: u64) -> Artifacts {
    let mut artifacts = Artifacts::new();
    let touched = report.stacks.iter().filter(|finished| !finished.untouched);
    touched.for_each(|finished| add(monorepo, goal, finished, before, &mut artifacts));
    artifacts
}

/// Adds the artifact of a stack, if it has one.
fn add(monorepo: &Monorepo, goal: &Goal, finished: &Finished, before: u64, artifacts: &mut Artifacts) {
    let (Goal::Write(out), Some(digest)) = (goal, finished.artifact) else { return };
    let path = out.join(monorepo.stack(finished.stack).artifact());
    let is_known = artifacts.get(path.as_os_str()).is_some_and(|it| it.0.is_some() && it.1 == digest);
    // One that was found intact has the stamp of then, or is read again.
    if is_known && matches!(finished.outcome, Outcome::Reused { changed: false }) {
        return;
    }
    // What was written just now has not been left alone.
    let old = (!finished.outcome.is_written()).then(|| Stamp::of(&path)).flatten();
    let stamp = old.filter(|stamp| stamp.is_settled(before));
    artifacts.insert(path.into(), (stamp, digest));
}

/// Deletes the artifacts of stacks that are gone: files below the output folder that a build has written and nobody has
/// edited since. Gives their paths.
#[must_use]
pub fn remove_gone(monorepo: &Monorepo, goal: &Goal, known: &Artifacts) -> Vec<PathBuf> {
    let Goal::Write(out) = goal else { return Vec::new() };
    // A folder that cannot be read hides its stacks; they are not gone.
    if !monorepo.problems.is_empty() {
        return Vec::new();
    }
    let wanted: FxHashSet<OsString> =
        monorepo.stacks.iter().map(|stack| out.join(stack.artifact()).into()).collect();
    let gone = known.iter().filter(|(path, _)| !wanted.contains(*path));
    let gone = gone.map(|(path, (_, digest))| (Path::new(path), *digest));
    let gone = gone.filter(|(path, digest)| path.starts_with(out) && remove(path, out, *digest));
    gone.map(|(path, _)| path.to_owned()).collect()
}

/// Deletes a file that has a digest, and the folders above it that are empty then.
fn remove(path: &Path, out: &Path, digest: Digest) -> bool {
    let ours = fs::read(path).is_ok_and(|bytes| Digest::of(&bytes) == digest);
    if !ours || fs::remove_file(path).is_err() {
        return false;
    }
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != out && folder.starts_with(out)) {
        // A folder that is not empty stays, and so do those above it.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    true
}
