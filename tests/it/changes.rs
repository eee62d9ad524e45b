//! Change sets and previews.

use serde_json::{Value, json};

use crate::git::{commit, git};
use crate::repo::Repo;
use crate::shop::{bump, main, shop, statuses, true_statuses, truth, valid};

fn change_set(repo: &Repo, file: &str) -> Value {
    valid("change-set", &repo.read(file).expect("a change set"))
}

#[test]
fn a_change_set_says_what_differs() {
    let Some(repo) = shop(3, &["dev", "prod"], "") else { return };
    bump(&repo, 0..1, &["dev"], 2);
    git(&repo, "", &["rm", "-r", "--quiet", "apps/p001/prod"]);
    let repo = repo.stack("apps/p002/test", &main("p002", "test", 1));
    commit(&repo);
    repo.konfig(&["build", "--affected", "HEAD~2", "--change-set", "set.json"]).good();
    let set = change_set(&repo, "set.json");
    let (before, after) = (truth(&repo, "HEAD~2"), truth(&repo, "HEAD"));
    assert_eq!(statuses(&set), true_statuses(&before, &after));
    let changed = &set["stacks"][0];
    assert_eq!(changed["path"], "apps/p000/dev");
    assert_eq!(changed["project"], "apps/p000");
    assert_eq!(changed["artifact"], "apps/p000/dev.yaml");
    let resource = json!({
        "id": "apps/v1:Deployment:dev:p000",
        "kind": "Deployment",
        "status": "changed",
        "fields": ["spec.template.spec.containers[name=main].image"],
    });
    assert_eq!(changed["resources"], json!([resource]));
    assert_eq!(set["root"], ".");
    assert_eq!(set["base"], git(&repo, "", &["rev-parse", "HEAD~2"]));
    assert_eq!(set["head"], git(&repo, "", &["rev-parse", "HEAD"]));
    let digests = |path: &str| {
        let stack = set["stacks"].as_array().expect("stacks").iter().find(|it| it["path"] == path);
        let stack = stack.expect("the stack");
        (stack["previous"].clone(), stack["digest"].clone())
    };
    let digest = |text: &str| Value::from(cache::Digest::of(text.as_bytes()).to_string());
    assert_eq!(digests("apps/p000/dev"), (digest(&before["apps/p000/dev"]), digest(&after["apps/p000/dev"])));
    assert_eq!(digests("apps/p001/prod"), (digest(&before["apps/p001/prod"]), Value::Null));
    assert_eq!(digests("apps/p002/test"), (Value::Null, digest(&after["apps/p002/test"])));
}

#[test]
fn without_a_base_the_artifacts_that_were_there_are_compared() {
    let Some(repo) = shop(2, &["dev"], "") else { return };
    repo.konfig(&["build", "--change-set", "dist/first.json"]).good();
    let first = change_set(&repo, "dist/first.json");
    assert_eq!(first["stacks"].as_array().expect("stacks").len(), 2);
    assert_eq!(first["stacks"][0]["status"], "added");
    assert_eq!(first["base"], Value::Null);
    assert_eq!(first["head"], git(&repo, "", &["rev-parse", "HEAD"]));
    bump(&repo, 1..2, &["dev"], 2);
    repo.konfig(&["build", "--change-set", "dist/second.json"]).good();
    let second = change_set(&repo, "dist/second.json");
    assert_eq!(statuses(&second), [("apps/p001/dev".to_owned(), "changed".to_owned())].into());
    assert_eq!(second["stacks"][0]["resources"][0]["status"], "changed");
    git(&repo, "", &["rm", "-r", "--quiet", "apps/p001/dev"]);
    repo.konfig(&["build", "--change-set", "dist/third.json"]).good();
    let third = change_set(&repo, "dist/third.json");
    assert_eq!(statuses(&third), [("apps/p001/dev".to_owned(), "removed".to_owned())].into());
    assert_eq!(third["stacks"][0]["resources"][0]["id"], "apps/v1:Deployment:dev:p001");
    repo.konfig(&["build", "--change-set", "dist/last.json"]).good();
    assert_eq!(change_set(&repo, "dist/last.json")["stacks"], json!([]));
}

