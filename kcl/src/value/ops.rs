//! Operators, comparisons, subscripts and members.
//!
//! Functions here know no places: they return a message, and the evaluator adds where.

use std::cmp::Ordering;

use bumpalo::Bump;
use syntax::ast::{BinaryOp, CompareOp, UnaryOp};

use super::convert::type_name;
use super::size::{list_fits, str_fits};
use super::{Dict, Func, Key, Value};
use crate::stdlib::{self, Failure, Outcome};

/// Comparing stops this deep: values further in count as different.
pub(crate) const MAX_DEPTH: usize = 1_000;

/// `left op right`, for the operators that only compute; `|` is [`union`](super::union::union). `and` and `or` do
/// not short-cut here: both sides have been evaluated. `strict` holds numbers to 32 bits.
///
/// # Errors
/// Where the operator does not take such values, or the result is out of range.
pub fn binary<'v>(
    arena: &'v Bump,
    op: BinaryOp,
    left: Value<'v>,
    right: Value<'v>,
    strict: bool,
) -> Outcome<Value<'v>> {
    match op {
        BinaryOp::Add => add(arena, left, right, strict),
        BinaryOp::Sub => sub(left, right, strict),
        BinaryOp::Mul => mul(arena, left, right, strict),
        BinaryOp::Div => div(left, right),
        BinaryOp::FloorDiv => floor_div(left, right),
        BinaryOp::Mod => modulo(left, right),
        BinaryOp::Pow => pow(left, right, strict),
        BinaryOp::LShift | BinaryOp::RShift => shift(op, left, right, strict),
        BinaryOp::BitAnd | BinaryOp::BitXor | BinaryOp::BitOr => bits(op, left, right),
        BinaryOp::And => Ok(if left.is_truthy() { right } else { left }),
        BinaryOp::Or => Ok(if left.is_truthy() { left } else { right }),
    }
}

/// `op value`
///
/// # Errors
/// Where the operator does not take such a value.
pub fn unary(op: UnaryOp, value: Value<'_>) -> Outcome<Value<'_>> {
    match (op, value) {
        (UnaryOp::Not, _) => Ok(Value::Bool(!value.is_truthy())),
        (UnaryOp::Invert, _) => Ok(Value::Int(!int_of(value))),
        (UnaryOp::Plus, Value::Int(_) | Value::Float(_)) => Ok(value),
        (UnaryOp::Minus, Value::Int(int)) => Ok(Value::Int(int.wrapping_neg())),
        (UnaryOp::Minus, Value::Float(float)) => Ok(Value::Float(0.0 - float)),
        (UnaryOp::Plus, _) => Err(bad_operand("+", value)),
        (UnaryOp::Minus, _) => Err(bad_operand("-", value)),
    }
}

fn bad_operand(op: &str, value: Value<'_>) -> Failure {
    format!("bad operand type for unary {op}: '{}'", type_name(value)).into()
}

/// The integer that `~` sees in any value.
fn int_of(value: Value<'_>) -> i64 {
    match value {
        Value::Bool(bool) => bool.into(),
        Value::Int(int) => int,
        Value::Float(float) => float as i64,
        Value::Unit(unit) => unit.value as i64,
        _ => 0,
    }
}

/// `left op right` as one link of a comparison.
///
/// Values that share their parts can have far more of them than the memory they take: each pair that is looked at takes
/// one from `pairs`.
///
/// # Errors
/// Where the values cannot be ordered, the right one has no members, or there are not enough `pairs`.
pub fn compare<'v>(op: CompareOp, left: Value<'v>, right: Value<'v>, pairs: &mut u64) -> Outcome<bool> {
    let holds = match op {
        CompareOp::Eq | CompareOp::Is => Ok(equal_within(left, right, MAX_DEPTH, pairs)),
        CompareOp::NotEq | CompareOp::IsNot => Ok(!equal_within(left, right, MAX_DEPTH, pairs)),
        CompareOp::Lt => ordered(left, right, "<", Ordering::is_lt),
        CompareOp::LtE => ordered(left, right, "<=", Ordering::is_le),
        CompareOp::Gt => ordered(left, right, ">", Ordering::is_gt),
        CompareOp::GtE => ordered(left, right, ">=", Ordering::is_ge),
        CompareOp::In => contains(right, left, pairs),
        CompareOp::NotIn => contains(right, left, pairs).map(|found| !found),
    };
    if *pairs == 0 { Err("the values have too many parts to be compared".into()) } else { holds }
}

