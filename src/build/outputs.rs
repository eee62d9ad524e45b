//! Writing artifacts: only where the bytes differ, and whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use cache::beside;

/// Writes a file if it does not hold these bytes; true if it did not.
///
/// Comparing first is far cheaper than replacing, and leaves the times of files that did not change. The new bytes
/// are written beside and renamed, so that whoever reads sees the old file or the new one.
///
/// # Errors
/// What the operating system said.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    write_announced(path, bytes, |_| {})
}

/// Adds to the end of a file, which is made if it is not there.
///
/// # Errors
/// What the operating system said.
pub fn append(path: &Path, text: &str) -> io::Result<()> {
    File::options().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

/// Writes a file if it does not hold these bytes; `announce` learns which file is written first, before there is anything.
pub(super) fn write_announced(path: &Path, bytes: &[u8], announce: impl FnOnce(&Path)) -> io::Result<bool> {
    let there = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    if there.as_ref().is_some_and(|there| holds(path, there, bytes)) {
        return Ok(false);
    }
    let beside = beside(path);
    announce(&beside);
    let write = || File::create_new(&beside).and_then(|mut file| file.write_all(bytes));
    let written = write().or_else(|error| match (error.kind(), path.parent()) {
        (io::ErrorKind::NotFound, Some(folder)) => {
            fs::create_dir_all(folder)?;
            write()
        }
        _ => Err(error),
    });
    let put = || if there.is_some() { replace(&beside, path) } else { fs::rename(&beside, path) };
    written.and_then(|()| put()).inspect_err(|_| {
        // The first error is the one to report.
        fs::remove_file(&beside).ok();
    })?;
    Ok(true)
}

/// Whether a file holds exactly these bytes. The length is asked first, which most changes alter.
fn holds(path: &Path, there: &fs::Metadata, bytes: &[u8]) -> bool {
    there.len() == bytes.len() as u64 && fs::read(path).is_ok_and(|old| old == bytes)
}

/// Renames a file over another one.
///
/// Where a file is renamed over another, ext4 writes its bytes to the disk at once, which takes 0.2 ms. Where the two change places,
/// it does not. Should the machine lose power then, the file may be empty, like one that is new; the next build sees that.
#[cfg(target_os = "linux")]
fn replace(beside: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    match renameat_with(CWD, beside, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_file(beside),
        // The file system cannot do this.
        Err(_) => fs::rename(beside, path),
    }
}

#[cfg(not(target_os = "linux"))]
fn replace(beside: &Path, path: &Path) -> io::Result<()> {
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_once_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/c.yaml");
        assert!(write_if_changed(&path, b"x: 1\n").expect("written"));
        assert!(!write_if_changed(&path, b"x: 1\n").expect("compared"));
        assert!(write_if_changed(&path, b"x: 2\n").expect("replaced"));
        let names: Vec<_> =
            fs::read_dir(path.parent().expect("a parent")).expect("a folder").flatten().collect();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn a_folder_in_the_way_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        fs::create_dir_all(path.join("x")).expect("a folder");
        assert!(write_if_changed(&path, b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
