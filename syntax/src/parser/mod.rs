//! Tokens to tree: recursive descent, one function per production.
//!
//! A tree always comes out. The first problem of a statement is reported; the parser then makes do with what is
//! there, silently, until [`Parser::recover`] has found the next statement. While it is panicking every loop ends,
//! so no input can hold it.
//!
//! Two limits keep deep input from overflowing a stack: the depth of the recursion here, and the height of the tree,
//! which also grows in chains (`a + a + …`, `a.b.c…`, `elif`s) that are built without recursion but walked with it.

mod brackets;
mod config;
mod expr;
mod schema;
mod stmt;
mod types;

use std::sync::Arc;

use crate::ast::{Expr, ExprKind, File, Ident, Path};
use crate::diag::{Code, Diagnostic};
use crate::lexer::{self, Complaint};
use crate::source::{Source, Span};
use crate::symbol::Symbol;
use crate::token::{Kind, Token};

/// How deep brackets, blocks, types and conditions may nest.
const MAX_DEPTH: u32 = 200;

/// How high the tree may grow, chains included.
const MAX_HEIGHT: u32 = 2_000;

/// The tree of a source.
pub(crate) fn file(source: &Arc<Source>) -> (File, Vec<Diagnostic>) {
    let mut parser = Parser::new(source);
    let file = parser.file();
    (file, parser.into_problems())
}

/// The tree of a source that holds nothing but an expression.
pub(crate) fn expression(source: &Arc<Source>) -> (Option<Expr>, Vec<Diagnostic>) {
    let mut parser = Parser::new(source);
    parser.skip_newlines();
    let expr = parser.expr();
    parser.skip_newlines();
    if !parser.at(Kind::Eof) {
        parser.expected("nothing more after the expression");
    }
    let problems = parser.into_problems();
    (problems.is_empty().then_some(expr), problems)
}

struct Parser<'s> {
    source: &'s Arc<Source>,
    text: &'s str,
    tokens: Vec<Token>,
    /// Index of `token`.
    index: usize,
    token: Token,
    /// Where the last token ended that is not layout.
    last_end: u32,
    problems: Vec<Diagnostic>,
    /// A problem of this statement was reported.
    panicking: bool,
    /// Where the last recovery ended: it may not end there again.
    recovered: Option<usize>,
    /// The input nests too deep; nothing more is read.
    gave_up: bool,
    depth: u32,
    /// Of the highest tree built since the current production began.
    height: u32,
    /// Dotted names under way.
    names: Vec<Ident>,
}

