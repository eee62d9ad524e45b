//! Numbers from text, powers and rounding.

use crate::stdlib::Outcome;
use crate::value::Value;
use crate::value::convert::{text, type_name};

/// The first float that no integer reaches.
const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// The factor of a unit, for the units that are above one.
pub(super) fn unit_factor(unit: &str) -> Option<i64> {
    Some(match unit {
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "P" => 1_000_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        _ => return None,
    })
}

/// The result of `int`.
///
/// # Errors
/// Where the value is no number, or the text is none in this base.
pub(super) fn parse_int<'v>(value: Value<'v>, base: i64) -> Outcome<Value<'v>> {
    match value {
        Value::Int(_) => Ok(value),
        Value::Float(float) => Ok(Value::Int(float as i64)),
        Value::Unit(unit) if unit.value.abs() >= I64_END => {
            Err(format!("`{}{}` does not fit into 64 bits", unit.raw, unit.suffix).into())
        }
        Value::Unit(unit) => Ok(Value::Int(unit.value as i64)),
        Value::Bool(bool) => Ok(Value::Int(bool.into())),
        Value::Str(text) => {
            let parsed = if base == 10 { quantity(text) } else { in_base(text, base) };
            let invalid = || format!("invalid literal for int() with base {base}: '{text}'");
            Ok(Value::Int(parsed.ok_or_else(invalid)?))
        }
        _ => {
            let found = type_name(value);
            Err(format!("int() argument must be a string or a number, not '{found}'").into())
        }
    }
}

/// A decimal number, perhaps with a unit; small units make zero of everything, large ones may wrap around.
fn quantity(text: &str) -> Option<i64> {
    let Some(at) = text.find(|char: char| char.is_ascii_alphabetic()) else { return text.parse().ok() };
    let (digits, unit) = text.split_at(at);
    let number: i64 = digits.parse().ok()?;
    match unit {
        "n" | "u" | "m" => Some(0),
        _ => Some(number.wrapping_mul(unit_factor(unit)?)),
    }
}

fn in_base(text: &str, base: i64) -> Option<i64> {
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let prefixes = ["0x", "0X", "0o", "0O", "0b", "0B"];
    let digits = prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix)).unwrap_or(digits);
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok()
}

/// The result of `float`.
///
/// # Errors
/// Where the value is no number, or out of range.
pub(super) fn parse_float<'v>(value: Value<'v>, strict: bool) -> Outcome<Value<'v>> {
    let invalid = || format!("invalid literal for float() with base 10: '{}'", text(value));
    let float = match value {
        Value::Int(int) => return Ok(Value::Float(int as f64)),
        Value::Unit(unit) => return Ok(Value::Float(unit.value)),
        Value::Bool(bool) => return Ok(Value::Float(f64::from(u8::from(bool)))),
        Value::Float(float) => float,
        Value::Str(text) => text.parse().map_err(|_| invalid())?,
        _ => return Err(invalid().into()),
    };
    let (overflow, bits) =
        if strict { ((float as f32).is_infinite(), 32) } else { (float.is_infinite(), 64) };
    if overflow {
        return Err(format!("inf: A {bits}-bit floating point number overflow").into());
    }
    Ok(Value::Float(float))
}

/// The result of `pow`, with a modulus or without.
///
/// # Errors
/// Where a modulus is zero, or not all arguments are integers beside it.
pub(super) fn pow<'v>(x: Value<'v>, y: Value<'v>, z: Option<Value<'v>>) -> Outcome<Value<'v>> {
    if let Some(Value::Int(modulus)) = z {
        return pow_mod(x, y, modulus);
    }
    Ok(match (x, y) {
        (Value::Int(x), Value::Int(y)) if y >= 0 => Value::Int((x as f64).powf(y as f64) as i64),
        (Value::Int(x), Value::Int(y)) => Value::Float((x as f64).powf(y as f64)),
        (Value::Int(x), Value::Float(y)) => Value::Float((x as f64).powf(y)),
        (Value::Float(x), Value::Int(y)) => Value::Float(x.powf(y as f64)),
        (Value::Float(x), Value::Float(y)) => Value::Float(x.powf(y)),
        _ => Value::Undefined,
    })
}

fn pow_mod<'v>(x: Value<'v>, y: Value<'v>, modulus: i64) -> Outcome<Value<'v>> {
    if modulus == 0 {
        return Err("pow() 3rd argument cannot be 0".into());
    }
    let (Value::Int(x), Value::Int(y)) = (x, y) else {
        return Err("pow() 3rd argument not allowed unless all arguments are integers".into());
    };
    if y < 0 {
        return Err("pow() 2nd argument cannot be negative when 3rd argument specified".into());
    }
    let modulus = i128::from(modulus);
    let (mut result, mut base, mut exponent) = (1_i128, i128::from(x), y);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    Ok(Value::Int(result as i64))
}

/// The result of `round`: away from zero at the half.
pub(super) fn round<'v>(number: Value<'v>, digits: Option<Value<'v>>) -> Value<'v> {
    match (number, digits) {
        (Value::Int(int), Some(Value::Int(_))) => Value::Float(int as f64),
        (Value::Int(_), _) => number,
        (Value::Float(float), Some(Value::Int(0))) => Value::Float(float.round()),
        (Value::Float(float), Some(Value::Int(digits))) => round_to(float, digits),
        (Value::Float(float), _) => Value::Int(float.round() as i64),
        _ => Value::Undefined,
    }
}

/// The factor is split above 22 digits, for ten to more than that is not exact.
fn round_to<'v>(float: f64, digits: i64) -> Value<'v> {
    let (low, high) = if digits > 22 {
        (10_f64.powf((digits - 22) as f64), 1e22)
    } else {
        (10_f64.powf(digits.unsigned_abs() as f64), 1.0)
    };
    let scaled = if digits >= 0 { float * low * high } else { float / low };
    if digits >= 0 && !scaled.is_finite() {
        return Value::Float(float);
    }
    let whole = scaled.round();
    let whole = if (scaled - whole).abs() == 0.5 { 2.0 * (scaled / 2.0).round() } else { whole };
    let rounded = if digits >= 0 { whole / high / low } else { whole * low };
    if rounded.is_finite() { Value::Float(rounded) } else { Value::Undefined }
}
