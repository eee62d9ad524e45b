//! Globals.
//!
//! The statements of a package run in order. Reading a global that is not final runs its last setter first; a setter
//! that reads its own variable runs the one before, and so on. What that gave is kept.

use syntax::ast::EntryOp;

use super::{Frame, Run};
use crate::lower::code::{Assign, FileCode, GlobalKind, PackageCode, Place, Setter, Type};
use crate::package::PackageId;
use crate::stdlib::Outcome;
use crate::value::union::{UnionOptions, is_same, merge_entry};
use crate::value::{DictBuilder, Entry, Func, Key, Value};

/// The globals of a package in a run.
pub(super) struct PackageState<'r> {
    code: &'r PackageCode,
    cells: &'r mut [Cell<'r>],
    /// The first local of each file.
    bases: &'r [usize],
}

/// A global.
#[derive(Clone, Copy, Default)]
struct Cell<'r> {
    /// What the last statement made it.
    value: Option<Value<'r>>,
    /// What reading it gave, or its last statement.
    last: Option<Value<'r>>,
    /// `last` comes from a statement that made the value from the old one.
    reassigned: bool,
    /// How many of its setters are running for a read, the last one first.
    level: u32,
    /// How many of its setters have run in order.
    runs: u32,
}

impl<'r> Run<'r> {
    /// Evaluates the statements of a package.
    pub(super) fn package(&mut self, code: &'r PackageCode) -> Outcome<()> {
        let arena = self.arena;
        let bases = arena.alloc_slice_fill_iter(code.files.iter().map(|file| self.push_locals(file.locals)));
        // Without statements there are no variables.
        let speaks = code.files.iter().any(|file| !file.body.is_empty());
        let cells = arena.alloc_slice_fill_default(if speaks { code.globals.len() } else { 0 });
        let at = place(code.id);
        if at >= self.packages.len() {
            self.packages.resize_with(at + 1, || None);
        }
        self.packages[at] = Some(PackageState { code, cells, bases });
        for at in 0..code.files.len() {
            let frame = self.file_frame(code, at);
            let file: &'r FileCode = &code.files[at];
            self.within(frame, |run| {
                let mut stmts = file.body.iter();
                stmts.try_for_each(|stmt| run.traced(code.id, stmt.id, |run| run.stmt(stmt)).map(drop))
            })?;
        }
        Ok(())
    }

