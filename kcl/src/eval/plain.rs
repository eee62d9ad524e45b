//! What a program sees of the packages that it imports, where that is plain data.
//!
//! Packages are evaluated before the main one, and their variables stay what they are then. Who reads one that is data alone,
//! instances among it but no functions, depends on the data and not on the code that made it; and so does who keeps what packages
//! have said the output is. So a trace has the fingerprints of such values, and what only made them apart: code that changes and
//! makes the same is no reason to evaluate anything but the packages.
//!
//! Two things besides its items tell values apart. One that was read before it was final was something else for whoever did that: it
//! is compared only if all reads gave the same. And a union looks whether both sides are one and the same collection: the value says
//! where it has one twice, and one that shares a collection with others is not compared, for the fingerprint says nothing of these.
//! It can share only what it was made of, which is what the statements that set it read, the defaults of instances among that, and what
//! they set besides.
//!
//! Of an instance all that can be seen is written: its schema, attributes with their operators, what was set from outside, arguments.
//! What is done with it may ask its schema for more, such as which attributes must be set: so whoever reads the variable has the schema
//! in its trace too, but neither defaults nor types. Schemas go by the path of their package, where no other package has it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::trace::Early;
use super::{Run, Used};
use crate::lower::code::{Global, GlobalKind, PackageCode, Setter, StmtId};
use crate::lower::fingerprint::Fingerprint;
use crate::package::PackageId;
use crate::value::union::is_same;
use crate::value::{Dict, Func, Instance, SchemaId, Value};

/// Plain values: of variables, and of the output under the statements of those who say what it is.
pub(super) type Plain = FxHashMap<Used, PlainValue>;

/// A plain value.
pub(super) struct PlainValue {
    pub(super) fingerprint: Fingerprint,
    /// Of which schemas it has instances.
    pub(super) schemas: Vec<SchemaId>,
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

    /// What packages made of a variable or of the output, if it is plain.
    fn plain(&self, used: Used) -> Option<PlainValue> {
        match used {
            Used::Variable(package, slot) => self.plain_variable(package, slot),
            Used::Statements(package) => {
                Some(PlainValue { fingerprint: self.tracer.said_by(package)?, schemas: Vec::new() })
            }
            _ => None,
        }
    }

    fn plain_variable(&self, package: PackageId, slot: u32) -> Option<PlainValue> {
        let value = self.settled(package, slot)?;
        let mut written = Written::default();
        written.value(value)?;
        if !written.collections.is_empty() && self.shares(package, slot, &written) {
            return None;
        }
        for schema in &written.schemas {
            let ty = &self.schema_code(*schema)?.ty;
            if !self.is_known_by_path(PackageId(schema.package)) {
                return None;
            }
            text(ty.package.as_str(), &mut written.out);
            text(ty.name.as_str(), &mut written.out);
        }
        Some(PlainValue { fingerprint: Fingerprint::of(&written.out), schemas: written.schemas })
    }

