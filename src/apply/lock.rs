//! One apply at a time in a checkout.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The right to apply. It goes when this value goes, or its process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the lock is not had.
#[derive(Debug)]
pub enum LockError {
    /// Somebody else has it: who.
    Held(String),
    /// What the operating system said.
    Failed(io::Error),
}

impl Lock {
    /// Takes the lock of a folder for somebody; waits for it if that is wanted.
    ///
    /// # Errors
    /// Where somebody else has it and nobody wants to wait, or the file cannot be written.
    pub fn take(folder: &Path, holder: &str, wait: bool) -> Result<Self, LockError> {
        let path = folder.join("lock");
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = file.map_err(LockError::Failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if wait => file.lock().map_err(LockError::Failed)?,
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(named(&mut file))),
            Err(TryLockError::Error(error)) => return Err(LockError::Failed(error)),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(holder.as_bytes()))
            .map_err(LockError::Failed)?;
        Ok(Self { _file: file })
    }
}

/// Who has written their name.
fn named(file: &mut File) -> String {
    let mut name = String::new();
    // A holder who is just about to write has no name yet.
    file.read_to_string(&mut name).ok();
    let name = name.trim();
    if name.is_empty() { "somebody else".to_owned() } else { name.to_owned() }
}

/// The folder of what an apply remembers, below that of the checkout; made if it is not there.
///
/// # Errors
/// What the operating system said.
pub fn folder(root: &Path) -> io::Result<std::path::PathBuf> {
    let own = root.join(crate::build::checkout::FOLDER);
    cache::prepare(&own)?;
    let folder = own.join("apply");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_second_learns_who_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Lock::take(folder.path(), "ann, process 1", false).expect("the lock");
        match Lock::take(folder.path(), "bob", false) {
            Err(LockError::Held(name)) => assert_eq!(name, "ann, process 1"),
            other => panic!("{other:?}"),
        }
        drop(first);
        assert!(Lock::take(folder.path(), "bob", false).is_ok());
    }
}
