//! The second proof, without a look into the stack's own files: where these are as they were, and all that checking and lowering them
//! can learn of packages is as it was, their code is as it was too. So a change inside of a model costs no parsing
//! of stacks, only the question whether what they use of it changed.

use std::path::Path;
use std::sync::Arc;

use cache::{Batch, Digest, Short};
use kcl::lower::code::PackageCode;
use kcl::lower::fingerprint::Fingerprint;
use kcl::package::PackageId;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use syntax::Symbol;

use super::record::{Question, Record, decode, digest};
use super::{Cell, Closure, Encoded, Records, Reuse};
use crate::build::compile::Ready;
use crate::monorepo::answers::Answer;
use crate::monorepo::{CompileUnit, Stack, paths};

/// What checking and lowering a stack's own files could learn of packages. A name that comes after that makes no difference to
/// them: if they had it, something would have been wrong with them.
#[derive(Serialize, Deserialize)]
pub(super) struct Interface {
    names: Names,
    seen: [u8; 16],
}

/// The names of packages, by where these are.
type Names = Vec<(String, Vec<String>)>;

/// The records of a stack whose own files are as they were, and are lowered as they were with the packages of now. Nothing is
/// wrong with them, so they need no check.
#[derive(Default)]
pub(in crate::build) struct SameCode<'r>(Vec<(&'r Record, Arc<Closure>)>);

