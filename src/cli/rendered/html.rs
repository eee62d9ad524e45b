//! Changes as a part of a page.

use maud::{Markup, html};

use super::text::sign;
use super::value::{lines, shown};
use super::{resources, short, summary};
use crate::apply::change_set::{ChangeSet, StackDiff};
use crate::apply::diff::Field;
use crate::cli::text::{count, line};

/// How many stacks are in sight at once.
const OPEN: usize = 20;
/// How much is shown: stacks, resources of a stack, fields of a resource, lines of a text.
const STACKS: usize = 200;
const RESOURCES: usize = 30;
const FIELDS: usize = 30;
const LINES: usize = 12;

/// What differs in artifacts, a stack a line that opens.
pub(crate) fn html(set: &ChangeSet, diffs: &[StackDiff]) -> Markup {
    html! {
        section.diff {
            h2 { "What differs" }
            p { (summary(set)) }
            @for diff in diffs.iter().take(OPEN) { (stack(diff)) }
            @if diffs.len() > OPEN {
                details {
                    summary { (count(diffs.len() - OPEN, "more stack")) }
                    @for diff in diffs.iter().take(STACKS).skip(OPEN) { (stack(diff)) }
                    @if diffs.len() > STACKS { p.more { "and " (diffs.len() - STACKS) " that are not shown" } }
                }
            }
        }
    }
}

fn stack(diff: &StackDiff) -> Markup {
    let change = &diff.change;
    html! {
        details {
            summary {
                (sign(change.status).0) " " code { (line(&change.path)) } " " (change.status.word()) ", "
                (count(change.resources.len(), "resource"))
            }
            @if change.resources.is_empty() { p { "only the layout of the artifact differs" } }
            @for (resource, fields) in resources(diff).take(RESOURCES) {
                div { (sign(resource.status).0) " " code { (line(&resource.id)) } }
                pre {
                    @match fields {
                        Some(fields) => {
                            @for field in fields.iter().take(FIELDS) { (of_field(field)) }
                            (more(fields.len(), FIELDS))
                        }
                        None => {
                            @for path in resource.fields.iter().take(FIELDS) { div { (line(short(path))) } }
                            (more(resource.fields.len(), FIELDS))
                        }
                    }
                }
            }
            (more(change.resources.len(), RESOURCES))
        }
    }
}

fn of_field(field: &Field) -> Markup {
    let path = field.path.to_string();
    let path = line(short(&path));
    let long =
        field.before.as_ref().zip(field.after.as_ref()).and_then(|(before, after)| lines(before, after));
    html! {
        div { (path) }
        @if let Some((before, after)) = long {
            @for (class, mark, lines) in [("old", "-", before), ("new", "+", after)] {
                @for text in lines.iter().take(LINES) { div.(class) { "  " (mark) " " (line(text)) } }
                (more(lines.len(), LINES))
            }
        } @else {
            @if let Some(before) = &field.before { div.old { "  - " (shown(before)) } }
            @if let Some(after) = &field.after { div.new { "  + " (shown(after)) } }
        }
    }
}

fn more(number: usize, shown: usize) -> Markup {
    html! { @if number > shown { div.more { "and " (number - shown) " more" } } }
}
