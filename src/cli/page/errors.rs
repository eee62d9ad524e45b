//! What is wrong, with its source.

use maud::{Markup, html};

use super::paths;
use crate::cli::diagnostics::{Shown, ShownPlace};
use crate::cli::text::line;

/// How many things that are wrong are shown.
const MOST: usize = 100;
/// How many stacks are named for each.
const STACKS: usize = 10;

/// Errors first, then warnings.
pub(super) fn section(diagnostics: &[Shown]) -> Markup {
    let (errors, warnings): (Vec<&Shown>, Vec<&Shown>) = diagnostics.iter().partition(|it| it.is_error());
    html! {
        @if !diagnostics.is_empty() {
            section {
                h2 { "What is wrong" }
                @for shown in errors.iter().chain(&warnings).take(MOST) { (one(shown)) }
                @if diagnostics.len() > MOST { p.more { "and " (diagnostics.len() - MOST) " more" } }
            }
        }
    }
}

fn one(shown: &Shown) -> Markup {
    let stacks: Vec<&str> = shown.stacks().iter().map(String::as_str).collect();
    html! {
        article.(shown.severity()) {
            h3 { span.code { (shown.severity()) " " (shown.code()) } " " (line(shown.message())) }
            (place(shown.place()))
            @for note in shown.notes() {
                p.note { "note: " (line(&note.message)) }
                (place(&note.place))
            }
            @for hint in shown.hints() { p.help { "help: " (line(hint)) } }
            @if stacks.len() > 1 {
                details { summary { (stacks.len()) " stacks" } (paths(&stacks, STACKS)) }
            } @else if let [stack] = stacks.as_slice() {
                p.of { "stack " code { (line(stack)) } }
            }
        }
    }
}

fn place(place: &ShownPlace) -> Markup {
    let Some(file) = place.file() else { return html! {} };
    let Some((row, column)) = place.line_column() else { return html! { p.place { code { (line(file)) } } } };
    html! {
        p.place { code { (line(file)) ":" (row) ":" (column) } }
        pre {
            span.number { (row) } " " (tabbed(place.source())) "\n"
            @if let Some((indent, caret)) = place.caret() {
                span.number { (" ".repeat(row.to_string().len())) } " " (indent) span.caret { (caret) }
            }
        }
    }
}

/// A text on one line, with its tabs.
fn tabbed(text: &str) -> String {
    text.chars().map(|it| if it.is_control() && it != '\t' { '\u{fffd}' } else { it }).collect()
}
