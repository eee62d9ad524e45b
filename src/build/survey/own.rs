//! What git and builds have for themselves in a checkout. It comes and goes while everything else stays, and checkouts of the same
//! files differ in it, so no point tells of it, and nothing rests on it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::FOLDER;
use crate::monorepo::Listing;
use crate::monorepo::answers::Answer;

/// The folders that are theirs, in the checkout of a root.
#[derive(Debug, Clone, Default)]
pub struct Own {
    root: PathBuf,
    folders: [PathBuf; 3],
}

impl Own {
    /// Those of a checkout, given its root and where its artifacts go.
    #[must_use]
    pub fn of(root: &Path, out: &Path) -> Self {
        let folders = [root.join(".git"), root.join(FOLDER), out.to_owned()];
        Self { root: root.to_owned(), folders }
    }

    /// The root of the checkout.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where artifacts go from the root; the root itself where that is elsewhere.
    pub(super) fn out(&self) -> &Path {
        let [.., out] = &self.folders;
        out.strip_prefix(&self.root).unwrap_or(Path::new(""))
    }

    /// Whether a path is one of them. One may be a file too: git has one instead where several checkouts share a repository.
    pub(super) fn is(&self, path: &Path) -> bool {
        self.folders.iter().any(|own| own.as_os_str() == path.as_os_str())
    }

    /// Whether a path is one of them, or inside.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.folders.iter().any(|own| path.starts_with(own))
    }

    /// What is in a folder besides them.
    pub(super) fn answer(&self, folder: &Path, listing: &Listing) -> Answer {
        // Most folders are deeper than these.
        let above = self.folders.iter().filter(|own| own.as_os_str().len() > folder.as_os_str().len());
        let inside = above.filter(|own| own.parent() == Some(folder));
        let names: Vec<&OsStr> = inside.filter_map(|own| own.file_name()).collect();
        listing.answer_without(&names)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_their_own_makes_no_difference() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir_all(root.join("a/out")).expect("a folder");
        let own = Own::of(root, &root.join("a/out"));
        let answers = || {
            [root, &root.join("a")].map(|folder| own.answer(folder, &Listing::of(folder).expect("a list")))
        };
        let before = answers();
        fs::create_dir(root.join(FOLDER)).expect("a folder");
        fs::write(root.join(".git"), "gitdir: elsewhere").expect("a file");
        fs::remove_dir(root.join("a/out")).expect("no folder");
        assert_eq!(answers(), before);
        fs::create_dir(root.join("out")).expect("a folder");
        let [of_root, of_a] = answers();
        assert!(of_root != before[0] && of_a == before[1]);
        assert!(own.is(&root.join("a/out")) && !own.is(&root.join("a/out/x")) && !own.is(root));
        assert!(own.holds(&root.join("a/out/x")) && !own.holds(&root.join("a")));
    }
}
