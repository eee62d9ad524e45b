//! Checking everything.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::digest::Digest;
use crate::doomed::Doomed;
use crate::packed::unpack;
use crate::record::{Part, intact};

/// What a check of everything found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blobs that are whole.
    pub blobs: u64,
    /// Values of records that are whole.
    pub records: u64,
    /// Blobs that were damaged, and are gone.
    pub damaged_blobs: u64,
    /// Values of records that were damaged, and are gone.
    pub damaged_records: u64,
    /// The file itself was damaged, so that nothing could be kept.
    pub rebuilt: bool,
}

/// Reads every entry; those that are damaged are doomed.
pub(crate) fn check(connection: &Connection, doomed: &Doomed) -> rusqlite::Result<Verified> {
    let _transaction = connection.unchecked_transaction()?;
    let mut verified = Verified::default();
    blobs(connection, doomed, &mut verified)?;
    records(connection, doomed, &mut verified)?;
    Ok(verified)
}

fn blobs(connection: &Connection, doomed: &Doomed, verified: &mut Verified) -> rusqlite::Result<()> {
    let question = "SELECT digest, size, data FROM blobs LEFT JOIN contents ON id = content";
    let mut statement = connection.prepare(question)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let digest = Digest::from_bytes(row.get(0)?);
        if blob(&digest, row.get_ref(1)?, row.get_ref(2)?).is_some() {
            verified.blobs += 1;
        } else {
            doomed.blob(digest);
            verified.damaged_blobs += 1;
        }
    }
    Ok(())
}

/// The blob of a row, if it is the one that was written.
pub(crate) fn blob(digest: &Digest, size: ValueRef<'_>, data: ValueRef<'_>) -> Option<Vec<u8>> {
    let (ValueRef::Integer(size), ValueRef::Blob(data)) = (size, data) else { return None };
    unpack(data, u64::try_from(size).ok()?, digest)
}

fn records(connection: &Connection, doomed: &Doomed, verified: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT id, key, checksum, value FROM records")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = row.get::<_, Part>(1);
        let value = match &key {
            Ok(key) => intact(key, row.get_ref(2)?, row.get_ref(3)?),
            Err(_) => None,
        };
        if value.is_some() {
            verified.records += 1;
        } else {
            doomed.record(row.get(0)?);
            verified.damaged_records += 1;
        }
    }
    Ok(())
}

/// Deletes contents that no blob has.
pub(crate) fn delete_orphans(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM contents WHERE id NOT IN (SELECT content FROM blobs)", [])?;
    Ok(())
}
