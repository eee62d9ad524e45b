//! Stacks by what became of them, why, and how long they took.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};

use super::{Page, duration, paths, word};
use crate::build::reuse::Reason;
use crate::build::{Finished, Outcome};
use crate::cli::text::line;

/// How many stacks are ranked by their time, and how many projects.
const SLOWEST: usize = 25;
const PROJECTS: usize = 50;
/// How many reasons are shown, and how many stacks of each are named.
const REASONS: usize = 40;
const NAMED: usize = 25;

/// The stacks that took longest.
pub(super) fn slowest(page: &Page<'_>) -> Markup {
    let time = |finished: &Finished| page.times.get(&finished.stack).map(|span| span.took);
    let mut all: Vec<(Duration, &Finished)> =
        page.report.stacks.iter().filter_map(|finished| Some((time(finished)?, finished))).collect();
    all.sort_by_key(|(took, finished)| (std::cmp::Reverse(*took), finished.stack));
    let longest = all.first().map_or(0.0, |(took, _)| took.as_secs_f64()).max(1e-9);
    html! {
        @if !all.is_empty() {
            section {
                h2 { "Slowest stacks" }
                table {
                    @for (took, finished) in all.iter().take(SLOWEST) {
                        @let share = took.as_secs_f64() / longest * 100.0;
                        tr {
                            td {
                                code { (line(&page.monorepo.stack(finished.stack).path)) }
                                svg.share viewBox="0 0 100 1" preserveAspectRatio="none" height="4" aria-hidden="true" {
                                    rect class=(word(finished)) width=(format!("{share:.1}")) height="1" {}
                                }
                            }
                            td.number { (duration(*took)) }
                            td { (word(finished)) }
                        }
                    }
                }
            }
        }
    }
}

/// Which stacks are affected or were evaluated, by the reason.
pub(super) fn reasons(page: &Page<'_>) -> Markup {
    let mut sets: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for stack in page.affected {
        let why = stack.because.first().cloned().unwrap_or_default();
        sets.entry(why).or_default().push(&stack.path);
    }
    if page.affected.is_empty() {
        for finished in &page.report.stacks {
            // A first build has no reason to tell.
            let Some(reason) = finished.remarks().reason.as_ref().filter(|it| **it != Reason::New) else {
                continue;
            };
            let path = &page.monorepo.stack(finished.stack).path;
            sets.entry(reason.to_string()).or_default().push(path);
        }
    }
    let mut sets: Vec<(String, Vec<&str>)> = sets.into_iter().collect();
    sets.sort_by(|(a, these), (b, those)| those.len().cmp(&these.len()).then_with(|| a.cmp(b)));
    let title = if page.affected.is_empty() { "Why stacks were built" } else { "Affected stacks by reason" };
    html! {
        @if !sets.is_empty() {
            section {
                h2 { (title) }
                @for (why, stacks) in sets.iter().take(REASONS) {
                    details { summary { b { (stacks.len()) } " " (line(why)) } (paths(stacks, NAMED)) }
                }
                @if sets.len() > REASONS { p.more { "and " (sets.len() - REASONS) " more reasons" } }
            }
        }
    }
}

/// What became of the stacks of a project.
#[derive(Default)]
struct Sum {
    stacks: usize,
    changed: usize,
    failed: usize,
    took: Duration,
}

/// Projects, those first that took longest.
pub(super) fn projects(page: &Page<'_>) -> Markup {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for finished in &page.report.stacks {
        let project = page.monorepo.project_of(page.monorepo.stack(finished.stack));
        let sum = sums.entry(project.map_or("(no project)", |project| &project.path)).or_default();
        sum.stacks += 1;
        sum.changed += usize::from(word(finished) == "changed");
        sum.failed += usize::from(matches!(finished.outcome, Outcome::Failed(_)));
        sum.took += page.times.get(&finished.stack).map_or(Duration::ZERO, |span| span.took);
    }
    let number = sums.len();
    let mut sums: Vec<(&str, Sum)> = sums.into_iter().collect();
    sums.sort_by(|(a, these), (b, those)| those.took.cmp(&these.took).then_with(|| a.cmp(b)));
    html! {
        @if number > 0 {
            section {
                h2 { "Projects" }
                details {
                    summary { (number) " projects" }
                    table {
                        tr { th { "project" } th { "stacks" } th { "changed" } th { "failed" } th { "time" } }
                        @for (path, sum) in sums.iter().take(PROJECTS) {
                            tr {
                                td { code { (line(path)) } }
                                td.number { (sum.stacks) }
                                td.number { (sum.changed) }
                                td.number { (sum.failed) }
                                td.number { (duration(sum.took)) }
                            }
                        }
                    }
                    @if number > PROJECTS { p.more { "and " (number - PROJECTS) " more" } }
                }
            }
        }
    }
}

/// Some stacks by their paths.
pub(super) fn named(page: &Page<'_>, title: &str, is_meant: fn(&Finished) -> bool) -> Markup {
    let meant = page.report.stacks.iter().filter(|finished| is_meant(finished));
    let found: Vec<&str> = meant.map(|it| page.monorepo.stack(it.stack).path.as_str()).collect();
    html! {
        @if !found.is_empty() {
            section { h2 { (title) } (paths(&found, NAMED * 4)) }
        }
    }
}
