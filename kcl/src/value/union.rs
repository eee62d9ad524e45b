//! Union: the only place that knows how two values become one.
//!
//! `left | right`, every `key op value` of a config block, `**value`, and declarations of one name that are
//! merged all end here. The entries of the right side act on the left one each with the operator that it was
//! written with, and the operator stays in the result, where it acts again in the next union.
//!
//! Nothing is copied deeply: a union makes a new spine, in time linear in both sides, and shares the rest.

use bumpalo::Bump;
use syntax::ast::EntryOp;

use super::convert::{text, type_name};
use super::ops::{MAX_DEPTH, equal, normal_index, out_of_bounds};
use super::size::list_fits;
use super::{Dict, DictBuilder, Entry, Instance, Key, Value};
use crate::plan;
use crate::stdlib::{Failure, Host, Outcome};

/// What a union does besides merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnionOptions {
    /// Two values that are no collections: integers are or-ed and others refused, as `|` does. Without, the right
    /// one wins. Only for the outermost values.
    pub operator: bool,
    /// Two lists: the left one stays as it is.
    pub list_override: bool,
    /// Entries with `:` must not contradict the value that is there.
    pub idempotent_check: bool,
    /// Instances are constructed again from the merged config.
    pub config_resolve: bool,
    /// One and the same collection on both sides is not merged with itself. The operator copies its left side,
    /// so for it there is no such collection.
    pub by_reference: bool,
}

impl Default for UnionOptions {
    /// Those of the operator `|`.
    fn default() -> Self {
        Self {
            operator: true,
            list_override: false,
            idempotent_check: true,
            config_resolve: true,
            by_reference: false,
        }
    }
}

impl UnionOptions {
    /// Those of the entries of a config block.
    pub const BLOCK: Self = Self {
        operator: true,
        list_override: false,
        idempotent_check: true,
        config_resolve: false,
        by_reference: true,
    };

    /// Those of the attributes of an instance that is being constructed: a config contradicts no default.
    pub const ATTRIBUTE: Self = Self { idempotent_check: false, ..Self::BLOCK };
}

/// `left | right`, with options.
///
/// # Errors
/// Where the values contradict each other or cannot be merged, or an instance cannot be constructed.
pub fn union<'v>(
    host: &mut dyn Host<'v>,
    left: Value<'v>,
    right: Value<'v>,
    options: UnionOptions,
) -> Outcome<Value<'v>> {
    if options.operator
        && !(left.is_nothing() || right.is_nothing() || is_collection(left) && is_collection(right))
    {
        return or_scalars(left, right);
    }
    Merge { host, options, depth: 0 }.values(left, right).map_err(Stop::into_failure)
}

/// Adds an entry to the config block so far, with its operator and index.
///
/// # Errors
/// Where it contradicts the entry that is there, or the operator cannot act on that.
pub fn merge_entry<'v>(
    host: &mut dyn Host<'v>,
    block: &mut DictBuilder<'v>,
    entry: Entry<'v>,
    options: UnionOptions,
) -> Outcome<()> {
    if put_new(host, block, entry) {
        return Ok(());
    }
    Merge { host, options, depth: 0 }.entry(block, &entry).map_err(Stop::into_failure)
}

/// Puts an entry without an index at the end of the config block so far if there is none with its key; true if so.
pub(crate) fn put_new<'v>(host: &mut dyn Host<'v>, block: &mut DictBuilder<'v>, entry: Entry<'v>) -> bool {
    set_in_unpacked(host, block, entry.key);
    entry.index.is_none() && block.put_new(entry)
}

/// `**value` in a config block: the entries are added with the operators that they have.
///
/// # Errors
/// Where the value has no entries, or one of them cannot be added.
pub fn unpack_into<'v>(
    host: &mut dyn Host<'v>,
    block: &mut DictBuilder<'v>,
    value: Value<'v>,
) -> Outcome<()> {
    if value.is_nothing() {
        return Ok(());
    }
    let (dict, watch) = match value {
        Value::Instance(it) if block.unpacked().is_none() => (*it.quietly(), Some(it.watch)),
        Value::Dict(dict) if block.unpacked().is_none() => (dict.quietly(), dict.unpacked()),
        _ => (*value.config().ok_or_else(|| not_unpackable(value))?, None),
    };
    let before: Vec<Key<'v>> = watch.iter().flat_map(|_| block.entries()).map(|entry| entry.key).collect();
    let merge = &mut Merge { host, options: UnionOptions::default(), depth: 0 };
    merge.entries(block, &dict).map_err(Stop::into_failure)?;
    if watch.is_some() {
        *block.unpacked() = watch;
        before.into_iter().for_each(|key| set_in_unpacked(merge.host, block, key));
    }
    Ok(())
}

