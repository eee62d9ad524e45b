//! Reading arguments.

use super::{Failure, Outcome};
use crate::value::convert::type_name;
use crate::value::{Args, Key, Value};

fn missing(name: &str) -> Failure {
    format!("the argument `{name}` is missing").into()
}

/// An argument that must be given. One that is given twice counts as named.
pub(super) fn need<'v>(args: Args<'v>, at: usize, name: &str) -> Outcome<Value<'v>> {
    args.named.get(Key::new(name)).or_else(|| args.get(at, name)).ok_or_else(|| missing(name))
}

/// A string that must be given; what is no string counts as the empty one.
pub(super) fn text<'v>(args: Args<'v>, at: usize, name: &str) -> Outcome<&'v str> {
    need(args, at, name).map(as_text)
}

pub(super) fn as_text(value: Value<'_>) -> &str {
    if let Value::Str(text) = value { text } else { "" }
}

/// A flag, off where it is not given.
pub(super) fn flag(args: Args<'_>, at: usize, name: &str) -> bool {
    args.get(at, name).is_some_and(Value::is_truthy)
}

/// An integer, if it is given.
pub(super) fn int(args: Args<'_>, at: usize, name: &str) -> Outcome<Option<i64>> {
    args.get(at, name).map(|value| as_int(value, name)).transpose()
}

/// An integer that must be given.
pub(super) fn need_int(args: Args<'_>, at: usize, name: &str) -> Outcome<i64> {
    as_int(need(args, at, name)?, name)
}

fn as_int(value: Value<'_>, name: &str) -> Outcome<i64> {
    match value {
        Value::Int(int) => Ok(int),
        _ => Err(format!("the argument `{name}` must be an int, not {}", type_name(value)).into()),
    }
}

/// An argument where `None` and `Undefined` mean that it was not given.
pub(super) fn present<'v>(args: Args<'v>, at: usize, name: &str) -> Option<Value<'v>> {
    args.get(at, name).filter(|value| !value.is_nothing())
}
