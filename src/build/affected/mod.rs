//! Which stacks differ between two revisions, and why.
//!
//! Two ways lead there. By results: both revisions are built for their digests with one store, so that the second build
//! reuses what the first one found out. By inputs: nothing is evaluated, and a stack counts where anything differs that
//! its settings and its imports ask for; that names too many, never too few.
//!
//! A stack whose result depends on the clock, on random numbers or on the environment differs from itself. It counts
//! only where its inputs differ too.

mod artifacts;
mod grouped;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kcl::package::{ImportTarget, Package, PackageId};
use kcl::stdlib::Volatile;
use kcl::world::{Query, World};
use rayon::prelude::*;

pub use self::artifacts::Artifact;
pub use self::grouped::Sifted;
pub use self::why::{Chain, ChangedFile, Declaration, Import, Why};
use super::checkout::Checkout;
use super::compile::{Shared, prepare};
use super::reuse::{ActionKey, Evidence, Reason, Reuse};
use super::{BuildRequest, Failure, Finished, Progress, Report, build};
use crate::graph::imports::{Followed, ImportsOf};
use crate::memory::Memory;
use crate::monorepo::answers::{Answers, Known, nanos};
use crate::monorepo::{CompileUnit, Monorepo, PackageStore, Problem, Stack, StackId, paths};

/// One of two revisions.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Its files, and the programs that are loaded from them.
    pub shared: &'a Shared<'a>,
    /// Its stacks.
    pub monorepo: &'a Monorepo,
}

/// Two revisions of a monorepo.
pub struct Comparison<'a> {
    /// The one before.
    pub base: Side<'a>,
    /// The one after.
    pub head: Side<'a>,
    /// Where packages are that are wanted by version.
    pub store: &'a PackageStore,
    /// The paths of the stacks to compare; all where there are none.
    pub only: Option<&'a BTreeSet<String>>,
    /// Whether reasons are wanted, which cost more than the answer.
    pub reasons: bool,
}

/// What became of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Only the head has it.
    Added,
    /// Only the base has it.
    Removed,
    /// It comes out differently.
    Modified,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only the head has it.
    Added,
    /// Only the base has it.
    Removed,
    /// Both have it.
    Modified,
}

impl Change {
    /// What comes after the file's name in a sentence.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Added => "is new",
            Self::Removed => "is gone",
            Self::Modified => "changed",
        }
    }
}

/// A stack that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// From the root.
    pub path: String,
    /// What its description calls it: the environment.
    pub name: String,
    /// The path of its project.
    pub project: Option<String>,
    /// What became of it.
    pub status: Status,
    /// Why, most telling first; not empty where reasons are wanted. Thousands of stacks may have the same.
    pub because: Arc<[String]>,
}

impl Affected {
    fn new(monorepo: &Monorepo, stack: &Stack, status: Status, because: Arc<[String]>) -> Self {
        let project = monorepo.project_of(stack).map(|project| project.path.clone());
        Self { path: stack.path.clone(), name: stack.name.clone(), project, status, because }
    }
}

/// What a comparison by results remembers from one process to the next.
pub struct Remembered<'a> {
    /// The store.
    pub checkout: &'a Checkout,
    /// What besides files decides what stacks come out as.
    pub key: ActionKey,
    /// When this process began, since 1970.
    pub began: Duration,
}

/// How many stacks are compared without what builds know of files.
const SOME: usize = 256;

/// How many files are named for one stack.
const NAMED: usize = 3;

