//! Why something could not be written, and how SQLite says so.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode};

/// Why a store did not take what it was given. What it had before can still be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// No space is left.
    Full(PathBuf),
    /// Another process was writing all the time that one waited.
    Busy(PathBuf),
    /// Something else; with what SQLite or the system said.
    Failed(PathBuf, String),
}

impl StoreError {
    pub(crate) fn of(path: &Path, error: &Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(path.to_owned()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path.to_owned()),
            _ => Self::Failed(path.to_owned(), error.to_string()),
        }
    }

    /// What one can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Full(_) => "free space on the disk, or give the store a smaller limit",
            Self::Busy(_) => "wait until the other build is done",
            Self::Failed(..) => "delete the file: builds then start from nothing",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(path) => write!(f, "no space is left for the store `{}`", path.display()),
            Self::Busy(path) => write!(f, "another process is writing to the store `{}`", path.display()),
            Self::Failed(path, reason) => {
                write!(f, "the store `{}` cannot be written: {reason}", path.display())
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// Whether an error says that the file is not what a store must be, rather than that it cannot be reached.
pub(crate) fn says_damaged(error: &Error) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch) => true,
        // No such table or column, a schema that cannot be parsed.
        Some(ErrorCode::Unknown) => true,
        Some(_) => false,
        // A column of another type than the one written.
        None => true,
    }
}

/// What the operating system said, without its number and as a part of a sentence.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
