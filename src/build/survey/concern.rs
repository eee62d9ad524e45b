//! Which stacks a difference between revisions may concern, as far as a survey tells.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use kcl::world::{Query, World};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::sweep::{SHARE, Seen};
use super::{Own, Point, Since, Standing, Sweep};
use crate::build::reuse::GroupKey;
use crate::monorepo::answers::Answer;
use crate::monorepo::{Difference, DiskWorld, Overlay, Stack, marks, paths};

/// Two revisions of the working tree that a survey was drawn in.
pub struct Versions<'a> {
    /// The one before.
    pub base: &'a DiskWorld,
    /// The one after; perhaps the working tree itself.
    pub head: &'a DiskWorld,
    /// What git and builds have for themselves in the checkout.
    pub own: &'a Own,
    /// How the survey's ground differs from them, if git has told.
    pub since: Option<&'a Since>,
}

/// Stacks that two revisions may have differently.
#[derive(Default)]
pub struct Concerned {
    /// Their paths.
    pub stacks: BTreeSet<String>,
    /// The groups of those of which only imported packages are not as the survey has seen them, by their places in `keys`.
    pub(in crate::build) groups: BTreeMap<String, u32>,
    /// All groups.
    pub(in crate::build) keys: Vec<GroupKey>,
    /// The files of the packages that these import, and the folders that were listed for them.
    pub(in crate::build) sources: Vec<Query>,
    /// Whether what these import may be otherwise in the revision before, and in the one after.
    pub(in crate::build) otherwise: [bool; 2],
}

impl Concerned {
    /// Stacks of which no survey knows anything.
    #[must_use]
    pub fn of(stacks: BTreeSet<String>) -> Self {
        Self { stacks, ..Self::default() }
    }

    /// Those of some stacks; all of them, where nobody could tell which ones are concerned.
    #[must_use]
    pub fn among(concerned: Option<Self>, wanted: BTreeSet<String>) -> Self {
        let Some(mut concerned) = concerned else { return Self::of(wanted) };
        concerned.stacks.retain(|path| wanted.contains(path));
        concerned.groups.retain(|path, _| wanted.contains(path));
        concerned
    }
}

/// Where something is not as a survey has seen it.
#[derive(Default)]
struct Places {
    /// Files, and folders with which a path begins or ends.
    contents: FxHashSet<OsString>,
    /// Folders that list something else.
    listed: FxHashSet<OsString>,
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

    /// Adds the folders that list something else, given a path that comes or goes.
    fn list(&self, path: &Path, places: &mut Places) {
        for folder in path.ancestors().skip(1) {
            // That builds write somewhere makes no difference to packages above it.
            let is_new = places.listed.insert(folder.into());
            // One that is nowhere now may have been on the ground.
            if !is_new || self.own.is(folder) || folder.exists() && self.agree(folder) {
                return;
            }
        }
    }

    /// Where each of the revisions is not the working tree. `None` where they may have other stacks.
    fn places(&self) -> Option<[Places; 2]> {
        let places_of = |world: &DiskWorld| {
            let mut places = Places::default();
            for path in world.overlay().into_iter().flat_map(Overlay::paths) {
                self.add(path, !self.agree(path), &mut places)?;
            }
            Some(places)
        };
        Some([places_of(self.base)?, places_of(self.head)?])
    }

    /// Which of them have something else at a point than the survey has seen, as far as it is not known how the ground differs.
    fn differ(&self, now: &[Places; 2], path: &Path, point: &Point) -> [bool; 2] {
        let differs = |(world, places): (&DiskWorld, &Places)| {
            let overlay = world.overlay().filter(|_| !point.folder);
            let bytes = || overlay.and_then(|overlay| overlay.file(path));
            places.have(path, point) && bytes().is_none_or(|bytes| Answer::of(bytes) != point.answer)
        };
        let [before, after] = now;
        [differs((self.base, before)), differs((self.head, after))]
    }

    /// Where each of them is not the ground.
    fn places_since(&self, since: &Since) -> Option<[Places; 2]> {
        let places_of = |differences: &[Difference]| {
            let mut places = Places::default();
            for difference in differences {
                let comes_or_goes = difference.is_there() != [true, true];
                self.add(&self.own.root().join(difference.path()), comes_or_goes, &mut places)?;
            }
            Some(places)
        };
        let mut after = places_of(since.head.as_ref().unwrap_or(&since.base))?;
        if since.head.is_none() {
            for path in self.base.overlay().into_iter().flat_map(Overlay::paths) {
                self.add(path, !self.agree(path), &mut after)?;
            }
        }
        Some([places_of(&since.base)?, after])
    }

    fn add(&self, path: &Path, comes_or_goes: bool, places: &mut Places) -> Option<()> {
        let is_one = |names: &[&str]| names.iter().any(|name| path.file_name() == Some(OsStr::new(name)));
        let moves = is_one(&marks::DESCRIPTIONS) || comes_or_goes && is_one(&marks::ALL);
        if moves && !self.own.holds(path) {
            return None;
        }
        if comes_or_goes {
            self.list(path, places);
        }
        places.contents.insert(path.into());
        Some(())
    }
}

