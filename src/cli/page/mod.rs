//! A build as a page of its own: one file that opens from the disk, asks for nothing outside and runs no script.
//!
//! What stands in it comes from files of whoever wrote the change, so every text is escaped by the library that makes the page, and
//! the page forbids itself all but its own style. Its size is bounded: lists are cut, and say by how much.

mod errors;
mod stacks;
mod timeline;

use std::path::Path;
use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::diagnostics::Shown;
use super::error::Refusal;
use super::profile::Times;
use super::rendered;
use super::text::line;
use crate::apply::change_set::{ChangeSet, StackDiff};
use crate::build::affected::Affected;
use crate::build::profile::Span;
use crate::build::{Counts, Finished, Outcome, Report, write_file};
use crate::monorepo::Monorepo;

/// What a page is made of.
pub(crate) struct Page<'a> {
    /// The stacks.
    pub(crate) monorepo: &'a Monorepo,
    /// What became of them.
    pub(crate) report: &'a Report,
    /// What is wrong.
    pub(crate) diagnostics: &'a [Shown],
    /// Which of them a revision has differently, and why, if that was asked.
    pub(crate) affected: &'a [Affected],
    /// What differs in their artifacts, if that is known.
    pub(crate) changes: Option<(&'a ChangeSet, &'a [StackDiff])>,
    /// Steps that were measured.
    pub(crate) spans: &'a [Span],
    /// When and where stacks were built.
    pub(crate) times: &'a Times,
    /// How long all of it took.
    pub(crate) took: Duration,
}

impl Page<'_> {
    /// Writes the page to a file.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Refusal> {
        write_file(file, self.to_html().into_string().as_bytes()).map(drop).map_err(|error| {
            let message = format!("cannot write the page to `{}`: {error}", file.display());
            Refusal::request(message, "give another file with `--report`")
        })
    }

    fn to_html(&self) -> Markup {
        let folder =
            self.monorepo.root.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    meta name="referrer" content="no-referrer";
                    title { "konfig build: " (line(&folder)) }
                    // The only text that is not escaped; it is a file of ours.
                    style { (PreEscaped(include_str!("style.css"))) }
                }
                body {
                    header {
                        h1 { "konfig build" }
                        p { code { (line(&folder)) } ", " (ended()) ", " (duration(self.took)) }
                    }
                    main {
                        (self.counts())
                        (errors::section(self.diagnostics))
                        @if let Some((set, diffs)) = self.changes { (rendered::html(set, diffs)) }
                        (stacks::reasons(self))
                        (timeline::section(self))
                        (stacks::slowest(self))
                        (stacks::projects(self))
                        (stacks::named(self, "Failed stacks", |it| matches!(it.outcome, Outcome::Failed(_))))
                        (stacks::named(self, "Volatile stacks, which are never reused", |it| !it.remarks().volatile.is_empty()))
                    }
                    footer { "Made by konfig " (env!("CARGO_PKG_VERSION")) "." }
                }
            }
        }
    }

    fn counts(&self) -> Markup {
        let Counts { built, checked, reused, failed, changed, skipped, unchecked } = self.report.counts();
        let volatile = self.report.stacks.iter().filter(|it| !it.remarks().volatile.is_empty()).count();
        let counts = [
            ("stacks", self.report.stacks.len()),
            ("built", built),
            ("reused", reused),
            ("failed", failed),
            ("changed", changed),
            ("removed", self.report.removed.len()),
            ("checked", checked),
            ("skipped", skipped),
            ("without golden", unchecked),
            ("volatile", volatile),
        ];
        html! {
            section {
                ul.counts {
                    @for (at, (what, number)) in counts.into_iter().enumerate() {
                        // What never happened is not worth a place.
                        @if number > 0 || at < 5 {
                            li class=(if number > 0 { what } else { "none" }) { b { (number) } " " (what) }
                        }
                    }
                }
            }
        }
    }
}

/// The time now, as people write it.
fn ended() -> String {
    chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The word for what became of a stack, which is the class of its colour too.
fn word(finished: &Finished) -> &'static str {
    match finished.outcome {
        _ if finished.outcome.is_written() => "changed",
        Outcome::Built { .. } | Outcome::Same | Outcome::NoGolden => "built",
        Outcome::Checked { .. } => "checked",
        Outcome::Reused { .. } => "reused",
        Outcome::Skipped => "skipped",
        Outcome::Failed(_) => "failed",
    }
}

/// A length of time for people.
fn duration(took: Duration) -> String {
    match took.as_micros() {
        micros @ 0..1000 => format!("{micros} µs"),
        micros @ 1000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        micros => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// The paths of stacks, of which the first are named.
fn paths(paths: &[&str], most: usize) -> Markup {
    html! {
        ul.paths {
            @for path in paths.iter().take(most) { li { code { (line(path)) } } }
            @if paths.len() > most { li.more { "and " (paths.len() - most) " more" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let shown = [7, 1500, 2_345_678].map(|micros| duration(Duration::from_micros(micros)));
        assert_eq!(shown, ["7 µs", "1.5 ms", "2.35 s"]);
    }
}
