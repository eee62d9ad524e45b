//! What differs between two states of a resource, field by field.
//!
//! Equal values have no difference, different ones at least one. Objects are compared by key, whatever their order;
//! lists by what names their elements, as Kubernetes merges them, else by place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::mask;
use super::path::{Path, Step};
use super::resource::Resource;

/// A field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Where it stands in the document.
    pub path: Path,
    /// What it was; nothing where it is new.
    pub before: Option<Value>,
    /// What it is; nothing where it is gone.
    pub after: Option<Value>,
}

/// What became of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It is new.
    Added,
    /// It differs.
    Changed,
    /// It is gone.
    Removed,
}

/// A resource that differs; what looks like a secret is hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceDiff {
    /// Its id.
    pub id: String,
    /// What it is, for people.
    pub kind: String,
    /// What became of it.
    pub status: Status,
    /// What differs; nothing where all of it is new or gone.
    pub fields: Vec<Field>,
}

impl ResourceDiff {
    fn new(resource: &Resource, status: Status, fields: &[Field]) -> Self {
        let fields = fields.iter().map(|field| mask::field(resource, field)).collect();
        Self { id: resource.id.clone(), kind: resource.kind.clone(), status, fields }
    }
}

/// The resources that differ between two states of an artifact, and how many do not. Those that are there stand in the
/// order of the state after, and those that are gone follow in the order of the state before.
#[must_use]
pub fn resources(before: &[Resource], after: &[Resource]) -> (Vec<ResourceDiff>, usize) {
    let mut old: BTreeMap<&str, &Resource> = before.iter().map(|it| (it.id.as_str(), it)).collect();
    let mut found = Vec::new();
    let mut same = 0;
    for resource in after {
        match old.remove(resource.id.as_str()) {
            None => found.push(ResourceDiff::new(resource, Status::Added, &[])),
            Some(before) => {
                let fields = fields(&before.document, &resource.document);
                if fields.is_empty() {
                    same += 1;
                } else {
                    found.push(ResourceDiff::new(resource, Status::Changed, &fields));
                }
            }
        }
    }
    let gone = before.iter().filter(|it| old.contains_key(it.id.as_str()));
    found.extend(gone.map(|it| ResourceDiff::new(it, Status::Removed, &[])));
    (found, same)
}

/// The fields that differ between two values.
#[must_use]
pub fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    compare(before, after, &mut Vec::new(), &mut found);
    found
}

fn compare(before: &Value, after: &Value, at: &mut Vec<Step>, found: &mut Vec<Field>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, after) in new {
                within(at, Step::Key(key.clone()), |at| one(old.get(key), Some(after), at, found));
            }
            for (key, before) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                within(at, Step::Key(key.clone()), |at| one(Some(before), None, at, found));
            }
        }
        (Value::Array(old), Value::Array(new)) => lists(old, new, at, found),
        _ if before == after => {}
        _ => found.push(field(at, Some(before), Some(after))),
    }
}

/// Compares what may be on one side only.
fn one(before: Option<&Value>, after: Option<&Value>, at: &mut Vec<Step>, found: &mut Vec<Field>) {
    match (before, after) {
        (Some(before), Some(after)) => compare(before, after, at, found),
        _ => found.push(field(at, before, after)),
    }
}

fn lists(old: &[Value], new: &[Value], at: &mut Vec<Step>, found: &mut Vec<Field>) {
    let Some(key) = merge_key(at, old, new) else { return by_place(old, new, at, found) };
    let named = |list: &[Value]| -> Vec<String> { list.iter().filter_map(|it| name(it, key)).collect() };
    let (names, names_now) = (named(old), named(new));
    let was: BTreeMap<&String, &Value> = names.iter().zip(old).collect();
    let is: BTreeSet<&String> = names_now.iter().collect();
    for (name, after) in names_now.iter().zip(new) {
        let before = was.get(name).copied();
        within(at, Step::Item { key, value: name.clone() }, |at| one(before, Some(after), at, found));
    }
    for (name, before) in names.iter().zip(old).filter(|(name, _)| !is.contains(name)) {
        within(at, Step::Item { key, value: name.clone() }, |at| one(Some(before), None, at, found));
    }
    let order: Vec<&str> = names.iter().filter(|it| is.contains(it)).map(String::as_str).collect();
    let order_now: Vec<&str> =
        names_now.iter().filter(|it| was.contains_key(it)).map(String::as_str).collect();
    if order != order_now {
        found.push(field(at, Some(&Value::from(order)), Some(&Value::from(order_now))));
    }
}

/// Compares element by element, after what both lists begin with and before what both end with.
fn by_place(old: &[Value], new: &[Value], at: &mut Vec<Step>, found: &mut Vec<Field>) {
    let shorter = old.len().min(new.len());
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count().min(shorter - start);
    let (old, new) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    for place in 0..old.len().max(new.len()) {
        let step = Step::Index(start + place);
        within(at, step, |at| one(old.get(place), new.get(place), at, found));
    }
}

