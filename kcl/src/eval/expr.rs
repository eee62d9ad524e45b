//! Expressions.

use syntax::ast::{BinaryOp, CompareOp, TemplateFormat};

use super::typing::{describe, is_of_schema};
use super::{Frame, Run};
use crate::lower::code::{ConfigCode, Const, Expr, ExprKind, Item, PartCode, SliceCode, Type};
use crate::stdlib::Outcome;
use crate::value::convert::{type_of, write_text};
use crate::value::size::str_fits;
use crate::value::union::{UnionOptions, union, unpack_list};
use crate::value::{Key, Value, ops};

impl<'r> Run<'r> {
    /// The value of an expression. Half of all are constants and locals, which take no call.
    #[inline]
    pub(super) fn expr(&mut self, expr: &'r Expr) -> Outcome<Value<'r>> {
        self.place = (self.frame.source, expr.span);
        match &expr.kind {
            ExprKind::Const(value) => Ok(constant(value)),
            ExprKind::Local(at, None) => Ok(self.local(*at)),
            _ => self.computed(expr),
        }
    }

    fn computed(&mut self, expr: &'r Expr) -> Outcome<Value<'r>> {
        match &expr.kind {
            ExprKind::Const(value) => Ok(constant(value)),
            ExprKind::Local(at, otherwise) => match (self.local(*at), otherwise) {
                (Value::Undefined, Some(otherwise)) => self.expr(otherwise),
                (value, _) => Ok(value),
            },
            ExprKind::Captured(at, otherwise) => self.captured(*at, otherwise.as_deref()),
            ExprKind::Attr(name, otherwise) => self.attr(*name, otherwise),
            ExprKind::Global(slot) => self.global(self.frame.package, *slot),
            ExprKind::GlobalNow(slot) => self.global_now(*slot),
            ExprKind::Foreign(package, slot) => self.global(*package, *slot),
            ExprKind::Function(function) => Ok(Value::Func(crate::value::Func::Builtin(function))),
            ExprKind::Member(value, name, optional) => self.member(value, *name, *optional),
            ExprKind::Index(both, optional) => self.index(&both.0, &both.1, *optional),
            ExprKind::Slice(slice) => self.slice(slice),
            ExprKind::Call(call) => self.call_expr(&call.0, &call.1),
            ExprKind::Unary(op, operand) => ops::unary(*op, self.expr(operand)?),
            ExprKind::Binary(op, both) => self.binary(*op, &both.0, &both.1),
            ExprKind::Compare(compare) => self.compare(&compare.0, &compare.1),
            ExprKind::As(both) => self.convert(&both.0, &both.1),
            ExprKind::IfElse(it) => {
                let test = self.expr(&it.1)?;
                self.arm(if test.is_truthy() { &it.0 } else { &it.2 })
            }
            ExprKind::List(items) => Ok(Value::List(self.gathered(|run| run.items(items))?)),
            ExprKind::ListComp(comp) => self.list_comp(&comp.0, &comp.1),
            ExprKind::Config(config) => self.config(config),
            ExprKind::DictComp(comp) => self.dict_comp(&comp.0, &comp.1),
            ExprKind::Schema(schema) => self.schema_expr(schema),
            ExprKind::Lambda(lambda) => self.lambda(lambda),
            ExprKind::Quantifier(quantifier) => self.quantifier(quantifier),
            ExprKind::Template(parts) => self.template(parts),
            ExprKind::Arm(..) => self.arm(expr),
        }
    }

    /// An expression that may be an arm.
    pub(super) fn arm(&mut self, expr: &'r Expr) -> Outcome<Value<'r>> {
        match &expr.kind {
            ExprKind::Arm(number, inner) => {
                self.used_arm(*number);
                self.expr(inner)
            }
            _ => self.expr(expr),
        }
    }

    fn captured(&mut self, at: u32, otherwise: Option<&'r Expr>) -> Outcome<Value<'r>> {
        let Frame { captured, closure, .. } = self.frame;
        if let Some(closure) = closure
            && closure.code.itself == Some(at)
        {
            return Ok(Value::Func(crate::value::Func::Lambda(closure)));
        }
        match (captured.get(at as usize).copied().unwrap_or(Value::Undefined), otherwise) {
            (Value::Undefined, Some(otherwise)) => self.expr(otherwise),
            (value, _) => Ok(value),
        }
    }

    fn member(&mut self, value: &'r Expr, name: Key<'static>, optional: bool) -> Outcome<Value<'r>> {
        let value = self.expr(value)?;
        if optional && !value.is_truthy() {
            return Ok(Value::None);
        }
        self.load_member(value, name)
    }

    pub(super) fn load_member(&mut self, value: Value<'r>, name: Key<'r>) -> Outcome<Value<'r>> {
        self.looked_for(value, name);
        ops::load_member(self.arena, value, name)
    }

    fn index(&mut self, value: &'r Expr, index: &'r Expr, optional: bool) -> Outcome<Value<'r>> {
        if let ExprKind::Config(table) = &value.kind
            && table.is_table
        {
            return self.entry_of(value, table, index);
        }
        let value = self.expr(value)?;
        let index = self.expr(index)?;
        if optional && !value.is_truthy() {
            return Ok(Value::None);
        }
        self.subscript(value, index)
    }

    /// Of a table, what one entry has; the others are constants, so they need not be made.
    fn entry_of(&mut self, whole: &'r Expr, table: &'r ConfigCode, index: &'r Expr) -> Outcome<Value<'r>> {
        let index = self.expr(index)?;
        if let Value::Str(key) = index
            && let Some(value) = table.constant(key)
        {
            return self.expr(value);
        }
        let whole = self.expr(whole)?;
        self.subscript(whole, index)
    }

    pub(super) fn subscript(&mut self, value: Value<'r>, index: Value<'r>) -> Outcome<Value<'r>> {
        if let Value::Str(name) = index {
            self.looked_for(value, Key::new(name));
        }
        ops::subscript(value, index)
    }

    fn slice(&mut self, slice: &'r SliceCode) -> Outcome<Value<'r>> {
        let value = self.expr(&slice.value)?;
        let mut bounds = [Value::None; 3];
        for (bound, expr) in bounds.iter_mut().zip(&slice.bounds) {
            if let Some(expr) = expr {
                *bound = self.expr(expr)?;
            }
        }
        if slice.optional && !value.is_truthy() {
            return Ok(Value::None);
        }
        ops::slice(self.arena, value, bounds)
    }

    fn binary(&mut self, op: BinaryOp, left: &'r Expr, right: &'r Expr) -> Outcome<Value<'r>> {
        let left = self.expr(left)?;
        match op {
            BinaryOp::And if !left.is_truthy() => Ok(left),
            BinaryOp::Or if left.is_truthy() => Ok(left),
            BinaryOp::And | BinaryOp::Or => self.arm(right),
            _ => {
                let right = self.expr(right)?;
                self.operate(op, left, right)
            }
        }
    }

    pub(super) fn operate(&mut self, op: BinaryOp, left: Value<'r>, right: Value<'r>) -> Outcome<Value<'r>> {
        if op == BinaryOp::BitOr {
            return union(self, left, right, UnionOptions::default());
        }
        ops::binary(self.arena, op, left, right, self.settings.strict_range)
    }

