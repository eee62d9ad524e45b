//! What a build of few stacks adds to a survey: it is kept beside it, so that neither drawing nor writing costs what all
//! stacks cost.
//!
//! Invariants: numbers of points, closures and stacks stay; a point that says something else now is changed only where
//! nobody rests on what it said before; a closure has the list that its points answer, or none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cache::{Digest, snapshot};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::draw::{Draft, Drawing, Held};
use super::path_list::PathList;
use super::sweep::SHARE;
use super::{Closure, Encoded, Point, Regrouped, Rest, Survey, Sweep};
use crate::build::reuse::{GroupKey, decode, encode};
use crate::build::{Goal, Report};
use crate::monorepo::answers::Stamp;

/// A file of the checkout's folder.
const FILE: &str = "survey.more";

/// The shape of the file; another one counts as none.
const VERSION: u32 = 7;

/// How many stacks are few.
const FEW: usize = 64;

/// How many amendments a survey has before it is drawn anew.
const AMENDMENTS: usize = 64;

/// How many stacks rest on something else before the survey is drawn anew.
const MOVED: usize = 1024;

/// How many points a build may find touched.
const TOUCHED: usize = 4096;

/// What one build has added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amendment {
    /// The paths of points that are new.
    pub(super) paths: PathList,
    pub(super) points: Vec<Point>,
    /// Points that say something else now, or have another stamp.
    pub(super) changed: Vec<(u32, Point)>,
    /// Closures that are new.
    pub(super) closures: Vec<Closure>,
    /// The lists that others come from now: points of theirs say something else.
    pub(super) lists: Vec<(u32, [u8; 32])>,
    /// Groups that are new.
    pub(super) groups: Vec<GroupKey>,
    /// What stacks rest on now.
    pub(super) rests: Vec<(u32, Option<Rest>)>,
}

/// The amendments of a survey.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Amendments {
    /// The digest of the survey as it was written.
    to: [u8; 32],
    all: Vec<Amendment>,
}

impl Amendments {
    /// Those of a survey in a folder.
    pub(super) fn read(folder: &Path, to: Digest) -> Self {
        let none = Self { to: *to.as_bytes(), all: Vec::new() };
        let kept = snapshot::read(&folder.join(FILE), VERSION).and_then(|kept| decode::<Self>(&kept.bytes));
        kept.filter(|kept| kept.to == none.to).unwrap_or(none)
    }

    /// How many points they add.
    pub(super) fn points(&self) -> usize {
        self.all.iter().map(|amendment| amendment.points.len()).sum()
    }

    /// As they are kept beside the survey.
    pub(super) fn encoded(&self) -> Encoded {
        Encoded { file: FILE, version: VERSION, bytes: encode(self) }
    }

    /// Deletes what was added to a survey that is no longer there.
    pub(super) fn forget(folder: &Path) {
        // It counts for that survey alone.
        fs::remove_file(folder.join(FILE)).ok();
    }

    fn with(&self, amendment: Amendment) -> Self {
        let mut amendments = self.clone();
        amendments.all.push(amendment);
        amendments
    }
}

impl Survey {
    /// The survey with what was added to it; `None` where that is about something else.
    pub(super) fn amended(mut self, amendments: Amendments) -> Option<Self> {
        for Amendment { paths, points, changed, closures, lists, groups, rests } in &amendments.all {
            self.paths.extend(paths);
            self.points.extend(points);
            for (at, point) in changed {
                *self.points.get_mut(*at as usize)? = *point;
            }
            for (at, list) in lists {
                self.closures.get_mut(*at as usize)?.list = *list;
            }
            self.closures.extend(closures.iter().cloned());
            self.groups.extend(groups);
            for (at, rest) in rests {
                (*self.rests.get_mut(*at as usize)?).clone_from(rest);
            }
        }
        self.amendments = Some(amendments);
        Some(self)
    }
}

impl Amendment {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a survey takes less room.
    pub(super) fn is_large(&self) -> bool {
        self.rests.len() > MOVED
    }
}

