//! What builds of a checkout are about to write. A build that is killed remembers nothing of its artifacts; the next one
//! learns of them here, and of what was left beside them: what was not whole yet, and what was replaced.
//!
//! Invariants: who builds shares the lock of the journal, so it is emptied, and what is left is deleted, only when nobody
//! else builds; who begins or ends has the turn, one at a time.

use std::fs::{self, File};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use cache::Digest;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::reuse::Artifacts;
use crate::waiting::waiting;

/// Its name.
const FILE: &str = "journal";

/// So many files are deleted without further threads.
const FEW: usize = 64;

/// The journal of a checkout.
pub struct Journal {
    folder: PathBuf,
    /// None where nothing can be written, or locked.
    open: Option<Open>,
    /// The files that artifacts took the place of.
    replaced: Mutex<Vec<PathBuf>>,
    /// Shared by those who put artifacts where they belong.
    putting: RwLock<()>,
}

/// The journal of somebody who builds.
struct Open {
    file: File,
    /// A file of its own: some systems let nobody write to what is locked.
    lock: File,
}

/// An artifact that is about to be written.
#[derive(Serialize, Deserialize)]
struct Entry {
    path: String,
    /// The name of the file that it is written to first.
    beside: String,
    digest: String,
}

/// The exclusive right to begin or to end a build; until it is dropped.
pub(super) struct Turn {
    _lock: File,
}

impl Journal {
    /// The journal in a folder, which is made on demand. Where nobody else builds, what killed builds left beside artifacts
    /// is deleted.
    pub(super) fn open(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let mut journal = Self { folder, open: None, replaced: Mutex::default(), putting: RwLock::default() };
        // Without it, only what a kill leaves is not tidied up.
        journal.open = journal.begin().ok();
        journal
    }

    /// Whether no build was killed in a checkout, nor goes on, given the folder of the journal.
    #[must_use]
    pub fn is_empty(folder: &Path) -> bool {
        fs::metadata(folder.join(FILE)).is_ok_and(|meta| meta.len() == 0)
    }

    fn begin(&self) -> io::Result<Open> {
        cache::prepare(&self.folder)?;
        let _turn = self.turn()?;
        let file = File::options().create(true).append(true).open(self.path())?;
        let lock = lock_file(&self.folder.join("journal.lock"))?;
        if lock.try_lock().is_ok() {
            self.sweep();
            lock.unlock()?;
        }
        lock.lock_shared()?;
        Ok(Open { file, lock })
    }

    /// Waits until nobody else begins or ends.
    pub(super) fn turn(&self) -> io::Result<Turn> {
        let lock = lock_file(&self.folder.join("state.lock"))?;
        lock.lock()?;
        Ok(Turn { _lock: lock })
    }

    /// Notes that an artifact is about to be written, first to a file beside it; false if that cannot be noted.
    pub(super) fn announce(&self, path: &Path, beside: &Path, digest: Digest) -> bool {
        let (Some(Open { file, .. }), Some(path)) = (&self.open, path.to_str()) else { return false };
        let beside = beside.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let entry = Entry { path: path.to_owned(), beside, digest: digest.to_string() };
        // Plain data always has a form in JSON. The line before may have no end: its writer was killed, or the disk full.
        let line = format!("\n{}\n", serde_json::to_string(&entry).unwrap_or_default());
        (&*file).write_all(line.as_bytes()).is_ok()
    }

    /// Takes a file that an artifact took the place of, and that was announced as being beside it. It is deleted with all others,
    /// once all artifacts are written: ext4 without a journal of its own makes a new file slower for each that was deleted shortly
    /// before, and where it tells the disk of each (`discard`), deleting one takes longer than writing one.
    pub(super) fn replaced(&self, beside: PathBuf) {
        self.lock_replaced().push(beside);
    }

