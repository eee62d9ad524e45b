//! Comparing artifacts with goldens: as YAML documents, key order included.

use serde::Deserialize;
use serde_yaml_ng::Value;

/// Where an artifact and its golden part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The document, counted from 1, and the keys that lead there: `2: spec.replicas`.
    pub path: String,
    /// What the golden has there.
    pub golden: String,
    /// What the artifact has there.
    pub artifact: String,
    /// Whether that is in a Kubernetes `Secret`.
    pub in_secret: bool,
}

/// The first difference; `None` where both say the same.
///
/// # Errors
/// Where the golden is not YAML: what the parser said.
pub fn compare(golden: &str, artifact: &str) -> Result<Option<Difference>, String> {
    if golden == artifact {
        return Ok(None);
    }
    let golden = documents(golden)?;
    let artifact = documents(artifact)?;
    for (at, (golden, artifact)) in golden.iter().zip(&artifact).enumerate() {
        if let Some(found) = difference(golden, artifact, &mut vec![format!("{}:", at + 1)]) {
            return Ok(Some(Difference { in_secret: is_secret(golden) || is_secret(artifact), ..found }));
        }
    }
    let count = |documents: &[Value]| format!("{} documents", documents.len());
    let differs = golden.len() != artifact.len();
    Ok(differs.then(|| Difference {
        path: String::new(),
        golden: count(&golden),
        artifact: count(&artifact),
        in_secret: false,
    }))
}

/// The documents of a stream that hold something.
///
/// # Errors
/// Where the text is not YAML: what the parser said.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    let documents = serde_yaml_ng::Deserializer::from_str(text).map(Value::deserialize);
    let documents: Result<Vec<_>, _> =
        documents.filter(|document| !matches!(document, Ok(Value::Null))).collect();
    documents.map_err(|error| error.to_string())
}

/// Whether a document, or the attributes of a resource, are a `Secret`.
fn is_secret(document: &Value) -> bool {
    let is_kind = |value: &Value| value.get("kind").and_then(Value::as_str) == Some("Secret");
    is_kind(document) || document.get("attributes").is_some_and(is_kind)
}

fn difference(golden: &Value, artifact: &Value, path: &mut Vec<String>) -> Option<Difference> {
    match (golden, artifact) {
        (Value::Mapping(left), Value::Mapping(right)) => {
            let pairs = left.iter().zip(right);
            let inner = pairs.map(|((left_key, left), (right_key, right))| {
                if left_key != right_key {
                    return Some(differ(path, &shown_key(left_key), &shown_key(right_key)));
                }
                within(path, show(left_key), |path| difference(left, right, path))
            });
            first(inner).or_else(|| lengths(path, left.len(), right.len(), "entries"))
        }
        (Value::Sequence(left), Value::Sequence(right)) => {
            let pairs = left.iter().zip(right).enumerate();
            let inner = pairs.map(|(at, (left, right))| {
                within(path, at.to_string(), |path| difference(left, right, path))
            });
            first(inner).or_else(|| lengths(path, left.len(), right.len(), "items"))
        }
        _ if golden == artifact => None,
        _ => Some(differ(path, &show(golden), &show(artifact))),
    }
}

fn first(mut differences: impl Iterator<Item = Option<Difference>>) -> Option<Difference> {
    differences.find_map(|found| found)
}

fn within<T>(path: &mut Vec<String>, step: String, inner: impl FnOnce(&mut Vec<String>) -> T) -> T {
    path.push(step);
    let result = inner(path);
    path.pop();
    result
}

fn lengths(path: &[String], golden: usize, artifact: usize, what: &str) -> Option<Difference> {
    (golden != artifact).then(|| differ(path, &format!("{golden} {what}"), &format!("{artifact} {what}")))
}

fn differ(path: &[String], golden: &str, artifact: &str) -> Difference {
    let (document, keys) =
        path.split_first().map_or(("", [].as_slice()), |(first, keys)| (first.as_str(), keys));
    let path = format!("{document} {}", keys.join("."));
    let (golden, artifact) = (golden.to_owned(), artifact.to_owned());
    Difference { path: path.trim_end().to_owned(), golden, artifact, in_secret: false }
}

fn shown_key(key: &Value) -> String {
    format!("key {}", show(key))
}

/// A value on one line, shortened.
fn show(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Mapping(entries) => format!("a mapping of {}", entries.len()),
        Value::Sequence(items) => format!("a list of {}", items.len()),
        other => serde_yaml_ng::to_string(other).unwrap_or_default().trim_end().to_owned(),
    };
    let line: String = text.chars().map(|letter| if letter == '\n' { ' ' } else { letter }).collect();
    if line.chars().count() <= 60 { line } else { line.chars().take(57).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(golden: &str, artifact: &str) -> Option<String> {
        compare(golden, artifact).expect("YAML").map(|difference| difference.path)
    }

    #[test]
    fn layout_does_not_count() {
        assert_eq!(path("a: {b: 1}\n---\n", "a:\n  b: 1 # one\n"), None);
        assert_eq!(path("a: 'x'", "a: x"), None);
    }

    #[test]
    fn order_values_and_lengths_count() {
        assert_eq!(path("a: 1\nb: 2", "b: 2\na: 1").as_deref(), Some("1:"));
        assert_eq!(path("a: [1, {b: 2}]", "a: [1, {b: 3}]").as_deref(), Some("1: a.1.b"));
        assert_eq!(path("a: [1]", "a: [1, 2]").as_deref(), Some("1: a"));
        assert_eq!(path("a: '1'", "a: 1").as_deref(), Some("1: a"));
        assert_eq!(path("a: 1\n---\nb: 1", "a: 1").as_deref(), Some(""));
    }

    #[test]
    fn a_golden_that_is_not_yaml_is_refused() {
        assert!(compare("a: [", "a: 1").is_err());
    }
}
