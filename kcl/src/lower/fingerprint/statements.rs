//! The statements of a package, file by file.
//!
//! Many main packages end with the same file, lowered once (`resolve::tail`); what is in it is walked once too.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use syntax::Symbol;

use super::slots::joined;
use super::walk::Walk;
use super::{Fingerprint, Inside, Part};
use crate::lower::code::{FileCode, GlobalKind, PackageCode};
use crate::lower::inert::{inert, is_lambda, speaks};
use crate::lower::order::{Role, labels, role};
use crate::package::PackageId;
use crate::value::Key;

/// The fingerprints of a file's statements, and of what is inside of them.
#[derive(Debug)]
pub(crate) struct FileParts {
    /// How many lambdas and arms statements before had that set nothing: all of a package are numbered in one row.
    before: [u32; 2],
    stmts: Vec<StmtParts>,
    inside: Inside,
}

/// A statement.
#[derive(Debug)]
struct StmtParts {
    own: Fingerprint,
    /// The variables that it sets.
    slots: Vec<u32>,
    /// Whether it does more than name something.
    runs: bool,
    /// Whether its place among others counts.
    fixed: bool,
}

/// The variables that each top-level statement sets, by file and number of the statement.
type Setters = FxHashMap<(u32, u32), Vec<u32>>;

impl FileParts {
    pub(super) fn inside(&self) -> &Inside {
        &self.inside
    }
}

impl<'a> Walk<'a> {
    /// Each statement is written once, and counts as that for the variables that it sets and for the whole.
    pub(super) fn statements(&mut self) {
        let code = self.code;
        let (setters, inert) = (setters(code), inert(code));
        let mut of_slot: Vec<Option<Fingerprint>> = vec![None; code.globals.len()];
        let (mut whole, mut everything) = (Vec::new(), Vec::new());
        let (mut loose, mut fixed) = (Vec::new(), Vec::new());
        let mut add = |stmts: &[StmtParts]| {
            for StmtParts { own, slots, runs, fixed: is_fixed } in stmts {
                everything.push(*own);
                whole.extend(runs.then_some(*own));
                if *runs {
                    if *is_fixed { &mut fixed } else { &mut loose }.push(*own);
                }
                for slot in slots {
                    let known = &mut of_slot[*slot as usize];
                    *known = Some(known.map_or(*own, |known| joined([known, *own].into_iter())));
                }
            }
        };
        for (number, file) in code.files.iter().enumerate() {
            if let Some(shared) = self.shared_file(number as u32, file, &setters, &inert) {
                add(&shared.stmts);
                self.found.shared = Some(shared);
            } else {
                add(&self.file(number as u32, file, &setters, &inert));
            }
        }
        if code.id == PackageId::MAIN {
            loose.sort_unstable();
            loose.push(joined(fixed.into_iter()));
            self.found.own.parts.insert(Part::Statements, joined(loose.into_iter()));
            self.found.own.parts.insert(Part::Everything, joined(everything.into_iter()));
            self.shown(&inert, &of_slot);
            self.found.labels = labels(code);
        } else {
            self.found.own.parts.insert(Part::Statements, joined(whole.into_iter()));
        }
        for (global, own) in code.globals.iter().zip(of_slot) {
            if matches!(global.kind, GlobalKind::Variable(_)) {
                let own = own.unwrap_or_else(|| Fingerprint::of(&[]));
                self.found.own.parts.insert(Part::Variable(global.name), own);
            }
        }
    }

    /// What is in the last file, if other main packages have it too. Its statements set variables that no other file names,
    /// so that the numbers of what those that set none have inside are all that is not its own.
    fn shared_file(
        &mut self,
        number: u32,
        file: &'a FileCode,
        setters: &Setters,
        inert: &[bool],
    ) -> Option<Arc<FileParts>> {
        let parts = file.parts.as_ref()?;
        let nothing = Symbol::new("");
        let before = ['/', '('].map(|kind| self.counts.get(&(nothing, kind)).copied().unwrap_or_default());
        let find = || {
            let around = std::mem::take(&mut self.found.own);
            let stmts = self.file(number, file, setters, inert);
            Arc::new(FileParts { before, stmts, inside: std::mem::replace(&mut self.found.own, around) })
        };
        let known = parts.get_or_init(find);
        (known.before == before).then(|| Arc::clone(known))
    }

    fn file(&mut self, number: u32, file: &'a FileCode, setters: &Setters, inert: &[bool]) -> Vec<StmtParts> {
        let code = self.code;
        let mut stmts = Vec::with_capacity(file.body.len());
        for (at, stmt) in file.body.iter().enumerate() {
            let slots = setters.get(&(number, at as u32)).map_or(&[][..], Vec::as_slice);
            let names: Vec<Symbol> = slots.iter().map(|slot| code.globals[*slot as usize].name).collect();
            // All of them: whoever uses one of them knows the code of all statements of that name.
            self.owner = match &*names {
                [name] => *name,
                names => Symbol::new(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",")),
            };
            self.out.clear();
            self.locals = Some(FxHashMap::default());
            self.stmt(stmt);
            let own = Fingerprint::of(&self.out);
            self.gathered.part(own);
            let runs = !slots.iter().any(|slot| inert[*slot as usize]);
            let fixed = matches!(role(code, stmt), Role::Fixed(_));
            stmts.push(StmtParts { own, slots: slots.to_vec(), runs, fixed });
            self.inner();
            self.end(names, runs);
        }
        stmts
    }

    /// The variables that a main package shows. The code of those that only name something is nowhere else.
    fn shown(&mut self, inert: &[bool], code_of: &[Option<Fingerprint>]) {
        self.out.clear();
        // Beside expressions private ones count too, and whether there are any.
        let speaks = speaks(self.code);
        for ((global, inert), code) in self.code.globals.iter().zip(inert).zip(code_of) {
            let GlobalKind::Variable(_) = global.kind else { continue };
            if speaks || !is_lambda(self.code, global) && !Key::from(global.name).is_private() {
                self.text(global.name.as_str());
                let code = code.filter(|_| *inert).map(|code| code.0);
                self.tag(u8::from(code.is_some()));
                self.out.extend(code.iter().flatten());
            }
        }
        self.found.own.parts.insert(Part::Names, Fingerprint::of(&self.out));
    }
}

fn setters(code: &PackageCode) -> Setters {
    let mut setters = Setters::default();
    for (slot, global) in code.globals.iter().enumerate() {
        let GlobalKind::Variable(all) = &global.kind else { continue };
        for setter in all {
            let slots = setters.entry((setter.body, setter.stmt)).or_default();
            // An `if` may set a variable more than once.
            if slots.last() != Some(&(slot as u32)) {
                slots.push(slot as u32);
            }
        }
    }
    setters
}
