//! Planned output: from a value to the bytes of a YAML or JSON document.
//!
//! What is not configuration stays out: hidden keys, `Undefined`, functions. The writers walk the value itself;
//! there is no tree in between, for outputs run to hundreds of megabytes.

mod filter;
pub mod json;
mod scalar;
pub mod yaml;

pub use filter::Filter;

use bumpalo::Bump;

use crate::stdlib::Outcome;
use crate::value::Value;
use crate::value::ops::MAX_DEPTH;

/// What a planned output holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Mappings are sorted by key, at every depth.
    pub sort_keys: bool,
    /// Instances end with `_type`, the name of their schema.
    pub include_schema_type_path: bool,
    /// Keys that start with `_` are shown.
    pub show_hidden: bool,
    /// `None` is left out.
    pub disable_none: bool,
}

/// The bytes that a document may have: values that share their parts can be far larger than the memory they take.
pub const MAX_BYTES: usize = 1 << 30;

/// Why a writer does not step into a collection.
fn no_further(depth: usize, written: usize) -> Option<&'static str> {
    if depth >= MAX_DEPTH {
        Some("the value is nested too deeply to be written")
    } else if written > MAX_BYTES {
        Some("the document is longer than 1 GiB")
    } else {
        None
    }
}

/// The YAML of a program's result, without a newline at the end of most documents.
///
/// # Errors
/// Where the value is nested too deeply, or a document would be longer than [`MAX_BYTES`].
pub fn yaml(value: Value<'_>, options: &PlanOptions) -> Outcome<String> {
    let mut documents = Vec::new();
    for (value, filter) in documents_of(value, options) {
        let mut text = yaml::document(value, &filter)?;
        text.truncate(planned_len(&text));
        documents.push(text);
    }
    Ok(match documents.len() {
        1 => documents.remove(0),
        _ => documents.join("\n---\n"),
    })
}

/// The JSON of a program's result; several documents are one a line.
///
/// # Errors
/// Where the value is nested too deeply, or a document would be longer than [`MAX_BYTES`].
pub fn json(value: Value<'_>, options: &PlanOptions) -> Outcome<String> {
    let documents: Outcome<Vec<_>> = documents_of(value, options)
        .into_iter()
        .map(|(value, filter)| json::document(value, &filter, 0))
        .collect();
    Ok(documents?.join("\n"))
}

/// What `#json` in an interpolation shows.
#[must_use]
pub fn json_text(value: Value<'_>) -> String {
    json::compact(value)
}

/// What `#yaml` in an interpolation shows; what is nested beyond any sensible depth shows as empty.
#[must_use]
pub fn yaml_text(value: Value<'_>) -> String {
    yaml::lossy_document(value)
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
