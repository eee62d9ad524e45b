//! Entries that were found damaged: misses from then on, and deleted with the next chance to write.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::digest::Digest;

/// Damaged entries, and how many there were.
#[derive(Default)]
pub(crate) struct Doomed {
    entries: Mutex<Entries>,
    count: AtomicU64,
}

/// Which entries.
#[derive(Default, Clone)]
pub(crate) struct Entries {
    pub(crate) blobs: BTreeSet<Digest>,
    /// By their number in the table.
    pub(crate) records: BTreeSet<i64>,
}

impl Entries {
    pub(crate) fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.records.is_empty()
    }

    /// Deletes them.
    pub(crate) fn delete(&self, connection: &Connection) -> rusqlite::Result<()> {
        for digest in &self.blobs {
            delete_blob(connection, digest)?;
        }
        for id in &self.records {
            delete_record(connection, *id)?;
        }
        Ok(())
    }
}

/// Deletes a blob and its content.
pub(crate) fn delete_blob(connection: &Connection, digest: &Digest) -> rusqlite::Result<()> {
    let content = "DELETE FROM contents WHERE id IN (SELECT content FROM blobs WHERE digest = ?1)";
    connection.prepare_cached(content)?.execute([digest.as_bytes()])?;
    connection.prepare_cached("DELETE FROM blobs WHERE digest = ?1")?.execute([digest.as_bytes()])?;
    Ok(())
}

/// Deletes one value of a key.
pub(crate) fn delete_record(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM records WHERE id = ?1")?.execute([id])?;
    Ok(())
}

impl Doomed {
    pub(crate) fn blob(&self, digest: Digest) {
        if self.entries().blobs.insert(digest) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn record(&self, id: i64) {
        if self.entries().records.insert(id) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn has_blob(&self, digest: &Digest) -> bool {
        self.entries().blobs.contains(digest)
    }

    /// Those that are still there.
    pub(crate) fn pending(&self) -> Entries {
        self.entries().clone()
    }

    /// Forgets entries that are deleted now.
    pub(crate) fn deleted(&self, done: &Entries) {
        let mut entries = self.entries();
        entries.blobs.retain(|digest| !done.blobs.contains(digest));
        entries.records.retain(|id| !done.records.contains(id));
    }

    /// How many were found, deleted or not.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
