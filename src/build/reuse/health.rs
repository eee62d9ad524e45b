//! Whether the packages of a closure can be evaluated: asked once for all stacks that it cannot differ for.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use kcl::eval::Health;
use kcl::package::PackageId;

use super::{all_options, option_value, options};
use crate::build::compile::{self, Shared};
use crate::monorepo::CompileUnit;

/// What a closure's evaluation depends on besides code, as far as stacks differ in it.
struct Asked {
    options: Vec<(String, Option<String>)>,
    /// Where relative paths start and where paths may lead, if it asks for files.
    folders: Option<(PathBuf, Option<PathBuf>)>,
}

impl Asked {
    fn fits(&self, unit: &CompileUnit) -> bool {
        let same = |(name, value): &(String, Option<String>)| option_value(unit, name) == value.as_deref();
        self.options.iter().all(same) && self.folders.as_ref().is_none_or(|it| *it == folders(unit))
    }
}

fn folders(unit: &CompileUnit) -> (PathBuf, Option<PathBuf>) {
    (unit.work_dir.clone(), unit.module_root.clone())
}

/// What was found out about evaluating a closure.
#[derive(Default)]
pub(super) struct HealthMemory(Mutex<Vec<(Asked, Option<Vec<PackageId>>)>>);

impl HealthMemory {
    /// The packages that say what the output is; `None` where one of the packages fails.
    pub(super) fn prints(
        &self,
        shared: &Shared<'_>,
        unit: &CompileUnit,
        closure: &[PackageId],
    ) -> Option<Vec<PackageId>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prints)) = known.iter().find(|(asked, _)| asked.fits(unit)) {
            return prints.clone();
        }
        let health = compile::health(shared, unit, closure);
        let asked = match &health {
            Some(Health { trace, .. }) => Asked {
                options: options(unit, &trace.options),
                folders: (!trace.queries.is_empty()).then(|| folders(unit)),
            },
            // What a failure depends on is not known: it counts for units that are alike in everything.
            None => Asked { options: all_options(unit), folders: Some(folders(unit)) },
        };
        let prints = health.map(|health| health.prints);
        known.push((asked, prints.clone()));
        prints
    }
}
