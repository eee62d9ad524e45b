//! What a build took, for people and for viewers of traces.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::error::Refusal;
use super::ui::{Ui, Verbosity};
use crate::build::profile::{Profile, Span, Step};
use crate::build::write_file;
use crate::monorepo::{Monorepo, StackId};

/// When and where stacks were built.
pub(crate) type Times = BTreeMap<StackId, Span>;

/// A profile, where somebody wants to see it, or something that it tells.
pub(crate) fn wanted(file: Option<&Path>, times: bool, ui: &Ui) -> Option<Profile> {
    (file.is_some() || times || ui.says(Verbosity::Verbose)).then(Profile::begin)
}

/// When and where stacks were built, as far as that was measured.
pub(crate) fn times(profile: Option<&Profile>) -> Times {
    let spans = profile.map(Profile::spans).unwrap_or_default();
    spans.into_iter().filter_map(|span| Some((span.stack?, span))).collect()
}

/// Says what the steps took, and writes the trace of them if a file is named.
pub(crate) fn say(
    profile: Option<&Profile>,
    file: Option<&Path>,
    monorepo: &Monorepo,
    ui: &Ui,
) -> Result<(), Refusal> {
    let Some(profile) = profile else { return Ok(()) };
    let spans = profile.spans();
    if ui.says(Verbosity::Verbose) {
        ui.message(&summary(&spans));
    }
    let Some(file) = file else { return Ok(()) };
    let written = write_file(file, trace(&spans, monorepo).to_string().as_bytes());
    written.map(drop).map_err(|error| {
        let message = format!("cannot write the profile to `{}`: {error}", file.display());
        Refusal::request(message, "give another file with `--profile`")
    })
}

/// The sums of the steps, those of the stacks apart.
fn summary(spans: &[Span]) -> String {
    let sums = |is_meant: fn(Step) -> bool| {
        let sum = |step: &Step| {
            let of_step = spans.iter().filter(|span| span.step == *step);
            let took: Vec<f64> = of_step.map(|span| span.took.as_secs_f64() * 1e3).collect();
            (!took.is_empty()).then(|| format!("{} {:.1} ms", step.word(), took.iter().sum::<f64>()))
        };
        Step::ALL.iter().filter(|step| is_meant(**step)).filter_map(sum).collect::<Vec<_>>().join(", ")
    };
    let phases = sums(|step| step < Step::Stack);
    let in_stacks = sums(Step::is_in_stack);
    match in_stacks.as_str() {
        "" => format!("phases: {phases}\n"),
        _ => format!("phases: {phases}\nin stacks, over all threads: {in_stacks}\n"),
    }
}

/// The trace as `chrome://tracing` and Perfetto read it: times in microseconds.
fn trace(spans: &[Span], monorepo: &Monorepo) -> Value {
    let threads = spans.iter().map(|span| span.thread).max().map_or(0, |last| last + 1);
    let name = |thread| json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": thread, "args": { "name": format!("thread {thread}") } });
    let event = |span: &Span| {
        let stack = span.stack.map(|id| monorepo.stack(id).path.as_str());
        let category = if span.step < Step::Stack { "phase" } else { "stack" };
        json!({
            "name": stack.unwrap_or_else(|| span.step.word()),
            "cat": category,
            "ph": "X",
            "pid": 1,
            "tid": span.thread,
            "ts": span.began.as_nanos() as f64 / 1e3,
            "dur": span.took.as_nanos() as f64 / 1e3,
        })
    };
    let events = (0..threads).map(name).chain(spans.iter().map(event));
    json!({ "displayTimeUnit": "ms", "traceEvents": events.collect::<Vec<_>>() })
}
