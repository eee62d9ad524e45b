//! What a target gets of a stack: the artifact as it is, or plain manifests and a Terraform module.

use std::fmt::Write as _;

use serde_json::Value;

use super::change_set::StackChange;
use super::order::{self, REFERENCE};
use super::resource::{Provider, Resource};
use super::terraform;
use crate::monorepo::konfig_yaml::Form;

/// The file of plain Kubernetes resources, in the folder of a stack.
pub const MANIFESTS: &str = "manifests.yaml";
/// The file of Terraform resources, in the folder of a stack.
pub const TERRAFORM: &str = "main.tf.json";

/// A file that a target gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its path from the top of the target.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// What a target gets of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The files, the main one first.
    pub files: Vec<Output>,
    /// What users should know, as sentences.
    pub notes: Vec<String>,
}

/// The paths of all files that a target may have of a stack.
#[must_use]
pub fn paths(form: Form, change: &StackChange) -> Vec<String> {
    match form {
        Form::Artifact => vec![change.artifact.clone()],
        Form::Manifests => [MANIFESTS, TERRAFORM].map(|name| inside(&change.path, name)).into(),
    }
}

fn inside(stack: &str, name: &str) -> String {
    if stack == "." { name.to_owned() } else { format!("{stack}/{name}") }
}

/// An artifact in a form.
///
/// # Errors
/// Where it has not this form, as a sentence.
pub fn render(form: Form, change: &StackChange, artifact: &str) -> Result<Rendered, String> {
    match form {
        Form::Artifact => {
            let file = Output { path: change.artifact.clone(), text: artifact.to_owned() };
            Ok(Rendered { files: vec![file], notes: Vec::new() })
        }
        Form::Manifests => manifests(change, artifact),
    }
}

