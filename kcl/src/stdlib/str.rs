//! The methods of strings.
//!
//! Positions count bytes, as `len` does; only indexing and `chars` see characters.

use std::ops::Range;

use super::args::{as_text, flag, need, present, text};
use super::builtin::items;
use super::{Host, Method, Outcome, format};
use crate::value::convert::{type_name, write_text};
use crate::value::size::str_fits;
use crate::value::{Args, Dict, Value};

type Result<'v> = Outcome<Value<'v>>;

/// The code of a method.
type MethodBody = for<'v> fn(&mut dyn Host<'v>, &'v str, Args<'v>) -> Outcome<Value<'v>>;

const fn of(name: &'static str, signature: &'static str, body: MethodBody) -> Method {
    Method { name, body, signature }
}

const SEARCH: &str = "(sub: str, start?: int, end?: int) -> int";
const AFFIX: &str = "(val: str, start?: int, end?: int) -> bool";
const SPLIT: &str = "(sep?: str, maxsplit?: int) -> [str]";
const STRIP: &str = "(chars?: str) -> str";

/// All of them, by name.
pub(super) static METHODS: &[Method] = &[
    of("capitalize", "() -> str", |host, it, _| made(host, &capitalize(it))),
    of("chars", "() -> [str]", |host, it, _| strings(host, chars(it))),
    of("count", SEARCH, count),
    of("endswith", AFFIX, |_, it, args| affix(it, args, |part, val| part.ends_with(val))),
    of("find", SEARCH, |_, it, args| {
        Ok(Value::Int(search(it, args, |part, sub| part.find(sub))?.unwrap_or(-1)))
    }),
    of("format", "(*args) -> str", |host, it, args| made(host, &format::format(it, args)?)),
    of("index", SEARCH, |_, it, args| found(search(it, args, |part, sub| part.find(sub))?)),
    of("isalnum", "() -> bool", |_, it, _| all(it, char::is_alphanumeric)),
    of("isalpha", "() -> bool", |_, it, _| all(it, char::is_alphabetic)),
    of("isdigit", "() -> bool", |_, it, _| all(it, is_digit)),
    of("islower", "() -> bool", |_, it, _| cased(it, char::is_lowercase, char::is_uppercase)),
    of("isspace", "() -> bool", |_, it, _| all(it, is_space)),
    of("istitle", "() -> bool", |_, it, _| Ok(Value::Bool(is_title(it)))),
    of("isupper", "() -> bool", |_, it, _| cased(it, char::is_uppercase, char::is_lowercase)),
    of("join", "(iter: [any]) -> str", join),
    of("lower", "() -> str", |host, it, _| made(host, &it.to_lowercase())),
    of("lstrip", STRIP, |_, it, args| {
        Ok(strip(args, |set| it.trim_start_matches(|char| set.contains(char)), it.trim_start()))
    }),
    of("removeprefix", "(prefix: str) -> str", |_, it, args| {
        Ok(Value::Str(it.strip_prefix(text(unnamed(args), 0, "prefix")?).unwrap_or(it)))
    }),
    of("removesuffix", "(suffix: str) -> str", |_, it, args| {
        Ok(Value::Str(it.strip_suffix(text(unnamed(args), 0, "suffix")?).unwrap_or(it)))
    }),
    of("replace", "(old: str, new: str, count?: int) -> str", replace),
    of("rfind", SEARCH, |_, it, args| {
        Ok(Value::Int(search(it, args, |part, sub| part.rfind(sub))?.unwrap_or(-1)))
    }),
    of("rindex", SEARCH, |_, it, args| found(search(it, args, |part, sub| part.rfind(sub))?)),
    of("rsplit", SPLIT, rsplit),
    of("rstrip", STRIP, |_, it, args| {
        Ok(strip(args, |set| it.trim_end_matches(|char| set.contains(char)), it.trim_end()))
    }),
    of("split", SPLIT, split),
    of("splitlines", "(keepends?: bool) -> [str]", splitlines),
    of("startswith", AFFIX, |_, it, args| affix(it, args, |part, val| part.starts_with(val))),
    of("strip", STRIP, |_, it, args| {
        Ok(strip(args, |set| it.trim_matches(|char| set.contains(char)), it.trim()))
    }),
    of("title", "() -> str", |host, it, _| made(host, &title(it))),
    of("upper", "() -> str", |host, it, _| made(host, &it.to_uppercase())),
];

fn made<'v>(host: &dyn Host<'v>, text: &str) -> Result<'v> {
    Ok(Value::Str(host.arena().alloc_str(text)))
}

fn strings<'v>(host: &dyn Host<'v>, values: Vec<Value<'v>>) -> Result<'v> {
    Ok(Value::List(host.arena().alloc_slice_copy(&values)))
}

/// The characters of a string, each a string.
pub(super) fn chars(text: &str) -> Vec<Value<'_>> {
    text.char_indices().map(|(at, char)| Value::Str(&text[at..at + char.len_utf8()])).collect()
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(chars.as_str().to_lowercase().chars()).collect()
}

