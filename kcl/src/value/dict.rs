//! Dicts: insertion-ordered, with the operator of each entry, which takes part in later unions.

use std::hash::{Hash, Hasher};

use bumpalo::Bump;
use syntax::Symbol;
use syntax::ast::EntryOp;
use syntax::symbol::text_hash;

use super::{Value, Watch};

/// A key: text with its hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'v> {
    text: &'v str,
    hash: u64,
}

impl<'v> Key<'v> {
    /// The key of a text.
    #[must_use]
    pub fn new(text: &'v str) -> Self {
        Self { text, hash: text_hash(text) }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(self) -> &'v str {
        self.text
    }

    /// Whether its entry is left out of outputs.
    #[must_use]
    pub fn is_private(self) -> bool {
        self.text.starts_with('_')
    }
}

impl From<Symbol> for Key<'_> {
    fn from(symbol: Symbol) -> Self {
        Self { text: symbol.as_str(), hash: symbol.text_hash() }
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (std::ptr::eq(self.text, other.text) || self.text == other.text)
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Where an entry was written: the file, numbered in its package, and the first byte of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Number of the package in the program.
    pub package: u32,
    /// Number of the file in its package.
    pub file: u32,
    /// First byte.
    pub at: u32,
}

impl Origin {
    /// That of entries that no text is behind.
    pub const NOWHERE: Self = Self { package: u32::MAX - 1, file: 0, at: 0 };
}

/// An entry of a dict.
#[derive(Clone, Copy)]
pub struct Entry<'v> {
    /// The key.
    pub key: Key<'v>,
    /// The value.
    pub value: Value<'v>,
    /// The operator that it was written with.
    pub op: EntryOp,
    /// The index of `name[index]`.
    pub index: Option<i32>,
    /// Where it was written.
    pub origin: Origin,
}

impl<'v> Entry<'v> {
    /// An entry with the operator `:`.
    #[must_use]
    pub fn new(key: Key<'v>, value: Value<'v>) -> Self {
        Self { key, value, op: EntryOp::Union, index: None, origin: Origin::NOWHERE }
    }
}

/// Up to this many entries a walk is faster than an index.
const SMALL: usize = 8;

/// An insertion-ordered dict.
///
/// It may have the attributes of an instance that was unpacked into it, unset ones too. Then whoever looks at its entries lists these;
/// [`Dict::quietly`] and [`Dict::shown`] are for those who need less.
#[derive(Clone, Copy)]
pub struct Dict<'v> {
    entries: &'v [Entry<'v>],
    /// Open addressing, a power of two of slots, each 0 or the number of an entry plus one; empty for small dicts.
    index: &'v [u32],
    /// What is done with the attributes of the instance.
    unpacked: Option<&'v Watch<'v>>,
}

impl<'v> Dict<'v> {
    /// The dict without entries.
    pub const EMPTY: Dict<'static> = Dict { entries: &[], index: &[], unpacked: None };

    /// A dict of entries whose keys are those that the index was made of.
    pub(crate) fn with_index(entries: &'v [Entry<'v>], index: &'v [u32]) -> Self {
        Self { entries, index, unpacked: None }
    }

    /// A dict of other entries under the same keys.
    pub(crate) fn with_entries(&self, entries: &'v [Entry<'v>]) -> Self {
        Self { entries, ..*self }
    }

    /// The same, for whoever makes nothing of unset attributes, or notes what is looked for.
    #[must_use]
    pub fn quietly(&self) -> Self {
        Self { unpacked: None, ..*self }
    }

    /// The same, for whoever makes nothing of unset attributes, but something of those with defaults.
    #[must_use]
    pub fn shown(&self) -> Self {
        if let Some(watch) = self.unpacked {
            watch.shown.set(true);
        }
        self.quietly()
    }

    /// What is done with the attributes of an instance that it has.
    #[must_use]
    pub(crate) fn unpacked(&self) -> Option<&'v Watch<'v>> {
        self.unpacked
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &'v [Entry<'v>] {
        self.list();
        self.entries
    }

    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list();
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Whoever sets quiet attributes has them.
        if self.unpacked.is_some_and(|watch| watch.keys.is_empty()) {
            self.list();
        }
        self.entries.is_empty()
    }

    fn list(&self) {
        if let Some(watch) = self.unpacked {
            watch.listed.set(true);
        }
    }

    /// The entry of a key. O(1).
    #[must_use]
    pub fn entry(&self, key: Key<'_>) -> Option<&'v Entry<'v>> {
        self.list();
        find(self.entries, self.index, key).map(|at| &self.entries[at])
    }

    /// The value of a key. O(1).
    #[must_use]
    pub fn get(&self, key: Key<'_>) -> Option<Value<'v>> {
        self.entry(key).map(|entry| entry.value)
    }
}

/// A dict under construction. Finishing copies the entries into the arena once.
#[derive(Default, Clone)]
pub struct DictBuilder<'v> {
    entries: Vec<Entry<'v>>,
    index: Vec<u32>,
    /// That of the dict; whoever asks for keys then has to note these.
    unpacked: Option<&'v Watch<'v>>,
}

