//! What a program says twice in a row, where that comes to the same as saying it once.
//!
//! A doubled line is a slip that changes nothing, so it should rebuild nothing: the second one is left out of the code, and whoever
//! runs or fingerprints it sees the program without the slip.
//!
//! That needs expressions that do nothing but give a value (they make no instances and call no code of the program), give the same
//! when they are evaluated again at once, and give something that is united with itself to itself: names and what is inside of
//! their values are the same collection then, and a collection that is made anew has the same items under no operator that adds.
//! A float that is not a number, or a number with a unit that a name stands for, contradicts itself under the same key; it is taken
//! once, too.
//!
//! A read may run the statements that set what it names, and these may change what another read in the expression gave. So there is no
//! more than one name of that kind in such an expression: a global of the package, or an attribute where no lambda runs.

use std::cell::{Cell, RefCell};

use syntax::ast::{BinaryOp, EntryOp};

use super::code::{
    ArgsCode, Assign, Check, Clause, ConfigCode, ConfigItem, Const, EntryCode, Expr, ExprKind, Item, KeyCode,
    PartCode, Place, Stmt, StmtKind,
};

/// String methods that give text.
const TEXT_METHODS: [&str; 8] =
    ["capitalize", "format", "join", "lower", "replace", "strip", "title", "upper"];

/// Builtins that look at their arguments and give something new.
const FUNCTIONS: [&str; 13] =
    ["abs", "bool", "float", "int", "len", "max", "min", "option", "round", "sorted", "str", "sum", "typeof"];

/// Whether one expression says what another one says, which is evaluated at once after it, though something it may name was set in
/// between: a local, or an attribute by the body's name table.
pub(super) fn says_again(one: &Expr, other: &Expr, set: Option<Place>) -> bool {
    Pair::new(set, false).exprs(one, other)
}

/// Leaves out entries that say what the one before them says. What is said of where an entry is counts of the last one.
pub(super) fn leave_out_entries(items: &mut Vec<ConfigItem>, in_lambda: bool) {
    for item in items.iter_mut() {
        if let ConfigItem::If(_, _, arms) = item {
            arms.iter_mut().for_each(|arm| leave_out_entries(arm, in_lambda));
        }
    }
    items.dedup_by(|item, before| {
        let (ConfigItem::Entry(entry), ConfigItem::Entry(before)) = (item, before) else { return false };
        let again = is_entry_again(before, entry, in_lambda);
        if again {
            (before.origin, before.span) = (entry.origin, entry.span);
        }
        again
    });
}

fn is_entry_again(before: &EntryCode, entry: &EntryCode, in_lambda: bool) -> bool {
    // Code is read in the file of its entry.
    before.origin.file == entry.origin.file
        && Pair::new(entry.local.map(Place::Local), in_lambda).entries(before, entry)
}

/// Leaves out statements of a lambda that say what the one before them says.
pub(super) fn leave_out_stmts(stmts: &mut Vec<Stmt>) {
    stmts.dedup_by(|stmt, before| is_stmt_again(&before.kind, &stmt.kind));
}

fn is_stmt_again(before: &StmtKind, stmt: &StmtKind) -> bool {
    let pair = Pair::new(None, true);
    match (before, stmt) {
        (StmtKind::Expr(one), StmtKind::Expr(other)) => pair.exprs(one, other),
        (StmtKind::Assign(one), StmtKind::Assign(other)) => is_assign_again(one, other),
        (StmtKind::Assert(one), StmtKind::Assert(other)) => pair.checks(one, other),
        _ => false,
    }
}

fn is_assign_again(one: &Assign, other: &Assign) -> bool {
    let ([target], [again]) = (&*one.targets, &*other.targets) else { return false };
    let place @ Place::Local(_) = target.place else { return false };
    place == again.place
        && target.path.is_empty()
        && again.path.is_empty()
        && one.ty == other.ty
        // A dict may become an instance.
        && one.ty.as_ref().is_none_or(|ty| !ty.may_pack())
        && Pair::new(Some(place), true).exprs(&one.value, &other.value)
}

/// A look at two pieces of code, the second of which is evaluated at once after the first.
struct Pair {
    /// What was set in between.
    set: Option<Place>,
    in_lambda: bool,
    /// The name whose statements a read may run.
    read: Cell<Option<Place>>,
    /// The variables of the loops around, in both.
    loops: RefCell<Vec<(u32, u32)>>,
}

impl Pair {
    fn new(set: Option<Place>, in_lambda: bool) -> Self {
        Self { set, in_lambda, read: Cell::default(), loops: RefCell::default() }
    }

