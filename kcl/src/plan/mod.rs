//! Planned output: from a value to the bytes of a YAML or JSON document.
//!
//! What is not configuration stays out: hidden keys, `Undefined`, functions. The writers walk the value itself;
//! there is no tree in between, for outputs run to hundreds of megabytes.

mod draft;
mod filter;
pub mod json;
mod scalar;
pub mod yaml;

pub use draft::Draft;
pub use filter::Filter;

use bumpalo::Bump;

use crate::stdlib::Outcome;
use crate::value::Value;
use crate::value::size::MAX_STR;

/// What a planned output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// Mappings are sorted by key, at every depth.
    pub sort_keys: bool,
    /// Instances end with `_type`, the name of their schema.
    pub include_schema_type_path: bool,
    /// Keys that start with `_` are shown.
    pub show_hidden: bool,
    /// `None` is left out.
    pub disable_none: bool,
    /// The bytes that the output may have.
    pub max_bytes: usize,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            sort_keys: false,
            include_schema_type_path: false,
            show_hidden: false,
            disable_none: false,
            max_bytes: MAX_BYTES,
        }
    }
}

/// The bytes that an output may have.
pub const MAX_BYTES: usize = 1 << 30;

/// The YAML of a program's result, without a newline at the end of most documents.
///
/// # Errors
/// Where the value is nested too deeply, or the text would be too long.
pub fn yaml(value: Value<'_>, options: &PlanOptions) -> Outcome<String> {
    let mut draft = Draft::new(options.max_bytes);
    for (at, (value, filter)) in documents_of(value, options).into_iter().enumerate() {
        if at > 0 {
            draft.push_str("\n---\n");
        }
        let start = draft.text().len();
        yaml::write(&mut draft, value, filter);
        draft.truncate(start + planned_len(&draft.text()[start..]));
    }
    draft.finish()
}

/// The JSON of a program's result; several documents are one a line.
///
/// # Errors
/// Where the value is nested too deeply, or the text would be too long.
pub fn json(value: Value<'_>, options: &PlanOptions) -> Outcome<String> {
    let mut draft = Draft::new(options.max_bytes);
    for (at, (value, filter)) in documents_of(value, options).into_iter().enumerate() {
        if at > 0 {
            draft.push_str("\n");
        }
        json::write(&mut draft, value, filter, 0);
    }
    draft.finish()
}

/// What `#json` in an interpolation shows; what is nested beyond any sensible depth shows as `null`.
///
/// # Errors
/// Where it is too long for a string.
pub fn json_text(value: Value<'_>) -> Outcome<String> {
    let mut draft = Draft::new(MAX_STR);
    json::write(&mut draft, value, Filter::default(), 0);
    draft.finish_lossy()
}

/// What `#yaml` in an interpolation shows; what is nested beyond any sensible depth shows as empty.
///
/// # Errors
/// Where it is too long for a string.
pub fn yaml_text(value: Value<'_>) -> Outcome<String> {
    let mut draft = Draft::new(MAX_STR);
    yaml::write(&mut draft, value, Filter::default());
    draft.finish_lossy()
}

/// The documents of an output: a list of configs is a stream.
fn documents_of<'v>(value: Value<'v>, options: &PlanOptions) -> Vec<(Value<'v>, Filter)> {
    let planned = |value| (value, Filter::planned(options, value));
    match value {
        Value::List(items) if items.iter().all(|item| item.is_config()) => {
            items.iter().copied().map(planned).collect()
        }
        _ => vec![planned(value)],
    }
}

/// How much of a document is planned: the newline at its end is only kept where a block scalar may need it.
///
/// That is a guess from the last lines, and it has to be this one: the last line is indented, and the nearest line
/// that is indented less ends in the head of a block scalar.
fn planned_len(document: &str) -> usize {
    let Some(stripped) = document.strip_suffix('\n') else { return document.len() };
    let mut lines = document.trim_end_matches('\n').rsplit('\n');
    let indent = lines.next().map_or(0, indent_of);
    if indent == 0 {
        return stripped.len();
    }
    let parent = lines.find(|line| !line.trim().is_empty() && indent_of(line) < indent);
    let head = parent.map(|line| line.split_once(':').map_or("", |(_, head)| head.trim_start()));
    match head {
        None | Some("|" | "|-" | "|+" | ">" | ">-" | ">+") => document.len(),
        Some(_) => stripped.len(),
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What path selectors pick of a program's result: one value for one selector, a list for several. Globals that are
/// not shown are not found either.
///
/// # Errors
/// Where a selector leads nowhere.
pub fn select<'v>(
    arena: &'v Bump,
    value: Value<'v>,
    selectors: &[String],
    show_hidden: bool,
) -> Outcome<Value<'v>> {
    if !value.is_config() {
        return Ok(value);
    }
    match selectors {
        [] => Ok(value),
        [selector] => select_one(value, selector, show_hidden),
        _ => {
            let values: Outcome<Vec<_>> =
                selectors.iter().map(|it| select_one(value, it, show_hidden)).collect();
            Ok(Value::List(arena.alloc_slice_copy(&values?)))
        }
    }
}

fn select_one<'v>(value: Value<'v>, selector: &str, show_hidden: bool) -> Outcome<Value<'v>> {
    let found = selector.split('.').try_fold(value, |value, step| match value {
        Value::List(items) => items.get(step.parse::<usize>().ok()?).copied(),
        _ => value.get(step),
    });
    let found = found.filter(|_| show_hidden || !selector.starts_with('_'));
    Ok(found.ok_or_else(|| format!("invalid path select operand {selector}, value not found"))?)
}

#[cfg(test)]
mod tests;
