//! Connections to SQLite, and what each of them is told.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How long one waits for another process that writes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The log is cut back to this size, in bytes.
const LOG: i64 = 16 << 20;

/// Kilobytes of pages that a connection keeps; negative is how SQLite says that these are no pages.
const PAGES: i64 = -8 << 10;

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write, and make the file if there is none.
    Write,
    /// Read, beside others that write.
    Share,
    /// Read where nothing may be written, not even SQLite's own notes on who reads.
    Read,
    /// Read a file as it lies there: no log, no locks. All that is left where a folder is read-only.
    Frozen,
}

/// A connection that is ready for use.
pub(crate) fn connect(path: &Path, mode: Mode) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match mode {
        Mode::Write => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            Connection::open_with_flags(path, flags)?
        }
        Mode::Share => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?,
        Mode::Read => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        Mode::Frozen => {
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(frozen(path), flags)?
        }
    };
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    // Or a plan could depend on what is bound, and each use of a statement would prepare it again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Who closes last would put the log into the file, and wait for the disk; the store says when.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let tell = |name, value| connection.pragma_update(None, name, value);
    // A file may be damaged: believe nothing that it says about itself.
    tell("trusted_schema", 0)?;
    tell("cell_size_check", 1)?;
    tell("cache_size", PAGES)?;
    tell("temp_store", 2)?;
    match mode {
        Mode::Write => {
            tell("synchronous", 1)?;
            // An answer comes back, so it is no plain update.
            connection.pragma_update_and_check(None, "journal_size_limit", LOG, |_| Ok(()))?;
        }
        Mode::Share => tell("query_only", 1)?,
        Mode::Read | Mode::Frozen => {}
    }
    Ok(connection)
}

/// The address of a file that nobody changes. What has a meaning in addresses is escaped.
fn frozen(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    if path.is_absolute() && cfg!(windows) {
        uri.push('/');
    }
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'.' | b'-' | b'_' | b':' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            _ => write!(uri, "%{byte:02x}").expect("a string takes everything"),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_escaped() {
        assert_eq!(frozen(Path::new("/a b/c?d#e%/é")), "file:/a%20b/c%3fd%23e%25/%c3%a9?immutable=1");
    }
}
