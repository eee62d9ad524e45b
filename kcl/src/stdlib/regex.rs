//! The system module `regex`.

use std::cell::RefCell;
use std::rc::Rc;

use fancy_regex::{Captures, Expander, Regex};
use rustc_hash::FxHashMap;

use super::args::{int, text};
use super::codec::brief;
use super::{Failure, Function, Host, Outcome};
use crate::value::size::{list_fits, str_fits};
use crate::value::{Args, Value};

const fn of(name: &'static str, signature: &'static str, body: super::Body) -> Function {
    Function { module: "regex", name, body, signature }
}

/// All members. `match` finds a match anywhere, as `search` does.
pub(super) const FUNCTIONS: &[Function] = &[
    of("compile", "(pattern: str) -> bool", |_, args| {
        Ok(Value::Bool(compiled(text(args, 0, "pattern")?).is_ok()))
    }),
    of("findall", "(string: str, pattern: str) -> [str]", find_all),
    of("match", "(string: str, pattern: str) -> bool", search),
    of("replace", "(string: str, pattern: str, replace: str, count?: int) -> str", replace),
    of("search", "(string: str, pattern: str) -> bool", search),
    of("split", "(string: str, pattern: str, maxsplit?: int) -> [str]", split),
];

/// How many compiled patterns a thread keeps.
const MAX_KEPT: usize = 256;

thread_local! {
    /// Patterns are compiled once, for programs use one for many strings.
    static KEPT: RefCell<FxHashMap<Box<str>, Rc<Regex>>> = RefCell::default();
}

type Result<'v> = Outcome<Value<'v>>;

/// The compiled form of a pattern. How far it may go back in a search has a limit.
fn compiled(pattern: &str) -> Outcome<Rc<Regex>> {
    if let Some(kept) = KEPT.with_borrow(|kept| kept.get(pattern).cloned()) {
        return Ok(kept);
    }
    let regex = Regex::new(pattern)
        .map_err(|error| format!("`{}` is not a regular expression: {error}", brief(pattern)))?;
    let regex = Rc::new(regex);
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(pattern.into(), Rc::clone(&regex));
    });
    Ok(regex)
}

/// The string and the pattern, which all members but `compile` start with.
fn subject<'v>(args: Args<'v>) -> Outcome<(&'v str, Rc<Regex>)> {
    Ok((text(args, 0, "string")?, compiled(text(args, 1, "pattern")?)?))
}

/// A search that reached its limit.
fn given_up(regex: &Regex) -> Failure {
    format!("the search for `{}` was given up, for it went back too often", brief(regex.as_str())).into()
}

fn search<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (string, regex) = subject(args)?;
    let found = regex.is_match(string).map_err(|_| given_up(&regex))?;
    Ok(Value::Bool(found))
}

fn list<'v>(host: &dyn Host<'v>, items: &[Value<'v>]) -> Value<'v> {
    Value::List(host.arena().alloc_slice_copy(items))
}

fn push<'v>(items: &mut Vec<Value<'v>>, item: Value<'v>) -> Outcome<()> {
    items.push(item);
    list_fits(items.len())
}

/// The matches; lists of their groups where the pattern has more than one.
fn find_all<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (string, regex) = subject(args)?;
    let mut found = Vec::new();
    if regex.captures_len() > 2 {
        for captures in regex.captures_iter(string) {
            let captures = captures.map_err(|_| given_up(&regex))?;
            let groups = groups(&regex, &captures)?;
            push(&mut found, list(host, &groups))?;
        }
    } else {
        for hit in regex.find_iter(string) {
            let hit = hit.map_err(|_| given_up(&regex))?;
            push(&mut found, Value::Str(hit.as_str()))?;
        }
    }
    Ok(list(host, &found))
}

fn groups<'v>(regex: &Regex, captures: &Captures<'v>) -> Outcome<Vec<Value<'v>>> {
    let group = |at: usize| match captures.get(at) {
        Some(group) => Ok(Value::Str(group.as_str())),
        None => Err(format!("group {at} of `{}` takes no part in a match", brief(regex.as_str())).into()),
    };
    (1..captures.len()).map(group).collect()
}

/// How many times something is done; without an argument, and below one, as often as there is a match.
fn times(args: Args<'_>, at: usize, name: &str) -> Outcome<usize> {
    let times = int(args, at, name)?.and_then(|times| usize::try_from(times).ok());
    Ok(times.filter(|times| *times > 0).unwrap_or(usize::MAX))
}

/// Groups in the replacement are `$1` and `${name}`.
fn replace<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (string, regex) = subject(args)?;
    let replacement = text(args, 2, "replace")?;
    let times = times(args, 3, "count")?;
    let expander = Expander::default();
    let (mut out, mut rest) = (String::with_capacity(string.len()), 0);
    for captures in regex.captures_iter(string).take(times) {
        let captures = captures.map_err(|_| given_up(&regex))?;
        let Some(hit) = captures.get(0) else { continue };
        out.push_str(&string[rest..hit.start()]);
        expander.append_expansion(&mut out, replacement, &captures);
        rest = hit.end();
        str_fits(out.len())?;
    }
    out.push_str(&string[rest..]);
    Ok(Value::Str(host.arena().alloc_str(&out)))
}

/// With a limit, that many parts; what comes behind them is left out.
fn split<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (string, regex) = subject(args)?;
    let mut parts = Vec::new();
    for part in regex.split(string).take(times(args, 2, "maxsplit")?) {
        let part = part.map_err(|_| given_up(&regex))?;
        push(&mut parts, Value::Str(part))?;
    }
    Ok(list(host, &parts))
}