impl<'s> Parser<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        let text = source.text();
        let (tokens, complaints) = lexer::tokens(text);
        let mut parser = Self {
            source,
            text,
            token: tokens[0],
            tokens,
            index: 0,
            last_end: 0,
            problems: Vec::new(),
            panicking: false,
            recovered: None,
            gave_up: false,
            depth: 0,
            height: 0,
            names: Vec::new(),
        };
        parser.add_complaints(complaints);
        parser
    }

    fn add_complaints(&mut self, complaints: Vec<Complaint>) {
        let source = self.source;
        self.problems.extend(complaints.into_iter().map(|complaint| complaint.at(source)));
    }

    fn into_problems(mut self) -> Vec<Diagnostic> {
        let start = |problem: &Diagnostic| problem.place.as_ref().map_or(0, |place| place.span.start);
        // Behind a closer that closes nothing, problems are but consequences.
        if !self.problems.is_empty()
            && let Some(mismatch) = brackets::mismatch(self.source, &self.tokens)
        {
            self.problems.retain(|problem| start(problem) < start(&mismatch));
            self.problems.push(mismatch);
        }
        self.problems.sort_by_key(start);
        self.problems
    }

    fn at(&self, kind: Kind) -> bool {
        self.token.kind == kind
    }

    /// The kind of the token after the current one, or further on.
    fn peek(&self, ahead: usize) -> Kind {
        self.tokens.get(self.index + ahead).map_or(Kind::Eof, |token| token.kind)
    }

    /// Goes on to the next token; stays at the last.
    fn bump(&mut self) {
        if !self.token.kind.is_layout() {
            self.last_end = self.token.end;
        }
        if let Some(next) = self.tokens.get(self.index + 1) {
            self.index += 1;
            self.token = *next;
        }
    }

    fn eat(&mut self, kind: Kind) -> bool {
        let found = self.at(kind);
        if found {
            self.bump();
        }
        found
    }

    /// Eats a token of this kind, or reports that `what` is missing.
    fn expect(&mut self, kind: Kind, what: &str) -> bool {
        let found = self.eat(kind);
        if !found {
            self.expected(what);
        }
        found
    }

    fn skip_newlines(&mut self) {
        while self.at(Kind::Newline) {
            self.bump();
        }
    }

    /// Inside brackets indentation says nothing.
    fn skip_indentation(&mut self) {
        while matches!(self.token.kind, Kind::Indent | Kind::Dedent | Kind::OddDedent) {
            self.bump();
        }
    }

    fn skip_layout(&mut self) {
        self.skip_newlines();
        self.skip_indentation();
    }

    /// From a token's start to the end of the last one eaten.
    fn span_from(&self, start: u32) -> Span {
        Span::new(start, self.last_end.max(start))
    }

    fn slice(&self, token: Token) -> &'s str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or("")
    }

    /// Reports a problem, unless this statement has one already.
    fn problem(&mut self, span: Span, message: impl Into<String>) -> Option<&mut Diagnostic> {
        if self.panicking {
            return None;
        }
        self.panicking = true;
        self.problems.push(Diagnostic::new(Code::InvalidSyntax, self.source, span, message));
        self.problems.last_mut()
    }

    /// Reports a problem together with advice.
    fn problem_with_hint(&mut self, span: Span, message: impl Into<String>, hint: &str) {
        if let Some(problem) = self.problem(span, message) {
            problem.hints.push(hint.into());
        }
    }

    /// Reports that something else than the current token belongs here.
    fn expected(&mut self, what: &str) {
        match self.token.kind {
            // The lexer has reported it.
            Kind::Bad | Kind::Bang => self.panicking = true,
            Kind::OddDedent => self.odd_dedent(),
            _ => {
                let message = format!("expected {what}, found {}", self.found());
                // The file ends with its last token, not lines later.
                let rest = &self.tokens[self.index..];
                let ended = rest.iter().all(|token| matches!(token.kind, Kind::Dedent | Kind::Eof));
                let span = if ended { Span::new(self.last_end, self.last_end) } else { self.token.span() };
                self.problem(span, message);
            }
        }
    }

    /// What messages call the current token.
    fn found(&self) -> String {
        match self.token.kind.word() {
            Some(word) => word.into(),
            None => format!("`{}`", self.slice(self.token)),
        }
    }

    fn odd_dedent(&mut self) {
        let message = "this indentation fits none of the lines above";
        if let Some(problem) = self.problem(self.token.span(), message) {
            problem.code = Code::Indentation;
            problem.hints.push("add or remove spaces to align the line with its block".into());
        }
    }

    /// Runs a production one level further down.
    fn deeper<T>(&mut self, production: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth == MAX_DEPTH {
            self.give_up();
        }
        self.depth += 1;
        let outside = std::mem::take(&mut self.height);
        let node = production(self);
        self.grow();
        self.height = self.height.max(outside);
        self.depth -= 1;
        node
    }

    /// Says that a node was put on top of what the current production has built so far.
    fn grow(&mut self) {
        self.height += 1;
        if self.height > MAX_HEIGHT {
            self.give_up();
        }
    }

    /// Stops reading. At the end of the input no production goes deeper.
    fn give_up(&mut self) {
        if !self.gave_up {
            self.panicking = false;
            let hint = "split it into several variables";
            self.problem_with_hint(self.token.span(), "this nests too deep", hint);
        }
        self.gave_up = true;
        self.skip_all();
    }

    fn skip_all(&mut self) {
        self.index = self.tokens.len() - 1;
        self.token = self.tokens[self.index];
        self.panicking = true;
    }

    /// Ends the panic at the start of the next statement of the block whose first token is at `home`. `false` if the
    /// block ended before one was found.
    fn recover(&mut self, home: u32) -> bool {
        let home = self.column(home);
        if self.recovered == Some(self.index) {
            self.bump();
        }
        while !self.at(Kind::Eof) {
            if self.starts_line() && !self.token.kind.is_closer() {
                let column = self.column(self.token.start);
                if column <= home {
                    self.recovered = Some(self.index);
                    self.panicking = self.gave_up || column < home;
                    return column == home;
                }
            }
            self.bump();
        }
        false
    }

    fn starts_line(&self) -> bool {
        let after_layout = self.index == 0 || self.tokens[self.index - 1].kind.is_layout();
        after_layout && !self.token.kind.is_layout()
    }

    /// How many bytes stand before this one in its line.
    fn column(&self, at: u32) -> usize {
        let before = &self.text.as_bytes()[..at as usize];
        before.len() - memchr::memrchr(b'\n', before).map_or(0, |line_end| line_end + 1)
    }

    fn symbol(&self, token: Token) -> Symbol {
        let text = self.slice(token);
        Symbol::new(text.strip_prefix('$').unwrap_or(text))
    }

    /// The current token as a name; keywords will do.
    fn ident(&mut self) -> Ident {
        let token = self.token;
        if !token.kind.is_name() {
            self.expected("a name");
            return Ident { name: Symbol::new(""), span: Span::new(token.start, token.start) };
        }
        self.bump();
        Ident { name: self.symbol(token), span: token.span() }
    }

    /// A name without dots, where dots make no sense.
    fn plain_ident(&mut self, what: &str) -> Ident {
        let ident = self.ident();
        if self.at(Kind::Dot) {
            self.problem(self.token.span(), format!("{what} has no dots"));
        }
        ident
    }

    /// `a.b.c`
    fn path(&mut self) -> Path {
        let first = self.names.len();
        self.path_names();
        self.names.drain(first..).collect()
    }

    /// Puts the names of a dotted name on top of `self.names`.
    fn path_names(&mut self) {
        loop {
            let ident = self.ident();
            self.names.push(ident);
            if !self.at(Kind::Dot) {
                return;
            }
            self.bump();
        }
    }

    fn missing(&self) -> Expr {
        let start = self.token.start;
        Expr { kind: ExprKind::Missing, span: Span::new(start, start) }
    }
}