    fn compare(&mut self, first: &'r Expr, rest: &'r [(CompareOp, Expr)]) -> Outcome<Value<'r>> {
        let mut left = self.expr(first)?;
        for (op, operand) in rest {
            let right = self.expr(operand)?;
            if let (CompareOp::In | CompareOp::NotIn, Value::Str(key)) = (op, left) {
                self.looked_for(right, Key::new(key));
            }
            let pairs = self.pairs();
            let mut left_over = pairs;
            let holds = ops::compare(*op, left, right, &mut left_over);
            self.count_pairs(pairs - left_over);
            if !holds? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn convert(&mut self, value: &'r Expr, ty: &'r Type) -> Outcome<Value<'r>> {
        let value = self.expr(value)?;
        let packed = self.pack(value, ty)?;
        if !is_of_schema(packed, ty) {
            return Err(format!("expect {}, got {}", describe(ty), type_of(packed, true)).into());
        }
        Ok(packed)
    }

    /// Gathers the items of a list.
    fn items(&mut self, items: &'r [Item]) -> Outcome<()> {
        for item in items {
            match item {
                Item::Value(value) => {
                    let value = self.expr(value)?;
                    self.gathered.push(value);
                }
                Item::Unpack(value) => {
                    let value = self.expr(value)?;
                    unpack_list(&mut self.gathered, value)?;
                }
                Item::If(test, number, [then, otherwise]) => {
                    let holds = self.expr(test)?.is_truthy();
                    let branch = if holds { then } else { otherwise };
                    if !branch.is_empty() {
                        self.used_arm(number + u32::from(!holds));
                        self.items(branch)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn template(&mut self, parts: &'r [PartCode]) -> Outcome<Value<'r>> {
        let mut text = String::new();
        for part in parts {
            match part {
                PartCode::Text(part) => text.push_str(part),
                PartCode::Value(value, format) => {
                    let value = self.expr(value)?;
                    match format {
                        None => write_text(&mut text, value),
                        Some(TemplateFormat::Json) => text.push_str(&crate::plan::json_text(value)?),
                        Some(TemplateFormat::Yaml) => text.push_str(&crate::plan::yaml_text(value)?),
                    }
                }
            }
        }
        str_fits(text.len())?;
        Ok(Value::Str(self.arena.alloc_str(&text)))
    }
}

/// The value of a literal, which lives as long as the code.
pub(super) fn constant(value: &Const) -> Value<'_> {
    match value {
        Const::Undefined => Value::Undefined,
        Const::None => Value::None,
        Const::Bool(value) => Value::Bool(*value),
        Const::Int(value) => Value::Int(*value),
        Const::Float(value) => Value::Float(*value),
        Const::Unit(unit) => Value::Unit(unit),
        Const::Str(text) => Value::Str(text),
    }
}
