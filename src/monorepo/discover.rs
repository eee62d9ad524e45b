//! Finding projects and stacks: one walk over the folders, on many threads.
//!
//! Folders whose names start with `.` are left out, and links to folders are not followed, so a walk ends and no
//! stack has two paths.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kcl::world::World;
use rayon::prelude::*;
use serde::Deserialize;

use super::marks::{PROJECT, STACK, is_stack};
use super::problem::{Problem, ProblemKind};
use super::world::{DiskWorld, plain};
use super::{Kind, Monorepo, Project, ProjectId, Stack, paths, read};
use crate::waiting::waiting;

/// Finds the projects and stacks under a root; `skip` is a folder to leave out, the one that artifacts go to.
///
/// # Errors
/// Where the root itself cannot be listed.
pub fn discover(world: &DiskWorld, root: &Path, skip: &Path) -> Result<Monorepo, Problem> {
    waiting(|| found(world, root, skip))
}

fn found(world: &DiskWorld, root: &Path, skip: &Path) -> Result<Monorepo, Problem> {
    let mut walked = match world.listing(root) {
        Ok(_) => walk(world, root, skip),
        // A revision from before there was anything.
        Err(error) if world.overlay().is_some() && error.kind() == ErrorKind::NotFound => Walked::default(),
        Err(error) => return Err(Problem::new(ProblemKind::Unreadable(plain(&error)), root)),
    };
    walked.folders.sort_unstable_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    let mut monorepo = Monorepo {
        root: root.to_owned(),
        projects: Arc::default(),
        stacks: Arc::default(),
        problems: std::mem::take(&mut walked.problems),
    };
    let read: Vec<_> = walked.folders.par_iter().map(|folder| describe(world, root, folder)).collect();
    for described in read {
        monorepo.add(described);
    }
    Arc::make_mut(&mut monorepo.projects).sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Arc::make_mut(&mut monorepo.stacks).sort_unstable_by(|a, b| a.path.cmp(&b.path));
    monorepo.assign_projects();
    monorepo.refuse_collisions();
    Ok(monorepo)
}

/// A folder that is a project, a stack or both.
struct Marked {
    path: PathBuf,
    project: bool,
    stack: bool,
    stack_file: bool,
}

#[derive(Default)]
struct Walked {
    folders: Vec<Marked>,
    problems: Vec<Problem>,
}

impl Walked {
    fn with(mut self, other: Self) -> Self {
        self.folders.extend(other.folders);
        self.problems.extend(other.problems);
        self
    }
}

fn walk(world: &DiskWorld, folder: &Path, skip: &Path) -> Walked {
    let mut walked = Walked::default();
    let mut inner = Vec::new();
    let listing = match world.listing(folder) {
        Ok(listing) => listing,
        Err(error) => {
            walked.problems.push(Problem::new(ProblemKind::Unreadable(plain(&error)), folder));
            return walked;
        }
    };
    for (name, _) in listing.entries.iter().filter(|(_, kind)| *kind == Kind::Folder) {
        let path = folder.join(name);
        if !name.as_encoded_bytes().starts_with(b".") && path != skip {
            inner.push(path);
        }
    }
    let has = |name: &str| listing.kind(name.as_ref()).is_some_and(|kind| kind != Kind::Folder);
    let (project, stack_file, stack) = (has(PROJECT), has(STACK), is_stack(has));
    if project || stack {
        walked.folders.push(Marked { path: folder.to_owned(), project, stack, stack_file });
    }
    match inner.as_slice() {
        [] => walked,
        [only] => walked.with(walk(world, only, skip)),
        _ => inner
            .par_iter()
            .map(|path| walk(world, path, skip))
            .reduce(Walked::default, Walked::with)
            .with(walked),
    }
}

/// What a marked folder is, as its files say.
#[derive(Default)]
struct Described {
    project: Option<Project>,
    stack: Option<Stack>,
    problems: Vec<Problem>,
}

#[derive(Deserialize, Default)]
struct Description {
    name: Option<String>,
    tenant: Option<String>,
}

fn describe(world: &dyn World, root: &Path, folder: &Marked) -> Described {
    let mut described = Described::default();
    if folder.path.to_str().is_none() {
        described.problems.push(Problem::new(ProblemKind::NameNotText, &folder.path));
        return described;
    }
    let path = paths::slashed(&paths::relative(root, &folder.path));
    let folder_name =
        folder.path.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    if folder.project {
        let Description { name, tenant } = described.read(world, &folder.path.join(PROJECT));
        let name = name.unwrap_or_else(|| folder_name.clone());
        described.project = Some(Project { path: path.clone(), name, tenant });
    }
    if folder.stack {
        let file = folder.path.join(STACK);
        let description =
            if folder.stack_file { described.read(world, &file) } else { Description::default() };
        let name = description.name.unwrap_or(folder_name);
        described.stack = Some(Stack { path, name, project: None });
    }
    described
}

