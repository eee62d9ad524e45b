//! Config and list displays, comprehensions, and the conditions inside them.

use super::Parser;
use crate::ast::{
    CompClause, Config, ConfigIf, ConfigItem, DictComp, Entry, EntryOp, Expr, ExprKind, Ident, Key, ListComp,
    ListIf, ListItem, UnaryOp,
};
use crate::source::Span;
use crate::symbol::Symbol;
use crate::token::Kind;

impl Parser<'_> {
    /// `[1, *more, if c: 2]`, `[x for x in more]`
    pub(super) fn list(&mut self) -> ExprKind {
        self.bump();
        self.list_rest()
    }

    /// A list after its `[`.
    pub(super) fn list_rest(&mut self) -> ExprKind {
        self.skip_layout();
        let first = self.token.span();
        let mut items = self.list_items();
        let clauses = self.comp_clauses();
        self.skip_layout();
        self.expect(Kind::CloseBracket, "`,` or `]`");
        if clauses.is_empty() {
            return ExprKind::List(items);
        }
        match (items.pop(), items.is_empty()) {
            (Some(ListItem::Value(value)), true) => ExprKind::ListComp(Box::new(ListComp { value, clauses })),
            (last, _) => {
                self.comprehension_items(first);
                items.extend(last);
                ExprKind::List(items)
            }
        }
    }

    /// Blames the first token of the items: whatever else there is, it is text.
    fn comprehension_items(&mut self, first: Span) {
        self.problem(first, "a comprehension takes exactly one element before its `for`");
    }

    fn list_items(&mut self) -> Vec<ListItem> {
        let mut items = Vec::new();
        while !matches!(self.token.kind, Kind::CloseBracket | Kind::For | Kind::Eof) && !self.panicking {
            items.push(self.list_item());
            self.eat(Kind::Comma);
            self.skip_layout();
        }
        items
    }

    /// `a`, `*a`, `if c: a`
    fn list_item(&mut self) -> ListItem {
        match self.token.kind {
            Kind::Star => {
                self.bump();
                ListItem::Unpack(self.expr())
            }
            Kind::If => self.deeper(Self::list_if),
            _ => ListItem::Value(self.expr()),
        }
    }

    /// `if c: a elif d: b else: e`
    fn list_if(&mut self) -> ListItem {
        let mut arms = Vec::new();
        let mut in_block = false;
        loop {
            self.bump();
            let test = self.expr();
            let items = self.list_arm(&mut in_block);
            arms.push((test, items));
            self.skip_newlines();
            if !self.at(Kind::Elif) || self.panicking {
                break;
            }
            self.grow();
        }
        let mut otherwise = Vec::new();
        if self.eat(Kind::Else) {
            otherwise = self.list_arm(&mut in_block);
        }
        for (test, items) in arms.into_iter().rev() {
            otherwise = vec![ListItem::If(Box::new(ListIf { test, items, otherwise }))];
        }
        otherwise.pop().unwrap_or_else(|| ListItem::Value(self.missing()))
    }

    /// The items after `:`. Once one arm was a block, all later ones have to be.
    fn list_arm(&mut self, in_block: &mut bool) -> Vec<ListItem> {
        self.expect(Kind::Colon, "`:`");
        *in_block |= self.at(Kind::Newline);
        if !*in_block {
            return vec![self.list_item()];
        }
        self.skip_newlines();
        self.expect(Kind::Indent, "an indented block");
        let mut items = Vec::new();
        while !matches!(self.token.kind, Kind::Dedent | Kind::Eof) && !self.panicking {
            items.push(self.list_item());
            self.eat(Kind::Comma);
            self.skip_newlines();
        }
        self.expect(Kind::Dedent, "the end of the block");
        items
    }

    /// `{a = 1, **b}`, `{k: v for k, v in d}`
    pub(super) fn braces(&mut self) -> ExprKind {
        let first = self.token.span();
        let (mut config, clauses) = self.config_and_clauses();
        if clauses.is_empty() {
            return ExprKind::Config(Box::new(config));
        }
        match (config.items.pop(), config.items.is_empty()) {
            (Some(ConfigItem::Entry(entry)), true) => {
                ExprKind::DictComp(Box::new(DictComp { entry, clauses }))
            }
            (last, _) => {
                self.comprehension_items(first);
                config.items.extend(last);
                ExprKind::Config(Box::new(config))
            }
        }
    }

    /// The braces of a schema expression.
    pub(super) fn config(&mut self) -> Config {
        let start = self.token;
        if start.kind != Kind::OpenBrace {
            self.expected("`{`");
            return Config::default();
        }
        let (config, clauses) = self.config_and_clauses();
        if !clauses.is_empty() {
            self.problem(start.span(), "a schema takes no comprehension");
        }
        config
    }

    fn config_and_clauses(&mut self) -> (Config, Vec<CompClause>) {
        let start = self.token.start;
        self.bump();
        let many_lines = self.at(Kind::Newline);
        if many_lines {
            self.skip_layout();
        }
        let items = self.config_items(many_lines);
        let clauses = self.comp_clauses();
        self.skip_layout();
        self.expect(Kind::CloseBrace, "`,` or `}`");
        (Config { items, span: self.span_from(start) }, clauses)
    }

    /// Entries up to the `}`. Without a line end after the `{`, a line end ends them.
    fn config_items(&mut self, many_lines: bool) -> Vec<ConfigItem> {
        let mut items = Vec::new();
        loop {
            let ended = match self.token.kind {
                Kind::CloseBrace | Kind::For | Kind::Eof => true,
                Kind::Newline => !many_lines,
                _ => self.panicking,
            };
            if ended {
                return items;
            }
            items.push(self.config_item(true));
            self.eat(Kind::Comma);
            if many_lines {
                self.skip_newlines();
            }
            self.skip_indentation();
        }
    }

    /// `a = 1`, `a` where it may be short, `**b`, `if c: a = 1`
    fn config_item(&mut self, short: bool) -> ConfigItem {
        match self.token.kind {
            Kind::DoubleStar => {
                self.bump();
                ConfigItem::Unpack(self.expr())
            }
            Kind::If => {
                let item = self.deeper(Self::config_if);
                self.eat(Kind::Comma);
                self.skip_newlines();
                item
            }
            _ => ConfigItem::Entry(self.entry(short)),
        }
    }

    /// `a.b: 1`, `a = 1`, `a += [1]`, and if it may be short, `a` for `a = a`
    fn entry(&mut self, short: bool) -> Entry {
        let start = self.token.start;
        let key = self.key();
        let key_span = self.span_from(start);
        let op = match self.token.kind {
            Kind::Colon => EntryOp::Union,
            Kind::Assign => EntryOp::Override,
            Kind::PlusAssign => EntryOp::Insert,
            _ => {
                let value = match &key {
                    Key::Path(path) if short && path.len() == 1 => {
                        Expr { kind: ExprKind::Name(path[0].name), span: path[0].span }
                    }
                    _ => {
                        self.expected("`:`, `=` or `+=` after the key");
                        self.missing()
                    }
                };
                return Entry { key, op: EntryOp::Override, value, key_span };
            }
        };
        self.bump();
        Entry { key, op, value: self.expr(), key_span }
    }

    /// `a`, `a.b`, `"a"`, `a[0]`, `(f())`
    fn key(&mut self) -> Key {
        let token = self.token;
        if matches!(self.peek(1), Kind::Colon | Kind::Assign | Kind::PlusAssign) {
            match token.kind {
                Kind::Name => {
                    self.bump();
                    let ident = Ident { name: self.symbol(token), span: token.span() };
                    return Key::Path(Box::new([ident]));
                }
                Kind::PlainStr => {
                    self.bump();
                    let text = self.slice(token);
                    return Key::Str(Symbol::new(&text[1..text.len() - 1]));
                }
                _ => {}
            }
        }
        let expr = self.expr();
        key_of(expr)
    }

    /// `if c: a = 1 elif d: b = 2 else: e = 3`
    fn config_if(&mut self) -> ConfigItem {
        let mut arms = Vec::new();
        let mut in_block = false;
        loop {
            let start = self.token.start;
            self.bump();
            let test = self.expr();
            let items = self.config_arm(&mut in_block);
            arms.push((start, test, items, self.last_end));
            self.skip_newlines();
            if !self.at(Kind::Elif) || self.panicking {
                break;
            }
            self.grow();
            // The first arm leaves the others free; an `elif` that is a block binds those after it.
            in_block &= arms.len() > 1;
        }
        let mut otherwise = Vec::new();
        if self.eat(Kind::Else) {
            otherwise = self.config_arm(&mut false);
        }
        for (start, test, items, end) in arms.into_iter().rev() {
            let span = Span::new(start, end.max(start));
            otherwise = vec![ConfigItem::If(Box::new(ConfigIf { test, items, otherwise, span }))];
        }
        otherwise.pop().unwrap_or_else(|| ConfigItem::Unpack(self.missing()))
    }

    /// The entries after `:`.
    fn config_arm(&mut self, in_block: &mut bool) -> Vec<ConfigItem> {
        self.expect(Kind::Colon, "`:`");
        *in_block |= self.at(Kind::Newline);
        if !*in_block {
            return vec![self.arm_item()];
        }
        self.skip_newlines();
        self.expect(Kind::Indent, "an indented block");
        let mut items = Vec::new();
        while !matches!(self.token.kind, Kind::Dedent | Kind::Elif | Kind::Else | Kind::Eof)
            && !self.panicking
        {
            items.push(self.arm_item());
            self.eat(Kind::Comma);
            self.skip_newlines();
        }
        if !matches!(self.token.kind, Kind::Elif | Kind::Else) {
            self.expect(Kind::Dedent, "the end of the block");
        }
        items
    }

    /// As [`Self::config_item`], but what is unpacked binds tighter, and no entry is short.
    fn arm_item(&mut self) -> ConfigItem {
        if self.eat(Kind::DoubleStar) {
            return ConfigItem::Unpack(self.deeper(Self::primary));
        }
        self.config_item(false)
    }

    fn comp_clauses(&mut self) -> Vec<CompClause> {
        let mut clauses = Vec::new();
        while self.at(Kind::For) && !self.panicking {
            clauses.push(self.comp_clause());
            self.grow();
        }
        clauses
    }

    /// `for k, v in d if v`
    fn comp_clause(&mut self) -> CompClause {
        self.bump();
        let targets = self.loop_targets();
        let iter = self.simple_expr();
        self.skip_newlines();
        let mut conditions = Vec::new();
        while self.eat(Kind::If) {
            conditions.push(self.expr());
        }
        CompClause { targets, iter, conditions }
    }

    /// `k, v in`
    pub(super) fn loop_targets(&mut self) -> Vec<Ident> {
        let start = self.token.start;
        let mut targets = vec![self.plain_ident("a loop variable")];
        while self.eat(Kind::Comma) {
            targets.push(self.plain_ident("a loop variable"));
        }
        if targets.len() > 2 {
            let message = format!("a loop has at most two variables, not {}", targets.len());
            self.problem(self.span_from(start), message);
        }
        self.expect(Kind::In, "`in`");
        targets
    }
}