#[test]
fn a_change_set_is_the_same_wherever_it_is_made() {
    let Some(repo) = shop(4, &["dev", "prod"], "") else { return };
    bump(&repo, 0..3, &["prod"], 2);
    let other = Repo::empty().env("PATH", &std::env::var("PATH").unwrap_or_default());
    git(&other, "", &["clone", "--quiet", repo.path("").to_str().expect("a path"), "deep/clone"]);
    repo.konfig(&["build", "--affected", "HEAD^", "--change-set", "dist/set.json", "--jobs", "1"]).good();
    let other = other.stand("deep/clone");
    other.konfig(&["build", "--affected", "HEAD^", "--change-set", "dist/set.json"]).good();
    assert_eq!(repo.read("dist/set.json"), other.read("deep/clone/dist/set.json"));
}

#[test]
fn a_stack_that_fails_is_named_and_no_change() {
    let Some(repo) = shop(2, &["dev"], "") else { return };
    repo.write("apps/p000/dev/main.k", b"x = y\n");
    repo.konfig(&["build", "--affected", "--change-set", "dist/set.json"]).exits(1);
    let set = change_set(&repo, "dist/set.json");
    assert_eq!((&set["stacks"], &set["failed"]), (&json!([]), &json!(["apps/p000/dev"])));
    repo.konfig(&["preview"]).exits(1).prints("1 failed");
}

#[test]
fn a_volatile_stack_has_its_resources_too() {
    let Some(repo) = shop(1, &["dev"], "") else { return };
    repo.write(
        "apps/p000/dev/main.k",
        b"import datetime\n\nkind = \"A\"\napiVersion = \"v1\"\nnow = datetime.ticks()\n",
    );
    repo.konfig(&["build", "--affected", "--change-set", "dist/set.json"]).good();
    let set = change_set(&repo, "dist/set.json");
    assert_eq!(set["stacks"][0]["resources"][0]["id"], "v1:A");
}

#[test]
fn previews_of_a_change() {
    let Some(repo) = shop(2, &["dev"], "") else { return };
    repo.konfig(&["preview", "--exit-code"]).good().prints("0 stacks: 0 added, 0 changed, 0 removed");
    bump(&repo, 0..1, &["dev"], 2);
    let text = "~ apps/p000/dev
  ~ apps/v1:Deployment:dev:p000
      spec.template.spec.containers[name=main].image: \"shop/p000:1\" → \"shop/p000:2\"
1 stack: 0 added, 1 changed, 0 removed; 1 resource: 0 added, 1 changed, 0 removed
";
    let ran = repo.konfig(&["preview", "--base", "HEAD^", "--exit-code"]).exits(1);
    assert_eq!(ran.stdout, text);
    let value =
        valid("preview", &repo.konfig(&["preview", "--head", "HEAD", "--format", "json"]).good().stdout);
    let field = &value["stacks"][0]["resources"][0]["fields"][0];
    assert_eq!((&field["before"], &field["after"]), (&json!("shop/p000:1"), &json!("shop/p000:2")));
    repo.konfig(&["preview", "--base", "HEAD^", "apps/p001/dev"]).good().prints("0 stacks");
    // From a file: here the artifacts are known, elsewhere only the paths.
    repo.konfig(&["build", "--affected", "HEAD^", "--change-set", "dist/set.json"]).good();
    assert_eq!(repo.konfig(&["preview", "--change-set", "dist/set.json"]).good().stdout, text);
    let set = repo.read("dist/set.json").expect("a change set");
    let elsewhere = Repo::monorepo().file("set.json", &set);
    let ran = elsewhere.konfig(&["preview", "--change-set", "set.json"]).good().says("[C03]");
    assert!(ran.stdout.contains("containers[name=main].image\n"), "{}", ran.stdout);
}

