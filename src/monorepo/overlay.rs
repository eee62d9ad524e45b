//! A revision as a layer over the files of the working tree: what differs, and nothing else.
//!
//! Keys are real paths, and links are followed here, on the disk and in the revision: a link that is the same in both
//! may lead to a file that is not.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::paths;
use crate::memory::Memory;

/// What a revision has at a path where the working tree has something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// A file with these bytes.
    File(Arc<[u8]>),
    /// A link to this path.
    Link(PathBuf),
    /// Nothing.
    Absent,
}

/// The files of a revision, as far as they differ from the working tree.
#[derive(Default)]
pub struct Overlay {
    entries: BTreeMap<PathBuf, Entry>,
    /// The names in each folder that lead to an entry.
    inside: FxHashMap<PathBuf, BTreeSet<OsString>>,
    places: Memory<PathBuf, Place>,
    lists: Memory<PathBuf, Arc<Listing>>,
    /// What was looked up on the disk.
    read: Memory<PathBuf, ()>,
}

/// The entries of a folder by name, with whether they are folders themselves.
pub(super) type Listing = BTreeMap<OsString, bool>;

/// What is at a path.
pub(super) enum Seen<'o> {
    /// What the disk has at this path.
    Disk(PathBuf),
    /// A file with these bytes.
    File(&'o Arc<[u8]>),
    /// A folder with other entries than on the disk.
    Folder(Arc<Listing>),
    /// Nothing.
    Absent,
}

/// Where a path leads.
#[derive(Clone)]
struct Place {
    real: PathBuf,
    /// Something above it is no folder in the revision.
    gone: bool,
}

/// How many links may lead to one another.
const LINKS: usize = 40;

impl Overlay {
    /// The overlay of some entries, by their real paths.
    pub(super) fn new(entries: BTreeMap<PathBuf, Entry>) -> Self {
        let mut inside: FxHashMap<PathBuf, BTreeSet<OsString>> = FxHashMap::default();
        for path in entries.keys() {
            let mut path = path.as_path();
            while let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
                // A name that is known was followed up to the root before.
                if !inside.entry(folder.to_owned()).or_default().insert(name.to_owned()) {
                    break;
                }
                path = folder;
            }
        }
        Self { entries, inside, places: Memory::default(), lists: Memory::default(), read: Memory::default() }
    }

    /// The paths at which two revisions of one working tree differ; the tree itself has no overlay.
    #[must_use]
    pub fn differences(one: Option<&Self>, other: Option<&Self>) -> BTreeSet<PathBuf> {
        let entries = |it: Option<&Self>| it.map(|it| it.entries.clone()).unwrap_or_default();
        let (one, other) = (entries(one), entries(other));
        let differs = |path: &&PathBuf| one.get(*path) != other.get(*path);
        one.keys().chain(other.keys()).filter(differs).cloned().collect()
    }

    /// The paths at which the revision is not the working tree.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.entries.keys().map(PathBuf::as_path)
    }

    /// The bytes of a file that the working tree has otherwise.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<&[u8]> {
        match self.entries.get(path)? {
            Entry::File(bytes) => Some(bytes),
            Entry::Link(_) | Entry::Absent => None,
        }
    }

    /// The paths at which the revision has what the disk has, as far as anybody wanted to know; in no order.
    #[must_use]
    pub fn read_from_disk(&self) -> Vec<PathBuf> {
        self.read.entries().into_iter().map(|(path, ())| path).collect()
    }

    /// Whether the revision has links where the working tree has something else.
    #[must_use]
    pub fn has_links(&self) -> bool {
        self.entries.values().any(|entry| matches!(entry, Entry::Link(_)))
    }

    /// What is at a path.
    pub(super) fn see(&self, path: &Path) -> Seen<'_> {
        let Place { real, gone } = self.place(path, LINKS);
        if gone {
            return Seen::Absent;
        }
        match self.entries.get(&real) {
            Some(Entry::File(bytes)) => Seen::File(bytes),
            Some(Entry::Link(_)) => Seen::Absent,
            Some(Entry::Absent) if !self.inside.contains_key(&real) => Seen::Absent,
            None if !self.inside.contains_key(&real) => {
                self.read.get_or(&real, || ());
                Seen::Disk(real)
            }
            _ => {
                let list = self.list(&real);
                if list.is_empty() { Seen::Absent } else { Seen::Folder(list) }
            }
        }
    }

    /// The same path without links.
    pub(super) fn real(&self, path: &Path) -> PathBuf {
        self.place(path, LINKS).real
    }

    /// The names and kinds in a folder that holds something that differs.
    fn list(&self, real: &Path) -> Arc<Listing> {
        self.lists.get_or(real, || {
            let mut list = Listing::new();
            // Where the revision has something else, what the disk has is a file or gone.
            if !self.entries.contains_key(real) {
                self.read.get_or(real, || ());
                for entry in fs::read_dir(real).into_iter().flatten().flatten() {
                    let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    if !is_folder || !is_bare(&entry.path()) {
                        list.insert(entry.file_name(), is_folder);
                    }
                }
            }
            for name in self.inside.get(real).into_iter().flatten() {
                let child = real.join(name);
                let folder = match self.entries.get(&child) {
                    Some(Entry::File(_) | Entry::Link(_)) => Some(false),
                    _ if !self.inside.contains_key(&child) => None,
                    // A folder of which nothing is left is none: git knows no empty ones.
                    _ => (!self.list(&child).is_empty()).then_some(true),
                };
                match folder {
                    Some(is_folder) => list.insert(name.clone(), is_folder),
                    None => list.remove(name),
                };
            }
            Arc::new(list)
        })
    }

    fn place(&self, path: &Path, links: usize) -> Place {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Place { real: path.to_owned(), gone: false };
        };
        let folder = match self.places.known(parent) {
            Some(known) => known,
            None => {
                let folder = self.place(parent, links);
                // One that was found after many links might have more of them from another start.
                if links == LINKS { self.places.get_or(parent, || folder) } else { folder }
            }
        };
        let gone = folder.gone || self.ends_at(&folder.real);
        self.below(&folder.real, name, gone, links)
    }

    fn below(&self, folder: &Path, name: &OsStr, gone: bool, links: usize) -> Place {
        let real = folder.join(name);
        if gone {
            return Place { real, gone };
        }
        let target = match self.entries.get(&real) {
            Some(Entry::Link(target)) => Some(target.clone()),
            Some(_) => None,
            None if self.inside.contains_key(&real) => None,
            None => fs::read_link(&real).ok(),
        };
        match target {
            None => Place { real, gone },
            Some(_) if links == 0 => Place { real, gone: true },
            Some(target) => self.place(&paths::normalize(&folder.join(target)), links - 1),
        }
    }

    /// Whether the revision has no folder here, whatever the disk has.
    fn ends_at(&self, real: &Path) -> bool {
        match self.entries.get(real) {
            Some(Entry::Absent) => !self.inside.contains_key(real),
            Some(_) => true,
            None => false,
        }
    }
}

