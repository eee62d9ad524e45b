//! Relations between types: assignable, smallest common type, and how messages spell them.

use std::fmt::Write;
use std::sync::Arc;

use elsa::sync::FrozenVec;
use syntax::Symbol;

use super::ty::{DictType, FunctionType, SchemaAttr, SchemaRef, SchemaType, Type};
use crate::package::PackageId;
use crate::resolve::Program;

/// The schemas that types refer to.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) program: &'a Program,
    /// The package that is being checked.
    pub(super) package: PackageId,
    /// Its schemas.
    pub(super) own: &'a FrozenVec<Box<SchemaType>>,
}

/// How long a chain of base schemas may be; longer ones cannot be written by hand.
const DEEPEST: usize = 1000;

impl<'a> Table<'a> {
    /// The schema of a number.
    pub(super) fn schema(self, id: SchemaRef) -> Option<&'a SchemaType> {
        if id.package == self.package {
            return self.own.get(id.index as usize);
        }
        let types = self.program.cell(id.package)?.types.get()?;
        types.schemas.get(id.index as usize).map(|schema| &**schema)
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

    /// Whether an attribute of the one type may be declared again with the other.
    pub(super) fn redeclares(self, ty: &Type, before: &Type) -> bool {
        self.fits(ty, before, true)
    }

    /// The smallest type that includes all of these.
    pub(super) fn join<'t>(self, types: impl IntoIterator<Item = &'t Type>) -> Type {
        let mut kept: Vec<Type> = Vec::new();
        for ty in types {
            self.add(&mut kept, ty);
        }
        match kept.len() {
            0 => Type::Any,
            1 => kept.swap_remove(0),
            _ => Type::Union(Arc::from(kept)),
        }
    }

    fn add(self, kept: &mut Vec<Type>, ty: &Type) {
        match ty {
            Type::Void => {}
            Type::Union(members) => {
                for member in members.iter() {
                    self.add(kept, member);
                }
            }
            _ if kept.iter().any(|other| self.fits(ty, other, false)) => {}
            _ => {
                kept.retain(|other| !self.fits(other, ty, false));
                kept.push(ty.clone());
            }
        }
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
                Type::Dict(Arc::new(DictType { key, value, attrs: dict.attrs.clone() }))
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
        const LONGEST: usize = 8;
        for (at, ty) in types.iter().take(LONGEST).enumerate() {
            out.push_str(if at > 0 { between } else { "" });
            self.write(out, ty);
        }
        if types.len() > LONGEST {
            _ = write!(out, "{between}…");
        }
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
