//! Which stacks a difference between revisions may concern, as far as a survey tells.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use kcl::world::World;
use rustc_hash::FxHashSet;

use super::{FOLDER, Sweep};
use crate::monorepo::{DiskWorld, Overlay, marks};

/// Two revisions of the working tree that a survey was drawn in.
pub struct Versions<'a> {
    /// The one before.
    pub base: &'a DiskWorld,
    /// The one after; perhaps the working tree itself.
    pub head: &'a DiskWorld,
    /// The root of the monorepo.
    pub root: &'a Path,
    /// Where artifacts go.
    pub out: &'a Path,
}

impl Versions<'_> {
    /// The paths at which one of the revisions is not the working tree.
    fn paths(&self) -> BTreeSet<&Path> {
        self.overlays().flat_map(Overlay::paths).collect()
    }

    /// How they differ from the working tree.
    fn overlays(&self) -> impl Iterator<Item = &Overlay> {
        [self.base.overlay(), self.head.overlay()].into_iter().flatten()
    }

    /// Whether something is there in all of them, or in none.
    fn agree(&self, path: &Path) -> bool {
        let there = path.symlink_metadata().is_ok();
        [self.base, self.head].iter().all(|world| world.files().exists(path) == there)
    }

    fn is_own(&self, path: &Path) -> bool {
        path.starts_with(self.out) || path.starts_with(self.root.join(FOLDER))
    }

    /// The folders that list something else in one of them, given a path that comes or goes.
    fn listed(&self, path: &Path, listed: &mut FxHashSet<PathBuf>) {
        for folder in path.ancestors().skip(1) {
            // That builds write somewhere makes no difference to packages above it.
            let is_own = folder == self.out || folder == self.root.join(FOLDER);
            if !listed.insert(folder.to_owned()) || is_own || self.agree(folder) {
                return;
            }
        }
    }
}

impl Sweep {
    /// The stacks that two revisions may have differently: all others rest on files that are the same in both. `None`
    /// where that cannot be told, or where they may have other stacks.
    #[must_use]
    pub fn concerned(&self, versions: &Versions<'_>) -> Option<BTreeSet<String>> {
        let survey = &self.survey;
        let links = survey.links || versions.overlays().any(Overlay::has_links);
        if self.moved || links || fs::canonicalize(versions.root).ok()? != *versions.root {
            return None;
        }
        let (mut contents, mut listed) = (FxHashSet::default(), FxHashSet::default());
        for path in versions.paths() {
            let comes_or_goes = !versions.agree(path);
            let is_one = |names: &[&str]| names.iter().any(|name| path.file_name() == Some(OsStr::new(name)));
            let moves = is_one(&marks::DESCRIPTIONS) || comes_or_goes && is_one(&marks::ALL);
            if moves && !versions.is_own(path) {
                return None;
            }
            if comes_or_goes {
                versions.listed(path, &mut listed);
            }
            contents.insert(path);
        }
        let mut concerned = vec![false; survey.points.len()];
        for ((path, point), concerned) in survey.paths().zip(&survey.points).zip(&mut concerned) {
            // A path outside may lead back inside.
            let outside = !path.starts_with(versions.root);
            if outside && fs::canonicalize(path).is_ok_and(|real| real.starts_with(versions.root)) {
                return None;
            }
            *concerned = if point.folder { listed.contains(path) } else { contents.contains(path) };
        }
        let is_concerned = |points: &[u32]| points.iter().any(|at| concerned[*at as usize]);
        let closures: Vec<bool> = survey.closures.iter().map(|points| is_concerned(points)).collect();
        let stacks = survey.stacks.iter().zip(&survey.rests);
        let stacks = stacks.filter(|(stack, rest)| match rest {
            Some(rest) if self.unmoved(&stack.path).is_some() => {
                is_concerned(&rest.own) || rest.closures.iter().any(|at| closures[*at as usize])
            }
            _ => true,
        });
        Some(stacks.map(|(stack, _)| stack.path.clone()).collect())
    }
}
