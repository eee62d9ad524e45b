//! Values under keys, read.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::digest::{Digest, DigestBuilder};

/// A key has this many values at most.
pub(crate) const VALUES: usize = 8;

/// As much of a digest as no other one has.
pub(crate) type Part = [u8; 16];

/// A key as it is kept, or a checksum.
pub(crate) fn part(digest: &Digest) -> Part {
    let mut part = Part::default();
    part.iter_mut().zip(digest.as_bytes()).for_each(|(byte, whole)| *byte = *whole);
    part
}

/// What a value is checked against. The key is part of it, so a value cannot turn up under another key.
pub(crate) fn checksum(key: &Part, value: &[u8]) -> Part {
    part(&DigestBuilder::new().bytes(key).bytes(value).finish())
}

/// The values of a key, newest first, and the numbers of those that are damaged.
pub(crate) fn read(
    connection: &Connection,
    key: &Digest,
    damaged: &mut Vec<i64>,
) -> rusqlite::Result<Vec<Vec<u8>>> {
    let question = "SELECT id, checksum, value FROM records WHERE key = ?1 ORDER BY id DESC LIMIT ?2";
    let key = part(key);
    let mut statement = connection.prepare_cached(question)?;
    let mut rows = statement.query((key, VALUES as i64))?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        let value = intact(&key, row.get_ref(1)?, row.get_ref(2)?);
        match value {
            Some(value) => values.push(value.to_owned()),
            None => damaged.push(row.get(0)?),
        }
    }
    Ok(values)
}

/// The value of a row, if it is the one that was written.
pub(crate) fn intact<'a>(key: &Part, sum: ValueRef<'_>, value: ValueRef<'a>) -> Option<&'a [u8]> {
    let (ValueRef::Blob(sum), ValueRef::Blob(value)) = (sum, value) else { return None };
    (sum == checksum(key, value)).then_some(value)
}
