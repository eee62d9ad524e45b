//! Where in a document something stands.

use std::fmt::{self, Display, Formatter};

/// The steps that lead to a value: `spec.containers[name=web].image`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The value of a key.
    Key(String),
    /// The element at a place.
    Index(usize),
    /// The element that has a value at a key.
    Item {
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
    },
}

impl Path {
    /// The path without its first step, if that is this key.
    #[must_use]
    pub fn below(&self, key: &str) -> Option<&[Step]> {
        match self.0.split_first() {
            Some((Step::Key(first), rest)) if first == key => Some(rest),
            _ => None,
        }
    }

    /// A path as text.
    #[must_use]
    pub fn text(steps: &[Step]) -> String {
        let mut text = String::new();
        for step in steps {
            match step {
                Step::Key(key) if is_plain(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(key);
                }
                Step::Key(key) => text.push_str(&format!("[{}]", quoted(key))),
                Step::Index(at) => text.push_str(&format!("[{at}]")),
                Step::Item { key, value } if is_word(value) => text.push_str(&format!("[{key}={value}]")),
                Step::Item { key, value } => text.push_str(&format!("[{key}={}]", quoted(value))),
            }
        }
        text
    }
}

impl Display for Path {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&Self::text(&self.0))
    }
}

/// Whether a key needs no quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-$".contains(letter))
}

/// Whether a value in brackets needs no quotes.
fn is_word(value: &str) -> bool {
    !value.is_empty()
        && value.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./:".contains(letter))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_text() {
        let key = |key: &str| Step::Key(key.to_owned());
        let item = |value: &str| Step::Item { key: "name", value: value.to_owned() };
        let path = Path(vec![key("spec"), key("containers"), item("web"), key("env"), Step::Index(1)]);
        assert_eq!(path.to_string(), "spec.containers[name=web].env[1]");
        let path = Path(vec![key("labels"), key("app.kubernetes.io/name"), item("a b")]);
        assert_eq!(path.to_string(), "labels[\"app.kubernetes.io/name\"][name=\"a b\"]");
    }
}
