//! Writing a batch: one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::batch::Batch;
use crate::digest::Digest;
use crate::doomed::{Entries, delete_record};
use crate::packed::Packed;
use crate::record::{Part, VALUES, checksum, part};
use crate::stats::signed;

/// The time of use of an entry is kept to the day, so that reading the same things all day writes nothing.
const DAY: u64 = 24 * 60 * 60;

/// The time of a commit, in seconds, and which times of use are close enough to it.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    now: i64,
    /// Older than this is stale.
    oldest: i64,
    /// So is what comes from a clock that was wrong: it would stay for ever.
    newest: i64,
}

impl Moment {
    pub(crate) fn of(now: u64) -> Self {
        let (oldest, newest) = (signed(now.saturating_sub(DAY)), signed(now.saturating_add(DAY)));
        Self { now: signed(now), oldest, newest }
    }

    fn is_stale(self, used: i64) -> bool {
        used < self.oldest || used > self.newest
    }
}

/// Of these digests, the ones whose time of use is to be written.
pub(crate) fn stale<'a>(
    connection: &Connection,
    digests: impl Iterator<Item = &'a Digest>,
    moment: Moment,
) -> rusqlite::Result<Vec<Digest>> {
    // One transaction, so that the file is locked once and not for each question.
    let _transaction = connection.unchecked_transaction()?;
    let question = "SELECT min(used), max(used) FROM (SELECT used FROM blobs WHERE digest = ?1 \
                    UNION ALL SELECT used FROM records WHERE key = ?2)";
    let mut statement = connection.prepare_cached(question)?;
    let mut stale = Vec::new();
    for digest in digests {
        let (oldest, newest): (Option<i64>, Option<i64>) =
            statement.query_row((digest.as_bytes(), part(digest)), |row| Ok((row.get(0)?, row.get(1)?)))?;
        if [oldest, newest].into_iter().flatten().any(|used| moment.is_stale(used)) {
            stale.push(*digest);
        }
    }
    Ok(stale)
}

/// Writes all of it, or nothing.
pub(crate) fn write(
    connection: &mut Connection,
    batch: &Batch,
    used: &[Digest],
    doomed: &Entries,
    moment: Moment,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Before anything else: what is damaged would pass for what is to be written.
    doomed.delete(&transaction)?;
    for (digest, packed) in &batch.blobs {
        put_blob(&transaction, digest, packed, moment)?;
    }
    for (key, value) in &batch.records {
        put_record(&transaction, key, value, moment)?;
    }
    for digest in used {
        touch(&transaction, "UPDATE blobs SET used = ?2 WHERE digest = ?1", digest.as_bytes(), moment)?;
        touch(&transaction, "UPDATE records SET used = ?2 WHERE key = ?1", &part(digest), moment)?;
    }
    transaction.commit()
}

fn touch(connection: &Connection, update: &str, key: &[u8], moment: Moment) -> rusqlite::Result<()> {
    connection.prepare_cached(update)?.execute((key, moment.now))?;
    Ok(())
}

fn put_blob(
    connection: &Connection,
    digest: &Digest,
    packed: &Packed,
    moment: Moment,
) -> rusqlite::Result<()> {
    let mut known = connection.prepare_cached("SELECT used FROM blobs WHERE digest = ?1")?;
    let used = known.query_row([digest.as_bytes()], |row| row.get(0)).optional()?;
    match used {
        Some(used) if moment.is_stale(used) => {
            touch(connection, "UPDATE blobs SET used = ?2 WHERE digest = ?1", digest.as_bytes(), moment)
        }
        Some(_) => Ok(()),
        None => {
            let Packed { size, data } = packed;
            connection.prepare_cached("INSERT INTO contents (data) VALUES (?1)")?.execute([data])?;
            let content = connection.last_insert_rowid();
            let (size, length) = (signed(*size as u64), signed(data.len() as u64));
            let row = (digest.as_bytes(), content, size, length, moment.now);
            connection.prepare_cached("INSERT INTO blobs VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(row)?;
            Ok(())
        }
    }
}

/// Makes a value the newest of its key. The same value further down goes, and what is one too many.
fn put_record(connection: &Connection, key: &Digest, value: &[u8], moment: Moment) -> rusqlite::Result<()> {
    let question = "SELECT id, checksum, used FROM records WHERE key = ?1 ORDER BY id DESC";
    let mut known = connection.prepare_cached(question)?;
    let key = part(key);
    let known: Vec<(i64, Part, i64)> = known
        .query_map([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let sum = checksum(&key, value);
    if let Some((_, newest, used)) = known.first()
        && *newest == sum
        && !moment.is_stale(*used)
    {
        return Ok(());
    }
    let (same, others): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, other, _)| *other == sum);
    let surplus = others.get(VALUES - 1..).unwrap_or_default();
    for (id, ..) in [&same[..], surplus].concat() {
        delete_record(connection, id)?;
    }
    let insert = "INSERT INTO records (key, checksum, used, value) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(insert)?.execute((key, sum, moment.now, value))?;
    Ok(())
}
