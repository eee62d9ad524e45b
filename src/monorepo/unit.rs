//! One program to compile: its files, options and flags, found from settings, `kcl.mod` and the command line.

use std::path::{Path, PathBuf};

use kcl::world::World;

use super::kcl_mod::{self, Dependencies, Manifest, PackageStore};
use super::paths;
use super::problem::{Problem, ProblemKind};
use super::settings::{EntryList, Flags, Settings, command_line_option};

/// What a compile is given.
#[derive(Debug, Clone)]
pub struct CompileUnit {
    /// The folder that relative paths of the program start from.
    pub work_dir: PathBuf,
    /// The files of the main package, in order; absolute and normal.
    pub files: Vec<PathBuf>,
    /// The folder of the `kcl.mod` that imports resolve from.
    pub module_root: Option<PathBuf>,
    /// Packages outside of the module by the name that programs import, with their folders.
    pub external: Vec<(String, PathBuf)>,
    /// Dependencies that are not there: they explain an import that leads nowhere.
    pub missing: Vec<Problem>,
    /// Options by name, as JSON text. Of two of one name the last counts.
    pub options: Vec<(String, String)>,
    /// Flags.
    pub flags: Flags,
}

/// What `konfig run` was asked for.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// Files and folders; as written.
    pub inputs: Vec<PathBuf>,
    /// Settings files; as written. None means `kcl.yaml` where the user stands.
    pub settings: Vec<PathBuf>,
    /// `-D`, as written.
    pub options: Vec<String>,
    /// `-E`: name and folder.
    pub external: Vec<(String, PathBuf)>,
    /// Flags of the command line.
    pub flags: Flags,
}

/// Folder and name of the settings beside a stack's golden.
const CI_SETTINGS: &str = "ci-test/settings.yaml";
const SETTINGS: &str = "kcl.yaml";

impl CompileUnit {
    /// The unit of a stack.
    ///
    /// `ci-test/settings.yaml` and `kcl.yaml` say what it is (2022–23), or `kcl.mod` with its profile (2024 on).
    ///
    /// # Errors
    /// Where one of these is wrong, or leads nowhere.
    pub fn of_stack(
        world: &dyn World,
        store: &PackageStore,
        monorepo: &Path,
        stack: &Path,
    ) -> Result<Self, Problem> {
        let own_module = world.is_file(&stack.join(kcl_mod::FILE)) && !world.is_file(&stack.join(SETTINGS));
        let manifest = if own_module { Manifest::read(world, stack)? } else { Manifest::default() };
        let module_root = module_root(world, stack);
        let dependencies = dependencies(world, store, module_root.as_deref())?;
        if own_module && let Some(problem) = dependencies.problems.first() {
            return Err(problem.clone());
        }
        let mut settings = profile(&manifest, stack)?;
        for name in [CI_SETTINGS, SETTINGS] {
            settings.add(world, &stack.join(name))?;
        }
        let settings_root = settings_root(world, monorepo, module_root.as_deref());
        let expand = Expand { stack, settings_root, dependencies: &dependencies };
        let files = expand.entries(world, settings.files.as_ref())?;
        Ok(Self {
            work_dir: stack.to_owned(),
            files,
            module_root,
            external: external(&dependencies),
            missing: dependencies.problems,
            options: settings.options,
            flags: settings.flags,
        })
    }

    /// The unit of a request, for somebody who stands in `stand`.
    ///
    /// # Errors
    /// Where a file is missing, or settings or options are wrong.
    pub fn of_request(
        world: &dyn World,
        store: &PackageStore,
        stand: &Path,
        request: RunRequest,
    ) -> Result<Self, Problem> {
        let mut settings = Settings::default();
        read_settings(&mut settings, world, stand, &request.settings)?;
        for text in &request.options {
            let option = command_line_option(text);
            let option = option.ok_or_else(|| Problem::new(ProblemKind::BadOption(text.clone()), stand))?;
            settings.options.push(option);
        }
        let work_dir = match &settings.files {
            Some(list) if request.inputs.is_empty() => list.named_by.parent().unwrap_or(stand).to_owned(),
            _ => stand.to_owned(),
        };
        let inputs: Vec<PathBuf> = request.inputs.iter().map(|input| paths::join(stand, input)).collect();
        let start = inputs.first().map_or(work_dir.as_path(), PathBuf::as_path);
        let module_root = module_root(world, start);
        let dependencies = dependencies(world, store, module_root.as_deref())?;
        let settings_root = module_root.clone().unwrap_or_else(|| work_dir.clone());
        let expand = Expand { stack: &work_dir, settings_root, dependencies: &dependencies };
        let files = match inputs.as_slice() {
            [] => expand.entries(world, settings.files.as_ref())?,
            inputs => programs(world, inputs)?,
        };
        let mut external = external(&dependencies);
        external.extend(request.external.into_iter().map(|(name, path)| (name, paths::join(stand, path))));
        let flags = settings.flags.with(request.flags);
        let options = settings.options;
        Ok(Self { work_dir, files, module_root, external, missing: dependencies.problems, options, flags })
    }
}

