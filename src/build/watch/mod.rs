//! Building again and again as files change: only what a change concerns, which is known from what stacks asked for.
//!
//! Invariant: when nothing changes any more, artifacts are those of a build from nothing. So a change that may make or
//! unmake stacks, projects, modules or folders, and one that was lost, means a build of everything, which reuses what it
//! can like any other.
//!
//! Between builds the world and the programs stay, and forget what changed. Where a package changed that stacks
//! import, both are made anew: stacks may share nothing of two states.

mod index;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kcl::eval::Limits;
use kcl::package::ImportTarget;
use kcl::resolve::Program;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use self::index::Index;
use super::checkout::{self, Checkout};
use super::compile::{self, Shared};
use super::reuse::{ActionKey, Artifacts, Asked, Listener, Reuse, State, marks, sorted, touches};
use super::survey::{Held, Regrouped};
use super::{BuildRequest, Failure, Finished, Goal, Outcome, Progress, Report, build};
use crate::graph::imports::{Followed, ImportsOf};
use crate::monorepo::answers::{Answers, Known, nanos};
use crate::monorepo::events::{Batch, Change};
use crate::monorepo::{self, DiskWorld, Monorepo, PackageStore, Problem, StackId, marks, paths};

/// What a watch is about.
pub struct Setup {
    /// Where the user stands.
    pub stand: PathBuf,
    /// The root of the monorepo.
    pub root: PathBuf,
    /// Where artifacts go.
    pub out: PathBuf,
    /// Where packages are that are wanted by version.
    pub store: PackageStore,
    /// How much a program may do.
    pub limits: Limits,
    /// What besides files decides what stacks come out as.
    pub key: ActionKey,
}

/// A monorepo that is built as it changes.
pub struct Watch<'a> {
    setup: Setup,
    checkout: Checkout,
    state: Loaded,
    index: Index,
    files: Known,
    artifacts: Artifacts,
    /// Where links lead, both absolute: a change there is one here.
    links: Vec<(PathBuf, PathBuf)>,
    outside: Vec<PathBuf>,
    remembered: bool,
    stop: &'a AtomicBool,
}

/// What a watch has in its memory.
struct Loaded {
    world: DiskWorld,
    program: Program,
    monorepo: Monorepo,
}

/// How much is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Everything.
    All,
    /// Some stacks, of a program that is loaded anew.
    Anew,
    /// Some stacks, of the program that is there.
    Few,
}

/// What a build came to.
#[derive(Debug)]
pub struct Round {
    /// What became of the stacks that were looked at.
    pub report: Report,
    /// What was in the way of remembering it.
    pub problems: Vec<String>,
    /// The paths that changed and that somebody asked for, each once; all that changed where nobody did.
    pub changed: Vec<PathBuf>,
}

/// How many programs are loaded before somebody changes something.
const SAMPLES: usize = 64;

impl Loaded {
    fn empty(setup: &Setup, monorepo: Monorepo) -> Self {
        Self { world: DiskWorld::new(&setup.stand, false), program: Program::new(), monorepo }
    }

    fn discover(setup: &Setup) -> Result<Self, Problem> {
        let world = DiskWorld::new(&setup.stand, false);
        let monorepo = monorepo::discover(&world, &setup.root, &setup.out)?;
        Ok(Self { world, program: Program::new(), monorepo })
    }

    fn shared(&self, setup: &Setup) -> Shared<'_> {
        let package_dir = setup.store.folder.clone();
        Shared {
            program: &self.program,
            world: &self.world,
            package_dir,
            limits: setup.limits,
            traced: true,
            profile: None,
        }
    }

    fn imports<'l>(&'l self, setup: &'l Setup) -> ImportsOf<'l> {
        let Self { world, program, monorepo } = self;
        ImportsOf { program, world, store: &setup.store, monorepo }
    }
}

