//! Why a stack comes out differently from another state of the monorepo, which was built with the same store.

use std::path::Path;

use super::record::Record;
use super::{Program, Reason, Records, Reuse};
use crate::build::compile::Ready;
use crate::monorepo::{CompileUnit, Stack};

/// What a build found out about a stack.
pub(in crate::build) struct Evidence(Record);

impl Reuse<'_> {
    /// What is known of a stack as this world has it; nothing where it fails or can never be reused.
    pub(in crate::build) fn evidence(&self, stack: &Stack, folder: &Path) -> Option<Evidence> {
        let Records(records) = self.records(&[stack]).pop()?;
        let holds = |record: &Record| self.own_unchanged(folder, record) && self.packages_unchanged(record);
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
}
