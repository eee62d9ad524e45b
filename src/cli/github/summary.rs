//! The summary of a job: markdown on the page of a workflow's run.

use std::fmt::Write as _;

use super::summary_file;
use crate::build::affected::{Affected, Status};
use crate::build::{Counts, Outcome, Report, append_to_file};
use crate::cli::diagnostics::Shown;
use crate::cli::json::status;
use crate::cli::report;
use crate::cli::text::markdown as markdown_text;
use crate::cli::ui::Ui;
use crate::monorepo::Monorepo;

/// How many things a list names.
const MOST: usize = 50;

/// Adds to the summary of the job, where there is one. A job does not fail for want of it.
pub(crate) fn add(ui: &Ui, markdown: impl FnOnce() -> String) {
    let Some(file) = summary_file() else { return };
    if let Err(error) = append_to_file(&file, &markdown()) {
        let message = format!("cannot write the summary of the job to `{}`: {error}", file.display());
        report::say(&[Shown::warning("C01", message, Vec::new())], ui);
    }
}

/// What a build came to. Its length is bounded, however many stacks there are: GitHub takes a MiB.
pub(crate) fn of_build(command: &str, monorepo: &Monorepo, report: &Report, diagnostics: &[Shown]) -> String {
    let mut text = format!("### {command}\n\n{}", counts(report));
    text.push_str(&problems(diagnostics));
    let path = |at: usize| monorepo.stack(report.stacks[at].stack).path.as_str();
    let paths = |is_meant: fn(&Outcome) -> bool| {
        let meant = (0..report.stacks.len()).filter(move |at| is_meant(&report.stacks[*at].outcome));
        meant.map(path).collect::<Vec<_>>()
    };
    let failed = paths(|outcome| matches!(outcome, Outcome::Failed(_)));
    let changed = paths(Outcome::is_written);
    let volatile = (0..report.stacks.len()).filter(|at| !report.stacks[*at].remarks().volatile.is_empty());
    text.push_str(&folded("failed", &failed));
    text.push_str(&folded("changed", &changed));
    text.push_str(&folded("volatile: never reused", &volatile.map(path).collect::<Vec<_>>()));
    text
}

/// What a change affects.
pub(crate) fn of_affected(affected: &[Affected]) -> String {
    let mut text = "### konfig affected\n\n".to_owned();
    if affected.is_empty() {
        text.push_str("No stack comes out differently.\n\n");
    }
    for wanted in [Status::Modified, Status::Added, Status::Removed] {
        let stacks = affected.iter().filter(|stack| stack.status == wanted);
        let paths: Vec<&str> = stacks.map(|stack| stack.path.as_str()).collect();
        text.push_str(&folded(status(wanted), &paths));
    }
    text
}

fn counts(report: &Report) -> String {
    let Counts { built, checked, reused, failed, changed, skipped, unchecked } = report.counts();
    let removed = report.removed.len();
    let (mut head, mut rule, mut row) = (String::new(), String::new(), String::new());
    let columns = [
        ("stacks", report.stacks.len()),
        ("built", built),
        ("checked", checked),
        ("reused", reused),
        ("failed", failed),
        ("changed", changed),
        ("skipped", skipped),
        ("without golden", unchecked),
        ("removed", removed),
    ];
    for (name, number) in columns {
        // Writing to a string cannot fail.
        let _ = write!(head, "| {name} ");
        let _ = write!(rule, "| ---: ");
        let _ = write!(row, "| {number} ");
    }
    format!("{head}|\n{rule}|\n{row}|\n\n")
}

/// A table of what is wrong, errors first.
pub(crate) fn problems(diagnostics: &[Shown]) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let mut text = "| | where | what | stacks |\n| --- | --- | --- | ---: |\n".to_owned();
    let (errors, warnings): (Vec<&Shown>, Vec<&Shown>) = diagnostics.iter().partition(|it| it.is_error());
    for shown in errors.iter().chain(&warnings).take(MOST) {
        let line = shown.place().line_column().map_or_else(String::new, |(line, _)| format!(":{line}"));
        let place = shown.place().file().map_or_else(String::new, |file| format!("{file}{line}"));
        let (kind, code) = (shown.severity(), shown.code());
        let _ = writeln!(
            text,
            "| {kind} {code} | {} | {} | {} |",
            markdown_text(&place),
            markdown_text(shown.message()),
            shown.stacks().len()
        );
    }
    if diagnostics.len() > MOST {
        let _ = writeln!(text, "| | | and {} more in the log | |", diagnostics.len() - MOST);
    }
    text.push('\n');
    text
}

/// A list that opens on a click.
fn folded(title: &str, items: &[&str]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut text = format!("<details><summary>{} {title}</summary>\n\n", items.len());
    for item in items.iter().take(MOST) {
        let _ = writeln!(text, "- {}", markdown_text(item));
    }
    if items.len() > MOST {
        let _ = writeln!(text, "- and {} more", items.len() - MOST);
    }
    text.push_str("\n</details>\n\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_bounded() {
        let letters = "*".repeat(5000);
        let error =
            |n: usize| Shown::error("E1001", format!("{n}{letters}"), Some(letters.clone()), Vec::new());
        let many: Vec<Shown> = (0..2000).map(error).collect();
        let text = problems(&many);
        assert!(text.contains("and 1950 more in the log") && text.len() < 300_000, "{}", text.len());
        let names: Vec<&str> = std::iter::repeat_n(letters.as_str(), 12_000).collect();
        let text = folded("failed", &names);
        assert!(text.contains("- and 11950 more") && text.len() < 100_000, "{}", text.len());
    }
}
