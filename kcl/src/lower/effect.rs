//! What setting up the default of an attribute can do, beside giving the attribute a value.

use std::cell::Cell;

use rustc_hash::FxHashSet;
use syntax::ast::{BinaryOp, CompareOp, EntryOp, UnaryOp};

use super::Codes;
use super::code::{
    ConfigCode, ConfigItem, Const, EntryCode, Expr, ExprKind, Item, KeyCode, PackageCode, PartCode, Type,
};
use super::inert::assigned;
use crate::package::PackageId;

/// What a default can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: there is none, or it gives something that the type takes as it is.
    Nothing,
    /// It may fail, or give nothing, or what the type does not take.
    Failure,
    /// Anything.
    Anything,
}

/// Of longer code no more than this is looked at. It ends circles of variables, too.
const MAX_PARTS: u32 = 256;

impl Effect {
    /// The effect of a default for an attribute of a type.
    pub(super) fn of(default: Option<&Expr>, ty: &Type, codes: &dyn Codes) -> Self {
        let Some(value) = default else { return Self::Nothing };
        let sight = || Sight { codes, left: Cell::new(MAX_PARTS) };
        match &value.kind {
            ExprKind::Const(constant) if constant.is_of(ty) => Self::Nothing,
            // A dict may become an instance.
            _ if ty.may_pack() || !sight().only_gives(value, true) => Self::Anything,
            _ if sight().only_gives(value, false) && sight().is_of(value, ty, None) => Self::Nothing,
            _ => Self::Failure,
        }
    }
}

impl Const {
    /// Whether a type takes it as it is.
    fn is_of(&self, ty: &Type) -> bool {
        match (self, ty) {
            (Self::Undefined | Self::None, _) => false,
            // Larger ones may be out of range.
            (Self::Int(int), Type::Any | Type::Int | Type::Float) => i32::try_from(*int).is_ok(),
            (_, Type::Any)
            | (Self::Bool(_), Type::Bool)
            | (Self::Float(_), Type::Float)
            | (Self::Str(_), Type::Str) => true,
            (Self::Str(text), Type::Literal(Self::Str(literal))) => text == literal,
            (_, Type::Union(types)) => types.iter().any(|ty| self.is_of(ty)),
            _ => false,
        }
    }
}

/// A look at code.
struct Sight<'c> {
    codes: &'c dyn Codes,
    /// How many more expressions are looked at.
    left: Cell<u32>,
}