/// What the profile of a stack's `kcl.mod` says, as settings.
fn profile(manifest: &Manifest, stack: &Path) -> Result<Settings, Problem> {
    let named_by = stack.join(kcl_mod::FILE);
    let mut settings = Settings { flags: manifest.flags(), ..Settings::default() };
    for text in manifest.options() {
        let option = command_line_option(text);
        let option = option.ok_or_else(|| Problem::new(ProblemKind::BadOption(text.clone()), &named_by))?;
        settings.options.push(option);
    }
    if !manifest.entries().is_empty() {
        let names =
            manifest.entries().iter().map(|name| name.replace("${KCL_MOD}", &stack.to_string_lossy()));
        settings.files = Some(EntryList { names: names.collect(), named_by });
    }
    Ok(settings)
}

/// Reads the settings files that were given, else `kcl.yaml` where the user stands if there is one.
fn read_settings(
    settings: &mut Settings,
    world: &dyn World,
    stand: &Path,
    given: &[PathBuf],
) -> Result<(), Problem> {
    if given.is_empty() {
        settings.add(world, &stand.join(SETTINGS))?;
    }
    for file in given {
        let path = paths::join(stand, file);
        if !settings.add(world, &path)? {
            return Err(Problem::new(ProblemKind::NotFound, path));
        }
    }
    Ok(())
}

/// The nearest folder with a `kcl.mod`.
fn module_root(world: &dyn World, start: &Path) -> Option<PathBuf> {
    paths::nearest(start, |folder| world.is_file(&folder.join(kcl_mod::FILE)))
}

/// What `${KCL_MOD}` stands for in settings files: the monorepo if it is a module, else the stack's module.
fn settings_root(world: &dyn World, monorepo: &Path, module_root: Option<&Path>) -> PathBuf {
    if world.is_file(&monorepo.join(kcl_mod::FILE)) {
        return monorepo.to_owned();
    }
    module_root.unwrap_or(monorepo).to_owned()
}

fn dependencies(
    world: &dyn World,
    store: &PackageStore,
    module_root: Option<&Path>,
) -> Result<Dependencies, Problem> {
    module_root.map_or_else(|| Ok(Dependencies::default()), |root| store.dependencies(world, root))
}

fn external(dependencies: &Dependencies) -> Vec<(String, PathBuf)> {
    dependencies.found.iter().map(|found| (found.import_name(), found.folder.clone())).collect()
}

/// The files that inputs stand for: a folder stands for its `.k` files, sorted.
fn programs(world: &dyn World, inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for input in inputs {
        if world.is_file(input) {
            files.push(input.clone());
            continue;
        }
        let names = world.folder(input).ok_or_else(|| Problem::new(ProblemKind::NotFound, input))?;
        let before = files.len();
        files.extend(names.iter().filter(|name| is_program(name)).map(|name| input.join(name)));
        if files.len() == before {
            return Err(Problem::new(ProblemKind::NoPrograms, input));
        }
    }
    Ok(files)
}

/// Whether a file of a folder belongs to its package.
fn is_program(name: &str) -> bool {
    name.ends_with(".k") && !name.ends_with("_test.k") && !name.starts_with('_')
}

/// From entry files as they are written to paths.
struct Expand<'a> {
    stack: &'a Path,
    settings_root: PathBuf,
    dependencies: &'a Dependencies,
}

impl Expand<'_> {
    fn entries(&self, world: &dyn World, list: Option<&EntryList>) -> Result<Vec<PathBuf>, Problem> {
        let Some(EntryList { names, named_by }) = list else {
            let main = self.stack.join(super::marks::MAIN);
            return if world.is_file(&main) {
                Ok(vec![main])
            } else {
                Err(Problem::new(ProblemKind::NoMain, self.stack))
            };
        };
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let path = paths::join(self.stack, self.entry(name, named_by)?);
            if world.is_file(&path) {
                files.push(path);
            } else if world.folder(&path).is_some() {
                files.extend(programs(world, &[path])?);
            } else {
                return Err(Problem::new(ProblemKind::MissingEntry(name.clone()), named_by));
            }
        }
        Ok(files)
    }

    /// `${KCL_MOD}/base/x.k`, `${kam:KCL_MOD}/main.k`
    fn entry(&self, name: &str, named_by: &Path) -> Result<String, Problem> {
        let mut text = name.replace("${KCL_MOD}", &self.settings_root.to_string_lossy());
        for found in &self.dependencies.found {
            let folder = found.folder.to_string_lossy();
            for spelled in [found.name.clone(), found.import_name()] {
                text = text.replace(&format!("${{{spelled}:KCL_MOD}}"), &folder);
            }
        }
        match unknown_module(&text) {
            Some(module) => Err(Problem::new(ProblemKind::UnknownModule(module.to_owned()), named_by)),
            None => Ok(text),
        }
    }
}

/// The name in a `${name:KCL_MOD}` that is left.
fn unknown_module(text: &str) -> Option<&str> {
    let end = text.find(":KCL_MOD}")?;
    let start = text[..end].rfind("${")?;
    Some(&text[start + 2..end])
}
