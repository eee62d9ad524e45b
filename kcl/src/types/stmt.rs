//! Statements.

use std::ops::ControlFlow;

use syntax::ast::{self, Access, BinaryOp, ExprKind, Ident, StmtKind, Target};
use syntax::{Code, Span, Symbol};

use super::checker::{Body, Checker};
use super::ty::{SchemaType, Type};
use crate::resolve::Tail;
use crate::resolve::merge::MergedItem;

impl<'a> Checker<'a> {
    /// All statements of the package; those of the last file only where nobody found it sound before.
    pub(super) fn files(&mut self, tail: Option<&Tail>) {
        let own = self.package.files.len() - usize::from(tail.is_some());
        (0..own).for_each(|file| self.file_stmts(file));
        let Some(tail) = tail else { return };
        if let Some(steps) = tail.sound.get() {
            self.table.own.take(*steps);
            return;
        }
        let (problems, steps) = (self.problems.len(), self.table.own.taken());
        self.file_stmts(own);
        if self.problems.len() == problems && !self.table.is_exhausted() {
            _ = tail.sound.set(self.table.own.taken() - steps);
        }
    }

    fn file_stmts(&mut self, file: usize) {
        for (at, stmt) in self.package.files[file].file.tree.body.iter().enumerate() {
            self.file = file;
            if self.merged.is_some_and(|merged| merged.vanished(file, at)) {
                continue;
            }
            match self.merged.and_then(|merged| merged.declaration(file, at)) {
                Some(items) => self.merged_stmt(stmt, items),
                None => _ = self.stmt(stmt),
            }
        }
    }

    pub(super) fn stmts(&mut self, stmts: &[ast::Stmt]) -> Type {
        stmts.iter().fold(Type::Any, |_, stmt| self.stmt(stmt))
    }

    pub(super) fn stmt(&mut self, stmt: &ast::Stmt) -> Type {
        self.at = stmt.span;
        match &stmt.kind {
            StmtKind::Import(_) => Type::Any,
            StmtKind::Expr(expr) => self.expr(expr),
            StmtKind::Assign(assign) => self.assign(assign, None),
            StmtKind::AugAssign(assign) => self.aug_assign(assign),
            StmtKind::Unify(unify) => self.unify(unify, None),
            StmtKind::TypeAlias(alias) => self.type_alias(alias),
            StmtKind::Assert(assert) => self.assert(assert),
            StmtKind::If(choice) => self.if_stmt(choice),
            StmtKind::Schema(schema) => self.schema_stmt(schema, stmt.span),
            StmtKind::Rule(rule) => self.rule_stmt(rule),
            StmtKind::Attr(attr) => self.attr(attr),
        }
    }

