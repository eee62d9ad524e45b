//! What the checker can learn of a package while it checks another one, as bytes: its globals with their types, and its
//! schemas. Places are left out, which only messages name.

use syntax::Symbol;

use super::PackageTypes;
use super::ty::{DictType, FunctionType, IndexType, ModuleType, SchemaAttr, SchemaRef, SchemaType, Type};
use crate::package::{ImportTarget, PackageId};
use crate::resolve::Program;

/// The names of a package, in no order.
pub(crate) fn names(types: &PackageTypes) -> Vec<Symbol> {
    // Whoever asks sorts them.
    #[allow(clippy::iter_over_hash_type)]
    types.globals.keys().copied().chain(types.schemas.iter().map(|schema| schema.name)).collect()
}

/// Writes the types of those names of a package that are meant; nothing where it was never checked. `identity` names
/// packages the same way on every machine.
pub(crate) fn write(
    program: &Program,
    id: PackageId,
    is_meant: &dyn Fn(Symbol) -> bool,
    identity: &dyn Fn(PackageId) -> String,
) -> Vec<u8> {
    let Some(PackageTypes { problems: _, schemas, globals }) =
        program.cell(id).and_then(|cell| cell.types.get())
    else {
        return Vec::new();
    };
    let mut writer = Writer { program, identity, out: Vec::with_capacity(4096) };
    let mut sorted: Vec<_> = globals.iter().filter(|(name, _)| is_meant(**name)).collect();
    sorted.sort_unstable_by_key(|(name, _)| name.as_str());
    writer.number(sorted.len() as u64);
    for (name, global) in sorted {
        writer.symbol(*name);
        writer.ty(&global.ty);
    }
    schemas.iter().filter(|schema| is_meant(schema.name)).for_each(|schema| writer.schema(schema));
    writer.out
}

struct Writer<'a> {
    program: &'a Program,
    identity: &'a dyn Fn(PackageId) -> String,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn schema(&mut self, schema: &SchemaType) {
        let SchemaType {
            id: _,
            name,
            sort,
            base,
            protocol,
            mixins,
            attrs,
            params,
            index,
            computes,
            place: _,
        } = schema;
        self.symbol(*name);
        self.tag(*sort as u8);
        self.reference(base.as_ref());
        self.reference(protocol.as_ref());
        self.number(mixins.len() as u64);
        mixins.iter().for_each(|mixin| self.reference(Some(mixin)));
        self.number(attrs.len() as u64);
        for (name, SchemaAttr { ty, optional, has_default, place: _ }) in attrs {
            self.symbol(*name);
            self.ty(ty);
            self.tag(u8::from(*optional) | u8::from(*has_default) << 1);
        }
        self.function(params);
        self.tag(u8::from(index.is_some()) | u8::from(*computes) << 1);
        if let Some(IndexType { key_name, key, value, any_other }) = index {
            self.text(key_name.map_or("", |name| name.as_str()));
            self.ty(key);
            self.ty(value);
            self.tag(u8::from(*any_other));
        }
    }

    fn ty(&mut self, ty: &Type) {
        match ty {
            Type::Any => self.tag(0),
            Type::None => self.tag(1),
            Type::Void => self.tag(2),
            Type::Bool => self.tag(3),
            Type::BoolLit(value) => self.literal(4, u64::from(*value)),
            Type::Int => self.tag(5),
            Type::IntLit(value) => self.literal(6, *value as u64),
            Type::Float => self.tag(7),
            Type::FloatLit(value) => self.literal(8, value.to_bits()),
            Type::Str => self.tag(9),
            Type::StrLit(text) => {
                self.tag(10);
                self.text(text.as_str());
            }
            Type::Unit => self.tag(11),
            Type::UnitLit(value, suffix) => {
                self.literal(12, *value as u64);
                self.symbol(*suffix);
            }
            Type::List(item) => {
                self.tag(13);
                self.ty(item);
            }
            Type::Dict(dict) => self.dict(dict),
            Type::Union(members) => {
                self.literal(15, members.len() as u64);
                members.iter().for_each(|member| self.ty(member));
            }
            Type::Schema(schema, instance) => {
                self.literal(16, u64::from(*instance));
                self.reference(Some(schema));
            }
            Type::Function(function) => {
                self.tag(17);
                self.function(function);
            }
            Type::Module(module) => self.module(module),
        }
    }

    fn dict(&mut self, dict: &DictType) {
        self.literal(14, dict.attrs.len() as u64);
        self.ty(&dict.key);
        self.ty(&dict.value);
        for (name, attr) in dict.attrs.iter() {
            self.symbol(*name);
            self.ty(&attr.ty);
        }
    }

    fn function(&mut self, function: &FunctionType) {
        self.number(function.params.len() as u64);
        for param in &function.params {
            self.symbol(param.name);
            self.ty(&param.ty);
            self.tag(u8::from(param.has_default));
        }
        self.ty(&function.result);
        self.tag(u8::from(function.variadic));
    }

    fn module(&mut self, module: &ModuleType) {
        self.tag(18);
        self.symbol(module.path);
        match module.target {
            ImportTarget::Package(id) => self.text(&(self.identity)(id)),
            ImportTarget::System(name) => self.text(name),
            ImportTarget::Plugin => self.tag(1),
            ImportTarget::Missing => self.tag(2),
        }
    }

    /// A schema by its package and name, and by which one of that name it is.
    fn reference(&mut self, schema: Option<&SchemaRef>) {
        let Some(SchemaRef { package, index }) = schema else { return self.tag(0) };
        self.tag(1);
        self.text(&(self.identity)(*package));
        let types = self.program.cell(*package).and_then(|cell| cell.types.get());
        let schemas = types.map_or(&[][..], |types| &types.schemas);
        let (before, from) = schemas.split_at_checked(*index as usize).unwrap_or((schemas, &[]));
        let name = from.first().map(|schema| schema.name);
        self.number(before.iter().filter(|schema| Some(schema.name) == name).count() as u64);
        self.text(name.map_or("", |name| name.as_str()));
    }

    fn literal(&mut self, tag: u8, value: u64) {
        self.tag(tag);
        self.number(value);
    }

    fn tag(&mut self, tag: u8) {
        self.out.push(tag);
    }

    fn number(&mut self, number: u64) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn symbol(&mut self, symbol: Symbol) {
        self.text(symbol.as_str());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }
}
