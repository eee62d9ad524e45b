//! The system module `units`.

use super::args::need;
use super::number::unit_factor;
use super::{Function, Host, Member, Outcome};
use crate::value::{Args, Value};

const fn of(name: &'static str, body: super::Body) -> Function {
    Function { module: "units", name, body, signature: "(num: int | float) -> str" }
}

/// All functions.
pub(super) const FUNCTIONS: &[Function] = &[
    of("to_n", |host, args| to(host, args, "n")),
    of("to_u", |host, args| to(host, args, "u")),
    of("to_m", |host, args| to(host, args, "m")),
    of("to_K", |host, args| to(host, args, "K")),
    of("to_M", |host, args| to(host, args, "M")),
    of("to_G", |host, args| to(host, args, "G")),
    of("to_T", |host, args| to(host, args, "T")),
    of("to_P", |host, args| to(host, args, "P")),
    of("to_Ki", |host, args| to(host, args, "Ki")),
    of("to_Mi", |host, args| to(host, args, "Mi")),
    of("to_Gi", |host, args| to(host, args, "Gi")),
    of("to_Ti", |host, args| to(host, args, "Ti")),
    of("to_Pi", |host, args| to(host, args, "Pi")),
];

/// A constant: what a unit multiplies by. The name of the type counts as one where it is used as a value.
pub(super) fn constant(name: &str) -> Option<Member> {
    match name {
        "NumberMultiplier" => Some(Member::Float(1.0)),
        _ => small_factor(name).map(Member::Float).or_else(|| unit_factor(name).map(Member::Int)),
    }
}

/// The factor of a unit that is below one.
fn small_factor(unit: &str) -> Option<f64> {
    Some(match unit {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        _ => return None,
    })
}

/// A number in a unit, without what remains. Dividing by the inexact factor is what makes `to_n(1)` one less than
/// it should be. What is no number counts as zero.
fn to<'v>(host: &mut dyn Host<'v>, args: Args<'v>, unit: &str) -> Outcome<Value<'v>> {
    let number = match need(args, 0, "num")? {
        Value::Int(int) => int as f64,
        Value::Float(float) => float,
        Value::Bool(bool) => f64::from(u8::from(bool)),
        _ => 0.0,
    };
    let factor = small_factor(unit).or_else(|| unit_factor(unit).map(|factor| factor as f64)).unwrap_or(1.0);
    let text = format!("{}{unit}", (number / factor) as i64);
    Ok(Value::Str(host.arena().alloc_str(&text)))
}