    /// Puts an artifact where it belongs. Where the disk is full, what was replaced until now is deleted, and it is put once more: alone,
    /// for what others put takes room until they have replaced something.
    pub(super) fn with_room(&self, put: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let among_others = || {
            let _putting = self.putting.read().unwrap_or_else(PoisonError::into_inner);
            put()
        };
        among_others().or_else(|error| {
            if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                return Err(error);
            }
            let _alone = self.putting.write().unwrap_or_else(PoisonError::into_inner);
            self.lock_replaced().drain(..).for_each(|path| delete(&path));
            put()
        })
    }

    /// Deletes what was replaced, once all artifacts are written.
    pub(super) fn tidy(&self) {
        let replaced = mem::take(&mut *self.lock_replaced());
        if replaced.len() < FEW {
            replaced.iter().for_each(delete);
        } else {
            waiting(|| replaced.par_iter().for_each(delete));
        }
    }

    fn lock_replaced(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the artifacts that builds have written without remembering them.
    pub(super) fn settle(&self, artifacts: &mut Artifacts) {
        for Entry { path, digest, beside: _ } in self.entries() {
            let (path, Ok(digest)) = (PathBuf::from(path), digest.parse::<Digest>()) else { continue };
            let known = artifacts.get(path.as_os_str()).is_some_and(|(_, known)| *known == digest);
            if !known && fs::read(&path).is_ok_and(|bytes| Digest::of(&bytes) == digest) {
                artifacts.insert(path.into(), (None, digest));
            }
        }
    }

    /// Ends a build: empties the journal, unless somebody else builds. Everything in it must be remembered elsewhere.
    pub(super) fn clear(&self, _turn: &Turn) {
        let Some(Open { lock, .. }) = &self.open else { return };
        let alone = lock.unlock().is_ok() && lock.try_lock().is_ok();
        // What cannot be emptied is remembered twice, which does no harm.
        if alone {
            fs::write(self.path(), "").ok();
            lock.unlock().ok();
        }
    }

    /// Deletes what killed builds left.
    fn sweep(&self) {
        for Entry { path, beside, digest: _ } in self.entries() {
            if is_beside(&beside) {
                fs::remove_file(Path::new(&path).with_file_name(beside)).ok();
            }
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if is_beside(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    fn entries(&self) -> Vec<Entry> {
        let text = fs::read(self.path()).unwrap_or_default();
        let lines = text.split(|byte| *byte == b'\n');
        lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

/// Deletes what an artifact is in the place of. If it stays, nothing is lost.
fn delete(path: &PathBuf) {
    fs::remove_file(path).ok();
}

fn lock_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

/// Whether this is a name that [`cache::beside`] gives.
fn is_beside(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp") && !name.contains(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a build does that is killed while it writes `b`, after `a`.
    fn killed(root: &Path) {
        let journal = Journal::open(&root.join(".konfig"));
        journal.announce(&root.join("a"), &root.join(".a.1.tmp"), Digest::of(b"a"));
        journal.announce(&root.join("b"), &root.join(".b.2.tmp"), Digest::of(b"b"));
        for (name, text) in [("a", "a"), ("b", "older"), (".b.2.tmp", ""), (".mine.tmp", "")] {
            fs::write(root.join(name), text).expect("a file");
        }
    }

    fn known(journal: &Journal) -> Vec<PathBuf> {
        let mut artifacts = Artifacts::new();
        journal.settle(&mut artifacts);
        artifacts.into_keys().map(PathBuf::from).collect()
    }

    #[test]
    fn what_was_written_is_known_and_what_was_left_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        killed(root);
        let journal = Journal::open(&root.join(".konfig"));
        assert_eq!(known(&journal), [root.join("a")]);
        assert!(!root.join(".b.2.tmp").exists());
        assert!(root.join(".mine.tmp").exists());
        journal.clear(&journal.turn().expect("a turn"));
        assert_eq!(known(&Journal::open(&root.join(".konfig"))), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_was_replaced_is_deleted_at_the_end_or_by_the_next_build() {
        for is_killed in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let (path, beside) = (folder.path().join("a"), folder.path().join(".a.1.tmp"));
            let journal = Journal::open(&folder.path().join(".konfig"));
            assert!(journal.announce(&path, &beside, Digest::of(b"new")));
            fs::write(&beside, "old").expect("a file");
            journal.replaced(beside.clone());
            assert!(beside.exists());
            if is_killed {
                drop(journal);
                drop(Journal::open(&folder.path().join(".konfig")));
            } else {
                journal.tidy();
            }
            assert!(!beside.exists(), "killed: {is_killed}");
        }
    }

    #[test]
    fn nothing_is_taken_from_who_still_builds() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let other = Journal::open(&root.join(".konfig"));
        killed(root);
        let journal = Journal::open(&root.join(".konfig"));
        assert!(root.join(".b.2.tmp").exists());
        journal.clear(&journal.turn().expect("a turn"));
        drop(journal);
        assert_eq!(known(&other), [root.join("a")]);
        other.clear(&other.turn().expect("a turn"));
        assert_eq!(known(&other), Vec::<PathBuf>::new());
    }

    #[test]
    fn damage_is_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir(root.join(".konfig")).expect("a folder");
        fs::write(root.join(".konfig/journal"), b"\n{\"path\": \"/x\", \xff\n\n{}\n{\"pa").expect("a file");
        killed(root);
        assert_eq!(known(&Journal::open(&root.join(".konfig"))), [root.join("a")]);
    }

    #[test]
    fn where_nothing_can_be_written_there_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("taken"), "").expect("a file");
        let journal = Journal::open(&folder.path().join("taken"));
        journal.announce(&folder.path().join("a"), &folder.path().join(".a.1.tmp"), Digest::of(b"a"));
        assert_eq!(known(&journal), Vec::<PathBuf>::new());
    }
}
