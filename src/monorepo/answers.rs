//! What the world answers to queries, as digests. A file that has not moved since an earlier process read it is not
//! read again.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use kcl::stdlib::whole_pattern;
use kcl::world::{Query, World};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::disk::Look;
use super::paths;
use super::world::DiskWorld;
use crate::memory::Memory;

/// 128 bits of BLAKE3 over what the world says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Answer(pub [u8; 16]);

impl Answer {
    const ABSENT: Self = Self([0; 16]);
    const FOLDER: Self = Self([1; 16]);
    const FILE: Self = Self([2; 16]);

    /// The answer that some bytes are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        Self(short)
    }
}

/// What tells, without reading it, that a file is as it was: nanoseconds since 1970, bytes, and which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    size: u64,
    modified: u64,
    changed: u64,
    inode: u64,
}

/// How long before a process started a file must have been left alone, so that its times tell all later changes: more
/// than the granularity of clocks and file systems, in nanoseconds.
const SETTLED: u64 = 1_000_000_000;

impl Stamp {
    /// How many bytes it takes where all take as many.
    pub const BYTES: usize = 4 * 8;

    /// As bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let Self { size, modified, changed, inode } = self;
        let mut bytes = [0; Self::BYTES];
        for (part, number) in bytes.as_chunks_mut().0.iter_mut().zip([size, modified, changed, inode]) {
            *part = number.to_le_bytes();
        }
        bytes
    }

    /// The stamp that was these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let number = |at: usize| bytes.as_chunks().0.get(at).map_or(0, |part| u64::from_le_bytes(*part));
        Self { size: number(0), modified: number(1), changed: number(2), inode: number(3) }
    }

    /// How many bytes the file had.
    pub(super) fn size(self) -> u64 {
        self.size
    }

    /// The stamp of a file; `None` where it is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().filter(Metadata::is_file).map(|meta| Self::of_any(&meta))
    }

    /// The stamp of whatever is there.
    #[must_use]
    pub fn of_any(meta: &Metadata) -> Self {
        let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = since.map_or(0, nanos);
        #[cfg(unix)]
        let (changed, inode) = {
            use std::os::unix::fs::MetadataExt;
            (
                (meta.ctime() as u64).wrapping_mul(1_000_000_000).wrapping_add(meta.ctime_nsec() as u64),
                meta.ino(),
            )
        };
        #[cfg(not(unix))]
        let (changed, inode) = (modified, 0);
        Self { size: meta.len(), modified, changed, inode }
    }

    /// The stamp of whatever a look from its folder has found.
    #[cfg(unix)]
    #[allow(clippy::unnecessary_cast, reason = "systems have these numbers in different types")]
    pub(super) fn of_stat(stat: &rustix::fs::Stat) -> Self {
        let nanoseconds =
            |seconds: i64, more: u64| (seconds as u64).wrapping_mul(1_000_000_000).wrapping_add(more);
        Self {
            size: stat.st_size as u64,
            // As the standard library has it: nothing is from before 1970.
            modified: if stat.st_mtime < 0 {
                0
            } else {
                nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as u64)
            },
            changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            inode: stat.st_ino as u64,
        }
    }

    /// Whether a change after some moment, in nanoseconds since 1970, must show in the stamp.
    #[must_use]
    pub fn is_settled(&self, moment: u64) -> bool {
        self.modified.max(self.changed).saturating_add(SETTLED) < moment
    }
}

/// A time since 1970 in nanoseconds, as stamps have it.
#[must_use]
pub fn nanos(since: Duration) -> u64 {
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A file with the stamp that it had before it was read.
pub type Known = FxHashMap<OsString, (Stamp, Answer)>;

/// The answers of a world; each query is answered once a process.
pub struct Answers<'w> {
    world: &'w DiskWorld,
    known: Known,
    contents: Memory<OsString, Content>,
}

/// What is known of a file.
#[derive(Clone, Copy)]
struct Content {
    answer: Answer,
    stamp: Option<Stamp>,
    /// The answer is about the bytes that compiles have seen.
    seen: bool,
}

