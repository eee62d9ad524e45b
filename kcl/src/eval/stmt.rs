//! Statements.

use syntax::ast::EntryOp;
use syntax::{Code, Diagnostic};

use super::{Run, This};
use crate::lower::code::{
    Arm, Assign, Check, Expr, ExprKind, Place, Setter, Step, Stmt, StmtId, StmtKind, Target,
};
use crate::stdlib::{Failure, Outcome};
use crate::value::convert::{text, type_name};
use crate::value::union::{UnionOptions, union};
use crate::value::{DictBuilder, Entry, Key, Value};

/// A setter that runs out of order.
pub(super) struct Backtrack {
    setter: Setter,
    /// The statement that was meant is done; the others of the `if` are not run.
    done: bool,
}

impl<'r> Run<'r> {
    pub(super) fn stmts(&mut self, stmts: &'r [Stmt]) -> Outcome<Value<'r>> {
        let mut result = Value::Undefined;
        for stmt in stmts {
            result = self.stmt(stmt)?;
        }
        Ok(result)
    }

    pub(super) fn stmt(&mut self, stmt: &'r Stmt) -> Outcome<Value<'r>> {
        if self.backtracks.last().is_some_and(|backtrack| backtrack.done) {
            return Ok(Value::Undefined);
        }
        self.place = (self.frame.source, stmt.span);
        self.stmt = stmt.id;
        let value = self.execute(stmt)?;
        if let Some(backtrack) = self.backtracks.last_mut()
            && backtrack.setter.stop == Some(stmt.id)
        {
            backtrack.done = true;
        }
        Ok(value)
    }

    fn execute(&mut self, stmt: &'r Stmt) -> Outcome<Value<'r>> {
        match &stmt.kind {
            StmtKind::Expr(expr) => {
                let value = self.expr(expr)?;
                if !matches!(expr.kind, ExprKind::Call(_)) && self.at_top() {
                    self.add_scalar(value, matches!(expr.kind, ExprKind::Schema(_)));
                }
                Ok(value)
            }
            StmtKind::Assign(assign) => self.assign(assign),
            StmtKind::AugAssign(target, op, value) => {
                self.targets.push(target.name);
                let right = self.expr(value)?;
                let left = self.load_target(target)?;
                let value = self.operate(*op, left, right)?;
                self.store(target, value, true)?;
                self.targets.pop();
                Ok(value)
            }
            StmtKind::Unify(target, value) => self.unify(target, value),
            StmtKind::Assert(check) => self.assert(check),
            StmtKind::LambdaAssert(check) => self.checking(|run| run.assert(check)),
            StmtKind::If(test, then, otherwise) => self.branch(stmt.id, test, then, otherwise),
            StmtKind::Attr(attr) => self.set_up_attr(attr),
            StmtKind::Nothing => Ok(Value::Undefined),
        }
    }

    fn at_top(&self) -> bool {
        self.frame.this.is_none() && !self.frame.lambda && self.frame.package == self.main.id
    }

    fn assign(&mut self, assign: &'r Assign) -> Outcome<Value<'r>> {
        if let Some(value) = self.already_assigned(assign) {
            return Ok(value);
        }
        for target in &assign.targets {
            self.targets.push(target.name);
        }
        let mut value = self.expr(&assign.value)?;
        if let Some(ty) = &assign.ty {
            value = self.pack(value, ty)?;
        }
        for target in &assign.targets {
            self.store(target, value, assign.from_self)?;
        }
        for _ in &assign.targets {
            self.targets.pop();
        }
        Ok(value)
    }

    fn unify(&mut self, target: &'r Target, value: &'r Expr) -> Outcome<Value<'r>> {
        self.targets.push(target.name);
        let new = self.expr(value)?;
        let old = self.load_target(target)?;
        let value = union(self, old, new, UnionOptions::default())?;
        self.store(target, value, false)?;
        self.targets.pop();
        Ok(value)
    }

    fn assert(&mut self, check: &'r Check) -> Outcome<Value<'r>> {
        let Some((_, message)) = self.refusal(check)? else { return Ok(Value::Undefined) };
        let message = if message.is_empty() { "the assertion does not hold".to_owned() } else { message };
        let (source, span) = self.place;
        Err(Failure::At(Box::new(Diagnostic::new(Code::Evaluation, source, span, message))))
    }

    /// An `if`. While a setter inside it runs, only its arm counts.
    fn branch(
        &mut self,
        id: StmtId,
        test: &'r Expr,
        then: &'r [Stmt],
        otherwise: &'r [Stmt],
    ) -> Outcome<Value<'r>> {
        let holds = self.expr(test)?.is_truthy();
        if self.frame.lambda && !if holds { then } else { otherwise }.is_empty() {
            self.used_arm(id.arm(holds));
        }
        // A statement that ran for the test hides that a setter runs: then both arms count.
        let arm = match self.backtracks.last() {
            Some(backtrack) if self.stmt == id && backtrack.setter.id == id => backtrack.setter.arm,
            _ => Arm::Whole,
        };
        match (arm, holds) {
            (Arm::Then | Arm::Whole, true) => self.stmts(then)?,
            (Arm::Else | Arm::Whole, false) => self.stmts(otherwise)?,
            (Arm::Then, false) | (Arm::Else, true) => Value::Undefined,
        };
        Ok(Value::Undefined)
    }

    /// Runs a setter out of order.
    pub(super) fn backtrack(&mut self, setter: Setter, stmt: &'r Stmt) -> Outcome<()> {
        self.backtracks.push(Backtrack { setter, done: false });
        let result = self.nested(|run| run.stmt(stmt));
        self.backtracks.pop();
        result.map(|_| ())
    }

    fn load_target(&mut self, target: &'r Target) -> Outcome<Value<'r>> {
        let mut value = self.load_place(target)?;
        for step in &target.path {
            value = self.take_step(value, step)?;
        }
        Ok(value)
    }

    fn load_place(&mut self, target: &'r Target) -> Outcome<Value<'r>> {
        match target.place {
            Place::Global(slot) => self.global(self.frame.package, slot),
            Place::Local(at) => Ok(self.local(at)),
            Place::Attr(name) => self.own_attr(name),
        }
    }

    fn take_step(&mut self, value: Value<'r>, step: &'r Step) -> Outcome<Value<'r>> {
        match step {
            Step::Member(name) => self.load_member(value, *name),
            Step::Index(index) => {
                let index = self.expr(index)?;
                self.subscript(value, index)
            }
        }
    }

    /// Sets a variable, or something inside its value. `from_self` says that the new value was made from the old one.
    fn store(&mut self, target: &'r Target, value: Value<'r>, from_self: bool) -> Outcome<()> {
        if target.path.is_empty() {
            return self.store_place(target.place, value, from_self);
        }
        let whole = self.load_place(target)?;
        let whole = self.with_path(whole, &target.path, value)?;
        match target.place {
            Place::Attr(name) => self.replace_attr(name, whole),
            Place::Global(slot) => {
                self.change_global(slot, whole);
                Ok(())
            }
            place @ Place::Local(_) => self.store_place(place, whole, from_self),
        }
    }

    fn store_place(&mut self, place: Place, value: Value<'r>, from_self: bool) -> Outcome<()> {
        match place {
            Place::Global(slot) => {
                self.set_global(slot, value, from_self);
                Ok(())
            }
            Place::Local(at) => {
                self.set_local(at, value);
                Ok(())
            }
            Place::Attr(name) => self.assign_attr(name, value),
        }
    }

    /// A value with something inside it replaced.
    fn with_path(&mut self, whole: Value<'r>, path: &'r [Step], value: Value<'r>) -> Outcome<Value<'r>> {
        let Some((step, rest)) = path.split_first() else { return Ok(value) };
        let key = match step {
            Step::Member(name) => Value::Str(name.as_str()),
            Step::Index(index) => self.expr(index)?,
        };
        let inner = if rest.is_empty() {
            value
        } else {
            let inner = match (step, key) {
                (Step::Member(name), _) => self.load_member(whole, *name)?,
                (Step::Index(_), index) => self.subscript(whole, index)?,
            };
            self.with_path(inner, rest, value)?
        };
        self.with_member(whole, key, inner)
    }

    fn with_member(&mut self, whole: Value<'r>, key: Value<'r>, value: Value<'r>) -> Outcome<Value<'r>> {
        match (whole, key) {
            (Value::List(items), Value::Int(index)) => {
                let at = if index < 0 { index + items.len() as i64 } else { index };
                let Some(at) = usize::try_from(at).ok().filter(|at| *at < items.len()) else {
                    return Err("list assignment index out of range".into());
                };
                let items = self.arena.alloc_slice_copy(items);
                items[at] = value;
                Ok(Value::List(items))
            }
            (Value::Dict(dict), Value::Str(name)) => {
                let mut block = DictBuilder::from_dict(dict);
                set_entry(&mut block, Key::new(name), value);
                Ok(self.dict(block.finish(self.arena)))
            }
            (Value::Instance(instance), Value::Str(name)) => self.with_attr(instance, Key::new(name), value),
            _ => {
                Err(format!("failed to update `{}`: expected a config, got {}", text(key), type_name(whole))
                    .into())
            }
        }
    }

    pub(super) fn this(&self) -> Option<This> {
        self.frame.this
    }
}

/// Replaces a value; the operator that its entry was written with stays.
pub(super) fn set_entry<'r>(block: &mut DictBuilder<'r>, key: Key<'r>, value: Value<'r>) {
    match block.get_mut(key) {
        Some(entry) => entry.value = value,
        None => block.put(Entry { op: EntryOp::Union, ..Entry::new(key, value) }),
    }
}
