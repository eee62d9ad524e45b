//! Proof for many stacks at once. Where all that a stack itself asked has the answers of then, whether it comes out as it
//! did is decided by what it used of packages, and thousands of stacks used the same. So it is asked once for all of these,
//! and neither their files nor their records are looked at.
//!
//! It is the proof over interfaces, for those that somebody else vouches for: the survey, for nothing it has seen differs.
//! Deliberately absent: records of the new state. Those of then hold by the same proof.

use std::path::PathBuf;
use std::sync::Arc;

use cache::{Digest, Short};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::record::{PackageState, Record};
use super::{Closure, Differences, Reuse, unit_answer};
use crate::build::compile::{self, prepare};
use crate::monorepo::answers::{Answer, Known};
use crate::monorepo::{CompileUnit, Monorepo, PackageStore, StackId};

/// What decides, of stacks whose own files are as they were, whether they come out as they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::build) struct GroupKey {
    /// See [`Record`], also for the others.
    unit: Answer,
    imports: [u8; 16],
    interface: Short,
    reach: Option<[u8; 16]>,
    imported: Short,
}

impl GroupKey {
    /// The group of a stack that a record holds for; none where it takes a look at its own files.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let Record { unit, imports, imported, reach, .. } = *record;
        let interface = record.interface.filter(|_| !record.warned && !record.coarse)?;
        Some(Self { unit, imports, interface, reach, imported })
    }
}

/// The packages that stacks import, with the digest of that list.
pub(in crate::build) type Imports = (Digest, Arc<Vec<PackageState>>);

/// Stacks of a group, by their places in a list.
pub(in crate::build) type Members = (GroupKey, Vec<usize>);

/// What became of a group.
pub(in crate::build) struct Proven {
    /// The stacks that come out as they did.
    pub(in crate::build) members: Vec<usize>,
    /// What they import now, if compiles have seen the files as they are answered for.
    pub(in crate::build) packages: Option<Imports>,
}

impl Reuse<'_> {
    /// Takes over what an earlier process knew of files.
    pub fn know(&mut self, files: Known) {
        self.answers.know(files);
    }

    /// The stacks of groups that come out as they did, given that nothing they asked themselves has another answer.
    pub(in crate::build) fn prove_groups(
        &self,
        (monorepo, store): (&Monorepo, &PackageStore),
        stacks: &[StackId],
        groups: &[Members],
    ) -> Vec<Proven> {
        let unit = |at: &usize| {
            let folder = monorepo.folder(monorepo.stack(*stacks.get(*at)?));
            let unit = CompileUnit::of_stack(self.shared.world, store, &monorepo.root, &folder).ok()?;
            Some((unit, folder))
        };
        // A list of imports leads all that have it to the same packages.
        let mut samples: Vec<(&[u8; 16], &usize)> =
            groups.iter().filter_map(|(group, members)| Some((&group.imports, members.first()?))).collect();
        samples.sort_unstable();
        samples.dedup_by_key(|(imports, _)| *imports);
        samples.par_iter().with_max_len(1).for_each(|(imports, at)| {
            // Where the sample crashes or fails, its group is not proven, and it is said when the stack is built.
            let _ = compile::caught(|| unit(at).and_then(|(unit, _)| self.load(imports, &unit)));
        });
        let prove = |(group, members): &Members| {
            let closure = self.by_imports.known(&group.imports)?;
            self.prove_group(group, members, &closure, &unit)
        };
        groups.par_iter().filter_map(prove).collect()
    }

    /// Loads what a stack imports, if it still imports what is expected.
    fn load(&self, imports: &[u8; 16], unit: &CompileUnit) -> Option<()> {
        if self.by_imports.known(imports).is_some() {
            return None;
        }
        let ready = prepare(self.shared, unit, self.shared.world).ok()?;
        if self.imports(unit, &ready) == *imports {
            self.by_imports.get_or(imports, || self.closure(&ready.main.closure));
        }
        None
    }

    fn prove_group(
        &self,
        group: &GroupKey,
        members: &[usize],
        closure: &Closure,
        unit: &(impl Fn(&usize) -> Option<(CompileUnit, PathBuf)> + Sync),
    ) -> Option<Proven> {
        if !self.has_interface(closure, &group.interface)
            || self.differences(&group.imported, closure) != Differences::default()
        {
            return None;
        }
        let packages = closure.confirmed.then(|| (closure.encoded.digest, Arc::clone(&closure.state)));
        if group.reach.is_some() && group.reach == self.reach_of(closure) {
            return Some(Proven { members: members.to_vec(), packages });
        }
        let found = |at: &usize| {
            let (unit, folder) = unit(at)?;
            let is_same = unit_answer(&unit, &folder) == group.unit;
            is_same.then(|| closure.health.of(self.shared, &unit, &closure.ids))
        };
        let is_well = |at: &&usize| {
            let found = found(at).filter(|found| !found.asked.asks_for_files());
            found.is_some_and(|found| self.illness_of(&found, &group.imported).is_none())
        };
        let first = found(members.first()?)?;
        // Nobody has noted that these stacks ask for files that packages ask for only now.
        if first.asked.asks_for_files() {
            return None;
        }
        let members = match first.asked.is_nothing() {
            true if self.illness_of(&first, &group.imported).is_some() => return None,
            true => members.to_vec(),
            false => members.par_iter().filter(is_well).copied().collect(),
        };
        Some(Proven { members, packages })
    }
}
