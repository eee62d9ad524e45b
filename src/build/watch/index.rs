//! Whom a change concerns: from marks of paths to the stacks that asked for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use cache::Digest;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::build::reuse::{Asked, Group};

/// Who asked for what. Stacks are numbered.
#[derive(Default)]
pub(super) struct Index {
    stacks: Vec<Asked>,
    /// Marks with the stacks that asked for them, sorted.
    marks: Vec<(u64, u32)>,
    /// The same for stacks that asked for something else since.
    later: FxHashMap<u64, Vec<u32>>,
    /// What packages asked for, sorted.
    groups: FxHashMap<Digest, Arc<[u64]>>,
}

impl Index {
    /// The index of stacks in their order.
    pub(super) fn new(stacks: Vec<Asked>, groups: Vec<Group>) -> Self {
        let pairs = stacks.iter().zip(0_u32..);
        let mut marks: Vec<(u64, u32)> =
            pairs.flat_map(|(asked, stack)| asked.own.iter().map(move |mark| (*mark, stack))).collect();
        marks.sort_unstable();
        Self { stacks, marks, later: FxHashMap::default(), groups: groups.into_iter().collect() }
    }

    /// A stack asks for something else now. What it asked before stays noted, which costs a look at it and no more.
    pub(super) fn update(&mut self, stack: usize, asked: Asked) {
        let Some(known) = self.stacks.get_mut(stack) else { return };
        for mark in asked.own.iter().filter(|mark| known.own.binary_search(mark).is_err()) {
            let stacks = self.later.entry(*mark).or_default();
            if !stacks.contains(&(stack as u32)) {
                stacks.push(stack as u32);
            }
        }
        *known = asked;
    }

    /// What packages ask for.
    pub(super) fn add_groups(&mut self, groups: Vec<Group>) {
        self.groups.extend(groups);
    }

    /// Whether anybody asked for a mark.
    pub(super) fn knows(&self, mark: u64) -> bool {
        let first = self.marks.partition_point(|(other, _)| *other < mark);
        self.marks.get(first).is_some_and(|(other, _)| *other == mark)
            || self.later.contains_key(&mark)
            || self.groups.values().any(|group| group.binary_search(&mark).is_ok())
    }

    /// The stacks that one of some marks concerns, in order.
    pub(super) fn touched(&self, marks: &FxHashSet<u64>) -> Vec<usize> {
        let mut sorted: Vec<u64> = marks.iter().copied().collect();
        sorted.sort_unstable();
        let mut touched = BTreeSet::new();
        for mark in &sorted {
            let first = self.marks.partition_point(|(other, _)| other < mark);
            let here = self.marks[first..].iter().take_while(|(other, _)| other == mark);
            touched.extend(here.map(|(_, stack)| *stack as usize));
            touched.extend(self.later.get(mark).into_iter().flatten().map(|stack| *stack as usize));
        }
        let is_touched = |group: &[u64]| sorted.iter().any(|mark| group.binary_search(mark).is_ok());
        let mut groups: FxHashMap<Digest, bool> = FxHashMap::default();
        for (stack, asked) in self.stacks.iter().enumerate() {
            let by_group = asked.group.is_some_and(|at| {
                *groups
                    .entry(at)
                    .or_insert_with(|| self.groups.get(&at).is_none_or(|group| is_touched(group)))
            });
            if asked.any || by_group {
                touched.insert(stack);
            }
        }
        touched.into_iter().collect()
    }

    /// One stack of each group, of those with most stacks first.
    pub(super) fn samples(&self) -> Vec<usize> {
        let mut groups: FxHashMap<Digest, (usize, usize)> = FxHashMap::default();
        for (stack, asked) in self.stacks.iter().enumerate() {
            if let Some(group) = asked.group {
                groups.entry(group).or_insert((0, stack)).0 += 1;
            }
        }
        let mut samples: Vec<(usize, usize)> = groups.into_values().collect();
        samples.sort_unstable_by_key(|(stacks, first)| (std::cmp::Reverse(*stacks), *first));
        samples.into_iter().map(|(_, first)| first).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(own: &[u64], group: &str) -> Asked {
        Asked { own: own.to_vec(), group: Some(Digest::of(group.as_bytes())), any: false }
    }

    fn touched(index: &Index, marks: &[u64]) -> Vec<usize> {
        index.touched(&marks.iter().copied().collect())
    }

    #[test]
    fn marks_lead_to_those_who_asked() {
        let groups = vec![(Digest::of(b"x"), [7, 9].into()), (Digest::of(b"y"), [8].into())];
        let mut index = Index::new(vec![asked(&[1, 2], "x"), asked(&[2], "y"), asked(&[3], "x")], groups);
        assert_eq!(touched(&index, &[2]), [0, 1]);
        assert_eq!(touched(&index, &[9]), [0, 2]);
        assert_eq!(touched(&index, &[3, 8]), [1, 2]);
        assert!(touched(&index, &[4]).is_empty());
        index.update(1, asked(&[4], "x"));
        assert_eq!(touched(&index, &[4]), [1]);
        assert_eq!(touched(&index, &[7]), [0, 1, 2]);
        index.update(0, Asked { any: true, ..Asked::default() });
        assert_eq!(touched(&index, &[5]), [0]);
    }

    #[test]
    fn groups_that_are_not_known_may_ask_for_anything() {
        let index = Index::new(vec![asked(&[1], "x")], Vec::new());
        assert_eq!(touched(&index, &[5]), [0]);
    }

    #[test]
    fn samples_stand_for_groups() {
        let index = Index::new(vec![asked(&[], "x"), asked(&[], "y"), asked(&[], "y")], Vec::new());
        assert_eq!(index.samples(), [1, 0]);
    }
}