impl SameCode<'_> {
    /// Whether there are any.
    pub(in crate::build) fn is_known(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Reuse<'_> {
    /// The records of a stack that tell what its own files are lowered to; `own` as of [`Reuse::unchanged`].
    pub(in crate::build) fn same_code<'r>(
        &self,
        folder: &Path,
        records: &'r Records,
        own: Option<Answer>,
    ) -> SameCode<'r> {
        let same = records.0.iter().filter_map(|record| {
            let closure = self.by_imports.known(&record.frame.imports)?;
            self.is_as_it_was(folder, record, &closure, own).then_some((record, closure))
        });
        SameCode(same.collect())
    }

    /// The artifact of a stack whose code is as it was, and for which packages mean what they did. `unit` is asked
    /// for only where nothing else stands against that.
    pub(in crate::build) fn same_packages(
        &self,
        stack: &Stack,
        folder: &Path,
        same: &SameCode<'_>,
        unit: impl Fn() -> Option<CompileUnit>,
    ) -> Option<Digest> {
        let (record, closure, unit) = same.0.iter().find_map(|(record, closure)| {
            let may_hold = self.different_imports(record, closure, &unit).is_none();
            let unit = may_hold.then(&unit)??;
            self.illness(folder, record, &unit, closure).is_none().then_some((record, closure, unit))
        })?;
        if let Some(record) = self.with_packages(folder, record, &unit, closure) {
            self.keep_with(stack, folder, record, closure);
        }
        Some(digest(&record.artifact))
    }

    /// Whether a stack's own files, and what they make of these packages, are as they were.
    fn is_as_it_was(&self, folder: &Path, record: &Record, closure: &Closure, own: Option<Answer>) -> bool {
        !record.warned
            && !record.coarse
            && record.frame.interface.is_some_and(|interface| self.has_interface(closure, &interface))
            && self.own_unchanged(folder, record, own)
            && self.packages_unchanged(&record.frame.ways).is_some()
    }

    /// Keeps a record that holds with other packages than before.
    fn keep_with(&self, stack: &Stack, folder: &Path, record: Record, closure: &Closure) {
        let (Some(questions), Some(ways)) =
            (self.questions(&record.frame.questions), self.packages_unchanged(&record.frame.ways))
        else {
            return;
        };
        let seen = |question: &Question| self.answers.confirmed(&question.query(folder)).is_some();
        if !closure.confirmed || !questions.iter().all(seen) {
            return;
        }
        let mut batch = Batch::default();
        self.hand(&mut batch, &closure.encoded);
        self.hold(stack, &record, questions, [Arc::clone(&closure.state), ways]);
        self.put_record(&mut batch, stack, &record);
        self.add(batch);
    }

    /// The packages that a stack's own files import, in order, as a digest; and what decides where those look for others.
    pub(super) fn imports(&self, unit: &CompileUnit, ready: &Ready) -> [u8; 16] {
        let dependencies = &ready.main.package.dependencies;
        let ids: Vec<PackageId> = dependencies.iter().map(|(id, ..)| *id).collect();
        self.imports.get_or(&ids, || {
            let mut lines: Vec<String> =
                ids.iter().map(|id| self.shared.program.identity(*id, self.root)).collect();
            let external = unit.external.iter();
            lines.extend(external.map(|(name, folder)| {
                format!("{name} {}", paths::slashed(&paths::relative(self.root, folder)))
            }));
            Fingerprint::of(lines.join("\n").as_bytes()).0
        })
    }

    /// What a record says of the packages that code was checked and lowered with.
    pub(super) fn interface<'c>(&self, code: &PackageCode, closure: &'c Closure) -> Option<&'c Encoded> {
        // What a schema inherits decides its layout, which is more than an interface says.
        let plain = code.schemas.is_empty() && code.rules.is_empty();
        plain.then(|| self.interface_of(closure)).flatten()
    }

    fn interface_of<'c>(&self, closure: &'c Closure) -> Option<&'c Encoded> {
        let find = || {
            let names =
                |id| self.shared.program.names(id).iter().map(|name| name.as_str().to_owned()).collect();
            let packages = closure.state.iter().zip(&*closure.ids);
            let names = packages.map(|(state, id)| (state.identity.clone(), names(*id))).collect();
            let seen = self.seen(&names, closure)?;
            Some(Encoded::of(&Interface { names, seen }))
        };
        closure.interface.get_or_init(find).as_ref()
    }

    /// Whether all that an interface says is so of a closure; asked once for all stacks that have the same.
    pub(super) fn has_interface(&self, closure: &Closure, interface: &Short) -> bool {
        let cell = self.interfaces.get_or(&(*interface, closure.encoded.digest), Cell::default);
        *cell.get_or_init(|| {
            if self.interface_of(closure).is_some_and(|it| it.digest.short() == *interface) {
                return true;
            }
            let before = self.whole(interface).and_then(|at| self.store.blob(&at));
            let before = before.and_then(|bytes| decode::<Interface>(&bytes));
            before.is_some_and(|Interface { names, seen }| self.seen(&names, closure) == Some(seen))
        })
    }

    /// What can be learned of some names of packages.
    fn seen(&self, names: &Names, closure: &Closure) -> Option<[u8; 16]> {
        let program = self.shared.program;
        let identity = |id| program.identity(id, self.root);
        let places: FxHashMap<&str, PackageId> =
            closure.state.iter().map(|it| it.identity.as_str()).zip(closure.ids.iter().copied()).collect();
        let mut bytes = Vec::with_capacity(names.len() * 32);
        for (package, names) in names {
            let names: FxHashSet<Symbol> = names.iter().map(|name| Symbol::new(name)).collect();
            bytes.extend_from_slice(&Fingerprint::of(package.as_bytes()).0);
            let seen =
                program.interface(*places.get(package.as_str())?, &|it| names.contains(&it), &identity)?;
            bytes.extend_from_slice(&seen.0);
        }
        // Of a package that is new nobody knows, but something may be wrong with it.
        let is_sound = |id: &PackageId| program.interface(*id, &|_| false, &identity).is_some();
        closure.ids.iter().all(is_sound).then(|| Fingerprint::of(&bytes).0)
    }

    /// Whether a record has these very packages; what it says of them is then known of the closure too.
    pub(super) fn has_packages(&self, record: &Record, closure: &Closure) -> bool {
        let same = record.frame.packages == closure.encoded.digest.short();
        if same {
            closure.reach.get_or_init(|| record.frame.reach);
            if let Some(interface) = record.frame.interface
                && closure.interface.get().is_none()
                && let Some(digest) = self.whole(&interface)
                && let Some(bytes) = self.store.blob(&digest)
            {
                closure.interface.get_or_init(|| Some(Encoded { digest, bytes }));
            }
        }
        same
    }

    /// What a record says of how far the statements of packages reach.
    pub(super) fn reach_of(&self, closure: &Closure) -> Option<[u8; 16]> {
        let program = self.shared.program;
        let find = || program.reach(&closure.ids, &|id| program.identity(id, self.root));
        closure.reach.get_or_init(|| find().map(|reach| reach.0)).to_owned()
    }
}