    /// Whether what is read is the only such name.
    fn reads(&self, place: Place) -> bool {
        *self.read.replace(Some(place)).get_or_insert(place) == place
    }

    fn exprs(&self, one: &Expr, other: &Expr) -> bool {
        match (&one.kind, &other.kind) {
            // A number with a unit contradicts itself.
            (ExprKind::Const(one), ExprKind::Const(other)) => one == other && !matches!(one, Const::Unit(_)),
            (ExprKind::Local(one, outside), ExprKind::Local(other, otherwise)) => {
                self.is_local_again(*one, *other) && self.both(outside.as_deref(), otherwise.as_deref())
            }
            (ExprKind::Captured(one, outside), ExprKind::Captured(other, otherwise)) => {
                one == other && self.both(outside.as_deref(), otherwise.as_deref())
            }
            (ExprKind::Attr(one, outside), ExprKind::Attr(other, otherwise)) => {
                let place = Place::Attr(*one);
                one == other && self.set != Some(place) && self.are_attr(place, outside, otherwise)
            }
            (ExprKind::Global(one), ExprKind::Global(other))
            | (ExprKind::GlobalNow(one), ExprKind::GlobalNow(other)) => {
                one == other && self.reads(Place::Global(*one))
            }
            (ExprKind::Foreign(one, at), ExprKind::Foreign(other, slot)) => one == other && at == slot,
            (ExprKind::Member(one, key, may), ExprKind::Member(other, name, might)) => {
                key == name && may == might && self.exprs(one, other)
            }
            (ExprKind::Index(one, may), ExprKind::Index(other, might)) => {
                may == might && self.exprs(&one.0, &other.0) && self.exprs(&one.1, &other.1)
            }
            (ExprKind::Slice(one), ExprKind::Slice(other)) => {
                let bounds = one.bounds.iter().zip(&other.bounds);
                one.optional == other.optional
                    && self.exprs(&one.value, &other.value)
                    && bounds.into_iter().all(|(one, other)| self.both(one.as_ref(), other.as_ref()))
            }
            _ => self.operations(one, other) || self.collections(one, other),
        }
    }

    /// An attribute, which hides a global; where both are read, the global is the last one.
    fn are_attr(&self, place: Place, outside: &Expr, otherwise: &Expr) -> bool {
        let is_global = match (&outside.kind, &otherwise.kind) {
            (ExprKind::Global(one), ExprKind::Global(other))
            | (ExprKind::GlobalNow(one), ExprKind::GlobalNow(other)) => Some(one == other),
            _ => None,
        };
        match is_global {
            Some(same) => same && self.reads(place),
            None => (self.in_lambda || self.reads(place)) && self.exprs(outside, otherwise),
        }
    }

    fn operations(&self, one: &Expr, other: &Expr) -> bool {
        match (&one.kind, &other.kind) {
            (ExprKind::Unary(op, one), ExprKind::Unary(with, other)) => op == with && self.exprs(one, other),
            // Uniting instances makes new ones.
            (ExprKind::Binary(op, one), ExprKind::Binary(with, other)) => {
                op == with
                    && *op != BinaryOp::BitOr
                    && self.exprs(&one.0, &other.0)
                    && self.exprs(&one.1, &other.1)
            }
            (ExprKind::Compare(one), ExprKind::Compare(other)) => {
                let mut pairs = one.1.iter().zip(&other.1);
                one.1.len() == other.1.len()
                    && self.exprs(&one.0, &other.0)
                    && pairs.all(|((op, one), (with, other))| op == with && self.exprs(one, other))
            }
            (ExprKind::IfElse(one), ExprKind::IfElse(other)) => {
                self.exprs(&one.0, &other.0) && self.exprs(&one.1, &other.1) && self.exprs(&one.2, &other.2)
            }
            (ExprKind::Arm(_, one), ExprKind::Arm(_, other)) => self.exprs(one, other),
            (ExprKind::Template(one), ExprKind::Template(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| self.pieces(one, other))
            }
            (ExprKind::Call(one), ExprKind::Call(other)) => {
                self.callees(&one.0, &other.0) && self.args(&one.1, &other.1)
            }
            _ => false,
        }
    }

