//! `json` and `yaml`.

use std::cell::Cell;
use std::fmt;

use bumpalo::Bump;
use indexmap::IndexMap;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::args::{flag, int, need, text};
use super::codec::{place, world_failure};
use super::{Function, Host, Outcome, Volatile, of};
use crate::plan::{self, Draft, Filter, MAX_BYTES};
use crate::value::convert::type_name;
use crate::value::ops::MAX_DEPTH;
use crate::value::size::{MAX_STR, str_fits};
use crate::value::{Args, Dict, DictBuilder, Entry, Key, Value};

/// The members of `json`.
pub(super) const JSON: &[Function] = &[
    of("json", "decode", "(value: str) -> any", decode_json),
    of("json", "dump_to_file", DUMP_JSON, |host, args| {
        let text = json_text(args, 2, MAX_BYTES)?;
        dump(host, args, &text)
    }),
    of("json", "encode", ENCODE_JSON, |host, args| {
        let text = json_text(args, 1, MAX_STR)?;
        string(host, &text)
    }),
    of("json", "merge", "(src: any, patch: any) -> any", merge),
    of("json", "validate", "(value: str) -> bool", |_, args| {
        Ok(Value::Bool(read_json(&Bump::new(), text(args, 0, "value")?).is_ok()))
    }),
];

const ENCODE_JSON: &str =
    "(data: any, sort_keys?: bool, indent?: int, ignore_private?: bool, ignore_none?: bool) -> str";
const DUMP_JSON: &str = "(data: any, filename: str, sort_keys?: bool, indent?: int, ignore_private?: bool, \
                         ignore_none?: bool) -> str";

/// The members of `yaml`.
pub(super) const YAML: &[Function] = &[
    of("yaml", "decode", "(value: str) -> any", decode_yaml),
    of("yaml", "decode_all", "(value: str) -> [any]", decode_yaml_all),
    of("yaml", "dump_all_to_file", DUMP_YAML_ALL, |host, args| {
        let text = yaml_stream(args, 2, MAX_BYTES)?;
        dump(host, args, &text)
    }),
    of("yaml", "dump_to_file", DUMP_YAML, |host, args| {
        let text = yaml_text(args, 2, MAX_BYTES)?;
        dump(host, args, &text)
    }),
    of("yaml", "encode", ENCODE_YAML, |host, args| {
        let text = yaml_text(args, 1, MAX_STR)?;
        string(host, &text)
    }),
    of("yaml", "encode_all", ENCODE_YAML_ALL, |host, args| {
        let text = yaml_stream(args, 1, MAX_STR)?;
        string(host, &text)
    }),
    of("yaml", "validate", "(value: str) -> bool", |_, args| {
        Ok(Value::Bool(read_yaml_all(&Bump::new(), text(args, 0, "value")?).is_ok()))
    }),
];

const ENCODE_YAML: &str = "(data: any, sort_keys?: bool, ignore_private?: bool, ignore_none?: bool) -> str";
const ENCODE_YAML_ALL: &str =
    "(data: [any], sort_keys?: bool, ignore_private?: bool, ignore_none?: bool) -> str";
const DUMP_YAML: &str =
    "(data: any, filename: str, sort_keys?: bool, ignore_private?: bool, ignore_none?: bool) -> str";
const DUMP_YAML_ALL: &str =
    "(data: [any], filename: str, sort_keys?: bool, ignore_private?: bool, ignore_none?: bool) -> str";

/// So many brackets may be open in a YAML text.
const MAX_BRACKETS: usize = 5_000;

/// A wider indent is a mistake, and one that would fill the memory.
const MAX_INDENT: i64 = 256;

type Result<'v> = Outcome<Value<'v>>;

fn string<'v>(host: &dyn Host<'v>, text: &str) -> Result<'v> {
    str_fits(text.len())?;
    Ok(Value::Str(host.arena().alloc_str(text)))
}

/// What is left out, and the order: the arguments from a place on. JSON has the indent among them.
fn filter(args: Args<'_>, sort_keys: usize, ignore: usize) -> Filter {
    let mut filter = Filter::default();
    filter.sort_keys = flag(args, sort_keys, "sort_keys");
    filter.ignore_private = flag(args, ignore, "ignore_private");
    filter.ignore_none = flag(args, ignore + 1, "ignore_none");
    filter
}

