//! Putting packages together from files.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};

use syntax::ast::{Import, StmtKind};
use syntax::{Code, Diagnostic, Source, Span, Symbol};

use super::locate::{Found, From, Key, Scope, module_root, package_files};
use super::{Cell, Program, Request, overrides, remember};
use crate::package::{self, File, ImportBinding, ImportTarget, Imports, Package, PackageFile, PackageId};
use crate::world::{Query, Recorder, World, WorldError};

/// The imports of a file, in order.
#[derive(Default)]
pub(super) struct Links {
    imports: Vec<(Symbol, ImportBinding)>,
    problems: Vec<Diagnostic>,
    /// What was asked to follow them, as far as `ways` do not have that.
    queries: Vec<Query>,
    ways: Vec<Arc<package::Way>>,
}

/// A file of a main package, and where its imports lead.
pub(super) type Entry = (Arc<File>, Arc<Links>);

impl Links {
    /// What was asked to follow the imports.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Query> {
        self.queries.iter().chain(self.ways.iter().flat_map(|way| &way.queries))
    }
}

/// Where an import leads that starts from a module root.
#[derive(Clone)]
pub(super) struct Way {
    path: Symbol,
    target: ImportTarget,
    pub(super) asked: Arc<package::Way>,
}

/// A file with the module that it is of.
struct Part {
    file: Arc<File>,
    root: PathBuf,
    links: Arc<Links>,
}

impl Program {
    /// The package of a number, put together by the first who asks.
    pub(super) fn load(&self, world: &dyn World, id: PackageId) -> &Package {
        let Some(cell) = self.cell(id) else { return &super::NOTHING };
        cell.package.get_or_init(|| {
            let Cell { key, scope, .. } = cell;
            let recorder = Recorder::new(world);
            let files = key.files(&recorder);
            let part = |path: PathBuf| {
                let file = self.file(world, &path);
                let from = From { scope, root: &key.root, module: key.module, file: &path };
                let links = Arc::new(self.links(world, &from, &file));
                Part { file, root: key.root.clone(), links }
            };
            assemble(id, key.name(), files.into_iter().map(part).collect(), recorder.finish())
        })
    }

    /// The main package of a stack.
    pub(super) fn main_package(&self, world: &dyn World, request: &Request) -> Package {
        let scope = self.scope(request);
        let recorder = Recorder::new(world);
        let paths: Vec<PathBuf> = request.files.iter().flat_map(|path| expand(&recorder, path)).collect();
        let parts: Vec<Part> = if request.overrides.is_empty() {
            paths.iter().map(|path| self.main_part(world, request, &scope, path)).collect()
        } else {
            let files = paths.iter().map(|path| parse(world, path)).collect();
            let part = |file| self.own_part(world, request, &scope, file);
            overrides::apply(files, &request.overrides).into_iter().map(part).collect()
        };
        let mut queries = recorder.finish();
        if request.root.is_none() {
            queries.extend(parts.iter().flat_map(|part| root_queries(&part.file.path, &part.root)));
        }
        assemble(PackageId::MAIN, Symbol::new("__main__"), parts, queries)
    }

    fn main_part(&self, world: &dyn World, request: &Request, scope: &Scope, path: &Path) -> Part {
        if !request.keeps(path) {
            return self.own_part(world, request, scope, parse(world, path));
        }
        let root = self.main_root(world, request, path);
        let key = (scope.number, root.clone(), path.to_path_buf());
        let (file, links) = self.entries.get_or(&key, || {
            let file = parse(world, path);
            let from = From { scope, root: &root, module: None, file: path };
            let links = Arc::new(self.links(world, &from, &file));
            (Arc::new(file), links)
        });
        Part { file, root, links }
    }

    /// A file of the main package that no other stack shares.
    fn own_part(&self, world: &dyn World, request: &Request, scope: &Scope, file: File) -> Part {
        let root = self.main_root(world, request, &file.path);
        let from = From { scope, root: &root, module: None, file: &file.path };
        let links = Arc::new(self.links(world, &from, &file));
        Part { file: Arc::new(file), root, links }
    }

    fn main_root(&self, world: &dyn World, request: &Request, path: &Path) -> PathBuf {
        request.root.clone().unwrap_or_else(|| self.root(world, path.parent().unwrap_or(path)))
    }

