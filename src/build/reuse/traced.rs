//! What an evaluation used of a program, as records name it.
//!
//! A run notes numbers. What these are called, and what it is like, takes the fingerprints of all packages of which anything
//! was used: done once for all stacks that used the same of a package. And not at all where a record of the stack is of these
//! very packages and of the same numbers: what it names is used again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use cache::{Batch, Short};
use kcl::eval::{Trace, Used};
use kcl::lower::code::PackageCode;
use kcl::lower::fingerprint::{Fingerprint, Fingerprints, Part};
use kcl::package::PackageId;
use rustc_hash::FxHashMap;
use syntax::Symbol;

use super::record::{OwnParts, Parts, Record, decode, encode};
use super::used::{Imported, Role, UsedParts};
use super::{Closure, Encoded, Program, Records, Reuse, joined, values_of};
use crate::monorepo::answers::Answer;

/// What was used of an imported package, by number and for what.
pub(super) type Numbers = Vec<(Used, Role)>;

/// What is known of such numbers.
pub(super) struct Numbered {
    package: PackageId,
    used: Numbers,
    /// Of where the package is and of the numbers, the same in each process that has the same packages.
    digest: Answer,
    named: OnceLock<Option<Arc<Named>>>,
}

/// What was used of an imported package, by name.
pub(super) struct Named {
    pub(super) package: PackageId,
    pub(super) used: UsedParts,
    pub(super) encoded: Encoded,
}

/// What a record says of imported packages.
pub(super) struct KeptImports {
    /// See [`Record::numbers`].
    pub(super) numbers: Answer,
    /// See [`Record::imported`].
    pub(super) imported: Short,
    /// See [`Record::values`].
    pub(super) values: Option<Answer>,
}

impl Reuse<'_> {
    /// The declarations of a trace that are in the stack's own files.
    pub(super) fn own_traced(&self, program: &Program<'_>, trace: &Trace) -> OwnParts {
        let own = |parts: &[Used]| {
            let own = parts.iter().filter(|used| used.package() == PackageId::MAIN);
            named(own, &program.ready.code, &program.fingerprints)
        };
        OwnParts { used: own(&trace.parts), checks: own(&trace.checks) }
    }

    /// What a record of these packages says of a trace; the lists for it are in the batch or in the store.
    pub(super) fn keep_imports(
        &self,
        batch: &mut Batch,
        records: &Records,
        closure: &Closure,
        trace: &Trace,
    ) -> KeptImports {
        let used = self.numbered(trace);
        let numbers = digest_of(closure, &used, trace);
        let known = records.0.iter().find(|record| record.numbers == numbers);
        if let Some(Record { imported, values, .. }) = known.filter(|record| self.are_here(batch, record)) {
            return KeptImports { numbers, imported: *imported, values: *values };
        }
        let lists = self.named(&used);
        let shorts: Imported = lists.iter().map(|list| self.hand(batch, &list.encoded).short()).collect();
        let imported = self.hand(batch, &Encoded::of(&shorts)).short();
        KeptImports { numbers, imported, values: self.values(&lists, trace) }
    }

    /// The lists of a trace for each imported package, in the order of where these are.
    pub(super) fn imported_traced(&self, trace: &Trace) -> Vec<Arc<Named>> {
        self.named(&self.numbered(trace))
    }

    /// Whether the store has the lists of a record still; they are of use then.
    fn are_here(&self, batch: &mut Batch, record: &Record) -> bool {
        let here = |at: &Short| self.whole(at).filter(|digest| self.store.has_blob(digest));
        let lists = || {
            let imported = here(&record.imported)?;
            let lists: Imported = decode(&self.store.blob(&imported)?)?;
            lists.iter().map(here).chain([Some(imported)]).collect::<Option<Vec<_>>>()
        };
        let found = lists();
        found.iter().flatten().for_each(|digest| batch.used(*digest));
        found.is_some()
    }

    /// What a trace has of each imported package.
    fn numbered(&self, trace: &Trace) -> Vec<Arc<Numbered>> {
        let values: Vec<Used> = trace.values.iter().map(|(used, _)| *used).collect();
        let lists = [
            (&trace.parts, Role::Code),
            (&values, Role::Value),
            (&trace.behind, Role::Behind),
            (&trace.checks, Role::Check),
        ];
        // Each is in the order of packages.
        let mut rest = lists.map(|(list, role)| (list.as_slice(), role));
        let (mut used, mut all) = (Numbers::new(), Vec::new());
        while let Some(package) = rest.iter().filter_map(|(list, _)| Some(list.first()?.package())).min() {
            used.clear();
            for (list, role) in &mut rest {
                let end = list.iter().take_while(|used| used.package() == package).count();
                let (here, others) = list.split_at(end);
                used.extend(here.iter().map(|part| (*part, *role)));
                *list = others;
            }
            if package != PackageId::MAIN {
                let numbered = || {
                    let identity = self.shared.program.identity(package, self.root);
                    let digest = digest_of_numbers(&identity, &used);
                    Arc::new(Numbered { package, used: used.clone(), digest, named: OnceLock::new() })
                };
                all.push(self.numbered.get_or(&used, numbered));
            }
        }
        all
    }

    /// The same by name, in the order of where the packages are.
    fn named(&self, used: &[Arc<Numbered>]) -> Vec<Arc<Named>> {
        let named = |used: &Arc<Numbered>| used.named.get_or_init(|| self.named_one(used)).clone();
        let mut all: Vec<_> = used.iter().filter_map(named).collect();
        all.sort_unstable_by(|one, other| one.used.cmp(&other.used));
        all
    }

    fn named_one(&self, Numbered { package, used, .. }: &Numbered) -> Option<Arc<Named>> {
        let (code, known) = (self.shared.program.code(*package)?, self.fingerprints(*package)?);
        let parts = |role| {
            let some = used.iter().filter(move |(_, of)| *of == role);
            named(some.map(|(used, _)| used), code, known)
        };
        let used = UsedParts::new(self.shared.program.identity(*package, self.root), parts);
        Some(Arc::new(Named { package: *package, encoded: Encoded::of(&used), used }))
    }

    /// The values of a trace as one digest, in the order of the lists that name them.
    fn values(&self, lists: &[Arc<Named>], trace: &Trace) -> Option<Answer> {
        let known: FxHashMap<Used, Fingerprint> = trace.values.iter().copied().collect();
        let lists = lists.iter().map(|list| (&list.used, Some(list.package)));
        values_of(lists, |package, name| self.value(package, name, &known))
    }
}

