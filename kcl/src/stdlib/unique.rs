//! Whether the items of a list differ.

use rustc_hash::FxHashSet;

use crate::value::Value;
use crate::value::ops::equal;

/// Whether no two items are equal. Linear for strings, numbers and the like; collections are compared in pairs.
pub(super) fn all_differ(items: &[Value<'_>]) -> bool {
    let mut seen = FxHashSet::default();
    let mut others: Vec<Value<'_>> = Vec::new();
    items.iter().all(|item| match simple(*item) {
        Some(simple) => seen.insert(simple),
        None => {
            let new = !others.iter().any(|other| equal(*other, *item));
            others.push(*item);
            new
        }
    })
}

/// A value of which equality is that of this form.
#[derive(PartialEq, Eq, Hash)]
enum Simple<'v> {
    None,
    Undefined,
    Bool(bool),
    /// The bits of a number as a float; zero has one form.
    Number(u64),
    Str(&'v str),
}

/// Integers that are no floats exactly have none, for they may equal a float or not.
fn simple(value: Value<'_>) -> Option<Simple<'_>> {
    const EXACT: u64 = 1 << 53;
    Some(match value {
        Value::None => Simple::None,
        Value::Undefined => Simple::Undefined,
        Value::Bool(bool) => Simple::Bool(bool),
        Value::Int(int) if int.unsigned_abs() < EXACT => Simple::Number((int as f64 + 0.0).to_bits()),
        Value::Float(float) if float.abs() < EXACT as f64 => Simple::Number((float + 0.0).to_bits()),
        Value::Str(text) => Simple::Str(text),
        _ => return None,
    })
}
