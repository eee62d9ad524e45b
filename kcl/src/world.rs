//! The only door to the outside.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use syntax::Source;

/// Why the world could not give what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldError {
    /// There is nothing of that name.
    NotFound,
    /// It is there, but not text in UTF-8; the byte where that shows.
    NotUtf8(usize),
    /// It is there, but this world does not give it away.
    Refused(String),
    /// The operating system said no.
    Failed(String),
}

/// A moment: seconds and nanoseconds since 1970 in UTC, and the local offset in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds in the second.
    pub nanos: u32,
    /// Seconds east of Greenwich.
    pub offset: i32,
}

/// Everything a compile may learn from outside. Two worlds that answer alike give equal outputs.
///
/// Paths are absolute and lexically normal. Implementations remember what they read, so that all runs of a
/// process see one state of the files.
pub trait World: Sync {
    /// The text of a source file.
    ///
    /// # Errors
    /// Where it is absent, unreadable, or not UTF-8.
    fn source(&self, path: &Path) -> Result<Arc<Source>, WorldError>;

    /// The names of the entries of a folder, sorted; `None` where there is no such folder.
    fn folder(&self, path: &Path) -> Option<Arc<[String]>>;

    /// Whether a file is there.
    fn is_file(&self, path: &Path) -> bool;

    /// What `file.*` may do.
    fn files(&self) -> &dyn Files;

    /// The time. Only volatile programs ask.
    fn now(&self) -> Timestamp;

    /// Sixteen random bytes. Only volatile programs ask.
    fn random(&self) -> [u8; 16];

    /// An environment variable. Only volatile programs ask.
    fn env(&self, name: &str) -> Option<String>;
}

/// The file system as programs see it through the system module `file`.
///
/// Implementations decide what may be touched; [`WorldError::Refused`] says no.
pub trait Files: Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn read(&self, path: &Path) -> Result<Vec<u8>, WorldError>;

    /// The paths that match a glob pattern, sorted.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn glob(&self, pattern: &str) -> Result<Vec<PathBuf>, WorldError>;

    /// The same path without links. Parts of it that are not there stay as they are.
    ///
    /// # Errors
    /// [`WorldError::NotFound`] where a link leads nowhere.
    fn real(&self, path: &Path) -> Result<PathBuf, WorldError>;

    /// Whether a file or folder is there.
    fn exists(&self, path: &Path) -> bool;

    /// Its size in bytes.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn size(&self, path: &Path) -> Result<u64, WorldError>;

    /// Writes or appends to a file.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn write(&self, path: &Path, bytes: &[u8], append: bool) -> Result<(), WorldError>;

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn mkdir(&self, path: &Path) -> Result<(), WorldError>;

    /// Deletes a file or an empty folder.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn delete(&self, path: &Path) -> Result<(), WorldError>;

    /// Copies a file.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn copy(&self, from: &Path, to: &Path) -> Result<(), WorldError>;

    /// Moves a file.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn rename(&self, from: &Path, to: &Path) -> Result<(), WorldError>;
}

/// Something that was asked of a world. As long as a world gives the same answers to all of them, it gives the same result.
#[derive(Debug, Clone)]
pub enum Query {
    /// The bytes of a file; also whether it is there, or is a folder.
    Content(PathBuf),
    /// The names of the entries of a folder.
    Folder(PathBuf),
    /// Whether a file is there.
    IsFile(PathBuf),
    /// The paths in a folder that match a pattern, which starts there.
    Glob(PathBuf, String),
}

impl Query {
    /// What it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Content(path) | Self::Folder(path) | Self::IsFile(path) | Self::Glob(path, _) => path,
        }
    }

    /// The kind, the path and the pattern. Paths are normal, so their bytes tell them apart, and they are compared as such:
    /// there are many of them, and what a path is made of need not be looked into.
    fn parts(&self) -> (u8, &OsStr, &str) {
        match self {
            Self::Content(path) => (0, path.as_os_str(), ""),
            Self::Folder(path) => (1, path.as_os_str(), ""),
            Self::IsFile(path) => (2, path.as_os_str(), ""),
            Self::Glob(path, pattern) => (3, path.as_os_str(), pattern),
        }
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Query {}

impl Hash for Query {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialOrd for Query {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Query {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

/// A world that notes what it is asked, but for the clock, random numbers and the environment.
///
/// What programs do through [`World::files`] is not noted here: a run knows which declaration did it.
pub struct Recorder<'w> {
    world: &'w dyn World,
    asked: Mutex<Vec<Query>>,
}

impl<'w> Recorder<'w> {
    /// A recorder that has noted nothing.
    #[must_use]
    pub fn new(world: &'w dyn World) -> Self {
        Self { world, asked: Mutex::default() }
    }

    /// What was asked, each once, sorted.
    #[must_use]
    pub fn finish(self) -> Vec<Query> {
        let mut asked = self.asked.into_inner().unwrap_or_else(PoisonError::into_inner);
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    fn note(&self, query: Query) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(query);
    }
}

impl World for Recorder<'_> {
    fn source(&self, path: &Path) -> Result<Arc<Source>, WorldError> {
        self.note(Query::Content(path.to_owned()));
        self.world.source(path)
    }

    fn folder(&self, path: &Path) -> Option<Arc<[String]>> {
        self.note(Query::Folder(path.to_owned()));
        self.world.folder(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.note(Query::IsFile(path.to_owned()));
        self.world.is_file(path)
    }

    fn files(&self) -> &dyn Files {
        self.world.files()
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn random(&self) -> [u8; 16] {
        self.world.random()
    }

    fn env(&self, name: &str) -> Option<String> {
        self.world.env(name)
    }
}
