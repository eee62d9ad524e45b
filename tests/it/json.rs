//! `konfig build --format json`, held to its schema in docs/schema/.

use std::fs;

use serde_json::Value;

use crate::repo::{Ran, Repo, of_project};

/// What reports of builds are held to.
fn schema() -> Value {
    let text = fs::read_to_string(of_project("docs/schema/build-report.v1.json")).expect("a schema");
    serde_json::from_str(&text).expect("a schema in JSON")
}

/// The report of a build; it must be valid.
#[track_caller]
fn report(ran: &Ran) -> Value {
    let value: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let schema = schema();
    let problems = Schema { root: &schema }.problems(&schema, &value, "report");
    assert!(problems.is_empty(), "{}\n{value:#}", problems.join("\n"));
    value
}

fn demo() -> Repo {
    Repo::monorepo()
        .file("apps/shop/project.yaml", "name: shop\n")
        .stack("apps/shop/dev", "x = 1\n")
        .stack("other", "y = 1\n")
}

#[test]
fn a_good_build() {
    let repo = demo();
    let value = report(&repo.konfig(&["build", "--format", "json"]).good());
    assert_eq!(value["version"], 1);
    assert_eq!(value["counts"]["built"], 2);
    assert_eq!(value["counts"]["changed"], 2);
    let stack = &value["stacks"][0];
    assert_eq!(stack["path"], "apps/shop/dev");
    assert_eq!(stack["name"], "dev");
    assert_eq!(stack["project"], "apps/shop");
    assert_eq!(stack["status"], "built");
    assert_eq!(stack["changed"], true);
    assert!(stack["microseconds"].as_u64() > Some(0), "{stack}");
    let artifact = format!("dist/{}", stack["artifact"].as_str().expect("an artifact"));
    assert!(repo.has(&artifact));
    assert_eq!(value["stacks"][1]["project"], Value::Null);
    assert_eq!(value["diagnostics"], serde_json::json!([]));
}

#[test]
fn a_build_that_fails() {
    let repo = demo().stack("bad", "apple = 1\nx = aple\n");
    let ran = repo.konfig(&["build", "--format", "json"]).exits(1);
    let value = report(&ran);
    assert_eq!(value["counts"]["failed"], 1);
    let bad = value["stacks"].as_array().expect("stacks").iter().find(|stack| stack["path"] == "bad");
    assert_eq!(bad.expect("the stack")["status"], "failed");
    assert_eq!(bad.expect("the stack")["artifact"], Value::Null);
    let diagnostic = &value["diagnostics"][0];
    assert_eq!(diagnostic["severity"], "error");
    assert_eq!(diagnostic["file"], "bad/main.k");
    assert_eq!((&diagnostic["line"], &diagnostic["column"]), (&2.into(), &5.into()));
    assert_eq!(diagnostic["stacks"], serde_json::json!(["bad"]));
    // People read the same on stderr.
    ran.says("bad/main.k:2:5");
}

#[test]
fn a_check() {
    let repo = demo()
        .file("apps/shop/dev/ci-test/stdout.golden.yaml", "x: 2\n")
        .file("other/ci-test/stdout.golden.yaml", "y: 1\n");
    let value = report(&repo.konfig(&["build", "--check", "--format", "json"]).exits(1));
    assert_eq!(value["out"], Value::Null);
    assert_eq!(value["counts"]["failed"], 1);
    assert_eq!(value["diagnostics"][0]["file"], "apps/shop/dev/ci-test/stdout.golden.yaml");
    assert_eq!(value["diagnostics"][0]["line"], Value::Null);
}

#[test]
fn failures_of_every_kind() {
    let check = "schema P:\n    n: int\n    check:\n        n > 0\n\np = P {n = 0}\n";
    let repo = demo()
        .stack("a", check)
        .stack("b", "import nothing\n")
        .stack("c", "x = [\n")
        .stack("d", "x = 1\n")
        .file("d/kcl.yaml", "a: [\n")
        .file("e/stack.yaml", "name: [\n")
        .file("f/kcl.mod", "[\n")
        .file("f/main.k", "");
    let value = report(&repo.konfig(&["build", "--format", "json"]).exits(2));
    assert_eq!(value["counts"]["failed"], 6);
    assert_eq!(value["counts"]["built"], 2);
}

#[test]
fn skipped_stacks() {
    let repo = demo().stack("a", "x = y\n");
    let value = report(&repo.konfig(&["build", "--format", "json", "--fail-fast", "-j", "1"]).exits(1));
    assert_eq!(value["counts"]["skipped"], 2);
    assert_eq!(value["stacks"][1]["status"], "skipped");
}

