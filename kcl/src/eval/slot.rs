//! Attributes of instances under construction.

use syntax::ast::EntryOp;

use crate::lower::code::{AttrCode, SlotLayout};
use crate::package::PackageId;
use crate::value::{Entry, Origin, Value};

/// An attribute of an instance under construction.
#[derive(Clone, Copy)]
pub(super) struct Slot<'r> {
    /// What the config has for it.
    pub(super) set: Option<&'r Entry<'r>>,
    pub(super) value: Value<'r>,
    pub(super) op: EntryOp,
    pub(super) index: Option<i32>,
    pub(super) origin: Origin,
    /// Its declaration, once that was reached: in which package, and the code.
    pub(super) attr: Option<(PackageId, &'r AttrCode)>,
    /// What reading it gave, or its last statement.
    pub(super) last: Option<Value<'r>>,
    /// How many of its setters are running for a read, the last one first.
    pub(super) level: u32,
    /// How many of its setters have run in order.
    pub(super) runs: u32,
}

impl<'r> Slot<'r> {
    /// The entry of an attribute.
    pub(super) fn entry((slot, place): (&Self, &SlotLayout)) -> Entry<'r> {
        let Self { value, op, index, origin, .. } = *slot;
        Entry { key: place.key, value, op, index, origin }
    }
}

/// One that nothing was said of.
pub(super) const UNSET: Slot<'static> = Slot {
    set: None,
    value: Value::Undefined,
    op: EntryOp::Union,
    index: None,
    origin: Origin::NOWHERE,
    attr: None,
    last: None,
    level: 0,
    runs: 0,
};
