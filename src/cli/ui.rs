//! The two streams: stdout for results, stderr for everything else.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

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
    /// Also what became of each stack, and what it printed.
    Verbose,
}

/// Where a command speaks.
pub(crate) struct Ui {
    color: bool,
    verbosity: Verbosity,
    error_format: ErrorFormat,
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
}

impl Ui {
    /// Decides whether messages have colours.
    pub(crate) fn new(color: Color, verbosity: Verbosity) -> Self {
        let wanted =
            || io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        let color = match color {
            Color::Auto => wanted(),
            Color::Always => true,
            Color::Never => false,
        };
        Self { color, verbosity, error_format: ErrorFormat::default() }
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
        let mut out = io::stderr().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
    }

    /// A piece of a message, coloured if colours are on.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Error => "1;31",
            Style::Warning => "1;33",
            Style::Place => "1;34",
            Style::Strong => "1",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
