//! The builtin functions.

use std::cmp::Ordering;

use bumpalo::Bump;
use syntax::ast::BinaryOp;

use super::args::{as_text, flag, int, need, text};
use super::number::{parse_float, parse_int, pow, round};
use super::{Failure, Function, Host, Outcome};
use crate::value::convert::{text as to_text, type_name, type_of};
use crate::value::ops;
use crate::value::size::list_fits;
use crate::value::{Args, Dict, DictBuilder, Entry, Key, Value};

const fn of(name: &'static str, signature: &'static str, body: super::Body) -> Function {
    Function { module: "", name, body, signature }
}

/// All of them, by name.
pub(super) static FUNCTIONS: &[Function] = &[
    of("abs", "(inval: any) -> any", abs),
    of("all_true", "(inval: [any]) -> bool", all_true),
    of("any_true", "(inval: [any]) -> bool", any_true),
    of("bin", "(number: int) -> str", bin),
    of("bool", "(x?: any) -> bool", bool),
    of("dict", "(x?: any, *rest) -> {any:any}", dict),
    of("float", "(number: any) -> float", float),
    of("hex", "(number: int) -> str", hex),
    of("int", "(number: any, base?: int) -> int", integer),
    of("isnullish", "(inval: any) -> bool", isnullish),
    of("isunique", "(inval: [any]) -> bool", isunique),
    of("len", "(inval: str | {any:any} | [any]) -> int", len),
    of("list", "(x?: any) -> [any]", list),
    of("max", "(*args) -> any", max),
    of("min", "(*args) -> any", min),
    of("multiplyof", "(a: int, b: int) -> bool", multiplyof),
    of("oct", "(number: int) -> str", oct),
    of("option", "(key: str, type?: str, required?: bool, default?: any, help?: str) -> any", option),
    of("ord", "(c: str) -> int", ord),
    of("pow", "(x: int | float, y: int | float, z?: int | float) -> int | float", power),
    of("print", "(*args) -> None", print),
    of("range", "(start?: int, stop?: int, step?: int) -> [int]", range),
    of(
        "reduce",
        "(reducer: (accumulator: any, item: any) -> any, list: [any], initial?: any) -> any",
        reduce,
    ),
    of("round", "(number: int | float, ndigits?: int) -> int | float", rounded),
    of("sorted", "(inval: str | {any:any} | [any], reverse?: bool) -> [any]", sorted),
    of("str", "(x?: any) -> str", string),
    of("sum", "(iterable: [any], start?: any) -> any", sum),
    of("typeof", "(x: any, full_name?: bool) -> str", typeof_),
    of("zip", "(*args) -> [any]", zip),
];

type Result<'v> = Outcome<Value<'v>>;

/// What a loop over a value yields: items, keys, or characters.
pub(super) fn items(value: Value<'_>) -> Outcome<Vec<Value<'_>>> {
    match value {
        Value::List(items) => Ok(items.to_vec()),
        Value::Str(text) => Ok(super::str::chars(text)),
        _ => match value.config() {
            Some(dict) => Ok(dict.entries().iter().map(|entry| Value::Str(entry.key.as_str())).collect()),
            None => Err(format!("'{}' object is not iterable", type_name(value)).into()),
        },
    }
}

fn abs<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    Ok(match need(args, 0, "inval")? {
        Value::Int(int) => Value::Int(int.wrapping_abs()),
        Value::Float(float) => Value::Float(float.abs()),
        _ => Value::Undefined,
    })
}

fn values<'v>(value: Value<'v>) -> Option<Vec<Value<'v>>> {
    match value {
        Value::List(items) => Some(items.to_vec()),
        _ => Some(value.config()?.entries().iter().map(|entry| entry.value).collect()),
    }
}

fn all_true<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let all = values(need(args, 0, "inval")?).is_some_and(|all| all.into_iter().all(Value::is_truthy));
    Ok(Value::Bool(all))
}

fn any_true<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let any = values(need(args, 0, "inval")?).is_some_and(|all| all.into_iter().any(Value::is_truthy));
    Ok(Value::Bool(any))
}

