//! Changes for people at a terminal.

use std::fmt::Write as _;

use super::value::{lines, shown};
use super::{resources, short, summary};
use crate::apply::change_set::{ChangeSet, StackDiff, StackStatus};
use crate::apply::diff::Field;
use crate::cli::text::line;
use crate::cli::ui::{Style, Ui};

/// How many lines of a long text are shown on each side.
const MOST_LINES: usize = 12;

/// What differs, grouped by stack and resource, and the counts.
pub(crate) fn text(set: &ChangeSet, diffs: &[StackDiff], ui: &Ui) -> String {
    let mut text = String::new();
    for diff in diffs {
        stack(diff, ui, &mut text);
    }
    for failed in &set.failed {
        let _ = writeln!(
            text,
            "{} {failed} fails, so it is not known how it differs",
            ui.result_paint(Style::Error, "!")
        );
    }
    let _ = writeln!(text, "{}", summary(set));
    text
}

/// The sign and the colour of a status.
pub(crate) fn sign(status: StackStatus) -> (&'static str, Style) {
    match status {
        StackStatus::Added => ("+", Style::Added),
        StackStatus::Changed => ("~", Style::Changed),
        StackStatus::Removed => ("-", Style::Removed),
    }
}

fn stack(diff: &StackDiff, ui: &Ui, text: &mut String) {
    let change = &diff.change;
    let (mark, style) = sign(change.status);
    let _ = writeln!(
        text,
        "{} {}",
        ui.result_paint(style, mark),
        ui.result_paint(Style::Strong, &line(&change.path))
    );
    if change.resources.is_empty() {
        let _ = writeln!(text, "    only the layout of the artifact differs");
    }
    for (resource, fields) in resources(diff) {
        let (mark, style) = sign(resource.status);
        let _ = writeln!(text, "  {} {}", ui.result_paint(style, mark), line(&resource.id));
        match fields {
            Some(fields) => fields.iter().for_each(|it| field(it, ui, text)),
            None => resource.fields.iter().for_each(|path| {
                let _ = writeln!(text, "      {}", short(path));
            }),
        }
    }
}

fn field(field: &Field, ui: &Ui, text: &mut String) {
    let path = field.path.to_string();
    let path = line(short(&path));
    let old = |text: &str| ui.result_paint(Style::Removed, text);
    let new = |text: &str| ui.result_paint(Style::Added, text);
    // Writing to a string cannot fail.
    let _ = match (&field.before, &field.after) {
        (Some(before), Some(after)) => match lines(before, after) {
            Some((before, after)) => {
                let _ = writeln!(text, "      {path}:");
                some(&before, "-", Style::Removed, ui, text);
                some(&after, "+", Style::Added, ui, text);
                Ok(())
            }
            None => writeln!(text, "      {path}: {} → {}", old(&shown(before)), new(&shown(after))),
        },
        (None, Some(after)) => writeln!(text, "    {} {path}: {}", new("+"), new(&shown(after))),
        (Some(before), None) => writeln!(text, "    {} {path}: {}", old("-"), old(&shown(before))),
        (None, None) => Ok(()),
    };
}

/// The first of some lines.
fn some(lines: &[String], mark: &str, style: Style, ui: &Ui, text: &mut String) {
    for line in lines.iter().take(MOST_LINES) {
        let line: String = line.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect();
        let _ = writeln!(text, "        {}", ui.result_paint(style, &format!("{mark} {line}")));
    }
    if let Some(more @ 1..) = lines.len().checked_sub(MOST_LINES) {
        let _ = writeln!(text, "        {mark} … {more} more");
    }
}