impl<'w> Answers<'w> {
    /// The answers of a world, given what an earlier process knew of its files.
    #[must_use]
    pub fn new(world: &'w DiskWorld, known: Known) -> Self {
        Self { world, known, contents: Memory::default() }
    }

    /// Takes over what an earlier process knew of files, but for those that were looked at.
    pub fn know(&mut self, known: Known) {
        self.known = known;
    }

    /// The answer to a query.
    #[must_use]
    pub fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Content(path) => self.content(path),
            Query::Folder(path) => {
                self.world.folder(path).map_or(Answer::ABSENT, |names| lines(names.iter()))
            }
            Query::IsFile(path) if self.world.is_file(path) => Answer::FILE,
            Query::IsFile(_) => Answer::ABSENT,
            Query::Glob(folder, pattern) => {
                let found = self.world.files().glob(&whole_pattern(folder, pattern));
                // From the folder, so that other checkouts answer alike.
                let names = |paths: Vec<PathBuf>| {
                    lines(paths.iter().map(|path| paths::slashed(&paths::relative(folder, path))))
                };
                found.map_or(Answer::ABSENT, names)
            }
        }
    }

    fn content(&self, path: &Path) -> Answer {
        self.contents.get_or(path.as_os_str(), || self.look(path)).answer
    }

    /// The answer, if compiles have seen the same: a file that was trusted by its stamp may have changed before it was
    /// compiled.
    #[must_use]
    pub fn confirmed(&self, query: &Query) -> Option<Answer> {
        let answer = self.answer(query);
        let Query::Content(path) = query else { return Some(answer) };
        self.is_seen(path, answer).then_some(answer)
    }

    fn is_seen(&self, path: &Path, answer: Answer) -> bool {
        let absent = answer == Answer::ABSENT;
        if self.world.found_before(path).is_some_and(|found| found == absent) {
            return false;
        }
        if self.contents.known(path.as_os_str()).is_some_and(|content| content.seen) {
            return true;
        }
        match self.world.read_before(path) {
            None => true,
            Some(Ok(seen)) => Answer::of(seen.content.as_bytes()) == answer,
            Some(Err(_)) => absent || answer == Answer::FOLDER,
        }
    }

    /// The stamp of a file that was asked for and is on the disk.
    #[must_use]
    pub fn stamped(&self, path: &Path) -> Option<Stamp> {
        self.contents.known(path.as_os_str())?.stamp
    }

    /// Every stamp is taken before the file is read: what changes meanwhile shows the next time.
    fn look(&self, path: &Path) -> Content {
        // What compiles have seen counts, even where the file is another one by now.
        if let Some(Ok(seen)) = self.world.read_before(path) {
            let answer = Answer::of(seen.content.as_bytes());
            return Content { answer, stamp: seen.stamp, seen: true };
        }
        if let Some((stamp, answer)) = self.known.get(path.as_os_str())
            && let Look::File(Some(meta)) = self.world.look(path)
            && Stamp::of_any(&meta) == *stamp
        {
            return Content { answer: *answer, stamp: Some(*stamp), seen: false };
        }
        match self.world.fetch(path) {
            Ok(found) => Content { answer: Answer::of(&found.content), stamp: found.stamp, seen: false },
            Err(_) => {
                let is_folder = matches!(self.world.look(path), Look::Folder);
                let answer = if is_folder { Answer::FOLDER } else { Answer::ABSENT };
                Content { answer, stamp: None, seen: false }
            }
        }
    }

    /// What a later process needs to know of the files: those that were asked for, and the others too where this
    /// process asked for a part only.
    #[must_use]
    pub fn into_known(self, started: u64, partial: bool) -> Known {
        let asked = self.contents.into_entries();
        let asked = asked.filter_map(|(path, content)| Some((path, (content.stamp?, content.answer))));
        let mut known = if partial { self.known } else { Known::default() };
        for (path, (stamp, answer)) in asked {
            if stamp.is_settled(started) {
                known.insert(path, (stamp, answer));
            } else {
                known.remove(&path);
            }
        }
        known
    }
}

