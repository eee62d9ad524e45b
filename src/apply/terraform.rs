//! Terraform resources as one module in Terraform's JSON syntax.
//!
//! The format: <https://developer.hashicorp.com/terraform/language/syntax/json>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::order::{REFERENCE, split, word};
use super::resource::{Provider, Resource};

/// Where a resource is in the module.
#[derive(Debug, Clone)]
struct Address {
    kind: String,
    name: String,
}

/// A provider with one configuration.
#[derive(Debug, Clone, PartialEq)]
struct Configured {
    /// What the module calls it.
    name: String,
    /// Where it comes from.
    source: String,
    /// Its version, if one is given.
    version: Option<String>,
    /// What it is told: a region, an account.
    settings: Value,
}

/// The module that makes some resources; `all` are those of the stack, which may refer to them.
///
/// # Errors
/// Where a resource has no kind or provider, or two want one provider in several versions, as a sentence.
pub fn module(resources: &[&Resource], all: &[Resource]) -> Result<Value, String> {
    let addresses = addresses(resources)?;
    let mut providers: Vec<Configured> = Vec::new();
    let mut made: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut kinds = Vec::new();
    for resource in resources {
        let provider = configured(resource)?;
        if let Some(other) = providers.iter().find(|it| {
            it.name == provider.name && (&it.source, &it.version) != (&provider.source, &provider.version)
        }) {
            return Err(format!("resources want the provider `{}` in two versions", other.source));
        }
        let place = providers.iter().position(|it| *it == provider).unwrap_or_else(|| {
            providers.push(provider);
            providers.len() - 1
        });
        let address = &addresses[resource.id.as_str()];
        let mut body = match translated(resource.attributes(), &addresses) {
            Value::Object(body) => body,
            _ => return Err(format!("the attributes of `{}` are no mapping", resource.id)),
        };
        if let Some(alias) = alias(&providers, place) {
            body.insert("provider".to_owned(), format!("{}.{alias}", providers[place].name).into());
        }
        let needed: BTreeSet<String> =
            resource.depends_on().filter_map(|id| addresses.get(id)).map(Address::text).collect();
        if !needed.is_empty() {
            body.insert("depends_on".to_owned(), needed.into_iter().collect());
        }
        if !kinds.contains(&address.kind) {
            kinds.push(address.kind.clone());
        }
        made.entry(address.kind.clone()).or_default().insert(address.name.clone(), Value::Object(body));
    }
    let made: Map<String, Value> =
        kinds.into_iter().filter_map(|kind| made.remove(&kind).map(|it| (kind, Value::Object(it)))).collect();
    let mut module = Map::new();
    module.insert("terraform".to_owned(), json!({"required_providers": required(&providers)}));
    module.insert("provider".to_owned(), provider_blocks(&providers));
    module.insert("resource".to_owned(), Value::Object(made));
    let outputs = outputs(all, &addresses);
    if !outputs.is_empty() {
        module.insert("output".to_owned(), Value::Object(outputs));
    }
    Ok(Value::Object(module))
}

impl Address {
    fn text(&self) -> String {
        format!("{}.{}", self.kind, self.name)
    }
}

/// Where each resource goes, by its id.
fn addresses<'r>(resources: &[&'r Resource]) -> Result<BTreeMap<&'r str, Address>, String> {
    let mut taken = BTreeSet::new();
    let mut addresses = BTreeMap::new();
    for resource in resources {
        let parts: Vec<&str> = resource.id.splitn(4, ':').collect();
        let [_, _, kind, name] = parts[..] else {
            return Err(format!("`{}` is no id of a Terraform resource: it has not four parts", resource.id));
        };
        let name = identifier(name);
        let mut unique = name.clone();
        let mut number = 2;
        while !taken.insert((kind, unique.clone())) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        addresses.insert(resource.id.as_str(), Address { kind: kind.to_owned(), name: unique });
    }
    Ok(addresses)
}

/// A text as a name: letters, digits, `_` and `-`, and no digit first.
fn identifier(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let name: String = text.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    if starts { name } else { format!("_{name}") }
}

/// The provider that a resource names: `registry.terraform.io/hashicorp/aws/5.62.0`.
fn configured(resource: &Resource) -> Result<Configured, String> {
    let extensions = resource.extensions();
    let settings =
        extensions.get("providerMeta").filter(|it| !it.is_null()).cloned().unwrap_or_else(|| json!({}));
    let by_id = || resource.id.splitn(3, ':').take(2).collect::<Vec<_>>().join("/");
    let written = extensions.get("provider").and_then(Value::as_str).map_or_else(by_id, str::to_owned);
    let mut parts: Vec<&str> = written.split('/').collect();
    let is_version = parts.len() > 2
        && parts.last().is_some_and(|it| it.starts_with(|digit: char| digit.is_ascii_digit()));
    let version = if is_version { parts.pop().map(str::to_owned) } else { None };
    match parts.last() {
        Some(name) if !name.is_empty() => {
            Ok(Configured { name: identifier(name), source: parts.join("/"), version, settings })
        }
        _ => Err(format!("`{}` names no provider", resource.id)),
    }
}

/// The alias of a provider: the first of a name has none.
fn alias(providers: &[Configured], place: usize) -> Option<String> {
    let before = providers[..place].iter().filter(|it| it.name == providers[place].name).count();
    (before > 0).then(|| format!("{}_{}", providers[place].name, before + 1))
}

fn required(providers: &[Configured]) -> Value {
    let one = |it: &Configured| {
        let mut wanted = Map::new();
        wanted.insert("source".to_owned(), it.source.clone().into());
        wanted.extend(it.version.clone().map(|version| ("version".to_owned(), version.into())));
        (it.name.clone(), Value::Object(wanted))
    };
    Value::Object(providers.iter().map(one).collect())
}

