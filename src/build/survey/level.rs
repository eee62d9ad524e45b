//! Comparing commits without git's look at the working tree. Where all that stacks rest on is firm, the disk has what the ground
//! has, and the differences of commits tell the rest. Nothing is assumed of a path that nobody rested on: what a comparison
//! has read of the disk is told afterwards, and held against the survey.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::sweep::Seen;
use super::{Point, Standing, Sweep};
use crate::monorepo::{Near, paths};

/// How many files git is asked about one by one.
const LOOSE: usize = 64;

impl Sweep {
    /// Whether so much of the survey is new since it was put on its ground that it is better put on another one. What was touched
    /// too late before `began`, in nanoseconds since 1970, would not be firm there either.
    #[must_use]
    pub fn is_adrift(&self, began: u64) -> bool {
        let is_settled = |at| self.stamp(at, began).is_some_and(|stamp| stamp.is_some());
        let points = self.survey.points.iter().zip(0..);
        let new = points.filter(|(point, at)| point.standing == Standing::New && is_settled(*at));
        let (folders, files): (Vec<_>, Vec<_>) = new.partition(|(point, _)| point.folder);
        !folders.is_empty() || files.len() > LOOSE
    }

    /// Whether it tells what each stack rests on, so that nothing can happen to one that it does not see.
    #[must_use]
    pub fn knows_all(&self) -> bool {
        self.survey.rests.iter().all(Option::is_some)
    }

    /// The files below a folder that are not known to be as the ground has them; `None` where these are many, or folders, or where
    /// there are links.
    #[must_use]
    pub fn loose(&self, root: &Path) -> Option<Vec<PathBuf>> {
        if self.survey.links || self.survey.ground.is_none() {
            return None;
        }
        let points = self.survey.points.iter().zip(&self.seen);
        let is_loose =
            |(point, seen): (&Point, &Seen)| point.standing != Standing::Firm || *seen == Seen::Changed;
        let loose = self.survey.paths().zip(points);
        let loose = loose.filter(|(path, it)| is_loose(*it) && paths::is_below(root, path));
        let loose: Vec<(&Path, &Point)> =
            loose.map(|(path, (point, _))| (path, point)).take(LOOSE + 1).collect();
        let few = loose.len() <= LOOSE && loose.iter().all(|(_, point)| !point.folder);
        few.then(|| loose.into_iter().map(|(path, _)| path.to_owned()).collect())
    }

    /// Whether the ground has what was read of the disk at these paths below a folder. `loose` are those that git was asked about.
    #[must_use]
    pub fn vouches_for(&self, read: &[PathBuf], loose: &[PathBuf], root: &Path) -> bool {
        let near = Near::new(root);
        let holds = |path: &Path| {
            let point = &self.survey.points[self.survey.find(path)? as usize];
            let is_firm = point.standing == Standing::Firm;
            Some(is_firm && point.look(&near, path, &self.survey.own).seen() != Seen::Changed)
        };
        let as_seen = |path: &PathBuf| {
            if !path.starts_with(root) || loose.contains(path) {
                return true;
            }
            // What is nowhere is so because a folder that is firm does not have it.
            holds(path).unwrap_or_else(|| {
                let above = path.ancestors().zip(path.ancestors().skip(1));
                let inside = above.take_while(|(_, folder)| paths::is_below(root, folder));
                let mut known = inside.filter_map(|(path, folder)| Some((path, holds(folder)?)));
                known.next().is_some_and(|(path, holds)| holds && path.symlink_metadata().is_err())
            })
        };
        read.par_iter().all(as_seen)
    }
}
