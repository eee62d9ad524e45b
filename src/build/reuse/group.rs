//! Proof for many stacks at once. Where all that a stack itself asked has the answers of then, whether it comes out as it
//! did is decided by what it used of packages, and thousands of stacks used the same. So it is asked once for all of these,
//! and neither their files nor their records are looked at.
//!
//! It is the proof over interfaces, for those that somebody else vouches for: the survey, for nothing it has seen differs.
//! Deliberately absent: records of the new state. Those of then hold by the same proof.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use cache::{Digest, Short};
use kcl::package::PackageId;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::health::Found;
use super::record::{Frame, PackageState, Record};
use super::used::Imported;
use super::{Cell, Closure, Differences, Reason, Reuse, decode, unit_answer};
use crate::build::compile::{self, prepare};
use crate::monorepo::answers::{Answer, Known};
use crate::monorepo::{CompileUnit, Monorepo, PackageStore, StackId};

/// What decides, of stacks whose own files are as they were, whether they come out as they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::build) struct GroupKey {
    /// See [`Frame`] and [`Record`], also for the others.
    unit: Answer,
    imports: [u8; 16],
    interface: Short,
    reach: Option<[u8; 16]>,
    imported: Short,
    values: Option<Answer>,
}

impl GroupKey {
    /// The group of a stack that a record holds for; none where it takes a look at its own files.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let Record { imported, values, .. } = *record;
        let Frame { unit, imports, reach, interface, .. } = *record.frame;
        let interface = interface.filter(|_| !record.warned && !record.coarse)?;
        Some(Self { unit, imports, interface, reach, imported, values })
    }
}

/// The packages that stacks import, with the digest of that list.
pub(in crate::build) type Imports = (Digest, Arc<Vec<PackageState>>);

/// Stacks of a group, by their places in a list.
pub(in crate::build) type Members = (GroupKey, Vec<usize>);

/// What became of a group.
pub(in crate::build) enum Judged {
    Proven(Proven),
    Differing(Differing),
}

/// Stacks that come out as they did.
pub(in crate::build) struct Proven {
    pub(in crate::build) members: Vec<usize>,
    /// What they import now, if compiles have seen the files as they are answered for.
    pub(in crate::build) packages: Option<Imports>,
}

/// Stacks of which packages have other code than they used then, or come to other values.
pub(in crate::build) struct Differing {
    pub(in crate::build) members: Vec<usize>,
    /// The first of what is not as it was.
    pub(in crate::build) reason: Reason,
    /// The packages that they import now.
    pub(in crate::build) packages: Vec<PackageId>,
}

/// How many blobs a thread reads at once.
const BLOBS: usize = 256;

impl Reuse<'_> {
    /// Takes over what an earlier process knew of files.
    pub fn know(&mut self, files: Known) {
        self.answers.know(files);
    }

    /// What can be told of groups, given that nothing their stacks asked themselves has another answer. Stacks that nothing is said
    /// of take a closer look.
    pub(in crate::build) fn judge_groups(
        &self,
        (monorepo, store): (&Monorepo, &PackageStore),
        stacks: &[StackId],
        groups: &[Members],
    ) -> Vec<Judged> {
        let unit = |at: &usize| {
            let folder = monorepo.folder(monorepo.stack(*stacks.get(*at)?));
            let unit = CompileUnit::of_stack(self.shared.world, store, &monorepo.root, &folder).ok()?;
            Some((unit, folder))
        };
        self.read_used(groups);
        // A list of imports leads all that have it to the same packages.
        let mut samples: Vec<(&[u8; 16], &usize)> =
            groups.iter().filter_map(|(group, members)| Some((&group.imports, members.first()?))).collect();
        samples.sort_unstable();
        samples.dedup_by_key(|(imports, _)| *imports);
        samples.par_iter().with_max_len(1).for_each(|(imports, at)| {
            // Where the sample crashes or fails, nothing is said of its group, and it is said when the stack is built.
            let _ = compile::caught(|| unit(at).and_then(|(unit, _)| self.load(imports, &unit)));
        });
        let judge = |(group, members): &Members| {
            let closure = self.by_imports.known(&group.imports)?;
            self.judge_group(group, members, &closure, &unit)
        };
        groups.par_iter().filter_map(judge).collect()
    }

    /// Reads what the stacks of groups used of packages, all of it at once.
    fn read_used(&self, groups: &[Members]) {
        let read = |shorts: BTreeSet<Short>| {
            let shorts: Vec<Short> = shorts.into_iter().collect();
            let blobs = shorts.par_chunks(BLOBS).flat_map_iter(|some| self.store.blobs_from(some));
            let blobs: Vec<Option<(Digest, Vec<u8>)>> = blobs.collect();
            shorts.into_iter().zip(blobs)
        };
        let lists = read(groups.iter().map(|(group, _)| group.imported).collect());
        let lists = lists.filter_map(|(short, blob)| Some((short, decode::<Imported>(&blob?.1)?)));
        let lists: Vec<(Short, Imported)> = lists.collect();
        for (short, blob) in read(lists.iter().flat_map(|(_, list)| list).copied().collect()) {
            let Some((digest, bytes)) = blob else { continue };
            self.whole.get_or(&short, || Some(digest));
            let cell = self.used.get_or(&digest, Cell::default);
            cell.get_or_init(|| decode(&bytes).map(Arc::new));
        }
        for (short, list) in lists {
            let cell = self.lists.get_or(&short, Cell::default);
            cell.get_or_init(|| list.iter().map(|short| self.whole(short)).collect());
        }
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

    fn judge_group(
        &self,
        group: &GroupKey,
        members: &[usize],
        closure: &Closure,
        unit: &(impl Fn(&usize) -> Option<(CompileUnit, PathBuf)> + Sync),
    ) -> Option<Judged> {
        let differing = |reason| {
            Judged::Differing(Differing { members: members.to_vec(), reason, packages: closure.ids.clone() })
        };
        let proven = |members| {
            let packages = closure.confirmed.then(|| (closure.encoded.digest, Arc::clone(&closure.state)));
            Judged::Proven(Proven { members, packages })
        };
        let Differences { code, behind, check } = self.differences(&group.imported, closure);
        if let Some(reason) = code {
            return Some(differing(reason));
        }
        if check.is_some() || !self.has_interface(closure, &group.interface) {
            return None;
        }
        if behind.is_none() && group.reach.is_some() && group.reach == self.reach_of(closure) {
            return Some(proven(members.to_vec()));
        }
        let found = |at: &usize| {
            let (unit, folder) = unit(at)?;
            let is_same = unit_answer(&unit, &folder) == group.unit;
            is_same.then(|| closure.health.of(self.shared, &unit, &closure.ids))
        };
        let is_well = |found: &Found| self.illness_of(found, &group.imported).is_none();
        let is_same =
            |found: &Found| behind.is_none() || self.comes_to(&group.imported, group.values, found, closure);
        let first = found(members.first()?)?;
        // Nobody has noted that these stacks ask for files that packages ask for only now.
        if first.asked.asks_for_files() {
            return None;
        }
        if first.asked.is_nothing() {
            return match behind {
                _ if !is_well(&first) => None,
                Some(ref reason) if !is_same(&first) => Some(differing(reason.clone())),
                _ => Some(proven(members.to_vec())),
            };
        }
        let holds = |at: &&usize| {
            let found = found(at).filter(|found| !found.asked.asks_for_files());
            found.is_some_and(|found| is_well(&found) && is_same(&found))
        };
        Some(proven(members.par_iter().filter(holds).copied().collect()))
    }
}
