//! A share of the stacks for each of several machines that know nothing of each other.
//!
//! Invariant: given the same stacks and costs, shards are disjoint and together all stacks, on whatever machine. So costs
//! come from a file that all machines have, never from what one of them has measured.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::monorepo::{Monorepo, StackId};

/// One of several shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, counted from 1.
    number: usize,
    /// Of how many.
    of: usize,
}

/// What stacks cost to build, by their paths, in any unit.
pub type Costs = BTreeMap<String, u64>;

impl Shard {
    /// The share of a number, counted from 1; `None` where there is no such share.
    #[must_use]
    pub fn new(number: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    /// Its stacks, in their order. The dearest stacks are dealt out first, each to the shard that has least so far. A stack
    /// of unknown cost counts as much as the median.
    #[must_use]
    pub fn stacks(self, monorepo: &Monorepo, stacks: &[StackId], costs: &Costs) -> Vec<StackId> {
        let paths: Vec<&str> = stacks.iter().map(|id| monorepo.stack(*id).path.as_str()).collect();
        let shards = deal(&paths, self.of, costs);
        let own = stacks.iter().zip(shards).filter(|(_, shard)| shard + 1 == self.number);
        own.map(|(id, _)| *id).collect()
    }
}

/// The shard of each path, counted from 0.
fn deal(paths: &[&str], shards: usize, costs: &Costs) -> Vec<usize> {
    let usual = median(costs);
    // What costs nothing by the clock still costs a start, and many such stacks must not go to one shard.
    let cost = |path: &str| costs.get(path).copied().unwrap_or(usual).max(1);
    let mut order: Vec<(usize, u64)> = paths.iter().map(|path| cost(path)).enumerate().collect();
    order.sort_by(|(a, dear), (b, cheap)| cheap.cmp(dear).then_with(|| paths[*a].cmp(paths[*b])));
    let mut loads: BinaryHeap<_> = (0..shards).map(|shard| Reverse((0_u64, shard))).collect();
    let mut dealt = vec![0; paths.len()];
    for (at, cost) in order {
        // There is at least one shard, so one is always there to take.
        let Some(Reverse((load, shard))) = loads.pop() else { break };
        dealt[at] = shard;
        loads.push(Reverse((load.saturating_add(cost), shard)));
    }
    dealt
}

fn median(costs: &Costs) -> u64 {
    let mut all: Vec<u64> = costs.values().copied().collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn loads(paths: &[&str], shards: usize, costs: &Costs) -> Vec<u64> {
        let mut loads = vec![0; shards];
        for (path, shard) in paths.iter().zip(deal(paths, shards, costs)) {
            loads[shard] += costs.get(*path).copied().unwrap_or_else(|| median(costs)).max(1);
        }
        loads
    }

    #[test]
    fn shards_are_even() {
        let names: Vec<String> = (0..10).map(|n| format!("s{n}")).collect();
        let paths: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(loads(&paths, 3, &Costs::new()), [4, 3, 3]);
        let costs = Costs::from([("s0".to_owned(), 9), ("s1".to_owned(), 1), ("s2".to_owned(), 1)]);
        assert_eq!(loads(&paths[..3], 2, &costs), [9, 2]);
        // More shards than stacks: some have nothing to do.
        assert_eq!(loads(&paths[..1], 3, &costs), [9, 0, 0]);
    }

    #[test]
    fn any_shards_are_disjoint_complete_and_balanced() {
        let mut rng = Rng::with_seed(7);
        for _ in 0..300 {
            let names: Vec<String> = (0..rng.usize(..200)).map(|n| format!("a/{n:03}")).collect();
            let paths: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut costs = Costs::new();
            for name in &names {
                if rng.bool() {
                    costs.insert(name.clone(), rng.u64(..5000));
                }
            }
            let shards = rng.usize(1..20);
            let dealt = deal(&paths, shards, &costs);
            // One shard each, so they are disjoint and complete; the same for whatever else is known.
            assert!(dealt.len() == paths.len() && dealt.iter().all(|shard| *shard < shards));
            assert_eq!(dealt, deal(&paths, shards, &costs));
            let loads = loads(&paths, shards, &costs);
            let (most, least) = (loads.iter().max(), loads.iter().min());
            let dearest = paths.iter().map(|path| costs.get(*path).copied().unwrap_or(median(&costs)));
            let dearest = dearest.max().unwrap_or(0).max(1);
            assert!(most.unwrap_or(&0) - least.unwrap_or(&0) <= dearest, "{loads:?}");
        }
    }

    #[test]
    fn numbers_start_at_one() {
        assert_eq!(Shard::new(0, 3), None);
        assert_eq!(Shard::new(4, 3), None);
        assert_eq!(Shard::new(1, 0), None);
        assert!(Shard::new(3, 3).is_some());
    }
}
