//! Drawing a survey: from the questions of stacks to files and folders.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use cache::Digest;
use kcl::world::{Query, World};
use rustc_hash::{FxHashMap, FxHashSet};

use super::amend::Amendment;
use super::path_list::PathList;
use super::sweep::Seen;
use super::{Closure, Drawn, Own, Point, Regrouped, Rest, Standing, Survey, Sweep};
use crate::build::reuse::{GroupKey, Imports, PackageState, Question};
use crate::build::{BuildRequest, Finished, Goal, Outcome, Report};
use crate::monorepo::answers::{Answer, Answers, Stamp};
use crate::monorepo::{DiskWorld, Kind, Listing, Monorepo, marks, paths};

/// A stack that a record holds for.
pub struct Held {
    pub(in crate::build) stack: String,
    /// All that it asked itself, and what was answered.
    pub(in crate::build) asked: Answer,
    /// What it asked, from its folder.
    pub(in crate::build) questions: Arc<Vec<Question>>,
    /// What its program asked for while it ran, from its folder.
    pub(in crate::build) files: Vec<Question>,
    /// The packages that it imports, and where its imports lead, each with the digest of that list.
    pub(in crate::build) shared: [Imports; 2],
    /// What decides whether it comes out the same with other packages.
    pub(in crate::build) group: Option<GroupKey>,
    pub(in crate::build) artifact: Digest,
    /// Whether the record holds at this root alone.
    pub(in crate::build) located: bool,
}

/// What a survey is drawn from.
pub struct Drawing<'a> {
    /// Everything besides files that decides what stacks come out as.
    pub key: Digest,
    /// The projects and stacks.
    pub monorepo: &'a Monorepo,
    /// The files.
    pub world: &'a DiskWorld,
    /// What was asked of them.
    pub answers: &'a Answers<'a>,
    /// What no point tells of.
    pub own: Own,
    /// When this process began, in nanoseconds since 1970.
    pub began: u64,
    /// What the survey before says still holds.
    pub before: Option<&'a Sweep>,
    /// The stacks that it knows, and that import something else now.
    pub regrouped: &'a Regrouped,
}

/// A survey under construction, or what is added to one.
pub(super) struct Draft<'a> {
    on: &'a Drawing<'a>,
    /// The points and closures of a survey that stay, with what became of the points.
    old: (&'a [Point], &'a [Seen], &'a [Closure]),
    /// Points among them that say something else now.
    changed: BTreeMap<u32, Point>,
    points: Vec<Point>,
    paths: PathList,
    places: FxHashMap<OsString, u32>,
    closures: Vec<Closure>,
    /// The groups, and how many of them there were.
    groups: (Vec<GroupKey>, usize),
    by_group: FxHashMap<GroupKey, u32>,
    by_packages: FxHashMap<Digest, Option<u32>>,
    /// The lists that closures of the survey before come from now; none that is known without one.
    lists: BTreeMap<u32, [u8; 32]>,
    /// The new numbers of the points and closures of the survey before.
    kept: Vec<Option<u32>>,
    kept_closures: Vec<Option<u32>>,
    old_paths: Vec<&'a Path>,
    /// Those of its points that packages rested on.
    of_packages: FxHashMap<&'a OsStr, u32>,
}