fn lines(texts: impl Iterator<Item = impl AsRef<str>>) -> Answer {
    let mut joined = String::new();
    for text in texts {
        joined.push_str(text.as_ref());
        joined.push('\n');
    }
    Answer::of(joined.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(folder: &Path, known: Known, query: &Query) -> (Answer, Known) {
        let world = DiskWorld::new(folder, false);
        let answers = Answers::new(&world, known);
        let answer = answers.answer(query);
        (answer, answers.into_known(u64::MAX, false))
    }

    #[test]
    fn a_file_that_moved_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.k");
        let query = Query::Content(path.clone());
        let (absent, known) = answer(folder.path(), Known::default(), &query);
        fs::write(&path, "a = 1").expect("a file");
        let (first, known) = answer(folder.path(), known, &query);
        assert_ne!(first, absent);
        assert_eq!(answer(folder.path(), known.clone(), &query).0, first);
        fs::write(&path, "a = 12").expect("a file");
        assert_ne!(answer(folder.path(), known, &query).0, first);
    }

    #[test]
    fn what_was_just_written_is_not_trusted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.k");
        fs::write(&path, "a = 1").expect("a file");
        let world = DiskWorld::new(folder.path(), false);
        let answers = Answers::new(&world, Known::default());
        let _ = answers.answer(&Query::Content(path.clone()));
        let now = Stamp::of(&path).expect("a stamp").modified;
        assert!(answers.into_known(now, false).is_empty());
    }

    #[test]
    fn folders_answer_with_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let query = Query::Folder(folder.path().to_owned());
        let (empty, _) = answer(folder.path(), Known::default(), &query);
        fs::write(folder.path().join("a"), "").expect("a file");
        assert_ne!(answer(folder.path(), Known::default(), &query).0, empty);
    }

    /// What an answer that is trusted unseen confirms, after the file changed and a compile asked for it.
    fn confirmed(see: impl Fn(&DiskWorld, &Path), change: impl Fn(&Path)) -> Option<Answer> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        fs::write(&path, "one").expect("a file");
        let query = Query::Content(path.clone());
        let (_, known) = answer(folder.path(), Known::default(), &query);
        let world = DiskWorld::new(folder.path(), false);
        let answers = Answers::new(&world, known);
        let before = answers.answer(&query);
        change(&path);
        see(&world, &path);
        let confirmed = answers.confirmed(&query);
        assert!(confirmed.is_none_or(|answer| answer == before));
        confirmed
    }

    #[test]
    fn a_file_that_changed_before_a_compile_saw_it_is_not_confirmed() {
        let source = |world: &DiskWorld, path: &Path| drop(world.source(path));
        let data = |world: &DiskWorld, path: &Path| drop(world.files().read(path));
        let there = |world: &DiskWorld, path: &Path| {
            let _ = world.files().exists(path);
        };
        let nothing = |_: &Path| {};
        let rewrite = |path: &Path| fs::write(path, "two").expect("a file");
        let delete = |path: &Path| fs::remove_file(path).expect("no file");
        assert!(confirmed(source, nothing).is_some());
        assert!(confirmed(data, nothing).is_some());
        assert!(confirmed(there, nothing).is_some());
        assert_eq!(confirmed(source, rewrite), None);
        assert_eq!(confirmed(data, rewrite), None);
        assert_eq!(confirmed(source, delete), None);
        assert_eq!(confirmed(data, delete), None);
        assert_eq!(confirmed(there, delete), None);
    }

    #[test]
    fn a_file_that_appears_after_a_compile_missed_it_is_not_confirmed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        let world = DiskWorld::new(folder.path(), false);
        assert!(!world.files().exists(&path));
        fs::write(&path, "one").expect("a file");
        let answers = Answers::new(&world, Known::default());
        assert_eq!(answers.confirmed(&Query::Content(path)), None);
    }

    #[test]
    fn a_pattern_finds_the_same_all_the_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let query = Query::Glob(folder.path().to_owned(), "*.txt".to_owned());
        let pattern = whole_pattern(folder.path(), "*.txt");
        let world = DiskWorld::new(folder.path(), false);
        let answers = Answers::new(&world, Known::default());
        assert_eq!(world.files().glob(&pattern), Ok(Vec::new()));
        fs::write(folder.path().join("a.txt"), "one").expect("a file");
        assert_eq!(answers.answer(&query), lines(std::iter::empty::<&str>()));
    }
}