    fn links(&self, world: &dyn World, from: &From<'_>, file: &File) -> Links {
        let mut links = Links::default();
        let recorder = Recorder::new(world);
        for stmt in &file.tree.body {
            let StmtKind::Import(import) = &stmt.kind else { continue };
            let (path, target) = match self.way(world, from, import) {
                Some(Way { path, target, asked }) => {
                    links.ways.push(asked);
                    (path, target)
                }
                None => {
                    let (path, found) = from.find(&recorder, import);
                    links.problems.extend(found.problem(&file.source, stmt.span));
                    (path, self.target(found, from.scope))
                }
            };
            if let Some(name) = import.alias.as_ref().or(import.path.last()) {
                links.imports.push((name.name, ImportBinding { target, path, span: stmt.span }));
            }
        }
        links.queries = recorder.finish();
        links
    }

    /// Where an import leads that starts from a module root, found once for all files. None where it leads nowhere, which
    /// is looked into for each file.
    fn way(&self, world: &dyn World, from: &From<'_>, import: &Import) -> Option<Way> {
        let key = from.written(import)?;
        let known = self.ways.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.or_else(|| {
            let recorder = Recorder::new(world);
            let (path, found) = from.find(&recorder, import);
            let target = match found {
                Found::Package(_) => self.target(found, from.scope),
                Found::Other(_) | Found::Missing { .. } => return None,
            };
            let queries = recorder.finish();
            let mut ways = self.ways.write().unwrap_or_else(PoisonError::into_inner);
            let way = ways.entry(key).or_insert_with(|| {
                let number = self.next_way.fetch_add(1, Ordering::Relaxed);
                Way { path, target, asked: Arc::new(package::Way { number, queries }) }
            });
            Some(way.clone())
        })
    }

    fn target(&self, found: Found, scope: &Scope) -> ImportTarget {
        match found {
            Found::Package(key) => ImportTarget::Package(self.number(&key, scope)),
            Found::Other(target) => target,
            Found::Missing { .. } => ImportTarget::Missing,
        }
    }

    /// The number of a package, given out when it is first heard of.
    fn number(&self, key: &Key, scope: &Scope) -> PackageId {
        let known = self.ids.read().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        known.unwrap_or_else(|| {
            let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
            let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
            let scope = scopes.get(scope.number).cloned().unwrap_or_default();
            *ids.entry(key.clone()).or_insert_with(|| PackageId(self.cells.push(cell(key, scope)) as u32))
        })
    }

    fn scope(&self, request: &Request) -> Arc<Scope> {
        let same = |scope: &&Arc<Scope>| {
            scope.external == request.external && scope.package_dir == request.package_dir
        };
        let known = self.scopes.read().unwrap_or_else(PoisonError::into_inner).iter().find(same).cloned();
        known.unwrap_or_else(|| {
            let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(scope) = scopes.iter().find(same) {
                return Arc::clone(scope);
            }
            let (external, package_dir) = (request.external.clone(), request.package_dir.clone());
            let scope = Arc::new(Scope { number: scopes.len(), external, package_dir });
            scopes.push(Arc::clone(&scope));
            scope
        })
    }

    /// The module root of the files of a folder: the nearest one with a `kcl.mod`, else the folder itself.
    fn root(&self, world: &dyn World, folder: &Path) -> PathBuf {
        let known = self.roots.read().unwrap_or_else(PoisonError::into_inner).get(folder).cloned();
        known.unwrap_or_else(|| {
            let root = module_root(world, folder).unwrap_or_else(|| folder.to_path_buf());
            let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
            roots.entry(folder.to_path_buf()).or_insert(root).clone()
        })
    }

    /// Reads and parses a file of a package that may be asked for soon.
    pub fn parse_ahead(&self, world: &dyn World, path: &Path) {
        self.file(world, path);
    }

    /// A file that is kept.
    fn file(&self, world: &dyn World, path: &Path) -> Arc<File> {
        remember(&self.files, &path.to_path_buf(), || Arc::new(parse(world, path)))
    }
}

