//! Looking at many files below one folder: the system goes the way to it once.

use std::path::{Path, PathBuf};

use super::Kind;
use super::answers::Stamp;

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

#[cfg(unix)]
fn from(folder: &std::fs::File, path: &[u8]) -> Option<(Kind, Stamp)> {
    use rustix::fs::{AtFlags, FileType, statat};
    let stat = statat(folder, path, AtFlags::empty()).ok()?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Folder,
        FileType::RegularFile => Kind::File,
        _ => Kind::Other,
    };
    Some((kind, Stamp::of_stat(&stat)))
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
        };
        for near in [Near::new(root), Near::new(&root.join("none"))] {
            for path in [root, &root.join("a"), &root.join("a/x")] {
                seen(&near, path);
            }
            assert_eq!(near.look(&root.join("b")), None);
            assert_eq!(near.look(&root.join("a/x/y")), None);
        }
        seen(&Near::new(root), Path::new("a/x"));
        // Another folder whose name begins alike.
        fs::create_dir(root.join("ab")).expect("a folder");
        seen(&Near::new(&root.join("a")), &root.join("ab"));
    }
}
