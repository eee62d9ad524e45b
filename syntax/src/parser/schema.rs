//! Declarations: schemas, mixins, protocols and rules.

use super::Parser;
use crate::ast::{
    Assert, Decorator, Ident, IndexSignature, Param, Path, Rule, Schema, SchemaKind, Stmt, StmtKind,
};
use crate::literal::StringText;
use crate::token::Kind;

/// What stands between the first word of a declaration and its `:`.
struct Head {
    name: Ident,
    params: Vec<Param>,
    parents: Vec<Path>,
    host: Option<Path>,
}

impl Parser<'_> {
    /// `schema`, `mixin`, `protocol` or `rule`, at its first word
    pub(super) fn declaration(&mut self, decorators: Vec<Decorator>) -> StmtKind {
        let kind = match self.token.kind {
            Kind::Rule => return self.rule(decorators),
            Kind::Mixin => SchemaKind::Mixin,
            Kind::Protocol => SchemaKind::Protocol,
            _ => SchemaKind::Schema,
        };
        let Head { name, params, parents, host } = self.head();
        let mut parents = parents.into_iter();
        let base = parents.next();
        if let Some(more) = parents.next() {
            self.problem(more[0].span, "a schema has one base at most");
        }
        let mut schema = Schema {
            kind,
            name,
            decorators,
            params,
            base,
            host,
            mixins: Vec::new(),
            body: Vec::new(),
            index: None,
            checks: Vec::new(),
        };
        self.schema_block(&mut schema);
        StmtKind::Schema(Box::new(schema))
    }

    /// `Name[params](Parent) for Protocol:`
    fn head(&mut self) -> Head {
        self.bump();
        let name = self.plain_ident("the name of a declaration");
        let mut params = Vec::new();
        if self.eat(Kind::OpenBracket) {
            params = self.params(Kind::CloseBracket, false);
            self.expect(Kind::CloseBracket, "`,` or `]`");
        }
        let mut parents = Vec::new();
        if self.eat(Kind::OpenParen) {
            parents.push(self.path());
            self.eat(Kind::Comma);
            while !matches!(self.token.kind, Kind::CloseParen | Kind::Eof) && !self.panicking {
                parents.push(self.path());
                self.eat(Kind::Comma);
            }
            self.expect(Kind::CloseParen, "`)`");
        }
        let host = self.eat(Kind::For).then(|| self.path());
        self.expect(Kind::Colon, "`:`");
        Head { name, params, parents, host }
    }

    /// The block of a schema; a statement that follows the `:` in its line does not belong to it.
    fn schema_block(&mut self, schema: &mut Schema) {
        if !self.opens_block() {
            return;
        }
        self.doc();
        if self.at(Kind::Mixin) && self.peek(1) == Kind::OpenBracket {
            self.mixins(&mut schema.mixins);
        }
        self.schema_stmts(schema);
        if !self.panicking && self.at(Kind::Check) {
            self.bump();
            self.bump();
            schema.checks = self.check_block();
        }
        if !self.panicking {
            self.expect(Kind::Dedent, "the end of the schema");
        }
    }

    /// Steps into an indented block, if there is one.
    fn opens_block(&mut self) -> bool {
        if self.panicking || !self.at(Kind::Newline) {
            return false;
        }
        self.skip_newlines();
        self.eat(Kind::Indent)
    }

    /// A string on its own at the start of a block. Nobody asks what it says, but its escapes have to be right.
    fn doc(&mut self) {
        let token = self.token;
        if !token.kind.is_string() || self.peek(1) != Kind::Newline {
            return;
        }
        self.bump();
        self.skip_newlines();
        let string = StringText::of(self.slice(token), token.kind == Kind::LongStr);
        if let Err(message) = string.unescaped() {
            self.problem(token.span(), message);
        }
    }

    /// `mixin [A, B]`
    fn mixins(&mut self, mixins: &mut Vec<Path>) {
        self.bump();
        self.bump();
        self.skip_layout();
        while !matches!(self.token.kind, Kind::CloseBracket | Kind::Eof) && !self.panicking {
            mixins.push(self.path());
            self.eat(Kind::Comma);
            self.skip_layout();
        }
        self.expect(Kind::CloseBracket, "`,` or `]`");
    }

    fn late_mixins(&mut self) {
        let hint = "move the line to the start of the body; several mixins stand in one list";
        self.problem_with_hint(self.token.span(), "mixins come before everything else in a body", hint);
    }

    /// A list of values on a line of its own: most likely an attribute's, whose `=` was forgotten.
    fn list_alone(&mut self) {
        let hint = "put `=` before a list that is a value";
        self.problem_with_hint(
            self.token.span(),
            "a `[` in a body opens an index signature, and not a list of values",
            hint,
        );
    }

    /// Everything up to the check block or the end.
    fn schema_stmts(&mut self, schema: &mut Schema) {
        let home = self.token.start;
        loop {
            self.skip_newlines();
            match (self.token.kind, self.peek(1)) {
                (Kind::Dedent | Kind::Eof, _) | (Kind::Check, Kind::Colon) => return,
                (Kind::Mixin, Kind::OpenBracket) => self.late_mixins(),
                (Kind::OpenBracket, _) if self.at_index_signature() => {
                    self.index_signature(&mut schema.index);
                }
                (Kind::OpenBracket, Kind::CloseBracket) => schema.body.push(self.schema_stmt()),
                (Kind::OpenBracket, first) if !(first.is_name() || first.is_layout()) => self.list_alone(),
                _ => schema.body.push(self.schema_stmt()),
            }
            if self.panicking && !self.recover(home) {
                return;
            }
        }
    }

    fn schema_stmt(&mut self) -> Stmt {
        let start = self.token.start;
        let decorators = self.decorators();
        let named = self.token.kind.is_name() || self.token.kind.is_string();
        let is_attribute = match self.peek(1) {
            Kind::Colon => named,
            Kind::Question => named && self.peek(2) == Kind::Colon,
            _ => false,
        };
        let is_local = self.token.kind != Kind::Assert && self.peek(1) == Kind::Assign;
        let kind = if is_attribute {
            self.deeper(|parser| parser.attribute(decorators))
        } else if is_local {
            self.deeper(Self::simple_stmt)
        } else {
            return self.stmt();
        };
        Stmt { kind, span: self.span_from(start) }
    }

    /// Whether `[` opens an index signature, `[k: str]: T`, and not a list.
    fn at_index_signature(&self) -> bool {
        if self.peek(1) == Kind::Ellipsis {
            return true;
        }
        let mut ahead = 1;
        while self.peek(ahead).is_name() || matches!(self.peek(ahead), Kind::Dot | Kind::Pipe) {
            ahead += 1;
        }
        ahead > 1
            && match self.peek(ahead) {
                Kind::Colon => true,
                Kind::CloseBracket => self.peek(ahead + 1) == Kind::Colon,
                _ => false,
            }
    }

    /// `[...k: str]: int = 1`
    fn index_signature(&mut self, index: &mut Option<IndexSignature>) {
        let start = self.token.start;
        self.bump();
        let mut any_other = self.eat(Kind::Ellipsis);
        let key_name = (self.peek(1) == Kind::Colon).then(|| {
            let name = self.ident();
            self.bump();
            name
        });
        any_other |= self.eat(Kind::Ellipsis);
        let key = self.ty();
        self.expect(Kind::CloseBracket, "`]`");
        self.expect(Kind::Colon, "`:`");
        let value = self.ty();
        let default = self.eat(Kind::Assign).then(|| self.expr());
        let span = self.span_from(start);
        if index.is_some() {
            self.problem(span, "a schema has one index signature at most");
        }
        *index = Some(IndexSignature { key_name, key, value, default, any_other, span });
    }

    /// The lines after `check:`
    fn check_block(&mut self) -> Vec<Assert> {
        if !self.opens_block() {
            self.expected("an indented block");
            return Vec::new();
        }
        let checks = self.checks();
        if !self.panicking {
            self.expect(Kind::Dedent, "the end of the check block");
        }
        checks
    }

    /// Conditions, one or more to a line. The message of each is an operand, so that an operator after it starts
    /// the next condition.
    fn checks(&mut self) -> Vec<Assert> {
        let mut checks = Vec::new();
        let home = self.token.start;
        loop {
            self.skip_newlines();
            if matches!(self.token.kind, Kind::Dedent | Kind::Eof) {
                return checks;
            }
            checks.push(self.assert(Self::primary));
            if self.panicking && !self.recover(home) {
                return checks;
            }
        }
    }

    /// `rule R[params](A, B) for P: …`
    fn rule(&mut self, decorators: Vec<Decorator>) -> StmtKind {
        let Head { name, params, parents, host } = self.head();
        let mut rule = Rule { name, decorators, params, parents, host, checks: Vec::new() };
        if self.opens_block() {
            self.doc();
            rule.checks = self.checks();
            if !self.panicking {
                self.expect(Kind::Dedent, "the end of the rule");
            }
        } else {
            self.expected("an indented block");
        }
        StmtKind::Rule(Box::new(rule))
    }
}