/// The digits of an integer in another base; nothing for other values.
fn digits<'v>(host: &dyn Host<'v>, args: Args<'v>, prefix: &str, write: fn(u64) -> String) -> Result<'v> {
    let Value::Int(int) = need(args, 0, "number")? else { return Ok(Value::Undefined) };
    let sign = if int < 0 { "-" } else { "" };
    let digits = format!("{sign}{prefix}{}", write(int.unsigned_abs()));
    Ok(Value::Str(host.arena().alloc_str(&digits)))
}

fn bin<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    digits(host, args, "0b", |int| format!("{int:b}"))
}

fn hex<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    digits(host, args, "0x", |int| format!("{int:x}"))
}

fn oct<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    digits(host, args, "0o", |int| format!("{int:o}"))
}

fn bool<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    Ok(Value::Bool(need(args, 0, "x")?.is_truthy()))
}

/// `x` may be given by name, and is an entry as well then.
fn dict<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let mut merged = DictBuilder::default();
    let first = args.positional.first().copied();
    match args.named.get(Key::new("x")).or(first) {
        None | Some(Value::List([]) | Value::Str("")) => {}
        Some(Value::List(pairs)) => merged.put(first_pair(host.arena(), pairs)?),
        Some(from) => {
            let from = from.config().ok_or("dict() takes a dict")?;
            from.entries().iter().for_each(|entry| merged.put(Entry::new(entry.key, entry.value)));
        }
    }
    for entry in args.named.entries() {
        crate::value::union::merge_entry(
            host,
            &mut merged,
            Entry::new(entry.key, entry.value),
            crate::value::union::UnionOptions::BLOCK,
        )?;
    }
    let arena = host.arena();
    Ok(Value::Dict(arena.alloc(merged.finish(arena))))
}

/// A list of pairs is misread, as it always was: the first pair becomes the key, and the second its value.
fn first_pair<'v>(arena: &'v Bump, pairs: &[Value<'v>]) -> Outcome<Entry<'v>> {
    let not_pairs = "dict() takes a dict, or a list of pairs";
    if pairs.iter().any(|pair| length(*pair) != Some(2)) {
        return Err(not_pairs.into());
    }
    let [key, value, ..] = pairs else { return Err(not_pairs.into()) };
    Ok(Entry::new(Key::new(arena.alloc_str(&to_text(*key))), *value))
}

fn float<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    parse_float(need(args, 0, "number")?, host.strict_range())
}

fn integer<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let base = match args.get(1, "base") {
        Some(Value::Float(base)) => base as i64,
        _ => int(args, 1, "base")?.unwrap_or(10),
    };
    parse_int(need(args, 0, "number")?, base)
}

fn isnullish<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    Ok(Value::Bool(need(args, 0, "inval")?.is_nothing()))
}

fn isunique<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let Value::List(items) = need(args, 0, "inval")? else { return Ok(Value::Bool(false)) };
    Ok(Value::Bool(super::unique::all_differ(items)))
}

fn len<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let value = need(args, 0, "inval")?;
    let len = length(value).ok_or_else(|| format!("object of type '{}' has no len()", type_name(value)))?;
    Ok(Value::Int(len as i64))
}

/// Strings are as long as their bytes are many.
fn length(value: Value<'_>) -> Option<usize> {
    match value {
        Value::Str(text) => Some(text.len()),
        Value::List(items) => Some(items.len()),
        _ => value.config().map(|dict| dict.len()),
    }
}

/// A name alone is ignored; beside another argument it counts.
fn list<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let Some(first) = args.positional.first() else { return Ok(Value::List(&[])) };
    let items = items(args.named.get(Key::new("x")).unwrap_or(*first))?;
    Ok(Value::List(host.arena().alloc_slice_copy(&items)))
}

/// The item that none of the others beats; the first of equals.
fn best<'v>(args: Args<'v>, op: &str, beats: Ordering) -> Result<'v> {
    let items = match args.positional {
        [one] => items(*one)?,
        several => several.to_vec(),
    };
    let (first, rest) = items.split_first().ok_or("the argument is empty")?;
    let mut best = *first;
    for item in rest {
        if ops::order(*item, best, op)? == Some(beats) {
            best = *item;
        }
    }
    Ok(best)
}

fn max<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    best(args, ">", Ordering::Greater)
}

fn min<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    best(args, "<", Ordering::Less)
}

fn multiplyof<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    match (need(args, 0, "a")?, need(args, 1, "b")?) {
        (Value::Int(_), Value::Int(0)) => {
            Err("attempt to calculate the remainder with a divisor of zero".into())
        }
        (Value::Int(a), Value::Int(b)) => Ok(Value::Bool(a.wrapping_rem(b) == 0)),
        _ => Ok(Value::Undefined),
    }
}