impl<'v> DictBuilder<'v> {
    /// Room for some entries.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self::reusing(Vec::with_capacity(entries))
    }

    /// A builder in the memory that another one had.
    #[must_use]
    pub(crate) fn reusing(entries: Vec<Entry<'v>>) -> Self {
        Self { entries, index: Vec::new(), unpacked: None }
    }

    /// A builder that starts as a copy.
    #[must_use]
    pub fn from_dict(dict: &Dict<'v>) -> Self {
        dict.list();
        Self::with_room(&dict.quietly(), 0)
    }

    /// A builder that starts as a copy, with room for more entries.
    #[must_use]
    pub(crate) fn with_room(dict: &Dict<'v>, more: usize) -> Self {
        let mut entries = Vec::with_capacity(dict.entries.len() + more);
        entries.extend_from_slice(dict.entries);
        Self { entries, index: dict.index.to_vec(), unpacked: dict.unpacked }
    }

    /// What is done with the attributes of an instance that it has.
    pub(crate) fn unpacked(&mut self) -> &mut Option<&'v Watch<'v>> {
        &mut self.unpacked
    }

    /// The entries so far.
    #[must_use]
    pub fn entries(&self) -> &[Entry<'v>] {
        &self.entries
    }

    /// The entry of a key. O(1).
    #[must_use]
    pub fn get(&self, key: Key<'_>) -> Option<&Entry<'v>> {
        find(&self.entries, &self.index, key).map(|at| &self.entries[at])
    }

    /// The entry of a key, to change its value or operator; its key must stay.
    pub fn get_mut(&mut self, key: Key<'_>) -> Option<&mut Entry<'v>> {
        find(&self.entries, &self.index, key).map(|at| &mut self.entries[at])
    }

    /// Puts an entry: at the place of the one with the same key, else at the end.
    pub fn put(&mut self, entry: Entry<'v>) {
        match find(&self.entries, &self.index, entry.key) {
            Some(at) => self.entries[at] = entry,
            None => self.push(entry),
        }
    }

    /// Puts an entry at the end if there is none with its key; true if so.
    pub(crate) fn put_new(&mut self, entry: Entry<'v>) -> bool {
        let is_new = find(&self.entries, &self.index, entry.key).is_none();
        if is_new {
            self.push(entry);
        }
        is_new
    }

    /// Takes an entry out; those behind it move up. O(n).
    pub fn remove(&mut self, key: Key<'_>) -> Option<Entry<'v>> {
        let at = find(&self.entries, &self.index, key)?;
        let entry = self.entries.remove(at);
        self.index.clear();
        self.grow_index();
        Some(entry)
    }

    /// Its memory, for another builder.
    #[must_use]
    pub(crate) fn into_spare(mut self) -> Vec<Entry<'v>> {
        self.entries.clear();
        self.entries
    }

    /// The finished dict.
    #[must_use]
    pub fn finish(self, arena: &'v Bump) -> Dict<'v> {
        self.finish_reusing(arena).0
    }

    /// The finished dict, and memory for another builder.
    #[must_use]
    pub(crate) fn finish_reusing(mut self, arena: &'v Bump) -> (Dict<'v>, Vec<Entry<'v>>) {
        let Self { unpacked, .. } = self;
        if self.entries.is_empty() {
            Dict { unpacked, ..Dict::EMPTY }.list();
            return (Dict::EMPTY, self.entries);
        }
        let index: &[_] = if self.index.is_empty() { &[] } else { arena.alloc_slice_copy(&self.index) };
        let entries = arena.alloc_slice_copy(&self.entries);
        self.entries.clear();
        (Dict { entries, index, unpacked }, self.entries)
    }

    /// Puts an entry at the end, with a key that is not there.
    pub(crate) fn push(&mut self, entry: Entry<'v>) {
        debug_assert!(self.get(entry.key).is_none());
        let hash = entry.key.hash;
        self.entries.push(entry);
        if self.entries.len() > SMALL {
            if self.entries.len() * 2 > self.index.len() {
                self.grow_index();
            } else {
                insert(&mut self.index, hash, self.entries.len() as u32);
            }
        }
    }

    fn grow_index(&mut self) {
        self.index = index_of(self.entries.iter().map(|entry| entry.key));
    }
}

/// The index of dicts that have these keys in this order, each once.
pub(crate) fn index_of<'k>(keys: impl ExactSizeIterator<Item = Key<'k>>) -> Vec<u32> {
    if keys.len() <= SMALL {
        return Vec::new();
    }
    let mut index = vec![0; (keys.len() * 4).next_power_of_two()];
    for (key, number) in keys.zip(1..) {
        insert(&mut index, key.hash, number);
    }
    index
}

fn insert(index: &mut [u32], hash: u64, number: u32) {
    let mask = index.len() - 1;
    let mut slot = spread(hash) & mask;
    while index[slot] != 0 {
        slot = (slot + 1) & mask;
    }
    index[slot] = number;
}

fn find(entries: &[Entry<'_>], index: &[u32], key: Key<'_>) -> Option<usize> {
    if index.is_empty() {
        return entries.iter().position(|entry| entry.key == key);
    }
    let mask = index.len() - 1;
    let mut slot = spread(key.hash) & mask;
    while index[slot] != 0 {
        let at = index[slot] as usize - 1;
        if entries[at].key == key {
            return Some(at);
        }
        slot = (slot + 1) & mask;
    }
    None
}

/// The low bits of the hash are its weakest.
fn spread(hash: u64) -> usize {
    (hash ^ (hash >> 32)) as usize
}
