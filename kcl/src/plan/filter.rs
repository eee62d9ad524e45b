//! What is left out of an output.

use super::PlanOptions;
use crate::value::{Dict, Entry, Instance, Value};

/// What an output leaves out, and in which order the rest comes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Leaves out the keys that start with `_`.
    pub ignore_private: bool,
    /// Leaves out `None`.
    pub ignore_none: bool,
    /// Mappings are sorted by key.
    pub sort_keys: bool,
    /// Instances end with `_type`, the name of their schema.
    types: bool,
    scope: Scope,
}

/// Where in an output a value stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Scope {
    #[default]
    Inside,
    /// The outermost value has no `_type`.
    Outermost,
    /// The outermost value is a list of more than configs: only the configs in it are filtered.
    MixedList,
}

/// What stands behind a key.
#[derive(Clone, Copy)]
pub(super) enum Shown<'v> {
    Value(Value<'v>),
    /// The name of the schema of an instance.
    TypeOf(&'v Instance<'v>),
}

/// Entries as they are, or in another order.
enum Entries<D, O> {
    Direct(D),
    Ordered(O),
}

impl Filter {
    /// That of a program's output, for the outermost value.
    pub(super) fn planned(options: &PlanOptions, value: Value<'_>) -> Self {
        let mixed = matches!(value, Value::List(_));
        Self {
            ignore_private: !options.show_hidden,
            ignore_none: options.disable_none,
            sort_keys: options.sort_keys,
            types: options.include_schema_type_path,
            scope: if mixed { Scope::MixedList } else { Scope::Outermost },
        }
    }

    /// The filter of what is in the value of this one.
    pub(super) fn inner(self, child: Value<'_>) -> Self {
        match self.scope {
            Scope::Inside => self,
            Scope::Outermost => Self { scope: Scope::Inside, ..self },
            Scope::MixedList if child.is_config() => Self { scope: Scope::Outermost, ..self },
            Scope::MixedList => Self { sort_keys: self.sort_keys, ..Self::default() },
        }
    }

    /// Whether an item of a list is shown.
    pub(super) fn keeps(&self, value: Value<'_>) -> bool {
        match value {
            Value::Undefined | Value::Func(_) => false,
            Value::None => !self.ignore_none || self.scope == Scope::MixedList,
            _ => true,
        }
    }

    fn keeps_entry(&self, entry: &Entry<'_>) -> bool {
        self.keeps(entry.value) && !(self.ignore_private && entry.key.is_private())
    }

    /// How many entries of a dict or instance are looked at.
    pub(super) fn width(self, value: Value<'_>) -> usize {
        shown(value).map_or(0, |dict| dict.len())
    }

    /// The entries of a dict or instance that are shown.
    pub(super) fn entries<'v>(self, value: Value<'v>) -> impl Iterator<Item = (&'v str, Shown<'v>)> {
        let dict = shown(value).unwrap_or(Dict::EMPTY);
        let kept = dict.entries().iter().filter(move |entry| self.keeps_entry(entry));
        let kept = kept.map(|entry| (entry.key.as_str(), Shown::Value(entry.value)));
        let mut entries = if self.sort_keys || self.types {
            Entries::Ordered(self.ordered(value, kept).into_iter())
        } else {
            Entries::Direct(kept)
        };
        std::iter::from_fn(move || match &mut entries {
            Entries::Direct(kept) => kept.next(),
            Entries::Ordered(entries) => entries.next(),
        })
    }

    fn ordered<'v>(
        self,
        value: Value<'v>,
        kept: impl Iterator<Item = (&'v str, Shown<'v>)>,
    ) -> Vec<(&'v str, Shown<'v>)> {
        let mut entries: Vec<_> = kept.collect();
        if let (Value::Instance(it), true, Scope::Inside) = (value, self.types, self.scope) {
            match entries.iter_mut().find(|(key, _)| *key == "_type") {
                Some(found) => found.1 = Shown::TypeOf(it),
                None => entries.push(("_type", Shown::TypeOf(it))),
            }
        }
        if self.sort_keys {
            entries.sort_by_key(|(key, _)| *key);
        }
        entries
    }
}

/// The entries of a dict or instance; unset ones are never shown.
fn shown(value: Value<'_>) -> Option<Dict<'_>> {
    match value {
        Value::Dict(dict) => Some(dict.shown()),
        Value::Instance(it) => Some(*it.shown()),
        _ => None,
    }
}
