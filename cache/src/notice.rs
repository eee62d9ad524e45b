//! What a store has to say that is no error.

use std::fmt;
use std::path::PathBuf;

/// Something about a store that people may want to know. Nothing has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The store could not be used and was made anew, empty.
    Rebuilt {
        /// The file of the store.
        path: PathBuf,
        /// What was wrong with it.
        why: Why,
    },
    /// The store can be read, but not written: commits do nothing.
    ReadOnly {
        /// The file of the store.
        path: PathBuf,
        /// What the system said to writing.
        reason: String,
    },
    /// There is no store: nothing is found, and commits do nothing.
    Unavailable {
        /// The file of the store.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Why a store was made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Another version of the program wrote it.
    Version {
        /// The version of its tables.
        found: i64,
        /// The version that this program writes.
        wanted: i64,
    },
    /// It is damaged, or no store at all. With what SQLite said.
    Damaged(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rebuilt { path, why: Why::Version { found, wanted } } => {
                let path = path.display();
                write!(f, "the store `{path}` has version {found} instead of {wanted} and starts empty")
            }
            Self::Rebuilt { path, why: Why::Damaged(reason) } => {
                write!(f, "the store `{}` is damaged and starts empty: {reason}", path.display())
            }
            Self::ReadOnly { path, reason } => {
                write!(f, "the store `{}` can only be read: {reason}", path.display())
            }
            Self::Unavailable { path, reason } => {
                write!(f, "the store `{}` cannot be used: {reason}", path.display())
            }
        }
    }
}

impl Notice {
    /// What one can do about it; none where there is nothing to do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Rebuilt { .. } => None,
            Self::ReadOnly { .. } => {
                Some("free space, or give yourself the right to write there, to keep what builds make")
            }
            Self::Unavailable { .. } => Some("delete the file, or free space and rights where it lies"),
        }
    }
}
