//! Whether the packages of a closure can be evaluated: asked once for all stacks that it cannot differ for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kcl::eval::{Health, Used};
use kcl::lower::fingerprint::Fingerprint;
use kcl::package::PackageId;
use rustc_hash::FxHashMap;

use super::{all_options, option_value, options};
use crate::build::compile::{self, Shared};
use crate::monorepo::CompileUnit;

/// What a closure's evaluation depends on besides code, as far as stacks differ in it.
struct Asked {
    options: Vec<(String, Option<String>)>,
    /// Where relative paths start and where paths may lead, if it asks for files or where they are.
    folders: Option<(PathBuf, Option<PathBuf>)>,
    strict_range: Option<bool>,
}

impl Asked {
    fn fits(&self, unit: &CompileUnit) -> bool {
        let same = |(name, value): &(String, Option<String>)| option_value(unit, name) == value.as_deref();
        self.options.iter().all(same)
            && self.folders.as_ref().is_none_or(|it| *it == folders(unit))
            && self.strict_range == unit.flags.strict_range
    }
}

fn folders(unit: &CompileUnit) -> (PathBuf, Option<PathBuf>) {
    (unit.work_dir.clone(), unit.module_root.clone())
}

/// What packages that can be evaluated come to.
pub(super) struct Healthy {
    /// The packages that say what the output is.
    pub(super) prints: Vec<PackageId>,
    /// See [`Health::values`].
    pub(super) values: FxHashMap<Used, Fingerprint>,
}

/// What was found out about evaluating a closure.
#[derive(Default)]
pub(super) struct HealthMemory(Mutex<Vec<(Asked, Option<Arc<Healthy>>)>>);

impl HealthMemory {
    /// What the packages come to; `None` where one of them fails.
    pub(super) fn of(
        &self,
        shared: &Shared<'_>,
        unit: &CompileUnit,
        closure: &[PackageId],
    ) -> Option<Arc<Healthy>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, healthy)) = known.iter().find(|(asked, _)| asked.fits(unit)) {
            return healthy.clone();
        }
        let health = compile::health(shared, unit, closure);
        let strict_range = unit.flags.strict_range;
        let asked = match &health {
            Some(Health { trace, .. }) => Asked {
                options: options(unit, &trace.options),
                folders: (trace.location || !trace.queries.is_empty()).then(|| folders(unit)),
                strict_range,
            },
            // What a failure depends on is not known: it counts for units that are alike in everything.
            None => Asked { options: all_options(unit), folders: Some(folders(unit)), strict_range },
        };
        let healthy = health.map(|Health { prints, values, .. }| Arc::new(Healthy { prints, values }));
        known.push((asked, healthy.clone()));
        healthy
    }
}
