//! What a program sees of the packages that it imports, where that is plain data.
//!
//! Packages are evaluated before the main one, and their variables stay what they are then. Who reads one that is data alone,
//! without functions, depends on the data and not on the code that made it; and so does who keeps what packages
//! have said the output is. So a trace has the fingerprints of such values, and what only made them apart: code that changes and
//! makes the same is no reason to evaluate anything but the packages.
//!
//! Two things besides its items tell values apart. One that was read before it was final was something else for whoever did that: it
//! is compared only if all reads gave the same. And a union looks whether both sides are one and the same collection: the value says
//! where it has one twice, and one that shares a collection with others is not compared, for the fingerprint says nothing of these.
//! It can share only what it was made of: what the statements that set it read.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Run, Used};
use crate::lower::code::{GlobalKind, StmtId};
use crate::lower::fingerprint::Fingerprint;
use crate::package::PackageId;
use crate::value::union::is_same;
use crate::value::{Dict, Func, Value};

/// The fingerprints of plain values: of variables, and of the output under the statements of those who say what it is.
pub(super) type Plain = FxHashMap<Used, Fingerprint>;

/// What those who read a variable before the packages were done got.
#[derive(Clone, Copy)]
pub(super) enum Early<'r> {
    /// Always this.
    One(Value<'r>),
    Several,
}

impl<'r> Run<'r> {
    /// Those of the values that were read of imported packages.
    pub(super) fn plain_that_was_read(&self) -> Plain {
        let read = self.tracer.read_of_packages(self.main.id);
        read.into_iter().filter_map(|used| Some((used, self.plain(used)?))).collect()
    }

    /// All of some packages.
    pub(super) fn all_plain(&self, packages: &[PackageId]) -> Plain {
        let variables = packages.iter().filter_map(|id| Some((*id, self.code(*id)?)));
        let variables = variables
            .flat_map(|(id, code)| (0..code.globals.len() as u32).map(move |slot| Used::Variable(id, slot)));
        let outputs = packages.iter().map(|id| Used::Statements(*id));
        variables.chain(outputs).filter_map(|used| Some((used, self.plain(used)?))).collect()
    }

    /// The fingerprint of what packages made of a variable or of the output, if it is plain.
    fn plain(&self, used: Used) -> Option<Fingerprint> {
        match used {
            Used::Variable(package, slot) => self.plain_variable(package, slot),
            Used::Statements(package) => self.tracer.said_by(package),
            _ => None,
        }
    }

    fn plain_variable(&self, package: PackageId, slot: u32) -> Option<Fingerprint> {
        let value = self.settled(package, slot)?;
        let mut written = Written::default();
        written.value(value)?;
        if !written.collections.is_empty() && self.shares(package, slot, &written.collections) {
            return None;
        }
        Some(Fingerprint::of(&written.out))
    }

    /// The value of a variable, if whoever read it got that.
    fn settled(&self, package: PackageId, slot: u32) -> Option<Value<'r>> {
        let [value, last] = self.final_values(package, slot)?;
        let is_one = |other: Value<'r>| is_identical(value, other);
        let early = match self.tracer.read_early(Used::Variable(package, slot)) {
            None => true,
            Some(Early::One(early)) => is_one(early),
            Some(Early::Several) => false,
        };
        (early && is_one(last)).then_some(value)
    }

    /// Whether a variable may share collections with others.
    fn shares(&self, package: PackageId, slot: u32, collections: &FxHashMap<Collection, usize>) -> bool {
        let own = Used::Variable(package, slot);
        let read = self.tracer.read_by(self.setters(package, slot).into_iter());
        let sources = read.variables.into_iter().filter(|used| *used != own).map(|used| match used {
            Used::Variable(package, slot) => self.settled(package, slot),
            _ => None,
        });
        let options = self.options.iter().filter(|_| read.options).map(|(_, value)| Some(*value));
        let mut seen = FxHashSet::default();
        !sources.chain(options).all(|value| value.is_some_and(|it| is_apart(it, collections, &mut seen)))
    }

    /// The statements that set a variable of a package.
    pub(super) fn setters(&self, package: PackageId, slot: u32) -> Vec<StmtId> {
        let code = self.code(package);
        let global = code.and_then(|code| Some((code, code.globals.get(slot as usize)?)));
        let Some((code, GlobalKind::Variable(setters))) = global.map(|(code, global)| (code, &global.kind))
        else {
            return Vec::new();
        };
        let stmt = |body: u32, stmt: u32| code.files.get(body as usize)?.body.get(stmt as usize);
        setters.iter().filter_map(|setter| Some(stmt(setter.body, setter.stmt)?.id)).collect()
    }
}

