//! Diagnostics on stderr, in the form that was asked for.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::ValueEnum;

use super::diagnostics::Shown;
use super::github::annotations;
use super::sarif::sarif;
use super::ui::{Ui, Verbosity};
use crate::build::checkout::Checkout;

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorFormat {
    /// For people: with source lines and help
    #[default]
    Pretty,
    /// One line each: `file:line:column: error[E2G22]: message`
    Short,
    /// One JSON object a line
    Json,
    /// One SARIF 2.1.0 document, as code scanners take it
    Sarif,
}

impl ErrorFormat {
    /// What arguments ask for that may be wrong otherwise; for people where they ask for nothing.
    pub(crate) fn asked_for(arguments: &[OsString]) -> Self {
        const FLAG: &str = "--error-format";
        let mut words = arguments.iter().map(|word| word.to_str().unwrap_or_default());
        let mut asked = None;
        while let Some(word) = words.next() {
            match word.strip_prefix(FLAG) {
                Some("") => asked = words.next(),
                Some(rest) => asked = rest.strip_prefix('=').or(asked),
                None => {}
            }
        }
        asked.and_then(|name| Self::from_str(name, false).ok()).unwrap_or_default()
    }
}

/// What a store has to say, and what was in the way of remembering.
pub(crate) fn notices(checkout: &Checkout, problems: Vec<String>) -> Vec<Shown> {
    let later = checkout.store.take_notices();
    let notices = checkout.notices.iter().chain(&later).map(Shown::notice);
    let problems = problems.into_iter().map(|problem| Shown::warning("S02", problem, Vec::new()));
    notices.chain(problems).collect()
}

/// Says what is wrong; warnings only where the user wants to hear them.
pub(crate) fn say(all: &[Shown], ui: &Ui) {
    let heard: Vec<&Shown> =
        all.iter().filter(|shown| shown.is_error() || ui.says(Verbosity::Normal)).collect();
    let text = match ui.error_format() {
        ErrorFormat::Pretty => heard.iter().map(|shown| format!("{}\n", shown.render(ui))).collect(),
        ErrorFormat::Short => short(&heard),
        ErrorFormat::Json => lines(&heard),
        ErrorFormat::Sarif => format!("{}\n", sarif(&heard, ui.workflow())),
    };
    if !text.is_empty() {
        ui.message(&text);
    }
    // A form for programs has nothing else in it.
    if let (Some(places), ErrorFormat::Pretty | ErrorFormat::Short) = (ui.workflow(), ui.error_format()) {
        ui.command(&annotations::commands(&heard, places));
    }
}

fn short(all: &[&Shown]) -> String {
    let mut text = String::new();
    for shown in all {
        if let Some(file) = shown.place().file() {
            let _ = write!(text, "{file}:");
        }
        if let Some((line, column)) = shown.place().line_column() {
            let _ = write!(text, "{line}:{column}:");
        }
        let space = if text.is_empty() || text.ends_with('\n') { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{space}{}[{}]: {}", shown.severity(), shown.code(), shown.message());
    }
    text
}

fn lines(all: &[&Shown]) -> String {
    // Plain data with text keys always has a JSON form.
    all.iter().map(|shown| serde_json::to_string(shown).unwrap_or_default() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use syntax::{Code, Diagnostic, Source, Span};

    use super::*;

    fn shown() -> Shown {
        let source = Arc::new(Source::new("a/main.k", "x = 1\ny = zed\n"));
        Shown::diagnostic(&Diagnostic::new(Code::Compile, &source, Span::new(10, 13), "`zed` is not defined"))
    }

    #[test]
    fn short_lines_name_place_and_code() {
        let placeless = Shown::error("C01", "no stack".into(), None, Vec::new());
        let text = short(&[&shown(), &placeless]);
        assert_eq!(text, "a/main.k:2:5: error[E2L23]: `zed` is not defined\nerror[C01]: no stack\n");
    }
}
