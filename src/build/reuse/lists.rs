//! The lists of what stacks used of packages, as far as this process has looked at them: each once, for all stacks that used the
//! same.
//!
//! Thousands of groups have thousands of such lists, which take long to ask a database for one by one. So those that were asked
//! for together are kept in a file as well, for the next one who asks for as many. They go by their digests, so that none is
//! ever out of date, and neither is what the file says beside: for what files of a package all of a list was as it was.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cache::{Digest, Short, snapshot};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::group::Members;
use super::used::{Imported, Role, UsedParts};
use super::{Cell, Closure, Reason, Reuse, decode, encode, shown};
use crate::build::checkout::FOLDER;
use crate::memory::Memory;
use crate::monorepo::answers::Answer;

/// The first part of each kind that is not as it was, of what was used of packages.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Differences {
    /// Its code counts.
    pub(super) code: Option<Reason>,
    /// Its value counts.
    pub(super) behind: Option<Reason>,
    /// Only checks use it.
    pub(super) check: Option<Reason>,
}

/// What was used of a package.
pub(super) struct UsedList {
    /// The beginning of its digest.
    at: Short,
    /// As it is kept; `None` where it is lost.
    bytes: OnceLock<Option<Vec<u8>>>,
    /// What that says, once somebody has asked.
    parts: OnceLock<Option<Arc<UsedParts>>>,
    /// What the code of the package came from when all of this was last found in it as it was: see [`Closure::origins`].
    same: Mutex<Option<Answer>>,
    /// What is not as it was, if anything, in the closure that was looked at first, by its digest: mostly there is but one, and
    /// thousands of groups ask.
    first: OnceLock<(Digest, Option<Arc<Differences>>)>,
    /// The same of all other closures.
    others: Memory<Digest, Option<Arc<Differences>>>,
}

/// What stacks used, package by package.
pub(super) type Lists = Arc<[Arc<UsedList>]>;

/// Lists as they are kept in a file. They are read side by side, so each kind has bytes of its own.
#[derive(Serialize, Deserialize)]
struct Kept<'b> {
    /// What besides files decides what stacks come out as: another tool may have other lists.
    key: [u8; 32],
    /// See [`KeptUsed`]. Borrowed, for as vectors bytes are read one by one.
    used: &'b [u8],
    /// See [`KeptImported`].
    imported: &'b [u8],
}

/// The bytes of lists, by the beginnings of their digests, and of what code all of it was as it was.
type KeptUsed<'b> = Vec<(Short, Option<Answer>, &'b [u8])>;

/// What stacks used, by the beginning of the digest of that: places of lists.
type KeptImported = Vec<(Short, Vec<u32>)>;

/// The shape of the file; another one counts as none.
const VERSION: u32 = 2;

/// A file of the checkout's folder.
const FILE: &str = "used";

/// How many have to be asked for together for the file to be worth a look.
const MANY: usize = 8;

/// How many the file has at most.
const MOST: usize = 1 << 16;

/// How many blobs a thread reads at once.
const BLOBS: usize = 256;

impl UsedList {
    fn new(at: Short) -> Arc<Self> {
        let (bytes, parts, first) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Arc::new(Self { at, bytes, parts, same: Mutex::default(), first, others: Memory::default() })
    }

    fn same(&self) -> MutexGuard<'_, Option<Answer>> {
        self.same.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reuse<'_> {
    /// What stacks used of each package that they import, by the list of that; `None` where one is lost.
    pub(super) fn used_by(&self, at: &Short) -> Option<Vec<Arc<UsedParts>>> {
        self.lists_of(at)?.iter().map(|list| self.parts_of(list)).collect()
    }

    /// What is not as it was of what stacks used, by the list of it.
    pub(super) fn differences(&self, at: &Short, closure: &Closure) -> Differences {
        let cell = self.imported.get_or(&(*at, closure.encoded.digest), Cell::default);
        let find = || match self.lists_of(at) {
            Some(lists) => self.differences_of(&lists, closure),
            None => Differences { code: Some(Reason::New), ..Differences::default() },
        };
        cell.get_or_init(find).clone()
    }