impl Comparison<'_> {
    /// The stacks that both revisions have, and those that only one has, in the order of their paths.
    fn pairs(&self) -> (Vec<(StackId, StackId)>, Vec<Affected>) {
        let (base, head) = (self.base.monorepo, self.head.monorepo);
        let wanted = |path: &String| self.only.is_none_or(|only| only.contains(path));
        let both = |id: StackId| {
            let path = &head.stack(id).path;
            Some((base.stack_at(path).filter(|_| wanted(path))?, id))
        };
        let pairs = head.stack_ids().filter_map(both).collect();
        let only = |one: &Monorepo, other: &Monorepo, status, why: &str| {
            let missing =
                one.stacks.iter().filter(|it| wanted(&it.path) && other.stack_at(&it.path).is_none());
            let because = Arc::from([why.to_owned()]);
            let affected = |stack| Affected::new(one, stack, status, Arc::clone(&because));
            missing.map(affected).collect::<Vec<_>>()
        };
        let mut alone = only(head, base, Status::Added, "it is a stack only now");
        alone.extend(only(base, head, Status::Removed, "it is no stack any more"));
        (pairs, alone)
    }

    /// The stacks that differ in what they ask for. Evaluates nothing.
    #[must_use]
    pub fn by_inputs(&self) -> Vec<Affected> {
        let (pairs, mut affected) = self.pairs();
        let inputs = Inputs::new(self);
        let changed = pairs.par_iter().filter_map(|pair| {
            let because = inputs.differences(*pair).because()?;
            let stack = self.head.monorepo.stack(pair.1);
            Some(Affected::new(self.head.monorepo, stack, Status::Modified, because.into()))
        });
        affected.extend(changed.collect::<Vec<_>>());
        sorted(affected)
    }

    /// The stacks that come out differently, with those that are `known` to; also what was in the way of remembering that.
    #[must_use]
    pub fn by_results(
        &self,
        known: Vec<Affected>,
        remembered: &Remembered<'_>,
        progress: &dyn Progress,
    ) -> (Vec<Affected>, Vec<String>) {
        let Results { pairs, alone: mut affected, base, head, different, problems } =
            self.results(remembered, progress);
        affected.extend(known);
        let finished = pairs.par_iter().zip(base.stacks.par_iter().zip(&head.stacks));
        let changed = finished.filter_map(|(pair, (base, head))| {
            let because = different.because(*pair, base, head)?;
            let stack = self.head.monorepo.stack(pair.1);
            Some(Affected::new(self.head.monorepo, stack, Status::Modified, because.into()))
        });
        affected.extend(changed.collect::<Vec<_>>());
        (sorted(affected), problems)
    }

    /// Builds both sides for their digests.
    fn results<'r>(&'r self, remembered: &'r Remembered<'r>, progress: &dyn Progress) -> Results<'r> {
        let (pairs, alone) = self.pairs();
        let (before, after): (Vec<StackId>, Vec<StackId>) = pairs.iter().copied().unzip();
        // To know what all files were like takes longer than to read those of some stacks.
        let state = (pairs.len() > SOME).then(|| remembered.checkout.state());
        let (files, artifacts) = state.map(|it| (it.files, it.artifacts)).unwrap_or_default();
        let (base, files, mut problems) = self.built(self.base, &before, files, remembered, progress);
        let (head, files, more) = self.built(self.head, &after, files, remembered, progress);
        problems.extend(more);
        if pairs.len() > SOME {
            problems.extend(remembered.checkout.keep(Ok(()), files.clone(), artifacts, |known| known));
        }
        problems.dedup();
        let different = Different {
            comparison: self,
            inputs: Inputs::new(self),
            base: remembered.reuse(self.base, files),
            head: remembered.reuse(self.head, Known::default()),
        };
        Results { pairs, alone, base, head, different, problems }
    }

    /// Builds one side for its digests; also what is known of files then.
    fn built(
        &self,
        side: Side<'_>,
        stacks: &[StackId],
        files: Known,
        remembered: &Remembered<'_>,
        progress: &dyn Progress,
    ) -> (Report, Known, Vec<String>) {
        let request = BuildRequest::digests(side.monorepo, stacks, self.store);
        let reuse = remembered.reuse(side, files);
        let report = build(side.shared, &request, Some(&reuse), progress);
        let began = nanos(remembered.began);
        // Some stacks are not looked at, so what was known before stays.
        let (committed, files) = reuse.finish(began, true);
        (report, files, committed.err().iter().map(ToString::to_string).collect())
    }
}

/// What both sides came to.
struct Results<'a> {
    /// Stacks that both have.
    pairs: Vec<(StackId, StackId)>,
    /// Those that only one has.
    alone: Vec<Affected>,
    /// In the order of the pairs.
    base: Report,
    /// In the order of the pairs.
    head: Report,
    different: Different<'a>,
    /// What was in the way of remembering.
    problems: Vec<String>,
}

impl<'a> Remembered<'a> {
    fn reuse<'r>(&'r self, side: Side<'r>, files: Known) -> Reuse<'r>
    where
        'a: 'r,
    {
        let answers = Answers::new(side.shared.world, files);
        let Self { checkout, key, began } = self;
        Reuse::new(side.shared, &checkout.store, answers, key.clone(), &side.monorepo.root, began.as_secs())
    }
}

fn sorted(mut affected: Vec<Affected>) -> Vec<Affected> {
    affected.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    affected
}

/// Why stacks come out differently.
struct Different<'a> {
    comparison: &'a Comparison<'a>,
    inputs: Inputs<'a>,
    base: Reuse<'a>,
    head: Reuse<'a>,
}