/// Whether two values are ordered so; NaN is neither below, above nor equal.
fn ordered(left: Value<'_>, right: Value<'_>, op: &str, holds: fn(Ordering) -> bool) -> Outcome<bool> {
    Ok(order(left, right, op)?.is_some_and(holds))
}

/// Deep equality: `1 == 1.0`, a dict never equals an instance, numbers with units equal nothing.
#[must_use]
pub fn equal(left: Value<'_>, right: Value<'_>) -> bool {
    equal_within(left, right, MAX_DEPTH, &mut { u64::MAX })
}

fn equal_within(left: Value<'_>, right: Value<'_>, depth: usize, pairs: &mut u64) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    *pairs = pairs.saturating_sub(1);
    if *pairs == 0 {
        return false;
    }
    match (left, right) {
        (Value::Undefined, Value::Undefined) | (Value::None, Value::None) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => a as f64 == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_within(*a, *b, depth, pairs))
        }
        (Value::Dict(a), Value::Dict(b)) => dicts_equal(a, b, depth, pairs),
        (Value::Instance(a), Value::Instance(b)) => dicts_equal(a.listed(), b.listed(), depth, pairs),
        (Value::Func(a), Value::Func(b)) => a.is_same(&b),
        _ => false,
    }
}

fn dicts_equal(a: &Dict<'_>, b: &Dict<'_>, depth: usize, pairs: &mut u64) -> bool {
    a.len() == b.len()
        && a.entries()
            .iter()
            .all(|entry| b.get(entry.key).is_some_and(|other| equal_within(entry.value, other, depth, pairs)))
}

/// How two values are ordered; `None` inside where one is NaN.
///
/// # Errors
/// Where they are not two numbers or bools, two strings, or two lists of such.
pub(crate) fn order(left: Value<'_>, right: Value<'_>, op: &str) -> Outcome<Option<Ordering>> {
    match (left, right) {
        (Value::Str(a), Value::Str(b)) => return Ok(Some(a.cmp(b))),
        (Value::List(a), Value::List(b)) => return lists_ordered(a, b, op),
        _ => {}
    }
    match (number(left), number(right)) {
        (Some(Number::Int(a)), Some(Number::Int(b))) => Ok(Some(a.cmp(&b))),
        (Some(a), Some(b)) => Ok(a.as_f64().partial_cmp(&b.as_f64())),
        _ => Err(format!(
            "'{op}' not supported between instances of '{}' and '{}'",
            type_name(left),
            type_name(right)
        )
        .into()),
    }
}

fn lists_ordered(a: &[Value<'_>], b: &[Value<'_>], op: &str) -> Outcome<Option<Ordering>> {
    for (left, right) in a.iter().zip(b) {
        if !equal(*left, *right) {
            return order(*left, *right, op);
        }
    }
    Ok(Some(a.len().cmp(&b.len())))
}

enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn as_f64(&self) -> f64 {
        match self {
            Self::Int(int) => *int as f64,
            Self::Float(float) => *float,
        }
    }
}

/// A number as comparisons see it: a bool is 0 or 1.
fn number(value: Value<'_>) -> Option<Number> {
    match value {
        Value::Int(int) => Some(Number::Int(int)),
        Value::Bool(bool) => Some(Number::Int(bool.into())),
        Value::Float(float) => Some(Number::Float(float)),
        _ => None,
    }
}

/// `item in container`; whoever asks notes which attribute of an instance it is, also of one that was unpacked.
///
/// # Errors
/// Where the container is none.
fn contains(container: Value<'_>, item: Value<'_>, pairs: &mut u64) -> Outcome<bool> {
    match container {
        Value::Str(text) => Ok(matches!(item, Value::Str(part) if text.contains(part))),
        Value::List(items) => Ok(items.iter().any(|it| equal_within(item, *it, MAX_DEPTH, pairs))),
        Value::Dict(_) | Value::Instance(_) => {
            let key = if let Value::Str(key) = item { key } else { "" };
            Ok(quiet_entry(container, Key::new(key)).is_some())
        }
        _ => Err(format!("argument of type '{}' is not iterable", type_name(container)).into()),
    }
}

