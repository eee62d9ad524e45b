//! Statements, and the setters that they are for variables.

use syntax::ast::{self, Access};
use syntax::{Span, Symbol};

use super::Lower;
use super::code::{Arm, Assign, Check, Expr, ExprKind, Place, Setter, Step, Stmt, StmtKind, Target};
use super::repeat::leave_out_stmts;
use super::scope::{BindingKind, BodyKind};
use crate::value::Key;

/// A variable that an inner statement of an `if` sets.
type Inner<P> = (P, super::code::StmtId);

impl<'a> Lower<'a> {
    /// A statement of a file. Declarations are lowered here but are no statements of the code.
    pub(super) fn global_stmt(&mut self, file: usize, at: usize, stmt: &'a ast::Stmt, body: &mut Vec<Stmt>) {
        match &stmt.kind {
            ast::StmtKind::Schema(schema) if self.is_declared(schema) => self.schema(file, schema),
            ast::StmtKind::Rule(rule) if self.is_declared_rule(rule) => self.rule(file, rule),
            ast::StmtKind::Schema(_) | ast::StmtKind::Rule(_) => {}
            ast::StmtKind::Import(_) | ast::StmtKind::TypeAlias(_) => {}
            _ => {
                let number = body.len() as u32;
                let code = match self.merged.and_then(|merged| merged.declaration(file, at)) {
                    Some(declaration) => self.merged_stmt(stmt, declaration),
                    None => self.stmt(stmt),
                };
                self.add_global_setters(file as u32, number, &code);
                body.push(code);
            }
        }
    }

    fn add_global_setters(&mut self, file: u32, number: u32, stmt: &Stmt) {
        for (place, setter) in setters(file, number, stmt) {
            if let Place::Global(slot) = place {
                self.setters[slot as usize].push(setter);
            }
        }
    }

    pub(super) fn stmts(&mut self, stmts: &[ast::Stmt]) -> Vec<Stmt> {
        let mut lowered = stmts.iter().map(|stmt| self.stmt(stmt)).collect();
        if self.body().kind == BodyKind::Lambda {
            leave_out_stmts(&mut lowered);
        }
        lowered
    }

    /// The statements of a lambda: an assertion that is not the last of them makes nothing, and a text there is a remark.
    pub(super) fn lambda_stmts(&mut self, stmts: &[ast::Stmt]) -> Vec<Stmt> {
        let mut lowered = self.stmts(stmts);
        let last = lowered.pop();
        lowered.retain(
            |stmt| !matches!(&stmt.kind, StmtKind::Expr(expr) if matches!(expr.kind, ExprKind::Const(_))),
        );
        for stmt in &mut lowered {
            stmt.kind = match std::mem::replace(&mut stmt.kind, StmtKind::Nothing) {
                StmtKind::Assert(check) => StmtKind::LambdaAssert(check),
                kind => kind,
            };
        }
        lowered.extend(last);
        lowered
    }

    pub(super) fn stmt(&mut self, stmt: &ast::Stmt) -> Stmt {
        let id = self.next_stmt();
        let kind = match &stmt.kind {
            ast::StmtKind::Expr(expr) => StmtKind::Expr(self.expr(expr)),
            ast::StmtKind::Assign(assign) => StmtKind::Assign(self.assign(assign)),
            ast::StmtKind::AugAssign(assign) => {
                let value = self.expr(&assign.value);
                StmtKind::AugAssign(self.target(&assign.target), assign.op, value)
            }
            ast::StmtKind::Unify(unify) => {
                let value = self.schema_expr(&unify.value, None, unify.value_span);
                StmtKind::Unify(self.plain_target(unify.name.name, unify.name.span), value)
            }
            ast::StmtKind::Assert(assert) => StmtKind::Assert(self.check(assert)),
            ast::StmtKind::If(branch) => {
                let test = self.expr(&branch.test);
                let body = self.stmts(&branch.body);
                StmtKind::If(test, body, self.stmts(&branch.otherwise))
            }
            ast::StmtKind::Attr(attr) => StmtKind::Attr(Box::new(self.attr(attr))),
            ast::StmtKind::TypeAlias(alias) => {
                let ty = self.ty(&alias.ty);
                self.aliases.insert(alias.name.name, ty);
                StmtKind::Nothing
            }
            ast::StmtKind::Import(_) | ast::StmtKind::Schema(_) | ast::StmtKind::Rule(_) => StmtKind::Nothing,
        };
        Stmt { kind, span: stmt.span, id }
    }

