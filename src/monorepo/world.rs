//! The disk, the clock and the environment as compiles see them.
//!
//! What was read stays in memory, so that all stacks of a process see one state of the files and a base model is
//! read once. What is absent is remembered too.

use std::borrow::Cow;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kcl::world::{Files, Timestamp, World, WorldError};
use syntax::Source;

use super::disk::{Content, Disk, Found, Look};
use super::listing::{Kind, Listing};
use super::overlay::Overlay;
use super::paths;
use crate::memory::Memory;

type FolderCell = Arc<OnceLock<Option<Arc<[String]>>>>;
type ListingCell = Arc<OnceLock<Result<Arc<Listing>, Arc<io::Error>>>>;

/// The world over the disk.
pub struct DiskWorld {
    stand: PathBuf,
    disk: Disk,
    folders: Memory<OsString, FolderCell>,
    listings: Memory<OsString, ListingCell>,
    /// Those that no listing tells of.
    files: Memory<OsString, bool>,
}

impl DiskWorld {
    /// A world for somebody who stands in the folder `stand`: messages name files from there.
    ///
    /// `writable` says whether programs may write files; a build of many stacks must not.
    #[must_use]
    pub fn new(stand: &Path, writable: bool) -> Self {
        Self {
            stand: stand.to_owned(),
            disk: Disk::new(writable),
            folders: Memory::default(),
            listings: Memory::default(),
            files: Memory::default(),
        }
    }

    /// The world of a revision: the files of the working tree, but for those that differ.
    #[must_use]
    pub fn of_revision(stand: &Path, revision: Overlay) -> Self {
        Self { disk: Disk::with_overlay(revision), ..Self::new(stand, false) }
    }

    /// What differs from the working tree.
    #[must_use]
    pub fn overlay(&self) -> Option<&Overlay> {
        self.disk.overlay()
    }

    /// Where the disk has what is at a path; none where the revision has something else there.
    #[must_use]
    pub fn on_disk<'p>(&'p self, path: &'p Path) -> Option<Cow<'p, Path>> {
        self.disk.place(path).ok()
    }

    /// What is in a folder.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn listing(&self, folder: &Path) -> Result<Arc<Listing>, Arc<io::Error>> {
        let cell = self.listings.get_or(folder.as_os_str(), ListingCell::default);
        cell.get_or_init(|| self.disk.list(folder).map(Arc::new).map_err(Arc::new)).clone()
    }

    /// What a path is, if its folder was listed; nothing inside where it is not there.
    fn listed(&self, path: &Path) -> Option<Option<Kind>> {
        let listing = self.listings.known(path.parent()?.as_os_str())?;
        Some(listing.get()?.as_ref().ok()?.kind(path.file_name()?))
    }

    /// What is at a path now.
    pub(super) fn look(&self, path: &Path) -> Look {
        self.disk.look(path)
    }

    /// All folders that were listed, by path.
    #[must_use]
    pub fn listings(&self) -> Vec<(PathBuf, Arc<Listing>)> {
        let listed = self.listings.entries().into_iter();
        let listed = listed.filter_map(|(path, cell)| Some((path, cell.get()?.as_ref().ok()?.clone())));
        let mut listed: Vec<_> = listed.collect();
        listed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        listed.into_iter().map(|(path, listing)| (path.into(), listing)).collect()
    }

    /// Forgets what was found at a path that changed since; `listed` says that it may have come or gone, or become
    /// something else.
    pub fn forget(&mut self, path: &Path, listed: bool) {
        self.files.forget(path.as_os_str());
        self.folders.forget(path.as_os_str());
        self.listings.forget(path.as_os_str());
        if let Some(folder) = path.parent().filter(|_| listed) {
            self.folders.forget(folder.as_os_str());
            self.listings.forget(folder.as_os_str());
        }
        self.disk.forget(path);
    }

    /// A path as the user writes it.
    #[must_use]
    pub fn show(&self, path: &Path) -> String {
        paths::relative(&self.stand, path).to_string_lossy().into_owned()
    }

    /// The folder that the user stands in.
    #[must_use]
    pub fn stand(&self) -> &Path {
        &self.stand
    }

    /// What a file was when it was read; `None` where nobody has tried.
    pub(super) fn read_before(&self, path: &Path) -> Option<Result<Found<Content>, WorldError>> {
        self.disk.read_before(path)
    }

    /// Whether something was at a path when a program asked that; `None` where none did.
    pub(super) fn found_before(&self, path: &Path) -> Option<bool> {
        self.disk.found_before(path)
    }

    /// The bytes of a file, read now. They are not kept.
    pub(super) fn fetch(&self, path: &Path) -> Result<Found<Vec<u8>>, WorldError> {
        self.disk.fetch(path)
    }

    /// The entries of a folder, sorted. Names that are not text cannot be imported and are left out.
    fn names(&self, path: &Path) -> Option<Arc<[String]>> {
        let listing = self.listing(path).ok()?;
        let names = listing.entries.iter().filter_map(|(name, _)| Some(name.to_str()?.to_owned()));
        Some(names.collect())
    }
}

