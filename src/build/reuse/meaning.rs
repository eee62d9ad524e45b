//! The third proof: a stack whose program is loaded and checked comes out as in an earlier build where all that its trace
//! names has the same fingerprint, or made only values that packages still come to, and nothing that it imports stands against
//! that.

use std::borrow::Borrow;
use std::path::Path;
use std::sync::Arc;

use cache::{Digest, Short};
use kcl::lower::fingerprint::Fingerprints;
use kcl::package::PackageId;
use kcl::resolve::Main;

use super::health::Found;
use super::lists::Differences;
use super::record::{OwnParts, Parts, Record, digest, is_same};
use super::used::UsedParts;
use super::{
    Cell, Closure, Doubt, Program, Reason, Records, Reuse, changed_options, decode, unit_answer, values_of,
};
use crate::monorepo::answers::Answer;
use crate::monorepo::{CompileUnit, Stack};

impl<'a> Reuse<'a> {
    /// The third proof: a record whose trace has the same fingerprints. Else why the newest record does not hold, or why
    /// one does not of which all but checks is as it was.
    pub(in crate::build) fn same_meaning(
        &self,
        stack: &Stack,
        folder: &Path,
        records: &Records,
        program: &Program<'_>,
    ) -> Result<Digest, Doubt> {
        let closure = self.closure(&program.ready.main.closure);
        self.by_imports.get_or(&self.imports(program.unit, program.ready), || Arc::clone(&closure));
        // What a record knows of these very packages is not found out again, not even for a new record.
        let _ = records.0.iter().any(|record| self.has_packages(record, &closure));
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

    /// Whether the checker has nothing to say of the packages that a program imports: it had nothing to say of these very ones.
    pub(in crate::build) fn has_sound_imports(&self, main: &Main, records: &Records) -> bool {
        let is_sound =
            |record: &Record, closure: &Closure| !record.warned && self.has_packages(record, closure);
        !records.0.is_empty() && {
            let closure = self.closure(&main.closure);
            closure.confirmed && records.0.iter().any(|record| is_sound(record, &closure))
        }
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
        // Where no file of the packages changed, nor what they ask for, none of them is looked at.
        if self.has_packages(record, closure) && self.is_idle_same(folder, record, program.unit) {
            return self.different_part(record, program, || None);
        }
        self.different_part(record, program, || {
            self.different_imports(record, closure, || Some(program.unit))
        })
        .or_else(|| self.illness(folder, record, program.unit, closure))
    }

    /// What is not as it was around the sources: settings, options and files that the program asks for.
    pub(super) fn surroundings(
        &self,
        folder: &Path,
        record: &Record,
        unit: &CompileUnit,
    ) -> impl Iterator<Item = Reason> {
        let settings = (record.frame.unit != unit_answer(unit, folder)).then_some(Reason::Settings);
        let options = changed_options(unit, &record.options).map(|name| Reason::Option(name.to_owned()));
        let files = self.changed_files(folder, &record.files);
        let files = files.map(|file| Reason::File(file.subject().to_owned()));
        settings.into_iter().chain(options).chain(files)
    }

    /// The first part that is not as it was; `imported` tells of packages.
    fn different_part(
        &self,
        record: &Record,
        program: &Program<'_>,
        imported: impl FnOnce() -> Option<Reason>,
    ) -> Option<Reason> {
        let Some(own) = self.own_parts(record) else { return Some(Reason::New) };
        let different = |parts: &Parts, of_checks| {
            let mut parts = parts.iter().map(|(name, before)| (name.part(), before));
            let (part, _) = parts.find(|(part, before)| !is_same(program.fingerprints.get(*part), before))?;
            Some(Reason::of_part(String::new(), part, of_checks))
        };
        let used = std::iter::once_with(|| different(&own.used, false));
        let imported = std::iter::once_with(imported);
        let checks = std::iter::once_with(|| different(&own.checks, true));
        Reason::first(used.chain(imported).chain(checks).flatten())
    }

    /// The first part of a package that is not as it was when a stack used it. `unit` is asked for only where packages have
    /// to be evaluated to tell.
    pub(super) fn different_imports<U: Borrow<CompileUnit>>(
        &self,
        record: &Record,
        closure: &Closure,
        unit: impl FnOnce() -> Option<U>,
    ) -> Option<Reason> {
        let Differences { code, behind, check } = self.differences(&record.imported, closure);
        let behind = || {
            let differs = behind?;
            let unit = unit();
            let same = unit.is_some_and(|unit| self.same_values(record, unit.borrow(), closure));
            (!same).then_some(differs)
        };
        code.or_else(behind).or(check)
    }

    /// Whether what a stack read of packages has come to the same there.
    pub(super) fn same_values(&self, record: &Record, unit: &CompileUnit, closure: &Closure) -> bool {
        let found = closure.health.of(self.shared, unit, &closure.ids);
        self.comes_to(&record.imported, record.values, &found, closure)
    }

    /// The same of all stacks that used these lists and read these values, given what became of the packages.
    pub(super) fn comes_to(
        &self,
        imported: &Short,
        before: Option<Answer>,
        found: &Found,
        closure: &Closure,
    ) -> bool {
        let (Some(lists), Some(healthy)) = (self.used_by(imported), &found.healthy) else { return false };
        let place = |list: &UsedParts| Some(closure.ids[closure.place(&list.package)?]);
        let lists = lists.iter().map(|list| (&**list, place(list)));
        let values = values_of(lists, |package, name| self.value(package, name, &healthy.values));
        values.is_some() && values == before
    }

    pub(super) fn own_parts(&self, record: &Record) -> Option<Arc<OwnParts>> {
        let read = || decode(&self.store.blob(&self.whole(&record.own)?)?).map(Arc::new);
        self.parts.get_or(&record.own, Cell::default).get_or_init(read).clone()
    }

    /// The digest that begins like this; found once, for thousands of stacks have the same lists.
    pub(super) fn whole(&self, short: &Short) -> Option<Digest> {
        self.whole.get_or(short, || self.store.digest_of(short))
    }

    pub(super) fn fingerprints_in(&self, closure: &Closure, package: &str) -> Option<&'a Fingerprints> {
        self.fingerprints(closure.ids[closure.place(package)?])
    }

    pub(super) fn fingerprints(&self, id: PackageId) -> Option<&'a Fingerprints> {
        let program = self.shared.program;
        program.fingerprints(id, &|id| program.identity(id, self.root))
    }
}
