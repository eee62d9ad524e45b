//! The folder of a store: made on demand, ignored by git, and locked while a store is opened or made anew.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file of the store in a folder.
pub(crate) fn store_in(folder: &Path) -> PathBuf {
    folder.join("store.sqlite")
}

/// Makes a folder for what is kept between builds, and keeps git away from it.
///
/// # Errors
/// What the operating system said.
pub fn make(folder: &Path) -> io::Result<()> {
    let ignore = folder.join(".gitignore");
    // One that is empty was left by somebody who was killed, or whose disk was full.
    if !fs::metadata(&ignore).is_ok_and(|meta| meta.len() > 0) {
        fs::create_dir_all(folder)?;
        fs::write(ignore, "*\n")?;
    }
    Ok(())
}

/// Waits until nobody else opens this store. Released when the answer is dropped, or its process dies.
///
/// Without it, two processes that find a damaged store could each delete what the other has just made.
pub(crate) fn lock(folder: &Path) -> io::Result<File> {
    let path = folder.join("store.lock");
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.lock() {
        // Some network file systems have no locks. Then the rare race above costs a store.
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(file),
    }
}

/// Deletes the files of a store. The log goes first: a new store must not find the log of an old one.
pub(crate) fn remove(store: &Path) -> io::Result<()> {
    for path in files(store).iter().rev() {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The files of a store: SQLite's own, its log, and the index of that.
pub(crate) fn files(store: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = OsString::from(store);
        name.push(suffix);
        name.into()
    })
}