impl Drawing<'_> {
    /// The survey after a build, given the stacks that records hold for; none where discovery met problems.
    #[must_use]
    pub fn draw(&self, held: Vec<Held>, request: &BuildRequest<'_>, report: &Report) -> Option<Drawn> {
        if !self.monorepo.problems.is_empty() {
            return None;
        }
        if let Some(before) = self.before.filter(|_| request.narrow) {
            let amendment = self.amend(before, &held, &request.goal, report)?;
            if !amendment.is_large() {
                let amendment = Some(amendment).filter(|amendment| !amendment.is_empty());
                return before.amended(amendment?).map(Drawn::Amended);
            }
        }
        self.whole(held, &request.goal, report).map(|survey| Drawn::Anew(Box::new(survey)))
    }

    /// All paths that stacks may rest on: what they asked for, but not by lists that are known, and all above that.
    fn places(&self, held: &[Held], known: &FxHashMap<Digest, Option<u32>>) -> FxHashSet<OsString> {
        let root = &self.monorepo.root;
        let is_new = |(list, _): &&Imports| !known.contains_key(list);
        let asked = held.iter().flat_map(|held| {
            let folder = paths::join(root, &held.stack);
            let own = held.questions.iter().chain(&held.files).map(move |question| question.query(&folder));
            own.chain(held.shared.iter().filter(is_new).flat_map(|list| asked_by(list, root)))
        });
        let regrouped = self.regrouped.packages().filter(is_new).flat_map(|list| asked_by(list, root));
        let mut places = FxHashSet::default();
        for query in asked.chain(regrouped) {
            for path in query.path().ancestors() {
                if !places.insert(path.as_os_str().to_owned()) {
                    break;
                }
            }
        }
        places
    }

    fn whole(&self, held: Vec<Held>, goal: &Goal, report: &Report) -> Option<Survey> {
        let mut draft = Draft::new(self);
        let (found_by, links) = draft.discovery()?;
        let held: FxHashMap<String, Held> = held.into_iter().map(|held| (held.stack.clone(), held)).collect();
        let finished: FxHashMap<&str, &Finished> =
            report.stacks.iter().map(|it| (self.monorepo.stack(it.stack).path.as_str(), it)).collect();
        let rests = self.monorepo.stacks.iter().map(|stack| {
            let finished = finished.get(stack.path.as_str());
            let rest = match held.get(&stack.path) {
                Some(held) => {
                    let unharmed = finished.filter(|it| !matches!(it.outcome, Outcome::Failed(_)));
                    let rest = draft.renewed(held).or_else(|| draft.rest(held));
                    rest.filter(|_| unharmed.and_then(|it| it.artifact) == Some(held.artifact))
                }
                None => draft.carried(&stack.path),
            };
            let mut rest = rest?;
            // What was written just now has not been left alone.
            let is_written = finished.is_some_and(|it| it.outcome.is_written());
            if let (Goal::Write(out), true) = (goal, rest.stamp.is_none() && !is_written) {
                rest.stamp = Stamp::of(&out.join(stack.artifact())).filter(|it| it.is_settled(self.began));
            }
            Some(rest)
        });
        let rests = rests.collect();
        let Draft { points, paths, closures, groups: (groups, _), .. } = draft;
        let Monorepo { projects, stacks, .. } = self.monorepo;
        let (projects, stacks) = (projects.clone(), stacks.clone());
        let key = *self.key.as_bytes();
        let ground = self.before.and_then(|before| before.survey.ground.clone());
        let amendments = None;
        let survey = Survey {
            key,
            own: self.own.clone(),
            projects,
            stacks,
            rests,
            paths,
            points,
            found_by,
            links,
            closures,
            groups,
            ground,
            amendments,
        };
        Some(survey.in_order())
    }
}

impl<'a> Draft<'a> {
    fn new(on: &'a Drawing<'a>) -> Self {
        let Some(before) = on.before else { return Self::empty(on) };
        let paths: Vec<&Path> = before.survey.paths().collect();
        Self {
            kept: vec![None; before.seen.len()],
            kept_closures: vec![None; before.survey.closures.len()],
            of_packages: before
                .survey
                .closures
                .iter()
                .flat_map(|closure| &closure.points)
                .map(|at| (paths[*at as usize].as_os_str(), *at))
                .collect(),
            old_paths: paths,
            ..Self::empty(on)
        }
    }

    fn empty(on: &'a Drawing<'a>) -> Self {
        Self {
            on,
            old: (&[], &[], &[]),
            changed: BTreeMap::new(),
            points: Vec::new(),
            paths: PathList::default(),
            places: FxHashMap::default(),
            closures: Vec::new(),
            groups: (Vec::new(), 0),
            by_group: FxHashMap::default(),
            by_packages: FxHashMap::default(),
            lists: BTreeMap::new(),
            kept: Vec::new(),
            kept_closures: Vec::new(),
            old_paths: Vec::new(),
            of_packages: FxHashMap::default(),
        }
    }

