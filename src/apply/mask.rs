//! What looks like a secret is not shown, and not kept.
//!
//! A value is secret by where it stands (all data of a `Secret`, fields and variables whose name says so) or by what
//! it is (private keys, tokens of known forms, passwords in addresses and in lines of text). Too much is hidden rather
//! than too little, but for what only names a secret, such as `secretName`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::diff::Field;
use super::path::Step;
use super::resource::Resource;

/// What stands where a secret was.
pub const HIDDEN: &str = "(secret)";

/// Shorter texts are no secrets that could be found again in other texts.
const SHORTEST: usize = 4;

/// Parts of names that say that what they name is secret.
const WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "signingkey",
    "encryptionkey",
    "connectionstring",
];

/// How names end that lead to a secret without being one.
const HARMLESS: [&str; 12] = [
    "name", "names", "ref", "refs", "path", "file", "selector", "secrets", "version", "type", "seconds",
    "class",
];

/// Texts that are secret wherever they stand.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----(?s:.*?)(-----END [A-Z ]*PRIVATE KEY( BLOCK)?-----|\z)",
        r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{20,}",
        r"\bgithub_pat_[A-Za-z0-9_]{20,}",
        r"\bglpat-[A-Za-z0-9_-]{16,}",
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
        r"\bsk_live_[A-Za-z0-9]{16,}",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{8,}=*",
    ];
    Regex::new(&forms.join("|")).expect("a valid pattern")
});

/// The password of an address.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:)([^\s/@]+)@").expect("a valid pattern")
});

/// `password=x`, `"api_key": "x"`, in the midst of a text.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?i)([A-Za-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[A-Za-z0-9_.-]*["']?[ \t]*[:=]+[ \t]*["']?)([^\s"',;&}]+)"#;
    Regex::new(pattern).expect("a valid pattern")
});

/// A text without the secrets that show by their form.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    let text = replace(&FORMS, text, |_| HIDDEN.to_owned());
    let text = replace_in(&ADDRESS, text, |found| format!("{}{HIDDEN}@", &found[1]));
    replace_in(&ASSIGNMENT, text, |found| {
        if is_harmless(&letters(found[1].trim_end_matches([' ', '\t', ':', '=', '"', '\'']))) {
            found[0].to_owned()
        } else {
            format!("{}{HIDDEN}", &found[1])
        }
    })
}

/// A value as it may be shown, given the keys that lead to it, with dots between them, and whether that is in a `Secret`.
#[must_use]
pub fn at(path: &str, in_secret: bool, value: &str) -> String {
    let keys: Vec<&str> = path.split('.').collect();
    let is_data = keys.iter().any(|key| key.ends_with("data") || key.ends_with("stringData"));
    let is_named = keys.last().is_some_and(|key| is_secret_name(key));
    if is_named || (in_secret && is_data) { HIDDEN.to_owned() } else { text(value).into_owned() }
}

fn replace<'t>(pattern: &Regex, text: &'t str, by: impl Fn(&Captures<'_>) -> String) -> Cow<'t, str> {
    pattern.replace_all(text, |found: &Captures<'_>| by(found))
}

fn replace_in<'t>(pattern: &Regex, text: Cow<'t, str>, by: impl Fn(&Captures<'_>) -> String) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => replace(pattern, text, by),
        Cow::Owned(text) => Cow::Owned(replace(pattern, &text, by).into_owned()),
    }
}

/// A field of a resource as it may be shown.
#[must_use]
pub fn field(resource: &Resource, field: &Field) -> Field {
    let hidden = is_secret_place(resource, &field.path.0);
    let show =
        |value: &Option<Value>| value.as_ref().map(|value| shown(resource, &field.path.0, hidden, value));
    Field { path: field.path.clone(), before: show(&field.before), after: show(&field.after) }
}

/// The document of a resource as it may be shown.
#[must_use]
pub fn document(resource: &Resource) -> Value {
    shown(resource, &[], false, &resource.document)
}

/// The texts of a resource that must not be seen, to be searched for in what others print.
#[must_use]
pub fn secrets(resource: &Resource) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&resource.document, &document(resource), &mut found);
    if resource.kind == "Secret" {
        let texts = found.iter().filter_map(|it| decoded(it)).collect::<Vec<_>>();
        found.extend(texts);
    }
    found.retain(|secret| secret.len() >= SHORTEST);
    found
}

