//! The names of the scopes inside a package.

use rustc_hash::FxHashMap;
use syntax::Symbol;

use super::ty::Type;

/// Names with their types, in scopes that open and close. A name may be declared again, also in the same scope, and
/// hides its earlier declaration while its own scope is open. Every operation is O(1) for each name concerned.
#[derive(Default)]
pub(super) struct Locals {
    declared: Vec<Local>,
    /// Where in `declared` each open scope starts.
    scopes: Vec<usize>,
    /// The latest declaration of each name.
    latest: FxHashMap<Symbol, usize>,
}

struct Local {
    name: Symbol,
    ty: Type,
    /// The declaration of the same name that this one hides.
    hidden: Option<usize>,
}

impl Locals {
    /// Whether no scope is open: names are globals.
    pub(super) fn is_outside(&self) -> bool {
        self.scopes.is_empty()
    }

    /// Opens a scope.
    pub(super) fn enter(&mut self) {
        self.scopes.push(self.declared.len());
    }

    /// Closes the innermost scope; its names are forgotten.
    pub(super) fn leave(&mut self) {
        let Some(start) = self.scopes.pop() else { return };
        while self.declared.len() > start {
            let Some(Local { name, hidden, .. }) = self.declared.pop() else { return };
            match hidden {
                Some(at) => self.latest.insert(name, at),
                None => self.latest.remove(&name),
            };
        }
    }

    /// Declares a name in the innermost scope.
    pub(super) fn declare(&mut self, name: Symbol, ty: Type) {
        let hidden = self.latest.insert(name, self.declared.len());
        self.declared.push(Local { name, ty, hidden });
    }

    /// The type of a name.
    pub(super) fn get(&self, name: Symbol) -> Option<&Type> {
        self.latest.get(&name).map(|at| &self.declared[*at].ty)
    }

    /// The type of a name of the innermost scope, to be changed.
    pub(super) fn innermost(&mut self, name: Symbol) -> Option<&mut Type> {
        let at = self.innermost_at(name)?;
        Some(&mut self.declared[at].ty)
    }

    /// Whether the innermost scope itself has a name.
    pub(super) fn has_innermost(&self, name: Symbol) -> bool {
        self.innermost_at(name).is_some()
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = Symbol> {
        self.declared.iter().map(|local| local.name)
    }

    fn innermost_at(&self, name: Symbol) -> Option<usize> {
        let start = self.scopes.last().copied()?;
        self.latest.get(&name).copied().filter(|at| *at >= start)
    }
}
