//! Type expressions to types that values are checked against.

use rustc_hash::FxHashSet;
use syntax::Symbol;
use syntax::ast::{self, Path, TypeKind};

use super::code::{Const, GlobalKind, Type};
use super::{Declared, Lower};
use crate::package::ImportTarget;
use crate::value::{SchemaId, Unit};

impl Lower<'_> {
    pub(super) fn ty(&mut self, ty: &ast::Type) -> Type {
        self.ty_within(ty, &mut FxHashSet::default())
    }

    /// The type behind an alias; `open` has the aliases being resolved, so that a circle ends.
    pub(super) fn alias(&mut self, name: Symbol, open: &mut FxHashSet<Symbol>) -> Option<Type> {
        if let Some(ty) = self.aliases.get(&name) {
            return Some(ty.clone());
        }
        let slot = *self.slots.get(&name)? as usize;
        let (file, ty) = match &self.globals[slot].1 {
            Declared::Alias(file, ty) => (*file, *ty),
            _ => return None,
        };
        if !open.insert(name) {
            return Some(Type::Any);
        }
        let around = std::mem::replace(&mut self.file, file);
        let resolved = self.ty_within(ty, open);
        self.file = around;
        self.aliases.insert(name, resolved.clone());
        Some(resolved)
    }

    fn ty_within(&mut self, ty: &ast::Type, open: &mut FxHashSet<Symbol>) -> Type {
        let mut boxed = |inner: &Option<Box<ast::Type>>| {
            Box::new(inner.as_ref().map_or(Type::Any, |inner| self.ty_within(inner, open)))
        };
        match &ty.kind {
            TypeKind::Any => Type::Any,
            TypeKind::Bool => Type::Bool,
            TypeKind::Int => Type::Int,
            TypeKind::Float => Type::Float,
            TypeKind::Str => Type::Str,
            TypeKind::LitBool(value) => Type::Literal(Const::Bool(*value)),
            TypeKind::LitInt(value) => Type::Literal(Const::Int(*value)),
            TypeKind::LitFloat(value) => Type::Literal(Const::Float(*value)),
            TypeKind::LitUnit(unit) => Type::Literal(Const::Unit(Box::new(Unit::new(unit.raw, unit.suffix)))),
            TypeKind::LitStr(text) => Type::Literal(Const::Str(text.clone())),
            TypeKind::List(item) => Type::List(boxed(item)),
            TypeKind::Dict(key, value) => {
                let key = boxed(key);
                Type::Dict(key, boxed(value))
            }
            TypeKind::Union(types) => Type::Union(types.iter().map(|ty| self.ty_within(ty, open)).collect()),
            TypeKind::Function(..) => Type::Function,
            TypeKind::Named(path) => self.named(path, open),
        }
    }

    fn named(&mut self, path: &Path, open: &mut FxHashSet<Symbol>) -> Type {
        match &**path {
            [name] => {
                if let Some(id) = self.own_schema(name.name) {
                    return Type::Schema(id, name.name);
                }
                self.alias(name.name, open).unwrap_or(Type::Any)
            }
            [alias, name] => self.imported(alias.name, name.name),
            _ => Type::Any,
        }
    }

    fn own_schema(&self, name: Symbol) -> Option<SchemaId> {
        let slot = *self.slots.get(&name)? as usize;
        match &self.globals[slot].1 {
            Declared::Schema(number, ..) => Some(SchemaId { package: self.package.id.0, schema: *number }),
            _ => None,
        }
    }

    fn imported(&self, alias: Symbol, name: Symbol) -> Type {
        let binding = self.package.files.get(self.file).and_then(|file| file.imports.get(&alias));
        match binding.map(|binding| binding.target) {
            Some(ImportTarget::System("units")) if name.as_str() == "NumberMultiplier" => Type::Unit,
            Some(ImportTarget::Package(id)) => {
                let code = self.codes.code(id);
                let slot = code.and_then(|code| code.slots.get(&name));
                match code.zip(slot).map(|(code, slot)| &code.globals[*slot as usize].kind) {
                    Some(GlobalKind::Schema(schema)) => {
                        Type::Schema(SchemaId { package: id.0, schema: *schema }, name)
                    }
                    Some(GlobalKind::Alias(ty)) => ty.clone(),
                    _ => Type::Any,
                }
            }
            _ => Type::Any,
        }
    }
}
