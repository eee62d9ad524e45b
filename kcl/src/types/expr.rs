//! Expressions.

use std::sync::Arc;

use syntax::ast::{self, ExprKind, ListItem, QuantifierOp, StmtKind, TemplatePart};
use syntax::{Code, Span, Symbol};

use super::checker::Checker;
use super::ty::{FunctionType, Place, Type};

/// Lists with more items than this, all of them of one schema, are not checked for required attributes and arguments.
const LONG_LIST: usize = 10;

impl Checker<'_> {
    /// The type of an expression.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Type {
        if matches!(expr.kind, ExprKind::Name(_)) {
            self.at = expr.span;
        }
        self.expr_here(expr)
    }

    /// The same, where problems with a name alone are blamed on what came before it.
    pub(super) fn expr_here(&mut self, expr: &ast::Expr) -> Type {
        match &expr.kind {
            ExprKind::Missing => Type::Any,
            ExprKind::None | ExprKind::Undefined => Type::None,
            ExprKind::Bool(value) => Type::BoolLit(*value),
            ExprKind::Int(value) => Type::IntLit(*value),
            ExprKind::Float(value) => Type::FloatLit(*value),
            ExprKind::Unit(unit) => Type::UnitLit(unit.raw, unit.suffix),
            ExprKind::Str(text) => Type::text(text),
            ExprKind::Template(parts) => self.template(parts),
            ExprKind::Name(name) => self.name(*name, self.at),
            ExprKind::Member(member) => self.member_expr(expr, member),
            ExprKind::Index(index) => self.index_expr(index),
            ExprKind::Slice(slice) => self.slice_expr(slice),
            ExprKind::Call(call) => self.call_expr(call),
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Unary(op, operand) => self.unary_expr(*op, operand),
            ExprKind::Binary(binary) => self.binary_expr(binary),
            ExprKind::Compare(compare) => self.compare_expr(compare),
            ExprKind::As(cast) => self.as_expr(cast),
            ExprKind::IfElse(choice) => self.if_else(choice),
            ExprKind::List(items) => self.list_expr(items),
            ExprKind::ListComp(comp) => self.list_comp(comp),
            ExprKind::Config(config) => self.config_expr(config),
            ExprKind::DictComp(comp) => self.dict_comp(comp),
            ExprKind::Schema(schema) => self.schema_expr(schema, None),
            ExprKind::Lambda(lambda) => self.lambda(lambda),
            ExprKind::Quantifier(quantifier) => self.quantifier(quantifier),
        }
    }

    pub(super) fn optional_expr(&mut self, expr: Option<&ast::Expr>) -> Type {
        expr.map_or(Type::Any, |expr| self.expr_here(expr))
    }

    /// The expression has to be of a type.
    pub(super) fn must_be(&mut self, expr: &ast::Expr, expected: &Type) {
        let ty = self.expr(expr);
        self.must_fit(&ty, expected, expr.span, None);
    }

    /// A value that goes where a type is expected: configs in it are checked against that type.
    pub(super) fn expr_for(
        &mut self,
        expected: &Type,
        expr: &ast::Expr,
        span: Span,
        place: Option<Place>,
    ) -> Type {
        let ty = self.expr_within(expected, expr, place);
        self.must_fit(&ty, expected, span, place);
        ty
    }

    fn expr_within(&mut self, expected: &Type, expr: &ast::Expr, place: Option<Place>) -> Type {
        let directs = matches!(expected, Type::Schema(..) | Type::List(_) | Type::Dict(_) | Type::Union(_));
        self.expect(directs.then_some(expected), place);
        let ty = self.expr(expr);
        self.expected.pop();
        ty
    }

    fn template(&mut self, parts: &[TemplatePart]) -> Type {
        self.storing = false;
        for part in parts {
            if let TemplatePart::Value { value, .. } = part {
                self.expr(value);
            }
        }
        Type::Str
    }

    fn if_else(&mut self, choice: &ast::IfElse) -> Type {
        self.expr(&choice.test);
        let then = self.expr(&choice.then);
        let otherwise = self.expr(&choice.otherwise);
        self.table.join([&then, &otherwise])
    }

    fn list_expr(&mut self, items: &[ListItem]) -> Type {
        self.expect_element();
        let item = match self.uniform(items) {
            Some(schema) => self.uniform_list(&schema, items),
            None => self.list_items(items),
        };
        self.expected.pop();
        Type::list(item)
    }

    fn list_items(&mut self, items: &[ListItem]) -> Type {
        let types: Vec<Type> = items.iter().map(|item| self.list_item(item)).collect();
        self.table.join(&types)
    }

    /// The schema of all items, where a list is long and they are of one.
    fn uniform(&mut self, items: &[ListItem]) -> Option<Type> {
        if items.len() <= LONG_LIST {
            return None;
        }
        let mut schema: Option<Type> = None;
        for item in items {
            let ListItem::Value(ast::Expr { kind: ExprKind::Schema(expr), .. }) = item else { return None };
            let ty = self.path(&expr.name, expr.name_span);
            let Type::Schema(id, _) = ty else { return None };
            if schema.as_ref().is_some_and(|first| !matches!(first, Type::Schema(first, _) if *first == id)) {
                return None;
            }
            schema.get_or_insert(ty);
        }
        schema
    }

    fn uniform_list(&mut self, schema: &Type, items: &[ListItem]) -> Type {
        for item in items {
            if let ListItem::Value(ast::Expr { kind: ExprKind::Schema(expr), .. }) = item {
                self.expect(Some(schema), None);
                self.config_expr(&expr.config);
                self.expected.pop();
            }
        }
        Type::Any
    }

    fn list_item(&mut self, item: &ListItem) -> Type {
        match item {
            ListItem::Value(value) => self.expr(value),
            ListItem::Unpack(value) => self.unpacked(value),
            ListItem::If(choice) => self.list_if(choice),
        }
    }

    fn list_if(&mut self, choice: &ast::ListIf) -> Type {
        self.expr(&choice.test);
        let otherwise = match &*choice.otherwise {
            [] => Type::Any,
            [one @ ListItem::If(_)] => self.list_item(one),
            items => {
                self.expect_element();
                let ty = self.list_items(items);
                self.expected.pop();
                ty
            }
        };
        let types: Vec<Type> = choice.items.iter().map(|item| self.list_item(item)).collect();
        let items = self.table.join(&types);
        self.table.join([&otherwise, &items])
    }

    /// `*value`
    fn unpacked(&mut self, value: &ast::Expr) -> Type {
        let ty = self.expr(value);
        let members: &[Type] = match &ty {
            Type::Union(members) => members,
            other => std::slice::from_ref(other),
        };
        let mut items = Vec::with_capacity(members.len());
        for member in members {
            match member {
                Type::None | Type::Any => items.push(member.clone()),
                Type::List(item) => items.push(Type::clone(item)),
                Type::Dict(dict) => items.push(dict.key.clone()),
                Type::Schema(..) => items.push(Type::Str),
                other => {
                    let message =
                        format!("`*` unpacks lists, dicts and schemas, not `{}`", self.table.show(other));
                    self.report(Code::Compile, value.span, message);
                    return Type::Any;
                }
            }
        }
        self.table.join(&items)
    }

    fn list_comp(&mut self, comp: &ast::ListComp) -> Type {
        self.expect_element();
        self.enter();
        self.clauses(&comp.clauses);
        let item = self.expr(&comp.value);
        self.leave();
        self.expected.pop();
        Type::list(item)
    }

    fn dict_comp(&mut self, comp: &ast::DictComp) -> Type {
        self.enter();
        self.clauses(&comp.clauses);
        let key = self.key_expr(&comp.entry);
        self.check_key_type(&key, comp.entry.key_span);
        let depth = self.expect_key(&comp.entry.key);
        let value = self.expr(&comp.entry.value);
        self.expected.truncate(depth);
        self.leave();
        Type::dict(key, value)
    }

    fn clauses(&mut self, clauses: &[ast::CompClause]) {
        for clause in clauses {
            let iter = self.expr(&clause.iter);
            self.loop_variables(&clause.targets);
            self.bind_loop(&clause.targets, &iter, clause.iter.span);
            for condition in &clause.conditions {
                self.expr(condition);
            }
        }
    }

    fn loop_variables(&mut self, targets: &[ast::Ident]) {
        for target in targets.iter().take(2) {
            self.loop_names.push(target.name);
            self.declare(target.name, Type::Any, target.span);
        }
        if let Some(third) = targets.get(2) {
            let message = format!("a loop has one or two variables, not {}", targets.len());
            self.report(Code::Compile, third.span, message);
        }
    }

    /// Gives the variables of a loop the types of what it walks.
    fn bind_loop(&mut self, targets: &[ast::Ident], iter: &Type, span: Span) {
        let members: &[Type] = match iter {
            Type::Union(members) => members,
            other => std::slice::from_ref(other),
        };
        let pair = targets.len() > 1;
        let (mut first, mut second) = (Type::Void, Type::Void);
        for member in members {
            if !member.is_iterable() && !member.is_any() {
                let message = format!("a value of the type `{}` cannot be walked", self.table.show(member));
                self.report(Code::Compile, span, message);
            }
            let Some((key, value)) = self.walked_types(member) else { continue };
            let indexed = matches!(member, Type::List(_) | Type::Str | Type::StrLit(_));
            let one = if indexed && !pair { &value } else { &key };
            first = self.table.join([one, &first]);
            second = self.table.join([&value, &second]);
            self.bind(targets, &first, &second);
        }
    }

    fn bind(&mut self, targets: &[ast::Ident], first: &Type, second: &Type) {
        for (target, ty) in targets.iter().zip([first, second]) {
            self.learn(target.name, ty);
        }
    }

    fn walked_types(&self, iter: &Type) -> Option<(Type, Type)> {
        Some(match iter {
            Type::List(item) => (Type::Int, Type::clone(item)),
            Type::Dict(dict) => (dict.key.clone(), dict.value.clone()),
            Type::Schema(id, _) => {
                let index = self.table.schema(*id).and_then(|schema| schema.index.as_ref());
                (Type::Str, index.map_or(Type::Any, |index| index.value.clone()))
            }
            Type::Str | Type::StrLit(_) => (Type::Int, Type::Str),
            _ => return None,
        })
    }

    fn quantifier(&mut self, quantifier: &ast::Quantifier) -> Type {
        let iter = self.expr(&quantifier.iter);
        self.enter();
        self.loop_variables(&quantifier.targets);
        self.bind_loop(&quantifier.targets, &iter, quantifier.iter.span);
        self.optional_expr(quantifier.guard.as_ref());
        let item = self.expr(&quantifier.test);
        self.leave();
        match quantifier.op {
            QuantifierOp::All | QuantifierOp::Any => Type::Bool,
            QuantifierOp::Filter => iter,
            QuantifierOp::Map => Type::list(item),
        }
    }

    fn lambda(&mut self, lambda: &ast::Lambda) -> Type {
        self.check_param_order(&lambda.params);
        let signature = self.lambda_params(lambda);
        for param in &lambda.params {
            self.optional_expr(param.default.as_ref());
        }
        let start = self.at;
        let declared = lambda.returns.as_ref().map(|ty| self.annotation(ty));
        self.enter();
        for param in &signature {
            self.declare(param.name, param.ty.clone(), start);
        }
        let result = self.lambda_body(lambda, declared.as_ref().unwrap_or(&Type::Any), start);
        self.leave();
        let result = declared.unwrap_or(result);
        Type::Function(Arc::new(FunctionType { params: signature, result, variadic: false }))
    }

    /// Schemas as parameters are instances.
    pub(super) fn lambda_params(&mut self, lambda: &ast::Lambda) -> Vec<super::ty::Param> {
        let mut params = self.params(&lambda.params);
        for param in &mut params {
            if let Type::Schema(_, instance) = &mut param.ty {
                *instance = true;
            }
        }
        params
    }

    fn lambda_body(&mut self, lambda: &ast::Lambda, expected: &Type, start: Span) -> Type {
        let Some((last, before)) = lambda.body.split_last() else { return Type::Any };
        if !matches!(
            last.kind,
            StmtKind::Expr(_) | StmtKind::Assign(_) | StmtKind::AugAssign(_) | StmtKind::Assert(_)
        ) {
            self.report(Code::Compile, last.span, "the last statement of a lambda has to give its result");
        }
        self.stmts(before);
        if let StmtKind::Expr(expr) = &last.kind {
            return self.expr_for(expected, expr, expr.span, None);
        }
        let ty = self.stmt(last);
        self.must_fit(&ty, expected, start, None);
        ty
    }

    pub(super) fn key_expr(&mut self, entry: &ast::Entry) -> Type {
        match &entry.key {
            ast::Key::Path(path) => self.key_path(path, entry.key_span),
            ast::Key::Str(name) => Type::key(*name),
            ast::Key::Index(path, _) => {
                let value = self.key_path(path, entry.key_span);
                self.indexed_key(&value, entry.key_span)
            }
            ast::Key::Expr(key) => self.expr(key),
        }
    }

    fn key_path(&mut self, path: &[ast::Ident], span: Span) -> Type {
        self.at = span;
        self.path(path, span)
    }

    fn indexed_key(&mut self, value: &Type, _span: Span) -> Type {
        match value {
            Type::List(item) => Type::clone(item),
            Type::Str | Type::StrLit(_) => Type::Str,
            _ => Type::Any,
        }
    }

    /// The name of a schema expression, for messages.
    pub(super) fn path_text(path: &[ast::Ident]) -> String {
        let names: Vec<&str> = path.iter().map(|part| Symbol::as_str(part.name)).collect();
        names.join(".")
    }
}
