//! How much a store holds.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::folder;

/// How much a store holds. All sizes in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Blobs.
    pub blobs: u64,
    /// Values of records.
    pub records: u64,
    /// What the files take: the store, and its log while somebody has it open.
    pub bytes_on_disk: u64,
    /// The blobs as callers know them, and the values of records.
    pub bytes_of_content: u64,
    /// The same as it is stored.
    pub bytes_packed: u64,
    /// What entries and indexes take in the file; it is held below the limit.
    pub bytes_in_use: u64,
    /// The limit.
    pub limit: u64,
    /// Entries that this store found damaged since it was opened.
    pub damaged: u64,
}

/// Counts what is there. Linear in the number of entries.
pub(crate) fn count(connection: &Connection) -> rusqlite::Result<Stats> {
    let blobs = "SELECT count(*), total(size), total(packed) FROM blobs";
    let records = "SELECT count(*), total(length(value)) FROM records";
    let (blobs, size, packed) = connection.query_row(blobs, [], |row| {
        let number = |at| row.get::<_, f64>(at).map(|number| number as u64);
        Ok((unsigned(row.get(0)?), number(1)?, number(2)?))
    })?;
    let (records, values) = connection.query_row(records, [], |row| {
        let values = row.get::<_, f64>(1)? as u64;
        Ok((unsigned(row.get(0)?), values))
    })?;
    Ok(Stats {
        blobs,
        records,
        bytes_of_content: size.saturating_add(values),
        bytes_packed: packed.saturating_add(values),
        bytes_in_use: in_use(connection)?,
        ..Stats::default()
    })
}

/// Bytes of the pages that are not free.
pub(crate) fn in_use(connection: &Connection) -> rusqlite::Result<u64> {
    let ask = |name| connection.pragma_query_value(None, name, |row| row.get(0)).map(unsigned);
    let pages = ask("page_count")?.saturating_sub(ask("freelist_count")?);
    Ok(pages.saturating_mul(ask("page_size")?))
}

/// What the files of a store take.
pub(crate) fn on_disk(store: &Path) -> u64 {
    let sizes = folder::files(store).map(|path| fs::metadata(path).map_or(0, |meta| meta.len()));
    sizes.iter().sum()
}

/// A number that is never below zero, unless the file is damaged.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A number as SQLite has them.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
