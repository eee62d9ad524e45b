//! Expressions.

use syntax::ast::{self, ExprKind as Ast};
use syntax::{Span, Symbol};

use super::Lower;
use super::code::{
    ArgsCode, Clause, Const, Expr, ExprKind, Item, LambdaCode, PartCode, QuantifierCode, SliceCode,
};
use super::scope::{self, BindingKind, Body, BodyKind};
use crate::package::ImportTarget;
use crate::value::{Key, Unit};

impl Lower<'_> {
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Expr {
        let span = expr.span;
        let kind = match &expr.kind {
            Ast::Missing | Ast::Undefined => ExprKind::Const(Const::Undefined),
            Ast::None => ExprKind::Const(Const::None),
            Ast::Bool(value) => ExprKind::Const(Const::Bool(*value)),
            Ast::Int(value) => ExprKind::Const(Const::Int(*value)),
            Ast::Float(value) => ExprKind::Const(Const::Float(*value)),
            Ast::Unit(unit) => ExprKind::Const(Const::Unit(Box::new(Unit::new(unit.raw, unit.suffix)))),
            Ast::Str(text) => ExprKind::Const(Const::Str(text.clone())),
            Ast::Template(parts) => ExprKind::Template(parts.iter().map(|part| self.part(part)).collect()),
            Ast::Name(name) => return self.name(*name, span),
            Ast::Member(member) => return self.member(member, span),
            Ast::Index(it) => {
                let value = self.expr(&it.value);
                let value = self.indexed(value);
                ExprKind::Index(Box::new((value, self.expr(&it.index))), it.optional)
            }
            Ast::Slice(slice) => ExprKind::Slice(Box::new(self.slice(slice))),
            Ast::Call(call) => {
                let callee = self.expr(&call.callee);
                let mut args = self.args(&call.args);
                if matches!(callee.kind, ExprKind::Member(_, _, true)) && args.is_constant() {
                    args = self.args_of_called(args);
                }
                ExprKind::Call(Box::new((callee, args)))
            }
            Ast::Paren(inner) => return self.expr(inner),
            Ast::Unary(op, operand) => ExprKind::Unary(*op, Box::new(self.expr(operand))),
            Ast::Binary(it) => {
                let (left, right) = (self.expr(&it.left), self.expr(&it.right));
                let lazy = matches!(it.op, ast::BinaryOp::And | ast::BinaryOp::Or);
                ExprKind::Binary(it.op, Box::new((left, if lazy { self.arm(right) } else { right })))
            }
            Ast::Compare(compare) => {
                let first = self.expr(&compare.first);
                let rest = compare.rest.iter().map(|(op, operand)| (*op, self.expr(operand))).collect();
                ExprKind::Compare(Box::new((first, rest)))
            }
            Ast::As(it) => {
                let value = self.expr(&it.value);
                ExprKind::As(Box::new((value, self.ty(&it.ty))))
            }
            Ast::IfElse(it) => {
                let (then, test) = (self.expr(&it.then), self.expr(&it.test));
                let otherwise = self.expr(&it.otherwise);
                ExprKind::IfElse(Box::new((self.arm(then), test, self.arm(otherwise))))
            }
            Ast::List(items) => ExprKind::List(self.items(items)),
            Ast::ListComp(comp) => self.list_comp(comp),
            Ast::Config(config) => ExprKind::Config(Box::new(self.config(config, false))),
            Ast::DictComp(comp) => self.dict_comp(comp),
            Ast::Schema(schema) => return self.schema_expr(schema, None, span),
            Ast::Lambda(lambda) => return self.lambda(lambda, None, span),
            Ast::Quantifier(quantifier) => ExprKind::Quantifier(Box::new(self.quantifier(quantifier))),
        };
        Expr { kind, span }
    }

    /// A name: a loop variable, an attribute of the instance, a key of a config block, a parameter, a captured value,
    /// a global, a builtin; what comes first in this order, but that attributes hide parameters in a schema's own body
    /// only. There they do not hide the keys that a schema expression around has already, nor what hides those.
    pub(super) fn name(&mut self, name: Symbol, span: Span) -> Expr {
        let found = scope::find(&mut self.bodies, name, span);
        let global = self.global(name, span);
        let is_loop = found.first().is_some_and(|found| found.kind() == BindingKind::Loop);
        if !self.in_schema() || is_loop {
            return scope::read(&found, global, span);
        }
        let hidden = if self.body().kind == BodyKind::Schema {
            found.iter().rposition(|found| found.kind() == BindingKind::SchemaKey).map_or(0, |last| last + 1)
        } else {
            found.iter().position(|found| found.is_captured_key()).unwrap_or(found.len())
        };
        let (hiding, hidden) = found.split_at(hidden);
        let outside = scope::read(hidden, global, span);
        let attr = self.attr_read(name, outside, span);
        scope::read(hiding, attr, span)
    }

    fn attr_read(&mut self, name: Symbol, outside: Expr, span: Span) -> Expr {
        let schema = self.bodies.iter_mut().rev().find(|body| body.kind == BodyKind::Schema);
        match schema {
            Some(body) => Expr { kind: ExprKind::Attr(body.attr(name), Box::new(outside)), span },
            None => outside,
        }
    }

    fn member(&mut self, member: &ast::Member, span: Span) -> Expr {
        if let Ast::Name(name) = &member.value.kind
            && let Some(target) = self.import(*name)
        {
            return self.import_member(target, member.name.name, span);
        }
        let value = self.expr(&member.value);
        let kind = ExprKind::Member(Box::new(value), Key::from(member.name.name), member.optional);
        Expr { kind, span }
    }

    fn import_member(&self, target: ImportTarget, name: Symbol, span: Span) -> Expr {
        match target {
            ImportTarget::Package(package) => self.foreign(package, name, span),
            ImportTarget::System(module) => self.system(module, name, span),
            ImportTarget::Plugin | ImportTarget::Missing => {
                Expr { kind: ExprKind::Const(Const::Undefined), span }
            }
        }
    }

    /// A dotted name, as schema expressions have it.
    pub(super) fn path(&mut self, path: &ast::Path, span: Span) -> Expr {
        let (value, rest) = match &**path {
            [first, second, rest @ ..] if self.import(first.name).is_some() => {
                let target = self.import(first.name).unwrap_or(ImportTarget::Missing);
                (self.import_member(target, second.name, span), rest)
            }
            [first, rest @ ..] => (self.name(first.name, span), rest),
            [] => (Expr { kind: ExprKind::Const(Const::Undefined), span }, &[] as &[ast::Ident]),
        };
        rest.iter().fold(value, |value, name| Expr {
            kind: ExprKind::Member(Box::new(value), Key::from(name.name), false),
            span,
        })
    }

    fn slice(&mut self, slice: &ast::Slice) -> SliceCode {
        let value = self.expr(&slice.value);
        let bounds = [&slice.lower, &slice.upper, &slice.step];
        let bounds = bounds.map(|bound| bound.as_ref().map(|bound| self.expr(bound)));
        SliceCode { value, optional: slice.optional, bounds }
    }

    pub(super) fn args(&mut self, args: &ast::Args) -> ArgsCode {
        let positional = args.positional.iter().map(|arg| self.expr(arg)).collect();
        let named = args.keywords.iter().map(|(name, arg)| (Key::from(name.name), self.expr(arg))).collect();
        ArgsCode { positional, named }
    }

    /// Constant arguments of something that may not be there to be called.
    fn args_of_called(&mut self, args: ArgsCode) -> ArgsCode {
        let ArgsCode { positional, named } = args;
        ArgsCode {
            positional: positional.into_iter().map(|arg| self.arm(arg)).collect(),
            named: named.into_iter().map(|(name, arg)| (name, self.arm(arg))).collect(),
        }
    }

    fn part(&mut self, part: &ast::TemplatePart) -> PartCode {
        match part {
            ast::TemplatePart::Text(text) => PartCode::Text(text.clone()),
            ast::TemplatePart::Value { value, format } => PartCode::Value(self.expr(value), *format),
        }
    }

    fn items(&mut self, items: &[ast::ListItem]) -> Vec<Item> {
        items.iter().map(|item| self.item(item)).collect()
    }

    fn item(&mut self, item: &ast::ListItem) -> Item {
        match item {
            ast::ListItem::Value(value) => Item::Value(self.expr(value)),
            ast::ListItem::Unpack(value) => Item::Unpack(self.expr(value)),
            ast::ListItem::If(branch) => {
                let test = self.expr(&branch.test);
                let items = self.items(&branch.items);
                Item::If(test, self.next_arms(), [items, self.items(&branch.otherwise)])
            }
        }
    }

    fn list_comp(&mut self, comp: &ast::ListComp) -> ExprKind {
        let clauses = self.clauses(&comp.clauses);
        let value = self.expr(&comp.value);
        self.leave_clauses(&clauses);
        ExprKind::ListComp(Box::new((self.arm(value), clauses)))
    }

    fn dict_comp(&mut self, comp: &ast::DictComp) -> ExprKind {
        let clauses = self.clauses(&comp.clauses);
        let entry = self.comp_entry(&comp.entry);
        self.leave_clauses(&clauses);
        ExprKind::DictComp(Box::new((entry, clauses)))
    }

    /// Lowers loops; their variables stay visible until [`Self::leave_clauses`].
    fn clauses(&mut self, clauses: &[ast::CompClause]) -> Vec<Clause> {
        clauses.iter().map(|clause| self.clause(clause)).collect()
    }

    fn clause(&mut self, clause: &ast::CompClause) -> Clause {
        let iter = self.expr(&clause.iter);
        self.body().enter();
        let targets = self.loop_vars(&clause.targets);
        let conditions = clause.conditions.iter().map(|condition| self.expr(condition)).collect();
        Clause { targets, iter, conditions }
    }

    fn leave_clauses(&mut self, clauses: &[Clause]) {
        for _ in clauses {
            self.body().leave();
        }
    }

    fn loop_vars(&mut self, targets: &[ast::Ident]) -> Vec<u32> {
        targets.iter().map(|target| self.body().bind(target.name, BindingKind::Loop)).collect()
    }

    fn quantifier(&mut self, quantifier: &ast::Quantifier) -> QuantifierCode {
        let iter = self.expr(&quantifier.iter);
        self.body().enter();
        let targets = self.loop_vars(&quantifier.targets);
        let test = self.expr(&quantifier.test);
        let test = self.arm(test);
        let guard = quantifier.guard.as_ref().map(|guard| self.expr(guard));
        self.body().leave();
        QuantifierCode { op: quantifier.op, targets, iter, test, guard }
    }

    pub(super) fn lambda(&mut self, lambda: &ast::Lambda, assigned_to: Option<Symbol>, span: Span) -> Expr {
        let mut body = Body::new(BodyKind::Lambda);
        body.assigned_to = assigned_to.map(|name| (name, None));
        self.bodies.push(body);
        let params = self.params(&lambda.params);
        let returns = lambda.returns.as_ref().map(|ty| self.ty(ty));
        let stmts = self.lambda_stmts(&lambda.body);
        let schema = if self.in_schema() { self.schema } else { None };
        let Some(body) = self.bodies.pop() else {
            return Expr { kind: ExprKind::Const(Const::Undefined), span };
        };
        let code = LambdaCode {
            number: self.next_lambda(),
            params,
            returns,
            body: stmts,
            locals: body.locals,
            captures: body.captures,
            itself: body.assigned_to.and_then(|(_, itself)| itself),
            package: self.package.id,
            file: self.file as u32,
            schema,
        };
        Expr { kind: ExprKind::Lambda(Box::new(code)), span }
    }
}