    fn differences_of(&self, lists: &[Arc<UsedList>], closure: &Closure) -> Differences {
        let mut all = Differences::default();
        for list in lists {
            let Some(found) = self.found_in(list, closure) else { continue };
            let Differences { code, behind, check } = &*found;
            all.code = all.code.or_else(|| code.clone());
            all.behind = all.behind.or_else(|| behind.clone());
            all.check = all.check.or_else(|| check.clone());
        }
        all
    }

    /// What is not as it was in a package, if anything; found once for each closure.
    fn found_in(&self, list: &UsedList, closure: &Closure) -> Option<Arc<Differences>> {
        let digest = closure.encoded.digest;
        let find = || {
            let found = self.differences_in(list, closure);
            (found != Differences::default()).then(|| Arc::new(found))
        };
        let (first, found) = list.first.get_or_init(|| (digest, find()));
        if *first == digest { found.clone() } else { list.others.get_or(&digest, find) }
    }

    fn differences_in(&self, list: &UsedList, closure: &Closure) -> Differences {
        let mut found = Differences::default();
        // The same files make the same code, if compiles have seen what was answered.
        let package = self.bytes_of(list).filter(|_| closure.confirmed).and_then(UsedParts::package_of);
        let origin = package.and_then(|package| self.origin(closure, package));
        if origin.is_some() && *list.same() == origin {
            return found;
        }
        let Some(used) = self.parts_of(list) else {
            return Differences { code: Some(Reason::New), ..found };
        };
        for (name, role) in used.differing(self.fingerprints_in(closure, &used.package)) {
            let first = match role {
                Role::Code | Role::Value => &mut found.code,
                Role::Behind => &mut found.behind,
                Role::Check => &mut found.check,
            };
            let of_checks = role == Role::Check;
            first.get_or_insert_with(|| Reason::of_part(shown(&used.package), name.part(), of_checks));
        }
        if found == Differences::default() {
            *list.same() = origin;
            self.found_same.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    fn lists_of(&self, at: &Short) -> Option<Lists> {
        let read = || {
            let lists: Imported = decode(&self.store.blob(&self.whole(at)?)?)?;
            Some(self.lists_at(&lists))
        };
        self.lists.get_or(at, Cell::default).get_or_init(read).clone()
    }

    fn lists_at(&self, shorts: &[Short]) -> Lists {
        shorts.iter().map(|at| self.used.get_or(at, || UsedList::new(*at))).collect()
    }

    fn parts_of(&self, list: &UsedList) -> Option<Arc<UsedParts>> {
        list.parts.get_or_init(|| decode(self.bytes_of(list)?).map(Arc::new)).clone()
    }

    fn bytes_of<'l>(&self, list: &'l UsedList) -> Option<&'l [u8]> {
        list.bytes.get_or_init(|| self.store.blob(&self.whole(&list.at)?)).as_deref()
    }

    /// Reads what the stacks of groups used of packages, all of it at once. Gives how much of that the file does not have.
    pub(super) fn read_used(&self, groups: &[Members]) -> usize {
        let wanted = wanted(groups);
        if groups.len() >= MANY {
            self.read_kept_lists();
        }
        let missing: Vec<Short> =
            wanted.iter().filter(|at| self.lists.known(*at).is_none()).copied().collect();
        self.read_lists(&missing);
        missing.len()
    }

    /// Keeps what was read and found out of groups for the next one who asks for as much, where the file lacks a good part of it.
    pub(super) fn keep_used(&self, groups: &[Members], missing: usize) {
        let lacks = missing > groups.len() / 4 || self.found_same.load(Ordering::Relaxed) > groups.len() / 16;
        if groups.len() >= MANY && lacks {
            // If that cannot be, the next one asks the store as well.
            self.keep_lists(&wanted(groups)).ok();
        }
    }

    /// Reads lists from the store.
    fn read_lists(&self, wanted: &[Short]) {
        let lists: Vec<(Short, Imported)> = self.read(wanted, |bytes| decode(&bytes));
        let used: FxHashSet<Short> = lists.iter().flat_map(|(_, list)| list).copied().collect();
        let mut used: Vec<Short> = used.into_iter().filter(|at| self.used.known(at).is_none()).collect();
        used.par_sort_unstable();
        for (at, bytes) in self.read(&used, Some) {
            self.know_used(at, bytes);
        }
        for (at, list) in lists {
            self.know_lists(at, self.lists_at(&list));
        }
    }

