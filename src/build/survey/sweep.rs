//! One look at everything that a survey names.

use std::ffi::OsString;
use std::path::Path;

use cache::Digest;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{Drawn, Own, Point, Regrouped, Rest, Since, Standing, Survey};
use crate::build::{Finished, Report};
use crate::monorepo::answers::{Answer, Stamp};
use crate::monorepo::{Contents, Kind, Monorepo, Near, Stack, StackId};
use crate::waiting::waiting;

/// A survey, with what became of its points.
pub struct Sweep {
    pub(super) survey: Survey,
    pub(super) seen: Vec<Seen>,
    /// Those that were touched with the stamps that they have now, in order. They are few next to always.
    pub(super) touched: Vec<(u32, Stamp)>,
    /// Whether projects and stacks have to be found anew.
    pub(super) moved: bool,
    /// By closure: whether anything in it changed.
    pub(super) changed: Vec<bool>,
    /// Whether files were left to git.
    pub(super) on_ground: bool,
}

/// What became of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing.
    Same,
    /// It moved, but says the same as before.
    Touched,
    /// It says something else, or is gone.
    Changed,
}

/// The same with the stamp that a point has now, where it is another one.
pub(super) enum Found {
    Same,
    Touched(Stamp),
    Changed,
}

/// How many points or stacks a thread looks at at once.
pub(in crate::build) const SHARE: usize = 512;

impl Sweep {
    /// Looks at all points of a survey, on many threads: a microsecond each.
    #[must_use]
    pub fn of(survey: Survey) -> Self {
        Self::looking(survey, |_, _| true)
    }

    /// Looks at no files that git can tell of, given how the ground differs from what is compared.
    #[must_use]
    pub fn on_ground(survey: Survey) -> Self {
        Self::looking(survey, |_, point| point.folder)
    }

    /// Looks at nothing that is firm but where the ground differs from commits that are compared, for the disk may have what one of
    /// them has. Whoever reads any other of it has to look then.
    #[must_use]
    pub fn of_commits(survey: Survey, since: Option<&Since>) -> Self {
        let differences = since.into_iter().flat_map(Since::differences);
        let differ: FxHashSet<OsString> =
            differences.map(|it| survey.own.root().join(it.path()).into()).collect();
        Self::looking(survey, |path, _| differ.contains(path.as_os_str()))
    }

    /// Looks at all points but those that are firm and not `wanted`, if there is a ground.
    fn looking(survey: Survey, wanted: impl Fn(&Path, &Point) -> bool + Sync) -> Self {
        let (has_ground, near) = (survey.ground.is_some(), Near::new(survey.own.root()));
        let is_left = |path: &Path, point: &Point| {
            has_ground && point.standing == Standing::Firm && !wanted(path, point)
        };
        let look = |(share, points): (usize, &[Point])| {
            let (mut seen, mut touched) = (Vec::with_capacity(points.len()), Vec::new());
            for (at, point) in (share * SHARE..).zip(points) {
                let path = survey.path(at);
                let left = is_left(path, point);
                let found = if left { Found::Same } else { point.look(&near, path, &survey.own) };
                seen.push(found.seen());
                if let Found::Touched(stamp) = found {
                    touched.push((at as u32, stamp));
                }
            }
            (seen, touched)
        };
        let found: Vec<_> = waiting(|| survey.points.par_chunks(SHARE).enumerate().map(look).collect());
        let (mut seen, mut touched) = (Vec::with_capacity(survey.points.len()), Vec::new());
        for (here, moved) in found {
            seen.extend(here);
            touched.extend(moved);
        }
        let both = || survey.points.par_iter().enumerate().map(|(at, point)| (survey.path(at), point));
        let on_ground = has_ground && both().any(|(path, point)| is_left(path, point));
        let is_changed = |at: &u32| seen[*at as usize] == Seen::Changed;
        let moved = survey.found_by.iter().any(is_changed);
        let changed = survey.closures.iter().map(|closure| closure.points.iter().any(is_changed)).collect();
        Self { survey, seen, touched, moved, changed, on_ground }
    }

    /// The projects and stacks below the root, if nothing happened to what they were found by.
    #[must_use]
    pub fn monorepo(&self) -> Option<Monorepo> {
        let Survey { own, projects, stacks, .. } = &self.survey;
        let (root, problems) = (own.root().to_owned(), Vec::new());
        (!self.moved).then(|| Monorepo { root, projects: projects.clone(), stacks: stacks.clone(), problems })
    }

    /// What git and builds have for themselves in the checkout that was looked at.
    #[must_use]
    pub fn own(&self) -> &Own {
        &self.survey.own
    }

    /// What a stack rests on, if nothing happened to that.
    pub(in crate::build) fn unmoved(&self, stack: &str) -> Option<&Rest> {
        let rest = self.rest(stack)?;
        (!self.has_changed(rest)).then_some(rest)
    }

    /// What a stack itself asked and was answered, if nothing happened to that: see [`Rest::asked`].
    pub(in crate::build) fn asked(&self, stack: &str) -> Option<Answer> {
        let rest = self.rest(stack).filter(|rest| !self.on_ground && self.is_own_same(rest))?;
        Some(rest.asked)
    }