/// The arguments of most methods: they do not see names.
fn unnamed(args: Args<'_>) -> Args<'_> {
    Args { named: Dict::EMPTY, ..args }
}

/// An integer, where anything is taken for one: what is no number counts as zero.
fn loose_int(value: Option<&Value<'_>>) -> Option<i64> {
    match value? {
        Value::None | Value::Undefined => None,
        Value::Int(int) => Some(*int),
        Value::Float(float) => Some(*float as i64),
        _ => Some(0),
    }
}

/// The first argument, which must be a string.
fn strict_text<'v>(args: Args<'v>, name: &str) -> Outcome<&'v str> {
    match need(unnamed(args), 0, name)? {
        Value::Str(text) => Ok(text),
        other => Err(format!("the argument `{name}` must be a str, not `{}`", type_name(other)).into()),
    }
}

/// The part of a string that `start` and `end` select; `None` where they are the wrong way round.
fn part<'v>(it: &'v str, args: Args<'v>) -> Outcome<Option<(usize, &'v str)>> {
    let bound = |at: usize, otherwise: usize| match loose_int(args.positional.get(at)) {
        None => otherwise,
        Some(value) => match usize::try_from(value) {
            Ok(value) => value,
            Err(_) => it.len().saturating_sub(usize::try_from(value.unsigned_abs()).unwrap_or(usize::MAX)),
        },
    };
    let range: Range<usize> = bound(1, 0)..bound(2, it.len()).min(it.len());
    if range.start > range.end {
        return Ok(None);
    }
    let start = range.start;
    let part = it.get(range).ok_or("the range cuts a character in two")?;
    Ok(Some((start, part)))
}

fn search<'v>(
    it: &'v str,
    args: Args<'v>,
    find: fn(&'v str, &'v str) -> Option<usize>,
) -> Outcome<Option<i64>> {
    let sub = strict_text(args, "sub")?;
    let Some((start, part)) = part(it, args)? else { return Ok(None) };
    Ok(find(part, sub).map(|at| (start + at) as i64))
}

fn found<'v>(at: Option<i64>) -> Result<'v> {
    Ok(Value::Int(at.ok_or("substring not found")?))
}

fn affix<'v>(it: &'v str, args: Args<'v>, holds: fn(&'v str, &'v str) -> bool) -> Result<'v> {
    let val = strict_text(args, "val")?;
    Ok(Value::Bool(part(it, args)?.is_some_and(|(_, part)| holds(part, val))))
}

fn count<'v>(_: &mut dyn Host<'v>, it: &'v str, args: Args<'v>) -> Result<'v> {
    let sub = strict_text(args, "sub")?;
    Ok(Value::Int(part(it, args)?.map_or(0, |(_, part)| part.matches(sub).count() as i64)))
}

fn all<'v>(it: &str, holds: fn(char) -> bool) -> Result<'v> {
    Ok(Value::Bool(!it.is_empty() && it.chars().all(holds)))
}

fn is_digit(char: char) -> bool {
    char.is_ascii_digit()
        || matches!(char, '\u{B2}' | '\u{B3}' | '\u{B9}' | '\u{2070}' | '\u{2074}'..='\u{2079}')
}

fn is_space(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\x1C'..='\x1F')
}

/// Whether there are characters of one case and none of the other.
fn cased<'v>(it: &str, case: fn(char) -> bool, opposite: fn(char) -> bool) -> Result<'v> {
    Ok(Value::Bool(it.chars().any(case) && !it.chars().any(opposite)))
}

/// The letters of two, of which the first is upper and the second lower case.
fn is_titlecase(char: char) -> bool {
    matches!(char,
        '\u{1C5}' | '\u{1C8}' | '\u{1CB}' | '\u{1F2}'
        | '\u{1F88}'..='\u{1F8F}' | '\u{1F98}'..='\u{1F9F}' | '\u{1FA8}'..='\u{1FAF}'
        | '\u{1FBC}' | '\u{1FCC}' | '\u{1FFC}')
}

fn is_title(it: &str) -> bool {
    let (mut any, mut after_cased) = (false, false);
    for char in it.chars() {
        let upper = char.is_uppercase() || is_titlecase(char);
        let lower = char.is_lowercase();
        if upper && after_cased || lower && !after_cased {
            return false;
        }
        after_cased = upper || lower;
        any |= after_cased;
    }
    any
}

fn title(it: &str) -> String {
    let mut out = String::with_capacity(it.len());
    let mut after_cased = false;
    for char in it.chars() {
        let (lower, upper) = (char.is_lowercase(), char.is_uppercase() || is_titlecase(char));
        match (lower, upper, after_cased) {
            (true, _, false) => push_titlecase(&mut out, char),
            (_, true, true) => out.extend(char.to_lowercase()),
            _ => out.push(char),
        }
        after_cased = lower || upper;
    }
    out
}

