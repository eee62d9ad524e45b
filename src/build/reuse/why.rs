//! Why a stack comes out differently from another state of the monorepo, which was built with the same store.

use std::cell::OnceCell;
use std::path::Path;

use kcl::lower::fingerprint::Part;

use super::record::{Record, is_same};
use super::used::Role;
use super::{Program, Reason, Records, Reuse, shown};
use crate::build::compile::Ready;
use crate::monorepo::{CompileUnit, Stack};

/// What a build found out about a stack.
pub(in crate::build) struct Evidence(Record);

/// One thing that stands against reuse of a stack.
pub(in crate::build) enum Obstacle {
    /// A part of a package that it uses: the identity of the package, or none for the stack's own files.
    Part(Option<String>, Part),
    /// Something else.
    Other(Reason),
}

impl Obstacle {
    /// The package for people; empty for the stack's own files.
    pub(in crate::build) fn package(identity: Option<&str>) -> String {
        identity.map_or_else(String::new, shown)
    }
}

impl Reuse<'_> {
    /// What is known of a stack as this world has it; nothing where it fails or can never be reused.
    pub(in crate::build) fn evidence(&self, stack: &Stack, folder: &Path) -> Option<Evidence> {
        let Records(records) = self.records(&[stack]).pop()?;
        let holds = |record: &Record| {
            self.own_unchanged(folder, record, None) && self.shared_unchanged(record).is_some()
        };
        records.into_iter().find(holds).map(Evidence)
    }

    /// What stands against reuse of a stack here, given what is known of it elsewhere.
    pub(in crate::build) fn why(
        &self,
        folder: &Path,
        Evidence(record): &Evidence,
        unit: &CompileUnit,
        ready: &Ready,
    ) -> Option<Reason> {
        let program: Program<'_> = self.program(unit, ready, &[]);
        self.difference(folder, record, &program, &self.closure(&ready.main.closure))
    }

    /// All that stands against reuse of a stack here, given what is known of it elsewhere.
    pub(in crate::build) fn obstacles(
        &self,
        folder: &Path,
        Evidence(record): &Evidence,
        unit: &CompileUnit,
        ready: &Ready,
    ) -> Vec<Obstacle> {
        let program: Program<'_> = self.program(unit, ready, &[]);
        let closure = self.closure(&ready.main.closure);
        let mut all: Vec<Obstacle> = self.surroundings(folder, record, unit).map(Obstacle::Other).collect();
        let own = self.own_parts(record);
        let statements = [(program.statements(), &record.statements)];
        let own = own.iter().flat_map(|parts| parts.all()).map(|(name, before)| (name.part(), before));
        let parts = statements.into_iter().chain(own);
        let differing = parts.filter(|(part, before)| !is_same(program.fingerprints.get(*part), before));
        let (of_statements, others): (Vec<Part>, Vec<Part>) =
            differing.map(|(part, _)| part).partition(|part| part.is_of_statements());
        all.extend(of_statements.first().map(|_| Obstacle::Other(Reason::Statements)));
        all.extend(others.into_iter().map(|part| Obstacle::Part(None, part)));
        let same_values = OnceCell::new();
        let counts = |role| {
            role != Role::Behind || !*same_values.get_or_init(|| self.same_values(record, unit, &closure))
        };
        for used in self.used_by(&record.imported).unwrap_or_default() {
            let parts = used.differing(self.fingerprints_in(&closure, &used.package));
            let parts = parts.filter(|(_, role)| counts(*role));
            all.extend(parts.map(|(name, _)| Obstacle::Part(Some(used.package.clone()), name.part())));
        }
        if all.is_empty() {
            all.extend(self.difference(folder, record, &program, &closure).map(Obstacle::Other));
        }
        all
    }
}