/// `value[index]`; whoever asks notes which attribute of an instance it is, also of one that was unpacked.
///
/// # Errors
/// Where the index is out of range, or the value takes no such index.
pub fn subscript<'v>(value: Value<'v>, index: Value<'v>) -> Outcome<Value<'v>> {
    match (value, index) {
        (Value::Str(text), Value::Int(at)) => {
            let at_char = normal_index(at, || text.chars().count())?;
            let found = text.char_indices().nth(at_char);
            let (start, char) = found.ok_or_else(|| format!("string index out of range: {at}"))?;
            Ok(Value::Str(&text[start..start + char.len_utf8()]))
        }
        (Value::List(items), Value::Int(at)) => {
            let found = items.get(normal_index(at, || items.len())?).copied();
            Ok(found.ok_or_else(|| format!("list index out of range: {at}"))?)
        }
        (Value::Dict(_) | Value::Instance(_), Value::Str(key)) => {
            Ok(quiet_entry(value, Key::new(key)).unwrap_or(Value::Undefined))
        }
        (Value::Dict(_), _) => Ok(Value::Undefined),
        _ => Err(not_subscriptable(value, index)),
    }
}

/// What is said of `value[index]` where the value takes no such index.
#[must_use]
pub fn not_subscriptable(value: Value<'_>, index: Value<'_>) -> Failure {
    format!("'{}' object is not subscriptable with '{}'", type_name(value), type_name(index)).into()
}

/// An index from the front, for one that may count from the end; the upper bound is not checked.
pub(crate) fn normal_index(index: i64, len: impl FnOnce() -> usize) -> Outcome<usize> {
    if let Ok(index) = usize::try_from(index) {
        return Ok(index);
    }
    let len = len();
    let from_end = usize::try_from(index.unsigned_abs()).ok();
    Ok(from_end.and_then(|back| len.checked_sub(back)).ok_or_else(|| out_of_bounds(len, index))?)
}

pub(crate) fn out_of_bounds(len: usize, index: i64) -> String {
    format!("index out of bounds: the len is {len} but the index is {index}")
}

/// `value[lower:upper:step]`; bounds that are not integers count as absent.
///
/// # Errors
/// Where the step is zero, or the value is neither list nor string.
pub fn slice<'v>(
    arena: &'v Bump,
    value: Value<'v>,
    [lower, upper, step]: [Value<'v>; 3],
) -> Outcome<Value<'v>> {
    let step = if let Value::Int(step) = step { step } else { 1 };
    if step == 0 {
        return Err("slice step cannot be zero".into());
    }
    match value {
        Value::List(items) => {
            let picked = slice_indices(items.len(), lower, upper, step).map(|at| items[at]);
            Ok(Value::List(arena.alloc_slice_copy(&picked.collect::<Vec<_>>())))
        }
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            let picked: String = slice_indices(chars.len(), lower, upper, step).map(|at| chars[at]).collect();
            Ok(Value::Str(arena.alloc_str(&picked)))
        }
        _ => Err(format!("invalid slice object {}", type_name(value)).into()),
    }
}

/// The indices that a slice picks; all are below `len`.
fn slice_indices(len: usize, lower: Value<'_>, upper: Value<'_>, step: i64) -> impl Iterator<Item = usize> {
    let len = len as i64;
    let (first, last) = if step < 0 { (-1, len - 1) } else { (0, len) };
    let clamp = |bound: i64| if bound < 0 { (bound.saturating_add(len)).max(first) } else { bound.min(last) };
    let start = match lower {
        Value::Int(bound) => clamp(bound),
        _ => clamp(if step < 0 { i64::MAX } else { 0 }),
    };
    let stop = match upper {
        Value::Int(bound) => clamp(bound),
        _ => clamp(if step < 0 { i64::MIN } else { i64::MAX }),
    };
    std::iter::successors(Some(start), move |at| at.checked_add(step))
        .take_while(move |at| if step < 0 { *at > stop } else { *at < stop })
        .filter_map(|at| usize::try_from(at).ok())
}

/// `value.name`; whoever asks notes which attribute of an instance it is, also of one that was unpacked.
///
/// # Errors
/// Where the value has no members, or an instance lacks this one.
pub fn load_member<'v>(arena: &'v Bump, value: Value<'v>, name: Key<'_>) -> Outcome<Value<'v>> {
    let text = name.as_str();
    match value {
        Value::Dict(_) => Ok(quiet_entry(value, name).unwrap_or(Value::Undefined)),
        Value::Instance(it) => {
            let found = quiet_entry(value, name);
            Ok(found.ok_or_else(|| format!("schema '{}' attribute '{text}' not found", it.schema.name))?)
        }
        Value::Str(_) => match stdlib::string_method(text) {
            Some(method) => Ok(Value::Func(Func::Method(arena.alloc((value, method))))),
            None => Err(format!("str object attr '{text}' not found").into()),
        },
        Value::Func(Func::Schema(schema)) if text == "instances" => Ok(Value::Func(Func::Instances(schema))),
        Value::Func(_) => Err(format!("schema object attr '{text}' not found").into()),
        _ => Err(format!("invalid value '{}' to load attribute '{text}'", type_name(value)).into()),
    }
}

