//! Calls: callees and arguments.

use std::fmt;
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
                self.arguments(Callee::Expr(&call.callee), span, &call.args, signature.as_deref());
                Type::Any
            }
            Type::Function(function) => {
                self.arguments(Callee::Expr(&call.callee), span, &call.args, Some(&function));
                function.result.clone()
            }
            Type::Schema(id, false) => {
                let params = self.table.schema(id).map(|schema| Arc::clone(&schema.params));
                self.arguments(Callee::Expr(&call.callee), span, &call.args, params.as_deref());
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
        let hidden = self.locals.get(*name).is_some();
        if hidden { None } else { self.lambdas.get(name).cloned() }
    }

    /// Holds arguments against parameters; without parameters, anything goes.
    pub(super) fn arguments(
        &mut self,
        callee: Callee<'_>,
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
                self.too_many(callee, params.len(), args.positional.len(), arg.span);
                break;
            }
        }
        let named = self.keywords(callee, args, function);
        if !variadic {
            let required = params.iter().filter(|param| !param.has_default);
            let given = required.clone().filter(|param| named.contains(&param.name)).count();
            self.check_count(callee, required.count(), given + args.positional.len(), span);
        }
    }

    fn too_many(&mut self, callee: Callee<'_>, takes: usize, given: usize, span: Span) {
        let message = format!("{callee} takes {}, but {given} are given", counted(takes));
        self.report(Code::Compile, span, message);
    }

    fn check_count(&mut self, callee: Callee<'_>, wanted: usize, given: usize, span: Span) {
        if given < wanted {
            let message = format!("{callee} needs {}, but {given} given", counted(wanted));
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
        callee: Callee<'_>,
        args: &ast::Args,
        function: Option<&FunctionType>,
    ) -> FxHashSet<Symbol> {
        let mut seen = FxHashSet::default();
        for (key, value) in &args.keywords {
            if !seen.insert(key.name) {
                let span = key.span.to(value.span);
                self.report(Code::Compile, span, format!("{callee} gets the argument `{}` twice", key.name));
            }
            let Some(function) = function else { continue };
            match function.params.iter().find(|param| param.name == key.name) {
                Some(param) => _ = self.expr_for(&param.ty, value, value.span, param.place),
                None if function.variadic => {}
                None => self.unknown_keyword(callee, key, function),
            }
        }
        seen
    }

    fn unknown_keyword(&mut self, callee: Callee<'_>, key: &ast::Ident, function: &FunctionType) {
        let message = format!("{callee} has no parameter `{}`", key.name);
        let problem = self.problem(Code::Compile, key.span, message);
        let near = nearest(key.name.as_str(), function.params.iter().map(|param| param.name.as_str()));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        self.problems.push(hint.into_iter().fold(problem, Diagnostic::hint));
    }
}

/// What gets arguments, for messages.
#[derive(Clone, Copy)]
pub(super) enum Callee<'e> {
    Path(&'e ast::Path),
    Expr(&'e ast::Expr),
}

impl fmt::Display for Callee<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "`{}`", Checker::path_text(path)),
            Self::Expr(callee) => match &callee.kind {
                ExprKind::Name(name) => write!(f, "`{name}`"),
                ExprKind::Member(member) => write!(f, "`{}`", member.name.name),
                ExprKind::Paren(inner) => Callee::Expr(inner).fmt(f),
                _ => f.write_str("the function"),
            },
        }
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}
