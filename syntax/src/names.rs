//! The names that statements set or declare.

use std::ops::ControlFlow;

use crate::ast::{Ident, Stmt, StmtKind};

/// Shows the names that a statement sets or declares, also in its `if`s, each with the statement that does so, until one of
/// them breaks. What imports bind is not among them.
pub fn names<B>(stmt: &Stmt, show: &mut impl FnMut(&StmtKind, Ident) -> ControlFlow<B>) -> ControlFlow<B> {
    let kind = &stmt.kind;
    match kind {
        StmtKind::Assign(assign) => assign.targets.iter().try_for_each(|target| show(kind, target.name)),
        StmtKind::AugAssign(assign) => show(kind, assign.target.name),
        StmtKind::Unify(unify) => show(kind, unify.name),
        StmtKind::TypeAlias(alias) => show(kind, alias.name),
        StmtKind::Schema(schema) => show(kind, schema.name),
        StmtKind::Rule(rule) => show(kind, rule.name),
        StmtKind::Attr(attr) => show(kind, attr.name),
        StmtKind::If(choice) => {
            choice.body.iter().chain(&choice.otherwise).try_for_each(|stmt| names(stmt, show))
        }
        StmtKind::Import(_) | StmtKind::Assert(_) | StmtKind::Expr(_) => ControlFlow::Continue(()),
    }
}
