//! Parsed files and packages, with what their imports lead to.

use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use syntax::{Diagnostic, Source, Span, Symbol, ast};

use crate::world::Query;

/// A parsed file.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// Its text.
    pub source: Arc<Source>,
    /// Its tree.
    pub tree: ast::File,
    /// What the parser had to say.
    pub problems: Vec<Diagnostic>,
}

/// A package in a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageId(pub u32);

impl PackageId {
    /// The number that every main package bears: it is the run's, not the program's.
    pub const MAIN: Self = Self(u32::MAX);
}

/// What an import leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportTarget {
    /// A package of the program.
    Package(PackageId),
    /// A system module.
    System(&'static str),
    /// A plugin, which only a host program could serve.
    Plugin,
    /// Nothing; a diagnostic says so.
    Missing,
}

/// An import as its file sees it.
#[derive(Debug, Clone, Copy)]
pub struct ImportBinding {
    /// What it leads to.
    pub target: ImportTarget,
    /// The dotted path from the module root.
    pub path: Symbol,
    /// Of the statement.
    pub span: Span,
}

/// What each imported name stands for.
pub type Imports = FxHashMap<Symbol, ImportBinding>;

/// A file in a package: the tree may be shared between packages, the bindings are the package's.
#[derive(Debug)]
pub struct PackageFile {
    /// The file.
    pub file: Arc<File>,
    /// The module root that its absolute imports start from.
    pub root: PathBuf,
    /// What each imported name stands for. All files of a package see the imports of all of them.
    pub imports: Arc<Imports>,
}

/// The files of one folder (or one file), which share their globals.
#[derive(Debug)]
pub struct Package {
    /// Its number.
    pub id: PackageId,
    /// Its dotted path from the module root; `__main__` for the main package.
    pub name: Symbol,
    /// Its files, in order.
    pub files: Vec<PackageFile>,
    /// The packages that its files import, each once, in order of first import, with the file and the span that
    /// import it.
    pub dependencies: Vec<(PackageId, u32, Span)>,
    /// What went wrong while its imports were followed.
    pub problems: Vec<Diagnostic>,
    /// What was asked of the world to put it together, sorted: its files, and where its imports lead, as far as `ways`
    /// do not have that.
    pub queries: Vec<Query>,
    /// Where imports of a main package lead, each once, by number. Thousands of stacks have the same ones.
    pub ways: Vec<Arc<Way>>,
}

impl Package {
    /// All that was asked of the world to put it together.
    pub fn asked(&self) -> impl Iterator<Item = &Query> {
        self.queries.iter().chain(self.ways.iter().flat_map(|way| &way.queries))
    }
}

/// What was asked to follow an import that starts from a module root: the same whichever file has it.
#[derive(Debug)]
pub struct Way {
    /// Its number in the program.
    pub number: u32,
    /// What was asked.
    pub queries: Vec<Query>,
}
