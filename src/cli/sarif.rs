//! Diagnostics as code scanners take them: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::diagnostics::{Shown, ShownNote, ShownPlace};
use super::github::annotations::Places;

/// One document. In a workflow files are named from the top of the checkout, as scanners want them.
pub(crate) fn sarif(all: &[&Shown], workflow: Option<&Places>) -> Value {
    let mut rules: Vec<&str> = all.iter().map(|shown| shown.code()).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    // Scanners take no result that is nowhere: it is one of the tool itself.
    let (placed, others): (Vec<&Shown>, Vec<&Shown>) = all.iter().partition(|it| it.place().file().is_some());
    let results: Vec<Value> = placed.iter().map(|shown| result(shown, workflow)).collect();
    let others: Vec<Value> = others.iter().map(|shown| notification(shown)).collect();
    let successful = !all.iter().any(|shown| shown.is_error());
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{
            "tool": { "driver": { "name": "konfig", "version": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": successful, "toolExecutionNotifications": others }],
            "results": results,
        }],
    })
}

fn result(shown: &Shown, workflow: Option<&Places>) -> Value {
    let locations: Vec<Value> = location(shown.place(), workflow).into_iter().collect();
    let related = |(at, note): (usize, &ShownNote)| {
        let mut location = location(&note.place, workflow)?;
        location["id"] = json!(at + 1);
        location["message"] = json!({ "text": note.message });
        Some(location)
    };
    let related: Vec<Value> = shown.notes().iter().enumerate().filter_map(related).collect();
    json!({
        "ruleId": shown.code(),
        "level": shown.severity(),
        "message": { "text": message(shown) },
        "locations": locations,
        "relatedLocations": related,
        "properties": { "stacks": shown.stacks() },
    })
}

fn notification(shown: &Shown) -> Value {
    let (id, level) = (shown.code(), shown.severity());
    json!({ "descriptor": { "id": id }, "level": level, "message": { "text": message(shown) } })
}

fn message(shown: &Shown) -> String {
    let help = shown.hints().iter().map(|hint| format!("\nhelp: {hint}"));
    format!("{}{}", shown.message(), help.collect::<String>())
}

fn location(place: &ShownPlace, workflow: Option<&Places>) -> Option<Value> {
    let file = place.file()?;
    let file = workflow.map_or_else(|| file.to_owned(), |places| places.named_from_top(file));
    let mut physical = json!({ "artifactLocation": { "uri": uri(&file) } });
    if let (Some((line, column)), Some(end)) = (place.line_column(), place.end_column()) {
        physical["region"] = json!({ "startLine": line, "startColumn": column, "endColumn": end });
    }
    Some(json!({ "physicalLocation": physical }))
}

/// A path as a reference to a file.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use syntax::{Code, Diagnostic, Source, Span};

    use super::*;
    use crate::cli::github::annotations::places;

    fn shown() -> Shown {
        let source = Arc::new(Source::new("a b/main.k", "x = 1\ny = zed\n"));
        let diagnostic = Diagnostic::new(Code::Compile, &source, Span::new(10, 13), "`zed` is not defined");
        Shown::diagnostic(&diagnostic.hint("did you mean `x`?").note(&source, Span::new(0, 1), "`x` is here"))
    }

    #[test]
    fn a_rule_for_each_code_and_a_place_for_each_result() {
        let shown = shown();
        let document = sarif(&[&shown, &shown], None);
        assert_eq!(document.pointer("/runs/0/tool/driver/rules"), Some(&json!([{ "id": "E2L23" }])));
        let result = &document["runs"][0]["results"][1];
        let region = result.pointer("/locations/0/physicalLocation/region");
        assert_eq!(region, Some(&json!({ "startLine": 2, "startColumn": 5, "endColumn": 8 })));
        let uri = result.pointer("/locations/0/physicalLocation/artifactLocation/uri");
        assert_eq!(uri, Some(&json!("a%20b/main.k")));
        assert_eq!(result["message"]["text"], "`zed` is not defined\nhelp: did you mean `x`?");
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "`x` is here");
        assert_eq!(result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"], 1);
    }

    #[test]
    fn what_is_nowhere_is_said_by_the_tool_itself() {
        let placeless = Shown::error("C01", "no stack".into(), None, Vec::new());
        let run = &sarif(&[&placeless], None)["runs"][0];
        assert_eq!(run["results"], json!([]));
        let said = &run["invocations"][0]["toolExecutionNotifications"][0];
        assert_eq!(said["message"]["text"], "no stack");
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }

    #[test]
    fn workflows_name_files_from_the_top() {
        let places = places("/srv/repo/konfig".into(), Some(Path::new("/srv/repo")));
        let document = sarif(&[&shown()], Some(&places));
        let uri = document.pointer("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri");
        assert_eq!(uri, Some(&json!("konfig/a%20b/main.k")));
    }
}