/// One block a provider, or a list where there are several of a name.
fn provider_blocks(providers: &[Configured]) -> Value {
    let mut blocks: Map<String, Value> = Map::new();
    for (place, provider) in providers.iter().enumerate() {
        let mut block = match literal(&provider.settings) {
            Value::Object(block) => block,
            _ => Map::new(),
        };
        block.extend(alias(providers, place).map(|alias| ("alias".to_owned(), alias.into())));
        let list = blocks.entry(provider.name.clone()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(Value::Object(block));
        }
    }
    for block in blocks.values_mut() {
        if let Some([only]) = block.as_array().map(Vec::as_slice) {
            *block = only.clone();
        }
    }
    Value::Object(blocks)
}

/// What resources of other kinds refer to, so that it can be asked for once it is known.
fn outputs(all: &[Resource], addresses: &BTreeMap<&str, Address>) -> Map<String, Value> {
    let mut found = Map::new();
    for resource in all.iter().filter(|it| it.provider != Provider::Terraform) {
        texts(resource.attributes(), &mut |text| {
            for reference in text.split(REFERENCE).skip(1).map(word) {
                let Some((id, attribute)) = split(reference, &|id| addresses.contains_key(id)) else {
                    continue;
                };
                let address = addresses[id].text();
                let name = identifier(&format!("{address}.{attribute}"));
                found
                    .insert(name, json!({"value": format!("${{{address}.{attribute}}}"), "sensitive": true}));
            }
        });
    }
    found
}

fn texts(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A value in which texts are templates: references become expressions, everything else stays what it is.
fn translated(value: &Value, addresses: &BTreeMap<&str, Address>) -> Value {
    map_texts(value, &|text| {
        let mut parts = text.split(REFERENCE);
        let mut translated = escaped(parts.next().unwrap_or_default());
        for part in parts {
            let reference = word(part);
            match split(reference, &|id| addresses.contains_key(id)) {
                Some((id, attribute)) => {
                    translated.push_str(&format!("${{{}.{attribute}}}", addresses[id].text()));
                }
                None => translated.push_str(&format!("{REFERENCE}{reference}")),
            }
            translated.push_str(&escaped(&part[reference.len()..]));
        }
        translated
    })
}

/// A value whose texts are no templates.
fn literal(value: &Value) -> Value {
    map_texts(value, &escaped)
}

fn map_texts(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => change(text).into(),
        Value::Array(items) => items.iter().map(|item| map_texts(item, change)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), map_texts(value, change))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn escaped(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(artifact: &str) -> Result<Value, String> {
        let all = Resource::parse(artifact).expect("resources");
        let of_terraform: Vec<&Resource> =
            all.iter().filter(|it| it.provider == Provider::Terraform).collect();
        module(&of_terraform, &all)
    }

    const QUEUE: &str = "id: hashicorp:aws:aws_sqs_queue:out.dead
type: Terraform
attributes: {name: 'a${x}', tags: {'%{y}': '%{z}'}}
extensions: {provider: registry.terraform.io/hashicorp/aws/5.62.0, providerMeta: {region: eu-central-1}}
";

    #[test]
    fn references_and_dependencies() {
        let text = format!(
            "{QUEUE}---
id: hashicorp:aws:aws_sqs_queue:out
type: Terraform
attributes: {{policy: '{{\"arn\": \"$kusion_path.hashicorp:aws:aws_sqs_queue:out.dead.arn\", \"n\": 8}}', url: $kusion_path.hashicorp:aws:aws_sqs_queue:out.dead.url}}
dependsOn: [hashicorp:aws:aws_sqs_queue:out.dead, v1:Namespace:x]
extensions: {{provider: registry.terraform.io/hashicorp/aws/5.62.0, providerMeta: {{region: us-east-1}}}}
---
id: v1:ConfigMap:a:b
type: Kubernetes
attributes: {{data: {{url: $kusion_path.hashicorp:aws:aws_sqs_queue:out.dead.url}}}}
"
        );
        let expected = json!({
            "terraform": {"required_providers": {"aws": {
                "source": "registry.terraform.io/hashicorp/aws", "version": "5.62.0"}}},
            "provider": {"aws": [{"region": "eu-central-1"}, {"region": "us-east-1", "alias": "aws_2"}]},
            "resource": {"aws_sqs_queue": {
                "out_dead": {"name": "a$${x}", "tags": {"%{y}": "%%{z}"}},
                "out": {
                    "policy": "{\"arn\": \"${aws_sqs_queue.out_dead.arn}\", \"n\": 8}",
                    "url": "${aws_sqs_queue.out_dead.url}",
                    "provider": "aws.aws_2",
                    "depends_on": ["aws_sqs_queue.out_dead"],
                },
            }},
            "output": {"aws_sqs_queue_out_dead_url": {"value": "${aws_sqs_queue.out_dead.url}", "sensitive": true}},
        });
        assert_eq!(made(&text), Ok(expected));
    }

    #[test]
    fn one_version_of_a_provider() {
        let other = QUEUE.replace("5.62.0", "4.0.0").replace("out.dead", "x");
        let why = made(&format!("{QUEUE}---\n{other}")).expect_err("two versions");
        assert!(why.contains("two versions"), "{why}");
    }

    #[test]
    fn names_stay_apart() {
        let text = format!("{QUEUE}---\n{}", QUEUE.replace("out.dead", "out_dead"));
        let made = made(&text).expect("a module");
        let names: Vec<_> =
            made["resource"]["aws_sqs_queue"].as_object().expect("resources").keys().collect();
        assert_eq!(names, ["out_dead", "out_dead_2"]);
    }
}
