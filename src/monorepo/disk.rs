//! The files that programs read and write themselves, through the system module `file`.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kcl::world::{Files, WorldError};
use syntax::Source;

use super::answers::Stamp;
use super::listing::{Kind, Listing};
use super::overlay::{Overlay, Seen, is_bare};
use super::world::world_error;
use crate::memory::Memory;

/// The disk as programs see it. As long as they may not change it, what was found out stays in memory, so that all of them
/// see one state of a file, whoever else writes to it.
pub(super) struct Disk {
    /// Whether programs may change it.
    writable: bool,
    contents: Memory<OsString, ContentCell>,
    there: Memory<OsString, bool>,
    globs: Memory<String, Result<Arc<[PathBuf]>, WorldError>>,
    /// What is seen instead of some of its files.
    overlay: Option<Overlay>,
}

/// What is at a path.
pub(super) enum Look {
    /// Nothing.
    Absent,
    /// A folder.
    Folder,
    /// A file, with what the disk says of it if it is there.
    File(Option<Metadata>),
}

/// A file that was read.
#[derive(Clone)]
pub(super) struct Found<C> {
    /// That of the file before it was read, if it is on the disk.
    pub(super) stamp: Option<Stamp>,
    /// What it says.
    pub(super) content: C,
}

/// What was read of a file, in the form that somebody wanted first.
#[derive(Clone)]
pub(super) enum Content {
    /// As it lies there.
    Bytes(Arc<[u8]>),
    /// As a source.
    Source(Arc<Source>),
}

type ContentCell = Arc<OnceLock<Result<Found<Content>, WorldError>>>;

impl Content {
    /// The bytes of the file.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Source(source) => source.text().as_bytes(),
        }
    }

    /// A source where this is text.
    fn of_text(bytes: Vec<u8>, name: String) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Source(Arc::new(Source::new(name, text))),
            Err(error) => Self::Bytes(error.into_bytes().into()),
        }
    }
}

impl Disk {
    /// The disk, which programs may change or not.
    pub(super) fn new(writable: bool) -> Self {
        Self {
            writable,
            contents: Memory::default(),
            there: Memory::default(),
            globs: Memory::default(),
            overlay: None,
        }
    }

    /// The disk with some other files, which programs may not change.
    pub(super) fn with_overlay(overlay: Overlay) -> Self {
        Self { overlay: Some(overlay), ..Self::new(false) }
    }