    /// What is added to a survey for these stacks.
    pub(super) fn amending(on: &'a Drawing<'a>, before: &'a Sweep, held: &[Held]) -> Self {
        let Survey { points, closures, groups, .. } = &before.survey;
        let lists = held.iter().flat_map(|held| &held.shared).chain(on.regrouped.packages());
        let lists: FxHashSet<[u8; 32]> = lists.map(|(list, _)| *list.as_bytes()).collect();
        // Where nothing happened to it, what was asked and answered rests on what it did.
        let (moved, same): (Vec<_>, Vec<_>) =
            closures.iter().zip(0..).partition(|(_, at)| before.changed[*at as usize]);
        let same = same.into_iter().filter(|(closure, _)| lists.contains(&closure.list));
        let same = same.map(|(closure, at)| (Digest::from_bytes(closure.list), Some(at))).collect();
        let wanted = on.places(held, &same);
        let known =
            wanted.into_iter().filter_map(|path| before.survey.find(Path::new(&path)).map(|at| (path, at)));
        // Nobody asks for another group.
        let in_use: FxHashSet<GroupKey> = held.iter().filter_map(|held| held.group).collect();
        let by_group = groups.iter().copied().zip(0..).filter(|(group, _)| in_use.contains(group));
        Self {
            old: (points, &before.seen, closures),
            places: known.collect(),
            groups: (Vec::new(), groups.len()),
            by_group: by_group.collect(),
            by_packages: same,
            lists: moved.into_iter().map(|(_, at)| (at, Closure::default().list)).collect(),
            ..Self::empty(on)
        }
    }

    /// What the projects and stacks were found by: the folders that were listed, and the files that describe them. Also
    /// whether there are links.
    fn discovery(&mut self) -> Option<(Vec<u32>, bool)> {
        if let Some(before) = self.on.before.filter(|before| !before.moved) {
            let found_by = before.survey.found_by.iter().map(|at| self.keep(*at)).collect::<Option<_>>()?;
            return Some((found_by, before.survey.links));
        }
        let (mut found_by, mut links) = (Vec::new(), false);
        for (path, listing) in self.on.world.listings() {
            found_by.push(self.folder(&path, &listing)?);
            links |= listing.has_links();
            for name in marks::DESCRIPTIONS {
                if listing.kind(name.as_ref()).is_some() {
                    found_by.push(self.file(&path.join(name))?);
                }
            }
        }
        Some((found_by, links))
    }

    /// What a stack rested on before, if nothing happened to that.
    fn carried(&mut self, stack: &str) -> Option<Rest> {
        let before = self.on.before?;
        let regrouped = self.on.regrouped.at(before.place(stack)?);
        let rest = match regrouped {
            Some(_) => before.rest(stack)?,
            None => before.unmoved(stack)?,
        };
        let own = rest.own.iter().map(|at| self.keep(*at)).collect::<Option<_>>()?;
        let [packages, ways] = rest.closures;
        let packages = match regrouped {
            Some(packages) => self.closure(packages?)?,
            None => self.kept_closure(before, packages)?,
        };
        let closures = [packages, self.kept_closure(before, ways)?];
        let group = rest.group.map(|at| self.group(before.survey.groups[at as usize]));
        Some(Rest { own, closures, group, ..rest.clone() })
    }

    /// The number of a group.
    fn group(&mut self, group: GroupKey) -> u32 {
        let (new, known) = &mut self.groups;
        *self.by_group.entry(group).or_insert_with(|| {
            new.push(group);
            (*known + new.len() - 1) as u32
        })
    }