impl<'a> Watch<'a> {
    /// A watch that has built nothing yet. Whoever sets `stop` keeps stacks from being started.
    #[must_use]
    pub fn new(setup: Setup, checkout: Checkout, stop: &'a AtomicBool) -> Self {
        let (projects, stacks, problems) = (Arc::default(), Arc::default(), Vec::new());
        let nothing = Monorepo { root: setup.root.clone(), projects, stacks, problems };
        let state = Loaded::empty(&setup, nothing);
        let State { files, artifacts } = checkout.state();
        Self {
            setup,
            checkout,
            state,
            index: Index::default(),
            files,
            artifacts,
            links: Vec::new(),
            outside: Vec::new(),
            remembered: true,
            stop,
        }
    }

    /// The stacks as they were found last.
    #[must_use]
    pub fn monorepo(&self) -> &Monorepo {
        &self.state.monorepo
    }

    /// The files as they were read last.
    #[must_use]
    pub fn world(&self) -> &DiskWorld {
        &self.state.world
    }

    /// The store, and where artifacts go.
    #[must_use]
    pub fn places(&self) -> (&Checkout, &Path) {
        (&self.checkout, &self.setup.out)
    }

    /// Paths that stacks asked for and that are not below the root.
    #[must_use]
    pub fn outside(&self) -> &[PathBuf] {
        &self.outside
    }

    /// Where links of the monorepo lead.
    pub fn set_links(&mut self, links: Vec<(PathBuf, PathBuf)>) {
        self.links = links;
    }

    /// Finds all stacks anew.
    ///
    /// # Errors
    /// Where the root cannot be listed.
    pub fn find(&mut self) -> Result<(), Problem> {
        self.state = Loaded::discover(&self.setup)?;
        Ok(())
    }

    /// Builds all stacks that were found; `now` is the time since 1970.
    pub fn build_all(&mut self, now: Duration, progress: &dyn Progress) -> Round {
        let stacks: Vec<StackId> = self.state.monorepo.stack_ids().collect();
        self.build(&stacks, Extent::All, now, progress)
    }

    /// Builds the stacks that a batch of changes concerns; `None` where it concerns none.
    ///
    /// # Errors
    /// Where the root cannot be listed.
    pub fn build_changed(
        &mut self,
        batch: &Batch,
        now: Duration,
        progress: &dyn Progress,
    ) -> Result<Option<Round>, Problem> {
        let changes = self.concerning(&batch.changes);
        let changed = self.told(&changes);
        if batch.lost || changes.iter().any(|change| self.may_move_stacks(change)) {
            self.find()?;
            return Ok(Some(Round { changed, ..self.build_all(now, progress) }));
        }
        if changes.is_empty() {
            return Ok(None);
        }
        let marks: FxHashSet<u64> =
            changes.iter().flat_map(|change| marks(&change.path, change.listed)).collect();
        for change in &changes {
            self.state.world.forget(&change.path, change.listed);
        }
        let touched = self.index.touched(&marks);
        let ids: Vec<StackId> = self.state.monorepo.stack_ids().collect();
        let stacks: Vec<StackId> = touched.into_iter().filter_map(|at| ids.get(at).copied()).collect();
        let extent = if self.state.program.forget(&|query| touches(query, &marks)) {
            Extent::Few
        } else {
            let monorepo = self.state.monorepo.clone();
            self.state = Loaded::empty(&self.setup, monorepo);
            Extent::Anew
        };
        let round = (!stacks.is_empty()).then(|| self.build(&stacks, extent, now, progress));
        Ok(round.map(|round| Round { changed, ..round }))
    }

    /// What to say that changed: editors also write files that nobody asks for.
    fn told(&self, changes: &[Change]) -> Vec<PathBuf> {
        let mut seen = FxHashSet::default();
        let mut all: Vec<PathBuf> = changes.iter().map(|change| change.path.clone()).collect();
        all.retain(|path| seen.insert(path.clone()));
        let asked = |path: &&PathBuf| marks(path, false).any(|mark| self.index.knows(mark));
        let asked: Vec<PathBuf> = all.iter().filter(asked).cloned().collect();
        if asked.is_empty() { all } else { asked }
    }