    /// What is seen instead of some of its files.
    pub(super) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_ref()
    }

    /// Forgets what was read of a file that changed since, and what patterns matched.
    pub(super) fn forget(&mut self, path: &Path) {
        self.contents.forget(path.as_os_str());
        self.there.forget(path.as_os_str());
        self.globs = Memory::default();
    }

    /// Where the disk has a path, or else what is there instead.
    pub(super) fn place<'p>(&'p self, path: &'p Path) -> Result<Cow<'p, Path>, Seen<'p>> {
        let Some(overlay) = &self.overlay else { return Ok(Cow::Borrowed(path)) };
        match overlay.see(path) {
            Seen::Disk(real) => Ok(Cow::Owned(real)),
            other => Err(other),
        }
    }

    /// The bytes of a file, read now. They are not kept.
    pub(super) fn fetch(&self, path: &Path) -> Result<Found<Vec<u8>>, WorldError> {
        match self.place(path) {
            Ok(path) => match read(&path) {
                Ok((stamp, content)) => Ok(Found { stamp: Some(stamp), content }),
                Err(error) => Err(world_error(&error)),
            },
            // A file of a revision has no stamp: what the disk has there is another one.
            Err(Seen::File(bytes)) => Ok(Found { stamp: None, content: bytes.to_vec() }),
            Err(Seen::Folder(_)) => Err(world_error(&io::ErrorKind::IsADirectory.into())),
            Err(_) => Err(WorldError::NotFound),
        }
    }

    /// What is in a folder now.
    pub(super) fn list(&self, path: &Path) -> io::Result<Listing> {
        match self.place(path) {
            Ok(path) if self.overlay.is_some() => listed_by_git(&path),
            Ok(path) => Listing::of(&path),
            Err(Seen::Folder(list)) => {
                let kind = |is_folder: bool| if is_folder { Kind::Folder } else { Kind::Other };
                let entries = list.iter().map(|(name, is_folder)| (name.clone(), kind(*is_folder)));
                Ok(Listing::new(entries.collect(), None))
            }
            Err(Seen::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            Err(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether a file is there.
    pub(super) fn is_file(&self, path: &Path) -> bool {
        match self.place(path) {
            Ok(path) => path.is_file(),
            Err(seen) => matches!(seen, Seen::File(_)),
        }
    }

    /// What is at a path.
    pub(super) fn look(&self, path: &Path) -> Look {
        match self.place(path) {
            Ok(path) => match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() && self.overlay.is_some() && is_bare(&path) => Look::Absent,
                Ok(meta) if meta.is_dir() => Look::Folder,
                Ok(meta) => Look::File(Some(meta)),
                Err(_) => Look::Absent,
            },
            Err(Seen::File(_)) => Look::File(None),
            Err(Seen::Folder(_)) => Look::Folder,
            Err(_) => Look::Absent,
        }
    }

    /// What a file was when it was read; `None` where nobody has tried.
    pub(super) fn read_before(&self, path: &Path) -> Option<Result<Found<Content>, WorldError>> {
        self.contents.known(path.as_os_str()).and_then(|cell| cell.get().cloned())
    }

    /// Whether something was at a path when a program asked that; `None` where none did.
    pub(super) fn found_before(&self, path: &Path) -> Option<bool> {
        self.there.known(path.as_os_str())
    }

    /// A file in some form, which matters only to whoever is first.
    fn content(&self, path: &Path, form: impl FnOnce(Vec<u8>) -> Content) -> Result<Content, WorldError> {
        let read = || {
            let Found { stamp, content } = self.fetch(path)?;
            Ok(Found { stamp, content: form(content) })
        };
        let found = if self.writable {
            read()
        } else {
            self.contents.get_or(path.as_os_str(), ContentCell::default).get_or_init(read).clone()
        };
        found.map(|found| found.content)
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, path: &Path) -> Result<Arc<[u8]>, WorldError> {
        Ok(match self.content(path, |bytes| Content::Bytes(bytes.into()))? {
            Content::Bytes(bytes) => bytes,
            Content::Source(source) => source.text().as_bytes().into(),
        })
    }

    /// A file as a source, with the name that messages call it by.
    pub(super) fn source(&self, path: &Path, name: impl Fn() -> String) -> Result<Arc<Source>, WorldError> {
        let content = match self.content(path, |bytes| Content::of_text(bytes, name()))? {
            // Somebody wanted it as bytes, or it is not text.
            Content::Bytes(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Arc::new(Source::new(name(), text)),
                Err(error) => return Err(WorldError::NotUtf8(error.valid_up_to())),
            },
            Content::Source(source) => source,
        };
        if u32::try_from(content.text().len()).is_err() {
            return Err(WorldError::Refused("it is larger than 4 GiB".to_owned()));
        }
        Ok(content)
    }

    fn search(&self, pattern: &str) -> Result<Arc<[PathBuf]>, WorldError> {
        let paths = ::glob::glob(pattern).map_err(|error| WorldError::Failed(error.msg.to_owned()))?;
        let mut found = match &self.overlay {
            Some(_) => super::glob::matches(self, pattern),
            // Folders that may not be read hold nothing that could match.
            None => paths.flatten().collect(),
        };
        found.sort_unstable();
        Ok(found.into())
    }

    fn change<T>(&self, change: impl FnOnce() -> io::Result<T>) -> Result<T, WorldError> {
        if self.writable {
            return change().map_err(|error| world_error(&error));
        }
        Err(WorldError::Refused("a build of stacks does not write files; `konfig run` does".to_owned()))
    }
}

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, WorldError> {
        self.bytes(path).map(|bytes| bytes.to_vec())
    }

    fn glob(&self, pattern: &str) -> Result<Vec<PathBuf>, WorldError> {
        let search = || self.search(pattern);
        let found = if self.writable { search() } else { self.globs.get_or(pattern, search) };
        found.map(|paths| paths.to_vec())
    }

    fn real(&self, path: &Path) -> Result<PathBuf, WorldError> {
        if let Some(overlay) = &self.overlay {
            return Ok(overlay.real(path));
        }
        for there in path.ancestors() {
            match fs::canonicalize(there) {
                Ok(real) if there == path => return Ok(real),
                // The rest has no links, for it is not there at all.
                Ok(real) => return Ok(path.strip_prefix(there).map_or(real.clone(), |rest| real.join(rest))),
                Err(_) if fs::symlink_metadata(there).is_err() => {}
                Err(error) => return Err(world_error(&error)),
            }
        }
        Ok(path.to_owned())
    }

    fn exists(&self, path: &Path) -> bool {
        let look = || !matches!(self.look(path), Look::Absent);
        if self.writable { look() } else { self.there.get_or(path.as_os_str(), look) }
    }

    fn size(&self, path: &Path) -> Result<u64, WorldError> {
        match self.place(path) {
            Ok(path) if self.writable || !path.is_file() => {
                fs::metadata(path).map(|meta| meta.len()).map_err(|error| world_error(&error))
            }
            _ => self.bytes(path).map(|bytes| bytes.len() as u64),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8], append: bool) -> Result<(), WorldError> {
        self.change(|| {
            let mut options = fs::OpenOptions::new();
            options.create(true).write(true).append(append).truncate(!append);
            options.open(path)?.write_all(bytes)
        })
    }

    fn mkdir(&self, path: &Path) -> Result<(), WorldError> {
        self.change(|| fs::create_dir_all(path))
    }

    fn delete(&self, path: &Path) -> Result<(), WorldError> {
        self.change(|| if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) })
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<(), WorldError> {
        self.change(|| fs::copy(from, to).map(drop))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), WorldError> {
        self.change(|| fs::rename(from, to))
    }
}

