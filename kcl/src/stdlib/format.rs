//! `"…".format(…)`: replacement fields with the mini language for numbers and strings.

use super::Outcome;
use crate::value::convert::text;
use crate::value::size::str_fits;
use crate::value::{Args, Key, Value};

/// The text with its fields filled.
///
/// # Errors
/// Where a field cannot be read, or there is no argument for it.
pub(super) fn format(template: &str, args: Args<'_>) -> Outcome<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    let mut next = 0;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        let (field, after) =
            field_end(brace, after).filter(|(field, _)| field.is_ascii()).ok_or("format error")?;
        let (name, spec) = field.split_once(':').unwrap_or((field, ""));
        let name = name.split_once('!').map_or(name, |(name, _)| name);
        let value = argument(name, args, &mut next)?;
        out.push_str(&formatted(value, spec)?);
        rest = after;
        str_fits(out.len())?;
    }
    out.push_str(rest);
    Ok(out)
}

/// The text of a field up to its brace, and what follows; one pair of braces may be inside.
fn field_end<'t>(brace: &str, text: &'t str) -> Option<(&'t str, &'t str)> {
    if brace != "{" {
        return None;
    }
    let mut nested = false;
    for (at, char) in text.char_indices() {
        match (char, nested) {
            ('{', true) => return None,
            ('{', false) => nested = true,
            ('}', true) => nested = false,
            ('}', false) => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn argument<'v>(name: &str, args: Args<'v>, next: &mut usize) -> Outcome<Value<'v>> {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, path) = name.split_at(end);
    let positional = |at: usize| args.positional.get(at).copied().ok_or("argument tuple index out of range");
    let value = if first.is_empty() {
        *next += 1;
        positional(*next - 1)?
    } else if let Ok(at) = first.parse::<usize>() {
        if *next != 0 {
            return Err("cannot switch from automatic field numbering to manual field specification".into());
        }
        positional(at)?
    } else {
        let found = args.named.get(Key::new(first));
        found.ok_or_else(|| format!("keyword argument '{first}' not found"))?
    };
    follow(value, path)
}

/// `.name`, `[0]` and `[key]` after the name of a field.
fn follow<'v>(mut value: Value<'v>, mut path: &str) -> Outcome<Value<'v>> {
    while !path.is_empty() {
        let (step, rest) = if let Some(after) = path.strip_prefix('[') {
            after.split_once(']').ok_or("format error")?
        } else {
            let after = path.strip_prefix('.').ok_or("format error")?;
            after.split_at(after.find(['.', '[']).unwrap_or(after.len()))
        };
        let item = match value {
            Value::List(items) if path.starts_with('[') => {
                step.parse::<usize>().ok().and_then(|at| items.get(at).copied())
            }
            _ => value.get(step),
        };
        value = item.filter(|_| !step.is_empty()).ok_or_else(|| format!("there is no `{step}` to format"))?;
        path = rest;
    }
    Ok(value)
}

/// Only numbers and strings follow the specification.
fn formatted(value: Value<'_>, spec: &str) -> Outcome<String> {
    match value {
        Value::Str(text) => Spec::parse(spec)?.text(text),
        Value::Int(int) => Spec::parse(spec)?.int(int),
        Value::Float(float) => Spec::parse(spec)?.float(float),
        _ => Ok(text(value)),
    }
}

/// `[[fill]align][sign][#][0][width][,][.precision][type]`
#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// Wider fields are refused.
const MAX_WIDTH: usize = 1 << 20;

/// More digits are refused.
const MAX_PRECISION: usize = 1 << 12;

impl Spec {
    fn parse(text: &str) -> Outcome<Self> {
        let mut spec = Self::default();
        let mut rest = text;
        if let Some(after) = rest.strip_prefix('!') {
            rest = after.strip_prefix(['s', 'r', 'a', 'b']).unwrap_or(rest);
        }
        rest = spec.fill_and_align(rest);
        spec.sign = eat(&mut rest, "+- ");
        spec.alternate = eat(&mut rest, "#").is_some();
        if eat(&mut rest, "0").is_some() && spec.fill.is_none() {
            spec.fill = Some('0');
            spec.align = spec.align.or(Some('='));
        }
        spec.width = number(&mut rest, MAX_WIDTH)?.unwrap_or(0);
        spec.grouping = eat(&mut rest, ",_");
        if let Some(mut after) = rest.strip_prefix('.') {
            spec.precision = number(&mut after, MAX_PRECISION)?;
            rest = if spec.precision.is_some() { after } else { rest };
        }
        spec.kind = eat(&mut rest, "sbcdoxXeEfFgGn%");
        if rest.is_empty() { Ok(spec) } else { Err("Invalid format specifier".into()) }
    }

