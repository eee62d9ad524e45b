//! Where imports lead: from dotted paths to folders and files.
//!
//! An import is looked for below the module root of the importing file, and among the packages from elsewhere. The
//! dotted path that results is the package's name: `a.b` below the root of the program, `dep.a.b` below the root of
//! the package `dep`.

use std::path::{Component, Path, PathBuf};

use syntax::{Diagnostic, Symbol, ast};

use super::nearest::nearest;
use crate::package::ImportTarget;
use crate::stdlib;
use crate::world::World;

/// Which packages from elsewhere are in reach.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) number: usize,
    pub(super) external: Vec<(String, PathBuf)>,
    pub(super) package_dir: Option<PathBuf>,
}

/// What makes a package: the same key, the same package.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The [`Scope`] in which its imports are looked up.
    pub(super) scope: usize,
    /// The module root.
    pub(super) root: PathBuf,
    /// The name of the module, where it is not the program's own.
    pub(super) module: Option<Symbol>,
    /// Its dotted path below the root; empty for the root folder itself.
    pub(super) path: Symbol,
}

impl Key {
    /// The name that programs see.
    pub(super) fn name(&self) -> Symbol {
        match self.module {
            Some(module) if self.path.as_str().is_empty() => module,
            Some(module) => Symbol::new(&format!("{module}.{}", self.path)),
            None => self.path,
        }
    }

    /// Its folder, or its only file without `.k`.
    pub(super) fn place(&self) -> PathBuf {
        below(&self.root, self.path.as_str())
    }

    /// The files of the package, sorted.
    pub(super) fn files(&self, world: &dyn World) -> Vec<PathBuf> {
        let path = self.place();
        match world.folder(&path) {
            Some(names) => package_files(&path, &names),
            None => vec![with_suffix(&path)],
        }
    }
}

/// Where the file with an import stands.
pub(super) struct From<'a> {
    pub(super) scope: &'a Scope,
    pub(super) root: &'a Path,
    pub(super) module: Option<Symbol>,
    pub(super) file: &'a Path,
}

/// What an import leads to.
pub(super) enum Found {
    Package(Key),
    Other(ImportTarget),
    /// Nothing, and why.
    Missing {
        message: String,
        hints: Vec<String>,
    },
}

/// The paths of the files of a folder that belong to its package.
pub(super) fn package_files(folder: &Path, names: &[String]) -> Vec<PathBuf> {
    let belongs =
        |name: &&String| name.ends_with(".k") && !name.starts_with('_') && !name.ends_with("_test.k");
    names.iter().filter(belongs).map(|name| folder.join(name)).collect()
}

/// The folder of the nearest `kcl.mod` above a file or folder.
pub(super) fn module_root(world: &dyn World, from: &Path) -> Option<PathBuf> {
    from.ancestors().find(|folder| world.is_file(&folder.join("kcl.mod"))).map(Path::to_path_buf)
}