    fn collections(&self, one: &Expr, other: &Expr) -> bool {
        match (&one.kind, &other.kind) {
            (ExprKind::List(one), ExprKind::List(other)) => {
                let items = |(one, other): (&Item, &Item)| match (one, other) {
                    (Item::Value(one), Item::Value(other)) => self.exprs(one, other),
                    _ => false,
                };
                one.len() == other.len() && one.iter().zip(other).all(items)
            }
            (ExprKind::Config(one), ExprKind::Config(other)) => self.configs(one, other),
            (ExprKind::ListComp(one), ExprKind::ListComp(other)) => {
                let around = self.loops.borrow().len();
                let clauses = one.1.iter().zip(&other.1);
                let same = one.1.len() == other.1.len()
                    && clauses.into_iter().all(|(one, other)| self.clauses(one, other))
                    && self.exprs(&one.0, &other.0);
                self.loops.borrow_mut().truncate(around);
                same
            }
            _ => false,
        }
    }

    /// A loop; its variables stay known for what comes after it.
    fn clauses(&self, one: &Clause, other: &Clause) -> bool {
        if !self.exprs(&one.iter, &other.iter) || one.targets.len() != other.targets.len() {
            return false;
        }
        self.loops.borrow_mut().extend(one.targets.iter().copied().zip(other.targets.iter().copied()));
        let mut conditions = one.conditions.iter().zip(&other.conditions);
        one.conditions.len() == other.conditions.len()
            && conditions.all(|(one, other)| self.exprs(one, other))
    }

    fn is_local_again(&self, one: u32, other: u32) -> bool {
        let known = self.loops.borrow();
        match known.iter().rev().find(|(of_one, of_other)| *of_one == one || *of_other == other) {
            Some(pair) => *pair == (one, other),
            None => one == other && self.set != Some(Place::Local(one)),
        }
    }

    fn configs(&self, one: &ConfigCode, other: &ConfigCode) -> bool {
        let items = |(one, other): (&ConfigItem, &ConfigItem)| match (one, other) {
            (ConfigItem::Entry(one), ConfigItem::Entry(other)) => self.entries(one, other),
            _ => false,
        };
        one.locals.is_empty()
            && other.locals.is_empty()
            && one.items.len() == other.items.len()
            && one.items.iter().zip(&other.items).all(items)
    }

    fn entries(&self, one: &EntryCode, other: &EntryCode) -> bool {
        let (KeyCode::Const(key), KeyCode::Const(again)) = (&one.key, &other.key) else { return false };
        key == again
            && one.op == other.op
            && one.op != EntryOp::Insert
            && one.index.is_none()
            && other.index.is_none()
            && self.exprs(&one.value, &other.value)
    }

    fn pieces(&self, one: &PartCode, other: &PartCode) -> bool {
        match (one, other) {
            (PartCode::Text(one), PartCode::Text(other)) => one == other,
            (PartCode::Value(one, format), PartCode::Value(other, with)) => {
                format == with && self.exprs(one, other)
            }
            _ => false,
        }
    }

    fn callees(&self, one: &Expr, other: &Expr) -> bool {
        match (&one.kind, &other.kind) {
            (ExprKind::Function(one), ExprKind::Function(other)) => {
                std::ptr::eq(*one, *other) && one.module.is_empty() && FUNCTIONS.contains(&one.name)
            }
            (ExprKind::Member(text, method, false), ExprKind::Member(again, name, false)) => {
                method == name && is_text(text) && self.exprs(text, again)
            }
            _ => false,
        }
    }

    fn args(&self, one: &ArgsCode, other: &ArgsCode) -> bool {
        let mut positional = one.positional.iter().zip(&other.positional);
        let mut named = one.named.iter().zip(&other.named);
        one.positional.len() == other.positional.len()
            && one.named.len() == other.named.len()
            && positional.all(|(one, other)| self.exprs(one, other))
            && named.all(|((key, one), (name, other))| key == name && self.exprs(one, other))
    }

    fn checks(&self, one: &Check, other: &Check) -> bool {
        self.exprs(&one.test, &other.test)
            && self.both(one.guard.as_ref(), other.guard.as_ref())
            && self.both(one.message.as_ref(), other.message.as_ref())
    }

    fn both(&self, one: Option<&Expr>, other: Option<&Expr>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => self.exprs(one, other),
            (None, None) => true,
            _ => false,
        }
    }
}

/// Whether an expression gives text for sure: then its members are the methods of texts.
fn is_text(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Const(Const::Str(_)) | ExprKind::Template(_) => true,
        ExprKind::Call(call) => match &call.0.kind {
            ExprKind::Member(text, method, false) => TEXT_METHODS.contains(&method.as_str()) && is_text(text),
            _ => false,
        },
        _ => false,
    }
}
