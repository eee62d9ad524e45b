//! What two revisions make of stacks that differ only by packages, told by groups and for both together: without a look at the
//! stacks, and without evaluating any.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Affected, Comparison, Inputs, Remembered, Status, sorted};
use crate::build::reuse::{Differing, Judged, Members, Proven};
use crate::build::survey::{Concerned, grouped};
use crate::monorepo::StackId;
use crate::monorepo::answers::Known;

/// What is told of stacks that two revisions may have differently; all others come out in both as they did when they were built
/// last.
#[derive(Default)]
pub struct Sifted {
    /// Those that come out differently, as far as can be told without evaluating them: one of the revisions has other code of
    /// what they used. By their paths.
    pub differing: BTreeMap<String, Affected>,
    /// Those of which it takes a closer look to tell.
    pub open: BTreeSet<String>,
}

impl Sifted {
    /// What is settled without evaluating so many stacks that it takes seconds, and the stacks that are left.
    #[must_use]
    pub fn settled(mut self, exact: bool) -> (Vec<Affected>, BTreeSet<String>) {
        if exact || self.differing.len() + self.open.len() <= MANY {
            self.open.extend(self.differing.into_keys());
            return (Vec::new(), self.open);
        }
        (sorted(self.differing.into_values().collect()), self.open)
    }
}

/// What one of two revisions makes of stacks, by their places in a list.
#[derive(Default)]
struct OneSide {
    /// Those that it has as they were built last.
    same: Vec<usize>,
    /// Those that it has otherwise, with the reason.
    differing: Vec<(usize, Arc<[String]>)>,
}

/// How many stacks are evaluated to learn whether they really differ.
pub const MANY: usize = 256;

impl Comparison<'_> {
    /// What can be told of stacks by what they used of packages.
    #[must_use]
    pub fn sift(&self, concerned: &Concerned, remembered: &Remembered<'_>) -> Sifted {
        let mut sifted = Sifted { open: concerned.stacks.clone(), ..Sifted::default() };
        let sides = [self.base, self.head];
        let in_both = |path: &&String| sides.iter().all(|side| side.monorepo.stack_at(path).is_some());
        let paths: Vec<&String> =
            concerned.groups.keys().filter(|path| sifted.open.contains(*path)).filter(in_both).collect();
        let keys = paths.iter().filter_map(|path| concerned.groups.get(*path).copied());
        let groups = grouped(keys.zip(0..).collect());
        let inputs = Inputs::new(self);
        // Of each stack how many revisions have it as it was built last, and why one has it otherwise.
        let mut proven = vec![0; paths.len()];
        let mut differs: BTreeMap<usize, Arc<[String]>> = BTreeMap::new();
        for (number, otherwise) in concerned.otherwise.into_iter().enumerate() {
            if !otherwise {
                proven.iter_mut().for_each(|sides| *sides += 1);
                continue;
            }
            let told = self.sifted_on(number, remembered, (&paths, &groups), &inputs);
            told.same.into_iter().for_each(|at| proven[at] += 1);
            differs.extend(told.differing);
        }
        for (at, path) in paths.into_iter().enumerate() {
            match (proven[at], differs.get(&at)) {
                (2, _) => _ = sifted.open.remove(path),
                (1, Some(because)) => {
                    let Some(id) = self.head.monorepo.stack_at(path) else { continue };
                    let stack = self.head.monorepo.stack(id);
                    let affected =
                        Affected::new(self.head.monorepo, stack, Status::Modified, because.to_vec());
                    sifted.open.remove(path);
                    sifted.differing.insert(path.clone(), affected);
                }
                _ => {}
            }
        }
        sifted
    }

    /// What can be told of stacks on one side.
    fn sifted_on(
        &self,
        number: usize,
        remembered: &Remembered<'_>,
        (paths, groups): (&[&String], &[Members]),
        inputs: &Inputs<'_>,
    ) -> OneSide {
        let side = [self.base, self.head][number];
        let stacks: Vec<StackId> = paths.iter().filter_map(|path| side.monorepo.stack_at(path)).collect();
        let reuse = remembered.reuse(side, Known::default());
        let mut told = OneSide::default();
        for judged in reuse.judge_groups((side.monorepo, self.store), &stacks, groups) {
            match judged {
                Judged::Proven(Proven { members, .. }) => told.same.extend(members),
                Judged::Differing(Differing { members, reason, packages }) => {
                    let files = inputs.imported(number, &packages);
                    let files = (*files).clone().because().into_iter().flatten();
                    let because: Arc<[String]> = std::iter::once(reason.to_string()).chain(files).collect();
                    told.differing.extend(members.iter().map(|at| (*at, Arc::clone(&because))));
                }
            }
        }
        told
    }
}
