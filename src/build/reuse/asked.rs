//! What stacks ask the world for, told to somebody who wants to know whom a change concerns.
//!
//! Paths are kept as marks, which are hashes: two paths that happen to have the same one concern a stack too many, never
//! one too few.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use cache::Digest;
use kcl::world::Query;
use rustc_hash::{FxHashSet, FxHasher};

use super::Reuse;
use crate::build::survey::Held;
use crate::memory::Memory;

/// What a stack asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::build) struct Asked {
    /// The marks of what it asks itself, sorted.
    pub(in crate::build) own: Vec<u64>,
    /// Stands for what the packages that it imports ask.
    pub(in crate::build) group: Option<Digest>,
    /// Whether it asks for what paths do not tell.
    pub(in crate::build) any: bool,
}

/// What packages ask for: what stands for it, and the marks, sorted.
pub(in crate::build) type Group = (Digest, Arc<[u64]>);

/// Hears what stacks asked for.
pub(in crate::build) struct Listener {
    root: PathBuf,
    groups: Memory<Digest, Arc<[u64]>>,
    /// Paths that are not below the root.
    outside: Memory<PathBuf, ()>,
}

/// The mark of what is at a path.
fn at(path: &Path) -> u64 {
    mark(0, path)
}

/// The mark of the names in a folder.
fn within(folder: &Path) -> u64 {
    mark(1, folder)
}

fn mark(kind: u8, path: &Path) -> u64 {
    let mut hasher = FxHasher::default();
    kind.hash(&mut hasher);
    path.as_os_str().as_encoded_bytes().hash(&mut hasher);
    hasher.finish()
}

/// The marks of a path that changed; `listed` says that it may have come or gone.
pub(in crate::build) fn marks(path: &Path, listed: bool) -> impl Iterator<Item = u64> {
    let folder = path.parent().filter(|_| listed).map(within);
    [Some(at(path)), Some(within(path)).filter(|_| listed), folder].into_iter().flatten()
}

/// Whether the answer to a query may be another one where paths of some marks changed.
pub(in crate::build) fn touches(query: &Query, marks: &FxHashSet<u64>) -> bool {
    match query {
        Query::Content(path) | Query::IsFile(path) => marks.contains(&at(path)),
        Query::Folder(path) => marks.contains(&at(path)) || marks.contains(&within(path)),
        Query::Glob(..) => true,
    }
}

impl Listener {
    /// A listener that has heard nothing of a monorepo.
    pub(in crate::build) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), groups: Memory::default(), outside: Memory::default() }
    }

    /// What packages asked, and the paths of all that are not below the root; in no order.
    pub(in crate::build) fn finish(self) -> (Vec<Group>, Vec<PathBuf>) {
        let outside = self.outside.into_entries().map(|(path, ())| path).collect();
        (self.groups.into_entries().collect(), outside)
    }

    /// Adds the marks of a query; false where paths do not tell what it asks for.
    pub(in crate::build) fn add(&self, query: &Query, marks: &mut Vec<u64>) -> bool {
        let path = match query {
            Query::Content(path) | Query::IsFile(path) => path,
            Query::Folder(path) => {
                marks.push(within(path));
                path
            }
            Query::Glob(..) => return false,
        };
        marks.push(at(path));
        if !path.starts_with(&self.root) {
            self.outside.get_or(path.as_path(), || ());
        }
        true
    }

    /// The marks of what packages ask, for all stacks whose packages ask the same.
    pub(in crate::build) fn group(&self, at: Digest, queries: impl FnOnce(&mut Vec<u64>)) -> Digest {
        self.groups.get_or(&at, || {
            let mut marks = Vec::new();
            queries(&mut marks);
            sorted(marks).into()
        });
        at
    }

    /// What a stack asked that a record holds for; its folder is `folder`.
    pub(in crate::build) fn asked(&self, folder: &Path, held: &Held) -> Asked {
        let [(digest, packages), (_, ways)] = &held.shared;
        let group = self.group(*digest, |marks| {
            for question in packages.iter().flat_map(|package| &package.questions) {
                self.add(&question.query(&self.root), marks);
            }
        });
        let mut asked = Asked { group: Some(group), ..Asked::default() };
        for question in held.questions.iter().chain(&held.files) {
            asked.any |= !self.add(&question.query(folder), &mut asked.own);
        }
        for question in ways.iter().flat_map(|way| &way.questions) {
            asked.any |= !self.add(&question.query(&self.root), &mut asked.own);
        }
        Asked { own: sorted(asked.own), ..asked }
    }
}

/// Each mark once, in order.
pub(in crate::build) fn sorted(mut marks: Vec<u64>) -> Vec<u64> {
    marks.sort_unstable();
    marks.dedup();
    marks
}

impl Reuse<'_> {
    /// The records that hold for stacks of this build.
    pub(in crate::build) fn take_held(&self) -> Vec<Held> {
        std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
