//! Which stacks import a package: their programs are parsed and their imports followed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kcl::resolve::{Main, Program, Request};
use kcl::world::{Query, Recorder, World};
use rayon::prelude::*;

use super::select::Importers;
use crate::monorepo::{CompileUnit, DiskWorld, Monorepo, PackageStore, Problem, StackId, paths};

/// Follows the imports of stacks. Packages that it loads stay in the program for the build that follows.
pub struct ImportsOf<'a> {
    /// Where packages are kept.
    pub program: &'a Program,
    /// Where files are read.
    pub world: &'a DiskWorld,
    /// Where packages are that are wanted by version.
    pub store: &'a PackageStore,
    /// The stacks.
    pub monorepo: &'a Monorepo,
}

/// What the resolver needs to know of a unit, but for the changes to it.
#[must_use]
pub fn request(unit: &CompileUnit, package_dir: Option<PathBuf>) -> Request {
    Request {
        work_dir: unit.work_dir.clone(),
        files: unit.files.clone(),
        // Each file has the nearest `kcl.mod` above it.
        root: None,
        external: unit.external.clone(),
        package_dir,
        keep: None,
        overrides: Vec::new(),
    }
}

/// A stack as far as it is known without evaluation.
pub struct Followed {
    /// What its settings asked of the world, sorted.
    pub settings: Vec<Query>,
    /// Its program and the files of its main package, or what is wrong with its settings.
    pub program: Result<(CompileUnit, Main), Problem>,
}

impl ImportsOf<'_> {
    /// Reads the settings of a stack, and follows its imports.
    #[must_use]
    pub fn follow(&self, stack: StackId) -> Followed {
        let folder = self.monorepo.folder(self.monorepo.stack(stack));
        let recorder = Recorder::new(self.world);
        let unit = CompileUnit::of_stack(&recorder, self.store, &self.monorepo.root, &folder);
        let program = unit.map(|unit| {
            let request = request(&unit, self.store.folder.clone());
            let main = self.program.load_main(self.world, &request);
            (unit, main)
        });
        Followed { settings: recorder.finish(), program }
    }

    /// Whether a stack imports a package. One whose settings are wrong imports nothing that is known.
    fn imports(&self, stack: StackId, package: &Path) -> bool {
        let Ok((unit, main)) = self.follow(stack).program else { return false };
        main.closure.iter().any(|id| self.is_at(*id, package))
            || unit.files.iter().any(|file| inside(file, package))
    }

    /// Whether a package is the folder, or the file, of a path.
    fn is_at(&self, id: kcl::package::PackageId, path: &Path) -> bool {
        self.program.package(id).files.iter().any(|file| inside(&file.file.path, path))
    }
}

/// Whether a file is in the package of a path, which may be a folder or a file without its `.k`.
fn inside(file: &Path, package: &Path) -> bool {
    file.parent() == Some(package) || file.with_extension("") == package
}

impl Importers for ImportsOf<'_> {
    fn importers(&self, package: &str) -> Option<BTreeSet<StackId>> {
        let spelled = package.strip_suffix(".k").unwrap_or(package);
        let path = paths::join(&self.monorepo.root, spelled);
        let there = self.world.folder(&path).is_some() || self.world.is_file(&path.with_extension("k"));
        let stacks: Vec<StackId> = self.monorepo.stack_ids().collect();
        there.then(|| stacks.into_par_iter().filter(|stack| self.imports(*stack, &path)).collect())
    }
}
