//! Operators: which types they take and what they give.

use std::sync::Arc;

use syntax::ast::{self, BinaryOp, CompareOp, UnaryOp};
use syntax::{Code, Span};

use super::checker::Checker;
use super::ty::{DictType, Ordered, Type};

impl Checker<'_> {
    pub(super) fn binary_expr(&mut self, binary: &ast::Binary) -> Type {
        let left = self.expr(&binary.left);
        let right = self.expr(&binary.right);
        self.binary(&left, &right, binary.op, binary.left.span.to(binary.right.span))
    }

    /// What an operator makes of two values.
    pub(super) fn binary(&mut self, left: &Type, right: &Type, op: BinaryOp, span: Span) -> Type {
        let one = self.table.widen_union(left.clone());
        let other = self.table.widen_union(right.clone());
        if one.is_any() || other.is_any() {
            return Type::Any;
        }
        if let Some(ty) = self.result(&one, &other, op, span) {
            return ty;
        }
        let (left, right) = (self.table.show(left), self.table.show(right));
        self.report(Code::Type, span, format!("`{}` does not take `{left}` and `{right}`", symbol(op)));
        Type::Any
    }

    fn result(&mut self, one: &Type, other: &Type, op: BinaryOp, span: Span) -> Option<Type> {
        let numbers = one.is_number() && other.is_number();
        match op {
            BinaryOp::Add if numbers => Some(number(one, other)),
            BinaryOp::Add if one.is_str() && other.is_str() => Some(Type::Str),
            BinaryOp::Add => self.lists(one, other),
            BinaryOp::Sub | BinaryOp::Pow => numbers.then(|| number(one, other)),
            BinaryOp::Mul if numbers => Some(number(one, other)),
            BinaryOp::Mul if one.is_int() && repeats(other) => Some(other.clone()),
            BinaryOp::Mul if other.is_int() && repeats(one) => Some(one.clone()),
            BinaryOp::Mul => None,
            BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod => {
                if numbers && is_zero(other) {
                    self.report(Code::Type, span, "division by zero");
                }
                let result = if op == BinaryOp::Mod { Type::Int } else { number(one, other) };
                numbers.then_some(result)
            }
            BinaryOp::LShift | BinaryOp::RShift | BinaryOp::BitXor | BinaryOp::BitAnd => {
                (one.is_int() && other.is_int()).then_some(Type::Int)
            }
            BinaryOp::BitOr => self.union(one, other),
            BinaryOp::And => Some(Type::Bool),
            BinaryOp::Or => Some(self.table.join([one, other])),
        }
    }

    fn lists(&self, one: &Type, other: &Type) -> Option<Type> {
        match (one, other) {
            (Type::List(one), Type::List(other)) => Some(Type::list(self.table.join([&**one, &**other]))),
            _ => None,
        }
    }

    fn union(&self, one: &Type, other: &Type) -> Option<Type> {
        match (one, other) {
            _ if one.is_int() && other.is_int() => Some(Type::Int),
            (Type::None, _) => Some(other.clone()),
            (_, Type::None) => Some(one.clone()),
            (Type::Dict(one), Type::Dict(other)) => {
                let mut attrs = Ordered::clone(&one.attrs);
                attrs.extend(other.attrs.iter().map(|(name, attr)| (*name, attr.clone())));
                let key = self.table.join([&one.key, &other.key]);
                let value = self.table.join([&one.value, &other.value]);
                Some(Type::Dict(Arc::new(DictType::new(key, value, Arc::new(attrs)))))
            }
            (Type::Schema(..), Type::Schema(..) | Type::Dict(_)) => Some(one.clone()),
            _ => self.lists(one, other),
        }
    }

    /// `value as T`
    pub(super) fn as_expr(&mut self, cast: &ast::As) -> Type {
        let value = self.expr(&cast.value);
        let target = match self.annotation(&cast.ty) {
            Type::Schema(schema, _) => Type::Schema(schema, true),
            other => other,
        };
        let (one, other) = (self.table.widen_union(value), self.table.widen_union(target));
        if one.is_any() || other.is_any() {
            return Type::Any;
        }
        if !self.table.includes(&self.table.widen(&one), &other) {
            let (from, to) = (self.table.show(&one), self.table.show(&other));
            let message = format!("a value of the type `{from}` is never one of the type `{to}`");
            self.report(Code::Type, cast.value.span.to(cast.ty.span), message);
        }
        other
    }

    pub(super) fn unary_expr(&mut self, op: UnaryOp, operand: &ast::Expr) -> Type {
        let ty = self.expr(operand);
        if ty.is_any() {
            return Type::Any;
        }
        let wide = self.table.widen_union(ty.clone());
        let taken = match op {
            UnaryOp::Plus | UnaryOp::Minus => wide.is_number(),
            UnaryOp::Invert => wide.is_int() || wide.is_bool(),
            UnaryOp::Not => true,
        };
        if taken {
            return wide;
        }
        let sign = match op {
            UnaryOp::Plus => '+',
            UnaryOp::Minus => '-',
            UnaryOp::Invert | UnaryOp::Not => '~',
        };
        let message = format!("`{sign}` does not take `{}`", self.table.show(&ty));
        self.report(Code::Type, operand.span, message);
        Type::Any
    }

    /// A chain of comparisons. As in the reference, each is held against the first operand, and the last operand of a
    /// chain is not looked at.
    pub(super) fn compare_expr(&mut self, compare: &ast::Compare) -> Type {
        let Some(((op, second), rest)) = compare.rest.split_first() else { return Type::Bool };
        let first = self.expr(&compare.first);
        let other = self.expr(second);
        self.compare(&first, &other, *op, compare.first.span.to(second.span));
        for at in 0..rest.len().saturating_sub(1) {
            let operand = &rest[at].1;
            let other = self.expr(operand);
            self.compare(&first, &other, rest[at + 1].0, operand.span);
        }
        Type::Bool
    }

    fn compare(&mut self, left: &Type, right: &Type, op: CompareOp, span: Span) {
        let one = self.table.widen_union(left.clone());
        let other = self.table.widen_union(right.clone());
        if !comparable(&one, &other, op) {
            let (left, right) = (self.table.show(left), self.table.show(right));
            let message = format!("`{}` does not compare `{left}` with `{right}`", compare_symbol(op));
            self.report(Code::Type, span, message);
        }
    }
}

