//! What was asked for last, shared by threads.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rustc_hash::FxHashMap;

/// How many are kept at least, once there are as many; twice as many at most.
const KEPT: usize = 256;

/// A memory of limited size: what nobody has asked for in a while is let go, and found again for whoever asks then.
pub(super) struct Recent<K, V> {
    all: RwLock<FxHashMap<K, Arc<Known<V>>>>,
    /// Counts the questions.
    now: AtomicU64,
}

struct Known<V> {
    value: OnceLock<V>,
    /// The last question for it.
    asked: AtomicU64,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { all: RwLock::default(), now: AtomicU64::new(0) }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Recent<K, V> {
    /// What is known, else what `find` says; who asks meanwhile waits for that.
    pub(super) fn get_or(&self, key: &K, find: impl FnOnce() -> V) -> V {
        let now = self.now.fetch_add(1, Ordering::Relaxed);
        let known = self.all.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        let known = known.unwrap_or_else(|| self.add(key, now));
        known.asked.store(now, Ordering::Relaxed);
        known.value.get_or_init(find).clone()
    }

    /// Forgets what does not hold any more.
    pub(super) fn retain(&mut self, holds: impl Fn(&K, &V) -> bool) {
        let all = self.all.get_mut().unwrap_or_else(PoisonError::into_inner);
        all.retain(|key, known| known.value.get().is_none_or(|value| holds(key, value)));
    }

    fn add(&self, key: &K, now: u64) -> Arc<Known<V>> {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= 2 * KEPT {
            let asked = |known: &Arc<Known<V>>| known.asked.load(Ordering::Relaxed);
            let mut times: Vec<u64> = all.values().map(asked).collect();
            let (_, oldest, _) = times.select_nth_unstable(KEPT);
            let oldest = *oldest;
            all.retain(|_, known| asked(known) >= oldest);
        }
        let new = || Arc::new(Known { value: OnceLock::new(), asked: AtomicU64::new(now) });
        Arc::clone(all.entry(key.clone()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_again_and_again_stays() {
        let recent = Recent::default();
        let mut found = Vec::new();
        for number in 0..10 * KEPT {
            for key in [number, 0] {
                recent.get_or(&key, || found.push(key));
            }
        }
        assert_eq!(found.len(), 10 * KEPT);
        assert!(recent.all.read().expect("no panic").len() <= 2 * KEPT);
        recent.get_or(&1, || found.push(1));
        assert_eq!(found.len(), 10 * KEPT + 1);
    }
}
