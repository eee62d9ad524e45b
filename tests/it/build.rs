//! `konfig build`: artifacts, summaries, exit codes, selectors.

use std::fs;

use crate::repo::{Ran, Repo, files_below, of_project};

/// Three stacks of two projects that share a model.
fn demo() -> Repo {
    Repo::monorepo()
        .file("base/labels.k", "schema Labels:\n    app: str\n    team?: str\n")
        .file("apps/shop/project.yaml", "name: shop\ntenant: retail\n")
        .file("apps/shop/dev/stack.yaml", "name: dev\n")
        .file("apps/shop/dev/main.k", "import base.labels\n\ntags = labels.Labels {app = \"shop\"}\n")
        .file("apps/shop/prod/stack.yaml", "name: prod\n")
        .file("apps/shop/prod/main.k", "replicas = 3\n")
        .file("apps/mail/project.yaml", "name: mail\ntenant: messaging\n")
        .file("apps/mail/prod/stack.yaml", "name: prod\n")
        .file("apps/mail/prod/main.k", "queue = \"outbox\"\n")
}

/// The artifacts that are there, without the folder and the ending.
fn artifacts(repo: &Repo) -> Vec<String> {
    let files = repo.files("dist");
    files.iter().map(|file| file.strip_suffix(".yaml").expect("an artifact").to_owned()).collect()
}

fn built(repo: &Repo, selectors: &[&str]) -> Vec<String> {
    fs::remove_dir_all(repo.path("dist")).ok();
    repo.konfig(&[&["build"], selectors].concat()).good();
    artifacts(repo)
}

#[test]
fn writes_an_artifact_for_each_stack() {
    let repo = demo();
    let ran = repo.konfig(&["build"]).good();
    assert_eq!(ran.counts(), (3, 0, 3));
    assert_eq!(artifacts(&repo), ["apps/mail/prod", "apps/shop/dev", "apps/shop/prod"]);
    assert_eq!(repo.read("dist/apps/shop/dev.yaml").as_deref(), Some("tags:\n  app: shop\n"));
    assert_eq!(repo.read("dist/apps/shop/prod.yaml").as_deref(), Some("replicas: 3\n"));
}

#[test]
fn the_summary_is_the_last_line() {
    let ran = demo().konfig(&["build"]).good();
    let last = ran.stdout.lines().last().expect("a line");
    assert!(last.starts_with("3 stacks: 3 built, 0 reused, 0 failed, 3 changed in "), "{last}");
}

#[test]
fn writes_only_what_changed() {
    let repo = demo();
    repo.konfig(&["build"]).good();
    let before = fs::metadata(repo.path("dist/apps/shop/dev.yaml")).expect("an artifact").modified().ok();
    repo.write("apps/shop/prod/main.k", b"replicas = 4\n");
    assert_eq!(repo.konfig(&["build"]).good().counts(), (1, 0, 1));
    let after = fs::metadata(repo.path("dist/apps/shop/dev.yaml")).expect("an artifact").modified().ok();
    assert_eq!(before, after);
    assert_eq!(repo.konfig(&["build"]).good().counts(), (0, 0, 0));
}

#[test]
fn artifacts_go_where_out_says() {
    let repo = demo();
    repo.konfig(&["build", "--out", "made/here"]).good();
    assert!(repo.has("made/here/apps/mail/prod.yaml"));
    assert!(!repo.has("dist"));
    // What lies in the output folder is no part of the monorepo.
    repo.write("made/here/apps/x/stack.yaml", b"");
    assert_eq!(repo.konfig(&["build", "--out", "made/here"]).good().counts(), (0, 0, 0));
}

#[test]
fn the_root_is_found_from_any_folder() {
    let repo = demo().stand("apps/shop");
    assert_eq!(repo.konfig(&["build"]).good().counts(), (3, 0, 3));
    assert!(repo.has("dist/apps/mail/prod.yaml"));
}

#[test]
fn the_root_can_be_named() {
    let repo = demo();
    let away = Repo::empty();
    let root = repo.path("");
    let root = root.to_str().expect("a path");
    away.konfig(&["build", "--root", root]).good();
    assert!(repo.has("dist/apps/mail/prod.yaml"));
    away.konfig(&["build"]).exits(2).says("--root");
}

#[test]
fn selectors() {
    let repo = demo();
    assert_eq!(built(&repo, &["apps/shop/dev"]), ["apps/shop/dev"]);
    assert_eq!(built(&repo, &["apps/shop/..."]), ["apps/shop/dev", "apps/shop/prod"]);
    assert_eq!(built(&repo, &["project(mail)"]), ["apps/mail/prod"]);
    assert_eq!(built(&repo, &["env(prod)"]), ["apps/mail/prod", "apps/shop/prod"]);
    assert_eq!(built(&repo, &["tenant(retail)"]), ["apps/shop/dev", "apps/shop/prod"]);
    assert_eq!(built(&repo, &["imports(base/labels)"]), ["apps/shop/dev"]);
    assert_eq!(built(&repo, &["apps/... & env(prod) ~ project(mail)"]), ["apps/shop/prod"]);
    assert_eq!(built(&repo, &["apps/shop/dev", "project(mail)"]), ["apps/mail/prod", "apps/shop/dev"]);
    assert_eq!(built(&repo, &["~(env(prod))"]), ["apps/shop/dev"]);
}