fn manifests(change: &StackChange, artifact: &str) -> Result<Rendered, String> {
    let resources = documents(artifact)?;
    let (all, texts): (Vec<Resource>, Vec<Option<String>>) = resources.into_iter().unzip();
    let order = order::sorted(&all)
        .map_err(|circle| format!("resources depend on each other in a circle: {}", circle.join(", ")))?;
    let mut rendered = Rendered::default();
    let mut text = String::new();
    let of_terraform: Vec<&Resource> =
        order.iter().map(|at| &all[*at]).filter(|it| it.provider == Provider::Terraform).collect();
    for at in order.iter().copied().filter(|at| all[*at].provider != Provider::Terraform) {
        let separator = if text.is_empty() { "" } else { "---\n" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{}", plain(&all[at], texts[at].as_deref()));
        if mentions(all[at].attributes()) {
            rendered.notes.push(format!(
                "`{}` refers to what only Terraform knows; its manifest has the reference as it is",
                all[at].id
            ));
        }
    }
    if !text.is_empty() || of_terraform.is_empty() {
        rendered.files.push(Output { path: inside(&change.path, MANIFESTS), text });
    }
    if !of_terraform.is_empty() {
        let mut text =
            serde_json::to_string_pretty(&terraform::module(&of_terraform, &all)?).unwrap_or_default();
        text.push('\n');
        rendered.files.push(Output { path: inside(&change.path, TERRAFORM), text });
    }
    Ok(rendered)
}

/// The resources of an artifact, each with the text of its document if it has one alone.
fn documents(artifact: &str) -> Result<Vec<(Resource, Option<String>)>, String> {
    let whole = Resource::parse(artifact)?;
    let texts: Vec<&str> = split(artifact).collect();
    let alone = |text: &&str| Resource::parse(text).is_ok_and(|found| found.len() == 1);
    if texts.len() == whole.len() && texts.iter().all(alone) {
        return Ok(whole.into_iter().zip(texts).map(|(it, text)| (it, Some(text.to_owned()))).collect());
    }
    Ok(whole.into_iter().map(|it| (it, None)).collect())
}

/// The documents of a stream that hold something. Lines of texts that go over several lines are indented, so a line that
/// starts with `---` always stands between documents.
fn split(artifact: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(artifact);
    let documents = std::iter::from_fn(move || {
        let text = rest?;
        let text = text.strip_prefix("---\n").unwrap_or(text);
        match text.find("\n---\n") {
            Some(at) => {
                rest = Some(&text[at + 1..]);
                Some(&text[..=at])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    });
    documents.filter(|text| !text.trim().is_empty())
}

/// What is applied of a resource as YAML. Its own text is kept where that says the same: quotes and all.
fn plain(resource: &Resource, text: Option<&str>) -> String {
    let text = match text {
        Some(text) if resource.is_spec() => attributes(text),
        Some(text) => Some(text.to_owned()),
        None => None,
    };
    let says_same = |text: &String| {
        Resource::parse(text)
            .is_ok_and(|found| matches!(&found[..], [one] if one.document == *resource.attributes()))
    };
    match text.filter(says_same) {
        Some(text) if text.ends_with('\n') => text,
        Some(text) => text + "\n",
        // JSON is YAML, and nobody takes its texts for something else.
        None => format!("{:#}\n", resource.attributes()),
    }
}

/// The lines below `attributes:` without what indents them.
fn attributes(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| *line != "attributes:");
    lines.next()?;
    let mut found = String::new();
    for line in lines {
        match line.strip_prefix("  ") {
            Some(line) => found.push_str(line),
            None if line.trim().is_empty() => {}
            // Lists may stand as far left as their key; the mapping of attributes does not.
            None => break,
        }
        found.push('\n');
    }
    Some(found)
}

/// Whether any text of a value refers to another resource.
fn mentions(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(REFERENCE),
        Value::Array(items) => items.iter().any(mentions),
        Value::Object(map) => map.values().any(mentions),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::change_set::StackStatus;

    fn change(path: &str) -> StackChange {
        StackChange {
            path: path.into(),
            project: None,
            name: "dev".into(),
            status: StackStatus::Added,
            artifact: format!("{path}.yaml"),
            digest: None,
            previous: None,
            resources: Vec::new(),
            unchanged: 0,
        }
    }

    #[test]
    fn specs_become_plain_documents_in_order() {
        let artifact = "id: apps/v1:Deployment:n:web
type: Kubernetes
attributes:
  apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: web
    namespace: n
    annotations:
      on: 'on'
      text: |
        one

        ---
        two
dependsOn:
- v1:Namespace:n
---
id: v1:Namespace:n
type: Kubernetes
attributes:
  apiVersion: v1
  kind: Namespace
  metadata:
    name: n
";
        let rendered = render(Form::Manifests, &change("a/dev"), artifact).expect("manifests");
        assert_eq!(rendered.files.len(), 1);
        assert_eq!(rendered.files[0].path, "a/dev/manifests.yaml");
        let expected = "apiVersion: v1
kind: Namespace
metadata:
  name: n
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: n
  annotations:
    on: 'on'
    text: |
      one

      ---
      two
";
        assert_eq!(rendered.files[0].text, expected);
    }

    #[test]
    fn plain_manifests_stay_as_they_are() {
        let artifact = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n";
        let rendered = render(Form::Manifests, &change("a"), artifact).expect("manifests");
        assert_eq!(rendered.files[0].text, artifact);
        let rendered = render(Form::Artifact, &change("a"), artifact).expect("the artifact");
        assert_eq!(rendered.files[0], Output { path: "a.yaml".into(), text: artifact.into() });
    }

    #[test]
    fn a_list_is_told_in_json() {
        let artifact = "- id: x\n  type: Kubernetes\n  attributes: {apiVersion: v1, kind: A, metadata: {name: 'on'}}\n- id: y\n  attributes: {}\n";
        let rendered = render(Form::Manifests, &change("a"), artifact).expect("manifests");
        assert!(rendered.files[0].text.contains("\"name\": \"on\""), "{}", rendered.files[0].text);
    }

    #[test]
    fn circles_are_refused() {
        let artifact = "id: a\nattributes: {}\ndependsOn: [b]\n---\nid: b\nattributes: {}\ndependsOn: [a]\n";
        let why = render(Form::Manifests, &change("a"), artifact).expect_err("a circle");
        assert_eq!(why, "resources depend on each other in a circle: a, b");
    }
}
