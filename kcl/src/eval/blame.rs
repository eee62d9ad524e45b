//! Which lines a failure names beside the one where it came up.

use std::sync::Arc;

use syntax::diag::Place;
use syntax::{Diagnostic, Source, Span};

use super::Run;
use crate::package::PackageId;
use crate::stdlib::Failure;
use crate::value::{Entry, Instance, Origin, Value};

/// A source, and where in it.
type At<'r> = (&'r Arc<Source>, Span);

const CONVERTED: &str = "the config becomes an instance here";

impl<'r> Run<'r> {
    /// Where an entry was written, if it was.
    pub(super) fn written(&self, entry: &Entry<'r>) -> Option<At<'r>> {
        let Origin { package, file, at } = entry.origin;
        let file = self.code(PackageId(package))?.files.get(file as usize)?;
        let text = file.source.text();
        // A key that is written as a string may be longer there, or shorter.
        let mut end = (at as usize + entry.key.as_str().len()).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Some((&file.source, Span::new(at, (end as u32).max(at))))
    }

    /// Where an entry ends, as far as is known: its last own entry.
    pub(super) fn end_of(&self, entry: &Entry<'r>) -> Option<At<'r>> {
        let inner = match entry.value {
            Value::Dict(dict) => dict.quietly().entries().last().and_then(|last| self.written(last)),
            _ => None,
        };
        inner.or_else(|| self.written(entry))
    }

    /// Where the innermost last entry of an entry is, through lists and instances too. What comes from a variable
    /// stands elsewhere and does not count.
    pub(super) fn last_of(&self, entry: &Entry<'r>) -> Option<At<'r>> {
        let (source, key) = self.written(entry)?;
        let inner = self.last_in(entry.value);
        let inner = inner.filter(|(file, span)| Arc::ptr_eq(file, source) && span.start > key.start);
        inner.or(Some((source, key)))
    }

    fn last_in(&self, value: Value<'r>) -> Option<At<'r>> {
        match value {
            Value::Dict(dict) => dict.quietly().entries().last().and_then(|last| self.last_of(last)),
            Value::List(items) => items.last().and_then(|last| self.last_in(*last)),
            Value::Instance(instance) => {
                let last = instance.config_keys.last()?;
                self.last_of(instance.quietly().entry(*last)?)
            }
            _ => None,
        }
    }

    /// A failure over an instance also names the start of the config, where that is on another line: the expression
    /// may be called from elsewhere, the config is what the instance lacks something in.
    pub(super) fn with_config(&self, failed: Diagnostic, instance: &'r Instance<'r>) -> Diagnostic {
        let Some((source, made)) = instance.place else { return failed };
        let entries = instance.config_keys.iter().filter_map(|key| instance.quietly().entry(*key));
        let places = entries.filter_map(|entry| self.written(entry));
        let inside = places.filter(|(file, span)| Arc::ptr_eq(file, source) && span.start > made.start);
        match inside.min_by_key(|(_, span)| span.start) {
            Some(first) => also_at(failed, first, "its config begins here"),
            None => failed,
        }
    }
}

/// A failure of what was made of a config names the place where that was asked for.
pub(super) fn converted_at(failure: Failure, place: At<'_>) -> Failure {
    match failure {
        Failure::At(failed) if failed.notes.iter().all(|note| note.text != CONVERTED) => {
            Failure::At(Box::new(also_at(*failed, place, CONVERTED)))
        }
        other => other,
    }
}

/// A failure with one more place, unless its line is named already.
fn also_at(failed: Diagnostic, (source, span): At<'_>, text: &str) -> Diagnostic {
    let line = source.line_col(span.start).line;
    let on_line =
        |place: &Place| Arc::ptr_eq(&place.source, source) && source.line_col(place.span.start).line == line;
    let notes = failed.notes.iter().map(|note| &note.place);
    if failed.place.iter().chain(notes).any(on_line) { failed } else { failed.note(source, span, text) }
}
