//! Loading packages and following their imports.
//!
//! A [`Program`] holds every package that any stack has asked for. It only grows, and all threads share it: a file
//! is parsed once, a package is put together once, whichever thread asks first. Loading a package does not load
//! what it imports; imports get numbers, and [`Program::load_main`] walks them. So no thread ever waits for a thread
//! that waits for it, even where packages import each other in a circle.
//!
//! The main package of a stack is not kept here, since thousands of them would fill the memory.

mod closure;
mod grow;
mod load;
mod locate;
pub mod merge;
pub(crate) mod nearest;
mod overrides;
mod recent;
mod tail;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use syntax::{Diagnostic, Symbol};

use self::closure::Closure;
use self::grow::Grow;
use self::locate::{Key, Scope};
use self::merge::Merged;
pub use self::overrides::{FORMS, Override};
use self::recent::Recent;
pub use self::tail::Tail;
pub(crate) use self::tail::{Start, TailCode};
use crate::lower::code::PackageCode;
use crate::lower::fingerprint::{Fingerprint, Fingerprints, fingerprints};
use crate::lower::lower;
use crate::package::{File, Package, PackageId};
use crate::types::{PackageTypes, interface};
use crate::world::{Query, World};

/// What makes up a stack's program.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The folder that the user stands in, as far as the program is concerned.
    pub work_dir: PathBuf,
    /// The files of the main package, absolute, in order; a folder stands for its `.k` files.
    pub files: Vec<PathBuf>,
    /// The module root, where it is not the nearest folder with a `kcl.mod` above each file.
    pub root: Option<PathBuf>,
    /// Packages from elsewhere, by the name that imports use.
    pub external: Vec<(String, PathBuf)>,
    /// A folder of packages: a name that is not in `external` is looked up as `<package_dir>/<name>/kcl.mod`.
    pub package_dir: Option<PathBuf>,
    /// Whether a file of the main package should be kept, since other stacks use it too. `None` keeps those outside
    /// of `work_dir`.
    pub keep: Option<fn(&Path) -> bool>,
    /// Changes to the main package, in order.
    pub overrides: Vec<Override>,
}

impl Request {
    /// Whether a file of the main package should be kept.
    fn keeps(&self, path: &Path) -> bool {
        self.keep.map_or_else(|| !path.starts_with(&self.work_dir), |keep| keep(path))
    }
}

/// A stack's program: its main package and all that it imports.
#[derive(Debug)]
pub struct Main {
    /// The files of the stack.
    pub package: Package,
    /// The packages that it imports, directly or not; each after those that it imports itself.
    pub closure: Vec<PackageId>,
    /// Whether packages import each other in a circle. They are not to be checked or run then.
    pub cyclic: bool,
    /// What is wrong with the files and imports of the main package and all that it imports.
    pub problems: Vec<Diagnostic>,
    /// Its last file, where other stacks have it too.
    pub(crate) tail: Option<Arc<Tail>>,
}

impl Main {
    /// Which declarations of the main package are to be read as one.
    #[must_use]
    pub fn merged(&self) -> Merged<'_> {
        merge::merge(&self.package.files)
    }
}

type Memo<K, V> = RwLock<FxHashMap<K, Arc<OnceLock<V>>>>;

/// All packages that were asked for. Grows and never shrinks, but for files that stacks share; shared by all threads.
#[derive(Default)]
pub struct Program {
    files: Memo<PathBuf, Arc<File>>,
    /// Files of main packages that other stacks have too, by scope, module root and path. Those of a project are asked for together.
    entries: Recent<(usize, PathBuf, PathBuf), load::Entry>,
    tails: Memo<PathBuf, Arc<tail::Shared>>,
    ways: RwLock<FxHashMap<Key, load::Way>>,
    next_way: AtomicU32,
    roots: RwLock<FxHashMap<PathBuf, PathBuf>>,
    scopes: RwLock<Vec<Arc<Scope>>>,
    ids: RwLock<FxHashMap<Key, PackageId>>,
    cells: Grow<Cell>,
}

/// A package and what later stages know of it.
pub(crate) struct Cell {
    key: Key,
    scope: Arc<Scope>,
    package: OnceLock<Package>,
    closure: OnceLock<Closure>,
    /// Filled by [`crate::types::check_package`].
    pub(crate) types: OnceLock<PackageTypes>,
    /// See [`Program::code`].
    code: OnceLock<PackageCode>,
    fingerprints: OnceLock<Fingerprints>,
}

/// Stands for packages that were not loaded, which nobody who got a [`Main`] can ask for.
static NOTHING: LazyLock<Package> = LazyLock::new(|| Package {
    id: PackageId::MAIN,
    name: Symbol::new(""),
    files: Vec::new(),
    dependencies: Vec::new(),
    problems: Vec::new(),
    queries: Vec::new(),
    ways: Vec::new(),
});

impl Program {
    /// A program without packages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A package of some [`Main::closure`]; an empty one for numbers from elsewhere.
    #[must_use]
    pub fn package(&self, id: PackageId) -> &Package {
        self.cell(id).and_then(|cell| cell.package.get()).unwrap_or(&NOTHING)
    }

    /// The code of a package, lowered by the first who asks; `None` where it was never loaded. That may begin with lowering what it
    /// imports, which must not lead in a circle.
    #[must_use]
    pub fn code(&self, id: PackageId) -> Option<&PackageCode> {
        let cell = self.cell(id)?;
        let package = cell.package.get()?;
        Some(cell.code.get_or_init(|| lower(package, self)))
    }