    /// A closure of the survey before.
    fn kept_closure(&mut self, before: &Sweep, at: u32) -> Option<u32> {
        if let Some(known) = self.kept_closures[at as usize] {
            return Some(known);
        }
        let Closure { list, points } = &before.survey.closures[at as usize];
        let points = points.iter().map(|at| self.keep(*at)).collect::<Option<_>>()?;
        self.closures.push(Closure { list: *list, points });
        let closure = self.closures.len() as u32 - 1;
        self.kept_closures[at as usize] = Some(closure);
        Some(closure)
    }

    /// A point of the survey before.
    fn keep(&mut self, at: u32) -> Option<u32> {
        if let Some(known) = self.kept[at as usize] {
            return Some(known);
        }
        let before = self.on.before?;
        let point = before.survey.points[at as usize];
        let stamp = before.stamp(at, self.on.began)?;
        let number = self.point(self.old_paths[at as usize], Point { stamp, ..point });
        self.kept[at as usize] = number;
        number
    }

    pub(super) fn rest(&mut self, held: &Held) -> Option<Rest> {
        let root = &self.on.monorepo.root;
        let folder = paths::join(root, &held.stack);
        let questions = held.questions.iter().chain(&held.files);
        let own = questions.map(|question| self.question(&question.query(&folder))).collect::<Option<_>>()?;
        self.rest_on(own, held)
    }

    /// The rest of a stack that asked itself what it asked before, and was answered the same by files and folders to which nothing
    /// happened: none of them has to be looked at again.
    fn renewed(&mut self, held: &Held) -> Option<Rest> {
        let before = self.on.before?;
        let rest = before.rest(&held.stack)?;
        let is_same = rest.asked == held.asked && before.is_own_same(rest);
        let own = is_same.then(|| rest.own.iter().map(|at| self.keep(*at)).collect::<Option<_>>())??;
        self.rest_on(own, held)
    }

    fn rest_on(&mut self, own: Vec<u32>, held: &Held) -> Option<Rest> {
        let [packages, ways] = &held.shared;
        let closures = [self.closure(packages)?, self.closure(ways)?];
        let group = held.group.map(|group| self.group(group));
        let (asked, located, artifact) = (held.asked, held.located, *held.artifact.as_bytes());
        Some(Rest { asked, own, closures, group, artifact, located, stamp: None })
    }

    pub(super) fn closure(&mut self, (digest, packages): &Imports) -> Option<u32> {
        if let Some(known) = self.by_packages.get(digest) {
            return *known;
        }
        let closure = self.new_closure(digest, packages);
        self.by_packages.insert(*digest, closure);
        closure
    }

    fn new_closure(&mut self, list: &Digest, packages: &[PackageState]) -> Option<u32> {
        let root = &self.on.monorepo.root;
        let questions = packages.iter().flat_map(|package| &package.questions);
        let points =
            questions.map(|question| self.question(&question.query(root))).collect::<Option<Vec<u32>>>()?;
        let ((_, _, old), list) = (self.old, *list.as_bytes());
        match old.iter().position(|closure| closure.points == points) {
            Some(at) => {
                self.lists.insert(at as u32, list);
                Some(at as u32)
            }
            None => {
                self.closures.push(Closure { list, points });
                Some((old.len() + self.closures.len() - 1) as u32)
            }
        }
    }

    /// The point that the answer to a question rests on; none where there is no such point.
    fn question(&mut self, query: &Query) -> Option<u32> {
        match query {
            _ if self.on.own.is(query.path()) => None,
            Query::Content(path) if self.on.answers.stamped(path).is_some() => self.file(path),
            Query::IsFile(path) if self.on.world.is_file(path) => self.present(path),
            Query::Content(path) | Query::IsFile(path) => self.absent(path, Kind::Folder),
            Query::Folder(path) => match self.listing(path) {
                Some(listing) => self.folder(path, &listing),
                None => self.absent(path, Kind::File),
            },
            Query::Glob(..) => None,
        }
    }

    fn listing(&self, path: &Path) -> Option<Arc<Listing>> {
        self.on.world.listing(path).ok()
    }

    fn present(&mut self, path: &Path) -> Option<u32> {
        let (folder, name) = (path.parent()?, path.file_name()?);
        let listing = self.listing(folder)?;
        (listing.kind(name) == Some(Kind::File)).then(|| self.folder(folder, &listing))?
    }

