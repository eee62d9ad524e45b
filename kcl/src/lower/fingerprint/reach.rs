//! What the statements of packages can come to, by what their code refers to, evaluated or not. All statements of a package
//! that is imported are evaluated, for any stack; most declarations are out of their reach, and whatever becomes of those
//! makes no difference to whether the packages can be evaluated.

use rustc_hash::{FxHashMap, FxHashSet};
use syntax::Symbol;

use super::slots::joined;
use super::{Fingerprint, Fingerprints};
use crate::package::PackageId;
use crate::resolve::Program;
use crate::stdlib::Function;

/// A declaration or statement of an imported package.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// The names that it declares or sets.
    names: Vec<Symbol>,
    /// All of its parts.
    whole: Option<Fingerprint>,
    /// What it refers to.
    refers: Vec<(PackageId, Symbol)>,
    /// Whether it is evaluated with its package.
    runs: bool,
    /// Whether it may ask for the file that it is in.
    placed: bool,
}

/// What is gathered of the declaration that is walked; nothing of main packages.
#[derive(Debug)]
pub(super) enum Gathered {
    Nothing,
    Of { parts: Vec<Fingerprint>, refers: FxHashSet<(PackageId, Symbol)>, placed: bool },
}

impl Gathered {
    pub(super) fn new(package: PackageId) -> Self {
        if package == PackageId::MAIN {
            return Self::Nothing;
        }
        Self::Of { parts: Vec::new(), refers: FxHashSet::default(), placed: false }
    }

    pub(super) fn part(&mut self, part: Fingerprint) {
        if let Self::Of { parts, .. } = self {
            parts.push(part);
        }
    }

    pub(super) fn refer(&mut self, package: PackageId, name: Symbol) {
        if let Self::Of { refers, .. } = self {
            refers.insert((package, name));
        }
    }

    /// A function of a system module is named.
    pub(super) fn function(&mut self, function: &Function) {
        if let Self::Of { placed, .. } = self {
            *placed |= function.module == "file" && function.name == "current";
        }
    }

    /// What was gathered of a declaration.
    pub(super) fn take(&mut self, names: Vec<Symbol>, runs: bool) -> Option<Reach> {
        let Self::Of { parts, refers, placed } = self else { return None };
        let placed = std::mem::take(placed);
        let whole = Some(joined(parts.drain(..)));
        // Who is walked from here is found in any order.
        #[allow(clippy::iter_over_hash_type)]
        let refers = refers.drain().collect();
        Some(Reach { names, whole, refers, runs, placed })
    }
}

impl Program {
    /// All that evaluating packages can come to, but for the options and files that are asked for; `None` where one was not
    /// loaded, or where it may matter in which file something is. The packages are those of a closure, in order.
    #[must_use]
    pub fn reach(
        &self,
        closure: &[PackageId],
        identity: &dyn Fn(PackageId) -> String,
    ) -> Option<Fingerprint> {
        let known: FxHashMap<PackageId, &Fingerprints> =
            closure.iter().map(|id| Some((*id, self.fingerprints(*id, identity)?))).collect::<Option<_>>()?;
        let mut declared: FxHashMap<(PackageId, Symbol), Vec<usize>> = FxHashMap::default();
        let mut all: Vec<(PackageId, &Reach)> = Vec::new();
        for id in closure {
            for reach in &known[id].reach {
                for name in &reach.names {
                    declared.entry((*id, *name)).or_default().push(all.len());
                }
                all.push((*id, reach));
            }
        }
        let mut reached: Vec<bool> = all.iter().map(|(_, reach)| reach.runs).collect();
        let mut open: Vec<usize> = (0..all.len()).filter(|at| reached[*at]).collect();
        while let Some(at) = open.pop() {
            let found = all[at].1.refers.iter().filter_map(|name| declared.get(name)).flatten();
            for next in found {
                if !std::mem::replace(&mut reached[*next], true) {
                    open.push(*next);
                }
            }
        }
        let counts = || all.iter().zip(&reached).filter(|(_, reached)| **reached).map(|(one, _)| one);
        if counts().any(|(_, reach)| reach.placed) {
            return None;
        }
        let mut found = Vec::new();
        for id in closure {
            found.push(Fingerprint::of(identity(*id).as_bytes()));
            found.push(known[id].get(super::Part::Statements)?);
        }
        for (id, reach) in counts() {
            found.push(Fingerprint::of(identity(*id).as_bytes()));
            found.extend(reach.names.iter().map(|name| Fingerprint::of(name.as_str().as_bytes())));
            found.extend(reach.whole);
        }
        Some(joined(found.into_iter()))
    }
}
