//! Values on one line.

use serde_json::Value;

use crate::cli::text::line;

/// Longer texts are cut.
const LONGEST: usize = 120;

/// A value on one line, shortened: texts in quotes, mappings and lists as JSON.
pub(crate) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text == crate::apply::mask::HIDDEN => text.clone(),
        other => other.to_string(),
    };
    let text = line(&text);
    if text.chars().count() <= LONGEST {
        return text.into_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// The lines that differ between two texts, where both are long enough for that to tell more.
pub(crate) fn lines(before: &Value, after: &Value) -> Option<(Vec<String>, Vec<String>)> {
    let (Value::String(before), Value::String(after)) = (before, after) else { return None };
    if !before.trim_end().contains('\n') && !after.trim_end().contains('\n') {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let shorter = old.len().min(new.len());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count().min(shorter - start);
    let part =
        |lines: &[&str]| lines[start..lines.len() - end].iter().map(|line| (*line).to_owned()).collect();
    let parts: (Vec<String>, Vec<String>) = (part(&old), part(&new));
    // What differs is how the texts end.
    (!parts.0.is_empty() || !parts.1.is_empty()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_on_one_line() {
        assert_eq!(shown(&json!("a\nb")), "\"a\\nb\"");
        assert_eq!(shown(&json!({"a": [1, null]})), "{\"a\":[1,null]}");
        assert_eq!(shown(&json!("(secret)")), "(secret)");
        assert_eq!(shown(&json!("x".repeat(500))).chars().count(), LONGEST);
        assert!(!shown(&json!("\u{9b}31m")).contains('\u{9b}'), "nothing steers a terminal");
    }

    #[test]
    fn lines_that_differ() {
        let found = lines(&json!("a\nb\nc\n"), &json!("a\nx\ny\nc\n"));
        assert_eq!(found, Some((vec!["b".to_owned()], vec!["x".to_owned(), "y".to_owned()])));
        assert_eq!(lines(&json!("a"), &json!("b")), None);
    }
}