/// What a text stands for in base64, if that is text.
fn decoded(text: &str) -> Option<String> {
    let bytes = data_encoding::BASE64.decode(text.trim().as_bytes()).ok()?;
    String::from_utf8(bytes).ok().map(|text| text.trim_end().to_owned())
}

/// A text in which no secret stands.
#[must_use]
pub fn without(secrets: &BTreeSet<String>, printed: &str) -> String {
    let mut shown = printed.to_owned();
    // Longer ones first: a secret may be part of another one.
    let mut ordered: Vec<&String> = secrets.iter().collect();
    ordered.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in ordered {
        shown = shown.replace(secret.as_str(), HIDDEN);
    }
    text(&shown).into_owned()
}

/// Adds the texts of a value that its shown form has not.
fn collect(value: &Value, shown: &Value, found: &mut BTreeSet<String>) {
    match (value, shown) {
        (Value::Object(all), Value::Object(shown)) => {
            for (key, value) in all {
                collect(value, shown.get(key).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(all), Value::Array(shown)) => {
            all.iter().zip(shown).for_each(|(value, shown)| collect(value, shown, found));
        }
        (Value::String(text), Value::String(shown)) if text != shown => {
            if shown == HIDDEN {
                found.insert(text.clone());
                found.extend(text.lines().filter(|_| text.contains('\n')).map(str::to_owned));
            } else {
                parts(text, found);
            }
        }
        (Value::Number(number), Value::String(_)) => {
            found.insert(number.to_string());
        }
        _ => {}
    }
}

/// Adds the secrets that show by their form.
fn parts(text: &str, found: &mut BTreeSet<String>) {
    found.extend(FORMS.find_iter(text).map(|it| it.as_str().to_owned()));
    for pattern in [&ADDRESS, &ASSIGNMENT] {
        found.extend(pattern.captures_iter(text).map(|it| it[2].to_owned()));
    }
}

/// A value as it may be shown, at a place of a resource.
fn shown(resource: &Resource, at: &[Step], hidden: bool, value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let named = variable(map).is_some_and(is_secret_name);
            let inner = |(key, value): (&String, &Value)| {
                let path = [at, &[Step::Key(key.clone())]].concat();
                let hidden = (hidden && !is_harmless(&letters(key)))
                    || is_secret_place(resource, &path)
                    || (named && key == "value");
                (key.clone(), shown(resource, &path, hidden, value))
            };
            Value::Object(map.iter().map(inner).collect())
        }
        Value::Array(items) => {
            let inner = |(place, item): (usize, &Value)| {
                let path = [at, &[Step::Index(place)]].concat();
                shown(resource, &path, hidden, item)
            };
            Value::Array(items.iter().enumerate().map(inner).collect())
        }
        Value::String(_) | Value::Number(_) if hidden => Value::String(HIDDEN.to_owned()),
        Value::String(written) => Value::String(text(written).into_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The name of an environment variable that a mapping sets.
fn variable(map: &serde_json::Map<String, Value>) -> Option<&str> {
    map.get("name").filter(|_| map.contains_key("value"))?.as_str()
}

/// Whether what stands at a place is secret by the place.
fn is_secret_place(resource: &Resource, at: &[Step]) -> bool {
    let inside = match at.split_first() {
        Some((Step::Key(first), rest)) if resource.is_spec() && first == "attributes" => rest,
        _ => at,
    };
    if resource.kind == "Secret"
        && matches!(inside.first(), Some(Step::Key(key)) if key == "data" || key == "stringData")
    {
        return true;
    }
    let keys: Vec<&Step> = inside.iter().collect();
    match keys[..] {
        [.., Step::Item { key: "name", value }, Step::Key(key)]
            if key == "value" && is_secret_name(value) =>
        {
            true
        }
        [.., Step::Key(key)] | [.., Step::Key(key), Step::Index(_) | Step::Item { .. }] => {
            is_secret_name(key)
        }
        _ => false,
    }
}

/// Whether a name says that what it names is secret: `DB_PASSWORD`, `apiKey`, but not `secretName`.
fn is_secret_name(name: &str) -> bool {
    if name.ends_with("last-applied-configuration") {
        return true;
    }
    let letters = letters(name);
    WORDS.iter().any(|word| letters.contains(word)) && !is_harmless(&letters)
}

fn is_harmless(letters: &str) -> bool {
    HARMLESS.iter().any(|end| letters.ends_with(end))
}

/// A name without case and marks.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::diff::fields;

    fn resource(text: &str) -> Resource {
        Resource::parse(text).expect("resources").remove(0)
    }

    #[test]
    fn data_of_secrets_is_hidden() {
        let secret = resource(
            "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ntype: Opaque\ndata: {any: aHVudGVyMg==}\n",
        );
        assert_eq!(document(&secret)["data"]["any"], HIDDEN);
        assert_eq!(document(&secret)["type"], "Opaque");
        assert_eq!(document(&secret)["metadata"]["name"], "db");
        let found = secrets(&secret);
        assert!(found.contains("aHVudGVyMg==") && found.contains("hunter2"), "{found:?}");
        assert_eq!(without(&found, "said hunter2 and aHVudGVyMg=="), "said (secret) and (secret)");
    }

    #[test]
    fn names_say_what_is_secret() {
        for name in ["DB_PASSWORD", "apiKey", "access-key", "clientSecret", "token", "secretKey"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            ["secretName", "imagePullSecrets", "secretKeyRef", "tokenExpirationSeconds", "image", "key"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn variables_and_fields_are_hidden_in_differences() {
        let with = |password: &str| {
            let text = format!(
                "id: a\ntype: Terraform\nattributes:\n  password: {password}\n  env:\n  - name: API_TOKEN\n    value: {password}\n  - name: HOST\n    value: {password}x\n"
            );
            resource(&text)
        };
        let (before, after) = (with("one"), with("two"));
        let found = fields(&before.document, &after.document);
        let shown: Vec<Field> = found.iter().map(|it| field(&after, it)).collect();
        let texts: Vec<_> = shown.iter().map(|it| (it.path.to_string(), it.after.clone())).collect();
        let expected = [
            ("attributes.password", HIDDEN),
            ("attributes.env[name=API_TOKEN].value", HIDDEN),
            ("attributes.env[name=HOST].value", "twox"),
        ];
        assert_eq!(texts, expected.map(|(path, value)| (path.to_owned(), Some(Value::from(value)))));
    }

    #[test]
    fn new_subtrees_are_hidden_too() {
        let before = resource("id: a\ntype: X\nattributes: {}\n");
        let after = resource("id: a\ntype: X\nattributes: {db: {password: hunter2, port: 1}}\n");
        let found = fields(&before.document, &after.document);
        let shown = field(&after, &found[0]).after.expect("a value");
        assert_eq!(shown, serde_json::json!({"password": HIDDEN, "port": 1}));
    }

    #[test]
    fn forms_of_secrets() {
        let cases = [
            ("postgres://app:hunter2@db/x", "postgres://app:(secret)@db/x"),
            ("a\npassword = hunter2\nb", "a\npassword = (secret)\nb"),
            ("{\"api_key\": \"hunter2\"}", "{\"api_key\": \"(secret)\"}"),
            ("AKIAABCDEFGHIJKLMNOP", "(secret)"),
            ("-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n", "(secret)\n"),
            ("secretName: web", "secretName: web"),
            ("registry.example.com/shop/web:1.2.3", "registry.example.com/shop/web:1.2.3"),
        ];
        for (written, expected) in cases {
            assert_eq!(text(written), expected);
        }
    }
}