    /// Loads the programs that most stacks use, so that the first change finds them.
    pub fn prepare(&self) {
        let Self { setup, state, .. } = self;
        let ids: Vec<StackId> = state.monorepo.stack_ids().collect();
        let samples = self.index.samples().into_iter().take(SAMPLES).filter_map(|at| ids.get(at).copied());
        let samples: Vec<StackId> = samples.collect();
        samples.par_iter().for_each(|stack| {
            // A crash is found again, and said, when the stack is built.
            let _ = compile::caught(|| {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                let shared = state.shared(setup);
                let Ok((unit, _)) = state.imports(setup).follow(*stack).program else { return };
                let Ok(ready) = compile::prepare(&shared, &unit, shared.world) else { return };
                let identity = |id| shared.program.identity(id, &setup.root);
                for id in &ready.main.closure {
                    let _ = shared.program.fingerprints(*id, &identity);
                }
            });
        });
    }

    /// Writes what later builds need to know of files and artifacts, and says what was in the way.
    pub fn remember(&mut self) -> Vec<String> {
        if std::mem::replace(&mut self.remembered, true) {
            return Vec::new();
        }
        let (files, artifacts) = (self.files.clone(), &self.artifacts);
        let ours = || artifacts.iter().map(|(path, known)| (path.clone(), *known));
        let problems = self.checkout.keep(Ok(()), files, ours().collect(), |mut all| {
            all.extend(ours());
            all
        });
        self.checkout.go_on();
        problems
    }

    /// The changes that may concern a build, also as links show them.
    fn concerning(&self, changes: &[Change]) -> Vec<Change> {
        let mut all: Vec<Change> = changes.to_vec();
        let mut next = 0;
        // A link may lead to another one. A link into a folder above itself leads on for ever, and is left soon.
        while next < all.len() && all.len() < changes.len() * (self.links.len() + 1) {
            let seen = |(link, target): &(PathBuf, PathBuf)| {
                let rest = all[next].path.strip_prefix(target).ok()?;
                let path = if rest.as_os_str().is_empty() { link.clone() } else { link.join(rest) };
                (path != all[next].path).then(|| Change { path, ..all[next].clone() })
            };
            let more: Vec<Change> = self.links.iter().filter_map(seen).collect();
            all.extend(more.into_iter().filter(|change| !changes.contains(change)));
            next += 1;
        }
        let Setup { root, out, .. } = &self.setup;
        let own = [out.clone(), root.join(checkout::FOLDER)];
        let is_own = |path: &Path| {
            let git = path.components().any(|part| part.as_os_str() == ".git");
            git || own.iter().any(|folder| path.starts_with(folder))
        };
        all.retain(|change| !is_own(&change.path));
        all
    }

    /// Whether there may be other stacks, projects or modules after a change.
    fn may_move_stacks(&self, change: &Change) -> bool {
        let name = change.path.file_name().unwrap_or_default();
        let is_main = name == OsStr::new(marks::MAIN);
        let is_mark = marks::ALL.iter().any(|mark| name == OsStr::new(mark));
        change.folder || is_mark && !is_main || is_main && change.listed && self.moves(change)
    }

    /// Whether a `main.k` that came or went makes its folder a stack, or no more.
    fn moves(&self, change: &Change) -> bool {
        let Some(folder) = change.path.parent() else { return true };
        let path = paths::slashed(&paths::relative(&self.setup.root, folder));
        let is_stack = marks::is_stack(|name| folder.join(name).is_file());
        self.state.monorepo.stack_at(&path).is_some() != is_stack
    }