fn cell(key: &Key, scope: Arc<Scope>) -> Cell {
    Cell {
        key: key.clone(),
        scope,
        package: OnceLock::new(),
        closure: OnceLock::new(),
        types: OnceLock::new(),
        code: OnceLock::new(),
        fingerprints: OnceLock::new(),
    }
}

/// A file, or the files of a folder.
fn expand(world: &dyn World, path: &Path) -> Vec<PathBuf> {
    if world.is_file(path) {
        return vec![path.to_path_buf()];
    }
    world.folder(path).map_or_else(|| vec![path.to_path_buf()], |names| package_files(path, &names))
}

/// Reads and parses a file; one that cannot be read is empty, and says why.
fn parse(world: &dyn World, path: &Path) -> File {
    match world.source(path) {
        Ok(source) => {
            let (tree, problems) = syntax::parse(&source);
            File { path: path.to_path_buf(), source, tree, problems }
        }
        Err(error) => {
            let source = Arc::new(Source::new(path.display().to_string(), ""));
            let problems =
                vec![Diagnostic::new(Code::CannotFindModule, &source, Span::default(), why(path, &error))];
            File { path: path.to_path_buf(), source, tree: Default::default(), problems }
        }
    }
}

fn why(path: &Path, error: &WorldError) -> String {
    let path = path.display();
    match error {
        WorldError::NotFound => format!("there is no file `{path}`"),
        WorldError::NotUtf8(at) => format!("`{path}` is not text: byte {at} is not UTF-8"),
        WorldError::Refused(why) | WorldError::Failed(why) => format!("cannot read `{path}`: {why}"),
    }
}

/// What was asked to find the module root of a file, which is above it and remembered by folder.
fn root_queries(file: &Path, root: &Path) -> impl Iterator<Item = Query> {
    let shortest = root.as_os_str().len();
    let above = file.ancestors().skip(1).take_while(move |folder| folder.as_os_str().len() >= shortest);
    above.map(|folder| Query::IsFile(folder.join("kcl.mod")))
}

/// Puts a package together; `queries` is what was asked to find its files.
fn assemble(id: PackageId, name: Symbol, parts: Vec<Part>, mut queries: Vec<Query>) -> Package {
    let mut ways = Vec::new();
    for Part { file, links, .. } in &parts {
        queries.push(Query::Content(file.path.clone()));
        if id == PackageId::MAIN {
            queries.extend_from_slice(&links.queries);
            ways.extend_from_slice(&links.ways);
        } else {
            queries.extend(links.asked().cloned());
        }
    }
    queries.sort_unstable();
    queries.dedup();
    ways.sort_unstable_by_key(|way| way.number);
    ways.dedup_by_key(|way| way.number);

    let mut problems: Vec<_> = parts.iter().flat_map(|part| part.links.problems.iter().cloned()).collect();
    let imports = Arc::new(table(&parts, &mut problems));
    let dependencies = dependencies(&parts);
    let file = |part: Part| PackageFile { file: part.file, root: part.root, imports: Arc::clone(&imports) };
    Package { id, name, files: parts.into_iter().map(file).collect(), dependencies, problems, queries, ways }
}

/// The names that the imports bind, package-wide: the reference lets each file see the imports of the others.
fn table(parts: &[Part], problems: &mut Vec<Diagnostic>) -> Imports {
    let mut table = Imports::default();
    table.reserve(parts.iter().map(|part| part.links.imports.len()).sum());
    for part in parts {
        for (name, binding) in &part.links.imports {
            let first = *table.entry(*name).or_insert(*binding);
            if first.path != binding.path {
                let message = format!("the name `{name}` is imported for two packages");
                let problem = Diagnostic::new(Code::Compile, &part.file.source, binding.span, message);
                problems.push(problem.hint("give one of them another name with `as`"));
            }
        }
    }
    table
}

fn dependencies(parts: &[Part]) -> Vec<(PackageId, u32, Span)> {
    let mut seen = rustc_hash::FxHashSet::default();
    let mut dependencies = Vec::new();
    for (file, part) in parts.iter().enumerate() {
        for (_, binding) in &part.links.imports {
            if let ImportTarget::Package(id) = binding.target
                && seen.insert(id)
            {
                dependencies.push((id, file as u32, binding.span));
            }
        }
    }
    dependencies
}
