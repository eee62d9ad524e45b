//! The system module `math`.

use super::args::need;
use super::{Failure, Function, Host, Outcome};
use crate::value::convert::type_name;
use crate::value::{Args, Value};

const fn of(name: &'static str, signature: &'static str, body: super::Body) -> Function {
    Function { module: "math", name, body, signature }
}

const TO_INT: &str = "(x: int | float) -> int";
const TO_FLOAT: &str = "(x: int | float) -> float";
const TO_BOOL: &str = "(x: int | float) -> bool";

/// All members.
pub(super) const FUNCTIONS: &[Function] = &[
    of("ceil", TO_INT, ceil),
    of("exp", TO_FLOAT, |_, args| float(args, f64::exp)),
    of("expm1", TO_FLOAT, |_, args| float(args, f64::exp_m1)),
    of("factorial", TO_INT, factorial),
    of("floor", TO_INT, floor),
    of("gcd", "(a: int, b: int) -> int", gcd),
    of("isfinite", TO_BOOL, |_, args| Ok(Value::Bool(number(args)?.is_finite()))),
    of("isinf", TO_BOOL, isinf),
    of("isnan", TO_BOOL, |_, args| Ok(Value::Bool(number(args)?.is_nan()))),
    of("log", "(x: int | float, e?: float) -> float", log),
    of("log10", TO_FLOAT, |_, args| float(args, f64::log10)),
    of("log1p", TO_FLOAT, log1p),
    of("log2", TO_FLOAT, |_, args| alike(args, f64::log2)),
    of("modf", "(x: int | float) -> [float]", modf),
    of("pow", "(x: int | float, y: int | float) -> float", pow),
    of("sqrt", TO_FLOAT, |_, args| float(args, f64::sqrt)),
];

type Result<'v> = Outcome<Value<'v>>;

/// The argument. One that is given twice does not count as named, unlike elsewhere.
fn x(args: Args<'_>) -> Outcome<Value<'_>> {
    args.positional.first().map_or_else(|| need(args, 0, "x"), |x| Ok(*x))
}

fn not_a_number(value: Value<'_>) -> Failure {
    format!("expected a number, got `{}`", type_name(value)).into()
}

/// The argument as a float; a bool is no number here.
fn number(args: Args<'_>) -> Outcome<f64> {
    match x(args)? {
        Value::Int(int) => Ok(int as f64),
        Value::Float(float) => Ok(float),
        value => Err(not_a_number(value)),
    }
}

fn float<'v>(args: Args<'v>, function: fn(f64) -> f64) -> Result<'v> {
    number(args).map(|x| Value::Float(function(x)))
}

/// A result of the argument's own type: that of an integer loses its fraction.
fn alike<'v>(args: Args<'v>, function: impl FnOnce(f64) -> f64) -> Result<'v> {
    let result = function(number(args)?);
    Ok(match x(args)? {
        Value::Int(_) => Value::Int(result as i64),
        _ => Value::Float(result),
    })
}

fn ceil<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    whole(args, f64::ceil)
}

fn floor<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    whole(args, f64::floor)
}

fn whole<'v>(args: Args<'v>, function: fn(f64) -> f64) -> Result<'v> {
    match x(args)? {
        Value::Float(float) => Ok(Value::Int(function(float) as i64)),
        value @ Value::Int(_) => Ok(value),
        value => Err(not_a_number(value)),
    }
}

/// An integer for an integer, a float for a float without a fraction.
fn factorial<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let value = x(args)?;
    let of = match value {
        Value::Int(int) => Some(int),
        Value::Float(float) if float.fract() == 0.0 => Some(float as i64),
        _ => None,
    };
    let of = of.filter(|of| *of >= 0).ok_or("factorials are only of whole numbers from zero")?;
    // 20! is the last that fits, so a longer loop would be in vain.
    let product = (1..=of.min(21)).try_fold(1_i64, i64::checked_mul);
    let product = product.ok_or_else(|| format!("the factorial of `{of}` is too large"))?;
    Ok(if matches!(value, Value::Int(_)) { Value::Int(product) } else { Value::Float(product as f64) })
}

fn gcd<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (mut a, mut b) = match (need(args, 0, "a")?, need(args, 1, "b")?) {
        (Value::Int(a), Value::Int(b)) => (a.unsigned_abs(), b.unsigned_abs()),
        (Value::Int(_), other) | (other, _) => {
            return Err(format!("expected an int, got `{}`", type_name(other)).into());
        }
    };
    while b != 0 {
        (a, b) = (b, a % b);
    }
    Ok(Value::Int(a.cast_signed()))
}

/// The only one of these that takes a bool.
fn isinf<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    match x(args)? {
        Value::Bool(_) => Ok(Value::Bool(false)),
        _ => Ok(Value::Bool(number(args)?.is_infinite())),
    }
}

/// A base that is no float, or is given by name, counts as absent.
fn log<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let base = match args.positional.get(1) {
        Some(Value::Float(base)) => *base,
        _ => std::f64::consts::E,
    };
    alike(args, |x| x.log(base))
}

/// One is added twice, as it always was.
fn log1p<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let more = match x(args)? {
        Value::Int(int) => int.wrapping_add(1) as f64,
        _ => number(args)? + 1.0,
    };
    Ok(Value::Float(more.ln_1p()))
}

/// The fraction and the whole; infinity has no fraction.
fn modf<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let x = number(args)?;
    let fraction = if x.is_infinite() { 0.0_f64.copysign(x) } else { x.fract() };
    Ok(Value::List(host.arena().alloc_slice_copy(&[Value::Float(fraction), Value::Float(x.trunc())])))
}

/// Takes no names. Integers wrap around.
fn pow<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let &[x, y, ..] = args.positional else { return Err("expected two arguments without names".into()) };
    Ok(match (x, y) {
        (Value::Int(x), Value::Int(y)) if y >= 0 => Value::Int(x.wrapping_pow(y as u32)),
        (Value::Int(x), Value::Int(y)) => Value::Float((x as f64).powf(y as f64)),
        (Value::Int(x), Value::Float(y)) => Value::Float((x as f64).powf(y)),
        (Value::Float(x), Value::Int(y)) => Value::Float(x.powi(y as i32)),
        (Value::Float(x), Value::Float(y)) => Value::Float(x.powf(y)),
        (Value::Int(_) | Value::Float(_), other) | (other, _) => return Err(not_a_number(other)),
    })
}
