//! Looking at many files below one folder: the system goes the way to it once.

use std::io;
use std::path::{Path, PathBuf};

use super::answers::Stamp;
use super::{Kind, Listing, disk};

/// A folder from which files are looked at.
pub struct Near {
    folder: PathBuf,
    /// None where it cannot be opened: then each way is gone from the start.
    #[cfg(unix)]
    open: Option<std::fs::File>,
}

impl Near {
    /// A folder, which may be absent.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            #[cfg(unix)]
            open: std::fs::File::open(folder).ok(),
        }
    }

    /// What is at a path, behind links; `None` where nothing is. The path may start in the folder.
    #[must_use]
    pub fn look(&self, path: &Path) -> Option<(Kind, Stamp)> {
        #[cfg(unix)]
        if let Some(open) = &self.open {
            return from(open, self.inside(path));
        }
        let meta = std::fs::metadata(self.folder.join(path)).ok()?;
        Some((Kind::of(meta.file_type()), Stamp::of_any(&meta)))
    }

    /// What a path holds, behind links, with its stamp before that was read. The path may start in the folder.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn read(&self, path: &Path) -> io::Result<(Stamp, Contents)> {
        #[cfg(unix)]
        if let Some(open) = &self.open {
            return read_from(open, self.inside(path));
        }
        let path = self.folder.join(path);
        if !path.is_dir() {
            let (stamp, bytes) = disk::read(&path)?;
            return Ok((stamp, Contents::File(bytes)));
        }
        let listing = Listing::of(&path)?;
        let stamp = listing.stamp().ok_or(io::ErrorKind::NotADirectory)?;
        Ok((stamp, Contents::Folder(listing)))
    }

    /// The path from the folder, if it leads there. Paths are normal, so their bytes tell.
    #[cfg(unix)]
    fn inside<'p>(&self, path: &'p Path) -> &'p [u8] {
        let whole = path.as_os_str().as_encoded_bytes();
        let inside = whole.strip_prefix(self.folder.as_os_str().as_encoded_bytes());
        inside
            .and_then(|inside| inside.strip_prefix(b"/"))
            .filter(|inside| !inside.is_empty())
            .unwrap_or(whole)
    }
}

/// What a path holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Contents {
    /// It is a folder.
    Folder(Listing),
    /// It is a file with these bytes.
    File(Vec<u8>),
}

#[cfg(unix)]
fn read_from(folder: &std::fs::File, path: &[u8]) -> io::Result<(Stamp, Contents)> {
    use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
    // Nobody may be at the other end of a pipe.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = openat(folder, path, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    let stamp = Stamp::of_stat(&stat);
    let contents = if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        Contents::Folder(Listing::of_open(file, stamp)?)
    } else {
        Contents::File(disk::read_open(file.into(), stamp)?)
    };
    Ok((stamp, contents))
}

#[cfg(unix)]
fn from(folder: &std::fs::File, path: &[u8]) -> Option<(Kind, Stamp)> {
    use rustix::fs::{AtFlags, FileType, statat};
    let stat = statat(folder, path, AtFlags::empty()).ok()?;
    Some((Kind::of_type(FileType::from_raw_mode(stat.st_mode)), Stamp::of_stat(&stat)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_near_looks_as_from_afar() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir(root.join("a")).expect("a folder");
        fs::write(root.join("a/x"), "x").expect("a file");
        let seen = |near: &Near, path: &Path| {
            let meta = fs::metadata(root.join(path)).expect("something");
            let kind = if meta.is_dir() { Kind::Folder } else { Kind::File };
            assert_eq!(near.look(path), Some((kind, Stamp::of_any(&meta))), "{path:?}");
            let held = if meta.is_dir() {
                Contents::Folder(Listing::of(&root.join(path)).expect("a list"))
            } else {
                Contents::File(b"x".to_vec())
            };
            assert_eq!(near.read(path).expect("something"), (Stamp::of_any(&meta), held), "{path:?}");
        };
        for near in [Near::new(root), Near::new(&root.join("none"))] {
            for path in [root, &root.join("a"), &root.join("a/x")] {
                seen(&near, path);
            }
            assert_eq!(near.look(&root.join("b")), None);
            assert!(near.read(&root.join("b")).is_err());
            assert_eq!(near.look(&root.join("a/x/y")), None);
        }
        seen(&Near::new(root), Path::new("a/x"));
        // Another folder whose name begins alike.
        fs::create_dir(root.join("ab")).expect("a folder");
        seen(&Near::new(&root.join("a")), &root.join("ab"));
    }
}
