//! What two revisions make of stacks that differ only by packages, told by groups and for both together: without a look at the
//! stacks, and without evaluating any.

use std::collections::BTreeSet;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{Affected, Comparison, Inputs, Remembered, Side, Status};
use crate::build::reuse::{Differing, GroupKey, Judged, Members, Proven};
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
    /// Those that it has otherwise.
    differing: Vec<Differing>,
}

/// How many stacks are evaluated to learn whether they really differ.
const MANY: usize = 256;

impl Comparison<'_> {
    /// What can be told of stacks by what they used of packages. Where the answer has to be `exact`, none is named that may come
    /// out the same.
    #[must_use]
    pub fn sift(&self, concerned: &Concerned, exact: bool, remembered: &Remembered<'_>) -> Sifted {
        let sides = [self.base, self.head];
        let in_both = |(path, group): (&String, &GroupKey)| {
            let [before, now] = sides.map(|side| side.monorepo.stack_at(path));
            Some((*group, [before?, now?]))
        };
        let all: Vec<(&String, &GroupKey)> = concerned.groups.iter().collect();
        let (keys, stacks): (Vec<GroupKey>, Vec<[StackId; 2]>) =
            all.into_par_iter().with_min_len(SHARE).filter_map(in_both).unzip();
        let groups = grouped(keys.into_iter().zip(0..).collect());
        // A revision whose packages are those of then has all stacks as they were.
        let judged = [0, 1].map(|number| {
            let stacks: Vec<StackId> = stacks.iter().map(|both| both[number]).collect();
            let judge = || self.judged(sides[number], remembered, (&stacks, &groups));
            concerned.otherwise[number].then(judge)
        });
        let stacks: Vec<&Stack> = stacks.iter().map(|[_, now]| self.head.monorepo.stack(*now)).collect();
        let mut same = vec![2 - judged.iter().flatten().count(); stacks.len()];
        judged.iter().flatten().flat_map(|side| &side.same).for_each(|at| same[*at] += 1);
        let as_built = stacks.iter().zip(&same).filter(|(_, sides)| **sides == 2);
        let mut told: FxHashSet<&str> = as_built.map(|(stack, _)| stack.path.as_str()).collect();
        let is_named = !exact && concerned.stacks.len() - told.len() > MANY;
        let named = if is_named { self.named(&judged, (&stacks, &same)) } else { Vec::new() };
        told.extend(named.iter().map(|stack| stack.path.as_str()));
        let open = concerned.stacks.iter().filter(|path| !told.contains(path.as_str())).cloned().collect();
        Sifted { named, open }
    }

    /// What can be told of stacks on one side.
    fn judged(
        &self,
        side: Side<'_>,
        remembered: &Remembered<'_>,
        (stacks, groups): (&[StackId], &[Members]),
    ) -> OneSide {
        let reuse = remembered.reuse(side, Known::default());
        let mut told = OneSide::default();
        for judged in reuse.judge_groups((side.monorepo, self.store), stacks, groups) {
            match judged {
                Judged::Proven(Proven { members, .. }) => told.same.extend(members),
                Judged::Differing(differing) => told.differing.push(differing),
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
        let named = all.flat_map_iter(|(number, Differing { members, reason, packages })| {
            let files = inputs.imported(number, packages).because();
            let because: Vec<String> =
                std::iter::once(reason.to_string()).chain(files.into_iter().flatten()).collect();
            let affected = move |at: &usize| {
                (*at, Affected::new(monorepo, stacks[*at], Status::Modified, because.clone()))
            };
            members.iter().filter(|at| same[**at] == 1).map(affected)
        });
        // Their places are in the order of their paths.
        let mut named: Vec<(usize, Affected)> = named.collect();
        named.sort_unstable_by_key(|(at, _)| *at);
        named.into_iter().map(|(_, affected)| affected).collect()
    }
}
