//! When each stack was built, on which thread.

use std::collections::BTreeMap;
use std::time::Duration;

use maud::{Markup, html};

use super::{Page, duration, word};
use crate::build::Finished;
use crate::build::profile::{Span, Step};
use crate::cli::text::line;
use crate::monorepo::StackId;

/// How wide the picture is in its own units.
const WIDTH: f64 = 1000.0;
/// How high a lane is, and how far lanes are apart.
const HEIGHT: usize = 14;
const PITCH: usize = 18;
/// Shorter stacks are drawn as one with their neighbours.
const NARROWEST: f64 = 2.0;
/// How many threads are drawn.
const LANES: usize = 32;

/// Something that took time, in units of the picture.
#[derive(Debug, PartialEq)]
struct Bar {
    from: f64,
    to: f64,
    class: &'static str,
    title: String,
    /// How many stacks it stands for.
    stacks: usize,
}

/// The steps of the build on the first lane, then a lane a thread.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let Some(end) = page.spans.iter().map(|span| span.began + span.took).max() else { return html! {} };
    let found: BTreeMap<StackId, &Finished> = page.report.stacks.iter().map(|it| (it.stack, it)).collect();
    let mut lanes: BTreeMap<usize, Vec<Bar>> = BTreeMap::new();
    let mut steps = Vec::new();
    for span in page.spans {
        match span.stack {
            Some(id) => {
                let path = &page.monorepo.stack(id).path;
                let class = found.get(&id).map_or("built", |finished| word(finished));
                let lane = lanes.entry(span.thread).or_default();
                add(lane, bar(span, end, class, format!("{}, {}", line(path), duration(span.took))));
            }
            None if span.step < Step::Stack => {
                let class = if steps.len() % 2 == 0 { "step" } else { "step odd" };
                let title = format!("{}, {}", span.step.word(), duration(span.took));
                steps.push(bar(span, end, class, title));
            }
            None => {}
        }
    }
    let taken = page.spans.iter().filter(|span| span.step < Step::Stack);
    let taken: Vec<String> =
        taken.map(|span| format!("{} {}", span.step.word(), duration(span.took))).collect();
    let threads = lanes.len();
    let lanes: Vec<Vec<Bar>> = std::iter::once(steps).chain(lanes.into_values().take(LANES)).collect();
    let height = lanes.len() * PITCH;
    html! {
        section {
            h2 { "Time line" }
            p.legend {
                "The first line has the steps of the build, the others what each thread did: "
                @for what in ["changed", "built", "checked", "reused", "failed"] { span.(what) { (what) } " " }
                span.many { "several short ones" }
                @if threads > LANES { ". " (threads - LANES) " more threads are not drawn" }
            }
            svg.timeline viewBox=(format!("0 0 {WIDTH} {height}")) height=(height) preserveAspectRatio="none" role="img" aria-label="when stacks were built" {
                @for (at, lane) in lanes.iter().enumerate() {
                    @for bar in lane { (drawn(bar, at * PITCH)) }
                }
            }
            p.axis { span { "0" } span { (duration(end / 2)) } span { (duration(end)) } }
            p.legend { (taken.join(", ")) }
        }
    }
}

fn bar(span: &Span, end: Duration, class: &'static str, title: String) -> Bar {
    let unit = |at: Duration| at.as_secs_f64() / end.as_secs_f64().max(1e-9) * WIDTH;
    Bar { from: unit(span.began), to: unit(span.began + span.took), class, title, stacks: 1 }
}

/// Adds a bar to those of a lane; it must not begin before them. Short ones that touch become one.
fn add(lane: &mut Vec<Bar>, bar: Bar) {
    let is_short = |bar: &Bar| bar.to - bar.from < NARROWEST;
    match lane.last_mut() {
        Some(last)
            if is_short(&bar)
                && (last.stacks > 1 || is_short(last))
                && bar.from < last.to + NARROWEST / 2.0 =>
        {
            last.stacks += 1;
            last.to = last.to.max(bar.to);
            // Who looks for what failed finds it.
            last.class = if last.class == "failed" || bar.class == "failed" { "failed" } else { "many" };
            last.title = format!("{} stacks", last.stacks);
        }
        _ => lane.push(bar),
    }
}

fn drawn(bar: &Bar, y: usize) -> Markup {
    let number = |number: f64| format!("{number:.1}");
    let width = (bar.to - bar.from).max(0.7);
    html! {
        rect class=(bar.class) x=(number(bar.from)) y=(y) width=(number(width)) height=(HEIGHT) {
            title { (bar.title) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stay_small_however_many_stacks_there_are() {
        let mut lane = Vec::new();
        for n in 0..100_000_u32 {
            let from = f64::from(n) / 100.0;
            let class = if n == 500 { "failed" } else { "built" };
            add(&mut lane, Bar { from, to: from + 0.01, class, title: String::new(), stacks: 1 });
        }
        assert!(lane.len() < 1000, "{}", lane.len());
        assert_eq!(lane.iter().map(|bar| bar.stacks).sum::<usize>(), 100_000);
        assert!(lane.iter().any(|bar| bar.class == "failed"));
    }

    #[test]
    fn long_stacks_have_bars_of_their_own() {
        let bar = |from: f64, to: f64| Bar { from, to, class: "built", title: String::new(), stacks: 1 };
        let mut lane = Vec::new();
        for (from, to) in [(0.0, 10.0), (10.0, 10.5), (10.5, 11.0), (11.0, 40.0), (90.0, 90.1)] {
            add(&mut lane, bar(from, to));
        }
        let stacks: Vec<usize> = lane.iter().map(|bar| bar.stacks).collect();
        assert_eq!(stacks, [1, 2, 1, 1]);
    }
}