/// Whether a folder on the disk holds no files, nor any of its folders: no revision has it. Most have a file, and nothing more is
/// looked at.
pub(super) fn is_bare(folder: &Path) -> bool {
    let holds_nothing =
        |entry: fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_bare(&entry.path());
    fs::read_dir(folder).is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(holds_nothing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder {
        root: PathBuf,
        _folder: tempfile::TempDir,
    }

    fn folder(files: &[&str]) -> Folder {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("a real path");
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "disk").expect("a file");
        }
        Folder { root, _folder: folder }
    }

    fn overlay(folder: &Folder, entries: &[(&str, Entry)]) -> Overlay {
        let entry = |(path, entry): &(&str, Entry)| (folder.root.join(path), entry.clone());
        Overlay::new(entries.iter().map(entry).collect())
    }

    fn seen(folder: &Folder, overlay: &Overlay, path: &str) -> String {
        match overlay.see(&folder.root.join(path)) {
            Seen::Disk(real) => format!("disk {}", paths::relative(&folder.root, &real).display()),
            Seen::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Seen::Folder(list) => {
                let names: Vec<String> =
                    list.keys().map(|name| name.to_string_lossy().into_owned()).collect();
                format!("[{}]", names.join(" "))
            }
            Seen::Absent => "nothing".to_owned(),
        }
    }

    fn file(text: &str) -> Entry {
        Entry::File(text.as_bytes().into())
    }

    #[test]
    fn files_and_folders_come_and_go() {
        let disk = folder(&["a/x", "a/y", "b/only", "c/d"]);
        let over = overlay(
            &disk,
            &[
                ("a/x", file("old")),
                ("a/z", file("z")),
                ("b/only", Entry::Absent),
                ("c", file("was a file")),
                ("c/d", Entry::Absent),
                ("new/deep/f", file("f")),
            ],
        );
        let see = |path: &str| seen(&disk, &over, path);
        assert_eq!(
            ["a/x", "a/y", "a/z", "b", "c", "c/d"].map(see),
            ["old", "disk a/y", "z", "nothing", "was a file", "nothing"]
        );
        assert_eq!(
            ["a", "new", "new/deep", "new/none", "."].map(see)[..4],
            ["[x y z]", "[deep]", "[f]", "disk new/none"]
        );
        assert_eq!(seen(&disk, &over, ""), "[a c new]");
    }

    #[test]
    fn a_folder_may_have_been_a_file() {
        let disk = folder(&["a"]);
        let over = overlay(&disk, &[("a", Entry::Absent), ("a/x", file("x"))]);
        assert_eq!(seen(&disk, &over, "a"), "[x]");
        assert_eq!(seen(&disk, &over, "a/x"), "x");
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_to_what_the_revision_has() {
        let disk = folder(&["base/x", "apps/f"]);
        std::os::unix::fs::symlink("../base/x", disk.root.join("apps/link")).expect("a link");
        std::os::unix::fs::symlink("base", disk.root.join("folder")).expect("a link");
        let over = overlay(
            &disk,
            &[
                ("base/x", file("old")),
                ("apps/was", Entry::Link("../base".into())),
                ("round", Entry::Link("round".into())),
            ],
        );
        for path in ["apps/link", "folder/x", "apps/was/x"] {
            assert_eq!(seen(&disk, &over, path), "old", "{path}");
        }
        assert_eq!(seen(&disk, &over, "round"), "nothing");
    }

    #[test]
    fn differences_of_revisions() {
        let disk = folder(&[]);
        let one = overlay(&disk, &[("a", file("1")), ("b", file("1"))]);
        let other = overlay(&disk, &[("a", file("1")), ("c", Entry::Absent)]);
        let differs = Overlay::differences(Some(&one), Some(&other));
        assert_eq!(differs, BTreeSet::from([disk.root.join("b"), disk.root.join("c")]));
        assert!(Overlay::differences(Some(&one), Some(&one)).is_empty());
        assert_eq!(Overlay::differences(Some(&one), None).len(), 2);
    }
}