impl Places {
    fn have(&self, path: &Path, point: &Point) -> bool {
        let changed = if point.folder { &self.listed } else { &self.contents };
        changed.contains(path.as_os_str())
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
        let root = versions.own.root();
        if self.moved || links || is_untold || fs::canonicalize(root).ok()? != root {
            return None;
        }
        let now = versions.places()?;
        let since = match versions.since {
            Some(since) => Some((since, self.points_at(&versions.places_since(since)?))),
            None => None,
        };
        let told = |(at, (point, seen)): (usize, (&Point, &Seen))| {
            let path = survey.path(at);
            // A path outside may lead back inside.
            let outside = !paths::is_below(root, path);
            if outside && fs::canonicalize(path).is_ok_and(|real| real.starts_with(root)) {
                return None;
            }
            let changed = *seen == Seen::Changed;
            Some(match &since {
                Some((since, differ)) if point.standing == Standing::Firm => {
                    let [before, after] = differ[at];
                    [before, after || since.head.is_none() && changed]
                }
                _ => versions.differ(&now, path, point).map(|differs| differs || changed),
            })
        };
        let points = survey.points.par_iter().zip(&self.seen).enumerate();
        let points: Vec<Option<[bool; 2]>> = points.with_min_len(SHARE).map(told).collect();
        Some(self.concerned_by(&points.into_iter().collect::<Option<Vec<_>>>()?))
    }

    /// Of each point, which of two revisions have something else there.
    fn points_at(&self, places: &[Places; 2]) -> Vec<[bool; 2]> {
        let survey = &self.survey;
        let mut differ = vec![[false; 2]; survey.points.len()];
        for (side, Places { contents, listed }) in places.iter().enumerate() {
            for (paths, of_folders) in [(contents, false), (listed, true)] {
                let points = paths.iter().filter_map(|path| survey.find(Path::new(path)));
                let points = points.filter(|at| survey.points[*at as usize].folder == of_folders);
                points.for_each(|at| differ[at as usize][side] = true);
            }
        }
        differ
    }

    /// The stacks that rest on points which are not as they were in one of two revisions.
    fn concerned_by(&self, points: &[[bool; 2]]) -> Concerned {
        let survey = &self.survey;
        let both = |[before, after]: [bool; 2], other: &[bool; 2]| [before || other[0], after || other[1]];
        let concerned = |some: &[u32]| some.iter().map(|at| &points[*at as usize]).fold([false; 2], both);
        let closures: Vec<[bool; 2]> =
            survey.closures.iter().map(|closure| concerned(&closure.points)).collect();
        let (mut stacks, mut groups) = (Vec::new(), Vec::new());
        let (mut otherwise, mut imported) = ([false; 2], vec![false; survey.closures.len()]);
        for (stack, rest) in survey.stacks.iter().zip(&survey.rests) {
            let Some(rest) = rest else {
                stacks.push(stack.path.clone());
                continue;
            };
            let [packages, ways] = rest.closures.map(|at| closures[at as usize]);
            let own = both(concerned(&rest.own), &ways).contains(&true);
            if own || packages.contains(&true) || self.has_changed(rest) {
                stacks.push(stack.path.clone());
                let group = rest.group.filter(|_| !own && self.is_own_same(rest));
                if let Some(group) = group {
                    groups.push((stack.path.clone(), group));
                    otherwise = both(otherwise, &packages);
                    imported[rest.closures[0] as usize] = true;
                }
            }
        }
        // Thousands are made into a set at once.
        let (stacks, groups) = (stacks.into_iter().collect(), groups.into_iter().collect());
        Concerned { stacks, groups, keys: survey.groups.clone(), sources: self.sources(&imported), otherwise }
    }

    /// The files and folders that the packages rest on which some stacks imported.
    pub(in crate::build) fn imported(&self, stacks: &[&Stack]) -> Vec<Query> {
        let mut closures = vec![false; self.survey.closures.len()];
        for rest in stacks.iter().filter_map(|stack| self.rest(&stack.path)) {
            closures[rest.closures[0] as usize] = true;
        }
        self.sources(&closures)
    }

    /// The files and folders that some closures rest on.
    pub(super) fn sources(&self, closures: &[bool]) -> Vec<Query> {
        let survey = &self.survey;
        let wanted = survey.closures.iter().zip(closures).filter(|(_, is_wanted)| **is_wanted);
        let points: BTreeSet<u32> = wanted.flat_map(|(closure, _)| &closure.points).copied().collect();
        let query = |at: u32| {
            let path = survey.path(at as usize).to_owned();
            if survey.points[at as usize].folder { Query::Folder(path) } else { Query::Content(path) }
        };
        points.into_iter().map(query).collect()
    }
}
