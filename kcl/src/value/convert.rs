//! Values to and from text and other forms.

use std::borrow::Cow;
use std::fmt::Write;

use bumpalo::Bump;

use super::ops::MAX_DEPTH;
use super::size::MAX_STR;
use super::{Dict, DictBuilder, Entry, Func, Key, Value};
use crate::stdlib::Outcome;

/// The name of a value's type as error messages have it.
#[must_use]
pub fn type_name(value: Value<'_>) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        Value::Undefined => "UndefinedType",
        Value::None => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Unit(unit) => return format!("number_multiplier({}{})", unit.raw, unit.suffix).into(),
        Value::Str(_) => "str",
        Value::List(_) => "list",
        Value::Dict(_) => "dict",
        Value::Instance(it) => it.schema.name.as_str(),
        Value::Func(Func::Schema(_)) => "type",
        Value::Func(_) => "function",
    })
}

/// The result of `typeof`; where `full`, instances are named with their package.
#[must_use]
pub fn type_of(value: Value<'_>, full: bool) -> Cow<'static, str> {
    match value {
        Value::None => "None".into(),
        Value::Instance(it) if full => it.full_type_name().into(),
        _ => type_name(value),
    }
}

/// The result of `str`, also what interpolation and `print` show.
#[must_use]
pub fn text(value: Value<'_>) -> String {
    let mut out = String::new();
    write_text(&mut out, value);
    out
}

/// Writes the result of `str`. Collections nested beyond any sensible depth show as `...`; nothing more is written
/// once the text is longer than any string may be.
pub fn write_text(out: &mut String, value: Value<'_>) {
    write_text_within(out, value, MAX_DEPTH);
}

fn write_text_within(out: &mut String, value: Value<'_>, depth: usize) {
    match value {
        _ if out.len() > MAX_STR => {}
        Value::Undefined => out.push_str("Undefined"),
        Value::None => out.push_str("None"),
        Value::Bool(bool) => out.push_str(if bool { "True" } else { "False" }),
        Value::Int(int) => out.push_str(itoa::Buffer::new().format(int)),
        Value::Float(float) => write_float(out, float),
        Value::Unit(unit) => {
            out.push_str(itoa::Buffer::new().format(unit.raw));
            out.push_str(unit.suffix.as_str());
        }
        Value::Str(text) => out.push_str(text),
        Value::List(_) | Value::Dict(_) | Value::Instance(_) if depth == 0 => out.push_str("..."),
        Value::List(items) => write_list(out, items, depth - 1),
        Value::Dict(dict) => write_dict(out, dict, depth - 1),
        Value::Instance(it) => write_dict(out, it.listed(), depth - 1),
        Value::Func(_) => out.push_str("function"),
    }
}

/// Never with an exponent, always with a point.
fn write_float(out: &mut String, float: f64) {
    let start = out.len();
    let written = write!(out, "{float}");
    debug_assert!(written.is_ok(), "a string takes any text");
    if float.is_finite() && !out[start..].contains('.') {
        out.push_str(".0");
    }
}

fn write_list(out: &mut String, items: &[Value<'_>], depth: usize) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        write_text_within(out, *item, depth);
    }
    out.push(']');
}

/// Strings that are values of keys are quoted, those in lists are not, and no quote is escaped.
fn write_dict(out: &mut String, dict: &Dict<'_>, depth: usize) {
    out.push('{');
    for (at, entry) in dict.entries().iter().enumerate() {
        out.push_str(if at == 0 { "'" } else { ", '" });
        out.push_str(entry.key.as_str());
        out.push_str("': ");
        if let Value::Str(text) = entry.value {
            out.push('\'');
            out.push_str(text);
            out.push('\'');
        } else {
            write_text_within(out, entry.value, depth);
        }
    }
    out.push('}');
}

/// The value of parsed JSON.
#[must_use]
pub fn from_json<'v>(arena: &'v Bump, json: &serde_json::Value) -> Value<'v> {
    match json {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(bool) => Value::Bool(*bool),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::Str(arena.alloc_str(text)),
        serde_json::Value::Array(items) => {
            Value::List(arena.alloc_slice_fill_iter(items.iter().map(|item| from_json(arena, item))))
        }
        serde_json::Value::Object(map) => {
            let mut dict = DictBuilder::with_capacity(map.len());
            for (key, value) in map {
                dict.put(Entry::new(Key::new(arena.alloc_str(key)), from_json(arena, value)));
            }
            Value::Dict(arena.alloc(dict.finish(arena)))
        }
    }
}

/// The value of JSON text.
///
/// # Errors
/// Where the text is not JSON.
pub fn parse_json<'v>(arena: &'v Bump, text: &str) -> Outcome<Value<'v>> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(from_json(arena, &json))
}

/// The value of an option: JSON where the text is that, else the text itself.
#[must_use]
pub fn parse_option_json<'v>(text: &str, arena: &'v Bump) -> Value<'v> {
    parse_json(arena, text).unwrap_or_else(|_| Value::Str(arena.alloc_str(text)))
}