fn push_titlecase(out: &mut String, char: char) {
    match char {
        '\u{1C6}' => out.push('\u{1C5}'),
        '\u{1C9}' => out.push('\u{1C8}'),
        '\u{1CC}' => out.push('\u{1CB}'),
        '\u{1F3}' => out.push('\u{1F2}'),
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => {
            out.extend(char::from_u32(u32::from(char) + 8));
        }
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => out.extend(char::from_u32(u32::from(char) + 9)),
        _ => {
            let mut after_upper = false;
            for upper in char.to_uppercase() {
                if after_upper {
                    out.extend(upper.to_lowercase());
                } else {
                    out.push(upper);
                }
                after_upper |= upper.is_uppercase();
            }
        }
    }
}

fn join<'v>(host: &mut dyn Host<'v>, it: &'v str, args: Args<'v>) -> Result<'v> {
    let mut out = String::new();
    for (at, item) in items(need(unnamed(args), 0, "iter")?)?.into_iter().enumerate() {
        out.push_str(if at == 0 { "" } else { it });
        write_text(&mut out, item);
        str_fits(out.len())?;
    }
    made(host, &out)
}

fn strip<'v>(args: Args<'v>, of_set: impl FnOnce(&str) -> &'v str, of_space: &'v str) -> Value<'v> {
    Value::Str(present(unnamed(args), 0, "chars").map_or(of_space, |set| of_set(as_text(set))))
}

fn replace<'v>(host: &mut dyn Host<'v>, it: &'v str, args: Args<'v>) -> Result<'v> {
    let args = unnamed(args);
    let (old, new) = (text(args, 0, "old")?, text(args, 1, "new")?);
    let count = loose_int(args.positional.get(2)).and_then(|count| usize::try_from(count).ok());
    let times = it.matches(old).count().min(count.unwrap_or(usize::MAX));
    str_fits(times.saturating_mul(new.len()).saturating_add(it.len()))?;
    made(host, &it.replacen(old, new, times))
}

/// `sep` and `maxsplit`, where they are given.
fn split_args(args: Args<'_>) -> (Option<&str>, Option<usize>) {
    let most = loose_int(args.get(1, "maxsplit").as_ref()).and_then(|most| usize::try_from(most).ok());
    (present(args, 0, "sep").map(as_text), most)
}

fn split<'v>(host: &mut dyn Host<'v>, it: &'v str, args: Args<'v>) -> Result<'v> {
    let parts = match split_args(args) {
        (Some(sep), None) => it.split(sep).map(Value::Str).collect(),
        (Some(sep), Some(most)) => it.splitn(most.saturating_add(1), sep).map(Value::Str).collect(),
        (None, most) => split_space(it, most),
    };
    strings(host, parts)
}

fn is_ascii_space(char: char) -> bool {
    char.is_ascii_whitespace() || char == '\x0B'
}

/// The words; after `most` of them the rest is one.
fn split_space(it: &str, most: Option<usize>) -> Vec<Value<'_>> {
    let mut parts = Vec::new();
    let mut rest = it.trim_start_matches(is_ascii_space);
    while let Some(at) = rest.find(is_ascii_space) {
        if most == Some(parts.len()) {
            break;
        }
        parts.push(Value::Str(&rest[..at]));
        rest = rest[at..].trim_start_matches(is_ascii_space);
    }
    if !rest.is_empty() {
        parts.push(Value::Str(rest));
    }
    parts
}

fn rsplit<'v>(host: &mut dyn Host<'v>, it: &'v str, args: Args<'v>) -> Result<'v> {
    let mut parts = match split_args(args) {
        (Some(sep), None) => it.rsplit(sep).map(Value::Str).collect(),
        (Some(sep), Some(most)) => it.rsplitn(most.saturating_add(1), sep).map(Value::Str).collect(),
        (None, most) => rsplit_space(it, most),
    };
    parts.reverse();
    strings(host, parts)
}

/// The words from the end; after `most` of them the rest is one.
fn rsplit_space(it: &str, most: Option<usize>) -> Vec<Value<'_>> {
    let mut parts = Vec::new();
    let mut rest = it.trim_end_matches(is_ascii_space);
    while let Some(at) = rest.rfind(is_ascii_space) {
        if most == Some(parts.len()) {
            break;
        }
        parts.push(Value::Str(&rest[at + 1..]));
        rest = rest[..at].trim_end_matches(is_ascii_space);
    }
    if !rest.is_empty() {
        parts.push(Value::Str(rest));
    }
    parts
}

fn splitlines<'v>(host: &mut dyn Host<'v>, it: &'v str, args: Args<'v>) -> Result<'v> {
    let keep = present(args, 0, "keepends").is_some() && flag(args, 0, "keepends");
    let mut lines = Vec::new();
    let mut rest = it;
    while let Some(at) = rest.find(['\n', '\r']) {
        let end = at + if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        lines.push(Value::Str(&rest[..if keep { end } else { at }]));
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        lines.push(Value::Str(rest));
    }
    strings(host, lines)
}