    fn fill_and_align<'t>(&mut self, text: &'t str) -> &'t str {
        let mut chars = text.chars();
        let fill = chars.next();
        let mut after_fill = chars.as_str();
        if let Some(align) = eat(&mut after_fill, "<>=^") {
            (self.fill, self.align) = (fill, Some(align));
            return after_fill;
        }
        let mut rest = text;
        self.align = eat(&mut rest, "<>=^");
        rest
    }

    /// The precision is the most characters that stay.
    fn text(&self, text: &str) -> Outcome<String> {
        if self.sign.is_some() || self.alternate || self.align == Some('=') {
            return Err("a string takes no sign, no `#` and no `=` in its format".into());
        }
        if let Some(kind) = self.kind.filter(|kind| *kind != 's') {
            return Err(unknown_code(kind, "str"));
        }
        let end =
            self.precision.and_then(|most| text.char_indices().nth(most)).map_or(text.len(), |(at, _)| at);
        let align = Some(self.align.unwrap_or('<'));
        Ok(Self { align, ..*self }.aligned(&text[..end], false))
    }

    fn int(&self, int: i64) -> Outcome<String> {
        let magnitude = int.unsigned_abs();
        let (prefix, digits) = match self.kind {
            None | Some('d' | 'n') => ("", magnitude.to_string()),
            Some('b') => ("0b", format!("{magnitude:b}")),
            Some('o') => ("0o", format!("{magnitude:o}")),
            Some('x') => ("0x", format!("{magnitude:x}")),
            Some('X') => ("0x", format!("{magnitude:X}")),
            Some('e' | 'E' | 'f' | 'F' | '%') => {
                let text = Self { sign: None, width: 0, grouping: None, ..*self }.float(int as f64)?;
                ("", text.trim_start_matches('-').to_owned())
            }
            Some(kind) => return Err(unknown_code(kind, "int")),
        };
        let prefix = if self.alternate { prefix } else { "" };
        let digits = format!("{prefix}{}", self.grouped(digits)?);
        Ok(self.aligned(&digits, int < 0))
    }

    fn float(&self, float: f64) -> Outcome<String> {
        let magnitude = float.abs();
        let precision = self.precision.unwrap_or(6);
        let digits = match self.kind {
            Some(kind @ ('s' | 'b' | 'c' | 'd' | 'o' | 'x' | 'X')) => {
                return Err(unknown_code(kind, "float"));
            }
            Some('n') => return Err("Format code 'n' for object of type 'float' not implemented yet".into()),
            _ if !magnitude.is_finite() => self.not_finite(magnitude),
            None => shortest(magnitude),
            Some('f' | 'F') => format!("{magnitude:.precision$}"),
            Some('%') => format!("{:.precision$}%", magnitude * 100.0),
            Some(kind @ ('e' | 'E')) => exponent(&format!("{magnitude:.precision$e}"), kind),
            Some(kind) => general(magnitude, precision.max(1), if kind == 'G' { 'E' } else { 'e' }),
        };
        let digits = self.grouped(digits)?;
        Ok(self.aligned(&digits, float.is_sign_negative() && !float.is_nan()))
    }

    fn not_finite(&self, magnitude: f64) -> String {
        let word = if magnitude.is_nan() { "nan" } else { "inf" };
        match self.kind {
            Some('F' | 'E' | 'G') => word.to_uppercase(),
            Some('%') => format!("{word}%"),
            _ => word.to_owned(),
        }
    }

    fn grouped(&self, digits: String) -> Outcome<String> {
        let Some(separator) = self.grouping else { return Ok(digits) };
        let every = match self.kind {
            Some('b' | 'o' | 'x' | 'X') => 4,
            None | Some('d' | 'n' | 'f' | 'F') => 3,
            Some(_) => return Err("Separators only valid for numbers!".into()),
        };
        let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
        let mut out = String::with_capacity(digits.len() * 4 / 3);
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(every) {
                out.push(separator);
            }
            out.push(digit);
        }
        out.push_str(fraction);
        Ok(out)
    }

    fn aligned(&self, digits: &str, negative: bool) -> String {
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        };
        let missing = self.width.saturating_sub(digits.chars().count() + sign.len());
        let fill = |count| String::from(self.fill.unwrap_or(' ')).repeat(count);
        match self.align {
            Some('<') => format!("{sign}{digits}{}", fill(missing)),
            Some('=') => format!("{sign}{}{digits}", fill(missing)),
            Some('^') => format!("{}{sign}{digits}{}", fill(missing / 2), fill(missing - missing / 2)),
            _ => format!("{}{sign}{digits}", fill(missing)),
        }
    }
}

fn unknown_code(kind: char, of: &str) -> super::Failure {
    format!("Unknown format code '{kind}' for object of type '{of}'").into()
}

fn eat(rest: &mut &str, any: &str) -> Option<char> {
    let first = rest.chars().next().filter(|first| any.contains(*first))?;
    *rest = &rest[first.len_utf8()..];
    Some(first)
}

fn number(rest: &mut &str, most: usize) -> Outcome<Option<usize>> {
    let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    if digits.is_empty() {
        return Ok(None);
    }
    *rest = after;
    let number = digits.parse().ok().filter(|number| *number <= most);
    Ok(Some(number.ok_or("Too many decimal digits in format string")?))
}

/// The shortest digits that mean this number, with an exponent for the very small and large.
fn shortest(magnitude: f64) -> String {
    let scientific = format!("{magnitude:e}");
    let exponent_of = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent_of {
        Some(-4..=15) if (magnitude - magnitude.round()).abs() < f64::EPSILON => format!("{magnitude:.1}"),
        Some(-4..=15) | None => magnitude.to_string(),
        Some(_) => exponent(&scientific, 'e'),
    }
}

/// `1.5e7` as `1.5e+07`.
fn exponent(scientific: &str, letter: char) -> String {
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |rest| ("-", rest));
    format!("{digits}{letter}{sign}{exponent:0>2}")
}

/// So many significant digits, without zeros at the end.
fn general(magnitude: f64, precision: usize, letter: char) -> String {
    let scientific = format!("{:.*e}", precision - 1, magnitude);
    let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i64 = power.parse().unwrap_or(0);
    if power < -4 || power >= precision as i64 {
        return exponent(&format!("{}e{power}", without_zeros(digits)), letter);
    }
    let decimals = usize::try_from(precision as i64 - 1 - power).unwrap_or(0);
    without_zeros(&format!("{magnitude:.decimals$}")).to_owned()
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}
