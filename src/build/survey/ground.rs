//! A commit that a survey stands on. Where a point is known to be as a commit has it, git tells in a moment whether another
//! commit has it otherwise, and nobody need look at the disk.
//!
//! A file is *firm* if the survey has seen in it what the commit has, as far as git sees a difference. A folder is firm if the
//! survey has seen in it what the commit has, and nothing else; git's own folder and those that builds write to do not
//! count. So a firm folder that says the same as before has nothing in it that is ignored or untracked.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::sweep::Seen;
use super::{Own, Point, Standing, Survey, Sweep};
use crate::monorepo::{Difference, Listing, Near, Tracked, paths};

/// The working tree as git knows it.
struct Tree<'a> {
    /// What the index has.
    tracked: &'a Tracked,
    /// What is not in it. The root is git's top too.
    own: &'a Own,
}

/// How the ground differs from two revisions.
#[derive(Debug)]
pub struct Since {
    /// The one before.
    pub base: Vec<Difference>,
    /// The one after; `None` if that is the working tree.
    pub head: Option<Vec<Difference>>,
}

/// How many paths git is asked about one by one.
const SOME: usize = 256;

impl Survey {
    /// The commit that it stands on.
    #[must_use]
    pub fn ground(&self) -> Option<&str> {
        self.ground.as_deref()
    }

    /// Puts the survey on a commit, given where that is not the working tree, and what the index has. Git was asked before this looks: what has the stamp
    /// that the survey knows was the same all the time.
    #[must_use]
    pub fn grounded(mut self, commit: &str, differences: &[Difference], tracked: &Tracked) -> Self {
        let tree = Tree { tracked, own: &self.own };
        let apart: BTreeSet<&Path> = differences.iter().flat_map(apart).collect();
        let near = Near::new(self.own.root());
        let standing = |(at, point): (usize, &Point)| {
            let path = self.path(at);
            let Some(inside) = tree.inside(path) else { return Standing::Apart };
            if point.look(&near, path, &self.own).seen() != Seen::Same {
                return Standing::New;
            }
            let has = !apart.contains(inside)
                && if point.folder { tree.has_all(path, point) } else { tree.has(inside) };
            if has { Standing::Firm } else { Standing::Apart }
        };
        let standings: Vec<Standing> = self.points.par_iter().enumerate().map(standing).collect();
        for (point, standing) in self.points.iter_mut().zip(standings) {
            point.standing = standing;
        }
        self.ground = Some(commit.to_owned());
        self
    }
}

/// Where a difference shows: other bytes in the file alone, anything else in the folders above too.
fn apart(difference: &Difference) -> impl Iterator<Item = &Path> {
    let all = if difference.is_of_bytes() { 1 } else { usize::MAX };
    difference.path().ancestors().take(all)
}

impl Tree<'_> {
    /// A path from the top.
    fn inside<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(self.own.root()).ok()
    }

    fn has(&self, inside: &Path) -> bool {
        inside.to_str().is_some_and(|_| self.tracked.has(&paths::slashed(inside)))
    }

    /// Whether a folder has what the index has, and nothing else, as a point has seen it.
    fn has_all(&self, folder: &Path, point: &Point) -> bool {
        self.is_seen(folder, point)
            || Listing::of(folder).is_ok_and(|listing| {
                self.own.answer(folder, &listing) == point.answer && self.others(folder, &listing).is_empty()
            })
    }

    /// Whether a point has seen just what the index has in a folder, as plain files and folders. Nothing is listed for that.
    fn is_seen(&self, folder: &Path, point: &Point) -> bool {
        self.inside(folder).is_some_and(|inside| {
            self.own.answer(folder, &self.tracked.listing(&paths::slashed(inside))) == point.answer
        })
    }

    /// The paths from the top in a folder that the index has not, but for those that builds and git have for themselves.
    fn others(&self, folder: &Path, listing: &Listing) -> Vec<PathBuf> {
        let Some(inside) = self.inside(folder) else { return Vec::new() };
        // What is in a submodule is that one's business.
        if self.own.holds(folder) || inside.ancestors().any(|folder| self.has(folder)) {
            return Vec::new();
        }
        let is_other = |name: &&OsStr| {
            let known = |name: &str| self.tracked.has_any(&paths::slashed(&inside.join(name)));
            !self.own.is(&folder.join(name)) && !name.to_str().is_some_and(known)
        };
        listing.names().filter(is_other).map(|name| inside.join(name)).collect()
    }
}

impl Sweep {
    /// The commit that the survey stands on.
    #[must_use]
    pub fn ground(&self) -> Option<&str> {
        self.survey.ground()
    }

    /// The paths from the top at which there may be something that git does not know; `None` where these are many. A path
    /// stands for all below it.
    #[must_use]
    pub fn unknown(&self, since: &Since, tracked: &Tracked) -> Option<Vec<PathBuf>> {
        let (tree, root) = (Tree { tracked, own: self.own() }, self.own().root());
        let hidden = tracked.hidden_folders();
        let mut unknown: BTreeSet<PathBuf> = hidden.into_iter().map(PathBuf::from).collect();
        let gone = since.differences().filter(|it| it.is_there() == [true, false]).map(Difference::path);
        let is_left = |path: &&Path| !tree.has(path) && root.join(path).symlink_metadata().is_ok();
        unknown.extend(gone.filter(is_left).map(Path::to_owned));
        let points = self.survey.points.par_iter().zip(&self.seen).enumerate();
        let others = points.filter_map(|(at, (point, seen))| {
            let path = self.survey.path(at);
            let is_same = *seen != Seen::Changed;
            let is_known =
                !point.folder || is_same && (point.standing == Standing::Firm || tree.is_seen(path, point));
            let listing = (!is_known).then(|| Listing::of(path).ok())??;
            Some(tree.others(path, &listing)).filter(|others| !others.is_empty())
        });
        unknown.extend(others.collect::<Vec<_>>().into_iter().flatten());
        (unknown.len() <= SOME).then(|| unknown.into_iter().collect())
    }
}

impl Since {
    /// All paths at which one of the revisions is not the ground.
    pub(super) fn differences(&self) -> impl Iterator<Item = &Difference> {
        self.base.iter().chain(self.head.iter().flatten())
    }
}