fn comparable(one: &Type, other: &Type, op: CompareOp) -> bool {
    let member = matches!(op, CompareOp::In | CompareOp::NotIn);
    let equality = matches!(op, CompareOp::Eq | CompareOp::NotEq);
    let both = |test: fn(&Type) -> bool| one.all(test) && other.all(test);
    if one.is_any() || other.is_any() {
        return true;
    }
    (!member && both(|ty| ty.is_number() || ty.is_bool()))
        || (equality && both(Type::is_scalar))
        || (equality && one.is_list() && other.is_list())
        || (equality && one.is_config() && other.is_config())
        || (member && other.is_iterable())
        || ((one.is_none() || other.is_none())
            && (equality || matches!(op, CompareOp::Is | CompareOp::IsNot)))
}

fn number(one: &Type, other: &Type) -> Type {
    if one.is_float() || other.is_float() { Type::Float } else { Type::Int }
}

/// Whether a value can be multiplied by an integer.
fn repeats(ty: &Type) -> bool {
    ty.all(|ty| ty.is_number() || ty.is_str() || ty.is_list())
}

fn is_zero(ty: &Type) -> bool {
    match ty {
        Type::IntLit(value) => *value == 0,
        Type::FloatLit(value) => *value == 0.0,
        _ => false,
    }
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::LShift => "<<",
        BinaryOp::RShift => ">>",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
    }
}

fn compare_symbol(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "==",
        CompareOp::NotEq => "!=",
        CompareOp::Lt => "<",
        CompareOp::LtE => "<=",
        CompareOp::Gt => ">",
        CompareOp::GtE => ">=",
        CompareOp::Is => "is",
        CompareOp::IsNot => "is not",
        CompareOp::In => "in",
        CompareOp::NotIn => "not in",
    }
}