#[test]
fn a_path_with_a_dot_is_seen_from_where_the_user_stands() {
    let repo = demo().stand("apps/shop");
    assert_eq!(built(&repo, &["./dev"]), ["apps/shop/dev"]);
    assert_eq!(built(&repo, &["./..."]), ["apps/shop/dev", "apps/shop/prod"]);
}

#[test]
fn a_selector_that_selects_nothing_is_refused() {
    let repo = demo();
    repo.konfig(&["build", "apps/shop/dve"]).exits(2).says("did you mean `apps/shop/dev`?");
    repo.konfig(&["build", "apps/shop"]).exits(2).says("apps/shop/...");
    repo.konfig(&["build", "env(pord)"]).exits(2).says("env(pord)");
    repo.konfig(&["build", "envs(prod)"]).exits(2).says("there is no selector `envs(…)`");
    repo.konfig(&["build", "imports(base/nothing)"]).exits(2).says("imports(base/nothing)");
    repo.konfig(&["build", "apps/... &"]).exits(2).says("character");
    repo.konfig(&["build", "../elsewhere"]).exits(2).says("outside of the monorepo");
    assert!(!repo.has("dist"));
}

#[test]
fn a_stack_that_fails_stops_no_other_one() {
    let repo = demo().stack("apps/shop/broken", "x = y\n");
    let ran = repo.konfig(&["build"]).exits(1).says("apps/shop/broken/main.k:1:5");
    assert_eq!(ran.counts(), (3, 1, 3));
    assert_eq!(artifacts(&repo), ["apps/mail/prod", "apps/shop/dev", "apps/shop/prod"]);
}

#[test]
fn fail_fast_starts_nothing_after_a_failure() {
    let mut repo = Repo::monorepo().stack("a", "x = y\n");
    for number in 0..20 {
        repo = repo.stack(&format!("b{number}"), "x = 1\n");
    }
    let ran = repo.konfig(&["build", "--fail-fast", "-j", "1"]).exits(1);
    let (built, failed, _) = ran.counts();
    assert_eq!(failed, 1);
    assert!(built < 20, "{}", ran.stdout);
    assert!(ran.stdout.contains("skipped"), "{}", ran.stdout);
}

#[test]
fn a_problem_of_many_stacks_is_said_once() {
    let mut repo = Repo::monorepo().file("base/model.k", "x = 1 +\n");
    for stack in ["a", "b", "c"] {
        repo = repo.stack(stack, "import base.model\n\ny = model.x\n");
    }
    let ran = repo.konfig(&["build"]).exits(1).says("this refuses 3 stacks: `a`, `b` and `c`");
    assert_eq!(ran.stderr.matches("base/model.k:1").count(), 1, "{}", ran.stderr);
}

#[test]
fn check_compares_and_writes_nothing() {
    let repo = demo()
        .file("apps/shop/dev/ci-test/stdout.golden.yaml", "tags: {app: shop}\n")
        .file("apps/shop/prod/ci-test/stdout.golden.yaml", "replicas: 3 # at least\n");
    let ran = repo.konfig(&["build", "--check"]).good();
    assert_eq!(ran.counts(), (3, 0, 0));
    assert!(ran.stdout.contains("1 without golden"), "{}", ran.stdout);
    assert!(!repo.has("dist"));
}

#[test]
fn check_says_where_a_stack_differs() {
    let repo = demo().file("apps/shop/prod/ci-test/stdout.golden.yaml", "replicas: 2\n");
    let ran = repo.konfig(&["build", "--check"]).exits(1);
    assert_eq!(ran.counts(), (2, 1, 0));
    ran.says("stack `apps/shop/prod` differs from its golden at `1: replicas`")
        .says("the golden has `2`, the artifact has `3`");
}

#[test]
fn check_counts_the_order_of_keys() {
    let golden = "apps/x/ci-test/stdout.golden.yaml";
    let repo = Repo::monorepo().stack("apps/x", "a = 1\nb = 2\n").file(golden, "b: 2\na: 1\n");
    repo.konfig(&["build", "--check"]).exits(1);
}

#[test]
fn a_golden_that_is_not_yaml_fails_its_stack() {
    let repo = demo().file("apps/shop/prod/ci-test/stdout.golden.yaml", "replicas: [\n");
    repo.konfig(&["build", "--check"]).exits(1).says("the golden is not YAML");
}

#[test]
fn check_and_out_exclude_each_other() {
    demo().konfig(&["build", "--check", "--out", "x"]).exits(2).says("--out");
}

#[test]
fn options_and_entry_files_come_from_settings() {
    let repo = Repo::monorepo()
        .file("base/common.k", "app = option(\"app\")\n")
        .stack("apps/x", "env = option(\"env\", default=\"none\")\n")
        .file("apps/x/kcl.yaml", "kcl_cli_configs:\n  file:\n  - ${KCL_MOD}/base/common.k\n  - main.k\n")
        .file("apps/x/ci-test/settings.yaml", "kcl_options:\n- key: app\n  value: shop\n");
    repo.konfig(&["build"]).good();
    assert_eq!(repo.read("dist/apps/x.yaml").as_deref(), Some("app: shop\nenv: none\n"));
}

