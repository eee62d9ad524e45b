//! Diagnostics on stderr, in the form that was asked for.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::diagnostics::Shown;
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
        ErrorFormat::Sarif => format!("{}\n", sarif(&heard)),
    };
    if !text.is_empty() {
        ui.message(&text);
    }
}

fn short(all: &[&Shown]) -> String {
    let mut text = String::new();
    for shown in all {
        if let Some(file) = shown.file() {
            let _ = write!(text, "{file}:");
        }
        if let Some((line, column)) = shown.line_column() {
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

/// See <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.
fn sarif(all: &[&Shown]) -> Value {
    let mut rules: Vec<&str> = all.iter().map(|shown| shown.code()).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    let results: Vec<Value> = all.iter().map(|shown| sarif_result(shown)).collect();
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{
            "tool": { "driver": { "name": "konfig", "version": version, "rules": rules } },
            "results": results,
        }],
    })
}

fn sarif_result(shown: &Shown) -> Value {
    let mut location = serde_json::Map::new();
    if let Some(file) = shown.file() {
        location.insert("artifactLocation".into(), json!({ "uri": file }));
    }
    if let Some((line, column)) = shown.line_column() {
        location.insert("region".into(), json!({ "startLine": line, "startColumn": column }));
    }
    let locations: Vec<Value> =
        if location.is_empty() { Vec::new() } else { vec![json!({ "physicalLocation": location })] };
    json!({
        "ruleId": shown.code(),
        "level": shown.severity(),
        "message": { "text": shown.message() },
        "locations": locations,
    })
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

    #[test]
    fn sarif_has_a_rule_for_each_code() {
        let shown = shown();
        let document = sarif(&[&shown, &shown]);
        assert_eq!(document.pointer("/runs/0/tool/driver/rules"), Some(&json!([{ "id": "E2L23" }])));
        let region = document.pointer("/runs/0/results/1/locations/0/physicalLocation/region");
        assert_eq!(region, Some(&json!({ "startLine": 2, "startColumn": 5 })));
    }
}