    fn merged_stmt(&mut self, stmt: &ast::Stmt, items: &[MergedItem<'_>]) {
        self.at = stmt.span;
        match &stmt.kind {
            StmtKind::Unify(unify) => _ = self.unify(unify, Some(items)),
            StmtKind::Assign(assign) => _ = self.assign(assign, Some(items)),
            _ => {}
        }
    }

    fn if_stmt(&mut self, choice: &ast::If) -> Type {
        self.expr(&choice.test);
        let then = self.stmts(&choice.body);
        let otherwise = self.stmts(&choice.otherwise);
        self.table.join([&then, &otherwise])
    }

    fn assert(&mut self, assert: &ast::Assert) -> Type {
        self.expr(&assert.test);
        self.optional_expr(assert.guard.as_ref());
        if let Some(message) = &assert.message {
            self.must_be(message, &Type::Str);
        }
        Type::Any
    }

    /// A line of a check block or rule.
    fn check(&mut self, check: &ast::Assert) {
        if let Some(message) = &check.message {
            self.must_be(message, &Type::Str);
        }
        self.optional_expr(check.guard.as_ref());
        self.expr(&check.test);
    }

    pub(super) fn type_alias(&mut self, alias: &ast::TypeAlias) -> Type {
        let ty = match self.annotation(&alias.ty) {
            Type::Schema(id, _) => Type::Schema(id, false),
            other => other,
        };
        let name = alias.name.name;
        if is_reserved(name) {
            self.report(
                Code::Type,
                alias.name.span,
                format!("`{name}` is a builtin type, and no name for an alias"),
            );
        }
        self.declare(name, ty.clone(), alias.name.span);
        ty
    }

    fn unify(&mut self, unify: &ast::Unify, merged: Option<&[MergedItem<'_>]>) -> Type {
        let name = unify.name.name;
        let span = unify.name.span;
        self.storing = true;
        let expected = self.name(name, span);
        self.storing = false;
        self.expect(Some(&expected), None);
        let ty = self.schema_expr(&unify.value, merged);
        self.expected.pop();
        self.must_fit(&ty, &expected, span, None);
        if !ty.is_any() && expected.is_any() {
            self.learn(name, &ty);
        }
        expected
    }

    fn assign(&mut self, assign: &ast::Assign, merged: Option<&[MergedItem<'_>]>) -> Type {
        self.loop_names.clear();
        let config = matches!(assign.value.kind, ExprKind::Schema(_));
        let mut value = Type::Any;
        for target in &assign.targets {
            let name = target.name.name;
            if self.locals.is_outside() && (is_private(name) || config || !self.walked.contains_key(&name)) {
                let place = self.place(target.span);
                self.walked.insert(name, place);
            }
            value = if target.path.is_empty() {
                self.assign_name(assign, target, merged)
            } else {
                self.assign_member(assign, target)
            };
        }
        value
    }

    fn assign_name(
        &mut self,
        assign: &ast::Assign,
        target: &Target,
        merged: Option<&[MergedItem<'_>]>,
    ) -> Type {
        let name = target.name.name;
        let expected = self.stored_target(target);
        let value = match &expected {
            Type::Schema(..) => self.assigned_within(&expected, assign, merged),
            Type::List(_) | Type::Dict(_) | Type::Union(_) => {
                let value = self.assigned_within(&expected, assign, merged);
                self.check_annotation(assign, &value);
                value
            }
            _ => {
                let value = self.assigned(assign, merged);
                self.check_annotation(assign, &value);
                value
            }
        };
        self.must_fit(&value, &expected, target.span, None);
        if !value.is_any() && expected.is_any() && assign.ty.is_none() {
            self.learn(name, &value);
            if self.body.is_some() {
                let ty = self.table.widen(&value);
                self.learn_attribute(name, ty);
            }
        }
        value
    }

    fn assigned_within(
        &mut self,
        expected: &Type,
        assign: &ast::Assign,
        merged: Option<&[MergedItem<'_>]>,
    ) -> Type {
        self.expect(Some(expected), None);
        let value = self.assigned(assign, merged);
        self.expected.pop();
        value
    }

    fn assigned(&mut self, assign: &ast::Assign, merged: Option<&[MergedItem<'_>]>) -> Type {
        match &assign.value.kind {
            ExprKind::Schema(schema) if merged.is_some() => self.schema_expr(schema, merged),
            _ => self.expr(&assign.value),
        }
    }

    fn assign_member(&mut self, assign: &ast::Assign, target: &Target) -> Type {
        self.find_or_report(target.name.name, target.span);
        let expected = self.stored_target(target);
        let value = self.expr(&assign.value);
        self.check_annotation(assign, &value);
        self.must_fit(&value, &expected, target.span, None);
        value
    }

    fn stored_target(&mut self, target: &Target) -> Type {
        self.storing = true;
        let ty = self.target(target);
        self.storing = false;
        ty
    }

    /// What is known of the place that a target names.
    fn target(&mut self, target: &Target) -> Type {
        let mut ty = self.assignable_name(target.name.name, target.span);
        let storing = self.storing;
        self.storing = storing && target.path.is_empty();
        for access in &target.path {
            ty = match access {
                Access::Member(name) => {
                    self.check_key(name.name, &ty, target.span, None);
                    self.member(&ty, name.name, target.span)
                }
                Access::Index(index) => {
                    if let ExprKind::Str(text) = &index.kind {
                        self.check_key(Symbol::new(text), &ty, target.span, None);
                    }
                    self.element(&ty, index, target.span)
                }
            };
        }
        self.storing = storing;
        ty
    }

    fn assignable_name(&mut self, name: Symbol, span: Span) -> Type {
        let ty = self.name(name, span);
        if self.storing && matches!(ty, Type::Module(_)) {
            self.changes_import(name, span);
            return Type::Any;
        }
        ty
    }

    pub(super) fn changes_import(&mut self, name: Symbol, span: Span) {
        let message = format!("`{name}` is an imported package, and cannot be changed");
        self.report(Code::Immutable, span, message);
    }

    /// Holds the value and what is known of the name against the annotation.
    fn check_annotation(&mut self, assign: &ast::Assign, value: &Type) {
        let Some(annotation) = &assign.ty else { return };
        for target in &assign.targets {
            let declared = self.annotation(annotation);
            let known = self.known_here(target.name.name);
            let ty = match known {
                Some(known) if !known.is_any() => {
                    if !self.table.includes(&declared, &known) {
                        self.retyped(target, &declared);
                    }
                    known
                }
                _ => declared,
            };
            self.set(target.name.name, ty.clone());
            self.must_fit(value, &ty, target.span, None);
        }
    }

    pub(super) fn retyped(&mut self, target: &Target, ty: &Type) {
        let message =
            format!("`{}` is declared with another type than `{}`", target.name.name, self.table.show(ty));
        self.report(Code::Type, target.span, message);
    }

    fn known_here(&self, name: Symbol) -> Option<Type> {
        if self.has(name) { self.find(name) } else { None }
    }

    fn aug_assign(&mut self, assign: &ast::AugAssign) -> Type {
        self.storing = false;
        let target = &assign.target;
        let name = target.name.name;
        let config = matches!(assign.value.kind, ExprKind::Schema(_));
        if is_private(name) || config || !self.walked.contains_key(&name) {
            if self.locals.is_outside() {
                let place = self.place(target.span);
                self.walked.insert(name, place);
            }
        } else {
            self.immutable(name, target.span);
        }
        let left = self.target(target);
        let right = self.expr(&assign.value);
        let result = self.binary(&left, &right, assign.op, target.span);
        let expected = self.stored_target(target);
        self.must_fit(&result, &expected, target.span, None);
        result
    }

    pub(super) fn immutable(&mut self, name: Symbol, span: Span) {
        let problem =
            self.problem(Code::Immutable, span, format!("`{name}` is set already, and cannot be changed"));
        let first = self.walked.get(&name).copied();
        let first = first.or_else(|| self.globals.get(&name).map(|global| global.place));
        let problem = self.note(problem, first, format!("`{name}` is set here"));
        self.problems.push(problem.hint(format!("a name that starts with `_` can be set again: `_{name}`")));
    }

    fn attr(&mut self, attr: &ast::Attr) -> Type {
        self.loop_names.clear();
        let name = attr.name.name;
        let body = self.body.as_ref();
        let learned = body.and_then(|body| body.learned.get(&name).cloned());
        let declared = body.and_then(|body| self.table.attr(body.schema, name)).map(|attr| attr.ty.clone());
        let expected = learned.or(declared).unwrap_or(Type::Any);
        self.declare(name, expected.clone(), attr.name.span);
        let Some(value) = &attr.value else { return Type::Any };
        let directs = matches!(expected, Type::Schema(..) | Type::List(_) | Type::Dict(_) | Type::Union(_));
        if directs {
            let place = self.place(value.span);
            self.expect(Some(&expected), Some(place));
        }
        let mut ty = self.expr(value);
        if directs {
            self.expected.pop();
        }
        if attr.op == Some(BinaryOp::BitOr) {
            ty = self.binary(&ty, &expected, BinaryOp::BitOr, attr.name.span);
        }
        self.must_fit(&ty, &expected, attr.name.span, None);
        Type::Any
    }

    fn schema_stmt(&mut self, schema: &ast::Schema, span: Span) -> Type {
        self.unique(schema.name.name, schema.name.span);
        let ty = self.find_or_report(schema.name.name, schema.name.span);
        let Some(declared) = self.declared_schema(&ty, span) else { return ty };
        self.body = Some(Body { schema: declared, learned: Default::default() });
        self.params(&schema.params);
        self.check_param_order(&schema.params);
        self.enter();
        for param in &declared.params.params {
            self.declare(param.name, param.ty.clone(), schema.name.span);
        }
        self.index_signature(schema, declared);
        for name in assigned_names(&schema.body) {
            if !self.has(name.name) {
                self.declare(name.name, Type::Any, name.span);
            }
        }
        self.stmts(&schema.body);
        for check in &schema.checks {
            self.check(check);
        }
        self.leave();
        self.body = None;
        ty
    }

    fn declared_schema(&mut self, ty: &Type, span: Span) -> Option<&'a SchemaType> {
        if let Type::Schema(id, _) = ty {
            return self.table.schema(*id);
        }
        let message = format!("the name is that of a `{}`", self.table.show(ty));
        self.report(Code::Type, span, message);
        None
    }

    fn index_signature(&mut self, schema: &ast::Schema, declared: &SchemaType) {
        let (Some(written), Some(index)) = (&schema.index, &declared.index) else { return };
        if let Some(name) = index.key_name {
            self.declare(name, index.key.clone(), written.span);
        }
        let Some(value) = &written.default else { return };
        let directs = matches!(index.value, Type::Schema(..));
        if directs {
            self.expect(Some(&index.value), None);
        }
        let ty = self.expr(value);
        if directs {
            self.expected.pop();
        }
        self.must_fit(&ty, &index.value, written.span, None);
    }

    fn rule_stmt(&mut self, rule: &ast::Rule) -> Type {
        self.unique(rule.name.name, rule.name.span);
        let ty = self.find_or_report(rule.name.name, rule.name.span);
        let Some(declared) = self.declared_schema(&ty, rule.name.span) else { return ty };
        self.body = Some(Body { schema: declared, learned: Default::default() });
        self.check_param_order(&rule.params);
        self.enter();
        for param in &declared.params.params {
            self.declare(param.name, param.ty.clone(), rule.name.span);
        }
        for check in &rule.checks {
            self.check(check);
        }
        self.leave();
        self.body = None;
        ty
    }

    /// A schema's name is not that of a global that was set before, nor of another schema.
    fn unique(&mut self, name: Symbol, span: Span) {
        if self.import(name).is_some() {
            self.report(Code::UniqueKey, span, format!("the name `{name}` is that of an imported package"));
        }
        match self.walked.get(&name).copied() {
            Some(first) => {
                let problem = self.problem(Code::UniqueKey, span, format!("the name `{name}` is taken"));
                let problem = self.note(problem, Some(first), format!("`{name}` is declared here first"));
                self.problems.push(problem);
            }
            None => {
                let place = self.place(span);
                self.walked.insert(name, place);
            }
        }
    }
}

/// Names that cannot be those of schemas and aliases.
pub(super) fn is_reserved(name: Symbol) -> bool {
    matches!(name.as_str(), "any" | "int" | "float" | "str" | "bool")
}

pub(super) fn is_private(name: Symbol) -> bool {
    name.as_str().starts_with('_')
}

/// The names that a schema's body sets, also in its `if`s. Schemas and rules are declared outside only.
pub(super) fn assigned_names(body: &[ast::Stmt]) -> Vec<Ident> {
    let mut all = Vec::new();
    let mut see = |kind: &StmtKind, name| {
        if !matches!(kind, StmtKind::Schema(_) | StmtKind::Rule(_)) {
            all.push(name);
        }
        ControlFlow::<()>::Continue(())
    };
    _ = body.iter().try_for_each(|stmt| syntax::names(stmt, &mut see));
    all
}
