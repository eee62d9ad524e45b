//! What is in a folder.

use std::ffi::{OsStr, OsString};
use std::io;
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::ffi::OsStrExt};
use std::path::Path;

#[cfg(unix)]
use rustix::fs::{AtFlags, Dir, FileType, statat};

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
    pub(super) fn of(kind: std::fs::FileType) -> Self {
        match kind {
            _ if kind.is_dir() => Self::Folder,
            _ if kind.is_file() => Self::File,
            _ => Self::Other,
        }
    }

    /// The same as the system says it.
    #[cfg(unix)]
    pub(super) fn of_type(kind: FileType) -> Self {
        match kind {
            FileType::Directory => Self::Folder,
            FileType::RegularFile => Self::File,
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
    #[cfg(unix)]
    pub fn of(path: &Path) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, fstat, open};
        let folder = open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let stamp = Stamp::of_stat(&fstat(&folder)?);
        Self::of_open(folder, stamp)
    }

    /// Lists a folder of the disk.
    ///
    /// # Errors
    /// What the operating system said.
    #[cfg(not(unix))]
    pub fn of(path: &Path) -> io::Result<Self> {
        let stamp = Some(Stamp::of_any(&std::fs::metadata(path)?));
        let kind = |entry: &std::fs::DirEntry| entry.file_type().map_or(Kind::Other, Kind::of);
        let entries = std::fs::read_dir(path)?.flatten().map(|entry| (entry.file_name(), kind(&entry)));
        Ok(Self::new(entries.collect(), stamp))
    }

    /// Lists a folder that is open, and had a stamp before.
    #[cfg(unix)]
    pub(super) fn of_open(folder: OwnedFd, stamp: Stamp) -> io::Result<Self> {
        let (mut entries, mut untold) = (Vec::new(), Vec::new());
        let mut all = Dir::new(folder)?;
        for entry in all.by_ref() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if entry.file_type() == FileType::Unknown {
                untold.push(entries.len());
            }
            entries.push((OsStr::from_bytes(name.to_bytes()).to_owned(), Kind::of_type(entry.file_type())));
        }
        // Some file systems do not tell with the names what they are of.
        for at in untold {
            let (name, kind) = &mut entries[at];
            let stat = statat(all.fd()?, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW);
            *kind = stat.map_or(Kind::Other, |stat| Kind::of_type(FileType::from_raw_mode(stat.st_mode)));
        }
        Ok(Self::new(entries, Some(stamp)))
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

    /// The names with their kinds, but for some names, as a digest.
    #[must_use]
    pub fn answer_without(&self, names: &[&OsStr]) -> Answer {
        let mut bytes = Vec::new();
        for (name, kind) in self.entries.iter().filter(|(name, _)| !names.contains(&name.as_os_str())) {
            bytes.extend_from_slice(name.as_encoded_bytes());
            // No name has a slash.
            bytes.extend_from_slice(&[b'/', *kind as u8]);
        }
        Answer::of(&bytes)
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
