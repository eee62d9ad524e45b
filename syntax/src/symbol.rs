//! Interned names.
//!
//! A [`Symbol`] is one pointer: equality is pointer equality, the text and its hash are a load away. The table
//! is shared by all threads and never shrinks; it holds the names that sources spell, not what programs compute.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{LazyLock, PoisonError, RwLock};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

struct Name {
    hash: u64,
    text: Box<str>,
}

/// An interned name. Ordering is by text.
#[derive(Clone, Copy)]
pub struct Symbol(&'static Name);

const SHARDS: usize = 32;

static TABLE: LazyLock<[RwLock<HashTable<&'static Name>>; SHARDS]> =
    LazyLock::new(|| std::array::from_fn(|_| RwLock::default()));

/// The hash that a [`Symbol`] of this text has; the same in every process.
#[must_use]
pub fn text_hash(text: &str) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl Symbol {
    /// The symbol of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let hash = text_hash(text);
        let shard = &TABLE[(hash >> 32) as usize % SHARDS];
        let read = shard.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = read.find(hash, |name| &*name.text == text) {
            return Self(name);
        }
        drop(read);
        let mut write = shard.write().unwrap_or_else(PoisonError::into_inner);
        let entry = write.entry(hash, |name| &*name.text == text, |name| name.hash);
        Self(entry.or_insert_with(|| Box::leak(Box::new(Name { hash, text: text.into() }))).get())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        &self.0.text
    }

    /// [`text_hash`] of its text, computed once.
    #[must_use]
    pub fn text_hash(self) -> u64 {
        self.0.hash
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Symbol {}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_is_one_symbol() {
        assert_eq!(Symbol::new("replicas"), Symbol::new("replicas"));
        assert_ne!(Symbol::new("replicas"), Symbol::new("replica"));
        assert_eq!(Symbol::new("变量").as_str(), "变量");
    }

    #[test]
    fn threads_agree() {
        let all: Vec<Vec<Symbol>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..500).map(|i| Symbol::new(&format!("name-{i}"))).collect()))
                .collect();
            threads.into_iter().map(|t| t.join().expect("no panic")).collect()
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
