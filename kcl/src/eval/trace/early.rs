//! What is read of variables while packages are evaluated, which may be something else than what these are in the end.

use super::{Note, Tracer};
use crate::eval::Run;
use crate::eval::plain::is_identical;
use crate::eval::used::Used;
use crate::lower::code::StmtId;
use crate::package::PackageId;
use crate::value::{SchemaId, Value};

/// What those who read a variable before the packages were done got.
#[derive(Clone, Copy)]
pub(in crate::eval) enum Early<'r> {
    /// Always this.
    One(Value<'r>),
    Several,
}

/// What statements read that others may have too.
#[derive(Default)]
pub(in crate::eval) struct Read {
    pub(in crate::eval) variables: Vec<Used>,
    /// Whether they ask for options.
    pub(in crate::eval) options: bool,
}

impl<'r> Tracer<'r> {
    /// Somebody got this of a variable before the packages were done.
    fn got_early(&mut self, variable: Used, value: Value<'r>) {
        let early = self.early.entry(variable).or_insert(Early::One(value));
        if !matches!(early, Early::One(known) if is_identical(*known, value)) {
            *early = Early::Several;
        }
    }

    /// What was got of a variable before the packages were done.
    pub(in crate::eval) fn read_early(&self, variable: Used) -> Option<Early<'r>> {
        self.early.get(&variable).copied()
    }

    /// What these statements read, and the quiet defaults of the instances that they make.
    pub(in crate::eval) fn read_by(&self, stmts: impl Iterator<Item = StmtId>) -> Read {
        let mut read = Read::default();
        let mut lists: Vec<u32> = stmts.filter_map(|stmt| self.of_stmt.get(&stmt).copied()).collect();
        while let Some(list) = lists.pop() {
            for note in self.lists[list as usize].notes.iter() {
                match self.notes[note as usize] {
                    Note::Part(used @ Used::Variable(..)) => read.variables.push(used),
                    // Defaults that are quiet make no instances themselves.
                    Note::Part(Used::Schema(package, schema)) => {
                        let of_schema = self.of_defaults.get(&SchemaId { package: package.0, schema });
                        lists.extend(of_schema.into_iter().flatten().map(|(_, list)| *list));
                    }
                    Note::Option(_) => read.options = true,
                    _ => {}
                }
            }
        }
        read
    }
}

impl<'r> Run<'r> {
    /// Notes what a variable was for somebody who read it before all packages were done. What its own statements get of it is
    /// between them.
    pub(in crate::eval) fn got_early(&mut self, package: PackageId, slot: u32, value: Value<'r>) {
        if self.tracer.idle || self.tracer.imported.is_some() {
            return;
        }
        let lists = &self.tracer.of_stmt;
        let is_own = |stmt: StmtId| lists.get(&stmt) == Some(&self.tracer.top);
        if !self.setters(package, slot).any(is_own) {
            self.tracer.got_early(Used::Variable(package, slot), value);
        }
    }
}
