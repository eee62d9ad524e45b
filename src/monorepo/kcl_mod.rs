//! `kcl.mod`: the mark of a module root, its entry files and its dependencies.

use std::path::{Path, PathBuf};

use kcl::world::World;
use serde::Deserialize;

use super::paths;
use super::problem::{Problem, ProblemKind};
use super::read;
use super::settings::Flags;

/// The name of the file.
pub(super) const FILE: &str = super::marks::MODULE;

/// What is read of a `kcl.mod`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Manifest {
    profile: Option<Profile>,
    dependencies: toml::Table,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Profile {
    entries: Vec<String>,
    options: Vec<String>,
    disable_none: Option<bool>,
    sort_keys: Option<bool>,
    selectors: Vec<String>,
    overrides: Vec<String>,
}

/// A package that programs import by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// As `kcl.mod` has it; may contain `-`.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
}

/// The dependencies of a module and theirs, with what could not be found.
#[derive(Debug, Clone, Default)]
pub struct Dependencies {
    /// By name. Of two of one name the last counts.
    pub found: Vec<Dependency>,
    /// Those that are missing.
    pub problems: Vec<Problem>,
}

impl Dependency {
    /// The name that programs import it by.
    #[must_use]
    pub fn import_name(&self) -> String {
        self.name.replace('-', "_")
    }
}

impl Manifest {
    /// Reads the `kcl.mod` of a folder.
    ///
    /// # Errors
    /// Where it cannot be read or is not a module file.
    pub(super) fn read(world: &dyn World, folder: &Path) -> Result<Self, Problem> {
        let path = folder.join(FILE);
        match read::text(world, &path)? {
            Some(source) => read::toml(&source, &path),
            None => Err(Problem::new(ProblemKind::NotFound, path)),
        }
    }

    /// The entry files of its profile, as they are written.
    #[must_use]
    pub(super) fn entries(&self) -> &[String] {
        self.profile.as_ref().map_or(&[], |profile| &profile.entries)
    }

    /// The options of its profile, as they are written.
    #[must_use]
    pub(super) fn options(&self) -> &[String] {
        self.profile.as_ref().map_or(&[], |profile| &profile.options)
    }

    /// The flags of its profile.
    #[must_use]
    pub(super) fn flags(&self) -> Flags {
        let Profile { entries: _, options: _, disable_none, sort_keys, selectors, overrides } =
            self.profile.clone().unwrap_or_default();
        Flags { disable_none, sort_keys, selectors, overrides, ..Flags::default() }
    }
}

/// Where packages are looked for that are wanted by version.
#[derive(Debug, Clone, Default)]
pub struct PackageStore {
    /// `$KCL_PKG_PATH`.
    pub folder: Option<PathBuf>,
}

impl PackageStore {
    /// The dependencies of the module in a folder, and theirs.
    ///
    /// # Errors
    /// Where its `kcl.mod`, or that of one of them, is not a module file.
    pub fn dependencies(&self, world: &dyn World, module: &Path) -> Result<Dependencies, Problem> {
        let mut all = Dependencies::default();
        self.collect(world, module, &mut vec![module.to_owned()], &mut all)?;
        Ok(all)
    }

    /// Adds the dependencies of a module. `path` are the modules that led here: one of them again adds nothing.
    fn collect(
        &self,
        world: &dyn World,
        module: &Path,
        path: &mut Vec<PathBuf>,
        all: &mut Dependencies,
    ) -> Result<(), Problem> {
        for (name, wanted) in Manifest::read(world, module)?.dependencies {
            let folder = match self.locate(world, module, &name, &wanted) {
                Ok(folder) => folder,
                Err(kind) => {
                    all.problems.push(Problem::new(kind, module.join(FILE)));
                    continue;
                }
            };
            all.found.retain(|known| known.name != name);
            all.found.push(Dependency { name, folder: folder.clone() });
            if !path.contains(&folder) {
                path.push(folder.clone());
                self.collect(world, &folder, path, all)?;
                path.pop();
            }
        }
        Ok(())
    }

    /// The folder of a dependency: by path, else vendored beside the module, else in the package store.
    fn locate(
        &self,
        world: &dyn World,
        module: &Path,
        name: &str,
        wanted: &toml::Value,
    ) -> Result<PathBuf, ProblemKind> {
        if let Some(path) = wanted.get("path").and_then(toml::Value::as_str) {
            let folder = paths::join(module, path);
            let there = world.is_file(&folder.join(FILE));
            return if there {
                Ok(folder)
            } else {
                Err(ProblemKind::NotAModule { name: name.to_owned(), folder })
            };
        }
        let Some(version) = version(wanted) else { return Err(ProblemKind::NoVersion(name.to_owned())) };
        let folder = format!("{name}_{version}");
        let places = [self.folder.clone(), Some(module.join("vendor"))];
        let mut places = places.into_iter().flatten().map(|place| paths::join(&place, &folder));
        places
            .find(|place| world.is_file(&place.join(FILE)))
            .ok_or_else(|| ProblemKind::NotVendored { name: name.to_owned(), folder: folder.clone() })
    }
}

/// `"1.31"`, `{ tag = "v1" }`, `{ version = "1" }`, `{ commit = "…" }`, `{ branch = "main" }`
fn version(wanted: &toml::Value) -> Option<&str> {
    let keys = ["tag", "version", "commit", "branch"];
    wanted.as_str().or_else(|| keys.iter().find_map(|key| wanted.get(key)?.as_str()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::monorepo::DiskWorld;

    fn module(root: &Path, folder: &str, text: &str) {
        fs::create_dir_all(root.join(folder)).expect("a folder");
        fs::write(root.join(folder).join(FILE), text).expect("a file");
    }

    fn dependencies(root: &Path, store: Option<&str>) -> Result<Dependencies, Problem> {
        let store = PackageStore { folder: store.map(|folder| root.join(folder)) };
        store.dependencies(&DiskWorld::new(root, false), &root.join("app"))
    }

    #[test]
    fn by_path_and_by_version_and_theirs() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        module(
            root,
            "app",
            "[dependencies]\nkam-x = { path = \"../kam\" }\nk8s = \"1.31\"\ngit = { git = \"u\", tag = \"v1\" }",
        );
        module(root, "kam", "[dependencies]\nbase = { path = \"../base\" }\nback = { path = \"../app\" }");
        module(root, "base", "");
        module(root, "store/k8s_1.31", "");
        module(root, "app/vendor/git_v1", "");
        let all = dependencies(root, Some("store")).expect("dependencies");
        assert!(all.problems.is_empty(), "{:?}", all.problems);
        let mut names: Vec<_> = all.found.iter().map(Dependency::import_name).collect();
        names.sort();
        assert_eq!(names, ["back", "base", "git", "k8s", "kam_x"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        module(root, "app", "[dependencies]\na = \"1\"\nb = { git = \"u\" }\nc = { path = \"no\" }");
        let problems = dependencies(root, None).expect("dependencies").problems;
        assert!(matches!(problems[0].kind, ProblemKind::NotVendored { .. }));
        assert!(matches!(problems[1].kind, ProblemKind::NoVersion(_)));
        assert!(matches!(problems[2].kind, ProblemKind::NotAModule { .. }));
    }

    #[test]
    fn not_toml_is_refused_with_its_place() {
        let root = tempfile::tempdir().expect("a folder");
        module(root.path(), "app", "[package\n");
        let problem = dependencies(root.path(), None).expect_err("no TOML");
        assert!(matches!(problem.kind, ProblemKind::Manifest(_)));
        assert!(problem.place.is_some());
    }
}
