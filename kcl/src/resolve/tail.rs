//! The last file of a main package, where other stacks have it too.
//!
//! Most of what a stack runs is a file that comes last and renders what those before it declare. What checking and
//! lowering it gives depends on the file, on where the names in it lead that are imported, and on the numbers that are
//! given out before it. Where all of these are the same, it is checked and lowered once for all stacks.
//!
//! Only the last file is taken: those after it would see what checking it has taught.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use rustc_hash::FxHashSet;
use syntax::Symbol;
use syntax::ast::{Ident, Stmt, StmtKind};

use super::{Program, Request, remember};
use crate::lower::code::{FileCode, Setter};
use crate::package::{File, ImportTarget, Imports, Package};

/// How many forms of one file are kept at most.
const MOST: usize = 16;

/// A file that comes last, and what is known of it.
#[derive(Default)]
pub(super) struct Shared {
    file: Option<Arc<File>>,
    /// All that could be a name in it.
    words: FxHashSet<Symbol>,
    tails: RwLock<Vec<Arc<Tail>>>,
}

/// A file that comes last, in main packages that import the same under the names in it.
#[derive(Default)]
pub struct Tail {
    /// By name: where that leads, and the path of the import.
    imports: Vec<(Symbol, ImportTarget, Symbol)>,
    /// The steps that checking it took, once nothing was found wrong with it.
    pub(crate) sound: OnceLock<u64>,
    codes: RwLock<Vec<Arc<TailCode>>>,
}

/// The code of such a file.
pub(crate) struct TailCode {
    pub(crate) start: Start,
    pub(crate) file: Arc<FileCode>,
    /// The globals that its statements set.
    pub(crate) setters: Vec<(u32, Setter)>,
}

/// The numbers that the code of a file begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) file: u32,
    pub(crate) global: u32,
    pub(crate) stmt: u32,
    pub(crate) lambda: u32,
    pub(crate) arm: u32,
}

impl Program {
    /// The last file of a main package, if it is shared and stands by itself: it declares nothing but variables, and none of
    /// its names is that of a global of another file.
    pub(super) fn tail(&self, package: &Package, request: &Request) -> Option<Arc<Tail>> {
        let (last, before) = package.files.split_last()?;
        if before.is_empty() || !request.overrides.is_empty() || !request.keeps(&last.file.path) {
            return None;
        }
        let shared = remember(&self.tails, &last.file.path, || Arc::new(Shared::new(&last.file)));
        // A file that was let go and parsed anew is the same one.
        shared.file.as_ref().filter(|file| Arc::ptr_eq(&file.source, &last.file.source))?;
        let mut is_other = |_: &StmtKind, name: Ident| {
            if shared.words.contains(&name.name) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut stmts = before.iter().flat_map(|unit| &unit.file.tree.body);
        let met = stmts.try_for_each(|stmt| syntax::names(stmt, &mut is_other)).is_break();
        if met { None } else { shared.tail(&last.imports) }
    }
}

impl Shared {
    fn new(file: &Arc<File>) -> Self {
        if !file.tree.body.iter().all(is_plain) {
            return Self::default();
        }
        let words = syntax::words(file.source.text()).map(Symbol::new).collect();
        Self { file: Some(Arc::clone(file)), words, tails: RwLock::default() }
    }

    fn tail(&self, imports: &Imports) -> Option<Arc<Tail>> {
        let named = imports.iter().filter(|(name, _)| self.words.contains(name));
        let mut named: Vec<_> = named.map(|(name, it)| (*name, it.target, it.path)).collect();
        named.sort_unstable_by_key(|(name, ..)| *name);
        kept(&self.tails, |tail| tail.imports == named).or_else(|| {
            let tail = Tail { imports: named.clone(), ..Tail::default() };
            keep(&self.tails, tail, |tail| tail.imports == named)
        })
    }
}

impl Tail {
    /// The code that begins with these numbers.
    pub(crate) fn code(&self, start: Start) -> Option<Arc<TailCode>> {
        kept(&self.codes, |code| code.start == start)
    }

    /// Keeps code, unless there is more than enough.
    pub(crate) fn keep(&self, code: TailCode) {
        let start = code.start;
        keep(&self.codes, code, |code| code.start == start);
    }
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail").field("imports", &self.imports).finish_non_exhaustive()
    }
}

fn kept<T>(all: &RwLock<Vec<Arc<T>>>, is: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    let all = all.read().unwrap_or_else(PoisonError::into_inner);
    all.iter().find(|one| is(one)).map(Arc::clone)
}

/// Adds one that is not there, as long as there is room.
fn keep<T>(all: &RwLock<Vec<Arc<T>>>, new: T, is: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.iter().find(|one| is(one)) {
        return Some(Arc::clone(known));
    }
    let new = (all.len() < MOST).then(|| Arc::new(new))?;
    all.push(Arc::clone(&new));
    Some(new)
}

/// Whether a statement declares at most variables.
fn is_plain(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Schema(_) | StmtKind::Rule(_) | StmtKind::TypeAlias(_) => false,
        StmtKind::If(choice) => choice.body.iter().chain(&choice.otherwise).all(is_plain),
        _ => true,
    }
}
