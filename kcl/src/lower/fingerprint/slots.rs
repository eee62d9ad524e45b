//! What can be asked for of the instances of a schema: all attributes that they have, from wherever.
//!
//! Attributes that do nothing unless they are set or asked for (`SlotLayout::quiet`) are no part of the fingerprints of
//! schemas, so that adding one concerns nobody. Whoever sets or asks for some has one of these parts in its trace.

use rustc_hash::FxHashSet;
use syntax::Symbol;

use super::{Fingerprint, Names};

/// Of an attribute that is not there, or of one without a default.
const NONE: Fingerprint = Fingerprint([2; 16]);
/// Of an attribute that is part of its schema.
const LOUD: Fingerprint = Fingerprint([3; 16]);

/// The attributes that instances of a schema have, in order.
#[derive(Debug)]
pub(super) struct Slots(pub(super) Vec<Slot>);

/// An attribute.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Symbol,
    /// What it is, if it is a quiet one.
    pub(super) quiet: Option<Quiet>,
}

/// What a quiet attribute is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    /// Where it is declared, and as what.
    pub(super) declared: Fingerprint,
    /// The same with its default, if it has one.
    pub(super) default: Option<Fingerprint>,
}

impl Slots {
    /// That quiet attributes of these names are there.
    pub(super) fn keys(&self, names: Names) -> Fingerprint {
        let declared = |name: &str| self.find(name)?.quiet.map(|quiet| quiet.declared);
        joined(names.iter().map(|name| declared(name).unwrap_or(NONE)))
    }

    /// All but the quiet ones that are unset and not among these names.
    pub(super) fn shown(&self, names: Names) -> Fingerprint {
        let names: FxHashSet<&str> = names.iter().collect();
        let default = |slot: &Slot| match slot.quiet {
            Some(_) if names.contains(slot.name.as_str()) => Some(NONE),
            Some(quiet) => quiet.default,
            None => Some(NONE),
        };
        joined(self.0.iter().filter_map(|slot| Some([of(slot.name), default(slot)?])).flatten())
    }

    /// All of them.
    pub(super) fn listed(&self) -> Fingerprint {
        joined(self.0.iter().flat_map(|slot| [of(slot.name), slot.quiet.map_or(NONE, Quiet::whole)]))
    }

    /// One of them, or that it is not there.
    pub(super) fn attr(&self, name: Symbol) -> Fingerprint {
        self.find(name.as_str()).map_or(NONE, |slot| slot.quiet.map_or(LOUD, Quiet::whole))
    }

    fn find(&self, name: &str) -> Option<&Slot> {
        self.0.iter().find(|slot| slot.name.as_str() == name)
    }
}

impl Quiet {
    fn whole(self) -> Fingerprint {
        self.default.unwrap_or(self.declared)
    }
}

fn of(name: Symbol) -> Fingerprint {
    Fingerprint::of(name.as_str().as_bytes())
}

pub(super) fn joined(all: impl Iterator<Item = Fingerprint>) -> Fingerprint {
    let bytes: Vec<u8> = all.flat_map(|one| one.0).collect();
    Fingerprint::of(&bytes)
}