/// A key is set in a block that may have the attributes of an instance.
fn set_in_unpacked<'v>(host: &mut dyn Host<'v>, block: &mut DictBuilder<'v>, key: Key<'v>) {
    if let Some(watch) = block.unpacked() {
        *watch = host.watch_key(watch, key);
    }
}

/// `*value` in a list: its items, or its keys.
///
/// # Errors
/// Where the value has neither.
pub fn unpack_list<'v>(list: &mut Vec<Value<'v>>, value: Value<'v>) -> Outcome<()> {
    match value {
        Value::List(items) => list.extend_from_slice(items),
        Value::Undefined | Value::None => {}
        _ => {
            let dict = value.config().ok_or_else(|| not_unpackable(value))?;
            list.extend(dict.entries().iter().map(|entry| Value::Str(entry.key.as_str())));
        }
    }
    Ok(())
}

fn not_unpackable(value: Value<'_>) -> Failure {
    let value = text(value);
    format!("only list, dict and schema object can be used with unpack operators * and **, got {value}")
        .into()
}

/// Whether an entry replaces what is there, whatever that is; one with `:` may contradict it.
pub(crate) fn replaces(entry: &Entry<'_>) -> bool {
    let alone = match entry.op {
        EntryOp::Override => true,
        EntryOp::Union => !entry.value.is_nothing() && !is_collection(entry.value),
        EntryOp::Insert => false,
    };
    alone && entry.index.is_none()
}

fn is_collection(value: Value<'_>) -> bool {
    matches!(value, Value::List(_)) || value.is_config()
}

fn or_scalars<'v>(left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Ok(Value::Int(a | b)),
        _ => {
            let (left, right) = (type_name(left), type_name(right));
            Err(format!("unsupported operand type(s) for |: '{left}' and '{right}'").into())
        }
    }
}

