//! Relations between types: assignable, smallest common type, and how messages spell them.

use std::cell::Cell;
use std::fmt::Write;
use std::sync::Arc;

use elsa::FrozenVec;
use rustc_hash::FxHashSet;
use syntax::Symbol;

use super::ty::{DictType, FunctionType, SchemaAttr, SchemaRef, SchemaType, Type};
use crate::package::PackageId;
use crate::resolve::Program;

/// What a check makes, for whoever looks something up in it.
#[derive(Default)]
pub(super) struct Own {
    /// The schemas of the package that is being checked.
    pub(super) schemas: FrozenVec<Box<SchemaType>>,
    /// How often types were held against each other.
    steps: Cell<u64>,
}

impl Own {
    /// How often types were held against each other so far.
    pub(super) fn taken(&self) -> u64 {
        self.steps.get()
    }

    /// Counts steps.
    pub(super) fn take(&self, steps: u64) {
        self.steps.set(self.steps.get() + steps);
    }
}

/// The schemas that types refer to.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) program: &'a Program,
    /// The package that is being checked.
    pub(super) package: PackageId,
    /// What is known of it.
    pub(super) own: &'a Own,
    pub(super) foreign: &'a Foreign<'a>,
}

/// The schemas of a package.
type Schemas<'a> = (PackageId, &'a [SchemaType]);

/// The package whose schemas were asked for last: mostly it is asked for next as well.
#[derive(Default)]
pub(super) struct Foreign<'a> {
    last: Cell<Option<Schemas<'a>>>,
}

impl<'a> Foreign<'a> {
    fn schemas(&self, program: &'a Program, id: PackageId) -> Option<&'a [SchemaType]> {
        if let Some((package, schemas)) = self.last.get()
            && package == id
        {
            return Some(schemas);
        }
        let schemas = program.cell(id)?.types.get()?.schemas.as_slice();
        self.last.set(Some((id, schemas)));
        Some(schemas)
    }
}

/// How long a chain of base schemas may be; longer ones cannot be written by hand.
const DEEPEST: usize = 1000;

/// How often types may be held against each other in one package. After that nothing is said any more: large packages
/// come nowhere near, and a few lines made for it could keep the checker for ever.
const MOST_STEPS: u64 = 20_000_000;

/// How many members of a union messages show.
const MOST_SHOWN: usize = 8;

/// From which length on messages cut a type.
const LONGEST: usize = 120;

/// How many different types, literals aside, a list or dict may hold; with more of them it may hold anything. Each one is
/// held against all others, which bounds the time that a long list takes.
const MOST_MEMBERS: usize = 128;

impl<'a> Table<'a> {
    /// The schema of a number.
    pub(super) fn schema(self, id: SchemaRef) -> Option<&'a SchemaType> {
        if id.package == self.package {
            return self.own.schemas.get(id.index as usize);
        }
        self.foreign.schemas(self.program, id.package)?.get(id.index as usize)
    }

