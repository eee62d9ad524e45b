//! What was found out once, shared by threads.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashMap;

/// A map that grows while it is shared. A value is cheap to clone; one that is dear to find is an `Arc<OnceLock<…>>`, which the first who
/// asks fills while the others wait.
pub(crate) struct Memory<K, V>(RwLock<FxHashMap<K, V>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq, V: Clone> Memory<K, V> {
    /// What is known.
    pub(crate) fn known<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// What is known, else what `find` says. Two threads may both ask `find`; the first answer stays.
    pub(crate) fn get_or<Q>(&self, key: &Q, find: impl FnOnce() -> V) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.known(key).unwrap_or_else(|| {
            let found = find();
            let mut memory = self.0.write().unwrap_or_else(PoisonError::into_inner);
            memory.entry(key.to_owned()).or_insert(found).clone()
        })
    }

    /// What is known so far, in no order.
    pub(crate) fn entries(&self) -> Vec<(K, V)>
    where
        K: Clone,
    {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Takes something out, so that it is found anew.
    pub(crate) fn forget<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// All that is known, in no order.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter()
    }
}
