//! The second proof: a stack whose program is loaded and checked comes out as in an earlier build where all that its trace
//! names has the same fingerprint, and nothing that it imports stands against that.

use std::path::Path;
use std::sync::Arc;

use cache::Digest;
use kcl::lower::fingerprint::Fingerprints;
use kcl::package::PackageId;

use super::record::{OwnParts, PartName, Parts, Record, digest, is_same};
use super::used::{Imported, UsedParts};
use super::{
    Cell, Closure, Doubt, Program, Reason, Records, Reuse, changed_options, decode, shown, unit_answer,
};
use crate::monorepo::{CompileUnit, Stack};

impl<'a> Reuse<'a> {
    /// The second proof: a record whose trace has the same fingerprints. Else why the newest record does not hold, or why
    /// one does not of which all but checks is as it was.
    pub(in crate::build) fn same_meaning(
        &self,
        stack: &Stack,
        folder: &Path,
        records: &Records,
        program: &Program<'_>,
    ) -> Result<Digest, Doubt> {
        let closure = self.closure(&program.ready.main.closure);
        self.by_imports.get_or(&self.imports(program), || Arc::clone(&closure));
        let mut doubt = Doubt { reason: Reason::New, unless_refused: None };
        for (at, record) in records.0.iter().enumerate() {
            match self.difference(folder, record, program, &closure) {
                None => {
                    self.keep_again(stack, folder, record, program, &closure);
                    return Ok(digest(&record.artifact));
                }
                Some(reason @ Reason::Check { .. }) if doubt.unless_refused.is_none() => {
                    doubt = Doubt { reason, unless_refused: Some(digest(&record.artifact)) };
                }
                Some(reason) if at == 0 => doubt.reason = reason,
                Some(_) => {}
            }
        }
        Err(doubt)
    }

    pub(super) fn difference(
        &self,
        folder: &Path,
        record: &Record,
        program: &Program<'_>,
        closure: &Closure,
    ) -> Option<Reason> {
        if record.coarse {
            return Some(Reason::Coarse);
        }
        if !self.is_here(record) {
            return Some(Reason::Moved);
        }
        if let Some(reason) = self.surroundings(folder, record, program.unit).next() {
            return Some(reason);
        }
        if !is_same(program.fingerprints.get(program.statements()), &record.statements) {
            return Some(Reason::Statements);
        }
        self.different_part(record, program, closure)
            .or_else(|| self.illness(folder, record, program.unit, closure))
    }

    /// What is not as it was around the sources: settings, options and files that the program asks for.
    pub(super) fn surroundings(
        &self,
        folder: &Path,
        record: &Record,
        unit: &CompileUnit,
    ) -> impl Iterator<Item = Reason> {
        let settings = (record.unit != unit_answer(unit, folder)).then_some(Reason::Settings);
        let options = changed_options(unit, &record.options).map(|name| Reason::Option(name.to_owned()));
        let files = self.changed_files(folder, &record.files);
        let files = files.map(|file| Reason::File(file.subject().to_owned()));
        settings.into_iter().chain(options).chain(files)
    }

    fn different_part(&self, record: &Record, program: &Program<'_>, closure: &Closure) -> Option<Reason> {
        let Some(own) = self.own_parts(record) else { return Some(Reason::New) };
        let different = |parts: &Parts, of_checks| {
            let mut parts = parts.iter().map(|(name, before)| (name.part(), before));
            let (part, _) = parts.find(|(part, before)| !is_same(program.fingerprints.get(*part), before))?;
            Some(Reason::of_part(String::new(), part, of_checks))
        };
        let used = std::iter::once_with(|| different(&own.used, false));
        let imported = std::iter::once_with(|| self.different_imports(record, closure));
        let checks = std::iter::once_with(|| different(&own.checks, true));
        Reason::first(used.chain(imported).chain(checks).flatten())
    }

    /// The first part of a package that is not as it was when a stack used it.
    pub(super) fn different_imports(&self, record: &Record, closure: &Closure) -> Option<Reason> {
        let at = digest(&record.imported);
        let cell = self.imported.get_or(&(at, closure.encoded.digest), Cell::default);
        cell.get_or_init(|| match self.imported_by(record) {
            Some(imported) => self.different_import(&imported, closure),
            None => Some(Reason::New),
        })
        .clone()
    }

    pub(super) fn own_parts(&self, record: &Record) -> Option<Arc<OwnParts>> {
        let at = digest(&record.own);
        self.parts
            .get_or(&at, Cell::default)
            .get_or_init(|| decode(&self.store.blob(&at)?).map(Arc::new))
            .clone()
    }

    /// The lists of what a stack used of the packages that it imports, by their digests.
    fn imported_by(&self, record: &Record) -> Option<Arc<[Digest]>> {
        let at = digest(&record.imported);
        let read = || {
            let lists: Imported = decode(&self.store.blob(&at)?)?;
            lists.iter().map(|short| self.store.digest_of(short)).collect()
        };
        self.lists.get_or(&at, Cell::default).get_or_init(read).clone()
    }

    fn used(&self, at: &Digest) -> Option<Arc<UsedParts>> {
        let cell = self.used.get_or(at, Cell::default);
        cell.get_or_init(|| decode(&self.store.blob(at)?).map(Arc::new)).clone()
    }

    /// All lists of a record; `None` where one is lost.
    pub(super) fn used_by(&self, record: &Record) -> Option<Vec<Arc<UsedParts>>> {
        self.imported_by(record)?.iter().map(|at| self.used(at)).collect()
    }

    fn different_import(&self, imported: &[Digest], closure: &Closure) -> Option<Reason> {
        let reasons = imported.iter().filter_map(|at| {
            let cell = self.differing.get_or(&(*at, closure.encoded.digest), Cell::default);
            cell.get_or_init(|| {
                let Some(used) = self.used(at) else { return Some(Reason::New) };
                let mut differing = used.differing(self.fingerprints_in(closure, &used.package));
                let (name, of_checks) = differing.next()?;
                Some(Reason::of_part(shown(&used.package), name.part(), of_checks))
            })
            .clone()
        });
        Reason::first(reasons)
    }

    pub(super) fn fingerprints_in(&self, closure: &Closure, package: &str) -> Option<&'a Fingerprints> {
        let at = closure.state.iter().position(|state| state.identity == *package)?;
        self.fingerprints(closure.ids[at])
    }

    pub(super) fn fingerprints(&self, id: PackageId) -> Option<&'a Fingerprints> {
        let program = self.shared.program;
        program.fingerprints(id, &|id| program.identity(id, self.root))
    }

    /// Why packages stand against reuse, although nothing that is used of them changed: they may fail now, or say what the
    /// output is.
    pub(super) fn illness(
        &self,
        folder: &Path,
        record: &Record,
        unit: &CompileUnit,
        closure: &Closure,
    ) -> Option<Reason> {
        let idle = changed_options(unit, &record.idle_options).next().is_none()
            && self.changed_files(folder, &record.idle_files).next().is_none();
        if idle && digest(&record.packages) == closure.encoded.digest {
            return None;
        }
        let Some(prints) = closure.health.prints(self.shared, unit, &closure.ids) else {
            return Some(Reason::Unhealthy);
        };
        let lists = self.used_by(record).unwrap_or_default();
        let known = |id: &PackageId| {
            let identity = self.shared.program.identity(*id, self.root);
            lists.iter().any(|used| used.package == identity && used.names(&PartName::Statements))
        };
        (!prints.iter().all(known)).then_some(Reason::Prints)
    }
}