    fn state(&self, package: PackageId) -> Option<&PackageState<'r>> {
        self.packages.get(place(package))?.as_ref()
    }

    fn state_mut(&mut self, package: PackageId) -> Option<&mut PackageState<'r>> {
        self.packages.get_mut(place(package))?.as_mut()
    }

    fn file_frame(&self, code: &'r PackageCode, file: usize) -> Frame<'r> {
        let base = self.state(code.id).and_then(|state| state.bases.get(file)).copied().unwrap_or(0);
        Frame {
            package: code.id,
            source: &code.files[file].source,
            base,
            captured: &[],
            closure: None,
            this: None,
            lambda: false,
        }
    }

    fn cell(&self, package: PackageId, slot: u32) -> Cell<'r> {
        let state = self.state(package);
        state.and_then(|state| state.cells.get(slot as usize)).copied().unwrap_or_default()
    }

    fn cell_mut(&mut self, package: PackageId, slot: u32) -> Option<&mut Cell<'r>> {
        self.state_mut(package).map(|state| &mut state.cells[slot as usize])
    }

    /// A global read from a schema body: what it is now; only where it is nothing yet, its setters run.
    pub(super) fn global_now(&mut self, slot: u32) -> Outcome<Value<'r>> {
        self.used_variable(self.frame.package, slot);
        self.read_in_order(self.frame.package, slot);
        match self.cell(self.frame.package, slot).value {
            None | Some(Value::Undefined) => self.global(self.frame.package, slot),
            Some(value) => {
                self.got_early(self.frame.package, slot, value);
                Ok(value)
            }
        }
    }

    /// A global; that of another package, which has been evaluated before, too.
    pub(super) fn global(&mut self, package: PackageId, slot: u32) -> Outcome<Value<'r>> {
        let value = self.read_global(package, slot)?;
        self.got_early(package, slot, value);
        Ok(value)
    }

    fn read_global(&mut self, package: PackageId, slot: u32) -> Outcome<Value<'r>> {
        let Some(state) = self.state(package) else { return Ok(Value::Undefined) };
        let code = state.code;
        let global = &code.globals[slot as usize];
        match &global.kind {
            GlobalKind::Schema(number) => Ok(schema(&code.schemas[*number as usize].ty)),
            GlobalKind::Rule(number) => Ok(schema(&code.rules[*number as usize].ty)),
            GlobalKind::Alias(Type::Schema(id, _)) => {
                Ok(self.schema_code(*id).map_or(Value::Undefined, |code| schema(&code.ty)))
            }
            GlobalKind::Alias(_) => Ok(Value::Undefined),
            GlobalKind::Variable(setters) => {
                let cell = state.cells[slot as usize];
                self.used_variable(package, slot);
                self.read_in_order(package, slot);
                let now = cell.value.unwrap_or(Value::Undefined);
                let in_place = self.targets.last() == Some(&global.name);
                if in_place && (cell.level == 0 || setters.len() <= 1) {
                    self.read_in_place(package, slot, now);
                    return Ok(now);
                }
                match cell.last {
                    Some(value) => Ok(value),
                    None => self.run_setters(code, slot, setters, now),
                }
            }
        }
    }

    /// What a variable was made, once that is final: its value, and what reading it gave before.
    pub(super) fn final_values(&self, package: PackageId, slot: u32) -> Option<[Value<'r>; 2]> {
        let Cell { value, last, .. } = self.cell(package, slot);
        Some([value.unwrap_or(Value::Undefined), last?])
    }

    /// Runs the setter that is next from the back.
    fn run_setters(
        &mut self,
        code: &'r PackageCode,
        slot: u32,
        setters: &'r [Setter],
        now: Value<'r>,
    ) -> Outcome<Value<'r>> {
        let level = self.cell(code.id, slot).level;
        if let Some(cell) = self.cell_mut(code.id, slot) {
            cell.level = level + 1;
        }
        let setter = setters.len().checked_sub(level as usize + 1).map(|at| setters[at]);
        self.read_runs(code.id, slot, setter.is_some());
        let Some(setter) = setter else { return Ok(now) };
        let stmt = &code.files[setter.body as usize].body[setter.stmt as usize];
        let frame = self.file_frame(code, setter.body as usize);
        self.within(frame, |run| run.traced(code.id, setter.id, |run| run.backtrack(setter, stmt)))?;
        let value = self.cell(code.id, slot).value.unwrap_or(Value::Undefined);
        if let Some(cell) = self.cell_mut(code.id, slot) {
            cell.level = level;
            cell.last = Some(value);
            cell.reassigned = false;
        }
        Ok(value)
    }

    /// The value of a global that a read has evaluated already, where this assignment is all that sets it.
    pub(super) fn already_assigned(&self, assign: &'r Assign) -> Option<Value<'r>> {
        let [target] = &*assign.targets else { return None };
        let Place::Global(slot) = target.place else { return None };
        let cell = self.cell(self.frame.package, slot);
        let state = self.state(self.frame.package)?;
        let alone =
            matches!(&state.code.globals[slot as usize].kind, GlobalKind::Variable(s) if s.len() == 1);
        if alone && cell.level == 0 && target.path.is_empty() { cell.last } else { None }
    }

    pub(super) fn set_global(&mut self, slot: u32, value: Value<'r>, from_self: bool) {
        let package = self.frame.package;
        let stmt = self.stmt;
        let Some(state) = self.state_mut(package) else { return };
        let GlobalKind::Variable(setters) = &state.code.globals[slot as usize].kind else { return };
        let cell = &mut state.cells[slot as usize];
        cell.value = Some(value);
        if cell.level > 0 {
            return;
        }
        cell.runs += 1;
        let last = setters.last().is_some_and(|last| last.stop.unwrap_or(last.id) == stmt);
        let complete = cell.runs as usize >= setters.len() || last;
        let replace = if complete { from_self } else { from_self && cell.reassigned };
        if replace || cell.last.is_none() && (complete || from_self) {
            cell.last = Some(value);
            cell.reassigned = from_self && !complete;
        }
    }

    /// Something inside a global was set. That happens in place: what was kept of the variable shows it too.
    pub(super) fn change_global(&mut self, slot: u32, whole: Value<'r>) {
        if let Some(cell) = self.cell_mut(self.frame.package, slot) {
            let shared = match (cell.last, cell.value) {
                (Some(last), Some(value)) => is_same(last, value),
                _ => false,
            };
            cell.value = Some(whole);
            if shared {
                cell.last = cell.value;
            }
        }
    }

    /// The value of an expression statement, which is part of the output. Of schema instances only the last counts.
    pub(super) fn add_scalar(&mut self, value: Value<'r>, schema: bool) {
        if schema {
            if let Some(at) = self.schema_scalar {
                self.scalars.remove(at);
            }
            self.schema_scalar = Some(self.scalars.len());
        }
        self.scalars.push(value);
    }

    /// The output: scalars and globals of the main package, united.
    pub(super) fn document(&mut self) -> Outcome<Value<'r>> {
        let Some(state) = self.state(self.main.id) else { return Ok(Value::Undefined) };
        let globals = state.code.globals.iter().zip(&*state.cells);
        let variables = globals.filter(|(global, _)| matches!(global.kind, GlobalKind::Variable(_)));
        let mut block = DictBuilder::with_capacity(state.cells.len());
        for (global, cell) in variables {
            let value = cell.value.unwrap_or(Value::Undefined);
            block.put(Entry { op: EntryOp::Union, ..Entry::new(Key::from(global.name), value) });
        }
        if self.scalars.is_empty() {
            return Ok(self.dict(block.finish(self.arena)));
        }
        let globals = block.finish(self.arena);
        let mut whole = DictBuilder::default();
        let key = Key::new("");
        let mut parts = std::mem::take(&mut self.scalars);
        let shown = globals.entries().iter().any(|entry| !entry.key.is_private());
        if shown {
            parts.push(self.dict(globals));
        }
        for part in parts {
            merge_entry(self, &mut whole, Entry::new(key, part), UnionOptions::BLOCK)?;
        }
        Ok(whole.get(key).map_or(Value::Undefined, |entry| entry.value))
    }
}

/// Where the state of a package is: that of the main package, whose number is the last there can be, comes first.
fn place(package: PackageId) -> usize {
    package.0.wrapping_add(1) as usize
}

fn schema(ty: &crate::value::SchemaType) -> Value<'_> {
    Value::Func(Func::Schema(ty))
}