fn ord<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let Value::Str(text) = need(args, 0, "c")? else { return Ok(Value::Undefined) };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Ok(Value::Int((char as u32).into())),
        _ => {
            let found = text.len();
            Err(format!("ord() expected string of length 1, but string of length {found} found").into())
        }
    }
}

fn power<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    pow(need(args, 0, "x")?, need(args, 1, "y")?, args.get(2, "z"))
}

fn print<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let mut line = args.positional.iter().map(|value| to_text(*value)).collect::<Vec<_>>().join(" ");
    match args.get(usize::MAX, "end") {
        Some(end) => line.push_str(&to_text(end)),
        None => line.push('\n'),
    }
    host.print(&line);
    Ok(Value::None)
}

fn range<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let Some(first) = args.get(0, "start") else { return Ok(Value::Undefined) };
    let (start, stop) = match args.get(1, "stop") {
        Some(stop) => (first, stop),
        None => (Value::Int(0), first),
    };
    let step = args.get(2, "step").unwrap_or(Value::Int(1));
    let (Value::Int(start), Value::Int(stop), Value::Int(step)) = (start, stop, step) else {
        return Ok(Value::Undefined);
    };
    if step == 0 {
        return Err("range() step argument must not be zero".into());
    }
    let count = (i128::from(stop) - i128::from(start) + i128::from(step) - i128::from(step.signum()))
        / i128::from(step);
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    list_fits(count)?;
    let ints = (0..count).map(|at| Value::Int(start.wrapping_add(step.wrapping_mul(at as i64))));
    Ok(Value::List(host.arena().alloc_slice_fill_iter(ints)))
}

fn reduce<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let reducer = need(args, 0, "reducer")?;
    let Value::List(items) = need(args, 1, "list")? else {
        return Err("the argument `list` must be a list".into());
    };
    if !matches!(reducer, Value::Func(_)) {
        return Err("the argument `reducer` must be a function".into());
    }
    let mut items = items.iter();
    let mut result = match args.get(2, "initial").or_else(|| items.next().copied()) {
        Some(first) => first,
        None => match host.first_parameter(reducer) {
            Some(ty) => {
                let why = format!("an empty list without an initial value gives no `{ty}` to start from");
                return Err(why.into());
            }
            None => Value::None,
        },
    };
    for item in items {
        let positional = host.arena().alloc_slice_copy(&[result, *item]);
        result = host.call(reducer, Args { positional, named: Dict::EMPTY })?;
    }
    Ok(result)
}

fn rounded<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    Ok(round(need(args, 0, "number")?, args.get(1, "ndigits")))
}

/// Numbers among numbers, strings among strings; nothing else has an order.
fn sorted<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let mut all = items(need(args, 0, "inval")?)?;
    let mut failure = None;
    all.sort_by(|a, b| {
        sort_order(*a, *b).unwrap_or_else(|failed| {
            failure.get_or_insert(failed);
            Ordering::Equal
        })
    });
    match failure {
        Some(failure) => return Err(failure),
        None if flag(args, 1, "reverse") => reverse_stable(&mut all),
        None => {}
    }
    Ok(Value::List(host.arena().alloc_slice_copy(&all)))
}

/// Turns a sorted list round; equals keep their order.
fn reverse_stable(all: &mut [Value<'_>]) {
    all.reverse();
    let same = |a: &Value<'_>, b: &Value<'_>| ops::equal(*a, *b);
    all.chunk_by_mut(same).for_each(<[Value<'_>]>::reverse);
}

fn sort_order(a: Value<'_>, b: Value<'_>) -> Outcome<Ordering> {
    match (a, b) {
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_))
        | (Value::Str(_), Value::Str(_)) => Ok(ops::order(a, b, "<")?.ok_or("NaN cannot be sorted")?),
        _ => Err(format!("cannot compare {} and {}", type_name(b), type_name(a)).into()),
    }
}

fn string<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    match args.named.get(Key::new("x")).or_else(|| args.get(0, "x")) {
        Some(Value::Str(text)) => Ok(Value::Str(text)),
        Some(value) => Ok(Value::Str(host.arena().alloc_str(&to_text(value)))),
        None => Ok(Value::Str("")),
    }
}