/// What kind of key an expression is.
fn key_of(expr: Expr) -> Key {
    match &expr.kind {
        ExprKind::Str(text) => Key::Str(Symbol::new(text)),
        ExprKind::Index(index) if !index.optional => match (dotted(&index.value), constant(&index.index)) {
            (Some(path), Some(at)) => Key::Index(path.into(), at),
            _ => Key::Expr(Box::new(expr)),
        },
        _ => match dotted(&expr) {
            Some(path) => Key::Path(path.into()),
            None => Key::Expr(Box::new(expr)),
        },
    }
}

/// The names of `a.b.c`.
pub(super) fn dotted(expr: &Expr) -> Option<Vec<Ident>> {
    let mut names = Vec::new();
    let mut expr = expr;
    while let ExprKind::Member(member) = &expr.kind {
        if member.optional {
            return None;
        }
        names.push(member.name);
        expr = &member.value;
    }
    let ExprKind::Name(name) = expr.kind else { return None };
    names.push(Ident { name, span: expr.span });
    names.reverse();
    Some(names)
}

/// `1`, `-1`
fn constant(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Int(value) => Some(*value),
        ExprKind::Unary(UnaryOp::Minus, operand) => match operand.kind {
            ExprKind::Int(value) => value.checked_neg(),
            _ => None,
        },
        _ => None,
    }
}
