//! Types while a program runs: what does not fit is refused, and dicts become instances where a schema is meant.

use super::Run;
use super::blame::converted_at;
use super::expr::constant;
use crate::lower::code::{Layout, SchemaCode, Type};
use crate::lower::layout;
use crate::package::PackageId;
use crate::stdlib::Outcome;
use crate::value::convert::type_of;
use crate::value::{Args, Dict, Entry, Key, SchemaId, Value, ops};

impl<'r> Run<'r> {
    /// The value as a type has it.
    ///
    /// # Errors
    /// Where it does not fit.
    pub(super) fn pack(&mut self, value: Value<'r>, ty: &'r Type) -> Outcome<Value<'r>> {
        if value.is_nothing() {
            return Ok(value);
        }
        let place = self.place;
        let packed = match value {
            Value::Dict(_) | Value::List(_) => {
                self.pack_dicts(value, ty).map_err(|failure| converted_at(failure, place))?
            }
            value => value,
        };
        self.place = place;
        if fits(packed, ty) {
            return Ok(packed);
        }
        let mut message = format!("expect {}, got {}", describe(ty), type_of(value, true));
        let details = self.misfits(value, ty);
        if !details.is_empty() {
            message = format!("{message}. For details:\n{}", details.join("\n"));
        }
        Err(message.into())
    }

    /// Dicts become instances where the type has a schema whose attributes they fit; what they are in is rebuilt only
    /// where something in it changes.
    fn pack_dicts(&mut self, value: Value<'r>, ty: &'r Type) -> Outcome<Value<'r>> {
        match (ty, value) {
            (Type::Union(types), Value::Dict(_) | Value::List(_)) => {
                for ty in types {
                    let packed = self.pack_dicts(value, ty)?;
                    if fits(packed, ty) {
                        return Ok(packed);
                    }
                }
                Ok(value)
            }
            (Type::List(item), Value::List(items)) if item.may_pack() => self.pack_list(items, item),
            (Type::Dict(_, item), Value::Dict(dict)) if item.may_pack() => self.pack_dict(dict, item),
            (Type::Schema(id, _), Value::Dict(dict)) => self.pack_schema(dict, *id),
            _ => Ok(value),
        }
    }

    fn pack_list(&mut self, items: &'r [Value<'r>], ty: &'r Type) -> Outcome<Value<'r>> {
        let mut packed: Option<&'r mut [Value<'r>]> = None;
        for (at, item) in items.iter().enumerate() {
            if !matches!(item, Value::Dict(_) | Value::List(_)) {
                continue;
            }
            let new = self.pack_dicts(*item, ty)?;
            let list = packed.get_or_insert_with(|| self.arena.alloc_slice_copy(items));
            list[at] = new;
        }
        Ok(packed.map_or(Value::List(items), |list| Value::List(list)))
    }

    fn pack_dict(&mut self, dict: &'r Dict<'r>, ty: &'r Type) -> Outcome<Value<'r>> {
        let mut packed: Option<&'r mut [Entry<'r>]> = None;
        for (at, entry) in dict.entries().iter().enumerate() {
            if !matches!(entry.value, Value::Dict(_) | Value::List(_)) {
                continue;
            }
            let new = self.pack_dicts(entry.value, ty)?;
            let entries = packed.get_or_insert_with(|| self.arena.alloc_slice_copy(dict.entries()));
            entries[at].value = new;
        }
        Ok(packed.map_or(Value::Dict(dict), |entries| self.dict(dict.with_entries(entries))))
    }

    fn pack_schema(&mut self, dict: &'r Dict<'r>, id: SchemaId) -> Outcome<Value<'r>> {
        let whole = Value::Dict(dict);
        let Some(code) = self.schema_code(id) else { return Ok(whole) };
        let mut level = Some(code);
        while let Some(code) = level {
            self.used_schema(code.ty.id);
            level = self.base(code);
        }
        if !self.fits_schema(dict, code) {
            // One that is declared some day lets it fit.
            dict.entries().iter().for_each(|entry| self.used_attr_of(id, entry.key));
            return Ok(whole);
        }
        let args = Args { positional: &[], named: Dict::EMPTY };
        let place = dict.entries().last().and_then(|entry| self.written(entry));
        self.nested(|run| run.instantiate(&code.ty, *dict, place, args))
    }

    /// Whether every key is an attribute, is private, or falls under an index signature.
    fn fits_schema(&self, dict: &Dict<'r>, code: &'r SchemaCode) -> bool {
        self.has_index(code)
            || dict.entries().iter().all(|e| e.key.is_private() || self.declares(code, e.key))
    }

    fn has_index(&self, code: &'r SchemaCode) -> bool {
        code.index.is_some() || self.base(code).is_some_and(|base| self.has_index(base))
    }

    fn declares(&self, code: &'r SchemaCode, key: Key<'_>) -> bool {
        code.attrs.iter().any(|(name, _)| Key::from(*name) == key)
            || self.base(code).is_some_and(|base| self.declares(base, key))
    }

    fn base(&self, code: &'r SchemaCode) -> Option<&'r SchemaCode> {
        layout::base(code, &|id| self.schema_code(id))
    }

    /// The layout of a schema; made on first use and kept with its code.
    pub(super) fn layout(&self, code: &'r SchemaCode) -> Outcome<&'r Layout> {
        Ok(layout::layout(code, &|id| self.schema_code(id))?)
    }

    /// The layout of a schema of which there is an instance.
    pub(super) fn layout_of(&self, id: SchemaId) -> Option<&'r Layout> {
        self.layout(self.schema_code(id)?).ok()
    }

    pub(super) fn schema_code(&self, id: SchemaId) -> Option<&'r SchemaCode> {
        self.code(PackageId(id.package))?.schemas.get(id.schema as usize)
    }

    /// What is wrong with a dict where a schema is meant.
    fn misfits(&self, value: Value<'r>, ty: &'r Type) -> Vec<String> {
        let (Type::Schema(id, name), Some(dict)) = (ty, value.config()) else { return Vec::new() };
        let Some(code) = self.schema_code(*id) else { return Vec::new() };
        let mut found = Vec::new();
        if !self.has_index(code) {
            let unknown = dict.entries().iter().map(|entry| entry.key);
            let unknown = unknown.filter(|key| !key.is_private() && !self.declares(code, *key));
            found.extend(unknown.map(|key| format!("schema {name} has no attribute `{}`", key.as_str())));
        }
        let mut level = Some(code);
        while let Some(code) = level {
            let missing = code.attrs.iter().filter(|(_, optional)| !optional);
            let missing = missing.filter(|(attr, _)| dict.get(Key::from(*attr)).is_none());
            found.extend(missing.map(|(attr, _)| format!("schema {name} needs the attribute `{attr}`")));
            level = self.base(code);
        }
        found
    }
}