    /// Where a package is, the same on every machine: its module root from a folder, its module and its path in it.
    #[must_use]
    pub fn identity(&self, id: PackageId, from: &Path) -> String {
        let Some(Cell { key, .. }) = self.cell(id) else { return String::new() };
        let root = key.root.strip_prefix(from).unwrap_or(&key.root).display();
        let module = key.module.map_or("", |module| module.as_str());
        format!("{root}:{module}:{}", key.path)
    }

    /// Where a package is: its folder, or its only file without `.k`.
    #[must_use]
    pub fn place(&self, id: PackageId) -> PathBuf {
        self.cell(id).map_or_else(PathBuf::new, |cell| cell.key.place())
    }

    /// The fingerprints of a package that was loaded; the first `identity` stays.
    #[must_use]
    pub fn fingerprints(
        &self,
        id: PackageId,
        identity: &dyn Fn(PackageId) -> String,
    ) -> Option<&Fingerprints> {
        let cell = self.cell(id)?;
        let code = self.code(id)?;
        Some(cell.fingerprints.get_or_init(|| fingerprints(code, self, identity)))
    }

    /// All that checking and lowering another package can learn of some names of a package; `None` where something is wrong
    /// with it, or where it was not checked.
    #[must_use]
    pub fn interface(
        &self,
        id: PackageId,
        is_meant: &dyn Fn(Symbol) -> bool,
        identity: &dyn Fn(PackageId) -> String,
    ) -> Option<Fingerprint> {
        let package = self.package(id);
        let sound = package.problems.is_empty() && package.files.iter().all(|it| it.file.problems.is_empty());
        let checked = self.cell(id)?.types.get()?;
        if !sound || !checked.problems.is_empty() {
            return None;
        }
        let mut bytes = interface::write(self, id, is_meant, identity);
        let names = self.fingerprints(id, identity)?.names().filter(|(name, _)| is_meant(*name));
        bytes.extend(names.flat_map(|(_, fingerprint)| fingerprint.0));
        Some(Fingerprint::of(&bytes))
    }

    /// The names of a package that others can use, sorted; none where it was not checked.
    #[must_use]
    pub fn names(&self, id: PackageId) -> Vec<Symbol> {
        let types = self.cell(id).and_then(|cell| cell.types.get());
        let mut names: Vec<Symbol> = types.map(interface::names).unwrap_or_default();
        names.extend(self.code(id).into_iter().flat_map(|code| code.slots.keys()));
        names.sort_unstable_by_key(|name| name.as_str());
        names.dedup();
        names
    }

    /// How many packages there are; their numbers run from 0.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether no package was asked for yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the files of main packages that something changed for: those of which an answer that they got is touched.
    /// False where this is so for a package, which stays as it was loaded: only another program has it anew. Where module
    /// roots come or go, too.
    pub fn forget(&mut self, touches: &dyn Fn(&Query) -> bool) -> bool {
        let packages = (0..self.len()).filter_map(|at| self.cells.get(at)?.package.get());
        if packages.flat_map(|package| &package.queries).any(touches) {
            return false;
        }
        let stays = |path: &PathBuf| !touches(&Query::Content(path.clone()));
        let found = |links: &load::Links| !links.asked().any(touches);
        self.files.get_mut().unwrap_or_else(PoisonError::into_inner).retain(|path, _| stays(path));
        self.tails.get_mut().unwrap_or_else(PoisonError::into_inner).retain(|path, _| stays(path));
        self.entries.retain(|(_, _, path), (_, links)| stays(path) && found(links));
        let ways = self.ways.get_mut().unwrap_or_else(PoisonError::into_inner);
        ways.retain(|_, way| !way.asked.queries.iter().any(touches));
        true
    }

    pub(crate) fn cell(&self, id: PackageId) -> Option<&Cell> {
        self.cells.get(id.0 as usize)
    }

    /// Reads the files of a stack and follows their imports.
    #[must_use]
    pub fn load_main(&self, world: &dyn World, request: &Request) -> Main {
        let package = self.main_package(world, request);
        let mut closure = Closure::default();
        for (id, ..) in &package.dependencies {
            closure.join(self.closure(world, *id));
        }
        let problems = self.problems(&package, &closure);
        let tail = self.tail(&package, request);
        Main { package, cyclic: !closure.cycles.is_empty(), closure: closure.order, problems, tail }
    }

    fn problems(&self, main: &Package, closure: &Closure) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let packages = closure.order.iter().map(|id| self.package(*id));
        for package in std::iter::once(main).chain(packages) {
            problems.extend(package.files.iter().flat_map(|file| file.file.problems.iter().cloned()));
            problems.extend(package.problems.iter().cloned());
        }
        problems.extend(closure.cycles.iter().cloned());
        problems
    }
}

/// The value of a memo, computed by the first who asks; the others wait.
fn remember<K, V>(memo: &Memo<K, V>, key: &K, make: impl FnOnce() -> V) -> V
where
    K: Clone + Eq + std::hash::Hash,
    V: Clone,
{
    let found = memo.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    let cell = found.unwrap_or_else(|| {
        let mut all = memo.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key.clone()).or_default())
    });
    cell.get_or_init(make).clone()
}
