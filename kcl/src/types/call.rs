//! Calls: callees and arguments.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use syntax::ast::{self, ExprKind};
use syntax::{Code, Diagnostic, Span, Symbol};

use super::checker::Checker;
use super::ty::{FunctionType, Type};
use crate::resolve::nearest::nearest;

impl Checker<'_> {
    pub(super) fn call_expr(&mut self, call: &ast::Call) -> Type {
        let span = call.callee.span;
        match self.expr(&call.callee) {
            Type::Any => {
                let signature = self.later_lambda(&call.callee);
                self.arguments(&callee_name(&call.callee), span, &call.args, signature.as_deref());
                Type::Any
            }
            Type::Function(function) => {
                self.arguments(&callee_name(&call.callee), span, &call.args, Some(&function));
                function.result.clone()
            }
            Type::Schema(id, false) => {
                let params = self.table.schema(id).map(|schema| Arc::clone(&schema.params));
                self.arguments(&callee_name(&call.callee), span, &call.args, params.as_deref());
                Type::Schema(id, true)
            }
            other => {
                let message = format!("a value of the type `{}` cannot be called", self.table.show(&other));
                self.report(Code::Compile, span, message);
                Type::Any
            }
        }
    }

    /// The signature of a global lambda that is declared after the call.
    fn later_lambda(&self, callee: &ast::Expr) -> Option<Arc<FunctionType>> {
        let ExprKind::Name(name) = &callee.kind else { return None };
        let hidden = self.locals.iter().any(|local| local.name == *name);
        if hidden { None } else { self.lambdas.get(name).cloned() }
    }

    /// Holds arguments against parameters; without parameters, anything goes.
    pub(super) fn arguments(
        &mut self,
        name: &str,
        span: Span,
        args: &ast::Args,
        function: Option<&FunctionType>,
    ) {
        let params = function.map_or(&[][..], |function| &function.params);
        let variadic = function.is_none_or(|function| function.variadic);
        for (at, arg) in args.positional.iter().enumerate() {
            if let Some(param) = params.get(at) {
                self.expr_for(&param.ty, arg, arg.span, param.place);
                continue;
            }
            self.expr(arg);
            if !variadic {
                self.too_many(name, params.len(), args.positional.len(), arg.span);
                break;
            }
        }
        let named = self.keywords(name, args, function);
        if !variadic {
            let required = params.iter().filter(|param| !param.has_default);
            let given = required.clone().filter(|param| named.contains(&param.name)).count();
            self.check_count(name, required.count(), given + args.positional.len(), span);
        }
    }

    fn too_many(&mut self, name: &str, takes: usize, given: usize, span: Span) {
        let message = format!("{name} takes {}, but {given} are given", counted(takes));
        self.report(Code::Compile, span, message);
    }

    fn check_count(&mut self, name: &str, wanted: usize, given: usize, span: Span) {
        if given < wanted {
            let message = format!("{name} needs {}, but {given} given", counted(wanted));
            let message = if given == 1 {
                message.replace("1 given", "1 is given")
            } else {
                message.replace(" given", " are given")
            };
            self.report(Code::Compile, span, message);
        }
    }

    fn keywords(
        &mut self,
        name: &str,
        args: &ast::Args,
        function: Option<&FunctionType>,
    ) -> FxHashSet<Symbol> {
        let mut seen = FxHashSet::default();
        for (key, value) in &args.keywords {
            if !seen.insert(key.name) {
                let span = key.span.to(value.span);
                self.report(Code::Compile, span, format!("{name} gets the argument `{}` twice", key.name));
            }
            let Some(function) = function else { continue };
            match function.params.iter().find(|param| param.name == key.name) {
                Some(param) => _ = self.expr_for(&param.ty, value, value.span, param.place),
                None if function.variadic => {}
                None => self.unknown_keyword(name, key, function),
            }
        }
        seen
    }

    fn unknown_keyword(&mut self, name: &str, key: &ast::Ident, function: &FunctionType) {
        let message = format!("{name} has no parameter `{}`", key.name);
        let problem = self.problem(Code::Compile, key.span, message);
        let near = nearest(key.name.as_str(), function.params.iter().map(|param| param.name.as_str()));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        self.problems.push(hint.into_iter().fold(problem, Diagnostic::hint));
    }
}

fn callee_name(callee: &ast::Expr) -> String {
    match &callee.kind {
        ExprKind::Name(name) => format!("`{name}`"),
        ExprKind::Member(member) => format!("`{}`", member.name.name),
        ExprKind::Paren(inner) => callee_name(inner),
        _ => "the function".to_owned(),
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}
