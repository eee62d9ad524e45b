//! The files that programs read and write themselves, through the system module `file`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kcl::world::{Files, WorldError};

use super::world::world_error;
use crate::memory::Memory;

/// The disk as programs see it.
pub(super) struct Disk {
    /// Whether programs may change it.
    writable: bool,
    /// What was read, as long as programs may not change it: all of them see one state of a file.
    contents: Memory<PathBuf, BytesCell>,
}

type BytesCell = Arc<OnceLock<Result<Arc<[u8]>, WorldError>>>;

impl Disk {
    /// The disk, which programs may change or not.
    pub(super) fn new(writable: bool) -> Self {
        Self { writable, contents: Memory::default() }
    }

    /// The bytes of a file, if it was read before.
    pub(super) fn known(&self, path: &Path) -> Option<Result<Arc<[u8]>, WorldError>> {
        self.contents.known(path).and_then(|cell| cell.get().cloned())
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, path: &Path) -> Result<Arc<[u8]>, WorldError> {
        let read = || fs::read(path).map(Into::into).map_err(|error| world_error(&error));
        if self.writable {
            return read();
        }
        self.contents.get_or(path, BytesCell::default).get_or_init(read).clone()
    }

    fn change<T>(&self, change: impl FnOnce() -> std::io::Result<T>) -> Result<T, WorldError> {
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
        let paths = glob::glob(pattern).map_err(|error| WorldError::Failed(error.msg.to_owned()))?;
        // Folders that may not be read hold nothing that could match.
        let mut found: Vec<PathBuf> = paths.flatten().collect();
        found.sort_unstable();
        Ok(found)
    }

    fn real(&self, path: &Path) -> Result<PathBuf, WorldError> {
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
        path.exists()
    }

    fn size(&self, path: &Path) -> Result<u64, WorldError> {
        fs::metadata(path).map(|meta| meta.len()).map_err(|error| world_error(&error))
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