/// What a dict or an instance has under a key, which whoever asks has noted.
fn quiet_entry<'v>(value: Value<'v>, key: Key<'_>) -> Option<Value<'v>> {
    match value {
        Value::Dict(dict) => dict.quietly().get(key),
        Value::Instance(it) => it.quietly().get(key),
        _ => None,
    }
}

fn unsupported(op: &str, left: Value<'_>, right: Value<'_>) -> Failure {
    let (left, right) = (type_name(left), type_name(right));
    format!("unsupported operand type(s) for {op}: '{left}' and '{right}'").into()
}

fn int_overflow(value: i128, strict: bool) -> Failure {
    format!("{value}: A {} bit integer overflow", if strict { 32 } else { 64 }).into()
}

/// Both operands as floats, where both are numbers.
fn floats(left: Value<'_>, right: Value<'_>) -> Option<(f64, f64)> {
    let float = |value| match value {
        Value::Int(int) => Some(int as f64),
        Value::Float(float) => Some(float),
        _ => None,
    };
    Some((float(left)?, float(right)?))
}

/// A float result; where `check`, operands and result must be in the range of single precision.
fn float(result: f64, operands: (f64, f64), check: bool) -> Outcome<Value<'static>> {
    let outside = |float: f64| float > f64::from(f32::MAX) || float < f64::from(f32::MIN);
    if check && (outside(operands.0) || outside(operands.1) || outside(result)) {
        return Err(format!("{result}: A 32-bit floating point number overflow").into());
    }
    Ok(Value::Float(result))
}

/// An int result that was computed with room to spare. In strict mode the operands are held to 32 bits too.
fn int(exact: i128, operands: (i64, i64), strict: bool) -> Outcome<Value<'static>> {
    let fits = if strict {
        [operands.0, operands.1].into_iter().all(|it| i32::try_from(it).is_ok())
            && i32::try_from(exact).is_ok()
    } else {
        true
    };
    match i64::try_from(exact) {
        Ok(int) if fits => Ok(Value::Int(int)),
        _ => Err(int_overflow(exact, strict)),
    }
}

fn add<'v>(arena: &'v Bump, left: Value<'v>, right: Value<'v>, strict: bool) -> Outcome<Value<'v>> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => int(i128::from(a) + i128::from(b), (a, b), strict),
        (Value::Str(a), Value::Str(b)) => concat(arena, a, b),
        (Value::List(a), Value::List(b)) => append(arena, a, b),
        (Value::List(_), _) => {
            Err(format!("can only concatenate list (not \"{}\") to list", type_name(right)).into())
        }
        _ => {
            let (a, b) = floats(left, right).ok_or_else(|| unsupported("+", left, right))?;
            let mixed = matches!(left, Value::Int(_)) || matches!(right, Value::Int(_));
            float(a + b, (a, b), strict || mixed)
        }
    }
}

fn concat<'v>(arena: &'v Bump, a: &'v str, b: &'v str) -> Outcome<Value<'v>> {
    str_fits(a.len() + b.len())?;
    let mut text = bumpalo::collections::String::with_capacity_in(a.len() + b.len(), arena);
    text.push_str(a);
    text.push_str(b);
    Ok(Value::Str(text.into_bump_str()))
}

fn append<'v>(arena: &'v Bump, a: &'v [Value<'v>], b: &'v [Value<'v>]) -> Outcome<Value<'v>> {
    list_fits(a.len() + b.len())?;
    let all = a.iter().chain(b).copied();
    let mut items = bumpalo::collections::Vec::with_capacity_in(a.len() + b.len(), arena);
    items.extend(all);
    Ok(Value::List(items.into_bump_slice()))
}

fn sub<'v>(left: Value<'v>, right: Value<'v>, strict: bool) -> Outcome<Value<'v>> {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        return int(i128::from(a) - i128::from(b), (a, b), strict);
    }
    let (a, b) = floats(left, right).ok_or_else(|| unsupported("-", left, right))?;
    float(a - b, (a, b), strict)
}