impl World for DiskWorld {
    fn source(&self, path: &Path) -> Result<Arc<Source>, WorldError> {
        self.disk.source(path, || self.show(path))
    }

    fn folder(&self, path: &Path) -> Option<Arc<[String]>> {
        let cell = self.folders.get_or(path.as_os_str(), FolderCell::default);
        cell.get_or_init(|| self.names(path)).clone()
    }

    fn is_file(&self, path: &Path) -> bool {
        // What was found without a listing stays so, also where the folder is listed later.
        if let Some(known) = self.files.known(path.as_os_str()) {
            return known;
        }
        match self.listed(path) {
            Some(Some(Kind::File)) => true,
            Some(Some(Kind::Folder) | None) => false,
            Some(Some(Kind::Other)) | None => self.files.get_or(path.as_os_str(), || self.disk.is_file(path)),
        }
    }

    fn files(&self) -> &dyn Files {
        &self.disk
    }

    fn now(&self) -> Timestamp {
        let now = chrono::Local::now();
        Timestamp {
            seconds: now.timestamp(),
            nanos: now.timestamp_subsec_nanos(),
            offset: now.offset().local_minus_utc(),
        }
    }

    fn random(&self) -> [u8; 16] {
        // The standard library seeds its hash maps from the operating system; that saves a dependency.
        let word = || RandomState::new().build_hasher().finish().to_ne_bytes();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&word());
        bytes[8..].copy_from_slice(&word());
        bytes
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// What the operating system said, as programs learn it.
pub(super) fn world_error(error: &io::Error) -> WorldError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => WorldError::NotFound,
        _ => WorldError::Failed(plain(error)),
    }
}

/// An error of the operating system without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn remembers_what_it_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.k");
        fs::write(&file, "a = 1").expect("a file");
        let world = DiskWorld::new(folder.path(), false);
        let first = world.source(&file).expect("a source");
        fs::write(&file, "a = 2").expect("a file");
        assert_eq!(world.source(&file).expect("a source").text(), first.text());
        assert_eq!(first.name(), "a.k");
    }

    #[test]
    fn sources_and_data_are_one_state_of_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("a.k"), folder.path().join("b.k"));
        let write = |text: &str| [&first, &second].map(|path| fs::write(path, text).expect("a file"));
        write("a = 1");
        let world = DiskWorld::new(folder.path(), false);
        assert_eq!(world.source(&first).expect("a source").text(), "a = 1");
        assert_eq!(world.files().read(&second), Ok(b"a = 1".to_vec()));
        write("a = 20");
        assert_eq!(world.files().read(&first), Ok(b"a = 1".to_vec()));
        assert_eq!(world.files().size(&first), Ok(5));
        assert_eq!(world.source(&second).expect("a source").text(), "a = 1");
    }

    #[test]
    fn says_where_a_file_is_not_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.k");
        fs::write(&file, b"ab\xff").expect("a file");
        let world = DiskWorld::new(folder.path(), false);
        assert_eq!(world.source(&file).err(), Some(WorldError::NotUtf8(2)));
        assert_eq!(world.source(&folder.path().join("b.k")).err(), Some(WorldError::NotFound));
    }

    #[test]
    fn random_numbers_differ() {
        let world = DiskWorld::new(Path::new("/"), false);
        assert_ne!(world.random(), world.random());
    }
}