impl Sweep {
    /// Whether a build amends the survey instead of drawing another one: nothing happened to projects, stacks and what many
    /// of these import, but for what they come out the same with. `untouched` says for each stack of the build whether it
    /// needs no other thought.
    #[must_use]
    pub fn is_narrow(&self, untouched: &[Option<Digest>], regrouped: &Regrouped) -> bool {
        !self.moved
            && (regrouped.is_known() || !self.changed.contains(&true))
            && self.survey.amendments.as_ref().is_some_and(|it| it.all.len() < AMENDMENTS)
            && untouched.iter().filter(|digest| digest.is_none()).count() <= FEW
            && self.touched.len() <= TOUCHED
    }

    /// Whether so much is no longer as the survey has it that another checkout does better with another one.
    pub(in crate::build) fn is_outdated(&self, held: &[Held]) -> bool {
        self.moved || held.len() > FEW
    }

    /// What to add to the survey for points that have other stamps now.
    pub(super) fn restamped(&self, changed: Vec<(u32, Point)>) -> Option<Amendments> {
        self.amended(Amendment { changed, ..Amendment::default() })
    }

    /// The amendments of the survey with another one.
    pub(super) fn amended(&self, amendment: Amendment) -> Option<Amendments> {
        Some(self.survey.amendments.as_ref()?.with(amendment))
    }

    /// The points that were touched, say the same as before, and have been left alone since. `began` is when this process
    /// began, in nanoseconds since 1970.
    pub(super) fn settled(&self, began: u64) -> Vec<(u32, Point)> {
        let settled = self.touched.iter().filter(|(_, stamp)| stamp.is_settled(began));
        let point = |at: u32| self.survey.points[at as usize];
        settled.map(|(at, stamp)| (*at, Point { stamp: Some(*stamp), ..point(*at) })).collect()
    }
}

impl Drawing<'_> {
    /// What a narrow build adds to the survey before; `None` if that cannot be told, so that the next build thinks about these
    /// stacks again.
    pub(super) fn amend(
        &self,
        before: &Sweep,
        held: &[Held],
        goal: &Goal,
        report: &Report,
    ) -> Option<Amendment> {
        let old = &before.survey.rests;
        let mut draft = Draft::amending(self, before, held);
        let changed = old
            .par_iter()
            .enumerate()
            .with_min_len(SHARE)
            .filter(|(_, rest)| rest.as_ref().is_some_and(|rest| before.has_changed(rest)));
        let changed: Vec<u32> = changed.map(|(at, _)| at as u32).collect();
        // Of two records of a stack the later one counts: the artifact of the first was lost.
        let mut rests: BTreeMap<u32, Option<Rest>> = changed.into_iter().map(|at| (at, None)).collect();
        for (at, packages) in self.regrouped.stacks() {
            if let Some(rest) = rests.get_mut(&at) {
                let closure = packages.and_then(|packages| draft.closure(packages));
                *rest = old[at as usize].clone().zip(closure).map(|(rest, closure)| rest.with(closure));
            }
        }
        for held in held {
            rests.insert(before.place(&held.stack)?, draft.rest(held));
        }
        for finished in report.stacks.iter().filter(|finished| !finished.untouched) {
            let stack = self.monorepo.stack(finished.stack);
            let at = before.place(&stack.path)?;
            let rest = rests.entry(at).or_insert_with(|| old[at as usize].clone());
            *rest = rest.take().filter(|rest| finished.artifact == Some(rest.artifact()));
            if let (Some(rest), Goal::Write(out)) = (rest, goal) {
                let stamp = Stamp::of(&out.join(stack.artifact()));
                rest.stamp = stamp.filter(|stamp| stamp.is_settled(self.began));
            }
        }
        let mut amendment = draft.into_amendment();
        amendment.changed.extend(before.settled(self.began));
        amendment.rests = rests.into_iter().filter(|(at, rest)| old[*at as usize] != *rest).collect();
        Some(amendment)
    }
}