impl Described {
    /// A description file. One that is wrong is a problem, and its project or stack goes by its folder's name.
    fn read(&mut self, world: &dyn World, file: &Path) -> Description {
        let read = read::text(world, file).and_then(|source| match source {
            Some(source) => read::yaml(&source, file),
            None => Ok(Description::default()),
        });
        read.unwrap_or_else(|problem| {
            self.problems.push(problem);
            Description::default()
        })
    }
}

impl Monorepo {
    fn add(&mut self, described: Described) {
        let Described { project, stack, problems } = described;
        Arc::make_mut(&mut self.projects).extend(project);
        Arc::make_mut(&mut self.stacks).extend(stack);
        self.problems.extend(problems);
    }

    fn assign_projects(&mut self) {
        for stack in Arc::make_mut(&mut self.stacks) {
            let above = Path::new(&stack.path).ancestors();
            stack.project = above.map(paths::slashed).find_map(|path| {
                let path = if path.is_empty() { "." } else { &path };
                let at = self.projects.binary_search_by(|project| project.path.as_str().cmp(path)).ok()?;
                Some(ProjectId(at as u32))
            });
        }
    }

    /// Takes out stacks whose artifact would have to be file and folder at once: `a/x` beside `a/x.yaml/y`.
    fn refuse_collisions(&mut self) {
        let mut refused = Vec::new();
        for stack in self.stacks.iter() {
            let folder = format!("{}/", stack.artifact());
            let after = self.stacks.partition_point(|other| other.path.as_str() < folder.as_str());
            let other = self.stacks.get(after).filter(|other| other.path.starts_with(&folder));
            if let Some(other) = other {
                let kind = ProblemKind::Collision { artifact: stack.artifact(), other: other.path.clone() };
                self.problems.push(Problem::new(kind, self.folder(stack)));
                refused.push(stack.path.clone());
            }
        }
        Arc::make_mut(&mut self.stacks).retain(|stack| !refused.contains(&stack.path));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn monorepo(files: &[(&str, &str)]) -> Monorepo {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let world = DiskWorld::new(folder.path(), false);
        discover(&world, folder.path(), &folder.path().join("dist")).expect("a monorepo")
    }

    fn stacks(monorepo: &Monorepo) -> Vec<&str> {
        monorepo.stacks.iter().map(|stack| stack.path.as_str()).collect()
    }

    #[test]
    fn stacks_have_a_stack_file_or_a_module_with_a_main_file() {
        let found = monorepo(&[
            ("a/project.yaml", "name: shop\ntenant: retail"),
            ("a/dev/stack.yaml", "name: dev"),
            ("a/prod/kcl.mod", ""),
            ("a/prod/main.k", ""),
            ("a/lib/kcl.mod", ""),
            ("a/lib/x.k", ""),
            ("b/stack.yaml", ""),
            (".hidden/stack.yaml", ""),
            ("dist/stack.yaml", ""),
        ]);
        assert_eq!(stacks(&found), ["a/dev", "a/prod", "b"]);
        let project = |at: usize| found.project_of(&found.stacks[at]).map(|project| project.name.as_str());
        assert_eq!([project(0), project(1), project(2)], [Some("shop"), Some("shop"), None]);
        assert_eq!(found.projects[0].tenant.as_deref(), Some("retail"));
    }

    #[test]
    fn a_wrong_description_is_a_problem_and_the_stack_stays() {
        let found = monorepo(&[("a/stack.yaml", "name: [")]);
        assert_eq!(stacks(&found), ["a"]);
        assert_eq!(found.problems.len(), 1);
    }

    #[test]
    fn artifacts_do_not_collide() {
        let found =
            monorepo(&[("a/x/stack.yaml", ""), ("a/x.yaml/y/stack.yaml", ""), ("a/x-1/stack.yaml", "")]);
        assert_eq!(stacks(&found), ["a/x-1", "a/x.yaml/y"]);
        assert!(matches!(found.problems[0].kind, ProblemKind::Collision { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let stack = folder.path().join("a");
        fs::create_dir(&stack).expect("a folder");
        fs::write(stack.join(STACK), "").expect("a file");
        std::os::unix::fs::symlink(folder.path(), stack.join("loop")).expect("a link");
        let world = DiskWorld::new(folder.path(), false);
        let found = discover(&world, folder.path(), Path::new("/none")).expect("a monorepo");
        assert_eq!(stacks(&found), ["a"]);
    }
}
