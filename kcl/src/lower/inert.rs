//! Variables that do nothing but give a name to something: whoever reads them has them in its trace, and the rest of the
//! program is the same without them, unless variables are the output.

use super::code::{Assign, ExprKind, Global, GlobalKind, PackageCode, Place, Setter, Stmt, StmtKind, Target};

/// For each global of a package, whether it is such a variable: set once, at the top, to something that cannot fail.
pub(crate) fn inert(code: &PackageCode) -> Vec<bool> {
    let is_inert = |global: &Global| match value(code, global) {
        Some(ExprKind::Const(_)) => true,
        Some(ExprKind::Lambda(lambda)) => lambda.captures.is_empty(),
        _ => false,
    };
    code.globals.iter().map(is_inert).collect()
}

/// Whether a variable is a lambda for sure, which is in no output.
pub(crate) fn is_lambda(code: &PackageCode, global: &Global) -> bool {
    matches!(value(code, global), Some(ExprKind::Lambda(_)))
}

/// The value of a variable that one plain assignment sets, as it is.
fn value<'c>(code: &'c PackageCode, global: &Global) -> Option<&'c ExprKind> {
    assigned(code, global).filter(|assign| assign.ty.is_none()).map(|assign| &assign.value.kind)
}

/// The assignment that alone sets a variable.
pub(super) fn assigned<'c>(code: &'c PackageCode, global: &Global) -> Option<&'c Assign> {
    let GlobalKind::Variable(setters) = &global.kind else { return None };
    let [Setter { body, stmt, .. }] = &**setters else { return None };
    let stmt = code.files.get(*body as usize)?.body.get(*stmt as usize)?;
    let StmtKind::Assign(assign) = &stmt.kind else { return None };
    let [Target { place: Place::Global(_), path, .. }] = &*assign.targets else { return None };
    path.is_empty().then_some(assign)
}

/// Whether a program has expressions beside its variables that are output too.
pub(crate) fn speaks(code: &PackageCode) -> bool {
    code.files.iter().flat_map(|file| &file.body).any(is_output)
}

fn is_output(stmt: &Stmt) -> bool {
    match &stmt.kind {
        // The value of a call is not.
        StmtKind::Expr(expr) => !matches!(expr.kind, ExprKind::Call(_)),
        StmtKind::If(_, then, otherwise) => then.iter().chain(otherwise).any(is_output),
        _ => false,
    }
}
