//! The monorepo on the disk: its projects and stacks, their settings, and the world that compiles see.
//!
//! Invariant: a stack is its path from the root. Names are for people; ten projects may bear one.

pub mod answers;
mod discover;
mod disk;
pub mod events;
mod git;
mod glob;
mod kcl_mod;
pub mod konfig_yaml;
mod listing;
pub mod marks;
mod near;
mod overlay;
pub mod paths;
mod problem;
mod read;
pub mod rules;
mod settings;
mod tracked;
mod unit;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use discover::discover;
pub use git::{Commit, Difference, Git, RevisionError};
pub use kcl_mod::PackageStore;
pub use listing::{Kind, Listing};
pub use near::{Contents, Near};
pub use overlay::Overlay;
pub use problem::{Problem, ProblemKind};
pub(crate) use read::text as read_text;
pub use settings::{Flags, is_option};
pub use tracked::Tracked;
pub use unit::{CompileUnit, RunRequest};
pub use world::DiskWorld;
pub(crate) use world::plain;

/// A monorepo: what its folders say, before any program is read.
#[derive(Debug, Clone)]
pub struct Monorepo {
    /// Its root; absolute and normal.
    pub root: PathBuf,
    /// Its projects, by path. What remembers them shares them.
    pub projects: Arc<Vec<Project>>,
    /// Its stacks, by path.
    pub stacks: Arc<Vec<Stack>>,
    /// Folders that cannot be listed, and names that cannot be used.
    pub problems: Vec<Problem>,
}

/// The number of a project in its monorepo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProjectId(u32);

/// The number of a stack in its monorepo: in the order of the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(u32);

/// A folder with `project.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// From the root, with `/`; `.` for the root itself.
    pub path: String,
    /// What `project.yaml` calls it, else the name of its folder.
    pub name: String,
    /// Who runs it.
    pub tenant: Option<String>,
}

/// The unit of build and of apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// From the root, with `/`; `.` for the root itself. Its identity.
    pub path: String,
    /// What `stack.yaml` calls it, else the name of its folder: the environment.
    pub name: String,
    /// The nearest project at or above its folder.
    pub project: Option<ProjectId>,
}

impl StackId {
    /// Its place in the order of the paths.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

impl Stack {
    /// Where its artifact goes, from the output folder.
    #[must_use]
    pub fn artifact(&self) -> String {
        [&self.path, ".yaml"].concat()
    }
}

impl Monorepo {
    /// The numbers of all stacks, in order.
    pub fn stack_ids(&self) -> impl Iterator<Item = StackId> + use<> {
        (0..self.stacks.len() as u32).map(StackId)
    }

    /// A stack.
    ///
    /// # Panics
    /// Where the number is of another monorepo.
    #[must_use]
    pub fn stack(&self, id: StackId) -> &Stack {
        &self.stacks[id.0 as usize]
    }

    /// The stack of a path from the root.
    #[must_use]
    pub fn stack_at(&self, path: &str) -> Option<StackId> {
        let at = self.stacks.binary_search_by(|stack| stack.path.as_str().cmp(path)).ok()?;
        Some(StackId(at as u32))
    }

    /// The project of a stack.
    #[must_use]
    pub fn project_of(&self, stack: &Stack) -> Option<&Project> {
        stack.project.map(|id| self.project(id))
    }

    /// A project.
    ///
    /// # Panics
    /// Where the number is of another monorepo.
    #[must_use]
    pub fn project(&self, id: ProjectId) -> &Project {
        &self.projects[id.0 as usize]
    }

    /// The same with stacks that are gone: the path, the name and the path of the project of each.
    #[must_use]
    pub fn with_gone<'g>(&self, gone: impl Iterator<Item = (&'g str, &'g str, Option<&'g str>)>) -> Self {
        let mut all = self.clone();
        for (path, name, project) in gone {
            let known = all.projects.iter().position(|it| Some(it.path.as_str()) == project);
            let place = known.or_else(|| {
                let path = project?.to_owned();
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                Arc::make_mut(&mut all.projects).push(Project { path, name, tenant: None });
                Some(all.projects.len() - 1)
            });
            let project = place.map(|place| ProjectId(place as u32));
            Arc::make_mut(&mut all.stacks).push(Stack {
                path: path.to_owned(),
                name: name.to_owned(),
                project,
            });
        }
        let stacks = Arc::make_mut(&mut all.stacks);
        stacks.sort_by(|a, b| a.path.cmp(&b.path));
        stacks.dedup_by(|a, b| a.path == b.path);
        all
    }

    /// The folder of a stack.
    #[must_use]
    pub fn folder(&self, stack: &Stack) -> PathBuf {
        paths::join(&self.root, &stack.path)
    }
}

/// The root for somebody who stands in a folder: the nearest with `konfig.yaml`, else the nearest with `.git`.
#[must_use]
pub fn root_above(stand: &Path) -> Option<PathBuf> {
    paths::nearest(stand, |folder| folder.join(marks::KONFIG).is_file())
        .or_else(|| paths::nearest(stand, |folder| folder.join(".git").exists()))
}