    fn build(&mut self, stacks: &[StackId], extent: Extent, now: Duration, progress: &dyn Progress) -> Round {
        let Self { setup, checkout, state, .. } = self;
        let shared = state.shared(setup);
        // A world that stays may have read a file before it changed, and not know that it did. What it says of files is
        // not for later processes, so stamps are left alone.
        let files = if extent == Extent::Few { Known::default() } else { std::mem::take(&mut self.files) };
        let answers = Answers::new(shared.world, files);
        let reuse =
            Reuse::new(&shared, &checkout.store, answers, setup.key.clone(), &setup.root, now.as_secs());
        let request = BuildRequest {
            monorepo: &state.monorepo,
            stacks,
            store: &setup.store,
            goal: Goal::Write(setup.out.clone()),
            fail_fast: false,
            audit: 0,
            artifacts: std::mem::take(&mut self.artifacts),
            sweep: None,
            untouched: Vec::new(),
            regrouped: Regrouped::default(),
            narrow: false,
            journal: Some(&checkout.journal),
            stop: Some(self.stop),
            keep: false,
        };
        let mut report = build(&shared, &request, Some(&reuse), progress);
        let BuildRequest { goal, artifacts, .. } = request;
        if extent == Extent::All && !self.stop.load(Ordering::Relaxed) {
            report.removed = checkout::remove_gone(&state.monorepo, &goal, &artifacts);
        }
        let began = nanos(now);
        self.artifacts = checkout::artifacts(&state.monorepo, &goal, &report, began, artifacts);
        let held = reuse.take_held();
        let (committed, files) = reuse.finish(began, extent != Extent::All);
        if extent != Extent::Few {
            self.files = files;
        }
        self.remembered = false;
        let problems = committed.err().filter(|_| checkout.store.is_writable());
        let problems = problems.iter().map(ToString::to_string).collect();
        self.note(&report, held, extent);
        Round { report, problems, changed: Vec::new() }
    }

    /// Notes what stacks asked for.
    fn note(&mut self, report: &Report, held: Vec<Held>, extent: Extent) {
        let Self { setup, state, index, outside, .. } = self;
        let listener = Listener::new(&setup.root);
        // Of two records of a stack the later one counts: the artifact of the first was lost.
        let held: FxHashMap<&str, &Held> = held.iter().map(|held| (held.stack.as_str(), held)).collect();
        let asked = |finished: &Finished| {
            let stack = state.monorepo.stack(finished.stack);
            let follow = || followed(&state.imports(setup), finished.stack, &listener);
            match (&finished.outcome, held.get(stack.path.as_str())) {
                (Outcome::Built { .. } | Outcome::Checked { .. } | Outcome::Reused { .. }, Some(held)) => {
                    listener.asked(&state.monorepo.folder(stack), held)
                }
                (Outcome::Built { .. } | Outcome::Checked { .. } | Outcome::Reused { .. }, None) => follow(),
                _ if matches!(finished.failure(), Some(Failure::Monorepo(_) | Failure::Program(..))) => {
                    follow()
                }
                _ => Asked { any: true, ..Asked::default() },
            }
        };
        let asked: Vec<Asked> = report.stacks.par_iter().map(asked).collect();
        let (groups, more) = listener.finish();
        if extent == Extent::All {
            *index = Index::new(asked, groups);
            outside.clear();
        } else {
            index.add_groups(groups);
            for (finished, asked) in report.stacks.iter().zip(asked) {
                index.update(finished.stack.place(), asked);
            }
        }
        outside.extend(more);
        outside.sort_unstable();
        outside.dedup();
    }
}

/// What a stack without a record asks for, as far as its settings and imports tell.
fn followed(imports: &ImportsOf<'_>, stack: StackId, listener: &Listener) -> Asked {
    let Followed { settings, program } = imports.follow(stack);
    let mut asked = Asked::default();
    let Ok((_, main)) = program else {
        for query in &settings {
            asked.any |= !listener.add(query, &mut asked.own);
        }
        return Asked { own: sorted(asked.own), ..asked };
    };
    for query in settings.iter().chain(main.package.asked()) {
        asked.any |= !listener.add(query, &mut asked.own);
    }
    let packages = main.closure.iter().map(|id| imports.program.package(*id));
    let all: Vec<_> = std::iter::once(&main.package).chain(packages.clone()).collect();
    // These system modules read files whose names only an evaluation tells.
    let reads = |target| matches!(target, ImportTarget::System("file" | "crypto"));
    let files = all.iter().flat_map(|package| &package.files);
    asked.any |= files.flat_map(|file| file.imports.values()).any(|import| reads(import.target));
    let mut marks = Vec::new();
    for query in packages.flat_map(|package| &package.queries) {
        asked.any |= !listener.add(query, &mut marks);
    }
    marks.sort_unstable();
    let bytes: Vec<u8> = marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
    asked.group = Some(listener.group(cache::Digest::of(&bytes), |all| all.extend(marks)));
    Asked { own: sorted(asked.own), ..asked }
}
