//! From a folder to a store, whatever lies there: to write, or to read, or none.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;

use crate::connection::{Mode, connect};
use crate::error::{plain, says_damaged};
use crate::folder;
use crate::notice::{Notice, Why};
use crate::schema::{self, Unfit};

/// What came of opening.
pub(crate) struct Opened {
    /// What writes; none where nothing may.
    pub(crate) writer: Option<Connection>,
    /// How to read; none where there is no store.
    pub(crate) readers: Option<Mode>,
    /// What to tell people.
    pub(crate) notice: Option<Notice>,
}

/// Why a file cannot be used.
enum Refusal {
    /// It is not a store of this version: a new one may take its place.
    Unfit(Why),
    /// It cannot be reached or written. It may be whole, so it must stay.
    Unreachable(String),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        if says_damaged(&error) { Self::Unfit(Why::Damaged(text)) } else { Self::Unreachable(text) }
    }
}

/// Opens the store of this path as well as it can be.
pub(crate) fn open(path: &Path) -> Opened {
    opened(path, to_write(path))
}

/// Opens a store that turned out to be damaged. Where SQLite finds it whole, another process was faster or the disk
/// had a bad moment, and it stays.
pub(crate) fn reopen(path: &Path, reason: &str) -> Opened {
    let again = locked(path).and_then(|lock| match attempt(path) {
        Ok(writer) if is_whole(&writer) => Ok((writer, None)),
        _ => anew(path, Why::Damaged(reason.to_owned()), &lock),
    });
    opened(path, again)
}

/// Opens an empty store in place of one that cannot be written because it is damaged.
pub(crate) fn renew(path: &Path, reason: &str) -> Opened {
    let new = locked(path).and_then(|lock| anew(path, Why::Damaged(reason.to_owned()), &lock));
    opened(path, new)
}

/// What can be written, else what can be read.
fn opened(path: &Path, writer: Result<(Connection, Option<Notice>), String>) -> Opened {
    match writer {
        Ok((writer, notice)) => Opened { writer: Some(writer), readers: Some(Mode::Share), notice },
        Err(reason) => to_read(path, reason),
    }
}

/// Whether the structure of the file is sound, and indexes fit their tables. Reads all of it.
pub(crate) fn is_whole(connection: &Connection) -> bool {
    let said = connection.pragma_query_value(None, "integrity_check", |row| row.get::<_, String>(0));
    said.is_ok_and(|said| said == "ok")
}

fn to_write(path: &Path) -> Result<(Connection, Option<Notice>), String> {
    let lock = locked(path)?;
    match attempt(path) {
        Ok(writer) => Ok((writer, None)),
        Err(Refusal::Unfit(why)) => anew(path, why, &lock),
        Err(Refusal::Unreachable(reason)) => Err(reason),
    }
}

/// The lock of the store's folder, which is made on demand.
fn locked(path: &Path) -> Result<File, String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    folder::make(folder).and_then(|()| folder::lock(folder)).map_err(|error| plain(&error))
}

/// An empty store in place of one that is unfit. Only who holds the lock may do this.
fn anew(path: &Path, why: Why, _lock: &File) -> Result<(Connection, Option<Notice>), String> {
    folder::remove(path).map_err(|error| plain(&error))?;
    match attempt(path) {
        Ok(writer) => Ok((writer, Some(Notice::Rebuilt { path: path.to_owned(), why }))),
        Err(Refusal::Unfit(Why::Damaged(reason)) | Refusal::Unreachable(reason)) => Err(reason),
        Err(Refusal::Unfit(Why::Version { .. })) => Err("another program writes it".to_owned()),
    }
}

fn attempt(path: &Path) -> Result<Connection, Refusal> {
    let mut writer = connect(path, Mode::Write)?;
    if writer.is_readonly("main")? {
        return Err(Refusal::Unreachable("the file is read-only".to_owned()));
    }
    match schema::check(&writer)? {
        Ok(()) => {}
        Err(Unfit::Empty) => schema::create(&mut writer)?,
        Err(Unfit::Other(why)) => return Err(Refusal::Unfit(why)),
    }
    Ok(writer)
}

/// A store that may not be written. Nothing that it answers is believed unseen, so a file without its log will do.
fn to_read(path: &Path, reason: String) -> Opened {
    let path = path.to_owned();
    for mode in [Mode::Read, Mode::Frozen] {
        let checked = connect(&path, mode).and_then(|connection| schema::check(&connection));
        if let Ok(Ok(())) = checked {
            let notice = Some(Notice::ReadOnly { path, reason });
            return Opened { writer: None, readers: Some(mode), notice };
        }
    }
    Opened { writer: None, readers: None, notice: Some(Notice::Unavailable { path, reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Store};

    #[test]
    fn a_store_that_may_not_be_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = Store::open(folder.path());
        let mut batch = Batch::default();
        batch.blob(b"a: 1\n");
        store.commit(batch, 0).expect("written");
        drop(store);
        let path = folder::store_in(folder.path());
        let opened = to_read(&path, "no".to_owned());
        assert!(opened.writer.is_none());
        assert_eq!(opened.notice, Some(Notice::ReadOnly { path: path.clone(), reason: "no".to_owned() }));
        for mode in [Mode::Read, Mode::Frozen] {
            let connection = connect(&path, mode).expect("a connection");
            let blobs = connection.query_row("SELECT count(*) FROM blobs", [], |row| row.get::<_, i64>(0));
            assert_eq!(blobs, Ok(1));
            assert!(connection.execute("DELETE FROM blobs", []).is_err());
        }
        std::fs::write(&path, "no database at all").expect("written");
        assert!(matches!(to_read(&path, "no".to_owned()).notice, Some(Notice::Unavailable { .. })));
    }
}
