//! How a build goes on: a bar on a terminal, nothing elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ui::Ui;
use crate::build::{Finished, Outcome, Progress};

/// A bar on stderr.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for so many stacks; hidden where it would not be seen.
    pub(crate) fn new(ui: &Ui, stacks: usize) -> Self {
        let target = if ui.draws() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(stacks as u64), target);
        // A template that does not parse would leave the default style.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} stacks, {elapsed} {msg}") {
            bar.set_style(style);
        }
        if ui.draws() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(bar)
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
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
