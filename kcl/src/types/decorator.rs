//! Decorators of schemas and attributes.

use syntax::ast;
use syntax::{Code, Diagnostic};

use super::call::Callee;
use super::checker::Checker;
use super::signature;
use super::ty::Type;
use crate::resolve::nearest::nearest;

/// The decorators that there are, with what they take.
const DECORATORS: [(&str, &str); 2] =
    [("deprecated", "(version?: str, reason?: str, strict?: bool) -> any"), ("info", "(*args) -> any")];

impl Checker<'_> {
    pub(super) fn decorators(&mut self, decorators: &[ast::Decorator]) {
        for decorator in decorators {
            self.decorator(decorator);
        }
    }

    fn decorator(&mut self, decorator: &ast::Decorator) {
        let name = Self::path_text(&decorator.name);
        let found = DECORATORS.iter().find(|(known, _)| *known == name);
        let Some((_, signature)) = found else {
            let problem =
                self.problem(Code::Compile, decorator.span, format!("there is no decorator `{name}`"));
            let known = DECORATORS.iter().map(|(name, _)| *name);
            let hint = match nearest(&name, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "decorators are `deprecated` and `info`".to_owned(),
            };
            self.problems.push(Diagnostic::hint(problem, hint));
            return;
        };
        if let Type::Function(function) = signature::parse(signature) {
            self.arguments(Callee::Path(&decorator.name), decorator.span, &decorator.args, Some(&function));
        }
    }
}
