//! What two revisions make of stacks that differ only by packages, told by groups and for both together: without a look at the
//! stacks, and without evaluating any.

use std::collections::BTreeSet;

use super::{Affected, Comparison, Inputs, Remembered, Side, Status, sorted};
use crate::build::reuse::{Differing, Judged, Members, Proven};
use crate::build::survey::{Concerned, grouped};
use crate::monorepo::StackId;
use crate::monorepo::answers::Known;

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
        let mut open = concerned.stacks.clone();
        let sides = [self.base, self.head];
        let in_both = |path: &&String| sides.iter().all(|side| side.monorepo.stack_at(path).is_some());
        let paths: Vec<&String> =
            concerned.groups.keys().filter(|path| open.contains(*path)).filter(in_both).collect();
        let keys = paths.iter().filter_map(|path| concerned.groups.get(*path).copied());
        let groups = grouped(keys.zip(0..).collect());
        // A revision whose packages are those of then has all stacks as they were.
        let judged = [0, 1].map(|number| {
            let otherwise = concerned.otherwise[number];
            otherwise.then(|| self.judged(sides[number], remembered, (&paths, &groups)))
        });
        let mut same = vec![2 - judged.iter().flatten().count(); paths.len()];
        judged.iter().flatten().flat_map(|side| &side.same).for_each(|at| same[*at] += 1);
        for (path, sides) in paths.iter().zip(&same) {
            if *sides == 2 {
                open.remove(*path);
            }
        }
        if exact || open.len() <= MANY {
            return Sifted { named: Vec::new(), open };
        }
        let named = self.named(&judged, (&paths, &same));
        named.iter().for_each(|stack| _ = open.remove(&stack.path));
        Sifted { named, open }
    }

    /// What can be told of stacks on one side.
    fn judged(
        &self,
        side: Side<'_>,
        remembered: &Remembered<'_>,
        (paths, groups): (&[&String], &[Members]),
    ) -> OneSide {
        let stacks: Vec<StackId> = paths.iter().filter_map(|path| side.monorepo.stack_at(path)).collect();
        let reuse = remembered.reuse(side, Known::default());
        let mut told = OneSide::default();
        for judged in reuse.judge_groups((side.monorepo, self.store), &stacks, groups) {
            match judged {
                Judged::Proven(Proven { members, .. }) => told.same.extend(members),
                Judged::Differing(differing) => told.differing.push(differing),
            }
        }
        told
    }

    /// The stacks that one revision has as they were built last, of which there is one in `same`, and the other one has otherwise.
    fn named(&self, judged: &[Option<OneSide>; 2], (paths, same): (&[&String], &[usize])) -> Vec<Affected> {
        let (inputs, monorepo) = (Inputs::new(self), self.head.monorepo);
        let mut named = Vec::new();
        for (number, side) in judged.iter().enumerate() {
            for Differing { members, reason, packages } in side.iter().flat_map(|side| &side.differing) {
                let files = (*inputs.imported(number, packages)).clone().because();
                let because: Vec<String> =
                    std::iter::once(reason.to_string()).chain(files.into_iter().flatten()).collect();
                let stacks = members.iter().filter(|at| same[**at] == 1);
                named.extend(stacks.filter_map(|at| {
                    let stack = monorepo.stack(monorepo.stack_at(paths[*at])?);
                    Some(Affected::new(monorepo, stack, Status::Modified, because.clone()))
                }));
            }
        }
        sorted(named)
    }
}