/// What is written for a value. Functions were always written as zero where they are all that is written.
fn written(value: Value<'_>) -> Value<'_> {
    if matches!(value, Value::Func(_)) { Value::Int(0) } else { value }
}

/// The JSON of the first argument, of so many bytes at most; `at` is the place of the first option.
fn json_text(args: Args<'_>, at: usize, limit: usize) -> Outcome<String> {
    let data = written(need(args, 0, "data")?);
    let indent = int(args, at + 1, "indent")?.unwrap_or(0).max(0);
    if indent > MAX_INDENT {
        return Err(format!("the indent may be {MAX_INDENT} at most, not {indent}").into());
    }
    let mut draft = Draft::new(limit);
    plan::json::write(&mut draft, data, filter(args, at, at + 2), indent as usize);
    draft.finish()
}

fn yaml_text(args: Args<'_>, at: usize, limit: usize) -> Outcome<String> {
    let mut draft = Draft::new(limit);
    plan::yaml::write(&mut draft, written(need(args, 0, "data")?), filter(args, at, at + 1));
    draft.finish()
}

fn yaml_stream(args: Args<'_>, at: usize, limit: usize) -> Outcome<String> {
    let data = need(args, 0, "data")?;
    let Value::List(items) = data else {
        return Err(format!("the documents must be a list, not `{}`", type_name(data)).into());
    };
    stream(items, filter(args, at, at + 1), "\n---\n", false, limit)
}

/// Documents with something between them. Each has a newline at its end, unless they are `trimmed`.
pub(super) fn stream(
    items: &[Value<'_>],
    filter: Filter,
    between: &str,
    trimmed: bool,
    limit: usize,
) -> Outcome<String> {
    let mut draft = Draft::new(limit);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            draft.push_str(between);
        }
        plan::yaml::write(&mut draft, written(*item), filter);
        if trimmed {
            draft.trim_newline();
        }
    }
    draft.finish()
}

fn dump<'v>(host: &mut dyn Host<'v>, args: Args<'v>, text_of_file: &str) -> Result<'v> {
    let filename = text(args, 1, "filename")?;
    host.volatile(Volatile::SideEffect);
    let done = host.world().files().write(&place(host, filename), text_of_file.as_bytes(), false);
    done.map_err(|error| world_failure("write", filename, error))?;
    Ok(Value::Undefined)
}

fn decode_json<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    read_json(host.arena(), text(args, 0, "value")?)
}

/// Whether a YAML text opens more brackets inside each other than any reader takes, who would be long in saying so: the
/// time that scanning takes grows with the square of them. Brackets in strings are counted too.
#[must_use]
pub fn nested_too_deep(yaml: &str) -> bool {
    let mut depth = 0_usize;
    yaml.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_BRACKETS
    })
}

fn shallow(yaml: &str) -> Outcome<()> {
    if nested_too_deep(yaml) {
        return Err(format!("the text is no usable YAML: more than {MAX_BRACKETS} brackets are open").into());
    }
    Ok(())
}

fn decode_yaml<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let text = text(args, 0, "value")?;
    shallow(text)?;
    let budget = Budget::of(text);
    let reader = Reader { arena: host.arena(), budget: &budget };
    let value = reader.deserialize(serde_yaml_ng::Deserializer::from_str(text));
    Ok(value.map_err(|error| format!("the text is no usable YAML: {error}"))?)
}

fn decode_yaml_all<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let documents = read_yaml_all(host.arena(), text(args, 0, "value")?)?;
    Ok(Value::List(host.arena().alloc_slice_copy(&documents)))
}

fn read_json<'v>(arena: &'v Bump, text: &str) -> Result<'v> {
    let budget = Budget::of(text);
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Reader { arena, budget: &budget }.deserialize(&mut json);
    let value = value.and_then(|value| json.end().map(|()| value));
    Ok(value.map_err(|error| format!("the text is no usable JSON: {error}"))?)
}

fn read_yaml_all<'v>(arena: &'v Bump, text: &str) -> Outcome<Vec<Value<'v>>> {
    shallow(text)?;
    let budget = Budget::of(text);
    let read = |document| Reader { arena, budget: &budget }.deserialize(document);
    let documents: std::result::Result<Vec<_>, _> =
        serde_yaml_ng::Deserializer::from_str(text).map(read).collect();
    Ok(documents.map_err(|error| format!("the text is no usable YAML: {error}"))?)
}

/// How much more may be read. Without aliases a text never holds more than it is long; those may add some, but not
/// without end, for aliases of aliases can make gigabytes of a few lines.
struct Budget(Cell<usize>);

impl Budget {
    /// What aliases may add: values and bytes of strings.
    const EXPANSION: usize = 1 << 22;

    /// A character that is written as an escape takes up to one and a half times as much.
    fn of(text: &str) -> Self {
        Self(Cell::new(text.len().saturating_mul(3).saturating_add(Self::EXPANSION)))
    }

    fn spend<E: Error>(&self, cost: usize) -> std::result::Result<(), E> {
        let rest = self.0.get().checked_sub(cost);
        self.0.set(rest.ok_or_else(|| E::custom("its aliases add more than four million values"))?);
        Ok(())
    }
}