    /// The schema and those that it extends, nearest first.
    pub(super) fn lineage(self, schema: &'a SchemaType) -> impl Iterator<Item = &'a SchemaType> {
        let base = move |schema: &&'a SchemaType| self.schema(schema.base?);
        std::iter::successors(Some(schema), base).take(DEEPEST)
    }

    /// An attribute of a schema, of one that it extends, or else of its protocol.
    pub(super) fn attr(self, schema: &'a SchemaType, name: Symbol) -> Option<&'a SchemaAttr> {
        let mut oldest = schema;
        for schema in self.lineage(schema) {
            if let Some(attr) = schema.attrs.get(&name) {
                return Some(attr);
            }
            oldest = schema;
        }
        let protocol = self.schema(oldest.protocol?)?;
        self.lineage(protocol).find_map(|schema| schema.attrs.get(&name))
    }

    fn extends(self, schema: SchemaRef, base: SchemaRef) -> bool {
        schema == base
            || self.schema(schema).is_some_and(|schema| self.lineage(schema).any(|one| one.id == base))
    }

    /// Whether a value of the one type may stand where the other is expected. An `any` inside a union or at the start
    /// counts as fitting only where the flag says so.
    pub(super) fn fits(self, ty: &Type, expected: &Type, any: bool) -> bool {
        if self.is_exhausted() {
            return true;
        }
        self.own.take(1);
        match (ty, expected) {
            (_, Type::Any) | (Type::None, _) => true,
            (Type::Any, _) if any => true,
            (Type::Union(members), _) => members.iter().all(|member| self.fits(member, expected, false)),
            (_, Type::Union(members)) => members.iter().any(|member| self.fits(ty, member, false)),
            (Type::Schema(schema, _), Type::Schema(base, _)) => self.extends(*schema, *base),
            (Type::Schema(..), _) => false,
            _ if ty.is_int() && expected.is_float() => true,
            _ if ty.is_unit() && expected.is_unit() => unit_fits(ty, expected),
            _ if ty.is_primitive() && expected.is_primitive() => ty == expected,
            _ if ty.is_literal() => literal_fits(ty, expected),
            (Type::List(item), Type::List(expected)) => self.fits(item, expected, any),
            (Type::Dict(dict), Type::Dict(expected)) => {
                self.fits(&dict.key, &expected.key, any) && self.fits(&dict.value, &expected.value, any)
            }
            (Type::Str, Type::StrLit(_)) => true,
            (Type::Function(one), Type::Function(other)) => self.function_fits(one, other, any),
            _ => ty == expected,
        }
    }

    fn function_fits(self, one: &FunctionType, other: &FunctionType, any: bool) -> bool {
        let mut params = one.params.iter().zip(&other.params);
        one.params.len() == other.params.len()
            && params.all(|(one, other)| self.fits(&other.ty, &one.ty, any))
            && self.fits(&one.result, &other.result, any)
    }

    /// Whether a value may be stored where a type is expected.
    pub(super) fn assignable(self, ty: &Type, expected: &Type) -> bool {
        !matches!(ty, Type::Void | Type::Module(_)) && self.fits(ty, expected, true)
    }

    /// Whether the one type includes all of the other.
    pub(super) fn includes(self, wide: &Type, narrow: &Type) -> bool {
        self.fits(narrow, wide, false)
    }

    /// Whether nothing is said any more.
    pub(super) fn is_exhausted(self) -> bool {
        self.own.taken() >= MOST_STEPS
    }

    /// The smallest type that includes all of these.
    pub(super) fn join<'t>(self, types: impl IntoIterator<Item = &'t Type>) -> Type {
        let mut joined = Joined { kept: Vec::new(), texts: FxHashSet::default(), ints: FxHashSet::default() };
        for ty in types {
            self.add(&mut joined, ty);
            if joined.kept.len() - joined.texts.len() - joined.ints.len() > MOST_MEMBERS {
                return Type::Any;
            }
        }
        let Joined { mut kept, .. } = joined;
        match kept.len() {
            _ if self.is_exhausted() => Type::Any,
            0 => Type::Any,
            1 => kept.swap_remove(0),
            _ => Type::Union(Arc::from(kept)),
        }
    }

    fn add<'t>(self, joined: &mut Joined<'t>, ty: &'t Type) {
        match ty {
            Type::Void => {}
            Type::Union(members) => {
                for member in members.iter() {
                    self.add(joined, member);
                }
            }
            Type::StrLit(text) if joined.has_only_texts() => joined.add_text(text.as_str(), ty),
            Type::IntLit(value) if joined.has_only_ints() => joined.add_int(*value, ty),
            _ => self.add_compared(joined, ty),
        }
    }

    fn add_compared(self, joined: &mut Joined<'_>, ty: &Type) {
        // Most items of a list are of one schema.
        if matches!(ty, Type::Schema(..)) && joined.kept.contains(ty) {
            return;
        }
        if joined.kept.iter().any(|other| !are_twins(ty, other) && self.fits(ty, other, false)) {
            return;
        }
        joined.kept.retain(|other| !self.fits(other, ty, false));
        joined.kept.push(ty.clone());
        joined.texts.clear();
        joined.ints.clear();
    }

    /// The type of a variable that starts with a value: literals widen.
    pub(super) fn widen(self, ty: &Type) -> Type {
        match ty {
            Type::None => Type::Any,
            Type::BoolLit(_) => Type::Bool,
            Type::IntLit(_) => Type::Int,
            Type::FloatLit(_) => Type::Float,
            Type::StrLit(_) => Type::Str,
            Type::List(item) => Type::list(self.widen(item)),
            Type::Dict(dict) => {
                let (key, value) = (self.widen(&dict.key), self.widen(&dict.value));
                Type::Dict(Arc::new(DictType::new(key, value, Arc::clone(&dict.attrs))))
            }
            Type::Union(members) => {
                let wide: Vec<Type> = members.iter().map(|member| self.widen(member)).collect();
                self.join(&wide)
            }
            other => other.clone(),
        }
    }

    /// Unions of literals widen; other types stay.
    pub(super) fn widen_union(self, ty: Type) -> Type {
        if matches!(ty, Type::Union(_)) { self.widen(&ty) } else { ty }
    }

    /// How messages spell a type.
    pub(super) fn show(self, ty: &Type) -> String {
        let mut text = String::new();
        self.write(&mut text, ty);
        text
    }

