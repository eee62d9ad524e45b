//! What is in a folder.

use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io;
use std::path::Path;

use super::answers::{Answer, Stamp};

/// The entries of a folder, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub(super) entries: Vec<(OsString, Kind)>,
    /// That of the folder before it was listed, if it is on the disk.
    pub(super) stamp: Option<Stamp>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A link or anything else.
    Other,
}

impl Kind {
    pub(super) fn of(kind: FileType) -> Self {
        match kind {
            _ if kind.is_dir() => Self::Folder,
            _ if kind.is_file() => Self::File,
            _ => Self::Other,
        }
    }

    /// What is at a path; `None` where nothing is.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        path.symlink_metadata().ok().map(|meta| Self::of(meta.file_type()))
    }
}

impl Listing {
    /// Lists a folder of the disk.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn of(path: &Path) -> io::Result<Self> {
        let stamp = Some(Stamp::of_any(&fs::metadata(path)?));
        let kind = |entry: &fs::DirEntry| entry.file_type().map_or(Kind::Other, Kind::of);
        let entries = fs::read_dir(path)?.flatten().map(|entry| (entry.file_name(), kind(&entry)));
        Ok(Self::new(entries.collect(), stamp))
    }

    /// A folder with these entries.
    pub(super) fn new(mut entries: Vec<(OsString, Kind)>, stamp: Option<Stamp>) -> Self {
        entries.sort_unstable();
        Self { entries, stamp }
    }

    /// What an entry is; `None` where there is none of that name.
    #[must_use]
    pub fn kind(&self, name: &OsStr) -> Option<Kind> {
        let at = self.entries.binary_search_by(|(other, _)| other.as_os_str().cmp(name)).ok()?;
        Some(self.entries[at].1)
    }

    /// The names of the entries.
    pub fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.entries.iter().map(|(name, _)| name.as_os_str())
    }

    /// The names with their kinds, as a digest.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let mut bytes = Vec::new();
        for (name, kind) in &self.entries {
            bytes.extend_from_slice(name.as_encoded_bytes());
            // No name has a slash.
            bytes.extend_from_slice(&[b'/', *kind as u8]);
        }
        Answer::of(&bytes)
    }

    /// The listing with an entry, if it has none of that name.
    #[must_use]
    pub fn with(mut self, name: &OsStr, kind: Kind) -> Self {
        if let Err(at) = self.entries.binary_search_by(|(other, _)| other.as_os_str().cmp(name)) {
            self.entries.insert(at, (name.to_owned(), kind));
        }
        self
    }

    /// Whether it has all that another one has, and nothing more but folders of these names.
    #[must_use]
    pub fn is_beyond(&self, other: &Self, names: &[&OsStr]) -> bool {
        let is_more =
            |(name, kind): &&(OsString, Kind)| *kind == Kind::Folder && names.contains(&name.as_os_str());
        self.entries.iter().filter(|entry| !is_more(entry)).eq(&other.entries)
    }

    /// Whether an entry may lead elsewhere.
    #[must_use]
    pub fn has_links(&self) -> bool {
        self.entries.iter().any(|(_, kind)| *kind == Kind::Other)
    }

    /// That of the folder before it was listed, if it is on the disk.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }
}
