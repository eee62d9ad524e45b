//! Which stacks a difference between revisions may concern, as far as a survey tells.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use kcl::world::World;
use rustc_hash::FxHashSet;

use super::{FOLDER, Point, Since, Standing, Sweep};
use crate::build::reuse::GroupKey;
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
    /// How the survey's ground differs from them, if git has told.
    pub since: Option<&'a Since>,
}

/// Stacks that two revisions may have differently.
#[derive(Default)]
pub struct Concerned {
    /// Their paths.
    pub stacks: BTreeSet<String>,
    /// The groups of those of which only imported packages are not as the survey has seen them.
    pub(in crate::build) groups: BTreeMap<String, GroupKey>,
}

impl Concerned {
    /// Stacks of which no survey knows anything.
    #[must_use]
    pub fn of(stacks: BTreeSet<String>) -> Self {
        Self { stacks, groups: BTreeMap::new() }
    }

    /// Those of some stacks; all of them, where nobody could tell which ones are concerned.
    #[must_use]
    pub fn among(concerned: Option<Self>, wanted: BTreeSet<String>) -> Self {
        let Some(mut concerned) = concerned else { return Self::of(wanted) };
        concerned.stacks.retain(|path| wanted.contains(path));
        concerned
    }
}

/// Where something is not as a survey has seen it.
#[derive(Default)]
struct Places {
    /// Files, and folders with which a path begins or ends.
    contents: FxHashSet<PathBuf>,
    /// Folders that list something else.
    listed: FxHashSet<PathBuf>,
}

impl Versions<'_> {
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

    /// Adds the folders that list something else, given a path that comes or goes.
    fn list(&self, path: &Path, places: &mut Places) {
        for folder in path.ancestors().skip(1) {
            // That builds write somewhere makes no difference to packages above it.
            let is_own = folder == self.out || folder == self.root.join(FOLDER);
            let is_new = places.listed.insert(folder.to_owned());
            // One that is nowhere now may have been on the ground.
            if !is_new || is_own || folder.exists() && self.agree(folder) {
                return;
            }
        }
    }

    /// Where one of the revisions is not the working tree. `None` where they may have other stacks.
    fn places(&self) -> Option<Places> {
        let mut places = Places::default();
        for path in self.overlays().flat_map(Overlay::paths) {
            self.add(path, !self.agree(path), &mut places)?;
        }
        Some(places)
    }

    /// Where one of them is not the ground.
    fn places_since(&self, since: &Since) -> Option<Places> {
        let mut places = Places::default();
        for difference in since.differences() {
            let comes_or_goes = difference.is_there() != [true, true];
            self.add(&self.root.join(difference.path()), comes_or_goes, &mut places)?;
        }
        if since.head.is_none() {
            for path in self.base.overlay().into_iter().flat_map(Overlay::paths) {
                self.add(path, !self.agree(path), &mut places)?;
            }
        }
        Some(places)
    }

    fn add(&self, path: &Path, comes_or_goes: bool, places: &mut Places) -> Option<()> {
        let is_one = |names: &[&str]| names.iter().any(|name| path.file_name() == Some(OsStr::new(name)));
        let moves = is_one(&marks::DESCRIPTIONS) || comes_or_goes && is_one(&marks::ALL);
        if moves && !self.is_own(path) {
            return None;
        }
        if comes_or_goes {
            self.list(path, places);
        }
        places.contents.insert(path.to_owned());
        Some(())
    }
}

impl Places {
    fn have(&self, path: &Path, point: &Point) -> bool {
        if point.folder { self.listed.contains(path) } else { self.contents.contains(path) }
    }
}

impl Sweep {
    /// The stacks that two revisions may have differently: all others rest on files that are the same in both. `None`
    /// where that cannot be told, or where they may have other stacks.
    #[must_use]
    pub fn concerned(&self, versions: &Versions<'_>) -> Option<Concerned> {
        let survey = &self.survey;
        let links = survey.links || versions.overlays().any(Overlay::has_links);
        let is_untold = self.on_ground && versions.since.is_none();
        if self.moved || links || is_untold || fs::canonicalize(versions.root).ok()? != *versions.root {
            return None;
        }
        let now = versions.places()?;
        let since = versions.since.map(|since| versions.places_since(since));
        let since = match &since {
            Some(since) => Some(since.as_ref()?),
            None => None,
        };
        let mut concerned = vec![false; survey.points.len()];
        for ((path, point), concerned) in survey.paths().zip(&survey.points).zip(&mut concerned) {
            // A path outside may lead back inside.
            let outside = !path.starts_with(versions.root);
            if outside && fs::canonicalize(path).is_ok_and(|real| real.starts_with(versions.root)) {
                return None;
            }
            let places = since.filter(|_| point.standing == Standing::Firm).unwrap_or(&now);
            *concerned = places.have(path, point);
        }
        let is_concerned = |points: &[u32]| points.iter().any(|at| concerned[*at as usize]);
        let closures: Vec<bool> = survey.closures.iter().map(|points| is_concerned(points)).collect();
        let mut found = Concerned::default();
        for (stack, rest) in survey.stacks.iter().zip(&survey.rests) {
            let rest = rest.as_ref();
            let own = rest.is_none_or(|rest| is_concerned(&rest.own) || closures[rest.closures[1] as usize]);
            let packages =
                rest.is_none_or(|rest| closures[rest.closures[0] as usize] || self.has_changed(rest));
            if own || packages {
                found.stacks.insert(stack.path.clone());
            }
            let group = rest.filter(|rest| !own && self.is_own_same(rest)).and_then(|rest| rest.group);
            if let (Some(group), true) = (group, packages) {
                found.groups.insert(stack.path.clone(), survey.groups[group as usize]);
            }
        }
        Some(found)
    }
}