impl Different<'_> {
    /// Why a stack differs; `None` if it does not.
    fn because(&self, pair: (StackId, StackId), base: &Finished, head: &Finished) -> Option<Vec<String>> {
        let is_same = match (base.failure(), head.failure()) {
            (None, None) => base.artifact == head.artifact,
            (Some(before), Some(now)) => self.told(before) == self.told(now),
            _ => false,
        };
        if is_same {
            return None;
        }
        let volatile: BTreeSet<Volatile> =
            base.remarks().volatile.iter().chain(&head.remarks().volatile).copied().collect();
        if !self.comparison.reasons && volatile.is_empty() {
            return Some(Vec::new());
        }
        let mut because: Vec<String> = match (base.failure(), head.failure()) {
            (None, None) => self.reason(pair).into_iter().collect(),
            (Some(_), Some(_)) => vec!["it fails in another way".to_owned()],
            (Some(_), None) => vec!["it failed before".to_owned()],
            (None, Some(_)) => vec!["it fails now".to_owned()],
        };
        let inputs = self.inputs.differences(pair).because();
        if !volatile.is_empty() && inputs.is_none() {
            return None;
        }
        because.extend(volatile.into_iter().map(|what| format!("its result depends on {}", source(what))));
        let more: Vec<String> = inputs.into_iter().flatten().filter(|file| !because.contains(file)).collect();
        because.extend(more);
        if because.is_empty() {
            because.push("it comes out differently".to_owned());
        }
        Some(because)
    }

    /// What stands against reusing the base's result.
    fn reason(&self, (before, now): (StackId, StackId)) -> Option<String> {
        let Comparison { base, head, store, .. } = self.comparison;
        let folder = head.monorepo.folder(head.monorepo.stack(now));
        let evidence: Evidence = self.base.evidence(base.monorepo.stack(before), &folder)?;
        let unit = CompileUnit::of_stack(head.shared.world, store, &head.monorepo.root, &folder).ok()?;
        let ready = prepare(head.shared, &unit, head.shared.world).ok()?;
        match self.head.why(&folder, &evidence, &unit, &ready)? {
            Reason::New | Reason::Lost | Reason::Moved => None,
            Reason::File(file) => Some(self.inputs.change(&paths::join(&folder, file))),
            reason => Some(reason.to_string()),
        }
    }

    /// A failure as it is told, without places: these move when something is written above them.
    fn told(&self, failure: &Failure) -> Vec<String> {
        let root = &self.comparison.head.monorepo.root;
        let show = |path: &Path| paths::relative(root, path).to_string_lossy().into_owned();
        let problem = |problem: &Problem| format!("{}: {}", problem.code(), problem.message(&show));
        match failure {
            Failure::Monorepo(problems) => problems.iter().map(problem).collect(),
            Failure::Program(diagnostics, problems) => {
                let told = diagnostics.iter().map(|it| format!("{}: {}", it.code.as_str(), it.message));
                told.chain(problems.iter().map(problem)).collect()
            }
            Failure::BadGolden(why) | Failure::Write(why) | Failure::Crash(why) => vec![why.clone()],
            Failure::Audit(missing) => missing.clone(),
            Failure::Differs(_) => Vec::new(),
        }
    }
}

fn source(volatile: Volatile) -> &'static str {
    match volatile {
        Volatile::Clock => "the clock",
        Volatile::Random => "random numbers",
        Volatile::Environment => "the environment",
        Volatile::SideEffect => "files that it changes",
    }
}