    fn write(self, out: &mut String, ty: &Type) {
        if out.len() > LONGEST {
            return out.push('…');
        }
        match ty {
            Type::Any => out.push_str("any"),
            Type::None => out.push_str("None"),
            Type::Void => out.push_str("nothing"),
            Type::Bool => out.push_str("bool"),
            Type::BoolLit(true) => out.push_str("True"),
            Type::BoolLit(false) => out.push_str("False"),
            Type::Int => out.push_str("int"),
            Type::IntLit(value) => _ = write!(out, "{value}"),
            Type::Float => out.push_str("float"),
            Type::FloatLit(value) => _ = write!(out, "{value:?}"),
            Type::Str => out.push_str("str"),
            Type::StrLit(text) => _ = write!(out, "{:?}", text.as_str()),
            Type::Unit => out.push_str("units.NumberMultiplier"),
            Type::UnitLit(raw, suffix) => _ = write!(out, "{raw}{suffix}"),
            Type::List(item) => self.write_list(out, item),
            Type::Dict(dict) => self.write_dict(out, dict),
            Type::Union(members) => self.write_all(out, members, " | "),
            Type::Schema(id, _) => out.push_str(self.schema(*id).map_or("?", |schema| schema.name.as_str())),
            Type::Function(function) => self.write_function(out, function),
            Type::Module(module) => _ = write!(out, "module {}", module.path),
        }
    }

    fn write_list(self, out: &mut String, item: &Type) {
        out.push('[');
        self.write(out, item);
        out.push(']');
    }

    fn write_dict(self, out: &mut String, dict: &DictType) {
        out.push('{');
        self.write(out, &dict.key);
        out.push_str(": ");
        self.write(out, &dict.value);
        out.push('}');
    }

    fn write_function(self, out: &mut String, function: &FunctionType) {
        out.push('(');
        for (at, param) in function.params.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            self.write(out, &param.ty);
        }
        out.push_str(") -> ");
        self.write(out, &function.result);
    }

    /// Long unions are cut: nobody reads them.
    fn write_all(self, out: &mut String, types: &[Type], between: &str) {
        for (at, ty) in types.iter().take(MOST_SHOWN).enumerate() {
            out.push_str(if at > 0 { between } else { "" });
            self.write(out, ty);
        }
        if types.len() > MOST_SHOWN {
            _ = write!(out, "{between}…");
        }
    }
}

/// Types that are being joined.
struct Joined<'t> {
    kept: Vec<Type>,
    /// The texts of all that is kept, where it is that alone.
    texts: FxHashSet<&'t str>,
    /// The same for integers.
    ints: FxHashSet<i64>,
}

impl<'t> Joined<'t> {
    fn has_only_texts(&self) -> bool {
        self.kept.len() == self.texts.len()
    }

    fn has_only_ints(&self) -> bool {
        self.kept.len() == self.ints.len()
    }

    fn add_text(&mut self, text: &'t str, ty: &Type) {
        if self.texts.insert(text) {
            self.kept.push(ty.clone());
        }
    }

    fn add_int(&mut self, value: i64, ty: &Type) {
        if self.ints.insert(value) {
            self.kept.push(ty.clone());
        }
    }
}

/// Strings and their literals may stand for each other, also in lists; of two such types the later one stays.
fn are_twins(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Str, Type::StrLit(_)) | (Type::StrLit(_), Type::Str) => true,
        (Type::List(one), Type::List(other)) => are_twins(one, other),
        _ => false,
    }
}

fn unit_fits(ty: &Type, expected: &Type) -> bool {
    match (ty, expected) {
        (Type::UnitLit(..), Type::UnitLit(..)) => ty == expected,
        (Type::Unit, Type::UnitLit(..)) => false,
        _ => true,
    }
}

/// Literals fit their own type. What the reference does by comparing texts is kept, as programs pass or fail by it:
/// numbers and bools fit `float`, and a string literal fits `int` where it contains that word.
fn literal_fits(ty: &Type, expected: &Type) -> bool {
    let Some(word) = word(expected) else { return expected.is_literal() && ty == expected };
    match ty {
        Type::StrLit(text) => word == "str" || text.as_str().contains(word),
        Type::IntLit(_) => word == "int" || word == "float",
        Type::BoolLit(_) => word == "bool" || word == "float",
        Type::FloatLit(_) => word == "float",
        _ => false,
    }
}

fn word(primitive: &Type) -> Option<&'static str> {
    match primitive {
        Type::Int => Some("int"),
        Type::Float => Some("float"),
        Type::Str => Some("str"),
        Type::Bool => Some("bool"),
        _ => None,
    }
}
