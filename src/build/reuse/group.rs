//! Proof for many stacks at once. Where all that a stack itself asked has the answers of then, whether it comes out as it
//! did is decided by what it used of packages, and thousands of stacks used the same. So it is asked once for all of these,
//! and neither their files nor their records are looked at.
//!
//! It is the proof over interfaces, for those that somebody else vouches for: the survey, for nothing it has seen differs.
//! Deliberately absent: records of the new state. Those of then hold by the same proof.

use std::path::PathBuf;
use std::sync::Arc;

use cache::{Digest, Short};
use kcl::package::PackageId;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::health::Found;
use super::lists::Differences;
use super::record::{Frame, PackageState, Record};
use super::{Closure, Reason, Reuse, unit_answer};
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
    pub(super) imported: Short,
    /// Last, so that groups that differ in this alone are neighbours where they are sorted.
    values: Option<Answer>,
}

impl GroupKey {
    /// How many bytes it takes where all take as many.
    pub(in crate::build) const BYTES: usize = 4 * 16 + 2 * size_of::<Short>() + 1;

    /// As bytes; zeros where there is none of something, which the last one tells.
    pub(in crate::build) fn to_bytes(self) -> [u8; Self::BYTES] {
        let Self { unit, imports, interface, reach, imported, values } = self;
        let marks = u8::from(reach.is_some()) * HAS_REACH + u8::from(values.is_some()) * HAS_VALUES;
        let (reach, values) = (reach.unwrap_or_default(), values.unwrap_or_default());
        let parts: [&[u8]; 7] =
            [&unit.0, &imports, &interface, &reach, &imported, &values.0, std::slice::from_ref(&marks)];
        let mut bytes = [0; Self::BYTES];
        bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// The group that was these bytes.
    pub(in crate::build) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (unit, bytes) = bytes.split_first_chunk()?;
        let (imports, bytes) = bytes.split_first_chunk()?;
        let (interface, bytes) = bytes.split_first_chunk()?;
        let (reach, bytes) = bytes.split_first_chunk()?;
        let (imported, bytes) = bytes.split_first_chunk()?;
        let (values, bytes) = bytes.split_first_chunk()?;
        let &[marks] = bytes else { return None };
        (marks & !(HAS_REACH | HAS_VALUES) == 0).then(|| Self {
            unit: Answer(*unit),
            imports: *imports,
            interface: *interface,
            reach: (marks & HAS_REACH != 0).then_some(*reach),
            imported: *imported,
            values: (marks & HAS_VALUES != 0).then_some(Answer(*values)),
        })
    }

    /// The group of a stack that a record holds for; none where it takes a look at its own files.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let Record { imported, values, .. } = *record;
        let Frame { unit, imports, reach, interface, .. } = *record.frame;
        let interface = interface.filter(|_| !record.warned && !record.coarse)?;
        Some(Self { unit, imports, interface, reach, imported, values })
    }

    /// Whether another one differs in values at most.
    fn is_kin(&self, other: &Self) -> bool {
        *self == Self { values: self.values, ..*other }
    }
}

/// What the last byte of a group says.
const HAS_REACH: u8 = 1;
const HAS_VALUES: u8 = 2;

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
    pub(in crate::build) packages: Arc<[PackageId]>,
}

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
        // A list of imports leads all that have it to the same packages.
        let mut samples: Vec<(&[u8; 16], &usize)> =
            groups.iter().filter_map(|(group, members)| Some((&group.imports, members.first()?))).collect();
        samples.sort_unstable();
        samples.dedup_by_key(|(imports, _)| *imports);
        let load = |(imports, at): &(&[u8; 16], &usize)| {
            // Where the sample crashes or fails, nothing is said of its group, and it is said when the stack is built.
            let _ = compile::caught(|| unit(at).and_then(|(unit, _)| self.load(imports, &unit)));
        };
        let (missing, ()) =
            rayon::join(|| self.read_used(groups), || samples.par_iter().with_max_len(1).for_each(load));
        // Groups of a kin are neighbours.
        let kin: Vec<&[Members]> = groups.chunk_by(|(one, _), (other, _)| one.is_kin(other)).collect();
        let judged = kin.par_iter().flat_map_iter(|groups| self.judge_kin(groups, &unit)).collect();
        self.keep_used(groups, missing);
        judged
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

    /// What can be told of groups that differ in values alone.
    fn judge_kin(
        &self,
        groups: &[Members],
        unit: &(impl Fn(&usize) -> Option<(CompileUnit, PathBuf)> + Sync),
    ) -> Vec<Judged> {
        let Some((group, _)) = groups.first() else { return Vec::new() };
        let Some(closure) = self.by_imports.known(&group.imports) else { return Vec::new() };
        let Differences { code, behind, check } = self.differences(&group.imported, &closure);
        if let Some(reason) = code {
            let members = groups.iter().flat_map(|(_, members)| members).copied().collect();
            return vec![Judged::Differing(Differing {
                members,
                reason,
                packages: Arc::clone(&closure.ids),
            })];
        }
        if check.is_some() || !self.has_interface(&closure, &group.interface) {
            return Vec::new();
        }
        let judge = |group| self.judge_group(group, behind.as_ref(), &closure, unit);
        groups.iter().filter_map(judge).collect()
    }

    /// What can be told of a group that has the code of then; `behind` differs of what values were made from.
    fn judge_group(
        &self,
        (group, members): &Members,
        behind: Option<&Reason>,
        closure: &Closure,
        unit: &(impl Fn(&usize) -> Option<(CompileUnit, PathBuf)> + Sync),
    ) -> Option<Judged> {
        let differing = |reason| {
            Judged::Differing(Differing {
                members: members.clone(),
                reason,
                packages: Arc::clone(&closure.ids),
            })
        };
        let proven = |members| {
            let packages = closure.confirmed.then(|| (closure.encoded.digest, Arc::clone(&closure.state)));
            Judged::Proven(Proven { members, packages })
        };
        if behind.is_none() && group.reach.is_some() && group.reach == self.reach_of(closure) {
            return Some(proven(members.clone()));
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
                Some(reason) if !is_same(&first) => Some(differing(reason.clone())),
                _ => Some(proven(members.clone())),
            };
        }
        let holds = |at: &&usize| {
            let found = found(at).filter(|found| !found.asked.asks_for_files());
            found.is_some_and(|found| is_well(&found) && is_same(&found))
        };
        Some(proven(members.par_iter().filter(holds).copied().collect()))
    }
}