    fn merged_stmt(&mut self, stmt: &ast::Stmt, items: &[crate::resolve::merge::MergedItem<'_>]) -> Stmt {
        let id = self.next_stmt();
        let kind = match &stmt.kind {
            ast::StmtKind::Unify(unify) => {
                let value = self.schema_expr(&unify.value, Some(items), unify.value_span);
                StmtKind::Unify(self.plain_target(unify.name.name, unify.name.span), value)
            }
            ast::StmtKind::Assign(assign) => match &assign.value.kind {
                ast::ExprKind::Schema(schema) => {
                    let value = self.schema_expr(schema, Some(items), assign.value.span);
                    StmtKind::Assign(self.assign_value(assign, value))
                }
                _ => StmtKind::Assign(self.assign(assign)),
            },
            _ => StmtKind::Nothing,
        };
        Stmt { kind, span: stmt.span, id }
    }

    fn assign(&mut self, assign: &ast::Assign) -> Assign {
        let value = match (&*assign.targets, &assign.value.kind) {
            ([target], ast::ExprKind::Lambda(lambda)) if target.path.is_empty() => {
                self.named_lambda(target.name.name, lambda, assign.value.span)
            }
            _ => self.expr(&assign.value),
        };
        self.assign_value(assign, value)
    }

    fn assign_value(&mut self, assign: &ast::Assign, value: Expr) -> Assign {
        let ty = assign.ty.as_ref().map(|ty| self.ty(ty));
        let from_self = assign.targets.iter().any(|target| mentions(&assign.value, target.name.name));
        let targets = assign.targets.iter().map(|target| self.target(target)).collect();
        Assign { targets, ty, value, from_self }
    }

    /// A lambda that may call itself through the local that it is assigned to.
    fn named_lambda(&mut self, name: Symbol, lambda: &ast::Lambda, span: Span) -> Expr {
        if self.body().kind == BodyKind::Lambda && self.body().find_var(name).is_none() {
            self.body().bind(name, BindingKind::Assigned);
        }
        self.lambda(lambda, Some(name), span)
    }

    fn target(&mut self, target: &ast::Target) -> Target {
        let path = target.path.iter().map(|access| self.step(access)).collect();
        Target { path, span: target.span, ..self.plain_target(target.name.name, target.name.span) }
    }

    fn step(&mut self, access: &Access) -> Step {
        match access {
            Access::Member(name) => Step::Member(Key::from(name.name)),
            Access::Index(index) => Step::Index(self.expr(index)),
        }
    }

    fn plain_target(&mut self, name: Symbol, span: Span) -> Target {
        let place = match self.body().kind {
            BodyKind::File => Place::Global(self.slots.get(&name).copied().unwrap_or(0)),
            BodyKind::Schema => Place::Attr(self.body().attr(name)),
            BodyKind::Lambda => {
                let bound = self.body().find_var(name).map(|binding| binding.local);
                Place::Local(bound.unwrap_or_else(|| self.body().bind(name, BindingKind::Assigned)))
            }
        };
        Target { name, place, path: Vec::new(), span }
    }

    pub(super) fn check(&mut self, assert: &ast::Assert) -> Check {
        let guard = assert.guard.as_ref().map(|guard| self.expr(guard));
        let message = assert.message.as_ref().map(|message| self.expr(message));
        Check { test: self.expr(&assert.test), guard, message }
    }
}

/// The variables that a statement sets, with the setter that it is for each.
pub(super) fn setters(body: u32, number: u32, stmt: &Stmt) -> Vec<(Place, Setter)> {
    let setter = |stop, arm| Setter { body, stmt: number, id: stmt.id, stop, arm };
    let whole = |place| (place, setter(None, Arm::Whole));
    match &stmt.kind {
        StmtKind::If(_, then, otherwise) => {
            let mut found = Vec::new();
            for (stmts, arm) in [(then, Arm::Then), (otherwise, Arm::Else)] {
                let inner = stmts.iter().flat_map(inner_places);
                found.extend(inner.map(|(place, id)| (place, setter(Some(id), arm))));
            }
            found
        }
        _ => inner_places(stmt).into_iter().map(|(place, _)| whole(place)).collect(),
    }
}

fn inner_places(stmt: &Stmt) -> Vec<Inner<Place>> {
    match &stmt.kind {
        StmtKind::Assign(assign) => assign.targets.iter().map(|target| (target.place, stmt.id)).collect(),
        StmtKind::AugAssign(target, ..) | StmtKind::Unify(target, _) => vec![(target.place, stmt.id)],
        StmtKind::Attr(attr) => vec![(Place::Attr(attr.name), stmt.id)],
        StmtKind::If(_, then, otherwise) => then.iter().chain(otherwise).flat_map(inner_places).collect(),
        StmtKind::Expr(_) | StmtKind::Assert(_) | StmtKind::LambdaAssert(_) | StmtKind::Nothing => Vec::new(),
    }
}

/// Whether evaluating an expression reads a name; lambdas inside read it only when called.
fn mentions(expr: &ast::Expr, name: Symbol) -> bool {
    super::expr::any_name(expr, &mut |found| found == name)
}
