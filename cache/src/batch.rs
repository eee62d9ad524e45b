//! What is to be written, gathered without the store.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::packed::{Packed, pack};

/// Entries for one commit. Threads fill their own and join them with [`Batch::extend`].
///
/// Compression happens here, so the lock of the store is held for writing only.
#[derive(Default)]
pub struct Batch {
    /// Sorted, so that the store's index is written from one end to the other.
    pub(crate) blobs: BTreeMap<Digest, Packed>,
    /// Oldest first.
    pub(crate) records: Vec<(Digest, Vec<u8>)>,
    pub(crate) used: BTreeSet<Digest>,
    bytes: usize,
}

impl Batch {
    /// Adds a blob, and says its digest. Compressing 8 KB takes about 30 µs; what the batch has costs a digest.
    ///
    /// A blob of more than 512 MiB is not kept: it is a miss later.
    pub fn blob(&mut self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.blob_of(digest, bytes);
        digest
    }

    /// Adds a blob whose digest is known.
    pub fn blob_of(&mut self, digest: Digest, bytes: &[u8]) {
        if !self.blobs.contains_key(&digest)
            && let Some(packed) = pack(bytes)
        {
            self.bytes += packed.data.len();
            self.blobs.insert(digest, packed);
        }
    }

    /// Adds a value under a key, as its newest. A key has eight values at most; the oldest go.
    pub fn record(&mut self, key: Digest, value: impl Into<Vec<u8>>) {
        let value = value.into();
        self.bytes += value.len();
        self.records.push((key, value));
    }

    /// Notes that the blob of this digest, or the records of this key, were of use. What is of no use goes first
    /// when the store is too large.
    pub fn used(&mut self, digest: Digest) {
        self.used.insert(digest);
    }

    /// Adds all of another batch, whose records count as newer.
    pub fn extend(&mut self, other: Self) {
        let Self { blobs, records, used, bytes } = other;
        self.bytes += bytes;
        self.blobs.extend(blobs);
        self.records.extend(records);
        self.used.extend(used);
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { blobs, records, used, bytes: _ } = self;
        blobs.is_empty() && records.is_empty() && used.is_empty()
    }

    /// Bytes that were added, for those who commit when there are enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}