/// The keys that Kubernetes merges lists of a field by, as the strategic merge patch has them, first choice first.
const MERGE_KEYS: [(&str, &[&str]); 8] = [
    ("ports", &["containerPort", "port", "name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("hostAliases", &["ip"]),
    ("podIPs", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey"]),
    ("conditions", &["type"]),
    ("ownerReferences", &["uid"]),
];

/// What else names an element.
const NAMES: [&str; 2] = ["name", "id"];

/// The key that names each element of both lists, and no two of one list alike.
fn merge_key(at: &[Step], old: &[Value], new: &[Value]) -> Option<&'static str> {
    let field = at.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) | Step::Item { .. } => None,
    });
    let usual = MERGE_KEYS.iter().find(|(name, _)| Some(*name) == field).map_or(&[][..], |it| it.1);
    let names_all = |key: &&&str| {
        [old, new].iter().all(|list| {
            let names: BTreeSet<String> = list.iter().filter_map(|it| name(it, key)).collect();
            names.len() == list.len()
        })
    };
    let candidates = usual.iter().chain(&NAMES);
    candidates.filter(|_| !(old.is_empty() && new.is_empty())).find(names_all).copied()
}

/// What an element has at a key, if that is text or a number.
fn name(element: &Value, key: &str) -> Option<String> {
    match element.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn within(at: &mut Vec<Step>, step: Step, inner: impl FnOnce(&mut Vec<Step>)) {
    at.push(step);
    inner(at);
    at.pop();
}

fn field(at: &[Step], before: Option<&Value>, after: Option<&Value>) -> Field {
    Field { path: Path(at.to_vec()), before: before.cloned(), after: after.cloned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(before: &Value, after: &Value) -> Vec<String> {
        fields(before, after).iter().map(|field| field.path.to_string()).collect()
    }

    #[test]
    fn elements_are_matched_by_name() {
        let before = json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]});
        let after = json!({"containers": [{"name": "x", "image": "9"}, {"name": "a", "image": "1"}, {"name": "b", "image": "2"}]});
        assert_eq!(paths(&before, &after), ["containers[name=x]", "containers[name=b].image"]);
        assert_eq!(paths(&after, &before), ["containers[name=b].image", "containers[name=x]"]);
    }

    #[test]
    fn merge_keys_of_kubernetes() {
        let before = json!({"ports": [{"containerPort": 80}, {"containerPort": 81}]});
        let after = json!({"ports": [{"containerPort": 81, "name": "x"}, {"containerPort": 80}]});
        let found = paths(&before, &after);
        assert_eq!(found, ["ports[containerPort=81].name", "ports"], "the order differs too");
        let before =
            json!({"volumeMounts": [{"mountPath": "/a", "name": "v"}, {"mountPath": "/b", "name": "v"}]});
        let after = json!({"volumeMounts": [{"mountPath": "/b", "name": "v"}]});
        assert_eq!(paths(&before, &after), ["volumeMounts[mountPath=/a]"]);
    }

    #[test]
    fn plain_lists_are_compared_from_both_ends() {
        assert_eq!(paths(&json!(["a", "b", "c"]), &json!(["a", "x", "b", "c"])), ["[1]"]);
        assert_eq!(paths(&json!([1, 1]), &json!([1])), ["[1]"]);
        assert_eq!(paths(&json!([]), &json!([])), [""; 0]);
    }

    #[test]
    fn absent_and_null_differ() {
        assert_eq!(paths(&json!({"a": null}), &json!({})), ["a"]);
        assert_eq!(paths(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})), [""; 0]);
        assert_eq!(paths(&json!({"a": "1"}), &json!({"a": 1})), ["a"]);
    }

    /// Random values: the same have no difference, and others have one.
    #[test]
    fn there_is_a_difference_where_values_differ() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..3000 {
            let before = value(&mut random, 3);
            let after = if random.bool() { value(&mut random, 3) } else { before.clone() };
            assert_eq!(fields(&before, &after).is_empty(), before == after, "{before} {after}");
        }
    }

    fn value(random: &mut fastrand::Rng, depth: u8) -> Value {
        match random.u8(0..if depth == 0 { 3 } else { 6 }) {
            0 => Value::Null,
            1 => json!(random.u8(0..3)),
            2 => Value::from(["a", "b"][random.usize(0..2)]),
            3 => (0..random.usize(0..3)).map(|_| value(random, depth - 1)).collect(),
            4 => {
                let named = |random: &mut fastrand::Rng| {
                    let name = ["a", "b", "c"][random.usize(0..3)];
                    json!({"name": name, "v": value(random, depth - 1)})
                };
                (0..random.usize(0..3)).map(|_| named(random)).collect()
            }
            _ => {
                let keys = ["ports", "env", "x"];
                let entry = |random: &mut fastrand::Rng| {
                    (keys[random.usize(0..3)].to_owned(), value(random, depth - 1))
                };
                Value::Object((0..random.usize(0..3)).map(|_| entry(random)).collect())
            }
        }
    }
}