    /// Whether no other package has the path of this one, in another module.
    fn is_known_by_path(&self, package: PackageId) -> bool {
        let name = |code: &PackageCode| code.name;
        let path = self.code(package).map(name);
        self.known.iter().flatten().filter(|code| Some(code.name) == path).count() == 1
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
    fn shares(&self, package: PackageId, slot: u32, written: &Written) -> bool {
        let own = Used::Variable(package, slot);
        let read = self.tracer.read_by(self.setters(package, slot));
        let sources = read.variables.into_iter().chain(self.set_together(package, slot));
        let sources = sources.filter(|used| *used != own).map(|used| match used {
            Used::Variable(package, slot) => self.settled(package, slot),
            _ => None,
        });
        let options = self.options.iter().filter(|_| read.options).map(|(_, value)| Some(*value));
        let mut seen = FxHashSet::default();
        !sources
            .chain(options)
            .all(|value| value.is_some_and(|it| is_apart(it, &written.collections, &mut seen)))
    }

    /// The variables that the statements set which set this one.
    fn set_together(&self, package: PackageId, slot: u32) -> impl Iterator<Item = Used> {
        let globals = self.code(package).map_or(&[][..], |code| &code.globals);
        let own = globals.get(slot as usize).map_or(&[][..], set_by);
        let is_one = |one: &Setter, other: &Setter| (one.body, one.stmt) == (other.body, other.stmt);
        let set =
            move |global: &Global| set_by(global).iter().any(|it| own.iter().any(|own| is_one(it, own)));
        let together = globals.iter().enumerate().filter(move |(_, global)| set(global));
        together.map(move |(slot, _)| Used::Variable(package, slot as u32))
    }

    /// The statements that set a variable of a package.
    pub(super) fn setters(&self, package: PackageId, slot: u32) -> impl Iterator<Item = StmtId> + use<'r> {
        let code = self.code(package);
        let global = code.and_then(|code| code.globals.get(slot as usize));
        let setters = global.map_or(&[][..], set_by);
        let stmt =
            move |setter: &Setter| code?.files.get(setter.body as usize)?.body.get(setter.stmt as usize);
        setters.iter().filter_map(move |setter| Some(stmt(setter)?.id))
    }
}

/// What sets a global, if that is a variable.
fn set_by(global: &Global) -> &[Setter] {
    match &global.kind {
        GlobalKind::Variable(setters) => setters,
        _ => &[],
    }
}

/// A list, dict or instance by its place in memory and its length.
type Collection = (usize, usize);

/// Which one it is; empty ones have no place, and a union makes nothing of them.
fn collection(value: Value<'_>) -> Option<Collection> {
    match value {
        Value::List([]) => None,
        Value::List(items) => Some((items.as_ptr().addr(), items.len())),
        Value::Dict(dict) if dict.is_empty() => None,
        Value::Dict(dict) => Some((std::ptr::from_ref(dict).addr(), dict.len())),
        Value::Instance(it) => Some((std::ptr::from_ref(it).addr(), usize::MAX)),
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
    let mut are_apart = |items: &[Value<'_>]| items.iter().all(|item| is_apart(*item, collections, seen));
    match value {
        Value::List(items) => are_apart(items),
        Value::Dict(dict) => are_apart(&values_of(dict)),
        Value::Instance(it) => {
            are_apart(&values_of(it.quietly())) && are_apart(it.args) && are_apart(&values_of(&it.kwargs))
        }
        Value::Func(Func::Lambda(closure)) => closure.captured.is_empty() && closure.this.is_none(),
        _ => true,
    }
}

fn values_of<'v>(dict: &Dict<'v>) -> Vec<Value<'v>> {
    dict.entries().iter().map(|entry| entry.value).collect()
}

/// A value as bytes that no other one has.
#[derive(Default)]
struct Written {
    out: Vec<u8>,
    /// The collections in it, numbered.
    collections: FxHashMap<Collection, usize>,
    /// The schemas of the instances in it.
    schemas: Vec<SchemaId>,
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
                self.list(items)
            }
            Value::Dict(dict) => {
                self.out.push(8);
                self.dict(dict)
            }
            Value::Instance(it) => {
                self.out.push(10);
                self.instance(it)
            }
            Value::Func(_) => None,
            single => {
                write_single(single, &mut self.out);
                Some(())
            }
        }
    }

    fn list(&mut self, items: &[Value<'_>]) -> Option<()> {
        length(items.len(), &mut self.out);
        items.iter().try_for_each(|item| self.value(*item))
    }

    fn instance(&mut self, it: &Instance<'_>) -> Option<()> {
        for schema in [it.schema.id, it.watch.schema] {
            let known = self.schemas.iter().position(|known| *known == schema);
            let at = known.unwrap_or_else(|| {
                self.schemas.push(schema);
                self.schemas.len() - 1
            });
            length(at, &mut self.out);
        }
        self.dict(it.quietly())?;
        length(it.config_keys.len(), &mut self.out);
        it.config_keys.iter().for_each(|key| text(key.as_str(), &mut self.out));
        self.list(it.args)?;
        self.dict(&it.kwargs)
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