    fn know_used(&self, at: Short, bytes: Vec<u8>) -> Arc<UsedList> {
        let list = self.used.get_or(&at, || UsedList::new(at));
        list.bytes.get_or_init(|| Some(bytes));
        list
    }

    fn know_lists(&self, at: Short, lists: Lists) {
        self.lists.get_or(&at, Cell::default).get_or_init(|| Some(lists));
    }

    /// What blobs are, by the beginnings of their digests, as far as they are there.
    fn read<T: Send>(&self, shorts: &[Short], what: fn(Vec<u8>) -> Option<T>) -> Vec<(Short, T)> {
        let read = |shorts: &[Short]| {
            let pairs = shorts.iter().zip(self.store.blobs_from(shorts));
            let known = pairs.filter_map(|(short, blob)| Some((*short, what(blob?.1)?)));
            known.collect::<Vec<_>>()
        };
        shorts.par_chunks(BLOBS).flat_map_iter(read).collect()
    }

    /// Takes over what the file has.
    fn read_kept_lists(&self) {
        let Some(kept) = snapshot::read(&self.kept_lists(), VERSION) else { return };
        let is_mine = |kept: &Kept<'_>| kept.key == *self.key.digest().as_bytes();
        let Some(kept) = decode::<Kept<'_>>(&kept.bytes).filter(is_mine) else { return };
        let both =
            rayon::join(|| decode::<KeptUsed<'_>>(kept.used), || decode::<KeptImported>(kept.imported));
        let (Some(used), Some(imported)) = both else { return };
        let known = |(at, same, bytes): (Short, Option<Answer>, &[u8])| {
            let list = self.know_used(at, bytes.to_vec());
            *list.same() = same;
            list
        };
        let used: Vec<Arc<UsedList>> = used.into_iter().map(known).collect();
        for (at, places) in imported {
            let lists = places.iter().map(|place| used.get(*place as usize).map(Arc::clone));
            if let Some(lists) = lists.collect() {
                self.know_lists(at, lists);
            }
        }
    }

    /// Keeps lists in the file, with others that are known, if there is room for all.
    fn keep_lists(&self, wanted: &[Short]) -> io::Result<()> {
        let mut known = self.lists.entries();
        if known.len() > MOST {
            known.retain(|(at, _)| wanted.binary_search(at).is_ok());
            known.truncate(MOST);
        }
        known.sort_unstable_by_key(|(at, _)| *at);
        let (mut used, mut places) = (Vec::new(), FxHashMap::default());
        let mut place = |list: &Arc<UsedList>| {
            let known = places.get(&list.at).copied();
            known.or_else(|| {
                let place = used.len() as u32;
                self.bytes_of(list)?;
                used.push(Arc::clone(list));
                places.insert(list.at, place);
                Some(place)
            })
        };
        let imported = known.iter().filter_map(|(at, lists)| {
            let lists = lists.get()?.as_ref()?;
            Some((*at, lists.iter().map(&mut place).collect::<Option<Vec<u32>>>()?))
        });
        let imported: KeptImported = imported.collect();
        let kept = used.iter().filter_map(|list| Some((list.at, *list.same(), self.bytes_of(list)?)));
        let used: KeptUsed<'_> = kept.collect();
        let key = *self.key.digest().as_bytes();
        let (used, imported) = rayon::join(|| encode(&used), || encode(&imported));
        snapshot::write(&self.kept_lists(), VERSION, &encode(&Kept { key, used: &used, imported: &imported }))
    }

    fn kept_lists(&self) -> PathBuf {
        self.root.join(FOLDER).join(FILE)
    }
}

/// The lists of what the stacks of groups used, each once, sorted.
fn wanted(groups: &[Members]) -> Vec<Short> {
    let mut wanted: Vec<Short> = groups.iter().map(|(group, _)| group.imported).collect();
    wanted.par_sort_unstable();
    wanted.dedup();
    wanted
}