/// Whether a value is of a type. Which schema an instance is of was checked before the program ran.
pub(super) fn fits(value: Value<'_>, ty: &Type) -> bool {
    if value.is_nothing() {
        return true;
    }
    match (ty, value) {
        (Type::Any, _) => true,
        (Type::Union(types), _) => types.iter().any(|ty| fits(value, ty)),
        (Type::Literal(literal), _) => same_literal(value, constant(literal)),
        (Type::Bool, Value::Bool(_))
        | (Type::Int | Type::Float, Value::Int(_))
        | (Type::Float, Value::Float(_))
        | (Type::Str, Value::Str(_))
        | (Type::Unit, Value::Unit(_))
        | (Type::Function, Value::Func(_))
        | (Type::Schema(..) | Type::Unit | Type::Function, Value::Instance(_)) => true,
        (Type::List(item), Value::List(items)) => {
            matches!(**item, Type::Any) || items.iter().all(|value| fits(*value, item))
        }
        (Type::Dict(_, item), Value::Dict(dict)) => {
            matches!(**item, Type::Any) || dict.entries().iter().all(|entry| fits(entry.value, item))
        }
        _ => false,
    }
}

/// Whether an instance is of the very schema that a type names; other values are no matter of this.
pub(super) fn is_of_schema(value: Value<'_>, ty: &Type) -> bool {
    match (ty, value) {
        (Type::Schema(id, _), Value::Instance(instance)) => instance.schema.id == *id,
        (Type::Union(types), Value::Instance(_)) => types.iter().any(|ty| is_of_schema(value, ty)),
        _ => true,
    }
}

fn same_literal(value: Value<'_>, literal: Value<'_>) -> bool {
    match (value, literal) {
        (Value::Unit(a), Value::Unit(b)) => a.raw == b.raw && a.suffix == b.suffix,
        (Value::Bool(_), Value::Bool(_)) | (Value::Str(_), Value::Str(_)) => ops::equal(value, literal),
        (Value::Int(_), Value::Int(_)) | (Value::Float(_), Value::Float(_)) => ops::equal(value, literal),
        _ => false,
    }
}

/// A type as users write it.
pub(super) fn describe(ty: &Type) -> String {
    match ty {
        Type::Any => "any".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Float => "float".to_owned(),
        Type::Str => "str".to_owned(),
        Type::Unit => "units.NumberMultiplier".to_owned(),
        Type::Function => "function".to_owned(),
        Type::Schema(_, name) => name.to_string(),
        Type::Literal(literal) => match constant(literal) {
            Value::Str(text) => format!("\"{text}\""),
            value => crate::value::convert::text(value),
        },
        Type::List(item) => format!("[{}]", describe(item)),
        Type::Dict(key, value) => format!("{{{}:{}}}", describe(key), describe(value)),
        Type::Union(types) => types.iter().map(describe).collect::<Vec<_>>().join(" | "),
    }
}
