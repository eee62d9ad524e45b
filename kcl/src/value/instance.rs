//! Schema instances.

use std::cell::Cell;
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
#[derive(Clone)]
pub struct Instance<'v> {
    /// Of which schema.
    pub schema: &'v SchemaType,
    /// The attributes in order, private and unset ones included; read through methods, which say who needs to know.
    pub(super) attrs: Dict<'v>,
    /// The keys that were set from outside; a union constructs the instance again from these.
    pub config_keys: &'v [Key<'v>],
    /// The positional arguments that it was made with.
    pub args: &'v [Value<'v>],
    /// The named arguments that it was made with.
    pub kwargs: Dict<'v>,
    /// Where it was made.
    pub place: Option<(&'v Arc<Source>, Span)>,
    /// What is done with all of its attributes.
    pub watch: &'v Watch<'v>,
    /// Whether it is known to have all that is required, inside too.
    pub(crate) complete: Known,
}

/// Something that is found out of a value at some time, and of each copy anew.
#[derive(Default)]
pub(crate) struct Known(Cell<bool>);

impl Known {
    pub(crate) fn get(&self) -> bool {
        self.0.get()
    }

    pub(crate) fn set(&self) {
        self.0.set(true);
    }
}

impl Clone for Known {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<'v> Instance<'v> {
    /// An instance with these attributes, of which none was set from outside.
    #[must_use]
    pub fn new(schema: &'v SchemaType, attrs: Dict<'v>, watch: &'v Watch<'v>) -> Self {
        Self {
            schema,
            attrs,
            config_keys: &[],
            args: &[],
            kwargs: Dict::EMPTY,
            place: None,
            watch,
            complete: Known::default(),
        }
    }

    /// An instance with these attributes instead.
    #[must_use]
    pub fn with_attrs(&self, attrs: Dict<'v>) -> Self {
        Self { attrs, ..self.clone() }
    }

    /// All attributes, for whoever lists or compares them, unset ones too.
    #[must_use]
    pub fn listed(&self) -> &Dict<'v> {
        self.watch.listed.set(true);
        &self.attrs
    }

    /// All attributes, for whoever makes nothing of unset ones.
    #[must_use]
    pub fn shown(&self) -> &Dict<'v> {
        self.watch.shown.set(true);
        &self.attrs
    }

    /// The attributes, for whoever looks only at such as are known to be there, or notes what is looked for.
    #[must_use]
    pub fn quietly(&self) -> &Dict<'v> {
        &self.attrs
    }
}

/// What is done with the attributes of instances that have one schema, were made by one statement, and set the same.
#[derive(Debug)]
pub struct Watch<'v> {
    /// The number of what made them.
    pub maker: u32,
    /// The schema that made them; those with mixins are listed as another one.
    pub schema: SchemaId,
    /// The quiet slots that they set, in order.
    pub keys: &'v [u32],
    /// Their names, joined.
    pub names: Symbol,
    /// The quiet attributes with a default that they leave at that.
    pub defaults: &'v [Symbol],
    /// Whether their attributes were listed or compared.
    pub listed: Cell<bool>,
    /// Whether those that are set were shown.
    pub shown: Cell<bool>,
}
