//! The static checker: what can be known to be wrong before a program runs.
//!
//! A package is checked once, by the first who asks, against what is declared in the packages that it imports; all
//! stacks share the result. A stack's own files are checked for that stack. Where types cannot tell, nothing is said:
//! the evaluator has the last word.

mod access;
mod annotation;
mod call;
mod checker;
mod config;
mod declare;
mod decorator;
mod expr;
mod fit;
pub(crate) mod interface;
mod locals;
mod ops;
mod schema;
mod signature;
mod stmt;
mod table;
mod ty;

use rustc_hash::FxHashSet;
use syntax::Diagnostic;
use syntax::ast::{ExprKind, StmtKind};

use self::checker::{Checker, Globals};
use self::table::{Foreign, Own};
use self::ty::SchemaType;
use crate::package::{Package, PackageId};
use crate::resolve::merge::Merged;
use crate::resolve::{Main, Program};

/// What the checker knows of a package.
#[derive(Debug, Default)]
pub struct PackageTypes {
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
    /// Its schemas, mixins, protocols and rules, in order.
    schemas: Vec<SchemaType>,
    /// Its globals.
    globals: Globals,
}

/// Checks a package and those that it imports; each once, whoever asks. `None` where it was never loaded.
pub fn check_package(program: &Program, id: PackageId) -> Option<&PackageTypes> {
    let types = &program.cell(id)?.types;
    if let Some(known) = types.get() {
        return Some(known);
    }
    for id in imports_first(program, id) {
        alone(program, id, check_alone);
    }
    types.get()
}

/// Checks a stack's program: what it imports, as far as nobody did so before, and the stack's own files. `merged` says which
/// declarations of these are one.
#[must_use]
pub fn check_main(program: &Program, main: &Main, merged: &Merged<'_>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for id in &main.closure {
        let types = alone(program, *id, check_alone);
        problems.extend(types.into_iter().flat_map(|types| types.problems.iter().cloned()));
    }
    problems.extend(check_own(program, main, merged));
    problems
}

/// The same for a program that imports nothing of which there is anything to say: only the stack's own files are checked, and packages
/// that have nothing but schemas are declared.
#[must_use]
pub fn check_main_of_sound(program: &Program, main: &Main, merged: &Merged<'_>) -> Vec<Diagnostic> {
    main.closure.iter().for_each(|id| _ = alone(program, *id, declare_alone));
    check_own(program, main, merged)
}

fn check_own(program: &Program, main: &Main, merged: &Merged<'_>) -> Vec<Diagnostic> {
    check(program, &main.package, Some(merged), |checker| checker.files(main.tail.as_deref())).problems
}

/// What is known of a package whose imports were checked before, found by the first who asks; of others nothing is known.
fn alone(
    program: &Program,
    id: PackageId,
    find: impl FnOnce(&Program, &Package) -> PackageTypes,
) -> Option<&PackageTypes> {
    let cell = program.cell(id)?;
    if let Some(known) = cell.types.get() {
        return Some(known);
    }
    let package = program.package(id);
    (package.id == id).then(|| cell.types.get_or_init(|| find(program, package)))
}

fn check_alone(program: &Program, package: &Package) -> PackageTypes {
    check(program, package, None, |checker| checker.files(None))
}

/// What others can learn of a package that is known to be right.
fn declare_alone(program: &Program, package: &Package) -> PackageTypes {
    let mut stmts = package.files.iter().flat_map(|unit| &unit.file.tree.body);
    // What a variable is comes from the statements; what a schema is does not come from its body.
    let only_schemas = stmts.all(|stmt| match &stmt.kind {
        StmtKind::Import(_) | StmtKind::Schema(_) | StmtKind::Rule(_) => true,
        StmtKind::Expr(expr) => matches!(expr.kind, ExprKind::Str(_)),
        _ => false,
    });
    if only_schemas { check(program, package, None, |_| ()) } else { check_alone(program, package) }
}

/// Declares what a package has, and walks as much of it as is asked for.
fn check(
    program: &Program,
    package: &Package,
    merged: Option<&Merged<'_>>,
    walk: impl FnOnce(&mut Checker<'_>),
) -> PackageTypes {
    let (own, foreign) = (Own::default(), Foreign::default());
    let mut checker = Checker::new(program, package, merged, (&own, &foreign));
    checker.declare_all();
    walk(&mut checker);
    let Checker { globals, mut problems, .. } = checker;
    if problems.len() > 1 {
        let mut seen = FxHashSet::default();
        problems.retain(|problem| {
            let place = problem.place.as_ref().map(|place| (place.source.name().to_owned(), place.span));
            seen.insert((place, problem.message.clone()))
        });
    }
    let schemas = own.schemas.into_vec().into_iter().map(|schema| *schema).collect();
    PackageTypes { problems, schemas, globals }
}

/// A package and all that it imports, each after those that it imports itself. Walked with a stack of its own: a chain
/// of imports may be long.
fn imports_first(program: &Program, from: PackageId) -> Vec<PackageId> {
    let mut order = Vec::new();
    let mut seen = FxHashSet::from_iter([from]);
    let mut open = vec![(from, 0)];
    while let Some((id, next)) = open.last_mut() {
        let import = program.package(*id).dependencies.get(*next).map(|(import, ..)| *import);
        *next += 1;
        match import {
            Some(import) if seen.insert(import) => open.push((import, 0)),
            Some(_) => {}
            None => {
                order.push(*id);
                open.pop();
            }
        }
    }
    order
}
