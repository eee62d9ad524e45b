//! The two streams: stdout for results, stderr for everything else.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use super::github::annotations::{Places, harmless};
use super::report::ErrorFormat;

/// When messages have colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Results and errors.
    Quiet,
    /// Also warnings, progress on a terminal, and the summary.
    Normal,
    /// Also what became of each stack, what it printed, and how long phases took.
    Verbose,
}

/// Where a command speaks.
pub(crate) struct Ui {
    color: bool,
    result_color: bool,
    verbosity: Verbosity,
    error_format: ErrorFormat,
    /// Where this runs in a workflow of GitHub.
    workflow: Option<Places>,
}

/// How a piece of a message stands out.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// What is wrong.
    Error,
    /// What may be wrong.
    Warning,
    /// Places and rules.
    Place,
    /// The sentence itself.
    Strong,
    /// What is new.
    Added,
    /// What differs.
    Changed,
    /// What is gone.
    Removed,
}

impl Ui {
    /// Decides whether messages have colours.
    pub(crate) fn new(color: Color, verbosity: Verbosity) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        let decided = |is_terminal: bool| match color {
            Color::Auto => is_terminal && !plain,
            Color::Always => true,
            Color::Never => false,
        };
        let (color, result_color) =
            (decided(io::stderr().is_terminal()), decided(io::stdout().is_terminal()));
        Self { color, result_color, verbosity, error_format: ErrorFormat::default(), workflow: None }
    }

    /// The same in a workflow of GitHub.
    pub(crate) fn in_workflow(self, workflow: Option<Places>) -> Self {
        Self { workflow, ..self }
    }

    /// The workflow of GitHub that this runs in.
    pub(crate) fn workflow(&self) -> Option<&Places> {
        self.workflow.as_ref()
    }

    /// The same with diagnostics in another form.
    pub(crate) fn with_error_format(self, error_format: ErrorFormat) -> Self {
        Self { error_format, ..self }
    }

    /// The form of diagnostics.
    pub(crate) fn error_format(&self) -> ErrorFormat {
        self.error_format
    }

    /// Whether something of this importance is said.
    pub(crate) fn says(&self, verbosity: Verbosity) -> bool {
        self.verbosity >= verbosity
    }

    /// Whether progress is worth drawing.
    pub(crate) fn draws(&self) -> bool {
        self.says(Verbosity::Normal) && io::stderr().is_terminal()
    }

    /// Writes a result. A reader who has gone away is no error.
    ///
    /// # Errors
    /// What the operating system said.
    pub(crate) fn result(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }

    /// Writes a message. If nobody can read it, nobody can be told.
    pub(crate) fn message(&self, text: &str) {
        match self.workflow {
            Some(_) => self.command(&harmless(text)),
            None => self.command(text),
        }
    }

    /// Writes a message that GitHub may take for a command.
    pub(crate) fn command(&self, text: &str) {
        let mut out = io::stderr().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
    }

    /// A piece of a message, coloured if colours are on.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.color { painted(style, text) } else { text.to_owned() }
    }

    /// A piece of a result, coloured if results have colours.
    pub(crate) fn result_paint(&self, style: Style, text: &str) -> String {
        if self.result_color { painted(style, text) } else { text.to_owned() }
    }
}

fn painted(style: Style, text: &str) -> String {
    let code = match style {
        Style::Error => "1;31",
        Style::Warning => "1;33",
        Style::Place => "1;34",
        Style::Strong => "1",
        Style::Added => "32",
        Style::Changed => "33",
        Style::Removed => "31",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}