/// A file of the disk, with its stamp before it was read: one look at its path for both. Of a bare `File`, the standard
/// library would ask two more questions to learn how much there is to read; of a limited one it does not.
pub(super) fn read(path: &Path) -> io::Result<(Stamp, Vec<u8>)> {
    let file = File::open(path)?;
    let stamp = Stamp::of_any(&file.metadata()?);
    Ok((stamp, read_open(file, stamp)?))
}

/// What an open file with a stamp holds.
pub(super) fn read_open(file: File, stamp: Stamp) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(stamp.size()).unwrap_or_default())?;
    // What comes after so many bytes belongs to a later stamp, so the end is not looked for; what no disk keeps has no size.
    let limit = if stamp.size() == 0 { u64::MAX } else { stamp.size() };
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A folder of the disk as a revision has it: without those inside that hold no files, and not there if it is one.
fn listed_by_git(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::of(folder)?;
    listing.entries.retain(|(name, kind)| *kind != Kind::Folder || !is_bare(&folder.join(name)));
    if listing.entries.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(listing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_do_not_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x");
        let refused = Disk::new(false).write(&file, b"x", false);
        assert!(matches!(refused, Err(WorldError::Refused(_))));
        assert!(!file.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_no_size_is_read_to_its_end() {
        let read =
            read(Path::new("/proc/self/status")).map(|(stamp, bytes)| (stamp.size(), bytes.is_empty()));
        assert_eq!(read.ok(), Some((0, false)));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_where_they_lead() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("a real path");
        fs::create_dir(root.join("sub")).expect("a folder");
        for (target, link) in [("sub", "link"), ("none", "nowhere"), ("circle", "circle")] {
            std::os::unix::fs::symlink(target, root.join(link)).expect("a link");
        }
        let disk = Disk::new(false);
        assert_eq!(disk.real(&root.join("link/a/b")), Ok(root.join("sub/a/b")));
        assert_eq!(disk.real(&root.join("link")), Ok(root.join("sub")));
        assert_eq!(disk.real(&root.join("nowhere")), Err(WorldError::NotFound));
        assert!(matches!(disk.real(&root.join("circle/a")), Err(WorldError::Failed(_))));
    }

    #[test]
    fn runs_write_append_and_glob() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::new(true);
        let file = folder.path().join("x.txt");
        assert_eq!(disk.write(&file, b"a", false), Ok(()));
        assert_eq!(disk.write(&file, b"b", true), Ok(()));
        assert_eq!(disk.read(&file), Ok(b"ab".to_vec()));
        assert_eq!(disk.size(&file), Ok(2));
        let pattern = folder.path().join("*.txt");
        assert_eq!(disk.glob(&pattern.to_string_lossy()), Ok(vec![file]));
    }
}
