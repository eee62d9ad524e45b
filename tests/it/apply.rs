//! Handing over.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::git::{commit, git};
use crate::repo::{Ran, Repo, files_below};
use crate::shop::{branch, bump, rendered, shop, truth, valid};

/// A command that writes down what it is for, once it has read all of its input.
const LOG: &str = "
- name: log
  command:
    apply: [sh, -c, 'cat > /dev/null; echo {stack} {key} >> dist/log']
    remove: [sh, -c, 'echo gone {stack} >> dist/log']
    idempotent: true
    backoff: 1ms
";

const MIRROR: &str = "
- name: mirror
  directory: {path: dist/mirror}
";

const BRANCH: &str = "
- name: branch
  git: {repository: dist/branch.git, branch: rendered}
";

fn targets(all: &[&str]) -> String {
    format!("targets:{}", all.concat())
}

fn log(repo: &Repo) -> Vec<String> {
    repo.read("dist/log").unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Applies, and gives what became of each stack at each target.
#[track_caller]
fn apply(repo: &Repo, more: &[&str]) -> (Ran, BTreeMap<(String, String), String>) {
    let ran = repo.konfig(&[&["apply", "--format", "json"][..], more].concat());
    if ran.stdout.is_empty() {
        return (ran, BTreeMap::new());
    }
    let report = valid("apply-report", &ran.stdout);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let done = report["done"].as_array().expect("what was done").iter();
    let done = done.map(|it| ((text(&it["stack"]), text(&it["target"])), text(&it["outcome"]))).collect();
    (ran, done)
}

#[test]
fn what_was_handed_over_is_not_handed_over_twice() {
    let Some(repo) = shop(2, &["dev"], &targets(&[LOG, MIRROR, BRANCH])) else { return };
    branch(&repo);
    bump(&repo, 0..2, &["dev"], 2);
    let (ran, done) = apply(&repo, &["--base", "HEAD^"]);
    ran.good();
    assert_eq!(done.len(), 6);
    assert!(done.values().all(|outcome| outcome == "applied"), "{done:?}");
    let (ran, done) = apply(&repo, &["--base", "HEAD^"]);
    ran.good();
    assert!(done.values().all(|outcome| outcome == "known"), "{done:?}");
    assert_eq!(log(&repo).len(), 2);
    assert_eq!(git(&repo, "dist/branch.git", &["rev-list", "--count", "rendered"]), "1");
    let (ran, _) = apply(&repo, &["--base", "HEAD^", "--again", "--target", "log"]);
    ran.good();
    assert_eq!(log(&repo).len(), 4);
    apply(&repo, &["--base", "HEAD^", "--again", "--target", "branch"]).0.good();
    assert_eq!(git(&repo, "dist/branch.git", &["rev-list", "--count", "rendered"]), "1", "no empty commit");
    // Back to what was there before is a change as any other.
    bump(&repo, 0..1, &["dev"], 1);
    apply(&repo, &["--base", "HEAD^"]).0.good();
    bump(&repo, 0..1, &["dev"], 2);
    apply(&repo, &["--base", "HEAD^"]).0.good();
    assert_eq!(log(&repo).len(), 6);
    let expected = truth(&repo, "HEAD");
    assert_eq!(rendered(&repo, "rendered"), expected);
    for (path, text) in expected {
        assert_eq!(repo.read(&format!("dist/mirror/{path}.yaml")), Some(text));
    }
}

#[test]
fn commits_name_their_source() {
    let Some(repo) = shop(2, &["dev"], &targets(&[BRANCH])) else { return };
    branch(&repo);
    bump(&repo, 0..2, &["dev"], 2);
    repo.konfig(&["build", "--affected", "HEAD^", "--change-set", "dist/set.json"]).good();
    repo.konfig(&["apply", "--change-set", "dist/set.json"]).good();
    let message = git(&repo, "dist/branch.git", &["log", "-1", "--format=%B", "rendered"]);
    let set = repo.read("dist/set.json").expect("a change set");
    let digest = cache::Digest::of(set.as_bytes());
    let source = git(&repo, "", &["rev-parse", "HEAD"]);
    assert!(message.ends_with(&format!("Source-Commit: {source}\nChange-Set: blake3:{digest}")), "{message}");
}

#[test]
fn what_is_gone_is_removed_only_if_that_is_wanted() {
    let Some(repo) = shop(2, &["dev"], &targets(&[LOG, MIRROR, BRANCH])) else { return };
    branch(&repo);
    repo.konfig(&["build", "--change-set", "dist/all.json"]).good();
    repo.konfig(&["apply", "--change-set", "dist/all.json"]).good();
    git(&repo, "", &["rm", "-r", "--quiet", "apps/p001"]);
    commit(&repo);
    let ran = repo.konfig(&["apply", "--base", "HEAD^"]).good();
    assert!(ran.stdout.contains("left where they are, `apps/p001/dev`"), "{}", ran.stdout);
    assert!(repo.has("dist/mirror/apps/p001/dev.yaml"));
    let (ran, done) = apply(&repo, &["--base", "HEAD^", "--prune"]);
    ran.good();
    assert_eq!(done.len(), 3);
    assert!(!repo.has("dist/mirror/apps/p001"), "the empty folder goes too");
    assert_eq!(log(&repo).last().expect("a line"), "gone apps/p001/dev");
    assert_eq!(rendered(&repo, "rendered"), truth(&repo, "HEAD"));
}

#[test]
fn waves_go_one_after_the_other() {
    let waves = "waves: [{name: dev, stacks: env(dev)}, {name: prod, stacks: env(prod)}]\n";
    let fails = "
- name: log
  command: {apply: [sh, -ec, 'test {name} != dev']}
";
    let yaml = format!("{}{waves}", targets(&[fails, MIRROR]));
    let Some(repo) = shop(2, &["dev", "prod"], &yaml) else { return };
    bump(&repo, 0..2, &["dev", "prod"], 2);
    let (ran, done) = apply(&repo, &["--base", "HEAD^"]);
    ran.exits(1);
    let of = |env: &str, outcome: &str| {
        done.iter().filter(|((stack, _), it)| stack.ends_with(env) && *it == outcome).count()
    };
    assert_eq!((of("dev", "failed"), of("dev", "applied"), of("prod", "skipped")), (2, 2, 4), "{done:?}");
}

#[test]
fn commands_are_tried_again_and_told_the_change() {
    let command = "
- name: flaky
  command:
    apply: [sh, -ec, 'cat > \"dist/input\"; echo x >> dist/tries; echo hunter2; test $(wc -l < dist/tries) = 3']
    retries: 2
    backoff: 1ms
";
    let Some(repo) = shop(1, &["dev"], &targets(&[command])) else { return };
    bump(&repo, 0..1, &["dev"], 2);
    fs::create_dir_all(repo.path("dist")).expect("a folder");
    apply(&repo, &["--base", "HEAD^"]).0.good();
    assert_eq!(repo.read("dist/tries").expect("tries").lines().count(), 3);
    let input: Value = serde_json::from_str(&repo.read("dist/input").expect("the input")).expect("JSON");
    assert_eq!(input["stack"]["path"], "apps/p000/dev");
    assert_eq!(input["stack"]["resources"][0]["kind"], "Deployment");
    assert_eq!(input["target"], "flaky");
    // What succeeded once is done, and what failed too often is tried anew by the next apply.
    repo.write("dist/tries", b"");
    bump(&repo, 0..1, &["dev"], 3);
    repo.write("konfig.yaml", targets(&[&command.replace("retries: 2", "retries: 1")]).as_bytes());
    let ran = repo.konfig(&["apply", "--base", "HEAD^"]).exits(1);
    assert!(ran.stdout.contains("it ended with 1") && ran.stdout.contains("| hunter2"), "{}", ran.stdout);
    apply(&repo, &["--base", "HEAD^"]).0.good();
}

#[test]
fn a_command_that_takes_too_long_is_stopped() {
    let command = "
- name: slow
  command: {apply: [sh, -c, 'sleep 60 & sleep 60'], timeout: 100ms, retries: 3}
";
    let Some(repo) = shop(1, &["dev"], &targets(&[command])) else { return };
    bump(&repo, 0..1, &["dev"], 2);
    let ran = repo.konfig(&["apply", "--base", "HEAD^"]).exits(1);
    assert!(ran.stdout.contains("it took longer than 100ms"), "{}", ran.stdout);
}

#[test]
fn secrets_are_not_in_what_commands_print() {
    let command = "
- name: loud
  command: {apply: [sh, -ec, 'cat {artifact}; cat {artifact} >&2; exit 1']}
";
    let Some(repo) = shop(1, &["dev"], &targets(&[command])) else { return };
    let main = "apiVersion = \"v1\"\nkind = \"Secret\"\nmetadata = {name = \"s\"}\ndata = {x = \"aHVudGVyMi1vbmU=\"}\nstringData = {y = \"plain-hunter2\"}\n";
    repo.write("apps/p000/dev/main.k", main.as_bytes());
    let ran = repo.konfig(&["apply"]).exits(1);
    assert!(ran.stdout.contains("| kind: Secret"), "{}", ran.stdout);
    for text in [ran.stdout, ran.stderr, repo.read(".konfig/apply/ledger").expect("a ledger")] {
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVy"), "{text}");
    }
    let kept = files_below(&repo.path(".konfig/apply"));
    assert_eq!(kept, ["ledger", "lock"], "nothing else is left");
}

#[test]
fn what_is_applied_is_what_was_built() {
    let Some(repo) = shop(2, &["dev"], &targets(&[LOG, MIRROR])) else { return };
    bump(&repo, 0..2, &["dev"], 2);
    repo.konfig(&["build", "--affected", "HEAD^", "--change-set", "dist/set.json"]).good();
    repo.write("dist/apps/p000/dev.yaml", b"kind: Evil\n");
    // The store still has what was built.
    apply(&repo, &["--change-set", "dist/set.json"]).0.good();
    assert_eq!(
        repo.read("dist/mirror/apps/p000/dev.yaml"),
        Some(truth(&repo, "HEAD")["apps/p000/dev"].clone())
    );
    fs::remove_dir_all(repo.path(".konfig")).expect("a store");
    fs::remove_dir_all(repo.path("dist/mirror")).expect("a mirror");
    let ran = repo.konfig(&["apply", "--change-set", "dist/set.json"]).exits(1);
    ran.says("the artifacts are not those of the change set: `apps/p000/dev`");
    assert!(!repo.has("dist/mirror"), "nothing is handed over");
}

#[test]
fn a_change_set_with_failures_is_not_whole() {
    let Some(repo) = shop(2, &["dev"], &targets(&[MIRROR])) else { return };
    bump(&repo, 1..2, &["dev"], 2);
    repo.write("apps/p000/dev/main.k", b"x = y\n");
    repo.konfig(&["apply", "--base", "HEAD^"]).exits(1).says("1 stack fails of the change set");
    assert!(!repo.has("dist/mirror"));
    repo.konfig(&["apply", "--base", "HEAD^", "--partial"]).exits(1);
    assert_eq!(files_below(&repo.path("dist/mirror")), ["apps/p001/dev.yaml"]);
}

#[test]
fn settings_are_checked_before_anything_is_done() {
    let Some(repo) = shop(1, &["dev"], "") else { return };
    bump(&repo, 0..1, &["dev"], 2);
    let refused = |yaml: &str, what: &str| {
        repo.write("konfig.yaml", yaml.as_bytes());
        repo.konfig(&["apply", "--base", "HEAD^"]).exits(2).says(what);
    };
    refused("", "the monorepo has no targets");
    refused("targets: [{name: a}]", "needs one of");
    refused("targets: [{name: a, stacks: 'env(', directory: {path: dist/x}}]", "selector `env(` is wrong");
    let script = "targets: [{name: a, command: {apply: [sh, -c, \"echo '{stack}'\"]}}]";
    refused(script, "stands in single quotes");
    refused("targets: [{name: a, command: {apply: [echo, '{stak}']}}]", "there is no `{stak}`");
    repo.write("konfig.yaml", targets(&[MIRROR]).as_bytes());
    repo.konfig(&["apply", "--target", "none"]).exits(2).says("there is no target `none`");
}

/// Names of stacks that mean something to a shell are only names.
#[test]
fn hostile_names_are_only_names() {
    let command = "
- name: a
  command: {apply: [sh, -ec, 'echo {stack} >> dist/log; echo \"in {stack}\" >> dist/log'], idempotent: true}
- name: b
  command: {apply: [echo, 'x{stack}']}
";
    let Some(repo) = shop(0, &[], &targets(&[command, MIRROR, BRANCH])) else { return };
    branch(&repo);
    let names = [
        "$(touch dist/pwned)",
        "`touch dist/pwned`",
        "a; touch dist/pwned",
        "a\" && touch dist/pwned",
        "it's",
        "-rf",
        "{stack}",
    ];
    let mut repo = repo;
    for name in names {
        repo = repo.stack(&format!("apps/{name}"), "x = 1\n");
    }
    let repo = repo.stack("apps/deep/a b/$HOME", "y = 2\n");
    let (ran, done) = apply(&repo, &[]);
    ran.good();
    assert_eq!(done.len(), 4 * 8);
    assert!(!repo.has("dist/pwned"));
    let said = log(&repo);
    for name in names {
        assert!(
            said.contains(&format!("apps/{name}")) && said.contains(&format!("in apps/{name}")),
            "{said:?}"
        );
    }
    assert!(repo.has("dist/mirror/apps/deep/a b/$HOME.yaml"));
}

#[test]
fn nothing_leaves_its_target() {
    let Some(repo) = shop(1, &["dev"], &targets(&[MIRROR, BRANCH])) else { return };
    branch(&repo);
    bump(&repo, 0..1, &["dev"], 2);
    repo.konfig(&["build", "--affected", "HEAD^", "--change-set", "dist/set.json"]).good();
    let set = repo.read("dist/set.json").expect("a change set");
    for path in ["../../escaped", "/tmp/escaped", "apps/../../escaped", ".git/hooks/post-checkout"] {
        let hostile = set.replace("apps/p000/dev", path);
        repo.write("dist/hostile.json", hostile.as_bytes());
        repo.konfig(&["apply", "--change-set", "dist/hostile.json"]).exits(2).says("is no path of a stack");
    }
    // A link below the folder leads out of it.
    #[cfg(unix)]
    {
        fs::create_dir_all(repo.path("dist/mirror")).expect("a folder");
        fs::create_dir_all(repo.path("outside")).expect("a folder");
        std::os::unix::fs::symlink(repo.path("outside"), repo.path("dist/mirror/apps")).expect("a link");
        let ran = repo.konfig(&["apply", "--change-set", "dist/set.json"]).exits(1);
        assert!(ran.stdout.contains("is a link, which is not followed"), "{}", ran.stdout);
        assert_eq!(files_below(&repo.path("outside")), [""; 0]);
    }
}

#[test]
fn pushes_that_come_second_are_made_again() {
    let Some(repo) = shop(1, &["dev"], &targets(&[BRANCH])) else { return };
    branch(&repo);
    let others: Vec<Repo> = (0..4)
        .map(|number| {
            let other = Repo::empty().env("PATH", &std::env::var("PATH").unwrap_or_default());
            git(&other, "", &["clone", "--quiet", repo.path("").to_str().expect("a path"), "clone"]);
            let other = other.stand("clone").stack(&format!("clone/apps/x{number}"), "x = 1\n");
            let bare = repo.path("dist/branch.git");
            let yaml = targets(&[&BRANCH.replace("dist/branch.git", bare.to_str().expect("a path"))]);
            other.file("clone/konfig.yaml", &yaml)
        })
        .collect();
    let start = |other: &Repo| {
        let mut command = other.command(env!("CARGO_BIN_EXE_konfig"), &["apply"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("konfig starts")
    };
    let running: Vec<Child> = others.iter().map(start).collect();
    for child in running {
        Ran::from(child.wait_with_output().expect("konfig ends")).good();
    }
    let names = rendered(&repo, "rendered").into_keys().collect::<Vec<_>>();
    assert_eq!(names, ["apps/x0", "apps/x1", "apps/x2", "apps/x3"]);
    assert_eq!(git(&repo, "dist/branch.git", &["rev-list", "--count", "rendered"]), "4");
}

#[test]
fn two_applies_do_not_mix() {
    let command = "
- name: waits
  command: {apply: [sh, -ec, 'echo x > dist/began; while ! test -e dist/go; do sleep 0.02; done']}
";
    let Some(repo) = shop(1, &["dev"], &targets(&[command])) else { return };
    bump(&repo, 0..1, &["dev"], 2);
    fs::create_dir_all(repo.path("dist")).expect("a folder");
    let start = |more: &[&str]| {
        let arguments = [&["apply", "--base", "HEAD^"][..], more].concat();
        let mut command = repo.command(env!("CARGO_BIN_EXE_konfig"), &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("konfig starts")
    };
    let first = start(&[]);
    wait_for(|| repo.has("dist/began"));
    let name = format!("process {}", first.id());
    repo.konfig(&["apply", "--base", "HEAD^"]).exits(2).says("somebody else is applying: ").says(&name);
    let second = start(&["--wait", "--verbose"]);
    repo.write("dist/go", b"");
    Ran::from(first.wait_with_output().expect("konfig ends")).good().prints("1 applied");
    Ran::from(second.wait_with_output().expect("konfig ends")).good().prints("1 known to be there");
}

/// An apply is killed while its command runs: the command goes on, and the next apply takes its word.
#[test]
fn a_command_outlives_its_apply() {
    let command = "
- name: waits
  command:
    apply: [sh, -ec, 'echo x >> dist/began; while ! test -e dist/go; do sleep 0.02; done; echo {stack} >> dist/log']
";
    let Some(repo) = shop(1, &["dev"], &targets(&[command])) else { return };
    bump(&repo, 0..1, &["dev"], 2);
    fs::create_dir_all(repo.path("dist")).expect("a folder");
    let mut killed = repo.command(env!("CARGO_BIN_EXE_konfig"), &["apply", "--base", "HEAD^"]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("konfig starts");
    wait_for(|| repo.has("dist/began"));
    killed.kill().expect("a child to kill");
    killed.wait().expect("it is gone");
    repo.write("dist/go", b"");
    let (ran, done) = apply(&repo, &["--base", "HEAD^"]);
    ran.good();
    assert!(done.values().all(|outcome| outcome == "known"), "{done:?}");
    assert_eq!(log(&repo), ["apps/p000/dev"]);
}

/// Waits until something has happened in another process.
fn wait_for(happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not happen");
        #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
        std::thread::sleep(Duration::from_millis(5));
    }
}
