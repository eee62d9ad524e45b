//! How a build goes on: a bar on a terminal, nothing elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ui::{Ui, Verbosity};
use crate::build::{Finished, Outcome, Progress};

/// A bar on stderr.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for so many stacks; hidden where it would not be seen.
    pub(crate) fn new(ui: &Ui, stacks: usize) -> Self {
        Self(drawn(ui, stacks, "stacks"))
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn drawn(ui: &Ui, number: usize, what: &str) -> ProgressBar {
    let target = if ui.draws() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(number as u64), target);
    // A template that does not parse would leave the default style.
    let template = format!("{{bar:30}} {{pos}}/{{len}} {what}, {{elapsed}} {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    if ui.draws() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

/// A bar for hand-overs, and what there is to say about them afterwards.
pub(crate) struct Steps<'a> {
    ui: &'a Ui,
    bar: ProgressBar,
    said: Mutex<Vec<String>>,
}

impl<'a> Steps<'a> {
    /// A bar for so many hand-overs; hidden where it would not be seen.
    pub(crate) fn new(ui: &'a Ui, steps: usize) -> Self {
        Self { ui, bar: drawn(ui, steps, "hand-overs"), said: Mutex::default() }
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Something is to be said at once.
    pub(crate) fn now(&self, text: &str) {
        if self.ui.says(Verbosity::Normal) {
            self.bar.suspend(|| self.ui.message(text));
        }
    }

    /// Something is to be said later.
    pub(crate) fn say(&self, text: String) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Takes the bar away; gives what there is to say.
    pub(crate) fn clear(self) -> Vec<String> {
        self.bar.finish_and_clear();
        let mut said = self.said.into_inner().unwrap_or_else(PoisonError::into_inner);
        said.sort();
        said
    }
}

/// Nobody waits that long.
pub(crate) struct Silent;

impl Progress for Silent {
    fn finished(&self, _stack: &Finished) {}
}

impl Progress for Bar {
    fn finished(&self, stack: &Finished) {
        if matches!(stack.outcome, Outcome::Failed(_)) {
            self.0.set_message("(some failed)");
        }
        self.0.inc(1);
    }
}