impl<'c> Sight<'c> {
    fn goes_on(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    /// Whether evaluating an expression does nothing but give a value; where it may fail, nothing but that too.
    fn only_gives(&self, expr: &Expr, may_fail: bool) -> bool {
        let gives = |expr: &Expr| self.only_gives(expr, may_fail);
        self.goes_on()
            && match &expr.kind {
                ExprKind::Const(_) => true,
                ExprKind::Foreign(package, slot) => self.variable(*package, *slot).is_some(),
                ExprKind::Arm(_, inner) | ExprKind::Unary(UnaryOp::Not, inner) => gives(inner),
                ExprKind::IfElse(it) => gives(&it.0) && gives(&it.1) && gives(&it.2),
                ExprKind::Binary(BinaryOp::And | BinaryOp::Or, both) => gives(&both.0) && gives(&both.1),
                ExprKind::List(items) => items.iter().all(|item| self.only_adds(item, may_fail)),
                ExprKind::Config(config) => is_plain(config) && values(config).all(gives),
                ExprKind::Compare(it) => {
                    let rest = || it.1.iter().map(|(_, operand)| operand);
                    (may_fail || is_short(it)) && gives(&it.0) && rest().all(gives)
                }
                _ => may_fail && self.computes(expr),
            }
    }

    /// The same for expressions that may fail: they look at values and make no instances.
    fn computes(&self, expr: &Expr) -> bool {
        let gives = |expr: &Expr| self.only_gives(expr, true);
        match &expr.kind {
            ExprKind::Unary(_, inner) | ExprKind::Member(inner, ..) => gives(inner),
            // Uniting instances makes new ones.
            ExprKind::Binary(op, both) => *op != BinaryOp::BitOr && gives(&both.0) && gives(&both.1),
            ExprKind::Index(both, _) => gives(&both.0) && gives(&both.1),
            ExprKind::Slice(slice) => gives(&slice.value) && slice.bounds.iter().flatten().all(gives),
            ExprKind::Template(parts) => parts.iter().all(|part| match part {
                PartCode::Text(_) => true,
                PartCode::Value(value, _) => gives(value),
            }),
            _ => false,
        }
    }

    fn only_adds(&self, item: &Item, may_fail: bool) -> bool {
        match item {
            Item::Value(value) => self.only_gives(value, may_fail),
            Item::Unpack(_) => false,
            Item::If(test, _, arms) => {
                self.only_gives(test, may_fail)
                    && arms.iter().flatten().all(|item| self.only_adds(item, may_fail))
            }
        }
    }

    /// Whether what an expression gives is something, without instances and functions, that a type takes as it is.
    /// Names are those of a package, or of code that names none of its own.
    fn is_of(&self, expr: &Expr, ty: &Type, home: Option<&'c PackageCode>) -> bool {
        let is_of = |expr: &Expr| self.is_of(expr, ty, home);
        self.goes_on()
            && match &expr.kind {
                ExprKind::Const(value) => value.is_of(ty),
                ExprKind::Arm(_, inner) => is_of(inner),
                ExprKind::IfElse(it) => is_of(&it.0) && is_of(&it.2),
                ExprKind::Binary(BinaryOp::And | BinaryOp::Or, both) => is_of(&both.0) && is_of(&both.1),
                ExprKind::Global(slot) => home.is_some_and(|home| self.holds(home, *slot, ty)),
                ExprKind::Foreign(package, slot) => {
                    self.codes.code(*package).is_some_and(|code| self.holds(code, *slot, ty))
                }
                other => self.makes(other, ty, home),
            }
    }

    fn makes(&self, kind: &ExprKind, ty: &Type, home: Option<&'c PackageCode>) -> bool {
        let is_nothing = |expr: &Expr| matches!(expr.kind, ExprKind::Const(Const::Undefined | Const::None));
        let inner = match ty {
            Type::List(inner) | Type::Dict(_, inner) => inner,
            other => other,
        };
        let holds = |expr: &Expr| is_nothing(expr) || self.is_of(expr, inner, home);
        match (kind, ty) {
            (_, Type::Union(types)) => types.iter().any(|ty| self.makes(kind, ty, home)),
            (ExprKind::Compare(_) | ExprKind::Unary(UnaryOp::Not, _), Type::Any | Type::Bool)
            | (ExprKind::Template(_), Type::Any | Type::Str) => true,
            (ExprKind::List(items), Type::Any | Type::List(_)) => {
                items.iter().all(|item| all_in(item, &holds))
            }
            (ExprKind::Config(config), Type::Any | Type::Dict(..)) => {
                is_plain(config) && values(config).all(holds)
            }
            _ => false,
        }
    }

    /// Whether the value of a package's variable is of a type.
    fn holds(&self, code: &'c PackageCode, slot: u32, ty: &Type) -> bool {
        let assign = code.globals.get(slot as usize).and_then(|global| assigned(code, global));
        assign.is_some_and(|assign| {
            assign.ty.as_ref().is_none_or(|ty| !ty.may_pack()) && self.is_of(&assign.value, ty, Some(code))
        })
    }

    /// The package of a variable that one assignment sets: it is what it is once the package has been evaluated.
    fn variable(&self, package: PackageId, slot: u32) -> Option<&'c PackageCode> {
        let code = self.codes.code(package)?;
        assigned(code, code.globals.get(slot as usize)?).map(|_| code)
    }
}

/// Whether a comparison looks at no more than one pair of values, and takes any.
fn is_short((first, rest): &(Expr, Vec<(CompareOp, Expr)>)) -> bool {
    let [(CompareOp::Eq | CompareOp::NotEq | CompareOp::Is | CompareOp::IsNot, second)] = &**rest else {
        return false;
    };
    [first, second].iter().any(|operand| matches!(operand.kind, ExprKind::Const(_)))
}

/// Whether a block is of entries under keys that are known and differ, none of which acts on what is there.
fn is_plain(config: &ConfigCode) -> bool {
    let mut keys = FxHashSet::default();
    config.locals.is_empty()
        && config.items.iter().all(|item| match item {
            ConfigItem::Entry(EntryCode { key: KeyCode::Const(key), op, index: None, .. }) => {
                *op != EntryOp::Insert && keys.insert(key.as_str())
            }
            _ => false,
        })
}

fn values(config: &ConfigCode) -> impl Iterator<Item = &Expr> {
    config.items.iter().filter_map(|item| match item {
        ConfigItem::Entry(entry) => Some(&entry.value),
        _ => None,
    })
}

/// Whether something is so for all that a list may get.
fn all_in(item: &Item, is_so: &dyn Fn(&Expr) -> bool) -> bool {
    match item {
        Item::Value(value) => is_so(value),
        Item::Unpack(_) => false,
        Item::If(_, _, arms) => arms.iter().flatten().all(|item| all_in(item, is_so)),
    }
}
