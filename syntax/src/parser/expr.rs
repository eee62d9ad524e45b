//! Expressions.

use super::Parser;
use super::config::dotted;
use crate::ast::{
    Args, As, Binary, Call, Compare, CompareOp, Expr, ExprKind, Ident, IfElse, Index, Lambda, Member,
    Quantifier, QuantifierOp, SchemaExpr, Slice, TemplateFormat, TemplatePart, UnaryOp,
};
use crate::lexer;
use crate::literal::{self, Number, Piece, StringText};
use crate::source::Span;
use crate::token::{Binding, Infix, Kind, Token};

impl Parser<'_> {
    /// `a if c else b`, and all that binds tighter.
    pub(super) fn expr(&mut self) -> Expr {
        self.deeper(Self::conditional)
    }

    /// Any expression but `a if c else b`.
    pub(super) fn simple_expr(&mut self) -> Expr {
        self.deeper(|parser| parser.binary(Binding::Loosest))
    }

    fn conditional(&mut self) -> Expr {
        let start = self.token.start;
        let then = self.binary(Binding::Loosest);
        if !self.eat(Kind::If) {
            return then;
        }
        let test = self.simple_expr();
        self.expect(Kind::Else, "`else`");
        let otherwise = self.expr();
        let kind = ExprKind::IfElse(Box::new(IfElse { then, test, otherwise }));
        Expr { kind, span: self.span_from(start) }
    }

    /// Operands and the operators between them that bind tighter than `floor`.
    fn binary(&mut self, floor: Binding) -> Expr {
        let start = self.token.start;
        let mut left = self.unary();
        while let Some((binding, infix, tokens)) = self.infix() {
            if binding <= floor || self.panicking {
                break;
            }
            for _ in 0..tokens {
                self.bump();
            }
            self.grow();
            left = self.operation(start, left, binding, infix);
        }
        left
    }

    /// The operator at the current token, and how many tokens it has.
    fn infix(&self) -> Option<(Binding, Infix, usize)> {
        match (self.token.kind, self.peek(1)) {
            (Kind::Not, Kind::In) => Some((Binding::Membership, Infix::Compare(CompareOp::NotIn), 2)),
            (Kind::Is, Kind::Not) => Some((Binding::Identity, Infix::Compare(CompareOp::IsNot), 2)),
            (kind, _) => kind.infix().map(|(binding, infix)| (binding, infix, 1)),
        }
    }

    /// What follows the operator, put together with what came before.
    fn operation(&mut self, start: u32, left: Expr, binding: Binding, infix: Infix) -> Expr {
        let kind = match infix {
            Infix::As => {
                let ty = self.type_name();
                if self.infix().is_some_and(|(next, ..)| next > binding) {
                    let hint = "put the conversion in parentheses";
                    self.problem_with_hint(
                        self.token.span(),
                        "no operator follows the type of an `as`",
                        hint,
                    );
                }
                ExprKind::As(Box::new(As { value: left, ty }))
            }
            Infix::Binary(op) => {
                let right = self.binary(binding);
                ExprKind::Binary(Box::new(Binary { left, op, right }))
            }
            Infix::Compare(op) => {
                let right = self.binary(binding);
                comparison(left, op, right)
            }
        };
        Expr { kind, span: self.span_from(start) }
    }

    fn unary(&mut self) -> Expr {
        let start = self.token.start;
        let op = match self.token.kind {
            Kind::Plus => UnaryOp::Plus,
            Kind::Minus => UnaryOp::Minus,
            Kind::Tilde => UnaryOp::Invert,
            Kind::Not => UnaryOp::Not,
            _ => return self.primary(),
        };
        self.bump();
        let operand = self.primary();
        self.grow();
        Expr { kind: ExprKind::Unary(op, Box::new(operand)), span: self.span_from(start) }
    }

    /// An operand with the calls, members and indices that follow it.
    pub(super) fn primary(&mut self) -> Expr {
        let start = self.token.start;
        let mut expr = self.operand();
        while !self.panicking {
            expr = match self.token.kind {
                Kind::OpenParen => self.call(start, expr),
                Kind::OpenBrace => match dotted(&expr) {
                    Some(name) => self.schema_expr(start, name.into(), expr.span, None),
                    None => return expr,
                },
                _ => match self.access(start, expr) {
                    Ok(access) => access,
                    Err(expr) => return expr,
                },
            };
            self.grow();
        }
        expr
    }

    /// One `.b`, `?.b`, `[i]` or `?[i]` after an expression; the expression again where none follows.
    fn access(&mut self, start: u32, value: Expr) -> Result<Expr, Expr> {
        let optional = self.at(Kind::Question) && matches!(self.peek(1), Kind::Dot | Kind::OpenBracket);
        if optional {
            self.bump();
        }
        let kind = match self.token.kind {
            Kind::Dot => {
                self.bump();
                let name = self.ident();
                ExprKind::Member(Box::new(Member { value, optional, name }))
            }
            Kind::OpenBracket => self.subscript(value, optional),
            _ => return Err(value),
        };
        Ok(Expr { kind, span: self.span_from(start) })
    }

    /// `[i]`, `[a:b:c]`
    fn subscript(&mut self, value: Expr, optional: bool) -> ExprKind {
        self.bump();
        self.skip_newlines();
        let mut bounds = [const { None }; 3];
        let mut colons = 0;
        while !matches!(self.token.kind, Kind::CloseBracket | Kind::Eof) && !self.panicking {
            if self.at(Kind::Colon) && colons < 2 {
                self.bump();
                colons += 1;
            } else if bounds[colons].is_none() {
                bounds[colons] = Some(self.expr());
            } else {
                self.expected("`:` or `]`");
            }
        }
        self.skip_newlines();
        self.expect(Kind::CloseBracket, "`]`");
        let [lower, upper, step] = bounds;
        if colons > 0 {
            return ExprKind::Slice(Box::new(Slice { value, optional, lower, upper, step }));
        }
        let index = lower.unwrap_or_else(|| {
            self.problem(self.token.span(), "the brackets hold no index");
            self.missing()
        });
        ExprKind::Index(Box::new(Index { value, optional, index }))
    }

    /// `f(x)`, or `S(x) {…}`
    fn call(&mut self, start: u32, callee: Expr) -> Expr {
        let args = self.args();
        if self.at(Kind::OpenBrace)
            && let Some(name) = dotted(&callee)
        {
            return self.schema_expr(start, name.into(), callee.span, Some(args));
        }
        Expr { kind: ExprKind::Call(Box::new(Call { callee, args })), span: self.span_from(start) }
    }

    fn schema_expr(&mut self, start: u32, name: Box<[Ident]>, name_span: Span, args: Option<Args>) -> Expr {
        let config = self.deeper(Self::config);
        let kind = ExprKind::Schema(Box::new(SchemaExpr { name, name_span, args, config }));
        Expr { kind, span: self.span_from(start) }
    }

    /// The name of a schema was read; its arguments and its config follow.
    pub(super) fn schema_expr_rest(&mut self, name: Box<[Ident]>, name_span: Span) -> SchemaExpr {
        let args = self.at(Kind::OpenParen).then(|| self.args());
        let config = self.deeper(Self::config);
        SchemaExpr { name, name_span, args, config }
    }

    /// `(x, y=1)`; commas may be left out. Without a line end after the `(`, a line end ends it.
    pub(super) fn args(&mut self) -> Args {
        self.bump();
        let many_lines = self.at(Kind::Newline);
        if many_lines {
            self.skip_layout();
        }
        let mut args = Args::default();
        while !matches!(self.token.kind, Kind::CloseParen | Kind::Newline | Kind::Eof) && !self.panicking {
            self.arg(&mut args);
            self.eat(Kind::Comma);
            if many_lines {
                self.skip_layout();
            }
        }
        self.expect(Kind::CloseParen, "`,` or `)`");
        args
    }

    fn arg(&mut self, args: &mut Args) {
        if self.token.kind.is_name() && self.peek(1) == Kind::Assign {
            let name = self.ident();
            self.bump();
            args.keywords.push((name, self.expr()));
            return;
        }
        let value = self.expr();
        if !args.keywords.is_empty() {
            let hint = "put the arguments without a name first";
            self.problem_with_hint(value.span, "an argument without a name follows one with a name", hint);
        }
        args.positional.push(value);
    }

    fn operand(&mut self) -> Expr {
        let token = self.token;
        let kind = match token.kind {
            Kind::PlainStr => {
                self.bump();
                let text = self.slice(token);
                ExprKind::Str(text[1..text.len() - 1].into())
            }
            Kind::Str | Kind::LongStr => self.string(),
            Kind::Int | Kind::Float => self.number(),
            Kind::OpenParen => self.paren(),
            Kind::OpenBracket => self.deeper(Self::list),
            Kind::OpenBrace => self.deeper(Self::braces),
            Kind::Lambda => self.deeper(Self::lambda),
            Kind::All | Kind::Any | Kind::Filter | Kind::Map => self.deeper(Self::quantifier),
            Kind::True | Kind::False | Kind::None | Kind::Undefined => self.constant(),
            kind if kind.is_name() => {
                self.bump();
                ExprKind::Name(self.symbol(token))
            }
            _ => {
                self.expected("an expression");
                return self.missing();
            }
        };
        Expr { kind, span: self.span_from(token.start) }
    }

    fn constant(&mut self) -> ExprKind {
        let kind = self.token.kind;
        self.bump();
        match kind {
            Kind::True => ExprKind::Bool(true),
            Kind::False => ExprKind::Bool(false),
            Kind::None => ExprKind::None,
            _ => ExprKind::Undefined,
        }
    }

    /// `(a)`
    fn paren(&mut self) -> ExprKind {
        self.bump();
        let inner = self.expr();
        self.expect(Kind::CloseParen, "`)`");
        ExprKind::Paren(Box::new(inner))
    }

    fn number(&mut self) -> ExprKind {
        let token = self.token;
        self.bump();
        match literal::number(self.slice(token)) {
            Ok(Number::Int(value)) => ExprKind::Int(value),
            Ok(Number::Float(value)) => ExprKind::Float(value),
            Ok(Number::Unit(unit)) => ExprKind::Unit(Box::new(unit)),
            Err(message) => {
                self.problem(token.span(), message);
                ExprKind::Missing
            }
        }
    }

    /// A string that has escapes, interpolations or several lines.
    fn string(&mut self) -> ExprKind {
        let token = self.token;
        self.bump();
        let string = StringText::of(self.slice(token), token.kind == Kind::LongStr);
        let decoded = match string.decode() {
            Ok(decoded) => decoded,
            Err(message) => {
                self.problem(token.span(), message);
                return ExprKind::Missing;
            }
        };
        if string.raw || !decoded.contains("${") {
            return ExprKind::Str(decoded.into());
        }
        let content = token.start + string.offset as u32;
        let pieces = literal::pieces(string.content, &decoded);
        let parts = pieces.into_iter().map(|piece| self.template_part(content, piece));
        ExprKind::Template(parts.collect())
    }

    /// `content` is where the text between the quotes starts.
    fn template_part(&mut self, content: u32, piece: Piece) -> TemplatePart {
        match piece {
            Piece::Text(text) => TemplatePart::Text(text),
            Piece::Unclosed(at) => {
                let start = content + at as u32;
                self.problem(Span::new(start, start + 2), "`${` has no closing `}`");
                TemplatePart::Text("".into())
            }
            Piece::Value(range) => {
                let span = Span::new(content + range.start as u32, content + range.end as u32);
                let (value, format) = self.interpolation(span);
                TemplatePart::Value { value, format }
            }
        }
    }

    /// What stands between `${` and `}`. Its tokens take the place of the file's for as long as they are read.
    fn interpolation(&mut self, span: Span) -> (Expr, Option<TemplateFormat>) {
        let (tokens, complaints) = lexer::template_tokens(self.text, span);
        self.panicking |= !complaints.is_empty();
        self.add_complaints(complaints);
        let (token, index, last_end) = (self.token, self.index, self.last_end);
        self.token = tokens[0];
        self.index = 0;
        let outer = std::mem::replace(&mut self.tokens, tokens);
        self.skip_layout();
        let value = self.expr();
        let format = if self.eat(Kind::Colon) { self.format() } else { None };
        self.skip_layout();
        if !self.at(Kind::Eof) {
            self.expected("`}`");
        }
        self.tokens = outer;
        (self.token, self.index, self.last_end) = (token, index, last_end);
        if self.gave_up {
            self.skip_all();
        }
        (value, format)
    }

    /// `#json`, after the colon
    fn format(&mut self) -> Option<TemplateFormat> {
        let token = self.token;
        if !self.eat(Kind::Comment) {
            self.expected("`#json` or `#yaml` after the `:`");
            return None;
        }
        match self.slice(token)[1..].trim().to_ascii_lowercase().as_str() {
            "json" => Some(TemplateFormat::Json),
            "yaml" => Some(TemplateFormat::Yaml),
            other => {
                let message = format!("`#{other}` is not a format");
                self.problem_with_hint(token.span(), message, "the formats are `#json` and `#yaml`");
                None
            }
        }
    }

    /// `lambda x, y: int = 1 -> int {…}`, `lambda { x: int } -> int {…}`
    fn lambda(&mut self) -> ExprKind {
        self.bump();
        let params = if self.at(Kind::OpenBrace) && self.braces_hold_params() {
            self.bump();
            let params = self.params(Kind::CloseBrace, true);
            self.expect(Kind::CloseBrace, "`,` or `}`");
            params
        } else {
            self.params(Kind::OpenBrace, false)
        };
        let returns = self.eat(Kind::Arrow).then(|| self.ty());
        self.expect(Kind::OpenBrace, "`{`");
        self.skip_layout();
        let body = self.lambda_body();
        self.expect(Kind::CloseBrace, "`}`");
        ExprKind::Lambda(Box::new(Lambda { params, returns, body }))
    }

    /// Whether `->` follows the braces that open here.
    fn braces_hold_params(&self) -> bool {
        let mut open = 0_u32;
        for (at, Token { kind, .. }) in self.tokens.iter().enumerate().skip(self.index) {
            match kind {
                Kind::OpenBrace => open += 1,
                Kind::CloseBrace if open == 1 => {
                    return self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Arrow);
                }
                Kind::CloseBrace => open -= 1,
                _ => {}
            }
        }
        false
    }

    /// `all x in l {x > 1}`
    fn quantifier(&mut self) -> ExprKind {
        let op = match self.token.kind {
            Kind::All => QuantifierOp::All,
            Kind::Any => QuantifierOp::Any,
            Kind::Filter => QuantifierOp::Filter,
            _ => QuantifierOp::Map,
        };
        self.bump();
        let targets = self.loop_targets();
        let iter = self.quantifier_source();
        self.expect(Kind::OpenBrace, "`{`");
        let in_block = self.at(Kind::Newline);
        if in_block {
            self.skip_newlines();
            self.expect(Kind::Indent, "an indented block");
        }
        let test = self.simple_expr();
        let guard = self.eat(Kind::If).then(|| self.simple_expr());
        if in_block {
            self.skip_newlines();
            self.expect(Kind::Dedent, "the end of the block");
        }
        self.expect(Kind::CloseBrace, "`}`");
        ExprKind::Quantifier(Box::new(Quantifier { op, targets, iter, test, guard }))
    }

    /// What a quantifier walks: no call and no parentheses, since braces follow it.
    fn quantifier_source(&mut self) -> Expr {
        let start = self.token.start;
        if self.at(Kind::OpenParen) {
            let hint = "put the value into a variable first";
            self.problem_with_hint(
                self.token.span(),
                "a quantifier walks no expression in parentheses",
                hint,
            );
        }
        let mut expr = self.operand();
        while !self.panicking {
            match self.access(start, expr) {
                Ok(access) => expr = access,
                Err(source) => return source,
            }
            self.grow();
        }
        expr
    }
}

/// A comparison goes on the chain to its left.
fn comparison(left: Expr, op: CompareOp, right: Expr) -> ExprKind {
    match left.kind {
        ExprKind::Compare(mut chain) => {
            chain.rest.push((op, right));
            ExprKind::Compare(chain)
        }
        _ => ExprKind::Compare(Box::new(Compare { first: left, rest: vec![(op, right)] })),
    }
}
