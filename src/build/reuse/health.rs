//! Whether the packages of a closure can be evaluated: asked once for all stacks that it cannot differ for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cache::Short;
use kcl::eval::{Health, Trace, Used};
use kcl::lower::fingerprint::Fingerprint;
use kcl::package::PackageId;
use kcl::world::Query;
use rustc_hash::FxHashMap;

use super::record::{Frame, Question, Record};
use super::{Closure, Reason, Reuse, changed_options, option_value, options};
use crate::build::compile::{self, Shared};
use crate::monorepo::CompileUnit;

/// What an evaluation of a closure asked for, as far as stacks differ in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    options: Vec<String>,
    /// Files; where relative paths start and where paths may lead counts then.
    queries: Vec<Query>,
    /// It asked where the files are.
    location: bool,
    /// What it asked for is not known.
    all: bool,
}

/// What a unit answers to that.
#[derive(PartialEq, Eq, Hash)]
struct Given {
    options: Vec<Option<String>>,
    folders: Option<(PathBuf, Option<PathBuf>)>,
    strict_range: bool,
}

impl Asked {
    /// Whether it asked for files.
    pub(super) fn asks_for_files(&self) -> bool {
        self.all || !self.queries.is_empty()
    }

    /// Whether it is the same for all units with the same flags.
    pub(super) fn is_nothing(&self) -> bool {
        self.options.is_empty() && !self.location && !self.asks_for_files()
    }

    fn given(&self, unit: &CompileUnit) -> Given {
        let options = self.options.iter().map(|name| option_value(unit, name).map(str::to_owned)).collect();
        let located = self.location || self.asks_for_files();
        let folders = located.then(|| (unit.work_dir.clone(), unit.module_root.clone()));
        Given { options, folders, strict_range: unit.flags.strict_range.unwrap_or(false) }
    }
}

/// What packages that can be evaluated come to.
pub(super) struct Healthy {
    /// The packages that say what the output is.
    prints: Vec<PackageId>,
    /// See [`Health::values`].
    pub(super) values: FxHashMap<Used, Fingerprint>,
}

/// What was found out about evaluating a closure.
#[derive(Clone)]
pub(super) struct Found {
    /// What the packages come to; `None` where one of them fails.
    pub(super) healthy: Option<Arc<Healthy>>,
    /// What that depends on.
    pub(super) asked: Arc<Asked>,
}

/// What was found out, by what a unit answers to what was asked for; next to always that is the same for all.
type ByAsked = Vec<(Arc<Asked>, FxHashMap<Given, Found>)>;

/// What was found out.
#[derive(Default)]
pub(super) struct HealthMemory(Mutex<ByAsked>);

impl HealthMemory {
    /// What evaluating a closure for a unit comes to.
    pub(super) fn of(&self, shared: &Shared<'_>, unit: &CompileUnit, closure: &[PackageId]) -> Found {
        if let Some(found) = self.known(unit) {
            return found;
        }
        let health = compile::health(shared, unit, closure);
        let asked = match &health {
            Some(Health { trace: Trace { options, queries, location, .. }, .. }) => {
                Asked { options: options.clone(), queries: queries.clone(), location: *location, all: false }
            }
            // What a failure depends on is not known: it counts for units that are alike in everything.
            None => {
                let options = unit.options.iter().map(|(name, _)| name.clone()).collect();
                Asked { options, all: true, ..Asked::default() }
            }
        };
        let asked = Arc::new(asked);
        let healthy = health.map(|Health { prints, values, .. }| Arc::new(Healthy { prints, values }));
        let found = Found { healthy, asked: Arc::clone(&asked) };
        let given = asked.given(unit);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.iter_mut().find(|(other, _)| *other == asked) {
            Some((_, all)) => _ = all.insert(given, found.clone()),
            None => known.push((asked, FxHashMap::from_iter([(given, found.clone())]))),
        }
        found
    }

    fn known(&self, unit: &CompileUnit) -> Option<Found> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find_map(|(asked, found)| found.get(&asked.given(unit))).cloned()
    }
}

impl Reuse<'_> {
    /// Why packages stand against reuse, although nothing that is used of them changed: they may fail now, or say what the
    /// output is.
    pub(super) fn illness(
        &self,
        folder: &Path,
        record: &Record,
        unit: &CompileUnit,
        closure: &Closure,
    ) -> Option<Reason> {
        if self.is_idle_same(folder, record, unit) && self.has_same_reach(record, closure) {
            return None;
        }
        self.illness_of(&closure.health.of(self.shared, unit, &closure.ids), &record.imported)
    }

    /// Whether the options and files are as they were that only packages asked for.
    pub(super) fn is_idle_same(&self, folder: &Path, record: &Record, unit: &CompileUnit) -> bool {
        changed_options(unit, &record.idle_options).next().is_none()
            && self.changed_files(folder, &record.idle_files).next().is_none()
    }

    /// The same, given what became of the packages, for all stacks that used these lists.
    pub(super) fn illness_of(&self, found: &Found, imported: &Short) -> Option<Reason> {
        let Some(Healthy { prints, .. }) = found.healthy.as_deref() else { return Some(Reason::Unhealthy) };
        if prints.is_empty() {
            return None;
        }
        let lists = self.used_by(imported).unwrap_or_default();
        let known = |id: &PackageId| {
            let identity = self.shared.program.identity(*id, self.root);
            lists.iter().any(|used| used.package == identity && used.counts_statements())
        };
        (!prints.iter().all(known)).then_some(Reason::Prints)
    }

    /// A record that says, of other packages than before, what else they asked for. `None` where that cannot be kept.
    pub(super) fn with_packages(
        &self,
        folder: &Path,
        record: &Record,
        unit: &CompileUnit,
        closure: &Closure,
    ) -> Option<Record> {
        let packages = closure.encoded.digest.short();
        if self.has_same_reach(record, closure) {
            let frame = Arc::new(Frame { packages, ..(*record.frame).clone() });
            return Some(Record { frame, ..record.clone() });
        }
        let Asked { options: names, queries, .. } =
            &*closure.health.of(self.shared, unit, &closure.ids).asked;
        let mut idle_options = options(unit, names);
        idle_options.retain(|option| !record.options.contains(option));
        let files = queries.iter().map(|it| Some((Question::of(it, folder), self.answers.confirmed(it)?)));
        let mut idle_files = files.collect::<Option<Vec<_>>>()?;
        idle_files.retain(|file| !record.files.contains(file));
        let reach = self.reach_of(closure);
        let frame = Arc::new(Frame { packages, reach, ..(*record.frame).clone() });
        Some(Record { frame, idle_options, idle_files, ..record.clone() })
    }

    /// Whether evaluating packages comes to what it came to for a record, if options and files are the same.
    fn has_same_reach(&self, record: &Record, closure: &Closure) -> bool {
        self.has_packages(record, closure)
            || record.frame.reach.is_some() && record.frame.reach == self.reach_of(closure)
    }
}
