//! Variables that do nothing but give a name to something: whoever reads them has them in its trace, and the rest of the
//! program is the same without them.

use super::code::{ExprKind, GlobalKind, PackageCode, Place, Setter, Stmt, StmtKind, Target};
use crate::package::PackageId;

/// For each global of a package, whether it is such a variable: set once, at the top, to something that cannot fail. Of the
/// main package only lambdas and private constants count, which are in no output unless hidden keys are, and only where its
/// statements give no other output.
pub(crate) fn inert(code: &PackageCode) -> Vec<bool> {
    let is_main = code.id == PackageId::MAIN;
    let speaks = is_main && code.files.iter().flat_map(|file| &file.body).any(speaks);
    let is_inert = |kind: &GlobalKind| match kind {
        GlobalKind::Variable(setters) => match &**setters {
            [only] => !speaks && names(code, only, is_main),
            _ => false,
        },
        _ => false,
    };
    code.globals.iter().map(|global| is_inert(&global.kind)).collect()
}

/// Whether a setter gives a name to a lambda or to a constant; in the main package the name of a constant has to be private.
fn names(code: &PackageCode, setter: &Setter, is_main: bool) -> bool {
    let stmt = code.files.get(setter.body as usize).and_then(|file| file.body.get(setter.stmt as usize));
    let Some(StmtKind::Assign(assign)) = stmt.map(|stmt| &stmt.kind) else { return false };
    let [Target { name, place: Place::Global(_), path, .. }] = &*assign.targets else { return false };
    let harmless = match &assign.value.kind {
        ExprKind::Const(_) => !is_main || name.as_str().starts_with('_'),
        ExprKind::Lambda(lambda) => lambda.captures.is_empty(),
        _ => false,
    };
    harmless && path.is_empty() && assign.ty.is_none()
}

/// Whether a statement is an expression, or has one inside: its value is part of the output.
fn speaks(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Expr(_) => true,
        StmtKind::If(_, then, otherwise) => then.iter().chain(otherwise).any(speaks),
        _ => false,
    }
}
