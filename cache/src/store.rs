//! The store: reading, and writing with one writer at a time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

use crate::batch::Batch;
use crate::collect::{Collected, collect, shrink};
use crate::commit::{Moment, stale, write};
use crate::connection::PATIENCE;
use crate::digest::{Digest, Short};
use crate::doomed::Doomed;
use crate::error::{StoreError, says_damaged};
use crate::folder;
use crate::notice::Notice;
use crate::open::{Opened, is_whole, open, renew, reopen};
use crate::readers::Readers;
use crate::record;
use crate::stats::{self, Stats, in_use};
use crate::verify::{self, Verified};

/// How large a store may grow if nobody says otherwise, in bytes.
pub const DEFAULT_LIMIT: u64 = 1 << 30;

/// A log of so many bytes is left where it is when a store is closed. To put it into the file waits for the disk three times, which takes
/// milliseconds; to read it takes the next process a fraction of one.
const LOG_LEFT: u64 = 256 << 10;

/// How many times as long the file has to be then: where nothing may be written it may be read without its log.
const BESIDE_LOG: u64 = 16;

/// Blobs and records on disk, shared by threads and by processes.
pub struct Store {
    path: PathBuf,
    limit: u64,
    /// Dropped before the writer, which may have to be the last one.
    readers: Readers,
    /// None where nothing may be written.
    writer: Mutex<Option<Connection>>,
    doomed: Doomed,
    /// Something was damaged, so that all of the file may be: the next commit looks into it.
    suspect: AtomicBool,
    notices: Mutex<Vec<Notice>>,
}

impl Drop for Store {
    fn drop(&mut self) {
        let [file, log, _] =
            folder::files(&self.path).map(|path| std::fs::metadata(path).map_or(0, |file| file.len()));
        let is_long = log > LOG_LEFT.min(file / BESIDE_LOG);
        if is_long && let Some(writer) = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner) {
            // Without that the log is only left for the next process.
            writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).ok();
        }
    }
}

impl Store {
    /// Opens the store of a folder, which is made on demand. This never fails: what cannot be used is made anew, is
    /// only read, or is no store at all, and the notices say so. It takes about a millisecond.
    #[must_use]
    pub fn open(folder: &Path) -> (Self, Vec<Notice>) {
        Self::open_with(folder, DEFAULT_LIMIT)
    }

    /// The same for a store that is to stay below `limit` bytes.
    #[must_use]
    pub fn open_with(folder: &Path, limit: u64) -> (Self, Vec<Notice>) {
        let path = folder::store_in(folder);
        let Opened { writer, readers, notice } = open(&path);
        let store = Self {
            limit,
            readers: Readers::new(&path, readers),
            writer: Mutex::new(writer),
            doomed: Doomed::default(),
            suspect: AtomicBool::new(false),
            notices: Mutex::default(),
            path,
        };
        (store, notice.into_iter().collect())
    }

