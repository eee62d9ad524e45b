//! What two revisions make of stacks that differ only by packages, told by groups and for both together: without a look at the
//! stacks, and without evaluating any.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{Affected, Comparison, Inputs, Remembered, Side, Status};
use crate::build::ahead;
use crate::build::reuse::{Differing, Judged, Members, Proven, Reuse};
use crate::build::survey::{Concerned, SHARE, grouped};
use crate::monorepo::answers::Known;
use crate::monorepo::{Stack, StackId};

/// What is told of stacks that two revisions may have differently; all others come out in both as they did when they were built
/// last.
pub struct Sifted {
    /// Those that come out differently, as far as can be told without evaluating them: one of the revisions has other code of
    /// what they used, or comes to other values. None where few enough are left to evaluate all.
    pub named: Vec<Affected>,
    /// Those of which it takes a closer look to tell.
    pub open: BTreeSet<String>,
}

/// What one of two revisions makes of stacks, by their places in a list.
#[derive(Default)]
struct OneSide {
    /// Those that it has as they were built last.
    same: Vec<usize>,
    /// Those that it has otherwise, those with the same reason together.
    differing: Vec<Differing>,
}

impl OneSide {
    fn add(&mut self, differing: Differing) {
        let Differing { reason, packages, .. } = &differing;
        let is_same = |it: &&mut Differing| it.reason == *reason && Arc::ptr_eq(&it.packages, packages);
        match self.differing.iter_mut().find(is_same) {
            Some(known) => known.members.extend(differing.members),
            None => self.differing.push(differing),
        }
    }
}

/// How many stacks are evaluated to learn whether they really differ.
const MANY: usize = 256;

impl Comparison<'_> {
    /// What can be told of stacks by what they used of packages. Where the answer has to be `exact`, none is named that may come
    /// out the same.
    #[must_use]
    pub fn sift(&self, concerned: &Concerned, exact: bool, remembered: &Remembered<'_>) -> Sifted {
        let sides = self.sides().map(|side| remembered.reuse(side, Known::default()));
        let otherwise = || sides.iter().zip(concerned.otherwise).filter(|(_, otherwise)| *otherwise);
        let read_ahead = || otherwise().for_each(|(reuse, _)| ahead::read_all(reuse, &concerned.sources));
        let ((stacks, groups), ()) = rayon::join(|| self.grouped(concerned), read_ahead);
        // A revision whose packages are those of then has all stacks as they were.
        let judged = [0, 1].map(|number| {
            let stacks: Vec<StackId> = stacks.iter().map(|both| both[number]).collect();
            let judge = || self.judged(number, &sides[number], (&stacks, &groups));
            concerned.otherwise[number].then(judge)
        });
        let stacks: Vec<&Stack> = stacks.iter().map(|[_, now]| self.head.monorepo.stack(*now)).collect();
        let mut same = vec![2 - judged.iter().flatten().count(); stacks.len()];
        judged.iter().flatten().flat_map(|side| &side.same).for_each(|at| same[*at] += 1);
        let as_built = stacks.iter().zip(&same).filter(|(_, sides)| **sides == 2);
        let mut told: FxHashSet<&str> = as_built.map(|(stack, _)| stack.path.as_str()).collect();
        let is_named = !exact && concerned.stacks.len() - told.len() > MANY;
        let named = || if is_named { self.named(&judged, (&stacks, &same)) } else { Vec::new() };
        // What was read to judge is freed meanwhile.
        let (named, ()) = rayon::join(named, || drop(sides));
        told.extend(named.iter().map(|stack| stack.path.as_str()));
        let open = concerned.stacks.iter().filter(|path| !told.contains(path.as_str())).cloned().collect();
        Sifted { named, open }
    }

    fn sides(&self) -> [Side<'_>; 2] {
        [self.base, self.head]
    }

    /// The stacks that are in groups and in both revisions, and the groups with their places among these.
    fn grouped(&self, concerned: &Concerned) -> (Vec<[StackId; 2]>, Vec<Members>) {
        let (base, head) = (self.base.monorepo, self.head.monorepo);
        let are_same = Arc::ptr_eq(&base.stacks, &head.stacks);
        let in_both = |(path, group): (&String, &u32)| {
            let now = head.stack_at(path)?;
            let before = if are_same { now } else { base.stack_at(path)? };
            Some((*group, [before, now]))
        };
        let all: Vec<(&String, &u32)> = concerned.groups.iter().collect();
        let (groups, stacks): (Vec<u32>, Vec<[StackId; 2]>) =
            all.into_par_iter().with_min_len(SHARE).filter_map(in_both).unzip();
        (stacks, grouped(groups.into_iter().zip(0..).collect(), &concerned.keys))
    }

    /// What can be told of stacks on one side.
    fn judged(
        &self,
        number: usize,
        reuse: &Reuse<'_>,
        (stacks, groups): (&[StackId], &[Members]),
    ) -> OneSide {
        let monorepo = self.sides()[number].monorepo;
        let mut told = OneSide::default();
        for judged in reuse.judge_groups((monorepo, self.store), stacks, groups) {
            match judged {
                Judged::Proven(Proven { members, .. }) => told.same.extend(members),
                Judged::Differing(differing) => told.add(differing),
            }
        }
        told
    }

    /// The stacks that one revision has as they were built last, of which there is one in `same`, and the other one has otherwise.
    fn named(&self, judged: &[Option<OneSide>; 2], (stacks, same): (&[&Stack], &[usize])) -> Vec<Affected> {
        let (inputs, monorepo) = (Inputs::new(self), self.head.monorepo);
        let sides = judged.par_iter().enumerate();
        let all = sides.flat_map(|(number, side)| {
            side.par_iter().flat_map(|side| &side.differing).map(move |differing| (number, differing))
        });
        let named = all.flat_map(|(number, Differing { members, reason, packages })| {
            let files = inputs.imported(number, packages).because();
            let because: Arc<[String]> =
                std::iter::once(reason.to_string()).chain(files.into_iter().flatten()).collect();
            let affected = move |at: &usize| {
                (*at, Affected::new(monorepo, stacks[*at], Status::Modified, Arc::clone(&because)))
            };
            members.par_iter().with_min_len(SHARE).filter(|at| same[**at] == 1).map(affected)
        });
        // Their places are in the order of their paths.
        let mut named: Vec<(usize, Affected)> = named.collect();
        named.sort_unstable_by_key(|(at, _)| *at);
        named.into_iter().map(|(_, affected)| affected).collect()
    }
}