/// Reads a value of JSON or YAML right into the arena.
#[derive(Clone, Copy)]
struct Reader<'b, 'v> {
    arena: &'v Bump,
    budget: &'b Budget,
}

impl<'v> Reader<'_, 'v> {
    fn text<E: Error>(self, text: &str) -> std::result::Result<&'v str, E> {
        self.budget.spend(1 + text.len())?;
        Ok(self.arena.alloc_str(text))
    }
}

impl<'de, 'v> DeserializeSeed<'de> for Reader<'_, 'v> {
    type Value = Value<'v>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> std::result::Result<Value<'v>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, 'v> Visitor<'de> for Reader<'_, 'v> {
    type Value = Value<'v>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value without a tag")
    }

    fn visit_bool<E: Error>(self, bool: bool) -> std::result::Result<Value<'v>, E> {
        self.budget.spend(1)?;
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E: Error>(self, int: i64) -> std::result::Result<Value<'v>, E> {
        self.budget.spend(1)?;
        Ok(Value::Int(int))
    }

    fn visit_u64<E: Error>(self, int: u64) -> std::result::Result<Value<'v>, E> {
        self.budget.spend(1)?;
        Ok(i64::try_from(int).map_or(Value::Float(int as f64), Value::Int))
    }

    /// Infinity and the like are no data.
    fn visit_f64<E: Error>(self, float: f64) -> std::result::Result<Value<'v>, E> {
        self.budget.spend(1)?;
        Ok(if float.is_finite() { Value::Float(float) } else { Value::None })
    }

    fn visit_str<E: Error>(self, text: &str) -> std::result::Result<Value<'v>, E> {
        self.text(text).map(Value::Str)
    }

    fn visit_unit<E: Error>(self) -> std::result::Result<Value<'v>, E> {
        self.budget.spend(1)?;
        Ok(Value::None)
    }

    fn visit_none<E: Error>(self) -> std::result::Result<Value<'v>, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> std::result::Result<Value<'v>, D::Error> {
        self.deserialize(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> std::result::Result<Value<'v>, A::Error> {
        self.budget.spend(1)?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::List(self.arena.alloc_slice_copy(&items)))
    }

    /// Of two entries with one key the later counts, in the place of the earlier.
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> std::result::Result<Value<'v>, A::Error> {
        self.budget.spend(1)?;
        let mut dict = DictBuilder::default();
        while let Some(key) = from.next_key_seed(KeyReader(self))? {
            dict.put(Entry::new(key, from.next_value_seed(self)?));
        }
        Ok(Value::Dict(self.arena.alloc(dict.finish(self.arena))))
    }
}

/// Reads a key: the text of a scalar, whatever type it would have.
struct KeyReader<'b, 'v>(Reader<'b, 'v>);

impl<'de, 'v> DeserializeSeed<'de> for KeyReader<'_, 'v> {
    type Value = Key<'v>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> std::result::Result<Key<'v>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de, 'v> Visitor<'de> for KeyReader<'_, 'v> {
    type Value = Key<'v>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string key")
    }

    fn visit_str<E: Error>(self, text: &str) -> std::result::Result<Key<'v>, E> {
        self.0.text(text).map(Key::new)
    }
}

/// A merge patch as RFC 7396 has it.
fn merge<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    patched(host.arena(), need(args, 0, "src")?, need(args, 1, "patch")?, MAX_DEPTH)
}

/// Nothing in a patch removes the entry, and the last entry moves to its place. An instance stays one, though it is
/// not checked again.
fn patched<'v>(arena: &'v Bump, base: Value<'v>, patch: Value<'v>, depth: usize) -> Result<'v> {
    let Some(changes) = patch.config() else { return Ok(patch) };
    let depth = depth.checked_sub(1).ok_or("the patch is nested too deeply")?;
    let entries = base.config().copied().unwrap_or(Dict::EMPTY);
    let mut merged: IndexMap<&str, Entry<'v>> =
        entries.entries().iter().map(|entry| (entry.key.as_str(), *entry)).collect();
    for change in changes.entries() {
        let key = change.key.as_str();
        if change.value.is_nothing() {
            merged.swap_remove(key);
            continue;
        }
        let old = merged.get(key).map_or(Value::None, |entry| entry.value);
        merged.insert(key, Entry::new(change.key, patched(arena, old, change.value, depth)?));
    }
    let mut attrs = DictBuilder::with_capacity(merged.len());
    merged.into_values().for_each(|entry| attrs.put(entry));
    let attrs = attrs.finish(arena);
    Ok(match base {
        Value::Instance(it) => Value::Instance(arena.alloc(it.with_attrs(attrs))),
        _ => Value::Dict(arena.alloc(attrs)),
    })
}