    /// What there is to tell since the store was opened, or since this was last asked.
    #[must_use]
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut locked(&self.notices))
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.path.parent()
    }

    /// Whether commits do anything.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        locked(&self.writer).is_some()
    }

    /// The bytes of a digest; none where they are not here, or damaged. About 25 µs for 8 KB.
    #[must_use]
    pub fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let question = "SELECT size, data FROM blobs LEFT JOIN contents ON id = content WHERE digest = ?1";
        let blob = self.ask(|connection| {
            let mut statement = connection.prepare_cached(question)?;
            let row = |row: &rusqlite::Row<'_>| Ok(verify::blob(digest, row.get_ref(0)?, row.get_ref(1)?));
            statement.query_row([digest.as_bytes()], row).optional()
        })??;
        if blob.is_none() {
            self.doomed.blob(*digest);
            self.delete_doomed();
        }
        blob
    }

    /// Whether there is a blob of this digest. It may still turn out to be damaged when it is read.
    #[must_use]
    pub fn has_blob(&self, digest: &Digest) -> bool {
        let question = "SELECT 1 FROM blobs WHERE digest = ?1";
        let found = self.ask(|connection| connection.prepare_cached(question)?.exists([digest.as_bytes()]));
        found.unwrap_or(false) && !self.doomed.has_blob(digest)
    }

    /// The digest that begins so, if there is a blob of it.
    #[must_use]
    pub fn digest_of(&self, short: &Short) -> Option<Digest> {
        let question = "SELECT digest FROM blobs WHERE digest >= ?1 ORDER BY digest LIMIT 1";
        let found = self.ask(|connection| {
            let mut statement = connection.prepare_cached(question)?;
            statement.query_row([short.as_slice()], |row| row.get(0).map(Digest::from_bytes)).optional()
        })??;
        (found.short() == *short).then_some(found)
    }

    /// The blobs whose digests begin so, in the order of the beginnings; none where one is not here, or damaged. With one lock
    /// for all of them.
    #[must_use]
    pub fn blobs_from(&self, shorts: &[Short]) -> Vec<Option<(Digest, Vec<u8>)>> {
        let question = "SELECT digest, size, data FROM blobs LEFT JOIN contents ON id = content \
                        WHERE digest >= ?1 ORDER BY digest LIMIT 1";
        let blobs = self.ask(|connection| {
            let _transaction = connection.unchecked_transaction()?;
            let mut statement = connection.prepare_cached(question)?;
            let mut blob = |short: &Short| {
                let row = |row: &rusqlite::Row<'_>| {
                    let digest = row.get(0).map(Digest::from_bytes)?;
                    let bytes = verify::blob(&digest, row.get_ref(1)?, row.get_ref(2)?);
                    Ok(Some((digest, bytes)).filter(|_| digest.short() == *short))
                };
                Ok(statement.query_row([short.as_slice()], row).optional()?.flatten())
            };
            shorts.iter().map(&mut blob).collect::<rusqlite::Result<Vec<_>>>()
        });
        let blobs = blobs.unwrap_or_else(|| vec![None; shorts.len()]);
        let damaged: Vec<Digest> =
            blobs.iter().flatten().filter(|(_, bytes)| bytes.is_none()).map(|(digest, _)| *digest).collect();
        if !damaged.is_empty() {
            damaged.into_iter().for_each(|digest| self.doomed.blob(digest));
            self.delete_doomed();
        }
        blobs.into_iter().map(|found| found.and_then(|(digest, bytes)| Some((digest, bytes?)))).collect()
    }

    /// The digests of all blobs, sorted. A scan of about 0.1 µs a blob; asking for one takes 3 µs.
    #[must_use]
    pub fn blob_digests(&self) -> Vec<Digest> {
        let digests = self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT digest FROM blobs ORDER BY digest")?;
            let digests = statement.query_map([], |row| row.get(0).map(Digest::from_bytes))?;
            digests.collect::<Result<Vec<_>, _>>()
        });
        let doomed = self.doomed.pending().blobs;
        let mut digests = digests.unwrap_or_default();
        digests.retain(|digest| !doomed.contains(digest));
        digests
    }

    /// The values of a key, newest first, at most eight.
    #[must_use]
    pub fn records(&self, key: &Digest) -> Vec<Vec<u8>> {
        self.records_of(std::slice::from_ref(key)).pop().unwrap_or_default()
    }

    /// The values of many keys, in the order of the keys.
    #[must_use]
    pub fn records_of(&self, keys: &[Digest]) -> Vec<Vec<Vec<u8>>> {
        let mut damaged = Vec::new();
        let values = self.ask(|connection| {
            // One transaction, so that the file is locked once and not for each key.
            let _transaction = connection.unchecked_transaction()?;
            keys.iter().map(|key| record::read(connection, key, &mut damaged)).collect()
        });
        if !damaged.is_empty() {
            damaged.into_iter().for_each(|id| self.doomed.record(id));
            self.delete_doomed();
        }
        values.unwrap_or_else(|| vec![Vec::new(); keys.len()])
    }

    /// How many damaged entries were found since the store was opened.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.doomed.count()
    }

    /// Writes a batch, all of it or nothing, and sees to the limit. `now` is in seconds since 1970.
    ///
    /// One process writes at a time; others wait for up to ten seconds. Where nothing may be written this does
    /// nothing. About 10 µs a blob.
    ///
    /// # Errors
    /// Where the disk is full, somebody else writes all the time, or the system refuses.
    pub fn commit(&self, batch: Batch, now: u64) -> Result<(), StoreError> {
        let mut writer = locked(&self.writer);
        if self.suspect.swap(false, Ordering::Relaxed) {
            self.heal(&mut writer, "what was read is not what was written");
        }
        let moment = Moment::of(now);
        let mut done = self.write(&mut writer, &batch, moment);
        // What SQLite finds whole may still be damaged where only writing goes.
        for repair in [Self::heal, Self::renew] {
            let Err(error) = &done else { break };
            if !says_damaged(error) {
                break;
            }
            repair(self, &mut writer, &error.to_string());
            done = self.write(&mut writer, &batch, moment);
        }
        done.map_err(|error| StoreError::of(&self.path, &error))?;
        if let Some(writer) = writer.as_mut()
            && self.keep_limit(writer).is_err_and(|error| says_damaged(&error))
        {
            // The batch is in. What could not be thrown away now is thrown away by the next commit.
            self.suspect.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How much there is. Linear in the number of entries.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counted = self.ask(stats::count).unwrap_or_default();
        let bytes_on_disk = stats::on_disk(&self.path);
        Stats { bytes_on_disk, limit: self.limit, damaged: self.damaged(), ..counted }
    }

    /// Throws away least recently used entries until no more than `limit` bytes are in use, and gives the space back.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn gc(&self, limit: u64) -> Result<Collected, StoreError> {
        let mut writer = locked(&self.writer);
        let Some(writer) = writer.as_mut() else { return Ok(Collected::default()) };
        let collected = collect(writer, limit).and_then(|collected| shrink(writer).map(|()| collected));
        collected.map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Checks every entry, and deletes what is damaged. Reads all of the file.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut writer = locked(&self.writer);
        let checked = self.ask(|connection| {
            if !is_whole(connection) {
                return Ok(None);
            }
            verify::check(connection, &self.doomed).map(Some)
        });
        let damaged = checked.is_none() && self.suspect.swap(false, Ordering::Relaxed);
        let mut verified = match checked.flatten() {
            Some(verified) => verified,
            None if damaged || writer.is_some() => {
                self.heal(&mut writer, "its pages do not fit together");
                Verified { rebuilt: true, ..Verified::default() }
            }
            None => Verified::default(),
        };
        verified.rebuilt &= writer.is_some();
        let pending = self.doomed.pending();
        if let Some(writer) = writer.as_mut() {
            let deleted = writer.transaction().and_then(|transaction| {
                pending.delete(&transaction)?;
                verify::delete_orphans(&transaction)?;
                transaction.commit()
            });
            deleted.map_err(|error| StoreError::of(&self.path, &error))?;
            self.doomed.deleted(&pending);
        }
        Ok(verified)
    }

    /// Asks the store. None where there is none, or it cannot answer: then everything is a miss.
    fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        match self.readers.ask(question)? {
            Ok(answer) => Some(answer),
            Err(error) => {
                if says_damaged(&error) {
                    self.suspect.store(true, Ordering::Relaxed);
                }
                None
            }
        }
    }

    fn write(&self, writer: &mut Option<Connection>, batch: &Batch, moment: Moment) -> rusqlite::Result<()> {
        let Some(writer) = writer else { return Ok(()) };
        let pending = self.doomed.pending();
        let used = stale(writer, batch.used.iter(), moment)?;
        if batch.blobs.is_empty() && batch.records.is_empty() && used.is_empty() && pending.is_empty() {
            return Ok(());
        }
        write(writer, batch, &used, &pending, moment)?;
        self.doomed.deleted(&pending);
        Ok(())
    }

    /// Makes room for the next commits, a tenth of the limit at once, so that not each one has to.
    fn keep_limit(&self, writer: &mut Connection) -> rusqlite::Result<()> {
        if in_use(writer)? > self.limit {
            collect(writer, self.limit - self.limit / 10)?;
        }
        Ok(())
    }

    /// Deletes damaged entries if that is possible without waiting. If not, the next commit does it, which also
    /// looks at the whole file: where one entry is damaged, the way to others may be.
    fn delete_doomed(&self) {
        self.suspect.store(true, Ordering::Relaxed);
        let Ok(mut writer) = self.writer.try_lock() else { return };
        let Some(writer) = writer.as_mut() else { return };
        let pending = self.doomed.pending();
        let delete = |writer: &mut Connection| {
            writer.busy_timeout(Duration::ZERO)?;
            let transaction = writer.transaction()?;
            pending.delete(&transaction)?;
            transaction.commit()
        };
        if delete(writer).is_ok() {
            self.doomed.deleted(&pending);
        }
        // Cannot fail: it only stores a number.
        writer.busy_timeout(PATIENCE).ok();
    }

    /// Puts a store that can be used in place of one that is damaged, unless it is found to be whole.
    fn heal(&self, writer: &mut Option<Connection>, reason: &str) {
        if writer.take().is_some() {
            self.turn_to(reopen(&self.path, reason), writer);
        }
    }

    /// Puts an empty store in place of one that is damaged.
    fn renew(&self, writer: &mut Option<Connection>, reason: &str) {
        if writer.take().is_some() {
            self.turn_to(renew(&self.path, reason), writer);
        }
    }

    fn turn_to(&self, opened: Opened, writer: &mut Option<Connection>) {
        *writer = opened.writer;
        self.readers.turn_to(opened.readers);
        locked(&self.notices).extend(opened.notice);
    }
}

