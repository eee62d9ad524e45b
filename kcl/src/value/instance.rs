//! Schema instances.

use std::sync::Arc;

use syntax::{Source, Span, Symbol};

use super::{Dict, Key, Value};

/// A schema in a program: the number of its package and of its declaration there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId {
    /// Number of the package in the program.
    pub package: u32,
    /// Number of the schema in its package.
    pub schema: u32,
}

/// What values need to know of their schema; the evaluator finds the code by the id.
#[derive(Debug)]
pub struct SchemaType {
    /// Which one.
    pub id: SchemaId,
    /// Its name.
    pub name: Symbol,
    /// The dotted path of its package; `__main__` for the main package.
    pub package: Symbol,
}

/// An instance of a schema.
#[derive(Clone, Copy)]
pub struct Instance<'v> {
    /// Of which schema.
    pub schema: &'v SchemaType,
    /// The attributes in order, private and unset ones included.
    pub attrs: Dict<'v>,
    /// The keys that were set from outside; a union constructs the instance again from these.
    pub config_keys: &'v [Key<'v>],
    /// The names of the attributes that need not be set.
    pub optional: &'v [Key<'v>],
    /// The positional arguments that it was made with.
    pub args: &'v [Value<'v>],
    /// The named arguments that it was made with.
    pub kwargs: Dict<'v>,
    /// Where it was made.
    pub place: Option<(&'v Arc<Source>, Span)>,
}
