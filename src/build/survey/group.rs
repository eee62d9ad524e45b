//! Stacks that nothing has happened to but to packages that they import: which ones these are, and what a survey keeps of those
//! that come out as they did all the same.

use std::collections::BTreeMap;
use std::path::Path;

use cache::Digest;
use rayon::prelude::*;

use super::sweep::SHARE;
use super::{Rest, Sweep};
use crate::build::ahead;
use crate::build::reuse::{GroupKey, Imports, Judged, Members, Proven, Reuse};
use crate::monorepo::{Monorepo, Near, PackageStore, StackId};

/// Stacks of a survey that come out as they did with other packages than before.
#[derive(Default)]
pub struct Regrouped {
    /// By the numbers of stacks: which list they import now, unless it is not known for certain.
    stacks: BTreeMap<u32, Option<usize>>,
    packages: Vec<Imports>,
}

impl Regrouped {
    /// Adds what was proven of some stacks.
    fn add(&mut self, packages: Option<Imports>, stacks: impl Iterator<Item = u32>) {
        let list = packages.map(|packages| {
            let known = self.packages.iter().position(|(digest, _)| *digest == packages.0);
            known.unwrap_or_else(|| {
                self.packages.push(packages);
                self.packages.len() - 1
            })
        });
        self.stacks.extend(stacks.map(|stack| (stack, list)));
    }

    /// Whether there are any.
    pub(super) fn is_known(&self) -> bool {
        !self.stacks.is_empty()
    }

    /// What a stack imports now, by its number; `None` where it imports what it did.
    pub(super) fn at(&self, stack: u32) -> Option<Option<&Imports>> {
        self.stacks.get(&stack).map(|list| self.list(*list))
    }

    /// The stacks, with what they import now.
    pub(super) fn stacks(&self) -> impl Iterator<Item = (u32, Option<&Imports>)> {
        self.stacks.iter().map(|(stack, list)| (*stack, self.list(*list)))
    }

    /// All that they import.
    pub(super) fn packages(&self) -> impl Iterator<Item = &Imports> {
        self.packages.iter()
    }

    fn list(&self, at: Option<usize>) -> Option<&Imports> {
        self.packages.get(at?)
    }
}

impl Rest {
    /// The same with another list of packages.
    pub(super) fn with(self, packages: u32) -> Self {
        Self { closures: [packages, self.closures[1]], ..self }
    }
}

impl Sweep {
    /// Proves of stacks that they come out as they did, for only packages that they import changed. Where their artifacts are
    /// intact too, these count as untouched.
    pub fn prove(
        &self,
        reuse: &Reuse<'_>,
        (monorepo, store, out): (&Monorepo, &PackageStore, &Path),
        stacks: &[StackId],
        untouched: &mut [Option<Digest>],
    ) -> Regrouped {
        let mut regrouped = Regrouped::default();
        let members = self.members(monorepo, stacks, untouched);
        if members.is_empty() {
            return regrouped;
        }
        ahead::read_all(reuse, &self.sources(&self.changed));
        let near = Near::new(out);
        for judged in reuse.judge_groups((monorepo, store), stacks, &members) {
            let Judged::Proven(Proven { members, packages }) = judged else { continue };
            let look = |at: &usize| {
                let stack = monorepo.stack(stacks[*at]);
                let rest = self.rest(&stack.path)?;
                let is_intact = rest.is_intact(&near, Path::new(&stack.artifact()));
                Some((*at, self.place(&stack.path)?, is_intact.then(|| rest.artifact())))
            };
            let looked: Vec<_> = members.par_iter().with_min_len(SHARE).filter_map(look).collect();
            for (at, _, artifact) in &looked {
                untouched[*at] = *artifact;
            }
            regrouped.add(packages, looked.iter().map(|(_, place, _)| *place));
        }
        regrouped
    }

    /// Those of some stacks that may come out as they did, for only packages that they import changed: group by group.
    /// `untouched` are the artifacts of those that need no thought.
    fn members(&self, monorepo: &Monorepo, stacks: &[StackId], untouched: &[Option<Digest>]) -> Vec<Members> {
        if self.moved || !self.changed.contains(&true) {
            return Vec::new();
        }
        let group = |(at, id): (usize, &StackId)| {
            let stack = &monorepo.stack(*id).path;
            let is_asked = untouched[at].is_none() && self.unmoved(stack).is_none();
            let group = self.regroupable(stack).filter(|_| is_asked)?;
            Some((group, at))
        };
        let all = stacks.par_iter().enumerate().with_min_len(SHARE).filter_map(group).collect();
        grouped(all, &self.survey.groups)
    }

    /// The number of the group of a stack that nothing has happened to but to the packages that it imports.
    fn regroupable(&self, stack: &str) -> Option<u32> {
        let rest = self.rest(stack)?;
        rest.group.filter(|_| self.is_own_same(rest))
    }

    /// What a stack rests on that comes out as it did, for nothing happened to it or for that was proven.
    pub(in crate::build) fn proven(&self, stack: &str, regrouped: &Regrouped) -> Option<&Rest> {
        let is_proven = || self.place(stack).is_some_and(|place| regrouped.at(place).is_some());
        self.unmoved(stack).or_else(|| self.rest(stack).filter(|_| is_proven()))
    }
}

/// The members of each group, given the numbers of their groups; groups are in the order of their keys.
pub(in crate::build) fn grouped(mut all: Vec<(u32, usize)>, keys: &[GroupKey]) -> Vec<Members> {
    all.sort_unstable();
    let mut groups: Vec<&[(u32, usize)]> = all.chunk_by(|one, other| one.0 == other.0).collect();
    let key = |group: &[(u32, usize)]| &keys[group[0].0 as usize];
    groups.sort_unstable_by(|one, other| key(one).cmp(key(other)));
    let members = |group: &[(u32, usize)]| (*key(group), group.iter().map(|(_, at)| *at).collect());
    groups.into_iter().map(members).collect()
}