/// A thread that panicked left nothing half done: what is behind these locks changes in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that do not compress.
    fn noise(seed: u64) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.u8(..)).take(10_000).collect()
    }

    fn put(store: &Store, seeds: std::ops::Range<u64>) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for seed in seeds {
            batch.blob(&noise(seed));
        }
        store.commit(batch, 0)
    }

    #[test]
    fn a_full_disk_is_an_error_and_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = Store::open(folder.path());
        put(&store, 0..10).expect("written");
        let limit_pages = |pages: i64| {
            let writer = locked(&store.writer);
            let writer = writer.as_ref().expect("a store to write");
            writer.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("a limit");
        };
        limit_pages(1);
        let full = put(&store, 10..20).expect_err("a full disk");
        assert_eq!(full, StoreError::Full(store.path.clone()));
        assert!((0..10).all(|seed| store.blob(&Digest::of(&noise(seed))) == Some(noise(seed))));
        assert!(!store.has_blob(&Digest::of(&noise(10))), "all or nothing");
        limit_pages(1 << 20);
        put(&store, 10..20).expect("written");
        assert_eq!(store.stats().blobs, 20);
    }

    #[test]
    fn who_waits_too_long_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = Store::open(folder.path());
        put(&store, 0..1).expect("written");
        let other = Connection::open(&store.path).expect("a database");
        other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        let wait = |time| locked(&store.writer).as_ref().map(|writer| writer.busy_timeout(time));
        wait(Duration::ZERO);
        assert_eq!(put(&store, 1..2), Err(StoreError::Busy(store.path.clone())));
        assert_eq!(store.blob(&Digest::of(&noise(0))), Some(noise(0)), "who reads waits for nobody");
        other.execute_batch("ROLLBACK").expect("no lock");
        put(&store, 1..2).expect("written");
    }
}
