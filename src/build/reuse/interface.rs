//! Proof without a look into the stack's own files: where these are as they were, and all that checking and lowering them
//! can learn of packages is as it was, their code is as it was too. So a change inside of a model costs no parsing
//! of stacks, only the question whether what they use of it changed.

use std::path::Path;
use std::sync::Arc;

use cache::{Batch, Digest};
use kcl::lower::code::PackageCode;
use kcl::lower::fingerprint::Fingerprint;
use kcl::package::PackageId;

use super::record::{Question, Record, digest, encode};
use super::{Closure, Program, Records, Reuse};
use crate::monorepo::{CompileUnit, Stack, paths};

impl Reuse<'_> {
    /// The artifact of a stack whose own files are as they were, and for which packages mean what they did. `unit` is asked
    /// for only where nothing else stands against that.
    pub(in crate::build) fn same_packages(
        &self,
        stack: &Stack,
        folder: &Path,
        records: &Records,
        unit: impl Fn() -> Option<CompileUnit>,
    ) -> Option<Digest> {
        let (record, closure) = records.0.iter().find_map(|record| {
            let closure = self.by_imports.known(&record.imports)?;
            let holds = self.is_as_it_was(folder, record, &closure)
                && self.different_imports(record, &closure, &unit).is_none()
                && self.illness(folder, record, &unit()?, &closure).is_none();
            holds.then_some((record, closure))
        })?;
        self.keep_with(stack, folder, record, &closure);
        Some(digest(&record.artifact))
    }

    /// Whether a stack's own files, and what they make of these packages, are as they were.
    fn is_as_it_was(&self, folder: &Path, record: &Record, closure: &Closure) -> bool {
        !record.warned
            && !record.coarse
            && record.interface.is_some()
            && record.interface == self.interface_of(closure)
            && self.own_unchanged(folder, record)
            && self.packages_unchanged(digest(&record.ways)).is_some()
    }

    /// Keeps a record that holds with other packages than before.
    fn keep_with(&self, stack: &Stack, folder: &Path, record: &Record, closure: &Closure) {
        let (Some(questions), Some(ways)) =
            (self.questions(&digest(&record.questions)), self.packages_unchanged(digest(&record.ways)))
        else {
            return;
        };
        let seen = |question: &Question| self.answers.confirmed(&question.query(folder)).is_some();
        if !closure.confirmed || !questions.iter().all(seen) {
            return;
        }
        let mut batch = Batch::default();
        let packages = self.hand(&mut batch, &closure.encoded);
        let record = Record { packages, ..record.clone() };
        self.hold(stack, &record, questions, [Arc::clone(&closure.state), ways]);
        batch.record(self.key.of(stack), encode(&record));
        self.add(batch);
    }

    /// The packages that a stack's own files import, in order, as a digest; and what decides where those look for others.
    pub(super) fn imports(&self, program: &Program<'_>) -> [u8; 16] {
        let dependencies = &program.ready.main.package.dependencies;
        let ids: Vec<PackageId> = dependencies.iter().map(|(id, ..)| *id).collect();
        self.imports.get_or(&ids, || {
            let mut lines: Vec<String> =
                ids.iter().map(|id| self.shared.program.identity(*id, self.root)).collect();
            let external = program.unit.external.iter();
            lines.extend(external.map(|(name, folder)| {
                format!("{name} {}", paths::slashed(&paths::relative(self.root, folder)))
            }));
            Fingerprint::of(lines.join("\n").as_bytes()).0
        })
    }

    /// What a record says of the packages that code was checked and lowered with.
    pub(super) fn interface(&self, code: &PackageCode, closure: &Closure) -> Option<[u8; 16]> {
        // What a schema inherits decides its layout, which is more than an interface says.
        let plain = code.schemas.is_empty() && code.rules.is_empty();
        plain.then(|| self.interface_of(closure)).flatten()
    }

    fn interface_of(&self, closure: &Closure) -> Option<[u8; 16]> {
        *closure.interface.get_or_init(|| {
            let program = self.shared.program;
            let identity = |id| program.identity(id, self.root);
            let mut bytes = Vec::with_capacity(closure.ids.len() * 32);
            for id in &closure.ids {
                bytes.extend_from_slice(&Fingerprint::of(identity(*id).as_bytes()).0);
                bytes.extend_from_slice(&program.interface(*id, &identity)?.0);
            }
            Some(Fingerprint::of(&bytes).0)
        })
    }
}