    /// For each stack the digest of its artifact, if nothing happened to that, nor to what the stack rests on.
    #[must_use]
    pub fn untouched(&self, monorepo: &Monorepo, stacks: &[StackId], out: &Path) -> Vec<Option<Digest>> {
        let near = Near::new(out);
        let untouched = |id: &StackId| {
            let stack = monorepo.stack(*id);
            let rest = self.rest_of(*id, stack).filter(|rest| !self.has_changed(rest))?;
            rest.is_intact(&near, Path::new(&stack.artifact())).then(|| rest.artifact())
        };
        waiting(|| stacks.par_iter().with_min_len(SHARE).map(untouched).collect())
    }

    /// The report on stacks that are all untouched; `None` if one has to be looked at more closely, or there may be others.
    #[must_use]
    pub fn quiet(&self, stacks: &[StackId], untouched: &[Option<Digest>]) -> Option<Report> {
        // First of all digests, which are small: what is collected as options is copied each time it grows.
        let artifacts = untouched.iter().copied().collect::<Option<Vec<Digest>>>().filter(|_| !self.moved)?;
        let both = stacks.iter().zip(artifacts);
        let stacks = both.map(|(id, digest)| Finished::untouched(*id, digest)).collect();
        Some(Report { stacks, removed: Vec::new() })
    }

    /// What to keep of a look that found points touched but the same; `None` if that makes no difference. `began` is when this
    /// process began, in nanoseconds since 1970.
    #[must_use]
    pub fn refreshed(self, began: u64) -> Option<Drawn> {
        let settled = self.settled(began);
        if settled.is_empty() {
            return None;
        }
        if self.is_narrow(&[], &Regrouped::default()) {
            return self.restamped(settled).map(Drawn::Amended);
        }
        Some(Drawn::Anew(Box::new(self.into_settled(began))))
    }

    /// The survey as it was drawn.
    #[must_use]
    pub fn into_survey(self) -> Survey {
        self.survey
    }

    /// The survey with the stamps of now, as far as these had been left alone when this process began, in nanoseconds since 1970.
    #[must_use]
    pub fn into_settled(mut self, began: u64) -> Survey {
        for (at, point) in self.settled(began) {
            self.survey.points[at as usize] = point;
        }
        self.survey
    }

    /// What a stack rests on, which next to always has the number in the survey that it has now.
    fn rest_of(&self, id: StackId, stack: &Stack) -> Option<&Rest> {
        let is_at = self.survey.stacks.get(id.place()).is_some_and(|it| it.path == stack.path);
        if is_at { self.survey.rests[id.place()].as_ref() } else { self.rest(&stack.path) }
    }

    pub(super) fn rest(&self, stack: &str) -> Option<&Rest> {
        self.survey.rests[self.place(stack)? as usize].as_ref()
    }

    /// The number of a stack.
    pub(super) fn place(&self, stack: &str) -> Option<u32> {
        let stacks = &self.survey.stacks;
        stacks.binary_search_by(|other| other.path.as_str().cmp(stack)).ok().map(|at| at as u32)
    }

    /// Whether nothing has happened to what a stack itself asked for.
    pub(super) fn is_own_same(&self, rest: &Rest) -> bool {
        let is_same = |at: &u32| self.seen[*at as usize] != Seen::Changed;
        !self.changed[rest.closures[1] as usize] && rest.own.iter().all(is_same)
    }

    /// The stamp that a point has now, if it says the same as before; `None` inside if it was too young for one at some moment, in
    /// nanoseconds since 1970.
    pub(super) fn stamp(&self, at: u32, moment: u64) -> Option<Option<Stamp>> {
        match self.seen[at as usize] {
            Seen::Same => Some(self.survey.points[at as usize].stamp),
            Seen::Touched => {
                let place = self.touched.binary_search_by_key(&at, |(at, _)| *at);
                let stamp = place.ok().map(|place| self.touched[place].1);
                Some(stamp.filter(|stamp| stamp.is_settled(moment)))
            }
            Seen::Changed => None,
        }
    }

    pub(super) fn has_changed(&self, rest: &Rest) -> bool {
        rest.closures.iter().any(|at| self.changed[*at as usize])
            || rest.own.iter().any(|at| self.seen[*at as usize] == Seen::Changed)
    }
}

impl Found {
    pub(super) fn seen(&self) -> Seen {
        match self {
            Self::Same => Seen::Same,
            Self::Touched(_) => Seen::Touched,
            Self::Changed => Seen::Changed,
        }
    }
}

impl Point {
    pub(super) fn look(&self, near: &Near, path: &Path, own: &Own) -> Found {
        if let Some(known) = self.stamp {
            let Some((kind, stamp)) = near.look(path) else { return Found::Changed };
            if (kind == Kind::Folder) != self.folder {
                return Found::Changed;
            }
            if known == stamp {
                return Found::Same;
            }
        }
        let Ok((stamp, held)) = near.read(path) else { return Found::Changed };
        let (folder, answer) = match held {
            Contents::Folder(listing) => (true, own.answer(path, &listing)),
            Contents::File(bytes) => (false, Answer::of(&bytes)),
        };
        if (folder, answer) == (self.folder, self.answer) { Found::Touched(stamp) } else { Found::Changed }
    }
}
