//! Values.
//!
//! A value lives in the arena of a run, or in that of a package whose globals all runs share. It is `Copy`, never
//! changes, and is freed with its arena: a union or an update makes a new spine and shares the rest.

mod convert;
mod dict;
mod func;
mod instance;
pub mod ops;
pub mod union;

pub use dict::{Dict, DictBuilder, Entry, Key, Origin};
pub use func::{Args, Func};
pub use instance::{Instance, SchemaId, SchemaType};

use syntax::Symbol;

/// A KCL value.
#[derive(Clone, Copy)]
pub enum Value<'v> {
    /// `Undefined`
    Undefined,
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A 64-bit float.
    Float(f64),
    /// A number with a unit.
    Unit(&'v Unit),
    /// Text.
    Str(&'v str),
    /// A list.
    List(&'v [Value<'v>]),
    /// A config that is not of a schema.
    Dict(&'v Dict<'v>),
    /// An instance of a schema.
    Instance(&'v Instance<'v>),
    /// Whatever can be called.
    Func(Func<'v>),
}

const _: () = assert!(size_of::<Value<'static>>() <= 24);

/// `1Ki`: a number with a unit, of its own type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// The number before the suffix.
    pub raw: i64,
    /// The suffix.
    pub suffix: Symbol,
    /// Both multiplied.
    pub value: f64,
}