/// Of the packages that a stack imports, what it used of them, and the values that it read. Numbers mean nothing without all of these
/// packages: what a name leads to may decide how those of another one are numbered.
fn digest_of(closure: &Closure, used: &[Arc<Numbered>], trace: &Trace) -> Answer {
    let mut lists: Vec<Answer> = used.iter().map(|used| with_values(used, trace)).collect();
    lists.sort_unstable();
    let packages = Answer::of(closure.encoded.digest.as_bytes());
    joined([packages].into_iter().chain(lists))
}

/// Of some numbers, and of the values that are read by them.
fn with_values(used: &Numbered, trace: &Trace) -> Answer {
    // They are in the order of packages.
    let first = trace.values.partition_point(|(value, _)| value.package() < used.package);
    let values = trace.values[first..].iter().take_while(|(value, _)| value.package() == used.package);
    let mut values = values.map(|(_, fingerprint)| Answer(fingerprint.0)).peekable();
    match values.peek() {
        Some(_) => joined([used.digest].into_iter().chain(values)),
        None => used.digest,
    }
}

fn digest_of_numbers(identity: &str, used: &Numbers) -> Answer {
    let plain = used.iter().map(|(used, role)| {
        let (rank, name) = used.rank_and_name();
        (*role as u8, rank, name.map(Symbol::as_str))
    });
    Answer::of(&encode(&(identity, plain.collect::<Vec<_>>())))
}

/// Parts that were used, with their fingerprints; arms in the same code as one.
fn named<'u>(used: impl Iterator<Item = &'u Used>, code: &PackageCode, known: &Fingerprints) -> Parts {
    let mut arms: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut parts = Vec::new();
    for part in used.filter_map(|used| used.part(code, known)) {
        match part {
            Part::Arm(name, number) => {
                arms.entry(name.as_str()).or_default().insert(number);
            }
            part => parts.push(part),
        }
    }
    parts.extend(arms.into_iter().map(|(name, numbers)| {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        Part::Arms(Symbol::new(name), Symbol::new(&numbers.join(" ")))
    }));
    let fingerprint = |part: Part| Some((part.into(), known.get(part)?.0));
    parts.into_iter().filter_map(fingerprint).collect()
}