/// Whether a name fits, of those that evaluating an expression reads; lambdas inside read theirs only when called.
pub(super) fn any_name(expr: &ast::Expr, fits: &mut dyn FnMut(Symbol) -> bool) -> bool {
    let mut any = |expr: &ast::Expr| any_name(expr, fits);
    match &expr.kind {
        Ast::Missing
        | Ast::None
        | Ast::Undefined
        | Ast::Bool(_)
        | Ast::Int(_)
        | Ast::Float(_)
        | Ast::Unit(_)
        | Ast::Str(_)
        | Ast::Lambda(_) => false,
        Ast::Name(name) => fits(*name),
        Ast::Template(parts) => parts.iter().any(|part| match part {
            ast::TemplatePart::Text(_) => false,
            ast::TemplatePart::Value { value, .. } => any(value),
        }),
        Ast::Member(it) => any(&it.value),
        Ast::Index(it) => any(&it.value) || any(&it.index),
        Ast::Slice(it) => any(&it.value) || [&it.lower, &it.upper, &it.step].into_iter().flatten().any(any),
        Ast::Call(it) => any(&it.callee) || any_arg(&it.args, &mut any),
        Ast::Paren(inner) | Ast::Unary(_, inner) => any(inner),
        Ast::Binary(it) => any(&it.left) || any(&it.right),
        Ast::Compare(it) => any(&it.first) || it.rest.iter().any(|(_, operand)| any(operand)),
        Ast::As(it) => any(&it.value),
        Ast::IfElse(it) => any(&it.then) || any(&it.test) || any(&it.otherwise),
        Ast::List(items) => items.iter().any(|item| any_in_item(item, &mut any)),
        Ast::ListComp(it) => {
            any(&it.value) || it.clauses.iter().any(|clause| any_in_clause(clause, &mut any))
        }
        Ast::DictComp(it) => {
            any(&it.entry.value) || it.clauses.iter().any(|clause| any_in_clause(clause, &mut any))
        }
        Ast::Config(config) => config.items.iter().any(|item| any_in_config_item(item, &mut any)),
        Ast::Schema(it) => {
            it.args.as_ref().is_some_and(|args| any_arg(args, &mut any))
                || it.config.items.iter().any(|item| any_in_config_item(item, &mut any))
                || it.name.first().is_some_and(|name| fits(name.name))
        }
        Ast::Quantifier(it) => any(&it.iter) || any(&it.test) || it.guard.as_ref().is_some_and(any),
    }
}

