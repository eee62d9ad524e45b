//! Values.
//!
//! A value lives in the arena of a run, or in that of a package whose globals all runs share. It is `Copy`, never
//! changes, and is freed with its arena: a union or an update makes a new spine and shares the rest.

pub mod convert;
pub(crate) mod dict;
mod func;
mod instance;
pub mod ops;
pub(crate) mod size;
pub mod union;

pub use dict::{Dict, DictBuilder, Entry, Key, Origin};
pub use func::{Args, Func};
pub use instance::{Instance, SchemaId, SchemaType, Watch};

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

impl<'v> Value<'v> {
    /// Whether it is `None` or `Undefined`.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        matches!(self, Self::None | Self::Undefined)
    }

    /// Whether it is a dict or an instance.
    #[must_use]
    pub fn is_config(self) -> bool {
        matches!(self, Self::Dict(_) | Self::Instance(_))
    }

    /// Whether a condition holds for it.
    #[must_use]
    pub fn is_truthy(self) -> bool {
        match self {
            Self::Undefined | Self::None => false,
            Self::Bool(bool) => bool,
            Self::Int(int) => int != 0,
            Self::Float(float) => float != 0.0,
            Self::Unit(unit) => unit.value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Dict(dict) => !dict.is_empty(),
            // A schema without attributes has another meaning than one with some.
            Self::Instance(it) => !it.quietly().is_empty(),
            Self::Func(_) => true,
        }
    }

    /// The entries of a dict, or the attributes of an instance.
    #[must_use]
    pub fn config(self) -> Option<&'v Dict<'v>> {
        match self {
            Self::Dict(dict) => Some(dict),
            Self::Instance(it) => Some(it.listed()),
            _ => None,
        }
    }

    /// The value of a key of a dict or instance.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        self.config()?.get(Key::new(key))
    }
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

impl Unit {
    /// A number with a suffix; an unknown suffix counts as one.
    #[must_use]
    pub fn new(raw: i64, suffix: Symbol) -> Self {
        Self { raw, suffix, value: raw as f64 * factor(suffix.as_str()) }
    }
}

/// What a suffix multiplies by.
fn factor(suffix: &str) -> f64 {
    match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        _ => 1.0,
    }
}