/// Whether a `:` entry may meet the value that is there. Configs always may: their entries decide.
fn compatible<'v>(host: &mut dyn Host<'v>, new: Value<'v>, old: Value<'v>) -> Outcome<bool> {
    if new.is_nothing() || old.is_nothing() || new.is_config() && old.is_config() {
        return Ok(true);
    }
    let (Value::List(new), Value::List(old)) = (new, old) else { return Ok(equal(new, old)) };
    if new.len() != old.len() {
        return Ok(false);
    }
    host.compared(new.len() as u64)?;
    for (new, old) in new.iter().zip(old) {
        if !compatible(host, *new, *old)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Why a union stopped.
enum Stop {
    Conflict(Box<Conflict>),
    Failure(Failure),
}

impl<T: Into<Failure>> From<T> for Stop {
    fn from(failure: T) -> Self {
        Self::Failure(failure.into())
    }
}

type Merged<T> = Result<T, Stop>;

struct Conflict {
    /// The way to the conflict, innermost step first.
    path: Vec<String>,
    old: String,
    new: String,
}

impl Stop {
    fn conflict(step: String, old: Value<'_>, new: Value<'_>) -> Self {
        let conflict = Conflict { path: vec![step], old: brief(old), new: brief(new) };
        Self::Conflict(Box::new(conflict))
    }

    /// The same, seen from one level above.
    fn within(mut self, step: impl FnOnce() -> String) -> Self {
        if let Self::Conflict(conflict) = &mut self {
            conflict.path.push(step());
        }
        self
    }

    fn into_failure(self) -> Failure {
        match self {
            Self::Failure(failure) => failure,
            Self::Conflict(conflict) => conflict.message().into(),
        }
    }
}

impl Conflict {
    fn message(&self) -> String {
        let Self { path, old, new } = self;
        let key = path.first().map_or("", String::as_str);
        if key.is_empty() && path.len() == 1 {
            return format!("conflicting values between {old} and {new}");
        }
        let path = path.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".");
        format!(
            "conflicting values on the attribute '{key}' between :\n    {old}\nand\n    {new}\n\
             with union path :\n    {path}\ntry operator '=' to override the attribute, like:\n    \
             {{...}} | {{\n            ...\n            {key} = {new}\n            ...\n    }}"
        )
    }
}

/// A value as conflicts show it.
fn brief(value: Value<'_>) -> String {
    match value {
        Value::List(_) => "[...]".to_owned(),
        _ if value.is_config() => "{...}".to_owned(),
        _ => plan::json_text(value).unwrap_or_else(|_| "...".to_owned()),
    }
}

struct Merge<'h, 'v> {
    host: &'h mut dyn Host<'v>,
    options: UnionOptions,
    depth: usize,
}

impl<'v> Merge<'_, 'v> {
    fn arena(&self) -> &'v Bump {
        self.host.arena()
    }

    fn values(&mut self, left: Value<'v>, right: Value<'v>) -> Merged<Value<'v>> {
        if left.is_nothing() {
            return Ok(right);
        }
        if right.is_nothing() {
            return Ok(left);
        }
        if !(is_collection(left) && is_collection(right)) {
            return Ok(right);
        }
        if self.options.by_reference && is_same(left, right) {
            return Ok(left);
        }
        if self.depth == MAX_DEPTH {
            return Err("the values are nested too deeply".into());
        }
        self.depth += 1;
        let merged = self.collections(left, right);
        self.depth -= 1;
        merged
    }

    fn collections(&mut self, left: Value<'v>, right: Value<'v>) -> Merged<Value<'v>> {
        match (left, right) {
            (Value::List(left), Value::List(right)) => self.lists(left, right),
            (Value::Dict(left), Value::Dict(right)) => {
                let merged = self.dicts(left, right)?;
                Ok(Value::Dict(self.arena().alloc(merged)))
            }
            (Value::Instance(left), Value::Dict(right)) => {
                let attrs = self.dicts(left.quietly(), right)?;
                let watch = self.host.watch_keys(left, right, self.options.idempotent_check);
                self.instance(Instance { attrs, watch, ..left.clone() }, &keys_of(right))
            }
            (Value::Instance(left), Value::Instance(right)) => {
                let same = left.schema.id == right.schema.id && left.watch.schema == right.watch.schema;
                let (attrs, watch) = if same {
                    let watch = self.host.watch_both(left.watch, right.watch);
                    (self.dicts(left.quietly(), right.quietly())?, watch)
                } else {
                    (self.dicts(left.listed(), right.listed())?, left.watch)
                };
                let merged =
                    Instance { attrs, args: right.args, kwargs: right.kwargs, watch, ..left.clone() };
                self.instance(merged, right.config_keys)
            }
            (Value::Dict(left), Value::Instance(right)) => {
                let attrs = self.dicts(left, right.listed())?;
                let keys = [right.config_keys, &keys_of(left)].concat();
                let config_keys = self.arena().alloc_slice_copy(&keys);
                self.instance(Instance { attrs, config_keys, ..right.clone() }, &[])
            }
            _ => {
                let (left, right) = (type_name(left), type_name(right));
                Err(format!("union failure, expect {left}, got {right}").into())
            }
        }
    }

    /// The instance of merged attributes: made again from those that were set from outside, on either side. In a
    /// config block it is not made again, and forgets which keys the right side set.
    fn instance(&mut self, merged: Instance<'v>, more_keys: &[Key<'v>]) -> Merged<Value<'v>> {
        let arena = self.arena();
        if !self.options.config_resolve {
            return Ok(Value::Instance(arena.alloc(merged)));
        }
        let keys = merged.config_keys.iter().chain(more_keys);
        let mut config = DictBuilder::with_capacity(merged.config_keys.len() + more_keys.len());
        for entry in keys.filter_map(|key| merged.attrs.entry(*key)) {
            config.put(Entry { op: EntryOp::Override, ..*entry });
        }
        Ok(self.host.construct(merged.schema, config.finish(arena), merged.args, merged.kwargs)?)
    }

    /// Item by item; the rest of the longer one stays.
    fn lists(&mut self, left: &'v [Value<'v>], right: &'v [Value<'v>]) -> Merged<Value<'v>> {
        if self.options.list_override || right.is_empty() {
            return Ok(Value::List(left));
        }
        let mut merged = Vec::with_capacity(left.len().max(right.len()));
        for (at, (old, new)) in left.iter().zip(right).enumerate() {
            merged.push(self.values(*old, *new).map_err(|stop| stop.within(|| format!("list[{at}]")))?);
        }
        let shorter = merged.len();
        merged.extend_from_slice(&left[shorter..]);
        merged.extend_from_slice(&right[shorter..]);
        Ok(Value::List(self.arena().alloc_slice_copy(&merged)))
    }

    fn dicts(&mut self, left: &Dict<'v>, right: &Dict<'v>) -> Merged<Dict<'v>> {
        if right.is_empty() {
            return Ok(*left);
        }
        let mut block = DictBuilder::with_room(left, right.len());
        self.entries(&mut block, right)?;
        Ok(block.finish(self.arena()))
    }

    fn entries(&mut self, block: &mut DictBuilder<'v>, dict: &Dict<'v>) -> Merged<()> {
        dict.entries().iter().try_for_each(|entry| {
            set_in_unpacked(self.host, block, entry.key);
            self.entry(block, entry)
        })
    }

    fn entry(&mut self, block: &mut DictBuilder<'v>, entry: &Entry<'v>) -> Merged<()> {
        let Some(old) = block.get(entry.key).map(|old| old.value) else {
            let value = self.first(entry)?;
            block.put(Entry { value, ..*entry });
            return Ok(());
        };
        let value = match entry.op {
            EntryOp::Union => self.unite(old, entry),
            EntryOp::Override => self.override_with(old, entry),
            EntryOp::Insert => self.insert_into(old, entry),
        }?;
        if let Some(slot) = block.get_mut(entry.key) {
            let index = entry.index.or(slot.index);
            *slot = Entry { key: slot.key, value, op: entry.op, index, origin: entry.origin };
        }
        Ok(())
    }

    /// The value of an entry with a new key.
    fn first(&self, entry: &Entry<'v>) -> Merged<Value<'v>> {
        match (entry.index, entry.op) {
            (None, _) => Ok(entry.value),
            (Some(_), EntryOp::Insert) => self.insert_into(Value::None, entry),
            (Some(index), EntryOp::Union) => Err(not_indexed("non-empty list", "union", index).into()),
            (Some(index), EntryOp::Override) => Err(not_indexed("list", "override", index).into()),
        }
    }

    fn unite(&mut self, old: Value<'v>, entry: &Entry<'v>) -> Merged<Value<'v>> {
        let key = entry.key.as_str();
        let Some(index) = entry.index else {
            self.check(old, entry.value, || key.to_owned())?;
            return self.values(old, entry.value).map_err(|stop| stop.within(|| key.to_owned()));
        };
        let Value::List(items) = old else { return Err(not_indexed("list", "union", index).into()) };
        if items.is_empty() {
            return Err(not_indexed("non-empty list", "union", index).into());
        }
        let at = index_within(items, index)?;
        self.check(items[at], entry.value, || format!("{key}[{index}]"))?;
        let merged = self.values(items[at], entry.value).map_err(|stop| stop.within(|| key.to_owned()))?;
        Ok(self.list_with(items, at, merged))
    }

    fn check(&mut self, old: Value<'v>, new: Value<'v>, step: impl FnOnce() -> String) -> Merged<()> {
        if self.options.idempotent_check && !compatible(&mut *self.host, new, old)? {
            return Err(Stop::conflict(step(), old, new));
        }
        Ok(())
    }

    fn override_with(&self, old: Value<'v>, entry: &Entry<'v>) -> Merged<Value<'v>> {
        let Some(index) = entry.index else { return Ok(entry.value) };
        let Value::List(items) = old else { return Err(not_indexed("list", "override", index).into()) };
        let at = index_within(items, index)?;
        if matches!(entry.value, Value::Undefined) {
            let rest = [&items[..at], &items[at + 1..]].concat();
            return Ok(Value::List(self.arena().alloc_slice_copy(&rest)));
        }
        Ok(self.list_with(items, at, entry.value))
    }

    fn list_with(&self, items: &[Value<'v>], at: usize, item: Value<'v>) -> Value<'v> {
        let items = self.arena().alloc_slice_copy(items);
        items[at] = item;
        Value::List(items)
    }

    fn insert_into(&self, old: Value<'v>, entry: &Entry<'v>) -> Merged<Value<'v>> {
        let old = if old.is_nothing() { Value::List(&[]) } else { old };
        let (Value::List(items), Value::List(new)) = (old, entry.value) else {
            let (old, new) = (type_name(old), type_name(entry.value));
            return Err(format!(
                "only list attribute can be inserted value, the origin value type is {old} and got value type is {new}"
            )
            .into());
        };
        if self.options.by_reference && std::ptr::eq(items, new) {
            return Ok(old);
        }
        let at = match entry.index {
            Some(index) => normal_index(index.into(), || items.len())?,
            None => items.len(),
        };
        let Some((head, tail)) = items.split_at_checked(at) else {
            return Err(format!("insertion index (is {at}) should be <= len (is {})", items.len()).into());
        };
        list_fits(items.len() + new.len())?;
        let all = self.arena().alloc_slice_fill_copy(items.len() + new.len(), Value::Undefined);
        all[..at].copy_from_slice(head);
        all[at..at + new.len()].copy_from_slice(new);
        all[at + new.len()..].copy_from_slice(tail);
        Ok(Value::List(all))
    }
}

/// Whether two values are one and the same collection.
pub(crate) fn is_same(left: Value<'_>, right: Value<'_>) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => std::ptr::eq(left, right),
        (Value::Dict(left), Value::Dict(right)) => std::ptr::eq(left, right),
        (Value::Instance(left), Value::Instance(right)) => std::ptr::eq(left, right),
        _ => false,
    }
}

fn keys_of<'v>(dict: &Dict<'v>) -> Vec<Key<'v>> {
    dict.entries().iter().map(|entry| entry.key).collect()
}

fn not_indexed(what: &str, verb: &str, index: i32) -> Failure {
    format!("only {what} attribute can be {verb} value with the index {index}").into()
}

fn index_within(items: &[Value<'_>], index: i32) -> Merged<usize> {
    let at = normal_index(index.into(), || items.len())?;
    if at < items.len() { Ok(at) } else { Err(out_of_bounds(items.len(), index.into()).into()) }
}