impl From<'_> {
    /// What an import that starts from a module root says, wherever that stands; system modules aside.
    pub(super) fn written(&self, import: &ast::Import) -> Option<Key> {
        let written = dotted(import.path.iter().map(|part| part.name.as_str()));
        (import.dots == 0 && system(&written).is_none()).then(|| self.key(self.root, self.module, &written))
    }

    /// Where an import of this file leads, with its dotted path.
    pub(super) fn find(&self, world: &dyn World, import: &ast::Import) -> (Symbol, Found) {
        let written = dotted(import.path.iter().map(|part| part.name.as_str()));
        if import.dots > 0 {
            return self.relative(world, import.dots, &written);
        }
        let found = system(&written).unwrap_or_else(|| self.absolute(world, &written));
        (name_of(&found, &written), found)
    }

    /// `.x` starts from the folder of the file; each further dot goes one up.
    fn relative(&self, world: &dyn World, dots: u32, written: &str) -> (Symbol, Found) {
        let mut folder = self.file.parent().unwrap_or(self.root);
        for _ in 1..dots {
            folder = folder.parent().unwrap_or(folder);
        }
        let Ok(inside) = folder.strip_prefix(self.root) else {
            let message = format!("`{}{written}` leads out of the module", ".".repeat(dots as usize));
            return (Symbol::new(written), Found::Missing { message, hints: Vec::new() });
        };
        let parts = inside.components().filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        });
        let path = dotted(parts.chain((!written.is_empty()).then_some(written)));
        let found = self.absolute(world, &path);
        (name_of(&found, &path), found)
    }

    fn absolute(&self, world: &dyn World, path: &str) -> Found {
        match (self.inside(world, path), self.outside(world, path)) {
            (Some(_), Some(outside)) => Found::Missing {
                message: format!(
                    "`{path}` is both in this module and in the package at `{}`",
                    outside.root.display()
                ),
                hints: vec!["rename one of them".to_owned()],
            },
            (Some(key), None) | (None, Some(key)) => Found::Package(key),
            (None, None) => self.missing(world, path),
        }
    }

    fn inside(&self, world: &dyn World, path: &str) -> Option<Key> {
        exists(world, self.root, path)
            .then(|| self.key(self.root, self.module, &canonical(world, self.root, path)))
    }

    fn outside(&self, world: &dyn World, path: &str) -> Option<Key> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let listed =
            self.scope.external.iter().find(|(other, _)| other == name).map(|(_, folder)| folder.clone());
        let root = listed.or_else(|| Some(self.scope.package_dir.as_ref()?.join(name)))?;
        let there = world.is_file(&root.join("kcl.mod")) && exists(world, &root, rest);
        there.then(|| self.key(&root, Some(Symbol::new(name)), rest))
    }

    fn key(&self, root: &Path, module: Option<Symbol>, path: &str) -> Key {
        Key { scope: self.scope.number, root: root.to_path_buf(), module, path: Symbol::new(path) }
    }

    fn missing(&self, world: &dyn World, path: &str) -> Found {
        let hint = self.similar(world, path).map(|near| format!("did you mean `{near}`?"));
        Found::Missing { message: format!("there is no package `{path}`"), hints: hint.into_iter().collect() }
    }

    /// The path with its first wrong part replaced by the nearest name that stands in its place.
    fn similar(&self, world: &dyn World, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('.').collect();
        let wrong =
            (1..=parts.len()).find(|count| !exists(world, self.root, &parts[..*count].join(".")))? - 1;
        let names = world.folder(&below(self.root, &parts[..wrong].join(".")))?;
        let names = names
            .iter()
            .map(|name| name.strip_suffix(".k").unwrap_or(name))
            .filter(|name| !name.contains('.'));
        let outside = self.scope.external.iter().map(|(name, _)| name.as_str()).filter(|_| wrong == 0);
        let modules = stdlib::MODULES.into_iter().filter(|_| wrong == 0);
        let near = nearest(parts[wrong], names.chain(outside).chain(modules))?;
        Some(dotted(parts[..wrong].iter().copied().chain([near]).chain(parts[wrong + 1..].iter().copied())))
    }
}

fn system(path: &str) -> Option<Found> {
    let module = stdlib::MODULES.into_iter().find(|name| *name == path).map(ImportTarget::System);
    let plugin = path.starts_with("kcl_plugin.").then_some(ImportTarget::Plugin);
    module.or(plugin).map(Found::Other)
}

fn name_of(found: &Found, written: &str) -> Symbol {
    match found {
        Found::Package(key) => key.name(),
        _ => Symbol::new(written),
    }
}

/// A file that is alone in its folder and the folder are one package, so that their schemas are the same.
fn canonical(world: &dyn World, root: &Path, path: &str) -> String {
    let Some((folder, last)) = path.rsplit_once('.') else { return path.to_owned() };
    if world.folder(&below(root, path)).is_some() {
        return path.to_owned();
    }
    let names = world.folder(&below(root, folder)).unwrap_or_default();
    let mut sources = names.iter().filter(|name| name.ends_with(".k") && !name.ends_with("_test.k"));
    match (sources.next(), sources.next()) {
        (Some(only), None) if only.strip_suffix(".k") == Some(last) => folder.to_owned(),
        _ => path.to_owned(),
    }
}

fn exists(world: &dyn World, root: &Path, path: &str) -> bool {
    let path = below(root, path);
    world.folder(&path).is_some() || world.is_file(&with_suffix(&path))
}

fn below(root: &Path, path: &str) -> PathBuf {
    path.split('.').filter(|part| !part.is_empty()).fold(root.to_path_buf(), |folder, part| folder.join(part))
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".k");
    path.into()
}

fn dotted<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts.collect::<Vec<_>>().join(".")
}

impl Found {
    /// The diagnostic for what leads nowhere.
    pub(super) fn problem(
        &self,
        source: &std::sync::Arc<syntax::Source>,
        span: syntax::Span,
    ) -> Option<Diagnostic> {
        let (message, hints) = match self {
            Self::Missing { message, hints } => (message.clone(), hints.clone()),
            Self::Other(ImportTarget::Plugin) => ("plugins are not supported".to_owned(), Vec::new()),
            Self::Package(_) | Self::Other(_) => return None,
        };
        let problem = Diagnostic::new(syntax::Code::CannotFindModule, source, span, message);
        Some(hints.into_iter().fold(problem, Diagnostic::hint))
    }
}