fn any_arg(args: &ast::Args, any: &mut dyn FnMut(&ast::Expr) -> bool) -> bool {
    args.positional.iter().chain(args.keywords.iter().map(|(_, value)| value)).any(any)
}

fn any_in_item(item: &ast::ListItem, any: &mut dyn FnMut(&ast::Expr) -> bool) -> bool {
    match item {
        ast::ListItem::Value(value) | ast::ListItem::Unpack(value) => any(value),
        ast::ListItem::If(it) => {
            any(&it.test) || it.items.iter().chain(&it.otherwise).any(|item| any_in_item(item, any))
        }
    }
}

fn any_in_clause(clause: &ast::CompClause, any: &mut dyn FnMut(&ast::Expr) -> bool) -> bool {
    any(&clause.iter) || clause.conditions.iter().any(any)
}

fn any_in_config_item(item: &ast::ConfigItem, any: &mut dyn FnMut(&ast::Expr) -> bool) -> bool {
    match item {
        ast::ConfigItem::Entry(entry) => {
            any(&entry.value) || matches!(&entry.key, ast::Key::Expr(key) if any(key))
        }
        ast::ConfigItem::Unpack(value) => any(value),
        ast::ConfigItem::If(it) => {
            any(&it.test) || it.items.iter().chain(&it.otherwise).any(|item| any_in_config_item(item, any))
        }
    }
}
