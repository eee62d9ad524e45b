//! Writing artifacts: only where the bytes differ, and whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use cache::{Digest, beside};

use super::Journal;

/// Writes a file if it does not hold these bytes; true if it did not.
///
/// Comparing first is far cheaper than replacing, and leaves the times of files that did not change. The new bytes
/// are written beside and renamed, so that whoever reads sees the old file or the new one.
///
/// # Errors
/// What the operating system said.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    write_artifact(path, bytes, None)
}

/// Adds to the end of a file, which is made if it is not there.
///
/// # Errors
/// What the operating system said.
pub fn append(path: &Path, text: &str) -> io::Result<()> {
    File::options().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

/// Writes an artifact like [`write_if_changed`], given the journal that learns of it, with its digest, before there is anything.
pub(super) fn write_artifact(
    path: &Path,
    bytes: &[u8],
    journal: Option<(&Journal, Digest)>,
) -> io::Result<bool> {
    let there = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    if there.as_ref().is_some_and(|there| holds(path, there, bytes)) {
        return Ok(false);
    }
    let put = || put(path, bytes, there.is_some(), journal);
    match journal {
        Some((journal, _)) => journal.with_room(put)?,
        None => put()?,
    }
    Ok(true)
}

/// Puts bytes where a file is, or where none is.
fn put(path: &Path, bytes: &[u8], is_there: bool, journal: Option<(&Journal, Digest)>) -> io::Result<()> {
    let beside = beside(path);
    let noted = journal.filter(|(journal, digest)| journal.announce(path, &beside, *digest));
    let write = || File::create_new(&beside).and_then(|mut file| file.write_all(bytes));
    let written = write().or_else(|error| match (error.kind(), path.parent()) {
        (io::ErrorKind::NotFound, Some(folder)) => {
            fs::create_dir_all(folder)?;
            write()
        }
        _ => Err(error),
    });
    let renamed = written.and_then(|()| {
        if !is_there || !exchange(&beside, path) {
            return fs::rename(&beside, path);
        }
        // What nobody would find after a kill does not wait.
        match noted {
            Some((journal, _)) => journal.replaced(beside.clone()),
            None => fs::remove_file(&beside)?,
        }
        Ok(())
    });
    renamed.inspect_err(|_| {
        // The first error is the one to report.
        fs::remove_file(&beside).ok();
    })
}

/// Whether a file holds exactly these bytes. The length is asked first, which most changes alter.
fn holds(path: &Path, there: &fs::Metadata, bytes: &[u8]) -> bool {
    there.len() == bytes.len() as u64 && fs::read(path).is_ok_and(|old| old == bytes)
}

/// Has two files change places; false where the file system cannot do this.
///
/// Where a file is renamed over another, ext4 writes its bytes to the disk at once, which takes 0.2 ms. Where the two change places,
/// it does not. Should the machine lose power then, the file may be empty, like one that is new; the next build sees that.
#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> bool {
    false
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
