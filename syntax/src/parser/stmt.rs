//! Statements, apart from the declarations of schemas and rules.

use std::sync::Arc;

use super::Parser;
use super::config::dotted;
use crate::ast::{
    Access, Assert, Assign, Attr, AugAssign, BinaryOp, Decorator, Expr, ExprKind, File, Ident, If, Import,
    Param, Stmt, StmtKind, Target, Type, TypeAlias, Unify,
};
use crate::diag::{Label, Place};
use crate::source::Span;
use crate::symbol::Symbol;
use crate::token::Kind;

impl Parser<'_> {
    pub(super) fn file(&mut self) -> File {
        let mut body = Vec::new();
        // A long string as the very first token is documentation; after a comment or an empty line it is a value.
        self.eat(Kind::LongStr);
        self.skip_newlines();
        let home = self.token.start;
        while !self.at(Kind::Eof) {
            body.push(self.stmt());
            if self.panicking {
                while !self.recover(home) && !self.at(Kind::Eof) {
                    self.bump();
                }
            }
            self.skip_newlines();
        }
        File { body }
    }

    /// The statements of an indented block, at its first token; ends before its dedent.
    fn stmts(&mut self) -> Vec<Stmt> {
        let mut body = Vec::new();
        let home = self.token.start;
        loop {
            self.skip_newlines();
            if matches!(self.token.kind, Kind::Dedent | Kind::Eof) {
                return body;
            }
            body.push(self.stmt());
            if self.panicking && !self.recover(home) {
                return body;
            }
        }
    }

    /// An indented block, or one statement in the same line.
    fn block(&mut self) -> Vec<Stmt> {
        if !self.at(Kind::Newline) {
            return vec![self.stmt()];
        }
        self.skip_newlines();
        self.expect(Kind::Indent, "an indented block");
        if self.panicking {
            return Vec::new();
        }
        let body = self.stmts();
        self.expect(Kind::Dedent, "the end of the block");
        body
    }

    pub(super) fn lambda_body(&mut self) -> Vec<Stmt> {
        let mut body = Vec::new();
        while !matches!(self.token.kind, Kind::CloseBrace | Kind::Eof) && !self.panicking {
            body.push(self.stmt());
            self.skip_layout();
        }
        body
    }

    pub(super) fn stmt(&mut self) -> Stmt {
        let start = self.token.start;
        let kind = self.deeper(Self::stmt_kind);
        Stmt { kind, span: self.span_from(start) }
    }

    fn stmt_kind(&mut self) -> StmtKind {
        match self.token.kind {
            Kind::Import => self.import(),
            Kind::If => self.if_stmt(),
            Kind::Assert => {
                self.bump();
                let assert = self.assert(Self::expr);
                StmtKind::Assert(Box::new(assert))
            }
            Kind::Type => self.type_alias(),
            Kind::Schema | Kind::Mixin | Kind::Protocol | Kind::Rule => self.declaration(Vec::new()),
            Kind::At => self.decorated(),
            kind if kind.is_layout() || kind.is_closer() || matches!(kind, Kind::Plus | Kind::Minus) => {
                self.expected("a statement");
                StmtKind::Expr(Box::new(self.missing()))
            }
            _ => self.simple_stmt(),
        }
    }

    /// What follows decorators. Before anything but a declaration they say nothing.
    fn decorated(&mut self) -> StmtKind {
        let decorators = self.decorators();
        match self.token.kind {
            Kind::Schema | Kind::Mixin | Kind::Protocol | Kind::Rule => self.declaration(decorators),
            _ if self.panicking => StmtKind::Expr(Box::new(self.missing())),
            _ => self.stmt_kind(),
        }
    }

    /// `@info(a=1)`, one or more, each in a line of its own
    pub(super) fn decorators(&mut self) -> Vec<Decorator> {
        let mut decorators = Vec::new();
        while self.at(Kind::At) && !self.panicking {
            let start = self.token.start;
            self.bump();
            let name = self.path();
            let args = if self.at(Kind::OpenParen) { self.args() } else { Default::default() };
            decorators.push(Decorator { name, args, span: self.span_from(start) });
            self.skip_newlines();
        }
        decorators
    }

    /// `import ..a.b as c`
    fn import(&mut self) -> StmtKind {
        self.bump();
        let mut dots = 0;
        while matches!(self.token.kind, Kind::Dot | Kind::Ellipsis) {
            dots += self.token.end - self.token.start;
            self.bump();
        }
        let path = self.path();
        let alias = self.eat(Kind::As).then(|| self.ident());
        StmtKind::Import(Box::new(Import { dots, path, alias }))
    }

    /// `if a: … elif b: … else: …`
    fn if_stmt(&mut self) -> StmtKind {
        let mut arms = Vec::new();
        loop {
            let start = self.token.start;
            self.bump();
            let test = self.expr();
            self.expect(Kind::Colon, "`:`");
            let body = self.block();
            arms.push((start, test, body, self.last_end));
            if self.panicking {
                break;
            }
            self.skip_newlines();
            if !self.at(Kind::Elif) {
                break;
            }
            self.grow();
        }
        let mut otherwise = Vec::new();
        if !self.panicking && self.eat(Kind::Else) {
            self.expect(Kind::Colon, "`:`");
            otherwise = self.block();
        }
        for (start, test, body, end) in arms.into_iter().rev() {
            let kind = StmtKind::If(Box::new(If { test, body, otherwise }));
            otherwise = vec![Stmt { kind, span: Span::new(start, end.max(start)) }];
        }
        match otherwise.pop() {
            Some(first) => first.kind,
            None => StmtKind::Expr(Box::new(self.missing())),
        }
    }

    /// `a if b, "c"`; `message` reads what follows the comma.
    pub(super) fn assert(&mut self, message: fn(&mut Self) -> Expr) -> Assert {
        let start = self.token.start;
        let test = self.simple_expr();
        let guard = self.eat(Kind::If).then(|| self.expr());
        let message = self.eat(Kind::Comma).then(|| message(self));
        Assert { test, guard, message, span: self.span_from(start) }
    }

    /// `type N = int | str`
    fn type_alias(&mut self) -> StmtKind {
        self.bump();
        let name = self.ident();
        self.expect(Kind::Assign, "`=`");
        let ty = self.ty();
        StmtKind::TypeAlias(Box::new(TypeAlias { name, ty }))
    }

    /// An assignment of any kind, a unification, or an expression.
    pub(super) fn simple_stmt(&mut self) -> StmtKind {
        let first = self.expr();
        if self.at(Kind::Assign) {
            return self.assign(first);
        }
        if let Some(op) = self.token.kind.augmented() {
            self.bump();
            let target = self.target(first);
            let value = self.expr();
            return StmtKind::AugAssign(Box::new(AugAssign { target, op, value }));
        }
        if self.at(Kind::Colon)
            && let Some(names) = dotted(&first)
        {
            return self.annotated(&names);
        }
        StmtKind::Expr(Box::new(first))
    }

    /// `a = b = 1`, after the first target
    fn assign(&mut self, first: Expr) -> StmtKind {
        let mut targets = Vec::with_capacity(1);
        let mut last = first;
        while self.at(Kind::Assign) && !self.panicking {
            targets.push(self.target(last));
            self.bump();
            last = self.expr();
        }
        StmtKind::Assign(Box::new(Assign { targets, ty: None, value: last }))
    }

    /// `a: T` without a value. Where the line ends, the next statement is where the value could still have come.
    fn value_is_missing(&mut self) {
        let (known, at_line_end) = (self.problems.len(), self.at(Kind::Newline));
        self.expected("`=`");
        let next = self.tokens[self.index..].iter().find(|token| !token.kind.is_layout());
        let next = next.filter(|token| at_line_end && token.kind != Kind::Eof);
        if let (Some(next), Some(problem)) = (next, self.problems.get_mut(known)) {
            let place = Place { source: Arc::clone(self.source), span: next.span() };
            problem.notes.push(Label { place, text: "the next statement begins here".into() });
        }
    }

    /// `a: T = 1`, `a: S {…}`, after the name
    fn annotated(&mut self, names: &[Ident]) -> StmtKind {
        let name = names[0];
        if let Some(second) = names.get(1) {
            self.problem(second.span, "only a name without dots takes a type");
        }
        self.bump();
        match self.type_or_unification(name) {
            Ok(unify) => unify,
            Err(ty) => {
                if !self.eat(Kind::Assign) {
                    self.value_is_missing();
                }
                let target = Target { name, path: Vec::new(), span: name.span };
                let value = self.expr();
                StmtKind::Assign(Box::new(Assign { targets: vec![target], ty: Some(ty), value }))
            }
        }
    }

    /// What follows `name:`. With a config after it, a type is the schema of a unification.
    fn type_or_unification(&mut self, name: Ident) -> Result<StmtKind, Type> {
        let ty = self.ty();
        if !matches!(self.token.kind, Kind::OpenBrace | Kind::OpenParen) {
            return Err(ty);
        }
        let span = ty.span;
        let schema = ty.into_name()?;
        let value = self.schema_expr_rest(schema, span);
        let value_span = self.span_from(span.start);
        Ok(StmtKind::Unify(Box::new(Unify { name, value, value_span })))
    }

    /// `name?: T = v` or `name: S {…}` in a schema
    pub(super) fn attribute(&mut self, decorators: Vec<Decorator>) -> StmtKind {
        let name = self.attribute_name();
        let optional = self.eat(Kind::Question);
        self.expect(Kind::Colon, "`:`");
        let ty = match self.type_or_unification(name) {
            Ok(unify) => return unify,
            Err(ty) => ty,
        };
        let op = self.token.kind.augmented();
        let has_value = self.at(Kind::Assign) || op.is_some();
        if has_value {
            self.bump();
        }
        let value = has_value.then(|| self.expr());
        StmtKind::Attr(Box::new(Attr { decorators, name, optional, ty, op: op.filter(only_union), value }))
    }

    fn attribute_name(&mut self) -> Ident {
        let token = self.token;
        if !token.kind.is_string() {
            let constant = matches!(token.kind, Kind::True | Kind::False | Kind::None | Kind::Undefined);
            if token.kind.starts_expression() && !(constant && self.peek(1) == Kind::Question) {
                let text = self.slice(token);
                let hint = format!("write `${text}`");
                self.problem_with_hint(token.span(), format!("`{text}` is a keyword"), &hint);
            }
            return self.ident();
        }
        let value = self.simple_expr();
        if let ExprKind::Str(text) = value.kind {
            return Ident { name: Symbol::new(&text), span: token.span() };
        }
        self.problem(token.span(), "the name of an attribute must be a plain string");
        Ident { name: Symbol::new(""), span: token.span() }
    }

    /// The left side of an assignment.
    fn target(&mut self, expr: Expr) -> Target {
        let span = expr.span;
        let mut path = Vec::new();
        let mut current = expr;
        loop {
            current = match current.kind {
                ExprKind::Name(name) => {
                    path.reverse();
                    return Target { name: Ident { name, span: current.span }, path, span };
                }
                ExprKind::Member(member) if !member.optional => {
                    path.push(Access::Member(member.name));
                    member.value
                }
                ExprKind::Index(index) if !index.optional => {
                    path.push(Access::Index(index.index));
                    index.value
                }
                _ => {
                    let hint = "assign to a name, to a member or to an element";
                    self.problem_with_hint(current.span, "this cannot be assigned to", hint);
                    let name = Ident { name: Symbol::new(""), span: current.span };
                    return Target { name, path: Vec::new(), span };
                }
            };
        }
    }

    /// `a, b: int = 1` up to the token that ends it. Commas may be left out.
    pub(super) fn params(&mut self, end: Kind, many_lines: bool) -> Vec<Param> {
        let mut params = Vec::new();
        loop {
            if many_lines {
                self.skip_layout();
            }
            if self.at(end) || matches!(self.token.kind, Kind::Arrow | Kind::Eof) || self.panicking {
                return params;
            }
            let name = self.plain_ident("a parameter");
            let ty = self.eat(Kind::Colon).then(|| self.ty());
            let default = self.eat(Kind::Assign).then(|| self.expr());
            params.push(Param { name, ty, default });
            self.eat(Kind::Comma);
        }
    }
}

/// Only `|=` says more than `=` about a default.
fn only_union(op: &BinaryOp) -> bool {
    *op == BinaryOp::BitOr
}
