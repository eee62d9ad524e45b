//! What a checkout was like when its stacks were last found right: the files and folders that discovery and each stack
//! rest on, with what tells, without reading them, that nothing happened to them. The next build looks at all of these
//! once, and knows which stacks need no other thought.
//!
//! It only ever says less than the first proof of reuse: a stack rests on the very questions that its record has, in
//! the form of files that are there and folders that are listed. What is absent is so because a folder does not list it.
//! Stacks whose questions have no such form, that warn, or that depend on the clock are left out and go the usual way.

mod amend;
mod concern;
mod draw;
mod ground;
mod group;
mod lent;
mod level;
mod order;
mod own;
mod path_list;
mod sections;
mod sweep;

use std::io;
use std::path::Path;
use std::sync::Arc;

use cache::{Digest, snapshot};
use serde::{Deserialize, Serialize};

pub use self::amend::Amendments;
pub use self::concern::{Concerned, Versions};
pub use self::draw::{Drawing, Held};
pub use self::ground::Since;
pub use self::group::Regrouped;
pub(super) use self::group::grouped;
pub use self::own::Own;
use self::path_list::PathList;
pub(super) use self::sweep::SHARE;
pub use self::sweep::Sweep;
use super::checkout::FOLDER;
use super::reuse::GroupKey;
use crate::monorepo::answers::{Answer, Stamp};
use crate::monorepo::{Kind, Near, Project, Stack};

/// The shape of the snapshot; another one counts as none.
const VERSION: u32 = 12;

/// A file of the checkout's folder.
const FILE: &str = "survey";

/// What a checkout was like. What is many has sections of its own where it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct Survey {
    /// Everything besides files that decides what stacks come out as, and where artifacts are.
    key: [u8; 32],
    #[serde(skip)]
    own: Own,
    projects: Arc<Vec<Project>>,
    stacks: Arc<Vec<Stack>>,
    /// What each stack rests on, in the order of the stacks.
    #[serde(skip)]
    rests: Vec<Option<Rest>>,
    /// The paths of the points, which are in their order.
    #[serde(skip)]
    paths: PathList,
    #[serde(skip)]
    points: Vec<Point>,
    /// What the projects and stacks were found by.
    found_by: Vec<u32>,
    /// Whether there are links, by which a file has several paths.
    links: bool,
    /// What some stacks rest on in common: the packages that they import, and where their imports lead.
    closures: Vec<Closure>,
    /// What decides for several stacks whether they come out as they did when only packages differ.
    #[serde(skip)]
    groups: Vec<GroupKey>,
    /// The commit that points stand on.
    ground: Option<String>,
    /// What builds have added to it since it was written.
    #[serde(skip)]
    amendments: Option<Amendments>,
}

/// What is to be kept of what a build has seen.
#[derive(Debug)]
pub enum Drawn {
    /// A survey that takes the place of the one before.
    Anew(Box<Survey>),
    /// What is added to the one before.
    Amended(Amendments),
}

/// A [`Drawn`] as it is kept.
pub struct Encoded {
    /// A file of the checkout's folder.
    file: &'static str,
    /// Its shape.
    version: u32,
    bytes: Vec<u8>,
}

impl Drawn {
    /// As it is kept; none where the root of the checkout is not text.
    #[must_use]
    pub fn encoded(&self) -> Option<Encoded> {
        match self {
            Self::Anew(survey) => {
                let bytes = sections::encoded(survey)?;
                Some(Encoded { file: FILE, version: VERSION, bytes })
            }
            Self::Amended(amendments) => Some(amendments.encoded()),
        }
    }
}

impl Encoded {
    /// Writes it into a folder.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        cache::prepare(folder)?;
        snapshot::write(&folder.join(self.file), self.version, &self.bytes)?;
        if self.file == FILE {
            Amendments::forget(folder);
        }
        Ok(())
    }
}

/// What stacks rest on that have the same packages, or whose imports lead to the same places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Closure {
    /// The digest of the list that says so, with what was answered; zeros where it is not known.
    list: [u8; 32],
    /// What these answers rest on.
    points: Vec<u32>,
}

/// What a stack rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rest {
    /// What the stack itself asked, and what was answered.
    asked: Answer,
    /// The points that this is about.
    own: Vec<u32>,
    /// The numbers of its closures.
    closures: [u32; 2],
    /// The number of its group.
    group: Option<u32>,
    /// The digest of its artifact.
    artifact: [u8; 32],
    /// Whether it comes out differently elsewhere.
    located: bool,
    /// The stamp of its artifact, once that had been left alone.
    stamp: Option<Stamp>,
}

/// A file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Point {
    folder: bool,
    /// What is in it.
    answer: Answer,
    /// `None` where it was too young to be told by its stamp.
    stamp: Option<Stamp>,
    standing: Standing,
}

/// How a point is to the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Standing {
    /// Nobody has compared them.
    New,
    /// The ground has the same.
    Firm,
    /// The ground has something else, or git does not tell of it.
    Apart,
}

impl Rest {
    /// The digest of the artifact.
    pub(super) fn artifact(&self) -> Digest {
        Digest::from_bytes(self.artifact)
    }

    /// Whether a file is the artifact still, as far as its stamp tells.
    pub(super) fn is_intact(&self, near: &Near, path: &Path) -> bool {
        self.stamp.is_some_and(|stamp| near.look(path) == Some((Kind::File, stamp)))
    }
}

impl Survey {
    /// The survey in a folder, if it was drawn under this key.
    #[must_use]
    pub fn read(folder: &Path, key: &Digest, own: Own) -> Option<Self> {
        let kept = snapshot::read(&folder.join(FILE), VERSION)?;
        let survey = sections::decoded(&kept.bytes, own)?.amended(Amendments::read(folder, kept.digest))?;
        (survey.key == *key.as_bytes() && survey.is_whole()).then_some(survey)
    }

    /// Whether every number in it stands for something.
    fn is_whole(&self) -> bool {
        let Self { stacks, rests, paths, points, found_by, closures, groups, .. } = self;
        let known = |all: &[u32]| all.iter().all(|at| (*at as usize) < points.len());
        rests.len() == stacks.len()
            && paths.len() == points.len()
            && paths.is_whole()
            && known(found_by)
            && closures.iter().all(|closure| known(&closure.points))
            && rests.iter().flatten().all(|rest| {
                known(&rest.own)
                    && rest.closures.iter().all(|at| (*at as usize) < closures.len())
                    && rest.group.is_none_or(|at| (at as usize) < groups.len())
            })
    }

    /// The point at a path. Those that were added stand behind the others, which are in order.
    fn find(&self, path: &Path) -> Option<u32> {
        let added = self.amendments.as_ref().map_or(0, Amendments::points);
        self.paths.find(path.to_str()?, self.points.len() - added).map(|at| at as u32)
    }

    /// The path of a point.
    fn path(&self, at: usize) -> &Path {
        Path::new(self.paths.at(at))
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter()
    }
}