    /// The folder that would list a path, or the first of those above it, if it were there; it may be there as
    /// something else.
    fn absent(&mut self, path: &Path, otherwise: Kind) -> Option<u32> {
        for (level, path) in path.ancestors().enumerate() {
            let (folder, name) = (path.parent()?, path.file_name()?);
            // Its coming and going is not seen.
            if self.on.own.is(path) {
                return None;
            }
            let Some(listing) = self.listing(folder) else { continue };
            let kind = listing.kind(name);
            let is_absent = kind.is_none() || level == 0 && kind == Some(otherwise);
            return is_absent.then(|| self.folder(folder, &listing))?;
        }
        None
    }

    fn file(&mut self, path: &Path) -> Option<u32> {
        let query = Query::Content(path.to_owned());
        let answer = self.on.answers.confirmed(&query)?;
        let stamp = self.on.answers.stamped(path)?;
        let stamp = Some(stamp).filter(|stamp| stamp.is_settled(self.on.began));
        self.point(path, Point { folder: false, answer, stamp, standing: Standing::New })
    }

    fn folder(&mut self, path: &Path, listing: &Listing) -> Option<u32> {
        // If the survey before has looked at it too, that was perhaps at another moment.
        if self.on.before.is_none()
            && let Some(known) =
                self.places.get(path.as_os_str()).filter(|at| self.points[**at as usize].folder)
        {
            return Some(*known);
        }
        let stamp = listing.stamp()?;
        let stamp = Some(stamp).filter(|stamp| stamp.is_settled(self.on.began));
        let answer = self.on.own.answer(path, listing);
        self.point(path, Point { folder: true, answer, stamp, standing: Standing::New })
    }

    /// The number of a point; none where another stack has seen something else there.
    fn point(&mut self, path: &Path, point: Point) -> Option<u32> {
        if let Some(known) = self.places.get(path.as_os_str()).copied() {
            return self.agrees(known, point).then_some(known);
        }
        if let Some(old) = self.same_of_packages(path, &point) {
            return self.keep(old);
        }
        let text = path.to_str()?;
        let number = (self.old.0.len() + self.points.len()) as u32;
        self.points.push(point);
        self.paths.push(text);
        self.places.insert(path.into(), number);
        Some(number)
    }

    /// The point of the survey before that says the same, if packages rested on it and nothing happened to it: what was found out about
    /// it since stays.
    fn same_of_packages(&mut self, path: &Path, point: &Point) -> Option<u32> {
        // Once it is kept it is not asked for again.
        let old = self.of_packages.remove(path.as_os_str())?;
        let before = self.on.before?;
        let known = before.survey.points[old as usize];
        let is_same = before.seen[old as usize] == Seen::Same;
        (is_same && (known.folder, known.answer) == (point.folder, point.answer)).then_some(old)
    }

    /// Whether a point says what is seen there; one that says something else now takes that over.
    fn agrees(&mut self, known: u32, point: Point) -> bool {
        let (old, seen, _) = self.old;
        let at = known as usize;
        if seen.get(at) == Some(&Seen::Changed) {
            let now = self.changed.entry(known).or_insert(point);
            return now.folder == point.folder && now.answer == point.answer;
        }
        let other = old.get(at).unwrap_or_else(|| &self.points[at - old.len()]);
        other.folder == point.folder && other.answer == point.answer
    }

    pub(super) fn into_amendment(self) -> Amendment {
        let Self { paths, points, changed, closures, lists, groups: (groups, _), .. } = self;
        let (changed, lists) = (changed.into_iter().collect(), lists.into_iter().collect());
        Amendment { paths, points, changed, closures, lists, groups, rests: Vec::new() }
    }
}

/// What packages asked.
fn asked_by<'p>((_, packages): &'p Imports, root: &'p Path) -> impl Iterator<Item = Query> + 'p {
    packages.iter().flat_map(|package| &package.questions).map(|question| question.query(root))
}