#[test]
fn the_sample_monorepo() {
    let repo = Repo::empty();
    let root = of_project("konfig");
    let arguments = ["build", "--root", root.to_str().expect("a path"), "--check", "--format", "json"];
    let value = report(&repo.konfig(&arguments).good());
    assert_eq!(value["counts"]["stacks"], value["counts"]["built"]);
}

#[test]
fn diagnostics_as_lines_have_the_same_form() {
    let repo = demo().stack("bad", "apple = 1\nx = aple\n").stack("worse", "x = [\n");
    let ran = repo.konfig(&["build", "--error-format", "json"]).exits(1);
    let schema = schema();
    let mut codes = Vec::new();
    for line in ran.stderr.lines() {
        let value: Value = serde_json::from_str(line).expect("an object a line");
        let problems =
            Schema { root: &schema }.problems(&schema["$defs"]["diagnostic"], &value, "diagnostic");
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        codes.push(value["code"].clone());
    }
    assert!(codes.contains(&"E1001".into()) && codes.contains(&"E2L23".into()), "{codes:?}");
}

#[test]
fn diagnostics_for_code_scanners() {
    let repo = demo().stack("bad", "apple = 1\nx = aple\n");
    let ran = repo.konfig(&["build", "--error-format", "sarif"]).exits(1);
    let value: Value = serde_json::from_str(&ran.stderr).expect("one document");
    assert_eq!(value["version"], "2.1.0");
    let result = &value["runs"][0]["results"][0];
    assert_eq!(result["level"], "error");
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "bad/main.k");
    assert_eq!(location["region"]["startLine"], 2);
}

#[test]
fn the_schema_itself_refuses() {
    let schema = serde_json::json!({
        "$defs": {"name": {"type": "string"}},
        "type": "object",
        "required": ["a"],
        "additionalProperties": false,
        "properties": {
            "a": {"type": "array", "items": {"$ref": "#/$defs/name"}},
            "b": {"enum": ["x"]},
            "c": {"type": ["integer", "null"], "minimum": 1},
        },
    });
    let problems = |value: Value| Schema { root: &schema }.problems(&schema, &value, "v").len();
    assert_eq!(problems(serde_json::json!({"a": ["n"], "b": "x", "c": null})), 0);
    assert_eq!(problems(serde_json::json!({"a": [1], "b": "y", "c": 0, "d": 1})), 4);
    assert_eq!(problems(serde_json::json!({})), 1);
    assert_eq!(problems(serde_json::json!([])), 1);
}

/// As much of JSON Schema as our schemas need; a keyword that is not known here is a problem.
pub(crate) struct Schema<'a> {
    pub(crate) root: &'a Value,
}

impl Schema<'_> {
    pub(crate) fn problems(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => {}
                "$ref" => found.extend(self.problems(self.definition(rule), value, at)),
                "const" if rule != value => found.push(format!("{at}: {value} is not {rule}")),
                "enum" if !rule.as_array().is_some_and(|all| all.contains(value)) => {
                    found.push(format!("{at}: {value} is none of {rule}"));
                }
                "minimum" if value.as_f64() < rule.as_f64() && value.is_number() => {
                    found.push(format!("{at}: {value} is less than {rule}"));
                }
                "type" if !has_type(rule, value) => found.push(format!("{at}: {value} is no {rule}")),
                "const" | "enum" | "minimum" | "type" => {}
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        found.extend(self.problems(rule, item, &format!("{at}[{index}]")));
                    }
                }
                "required" | "properties" | "additionalProperties" => {
                    found.extend(self.of_object(keyword, rule, schema, value, at));
                }
                _ => found.push(format!("{at}: keyword {keyword} is not supported")),
            }
        }
        found
    }

    fn of_object(&self, keyword: &str, rule: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let Some(object) = value.as_object() else { return Vec::new() };
        match keyword {
            "required" => {
                let names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
                let missing = names.filter(|name| !object.contains_key(*name));
                missing.map(|name| format!("{at}: {name} is missing")).collect()
            }
            "properties" => {
                let rules = rule.as_object().expect("properties are an object");
                let pairs = rules.iter().filter_map(|(name, rule)| Some((name, rule, object.get(name)?)));
                pairs
                    .flat_map(|(name, rule, value)| self.problems(rule, value, &format!("{at}.{name}")))
                    .collect()
            }
            _ => {
                assert_eq!(rule, false, "only closed objects are supported");
                let unknown = object.keys().filter(|name| schema["properties"].get(name.as_str()).is_none());
                unknown.map(|name| format!("{at}: {name} is unknown")).collect()
            }
        }
    }

    /// `#/$defs/name`
    fn definition(&self, reference: &Value) -> &Value {
        let path = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference");
        self.root.pointer(path).expect("a definition")
    }
}

fn has_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    };
    rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is))
}
