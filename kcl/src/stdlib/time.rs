//! The system module `datetime`.

use std::fmt::Write;
use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use fancy_regex::Regex;

use super::args::{as_text, text};
use super::{Function, Host, Outcome, Volatile};
use crate::value::{Args, Value};
use crate::world::Timestamp;

const fn of(name: &'static str, signature: &'static str, body: super::Body) -> Function {
    Function { module: "datetime", name, body, signature }
}

/// All members.
pub(super) const FUNCTIONS: &[Function] = &[
    of("date", "() -> str", |host, _| formatted(host, "%Y-%m-%d %H:%M:%S")),
    of("is_iso8601", "(date: str) -> bool", is_iso8601),
    of("is_rfc3339", "(date: str) -> bool", |_, args| Ok(Value::Bool(is_rfc3339(text(args, 0, "date")?)))),
    of("now", "(format?: str) -> str", now),
    of("ticks", "() -> float", |host, _| Ok(Value::Float(clock(host).seconds as f64))),
    of("today", "() -> str", |host, _| formatted(host, "%Y-%m-%d %H:%M:%S.%s")),
    of("validate", "(date: str, format: str) -> bool", validate),
];

type Result<'v> = Outcome<Value<'v>>;

fn clock(host: &mut dyn Host<'_>) -> Timestamp {
    host.volatile(Volatile::Clock);
    host.world().now()
}

/// The local time, written in a format.
fn formatted<'v>(host: &mut dyn Host<'v>, format: &str) -> Result<'v> {
    let Timestamp { seconds, nanos, offset } = clock(host);
    let utc = DateTime::from_timestamp(seconds, nanos).ok_or("the clock is out of range")?;
    let offset = FixedOffset::east_opt(offset).ok_or("the time zone is out of range")?;
    let mut out = String::new();
    write!(out, "{}", utc.with_timezone(&offset).format(format))
        .map_err(|_| format!("the format `{format}` is not valid"))?;
    Ok(Value::Str(host.arena().alloc_str(&out)))
}

fn now<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    formatted(host, args.get(0, "format").map_or("%a %b %d %H:%M:%S %Y", as_text))
}

/// Whether a text is a date, a time, or both, in a format.
fn validate<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (date, format) = (text(args, 0, "date")?, text(args, 1, "format")?);
    Ok(Value::Bool(
        NaiveDateTime::parse_from_str(date, format).is_ok()
            || NaiveDate::parse_from_str(date, format).is_ok()
            || NaiveTime::parse_from_str(date, format).is_ok(),
    ))
}

fn is_rfc3339(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
}

/// Of the many forms only full timestamps and durations count.
fn is_iso8601<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let text = text(args, 0, "date")?;
    Ok(Value::Bool(is_rfc3339(text) || is_duration(text)))
}

/// Whether a text is a duration such as `P1Y2M10DT2H30M`.
fn is_duration(text: &str) -> bool {
    static DURATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let [year, month, week, day, hour, minute, second] =
            ["Y", "M", "W", "D", "H", "M", "S"].map(|unit| format!(r"(?:\d+(?:\.\d+)?{unit})?"));
        let time = format!(r"(?:T(?=\d){hour}{minute}{second})?");
        Regex::new(&format!(r"^P(?=\d|T\d){year}{month}{week}{day}{time}$")).ok()
    });
    DURATION.as_ref().is_some_and(|duration| duration.is_match(text).unwrap_or(false))
}