/// A list or dict by its place in memory and its length.
type Collection = (usize, usize);

/// Which one it is; empty ones have no place, and a union makes nothing of them.
fn collection(value: Value<'_>) -> Option<Collection> {
    match value {
        Value::List([]) => None,
        Value::List(items) => Some((items.as_ptr().addr(), items.len())),
        Value::Dict(dict) if dict.is_empty() => None,
        Value::Dict(dict) => Some((std::ptr::from_ref(dict).addr(), dict.len())),
        _ => None,
    }
}

/// Whether nobody can tell two values apart, by what a union looks at either.
pub(super) fn is_identical(one: Value<'_>, other: Value<'_>) -> bool {
    match (one, other) {
        (Value::Undefined, Value::Undefined)
        | (Value::None, Value::None)
        | (Value::List([]), Value::List([])) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(one), Value::Int(other)) => one == other,
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Unit(one), Value::Unit(other)) => one.raw == other.raw && one.suffix == other.suffix,
        (Value::Str(one), Value::Str(other)) => one == other,
        (Value::Func(one), Value::Func(other)) => one.is_same(&other),
        _ => is_same(one, other),
    }
}

/// Whether a value has none of these collections inside; each one is looked at once.
fn is_apart(
    value: Value<'_>,
    collections: &FxHashMap<Collection, usize>,
    seen: &mut FxHashSet<Collection>,
) -> bool {
    if let Some(known) = collection(value) {
        if collections.contains_key(&known) {
            return false;
        }
        if !seen.insert(known) {
            return true;
        }
    }
    match value {
        Value::List(items) => items.iter().all(|item| is_apart(*item, collections, seen)),
        Value::Dict(dict) => dict.entries().iter().all(|entry| is_apart(entry.value, collections, seen)),
        // Nobody knows what it may hand out.
        Value::Instance(_) => false,
        Value::Func(Func::Lambda(closure)) => closure.captured.is_empty() && closure.this.is_none(),
        _ => true,
    }
}

/// A value as bytes that no other one has.
#[derive(Default)]
struct Written {
    out: Vec<u8>,
    /// The collections in it, numbered.
    collections: FxHashMap<Collection, usize>,
}

impl Written {
    /// Writes a value; `None` where it is more than data.
    fn value(&mut self, value: Value<'_>) -> Option<()> {
        if let Some(collection) = collection(value) {
            let next = self.collections.len();
            if let Some(known) = self.collections.get(&collection) {
                self.out.push(9);
                length(*known, &mut self.out);
                return Some(());
            }
            self.collections.insert(collection, next);
        }
        match value {
            Value::List(items) => {
                self.out.push(7);
                length(items.len(), &mut self.out);
                items.iter().try_for_each(|item| self.value(*item))
            }
            Value::Dict(dict) => {
                self.out.push(8);
                self.dict(dict)
            }
            Value::Instance(_) | Value::Func(_) => None,
            single => {
                write_single(single, &mut self.out);
                Some(())
            }
        }
    }

    fn dict(&mut self, dict: &Dict<'_>) -> Option<()> {
        length(dict.len(), &mut self.out);
        dict.entries().iter().try_for_each(|entry| {
            text(entry.key.as_str(), &mut self.out);
            self.out.push(entry.op as u8);
            self.out.push(u8::from(entry.index.is_some()));
            self.out.extend(entry.index.unwrap_or_default().to_le_bytes());
            self.value(entry.value)
        })
    }
}

fn write_single(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::None => out.push(1),
        Value::Bool(value) => out.extend([2, u8::from(value)]),
        Value::Int(value) => {
            out.push(3);
            out.extend(value.to_le_bytes());
        }
        Value::Float(value) => {
            out.push(4);
            out.extend(value.to_bits().to_le_bytes());
        }
        Value::Unit(unit) => {
            out.push(5);
            out.extend(unit.raw.to_le_bytes());
            text(unit.suffix.as_str(), out);
        }
        Value::Str(value) => {
            out.push(6);
            text(value, out);
        }
        _ => out.push(0),
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn length(length: usize, out: &mut Vec<u8>) {
    out.extend((length as u64).to_le_bytes());
}
