//! Type expressions.

use super::Parser;
use crate::ast::{Path, Type, TypeKind};
use crate::literal::{self, Number, StringText};
use crate::token::Kind;

impl Parser<'_> {
    /// `int | [str]`
    pub(super) fn ty(&mut self) -> Type {
        self.deeper(Self::union_type)
    }

    /// `"a" | "b"`
    fn union_type(&mut self) -> Type {
        let start = self.token.start;
        let first = self.type_element();
        if !self.at(Kind::Pipe) {
            return first;
        }
        let mut members = vec![first];
        while self.eat(Kind::Pipe) {
            members.push(self.type_element());
        }
        Type { kind: TypeKind::Union(members), span: self.span_from(start) }
    }

    fn type_element(&mut self) -> Type {
        let start = self.token.start;
        let kind = match self.token.kind {
            Kind::OpenBracket => self.list_type(),
            Kind::OpenBrace => self.dict_type(),
            Kind::OpenParen => self.function_type(),
            Kind::Int | Kind::Float => self.number_type(),
            kind if kind.is_string() => self.string_type(),
            kind if kind.is_name() => self.named_type(),
            _ => {
                self.expected("a type");
                TypeKind::Any
            }
        };
        Type { kind, span: self.span_from(start) }
    }

    /// `pkg.S`, `int`, `True`
    fn named_type(&mut self) -> TypeKind {
        let kind = match (self.token.kind, self.slice(self.token)) {
            (Kind::Any, _) => TypeKind::Any,
            (Kind::True, _) => TypeKind::LitBool(true),
            (Kind::False, _) => TypeKind::LitBool(false),
            (_, "bool") => TypeKind::Bool,
            (_, "int") => TypeKind::Int,
            (_, "float") => TypeKind::Float,
            (_, "str") => TypeKind::Str,
            _ => return TypeKind::Named(self.path()),
        };
        self.bump();
        kind
    }

    /// The type after `as`, which must be a name.
    pub(super) fn type_name(&mut self) -> Type {
        let start = self.token.start;
        let kind = if self.token.kind.is_name() && !self.at(Kind::Any) {
            self.named_type()
        } else {
            self.expected("the name of a type after `as`");
            TypeKind::Any
        };
        Type { kind, span: self.span_from(start) }
    }

    /// `1Ki`
    fn number_type(&mut self) -> TypeKind {
        let token = self.token;
        self.bump();
        match literal::number(self.slice(token)) {
            Ok(Number::Int(value)) => TypeKind::LitInt(value),
            Ok(Number::Float(value)) => TypeKind::LitFloat(value),
            Ok(Number::Unit(unit)) => TypeKind::LitUnit(Box::new(unit)),
            Err(message) => {
                self.problem(token.span(), message);
                TypeKind::Any
            }
        }
    }

    /// `"a"`
    fn string_type(&mut self) -> TypeKind {
        let token = self.token;
        self.bump();
        match StringText::of(self.slice(token), token.kind == Kind::LongStr).decode() {
            Ok(text) => TypeKind::LitStr(text.into()),
            Err(message) => {
                self.problem(token.span(), message);
                TypeKind::Any
            }
        }
    }

    /// `[T]`, `[]`
    fn list_type(&mut self) -> TypeKind {
        self.bump();
        let element = (!self.at(Kind::CloseBracket)).then(|| Box::new(self.ty()));
        self.expect(Kind::CloseBracket, "`]`");
        TypeKind::List(element)
    }

    /// `{K:V}`, `{K:}`, `{:}`
    fn dict_type(&mut self) -> TypeKind {
        self.bump();
        let key = (!self.at(Kind::Colon)).then(|| Box::new(self.ty()));
        self.expect(Kind::Colon, "`:`");
        let value = (!self.at(Kind::CloseBrace)).then(|| Box::new(self.ty()));
        self.expect(Kind::CloseBrace, "`}`");
        TypeKind::Dict(key, value)
    }

    /// `(A, B) -> R`
    fn function_type(&mut self) -> TypeKind {
        self.bump();
        let mut params = Vec::new();
        while !self.at(Kind::CloseParen) && !self.panicking {
            params.push(self.ty());
            self.eat(Kind::Comma);
        }
        self.expect(Kind::CloseParen, "`)`");
        let returns = self.eat(Kind::Arrow).then(|| Box::new(self.ty()));
        TypeKind::Function(params, returns)
    }
}

impl Type {
    /// The name, if that is all there is.
    pub(super) fn into_name(self) -> Result<Path, Self> {
        match self.kind {
            TypeKind::Named(path) => Ok(path),
            _ => Err(self),
        }
    }
}
