//! Throwing away what was not used for longest.

use rusqlite::{Connection, TransactionBehavior};

use crate::digest::Digest;
use crate::doomed::{delete_blob, delete_record};
use crate::stats::{in_use, unsigned};

/// What an entry takes beside its content, in bytes, about.
const OVERHEAD: u64 = 100;

/// What was thrown away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs.
    pub blobs: u64,
    /// Values of records.
    pub records: u64,
    /// Bytes that are free now.
    pub bytes: u64,
}

/// An entry that goes.
enum Victim {
    Blob(Digest),
    Record(i64),
}

/// Throws away least recently used entries until no more than `limit` bytes are in use.
///
/// Pages become free when all of their entries are gone, so it takes several rounds.
pub(crate) fn collect(connection: &mut Connection, limit: u64) -> rusqlite::Result<Collected> {
    let before = in_use(connection)?;
    let mut collected = Collected::default();
    loop {
        let now = in_use(connection)?;
        collected.bytes = before.saturating_sub(now);
        if now <= limit {
            return Ok(collected);
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let victims = victims(&transaction, now - limit)?;
        if victims.is_empty() {
            return Ok(collected);
        }
        for victim in victims {
            match victim {
                Victim::Blob(digest) => {
                    delete_blob(&transaction, &digest)?;
                    collected.blobs += 1;
                }
                Victim::Record(id) => {
                    delete_record(&transaction, id)?;
                    collected.records += 1;
                }
            }
        }
        transaction.commit()?;
    }
}

/// The entries that go to free so many bytes: least recently used first, and of those the oldest.
fn victims(connection: &Connection, bytes: u64) -> rusqlite::Result<Vec<Victim>> {
    let question = "SELECT digest, content, packed, used FROM blobs \
                    UNION ALL SELECT NULL, id, length(value), used FROM records ORDER BY 4, 2";
    let mut statement = connection.prepare_cached(question)?;
    let mut rows = statement.query([])?;
    let mut victims = Vec::new();
    let mut freed = 0_u64;
    while freed < bytes
        && let Some(row) = rows.next()?
    {
        victims.push(match row.get::<_, Option<[u8; 32]>>(0)? {
            Some(digest) => Victim::Blob(Digest::from_bytes(digest)),
            None => Victim::Record(row.get(1)?),
        });
        freed = freed.saturating_add(unsigned(row.get(2)?)).saturating_add(OVERHEAD);
    }
    Ok(victims)
}

/// Gives free pages back to the file system.
pub(crate) fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    for pragma in ["PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        let mut statement = connection.prepare(pragma)?;
        let mut rows = statement.query([])?;
        // A row for each page that moves: the work is done by asking for the next.
        while rows.next()?.is_some() {}
    }
    Ok(())
}
