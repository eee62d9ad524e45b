//! One value in one file, read as a whole and in milliseconds: what a process wants to know before all else.
//!
//! The file: eight bytes that name the format, the caller's version (four bytes), the length (eight bytes), the
//! value, and the digest of all that. Numbers are little-endian.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rayon::prelude::*;

use crate::beside::beside;
use crate::digest::Digest;

const MAGIC: [u8; 8] = *b"\x89konfig\n";
const HEAD: usize = 8 + 4 + 8;
const DIGEST: usize = 32;

/// So many bytes are a piece, which one thread reads. Most of that is the system finding memory for them, on all cores at once.
const PIECE: usize = 1 << 19;

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The value.
    pub bytes: Vec<u8>,
    /// What tells it from others, also from the same value in another version.
    pub digest: Digest,
}

/// Writes a value. It is written beside and renamed, so that whoever reads finds the old one or the new one.
///
/// Nothing waits for the disk: after a loss of power the file may be damaged, which reading finds.
///
/// # Errors
/// What the operating system said. The old value is still there.
pub fn write(path: &Path, version: u32, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    write_whole(&beside, version, bytes).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        // The first error is the one to report.
        fs::remove_file(&beside).ok();
    })
}

/// Reads a value of this version, on the threads of the pool that this is called in; none where there is no file, or anything
/// about it is odd. Whoever holds a lock that other work of the pool may wait for must not call it: a thread that waits for a
/// piece takes up other work.
#[must_use]
pub fn read(path: &Path, version: u32) -> Option<Snapshot> {
    let mut file = File::open(path).ok()?;
    let on_disk = file.metadata().ok()?.len();
    let mut found = [0; HEAD];
    file.read_exact(&mut found).ok()?;
    // The length comes from the file system, so damage cannot ask for more memory than the file takes.
    let length = usize::try_from(on_disk).ok()?.checked_sub(HEAD + DIGEST)?;
    if found != head(version, length) {
        return None;
    }
    let mut bytes = vec![0; length + DIGEST];
    read_behind_head(&mut file, &mut bytes).ok()?;
    let kept = bytes.split_off(length);
    let digest = trailer(&found, &bytes);
    (kept == digest.as_bytes()).then(|| Snapshot { bytes, digest: Digest::from_bytes(*digest.as_bytes()) })
}

/// The digest that a snapshot says it has: enough to tell it from others, without a look at what is in it.
#[must_use]
pub fn digest(path: &Path) -> Option<Digest> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::End(-(DIGEST as i64))).ok()?;
    let mut digest = [0; DIGEST];
    file.read_exact(&mut digest).ok()?;
    Some(Digest::from_bytes(digest))
}

/// Fills a buffer with what stands behind the head, which was just read.
#[cfg(unix)]
fn read_behind_head(file: &mut File, buffer: &mut [u8]) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let file = &*file;
    let read = |(at, piece): (usize, &mut [u8])| file.read_exact_at(piece, (HEAD + at * PIECE) as u64);
    buffer.par_chunks_mut(PIECE).enumerate().try_for_each(read)
}

#[cfg(not(unix))]
fn read_behind_head(file: &mut File, buffer: &mut [u8]) -> io::Result<()> {
    file.read_exact(buffer)
}

fn write_whole(path: &Path, version: u32, bytes: &[u8]) -> io::Result<()> {
    let head = head(version, bytes.len());
    let mut file = File::create_new(path)?;
    file.write_all(&head)?;
    file.write_all(bytes)?;
    file.write_all(trailer(&head, bytes).as_bytes())
}

fn head(version: u32, length: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&version.to_le_bytes());
    head[12..].copy_from_slice(&(length as u64).to_le_bytes());
    head
}

fn trailer(head: &[u8], bytes: &[u8]) -> blake3::Hash {
    blake3::Hasher::new().update(head).update_rayon(bytes).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("graph");
        assert_eq!(read(&path, 1), None);
        for bytes in [&b""[..], b"abc", &[9; 1 << 20]] {
            write(&path, 1, bytes).expect("written");
            let found = read(&path, 1).expect("a value");
            assert_eq!(found.bytes, bytes);
            assert_eq!(digest(&path), Some(found.digest));
            assert_eq!(read(&path, 2), None, "another version");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside");
    }

    #[test]
    fn damage_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("graph");
        write(&path, 1, b"some bytes").expect("written");
        let whole = fs::read(&path).expect("a file");
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("written");
            assert_eq!(read(&path, 1), None, "{length} bytes");
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).expect("written");
            assert_eq!(read(&path, 1), None, "bit {bit}");
        }
        fs::write(&path, [&whole[..], b"x"].concat()).expect("written");
        assert_eq!(read(&path, 1), None, "more bytes");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(write(&folder.path().join("none/graph"), 1, b"x").is_err());
        fs::create_dir(folder.path().join("graph")).expect("a folder");
        assert!(write(&folder.path().join("graph"), 1, b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside");
    }
}