fn mul<'v>(arena: &'v Bump, left: Value<'v>, right: Value<'v>, strict: bool) -> Outcome<Value<'v>> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => int(i128::from(a) * i128::from(b), (a, b), strict),
        (Value::Str(text), Value::Int(times)) | (Value::Int(times), Value::Str(text)) => {
            let times = times_within("str", text.len(), times, str_fits)?;
            Ok(Value::Str(arena.alloc_str(&text.repeat(times))))
        }
        (Value::List(items), Value::Int(times)) | (Value::Int(times), Value::List(items)) => {
            let times = times_within("list", items.len(), times, list_fits)?;
            Ok(Value::List(arena.alloc_slice_copy(&items.repeat(times))))
        }
        _ => {
            let (a, b) = floats(left, right).ok_or_else(|| unsupported("*", left, right))?;
            float(a * b, (a, b), strict)
        }
    }
}

/// How often something of this length is repeated. A negative number fits nothing but the empty.
fn times_within(what: &str, len: usize, times: i64, fits: fn(usize) -> Outcome<()>) -> Outcome<usize> {
    if len == 0 {
        return Ok(0);
    }
    let times = usize::try_from(times).map_err(|_| format!("a {what} cannot be repeated {times} times"))?;
    fits(times.saturating_mul(len))?;
    Ok(times)
}

fn div<'v>(left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
    let (a, b) = floats(left, right).ok_or_else(|| unsupported("/", left, right))?;
    Ok(Value::Float(a / b))
}

fn floor_div<'v>(left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        if b == 0 {
            return Err("attempt to divide by zero".into());
        }
        let (a, b) = (i128::from(a), i128::from(b));
        return int(a.div_euclid(b) - i128::from(b < 0 && a.rem_euclid(b) != 0), (0, 0), false);
    }
    let (a, b) = floats(left, right).ok_or_else(|| unsupported("//", left, right))?;
    Ok(Value::Float((a / b).floor()))
}

fn modulo<'v>(left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        if b == 0 {
            return Err("attempt to calculate the remainder with a divisor of zero".into());
        }
        let rest = a.checked_rem(b).ok_or("attempt to calculate the remainder with overflow")?;
        return Ok(Value::Int(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }));
    }
    let (a, b) = floats(left, right).ok_or_else(|| unsupported("%", left, right))?;
    Ok(Value::Float(a % b))
}

/// The exponent of integers is taken as an unsigned 32-bit number: `1 ** -1` is 1, `2 ** -1` overflows.
fn pow<'v>(left: Value<'v>, right: Value<'v>, strict: bool) -> Outcome<Value<'v>> {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        let overflow = || int_overflow(i128::from(a).wrapping_pow(b as u32), strict);
        let exponent = i32::try_from(b).map_err(|_| overflow())? as u32;
        let exact = a.checked_pow(exponent).ok_or_else(overflow)?;
        return int(exact.into(), (a, b), strict);
    }
    let (a, b) = floats(left, right).ok_or_else(|| unsupported("**", left, right))?;
    let outside = strict && i32::try_from(b as i64).is_err();
    let result = a.powf(b);
    float(if outside { f64::INFINITY } else { result }, (a, b), strict)
}

fn shift<'v>(op: BinaryOp, left: Value<'v>, right: Value<'v>, strict: bool) -> Outcome<Value<'v>> {
    let sign = if op == BinaryOp::LShift { "<<" } else { ">>" };
    let (Value::Int(a), Value::Int(b)) = (left, right) else {
        return Err(unsupported(sign, left, right));
    };
    let most = if strict { 32 } else { 64 };
    let fits = (0..most).contains(&b) && (!strict || i32::try_from(a).is_ok());
    if !fits {
        let wide = i128::from(a);
        let shifted = match op {
            BinaryOp::LShift => wide.wrapping_shl(b as u32),
            _ => wide.wrapping_shr(b as u32),
        };
        return Err(int_overflow(shifted, strict));
    }
    Ok(Value::Int(if op == BinaryOp::LShift { a << b } else { a >> b }))
}

fn bits<'v>(op: BinaryOp, left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
    match (op, left, right) {
        (BinaryOp::BitAnd, Value::Int(a), Value::Int(b)) => Ok(Value::Int(a & b)),
        (BinaryOp::BitXor, Value::Int(a), Value::Int(b)) => Ok(Value::Int(a ^ b)),
        (BinaryOp::BitOr, Value::Int(a), Value::Int(b)) => Ok(Value::Int(a | b)),
        (BinaryOp::BitAnd, ..) => Err(unsupported("&", left, right)),
        (BinaryOp::BitOr, ..) => Err(unsupported("|", left, right)),
        _ => Err(unsupported("^", left, right)),
    }
}