#[test]
fn a_stack_can_be_a_module() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nmodels = { path = \"../../models\" }\n\n\
                    [profile]\nentries = [\"main.k\", \"${models:KCL_MOD}/render.k\"]\n";
    let repo = Repo::empty()
        .file("konfig.yaml", "")
        .file("models/kcl.mod", "[package]\nname = \"models\"\n")
        .file("models/shapes.k", "schema Box:\n    size: int = 1\n")
        .file("models/render.k", "rendered = True\n")
        .file("apps/x/kcl.mod", manifest)
        .file("apps/x/main.k", "import models.shapes\n\nbox = shapes.Box {}\n");
    repo.konfig(&["build"]).good();
    assert_eq!(repo.read("dist/apps/x.yaml").as_deref(), Some("box:\n  size: 1\nrendered: true\n"));
}

#[test]
fn what_programs_print_is_shown_on_demand() {
    let repo = Repo::monorepo().stack("a", "print(\"hello\")\nx = 1\n");
    let ran = repo.konfig(&["build"]).good();
    assert!(!ran.stderr.contains("hello") && !ran.stdout.contains("hello"));
    repo.konfig(&["build", "--verbose", "--no-cache"]).good().says("hello");
    assert_eq!(repo.read("dist/a.yaml").as_deref(), Some("x: 1\n"));
}

#[test]
fn verbose_says_what_became_of_each_stack() {
    let repo = demo().stack("broken", "x = y\n");
    let ran: Ran = repo.konfig(&["build", "--verbose"]).exits(1);
    ran.prints("changed  apps/shop/dev\n").prints("failed   broken\n");
}

#[test]
fn a_profile_has_an_event_for_each_step_of_each_stack() {
    let repo = demo();
    repo.konfig(&["build", "--profile", "trace.json"]).good();
    let trace = repo.read("trace.json").expect("a trace");
    let trace: serde_json::Value = serde_json::from_str(&trace).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    let count = |name: &str| events.iter().filter(|event| event["name"] == name).count();
    for (name, times) in [("stacks", 1), ("apps/shop/dev", 1), ("parse", 3), ("evaluate", 3), ("keep", 3)] {
        assert_eq!(count(name), times, "{name}");
    }
    let [stacks, stack] = ["stacks", "apps/shop/dev"].map(|name| {
        let event = events.iter().find(|event| event["name"] == name).expect("an event");
        let at = |key: &str| event[key].as_f64().expect("a time");
        (at("ts"), at("ts") + at("dur"))
    });
    assert!(stacks.0 <= stack.0 && stack.1 <= stacks.1, "{stack:?} in {stacks:?}");
}

#[test]
fn verbose_says_how_long_the_phases_took() {
    let repo = demo();
    let ran = repo.konfig(&["build", "--verbose"]).good();
    ran.says("phases: ").says("in stacks, over all threads: ").says("evaluate ");
    let again = repo.konfig(&["build", "--verbose"]).good();
    assert!(!again.stderr.contains("evaluate "), "{}", again.stderr);
    again.says("phases: survey ");
    assert!(!repo.konfig(&["build"]).good().stderr.contains("phases"));
}

#[test]
fn a_profile_that_cannot_be_written_is_refused() {
    let repo = demo();
    repo.konfig(&["build", "--profile", "apps"]).exits(2).says("cannot write the profile to `apps`");
}

#[test]
fn a_build_does_not_write_files_that_programs_want_to_write() {
    let main = "import file\n\nfile.write(\"made.txt\", \"text\")\nx = 1\n";
    let repo = Repo::monorepo().stack("a", main);
    repo.konfig(&["build"]).exits(1);
    assert!(!repo.has("a/made.txt") && !repo.has("made.txt"));
}

#[test]
fn the_number_of_threads_does_not_show() {
    let repo = Repo::empty();
    let root = of_project("konfig");
    let root = root.to_str().expect("a path");
    repo.konfig(&["build", "--root", root, "--out", "one", "-j", "1"]).good();
    repo.konfig(&["build", "--root", root, "--out", "two", "-j", "2"]).good();
    let files = repo.files("one");
    assert!(files.len() > 30);
    assert_eq!(files, files_below(&repo.path("two")));
    for file in files {
        assert_eq!(repo.read(&format!("one/{file}")), repo.read(&format!("two/{file}")), "{file}");
    }
}

#[test]
fn messages_are_the_same_with_any_number_of_threads() {
    let mut repo = Repo::monorepo().file("base/model.k", "x: int = \"text\"\n");
    for number in 0..12 {
        repo = repo.stack(&format!("s{number}"), "import base.model\n\ny = model.x\nz = w\n");
    }
    let one = repo.konfig(&["build", "-j", "1"]).exits(1);
    let two = repo.konfig(&["build", "-j", "2"]).exits(1);
    assert_eq!(one.stderr, two.stderr);
}
