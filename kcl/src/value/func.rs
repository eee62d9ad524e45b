//! Whatever can be called.

use super::{Dict, Instance, Key, SchemaType, Value};
use crate::eval::Closure;
use crate::stdlib::{Function, Method};

/// A callable value.
#[derive(Clone, Copy)]
pub enum Func<'v> {
    /// A builtin function or a member of a system module.
    Builtin(&'static Function),
    /// A method with the string that it is of.
    Method(&'v (Value<'v>, &'static Method)),
    /// A lambda with what it captured.
    Lambda(&'v Closure<'v>),
    /// A schema or rule, which calls construct.
    Schema(&'v SchemaType),
    /// `S.instances`
    Instances(&'v SchemaType),
}

impl Func<'_> {
    /// Whether both are one function.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Builtin(a), Self::Builtin(b)) => std::ptr::eq(*a, *b),
            (Self::Method(a), Self::Method(b)) => std::ptr::eq(a.1, b.1),
            (Self::Lambda(a), Self::Lambda(b)) => std::ptr::eq(*a, *b),
            (Self::Schema(a), Self::Schema(b)) | (Self::Instances(a), Self::Instances(b)) => a.id == b.id,
            _ => false,
        }
    }
}

/// The arguments of a call.
#[derive(Clone, Copy)]
pub struct Args<'v> {
    /// In order.
    pub positional: &'v [Value<'v>],
    /// By name.
    pub named: Dict<'v>,
}

impl<'v> Args<'v> {
    /// The argument at a place or with a name, if it was given.
    #[must_use]
    pub fn get(&self, at: usize, name: &str) -> Option<Value<'v>> {
        self.positional.get(at).copied().or_else(|| self.named.get(Key::new(name)))
    }
}

impl<'v> Instance<'v> {
    /// The name as `typeof(x, full_name=True)` has it.
    #[must_use]
    pub fn full_type_name(&self) -> String {
        match self.schema.package.as_str() {
            "__main__" => self.schema.name.to_string(),
            package => format!("{package}.{}", self.schema.name),
        }
    }
}
