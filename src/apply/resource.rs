//! What an artifact is made of: resources, in either of the two forms that there are.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};
use serde_yaml_ng::Value as Yaml;

use crate::build::golden;

/// One thing of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What names it in its artifact, in both forms alike: `apps/v1:Deployment:shop:web`.
    pub id: String,
    /// What it is, for people: `Deployment`, `aws_s3_bucket`.
    pub kind: String,
    /// Who it is for.
    pub provider: Provider,
    /// The whole document.
    pub document: Value,
    /// Whether `document` is a spec, with what is applied below `attributes`.
    is_spec: bool,
}

/// Who a resource is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// A cluster.
    Kubernetes,
    /// A provider of Terraform.
    Terraform,
    /// Nobody that is known here.
    Other,
}

const NULL: Value = Value::Null;

impl Resource {
    /// The resources of an artifact, in the order in which they stand there.
    ///
    /// # Errors
    /// Where the text is no YAML: what the parser said.
    pub fn parse(artifact: &str) -> Result<Vec<Self>, String> {
        let mut documents = Vec::new();
        for document in golden::documents(artifact)? {
            flatten(json(document), &mut documents);
        }
        let mut taken = BTreeSet::new();
        let mut resources = Vec::with_capacity(documents.len());
        for (at, document) in documents.into_iter().enumerate() {
            let mut resource = Self::of(document, at);
            resource.id = unique(resource.id, &mut taken);
            resources.push(resource);
        }
        Ok(resources)
    }

    /// The resource that a document is, given its place among others.
    fn of(document: Value, at: usize) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        if let (Some(id), Some(_)) = (text(&document, "id"), document.get("attributes")) {
            let provider = match text(&document, "type").as_deref() {
                Some("Kubernetes") => Provider::Kubernetes,
                Some("Terraform") => Provider::Terraform,
                _ => Provider::Other,
            };
            let kind = spec_kind(&document, &id, provider);
            return Self { id, kind, provider, document, is_spec: true };
        }
        match (text(&document, "apiVersion"), text(&document, "kind")) {
            (Some(version), Some(kind)) => {
                let metadata = document.get("metadata").unwrap_or(&NULL);
                let parts = [text(metadata, "namespace"), text(metadata, "name")];
                let id = [Some(version), Some(kind.clone())].into_iter().chain(parts).flatten();
                let id = id.collect::<Vec<_>>().join(":");
                Self { id, kind, provider: Provider::Kubernetes, document, is_spec: false }
            }
            _ => {
                let id = format!("document:{}", at + 1);
                let kind = "document".to_owned();
                Self { id, kind, provider: Provider::Other, document, is_spec: false }
            }
        }
    }

    /// What is applied of it.
    #[must_use]
    pub fn attributes(&self) -> &Value {
        if self.is_spec { self.document.get("attributes").unwrap_or(&NULL) } else { &self.document }
    }

    /// What says how it is applied; nothing for a manifest.
    #[must_use]
    pub fn extensions(&self) -> &Value {
        if self.is_spec { self.document.get("extensions").unwrap_or(&NULL) } else { &NULL }
    }

    /// Whether what is applied stands below `attributes`.
    #[must_use]
    pub fn is_spec(&self) -> bool {
        self.is_spec
    }

    /// The ids that it says it comes after.
    pub fn depends_on(&self) -> impl Iterator<Item = &str> {
        let listed = self.document.get("dependsOn").filter(|_| self.is_spec).and_then(Value::as_array);
        listed.into_iter().flatten().filter_map(Value::as_str)
    }
}

/// Adds what a document stands for: the elements of a list, of a `kind: List`, and of a spec with `resources`.
fn flatten(document: Value, found: &mut Vec<Value>) {
    match document {
        Value::Null => {}
        Value::Array(elements) if elements.iter().all(Value::is_object) => {
            elements.into_iter().for_each(|element| flatten(element, found));
        }
        Value::Object(mut map) if is_list(&map) => {
            let key = if map.contains_key("items") { "items" } else { "resources" };
            let elements = map.remove(key).unwrap_or_default();
            flatten(elements, found);
        }
        other => found.push(other),
    }
}