fn sum<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let Value::List(items) = need(args, 0, "iterable")? else { return Ok(Value::Undefined) };
    let start = args.get(1, "start").unwrap_or(Value::Int(0));
    if matches!(start, Value::Str(_)) {
        return Err("sum() can't sum strings".into());
    }
    if let Value::List(start) = start {
        return sum_lists(host.arena(), start, items);
    }
    let (arena, strict) = (host.arena(), host.strict_range());
    items.iter().try_fold(start, |sum, item| ops::binary(arena, BinaryOp::Add, sum, *item, strict))
}

/// Lists are put together at once, for adding them one by one copies the sum each time.
fn sum_lists<'v>(arena: &'v Bump, start: &[Value<'v>], items: &[Value<'v>]) -> Result<'v> {
    let mut all = start.to_vec();
    for item in items {
        let Value::List(part) = item else {
            let found = type_name(*item);
            return Err(format!("can only concatenate list (not \"{found}\") to list").into());
        };
        list_fits(all.len() + part.len())?;
        all.extend_from_slice(part);
    }
    Ok(Value::List(arena.alloc_slice_copy(&all)))
}

fn typeof_<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let name = type_of(need(args, 0, "x")?, flag(args, 1, "full_name"));
    Ok(Value::Str(host.arena().alloc_str(&name)))
}

fn zip<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let arena = host.arena();
    let columns: Outcome<Vec<_>> = args.positional.iter().map(|value| items(*value)).collect();
    let columns = columns?;
    let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
    let row = |at: usize| {
        let row = arena.alloc_slice_fill_iter(columns.iter().map(|column| column[at]));
        Value::List(row)
    };
    Ok(Value::List(arena.alloc_slice_copy(&(0..rows).map(row).collect::<Vec<_>>())))
}

fn option<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let key = text(args, 0, "key")?;
    let given = host.option(key).or_else(|| args.get(3, "default"));
    match (given, args.get(1, "type")) {
        (Some(value), Some(ty)) => option_as(host.arena(), value, as_text(ty)),
        (Some(value), None) => Ok(value),
        (None, _) if flag(args, 2, "required") => {
            Err(format!("option('{key}') must be initialized, try '-D {key}=?' argument").into())
        }
        (None, _) => Ok(Value::None),
    }
}

fn option_as<'v>(arena: &'v Bump, value: Value<'v>, ty: &str) -> Result<'v> {
    let unusable = || -> Failure { format!("cannot use '{}' as type '{ty}'", to_text(value)).into() };
    let converted = match ty {
        "" => Some(value),
        "bool" => Some(option_bool(value)),
        "int" => option_int(value),
        "float" => option_float(value),
        "str" => option_str(arena, value),
        "list" => Some(value).filter(|value| matches!(value, Value::List(_))),
        "dict" => Some(value).filter(|value| matches!(value, Value::Dict(_))),
        _ => return Err(format!("unknown type '{ty}'").into()),
    };
    converted.ok_or_else(unusable)
}

fn option_bool(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Bool(_) => value,
        Value::Int(_) | Value::Float(_) => Value::Bool(value.is_truthy()),
        Value::Str(text) => Value::Bool(matches!(text, "True" | "true")),
        _ => Value::Undefined,
    }
}

fn option_int(value: Value<'_>) -> Option<Value<'_>> {
    Some(Value::Int(match value {
        Value::Bool(bool) => bool.into(),
        Value::Int(int) => int,
        Value::Float(float) => float as i64,
        Value::Str(text) => text.parse().ok()?,
        _ => return None,
    }))
}

/// A text that is no number counts as zero.
fn option_float(value: Value<'_>) -> Option<Value<'_>> {
    Some(Value::Float(match value {
        Value::Bool(bool) => f64::from(u8::from(bool)),
        Value::Int(int) => int as f64,
        Value::Float(float) => float,
        Value::Str(text) => text.parse().unwrap_or(0.0),
        _ => return None,
    }))
}

/// Floats without a `.0`, and bools in lower case.
fn option_str<'v>(arena: &'v Bump, value: Value<'v>) -> Option<Value<'v>> {
    let text = match value {
        Value::Str(_) => return Some(value),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => float.to_string(),
        _ => return None,
    };
    Some(Value::Str(arena.alloc_str(&text)))
}
