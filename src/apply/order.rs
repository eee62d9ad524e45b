//! In which order the resources of a stack are applied.
//!
//! A resource comes after those that it depends on: those that it lists, those that it refers to by a path, its namespace, and
//! the definition of its kind. Among those that are free, the usual order of kinds decides, and then the order of the artifact, so that the
//! result is always the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use serde_json::Value;

use super::resource::{Provider, Resource};

/// What references to other resources start with, followed by the id and the name of an attribute.
pub const REFERENCE: &str = "$kusion_path.";

/// The kinds that others rest on first, as Helm installs them.
const KINDS: [&str; 34] = [
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
];

/// Resources in an order in which they can be applied; removing them goes the other way.
///
/// # Errors
/// Where resources depend on each other in a circle: their ids.
pub fn sorted(resources: &[Resource]) -> Result<Vec<usize>, Vec<String>> {
    let after = edges(resources);
    let mut waits: Vec<usize> = after.iter().map(BTreeSet::len).collect();
    let mut then: Vec<Vec<usize>> = vec![Vec::new(); resources.len()];
    for (at, needed) in after.iter().enumerate() {
        needed.iter().for_each(|it| then[*it].push(at));
    }
    let rank = |at: usize| Reverse((rank(&resources[at]), at));
    let mut free: BinaryHeap<_> = (0..resources.len()).filter(|at| waits[*at] == 0).map(rank).collect();
    let mut order = Vec::with_capacity(resources.len());
    while let Some(Reverse((_, at))) = free.pop() {
        order.push(at);
        for next in &then[at] {
            waits[*next] -= 1;
            if waits[*next] == 0 {
                free.push(rank(*next));
            }
        }
    }
    if order.len() == resources.len() {
        return Ok(order);
    }
    Err(waits.iter().zip(resources).filter(|(waits, _)| **waits > 0).map(|(_, it)| it.id.clone()).collect())
}

/// For each resource, the places of those that it comes after.
fn edges(resources: &[Resource]) -> Vec<BTreeSet<usize>> {
    let places: BTreeMap<&str, usize> =
        resources.iter().enumerate().map(|(at, it)| (it.id.as_str(), at)).collect();
    let of_kind = |kind: &str, name: &dyn Fn(&Resource) -> Option<String>| -> BTreeMap<String, usize> {
        let all = resources.iter().enumerate().filter(|(_, it)| it.kind == kind);
        all.filter_map(|(at, it)| Some((name(it)?, at))).collect()
    };
    let namespaces = of_kind("Namespace", &|it| text(it.attributes(), &["metadata", "name"]));
    let definitions =
        of_kind("CustomResourceDefinition", &|it| text(it.attributes(), &["spec", "names", "kind"]));
    let one = |(at, resource): (usize, &Resource)| {
        let mut needed: BTreeSet<usize> =
            resource.depends_on().filter_map(|id| places.get(id).copied()).collect();
        references(&resource.document, &mut |reference| needed.extend(referred(reference, &places)));
        if resource.provider == Provider::Kubernetes {
            let namespace = text(resource.attributes(), &["metadata", "namespace"]);
            needed.extend(namespace.and_then(|name| namespaces.get(&name)));
            needed.extend(definitions.get(&resource.kind));
        }
        needed.remove(&at);
        needed
    };
    resources.iter().enumerate().map(one).collect()
}

/// The place of the resource that a reference names: the longest id that it starts with.
fn referred(reference: &str, places: &BTreeMap<&str, usize>) -> Option<usize> {
    split(reference, &|id| places.contains_key(id)).and_then(|(id, _)| places.get(id).copied())
}

/// The id and the attribute of a reference. Ids may have dots, so those that there are decide.
#[must_use]
pub fn split<'r>(reference: &'r str, is_id: &dyn Fn(&str) -> bool) -> Option<(&'r str, &'r str)> {
    let dots = reference.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
    dots.into_iter().rev().map(|at| (&reference[..at], &reference[at + 1..])).find(|(id, _)| is_id(id))
}

/// Calls `found` with what follows the mark of each reference in the texts of a value.
fn references(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => text.split(REFERENCE).skip(1).for_each(|rest| found(word(rest))),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(map) => map.values().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What of a text may belong to a reference: up to a character that ids and attributes do not have.
#[must_use]
pub fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !(letter.is_alphanumeric() || "_-.:/[]".contains(letter)));
    text[..end.unwrap_or(text.len())].trim_end_matches('.')
}

fn text(value: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().try_fold(value, |value, key| value.get(key))?.as_str().map(str::to_owned)
}

/// Where the kind of a resource stands among others.
fn rank(resource: &Resource) -> usize {
    match resource.provider {
        // What runs in a cluster may need what a provider makes, never the other way.
        Provider::Terraform => 0,
        Provider::Kubernetes | Provider::Other => {
            1 + KINDS.iter().position(|kind| *kind == resource.kind).unwrap_or(KINDS.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(artifact: &str) -> Result<Vec<String>, Vec<String>> {
        let resources = Resource::parse(artifact).expect("resources");
        sorted(&resources).map(|order| order.iter().map(|at| resources[*at].id.clone()).collect())
    }

    #[test]
    fn explicit_and_implicit() {
        let text = "
id: c
type: Terraform
attributes: {x: $kusion_path.a.b.id}
---
id: b
type: Terraform
attributes: {}
dependsOn: [c]
---
id: a.b
type: Terraform
attributes: {}
";
        assert_eq!(order(text).expect("an order"), ["a.b", "c", "b"]);
    }

    #[test]
    fn kinds_in_their_usual_order() {
        let manifest =
            |kind: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: x, namespace: n}}\n");
        let text = ["Other", "Deployment", "Secret", "Service"].map(manifest).join("---\n");
        let text = format!("{text}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n}}\n");
        let kinds: Vec<String> = order(&text).expect("an order");
        let expected =
            ["v1:Namespace:n", "v1:Secret:n:x", "v1:Service:n:x", "v1:Deployment:n:x", "v1:Other:n:x"];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn circles_are_named() {
        let text = "id: a\nattributes: {}\ndependsOn: [b]\n---\nid: b\nattributes: {}\ndependsOn: [a]\n---\nid: c\nattributes: {}\n";
        assert_eq!(order(text), Err(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn references_in_the_midst_of_text() {
        assert_eq!(word("a:b:c.arn\", \"x\""), "a:b:c.arn");
        assert_eq!(word("a.id"), "a.id");
    }
}