fn is_list(map: &Map<String, Value>) -> bool {
    let objects = |key: &str| {
        map.get(key).and_then(Value::as_array).is_some_and(|all| all.iter().all(Value::is_object))
    };
    let is_kubernetes = map.get("kind").and_then(Value::as_str) == Some("List");
    (is_kubernetes && objects("items")) || (map.len() == 1 && objects("resources"))
}

/// `Deployment` from the manifest, `aws_s3_bucket` from the id `hashicorp:aws:aws_s3_bucket:shop`.
fn spec_kind(document: &Value, id: &str, provider: Provider) -> String {
    let kind = match provider {
        Provider::Terraform => id.split(':').nth(2),
        Provider::Kubernetes | Provider::Other => {
            document.get("attributes").and_then(|it| it.get("kind")).and_then(Value::as_str)
        }
    };
    let of_type = || document.get("type").and_then(Value::as_str);
    kind.or_else(of_type).unwrap_or("resource").to_owned()
}

/// A YAML value as JSON. Keys become text, and so do the numbers that JSON has not.
fn json(value: Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => {
            let whole = number.as_i64().map(Number::from).or_else(|| number.as_u64().map(Number::from));
            let found = whole.or_else(|| number.as_f64().and_then(Number::from_f64));
            found.map_or_else(|| Value::String(number.to_string()), Value::Number)
        }
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json).collect()),
        Yaml::Mapping(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key_text(key), json(value))).collect())
        }
        Yaml::Tagged(tagged) => json(tagged.value),
    }
}

fn key_text(key: Yaml) -> String {
    match json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// An id that nothing has yet: the second of one id gets `#2`.
fn unique(id: String, taken: &mut BTreeSet<String>) -> String {
    let mut name = id.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{id}#{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(artifact: &str) -> Vec<String> {
        Resource::parse(artifact).expect("resources").into_iter().map(|it| it.id).collect()
    }

    #[test]
    fn both_forms_name_a_resource_alike() {
        let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n";
        let spec = format!(
            "id: apps/v1:Deployment:shop:web\ntype: Kubernetes\nattributes:\n{}",
            manifest.lines().map(|line| format!("  {line}\n")).collect::<String>()
        );
        assert_eq!(ids(manifest), ids(&spec));
        let spec = Resource::parse(&spec).expect("resources").remove(0);
        let manifest = Resource::parse(manifest).expect("resources").remove(0);
        assert_eq!(spec.attributes(), manifest.attributes());
        assert_eq!(spec.kind, manifest.kind);
    }

    #[test]
    fn lists_are_their_elements() {
        let list =
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n";
        assert_eq!(ids(list), ["v1:Namespace:a"]);
        assert_eq!(ids("resources:\n- {id: a, attributes: {}}\n- {id: b, attributes: {}}\n"), ["a", "b"]);
        assert_eq!(ids("- {id: a, attributes: {}}\n"), ["a"]);
    }

    #[test]
    fn nothing_is_without_a_name() {
        assert_eq!(ids("x: 1\n---\ny: 2\n"), ["document:1", "document:2"]);
        assert_eq!(ids("id: a\nattributes: {}\n---\nid: a\nattributes: {}\n"), ["a", "a#2"]);
        assert_eq!(ids(""), [""; 0]);
        assert!(Resource::parse("a: [").is_err());
    }

    #[test]
    fn kinds() {
        let text = "id: hashicorp:aws:aws_s3_bucket:x\ntype: Terraform\nattributes: {}\n";
        assert_eq!(Resource::parse(text).expect("resources")[0].kind, "aws_s3_bucket");
    }
}
