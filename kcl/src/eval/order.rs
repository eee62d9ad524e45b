//! What of the order of the main package's statements can be seen: see [`crate::lower::order`].

use rustc_hash::{FxHashMap, FxHashSet};
use syntax::Symbol;

use super::Run;
use super::used::Used;
use crate::lower::code::{PackageCode, StmtId};
use crate::lower::order::{Label, Order, Role, labels, statements};
use crate::package::PackageId;
use crate::value::{SchemaId, Value};

/// Longer programs could nest too deep in another order.
const MAX_STATEMENTS: usize = 1_000;

/// Notes what the statements of the main package do to each other.
#[derive(Default)]
pub(super) struct OrderTracer {
    /// For each global, whether one statement sets it whose place may be of no matter.
    free: Vec<bool>,
    /// Those that run, innermost last, with how deep in instances they began.
    running: Vec<(u32, Depth)>,
    /// Who reads which global, in order, and whether inside of an instance.
    reads: Vec<(u32, u32, bool)>,
    known: FxHashSet<(u32, u32, bool)>,
    /// Who makes instances of which schema.
    makes: FxHashSet<(u32, SchemaId)>,
    /// Who asks for all of them.
    asks: FxHashSet<(u32, SchemaId)>,
    /// Who says what the output is.
    speaks: FxHashSet<u32>,
    /// Whether a read gave what depends on all of the order.
    entangled: bool,
}

/// How deep in instances a run is.
#[derive(Clone, Copy)]
struct Depth {
    made: u32,
    /// In the expressions of instances too, which are not made yet.
    written: u32,
}

impl OrderTracer {
    pub(super) fn new(code: &PackageCode) -> Self {
        let mut free = vec![false; code.globals.len()];
        for (role, _) in statements(code) {
            if let Role::Free(slot) | Role::Again(slot) = role {
                free[slot as usize] = true;
            }
        }
        Self { free, ..Self::default() }
    }

    fn is_free(&self, slot: u32) -> bool {
        self.free.get(slot as usize).is_some_and(|free| *free)
    }

    fn read(&mut self, slot: u32, inert: bool, depth: Depth) {
        let Some((stmt, since)) = self.running.last() else { return };
        // What only names something makes nothing that an expression around it could do something to.
        let inside = depth.made > since.made || !inert && depth.written > since.written;
        let read = (*stmt, slot, inside);
        if self.reads.last() != Some(&read) && self.known.insert(read) {
            self.reads.push(read);
        }
    }

    pub(super) fn made(&mut self, schema: SchemaId) {
        if let Some((stmt, _)) = self.running.last() {
            self.makes.insert((*stmt, schema));
        }
    }

    pub(super) fn asked(&mut self, schema: SchemaId) {
        if let Some((stmt, _)) = self.running.last() {
            self.asks.insert((*stmt, schema));
        }
    }

    pub(super) fn spoke(&mut self) {
        self.speaks.extend(self.running.last().map(|(stmt, _)| *stmt));
    }

    /// What can be seen of the order, as text; `None` where all of it may be.
    pub(super) fn seen(&self, code: &PackageCode) -> Option<Symbol> {
        let labels = labels(code);
        if labels.len() > MAX_STATEMENTS {
            return None;
        }
        let mut of_stmt: FxHashMap<u32, (Role, Label)> = FxHashMap::default();
        let mut of_slot: FxHashMap<u32, Role> = FxHashMap::default();
        for ((role, stmt), label) in statements(code).zip(labels) {
            of_stmt.insert(stmt.id.stmt, (role, label));
            if let Role::Free(slot) | Role::Again(slot) = role {
                of_slot.insert(slot, role);
            }
        }
        let is_fixed = |stmt: &u32| matches!(of_stmt.get(stmt), Some((Role::Fixed(_), _)));
        // What is said last counts.
        if self.entangled || !self.speaks.iter().all(is_fixed) {
            return None;
        }
        let mut order = Order::default();
        for (stmt, slot, inside) in &self.reads {
            let name = code.globals.get(*slot as usize).map(|global| global.name)?;
            let (role, label) = *of_stmt.get(stmt)?;
            match of_slot.get(slot) {
                Some(Role::Again(_)) => {
                    order.0.entry(Label::Of(name)).or_default().again = true;
                }
                Some(_) => {}
                None if matches!(role, Role::Fixed(_)) => continue,
                None => return None,
            }
            let noted = order.0.entry(label).or_default();
            noted.sets = role == Role::Fixed(true);
            noted.reads.push((name, *inside));
        }
        for stmt in self.who_lists() {
            order.0.entry(of_stmt.get(&stmt)?.1).or_default().shows = true;
        }
        order.simplify();
        Some(Symbol::new(&order.text()))
    }

    /// The statements that make instances which one of them lists, or that list some of these.
    fn who_lists(&self) -> Vec<u32> {
        let made: FxHashSet<SchemaId> = self.makes.iter().map(|(_, schema)| *schema).collect();
        let asked: FxHashSet<SchemaId> = self.asks.iter().map(|(_, schema)| *schema).collect();
        let listed = |(_, schema): &&(u32, SchemaId)| made.contains(schema) && asked.contains(schema);
        self.makes.iter().chain(&self.asks).filter(listed).map(|(stmt, _)| *stmt).collect()
    }
}

impl<'r> Run<'r> {
    /// Runs a statement of the main package.
    pub(super) fn in_order<T>(&mut self, stmt: StmtId, run: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.instance_depth();
        self.tracer.order.running.push((stmt.stmt, depth));
        let result = run(self);
        self.tracer.order.running.pop();
        result
    }

    fn instance_depth(&self) -> Depth {
        Depth { made: self.schema_depth, written: self.schema_expr_depth }
    }

    /// Notes that a variable was read.
    pub(super) fn read_in_order(&mut self, package: PackageId, slot: u32) {
        if package == self.main.id && !self.tracer.is_idle() {
            let depth = self.instance_depth();
            let inert = self.inert.get(slot as usize).is_some_and(|inert| *inert);
            self.tracer.order.read(slot, inert, depth);
        }
    }

    /// Notes that a read gave what a variable was so far, since its statement runs, or seems to.
    pub(super) fn read_in_place(&mut self, package: PackageId, slot: u32, value: Value<'r>) {
        // In the statement itself a variable is nothing yet, unless something has read it before.
        let own = matches!(value, Value::Undefined) && self.frame.this.is_none() && !self.frame.lambda;
        if own {
            return;
        }
        if package == self.main.id {
            self.tracer.order.entangled |= self.tracer.order.is_free(slot);
        } else {
            self.read_half_done(package);
        }
    }

    /// Notes that a read runs a statement that sets a variable, or has none left to run.
    pub(super) fn read_runs(&mut self, package: PackageId, slot: u32, runs: bool) {
        if package == self.main.id {
            self.tracer.order.entangled |= self.tracer.order.is_free(slot) != runs;
        } else if !runs {
            self.read_half_done(package);
        }
    }

    /// Notes that a read gave what a variable of an imported package was so far. What it would have been depends on which statement
    /// began, so whoever reads what is made of it depends on the order of them all.
    fn read_half_done(&mut self, package: PackageId) {
        self.tracer.part(Used::Statements(package));
        if !self.tracer.entangled.contains(&package) {
            self.tracer.entangled.push(package);
        }
    }
}
