//! Stacks that come out the same in both revisions for what they use of packages, proven by groups and for both together.

use std::collections::BTreeSet;

use super::{Comparison, Remembered};
use crate::build::reuse::Proven;
use crate::build::survey::{Concerned, grouped};
use crate::monorepo::StackId;
use crate::monorepo::answers::Known;

impl Comparison<'_> {
    /// The stacks of which it takes a closer look to tell whether they differ: all others come out in both revisions as they did
    /// when they were built last.
    #[must_use]
    pub fn unproven(&self, concerned: &Concerned, remembered: &Remembered<'_>) -> BTreeSet<String> {
        let mut left = concerned.stacks.clone();
        let mut paths: Vec<&String> = concerned.groups.keys().filter(|path| left.contains(*path)).collect();
        for side in [self.base, self.head] {
            let here = |path: &&String| side.monorepo.stack_at(path).is_some();
            paths.retain(here);
            let stacks: Vec<StackId> = paths.iter().filter_map(|path| side.monorepo.stack_at(path)).collect();
            let groups =
                paths.iter().enumerate().filter_map(|(at, path)| Some((*concerned.groups.get(*path)?, at)));
            let reuse = remembered.reuse(side, Known::default());
            let proven = reuse.prove_groups((side.monorepo, self.store), &stacks, &grouped(groups.collect()));
            let proven: BTreeSet<usize> =
                proven.into_iter().flat_map(|Proven { members, .. }| members).collect();
            paths = proven.into_iter().map(|at| paths[at]).collect();
        }
        for path in paths {
            left.remove(path);
        }
        left
    }
}