#[test]
fn markdown_stays_below_its_size() {
    let Some(repo) = shop(40, &["dev"], "") else { return };
    bump(&repo, 0..40, &["dev"], 2);
    let markdown = |size: &str| {
        repo.konfig(&["preview", "--base", "HEAD^", "--format", "markdown", "--max-size", size]).good().stdout
    };
    let whole = markdown("60000");
    assert!(whole.contains("**40 stacks: 0 added, 40 changed, 0 removed; 40 resources"), "{whole}");
    assert_eq!(whole.matches("<details>").count(), 40);
    for size in [500, 2000, 5000] {
        let cut = markdown(&size.to_string());
        assert!(cut.len() <= size, "{size}: {}", cut.len());
        assert!(cut.contains("more, see `konfig preview`"), "{cut}");
        assert_eq!(cut.matches("<details>").count(), cut.matches("</details>").count());
    }
}

/// Secrets by place, by name and by form.
const SECRETS: &str = "import manifests

manifests.yaml_stream([
    {apiVersion = \"v1\", kind = \"Secret\", metadata.name = \"s\", data = {x = \"aHVudGVyMi1VAL\"}}
    {apiVersion = \"v1\", kind = \"ConfigMap\", metadata.name = \"c\", data = {url = \"pg://app:hunter2-VAL@db\", plain = \"VAL\"}}
    {apiVersion = \"v1\", kind = \"Pod\", metadata.name = \"p\", spec.containers = [{name = \"a\", env = [{name = \"DB_PASSWORD\", value = \"hunter2-VAL\"}]}]}
])
";

#[test]
fn secrets_are_nowhere() {
    let Some(repo) = shop(1, &["dev"], "") else { return };
    repo.write("apps/p000/dev/main.k", SECRETS.replace("VAL", "one").as_bytes());
    commit(&repo);
    repo.write("apps/p000/dev/main.k", SECRETS.replace("VAL", "two").as_bytes());
    repo.konfig(&["build", "--affected", "--change-set", "dist/set.json"]).good();
    let mut shown = vec![repo.read("dist/set.json").expect("a change set")];
    for format in ["text", "json", "markdown"] {
        let ran = repo.konfig(&["preview", "--format", format]).good();
        assert!(
            ran.stdout.contains("data.plain") || ran.stdout.contains("data[\"plain\"]"),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains("(secret)"), "{}", ran.stdout);
        shown.push(ran.stdout + &ran.stderr);
    }
    for text in shown {
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVy"), "{text}");
        assert!(text.contains("env[name=DB_PASSWORD].value"), "{text}");
    }
}

#[test]
fn secrets_are_not_in_differences_from_goldens() {
    let golden =
        |value: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  x: {value}\n");
    let main =
        "apiVersion = \"v1\"\nkind = \"Secret\"\nmetadata = {name = \"s\"}\ndata = {x = \"aHVudGVyMg==\"}\n";
    let repo = Repo::monorepo().stack("a", main).file("a/ci-test/stdout.golden.yaml", &golden("b2xkZXI="));
    let ran = repo.konfig(&["build", "--check"]).exits(1).says("`1: data.x`").says("(secret)");
    assert!(!ran.stderr.contains("aHVudGVy") && !ran.stderr.contains("b2xkZXI"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_no_change_set_is_refused() {
    let repo = Repo::monorepo().file("a.json", "{}").file("b.json", "[1]");
    repo.konfig(&["preview", "--change-set", "a.json"]).exits(2).says("`a.json` is no change set");
    repo.konfig(&["preview", "--change-set", "b.json"]).exits(2).says("`b.json` is no change set");
    repo.konfig(&["preview", "--change-set", "none.json"]).exits(2).says("cannot read the change set");
}