/// What stacks and the packages that they import ask for, where the two sides answer differently.
struct Inputs<'a> {
    sides: [Side<'a>; 2],
    store: &'a PackageStore,
    answers: [Answers<'a>; 2],
    /// What differs for the packages of a closure, once for all stacks that have the same.
    closures: [Memory<Vec<PackageId>, Arc<Differences>>; 2],
    /// What differs for a package, once for all closures that have it.
    packages: [Memory<PackageId, Arc<Differences>>; 2],
}

/// What differs for a stack.
#[derive(Debug, Clone, Default)]
struct Differences {
    /// Files and folders, in words.
    files: BTreeMap<PathBuf, String>,
    /// Whether it may read any file there is.
    reads: bool,
}

impl<'a> Inputs<'a> {
    fn new(comparison: &'a Comparison<'a>) -> Self {
        let sides = [comparison.base, comparison.head];
        let answers = sides.map(|side| Answers::new(side.shared.world, Known::default()));
        let store = comparison.store;
        Self { sides, store, answers, closures: Default::default(), packages: Default::default() }
    }

    fn differences(&self, (before, now): (StackId, StackId)) -> Differences {
        // Both load a program, which is most of what it costs to tell of one stack.
        let (mut all, now) = rayon::join(|| self.on_side(0, before), || self.on_side(1, now));
        all.add(&now);
        all
    }

    fn on_side(&self, number: usize, stack: StackId) -> Differences {
        let Side { shared, monorepo } = self.sides[number];
        let importers =
            ImportsOf { program: shared.program, world: shared.world, store: self.store, monorepo };
        let Followed { settings, program } = importers.follow(stack);
        let mut all = Differences::default();
        for query in &settings {
            self.compare(query, &mut all);
        }
        // What is wrong with settings is known from what they were read from.
        let Ok((_, main)) = program else { return all };
        self.compare_package(&main.package, &mut all);
        all.add(&self.imported(number, &main.closure));
        all
    }

    /// What differs for the packages of a closure on one side.
    fn imported(&self, number: usize, closure: &[PackageId]) -> Arc<Differences> {
        self.closures[number].get_or(closure, || {
            let mut imported = Differences::default();
            for id in closure {
                imported.add(&self.package(number, *id));
            }
            Arc::new(imported)
        })
    }

    /// What differs for a package on one side.
    fn package(&self, number: usize, id: PackageId) -> Arc<Differences> {
        self.packages[number].get_or(&id, || {
            let mut differences = Differences::default();
            self.compare_package(self.sides[number].shared.program.package(id), &mut differences);
            Arc::new(differences)
        })
    }

    fn compare_package(&self, package: &Package, differences: &mut Differences) {
        for query in package.asked() {
            self.compare(query, differences);
        }
        // These system modules read files whose names only an evaluation tells.
        let reads = |target| matches!(target, ImportTarget::System("file" | "crypto"));
        let files = package.files.iter();
        differences.reads |= files.flat_map(|file| file.imports.values()).any(|import| reads(import.target));
    }

    fn compare(&self, query: &Query, differences: &mut Differences) {
        if self.is_one_place(query) {
            return;
        }
        let [before, now] = self.answers.each_ref().map(|answers| answers.answer(query));
        if before == now {
            return;
        }
        match query {
            Query::Content(path) | Query::IsFile(path) => {
                differences.files.insert(path.clone(), self.change(path));
            }
            Query::Folder(path) => {
                let names = self.sides.map(|side| side.shared.world.folder(path).unwrap_or_default());
                let names = names.map(|names| names.iter().cloned().collect::<BTreeSet<_>>());
                for name in names[0].symmetric_difference(&names[1]) {
                    let path = path.join(name);
                    let change = self.change(&path);
                    differences.files.insert(path, change);
                }
                if names[0] == names[1] {
                    differences.files.insert(path.clone(), self.change(path));
                }
            }
            Query::Glob(..) => differences.reads = true,
        }
    }

    /// Whether a query is about something that both sides have from the disk, so that it need not be read.
    fn is_one_place(&self, query: &Query) -> bool {
        let worlds = self.sides.map(|side| side.shared.world);
        let path = match query {
            Query::Content(path) | Query::IsFile(path) => path,
            // Of the working tree, folders without files are listed too.
            Query::Folder(path) if worlds.iter().all(|world| world.overlay().is_some()) => path,
            Query::Folder(_) | Query::Glob(..) => return false,
        };
        let [before, now] = worlds.map(|world| world.on_disk(path));
        before.is_some() && before == now
    }

    /// What became of a path, in words.
    fn change(&self, path: &Path) -> String {
        let what = self.what(path).unwrap_or(Change::Modified).words();
        let root = &self.sides[1].monorepo.root;
        format!("`{}` {what}", paths::slashed(&paths::relative(root, path)))
    }

    /// What became of a path; `None` where neither side has anything there.
    fn what(&self, path: &Path) -> Option<Change> {
        let there = self.sides.map(|side| {
            let world = side.shared.world;
            world.is_file(path) || world.folder(path).is_some()
        });
        match there {
            [false, true] => Some(Change::Added),
            [true, false] => Some(Change::Removed),
            [true, true] => Some(Change::Modified),
            [false, false] => None,
        }
    }
}

impl Differences {
    fn add(&mut self, other: &Self) {
        self.files.extend(other.files.iter().map(|(path, text)| (path.clone(), text.clone())));
        self.reads |= other.reads;
    }

    /// In words; `None` if nothing that counts differs. Two revisions that are compared do differ somewhere.
    fn because(&self) -> Option<Vec<String>> {
        let Self { files, reads } = self;
        if files.is_empty() {
            return reads.then(|| vec!["it reads files, and some file changed".to_owned()]);
        }
        let more = files.len().saturating_sub(NAMED);
        let mut because: Vec<String> = files.values().take(NAMED).cloned().collect();
        match more {
            0 => {}
            1 => because.push("1 more file differs".to_owned()),
            _ => because.push(format!("{more} more files differ")),
        }
        Some(because)
    }
}
