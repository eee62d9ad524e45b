//! From `git init` to the rendered branch, and the same with kills in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::exact::number;
use crate::git::{commit, git};
use crate::repo::{Repo, of_project};
use crate::shop::{branch, bump, main, rendered, shop, statuses, true_statuses, truth, valid};

const ENVS: [&str; 3] = ["dev", "test", "prod"];

const SETTINGS: &str = "targets:
- name: branch
  git: {repository: dist/branch.git, branch: rendered}
- name: log
  command:
    apply: [sh, -ec, 'cat > /dev/null; echo {key} {stack} >> dist/log']
    remove: [sh, -ec, 'cat > /dev/null; echo {key} {stack} >> dist/log']
    idempotent: true
";

type Artifacts = BTreeMap<String, String>;

/// The stacks that a script would name which goes by the names of changed files: for each `.k` file the nearest folder
/// above with a `stack.yaml`, as `hack/get_changed_project_stack.py` of the Konfig repository does.
fn by_file_names(repo: &Repo, base: &str) -> BTreeSet<String> {
    let changed = git(repo, "", &["diff", "--name-only", "--no-renames", base, "HEAD"]);
    let above = |file: &str| {
        let folders = Path::new(file).ancestors().skip(1).map(|it| it.to_str().expect("text").to_owned());
        folders.take_while(|it| !it.is_empty()).find(|it| repo.has(&format!("{it}/stack.yaml")))
    };
    changed.lines().filter(|file| file.ends_with(".k")).filter_map(above).collect()
}

/// A row of the table in docs/apply.md: what differs, what the script names, what it misses and what it names in vain.
fn row(what: &str, differs: &BTreeSet<String>, named: &BTreeSet<String>) -> String {
    let (missed, vain) = ((differs - named).len(), (named - differs).len());
    format!("| {what} | {} | {} | {missed} | {vain} |\n", differs.len(), named.len())
}

/// One step: the change set must be the truth, and the branch must have it afterwards. Gives the artifacts after it, from
/// those before.
fn step(repo: &Repo, what: &str, base: &str, before: &Artifacts) -> Artifacts {
    repo.konfig(&["build", "--affected", base, "--change-set", "dist/set.json"]).good();
    let set = valid("change-set", &repo.read("dist/set.json").expect("a change set"));
    let after = truth(repo, "HEAD");
    let expected = true_statuses(before, &after);
    assert_eq!(statuses(&set), expected, "{what}");
    let table = fs::read_to_string(of_project("docs/apply.md")).expect("a page");
    let row = row(what, &expected.into_keys().collect(), &by_file_names(repo, base));
    assert!(table.contains(&row), "docs/apply.md lacks\n{row}");
    for stack in set["stacks"].as_array().expect("stacks") {
        let path = stack["path"].as_str().expect("a path");
        let digest =
            |side: &Artifacts| side.get(path).map(|text| cache::Digest::of(text.as_bytes()).to_string());
        assert_eq!(stack["previous"].as_str().map(str::to_owned), digest(before), "{what}: {path}");
        assert_eq!(stack["digest"].as_str().map(str::to_owned), digest(&after), "{what}: {path}");
    }
    let differs = i32::from(before != &after);
    repo.konfig(&["preview", "--change-set", "dist/set.json", "--exit-code"]).exits(differs);
    repo.konfig(&["apply", "--change-set", "dist/set.json", "--prune"]).good();
    assert_eq!(rendered(repo, "rendered"), after, "{what}");
    after
}

#[test]
fn from_a_commit_to_the_branch() {
    let projects = 120;
    let Some(repo) = shop(projects, &ENVS, &SETTINGS[..SETTINGS.find("- name: log").expect("a target")])
    else {
        return;
    };
    branch(&repo);
    repo.konfig(&["build", "--change-set", "dist/set.json"]).good();
    repo.konfig(&["apply", "--change-set", "dist/set.json"]).good();
    let first = truth(&repo, "HEAD");
    assert_eq!(rendered(&repo, "rendered"), first);
    // A bot bumps 300 images.
    bump(&repo, 0..100, &ENVS, 2);
    let after = step(&repo, "300 images bumped", "HEAD^", &first);
    // A model changes.
    let model = repo.read("base/app.k").expect("a model");
    repo.write("base/app.k", model.replace("replicas: int = 1", "replicas: int = 2").as_bytes());
    commit(&repo);
    let after = step(&repo, "a default in the model", "HEAD^", &after);
    // A project goes, another one moves, and a stack comes.
    git(&repo, "", &["rm", "-r", "--quiet", "apps/p003"]);
    git(&repo, "", &["mv", "apps/p004", "apps/moved"]);
    let repo = repo.stack("apps/p005/stage", &main("p005", "stage", 7));
    commit(&repo);
    let after = step(&repo, "a project removed, one moved, a stack added", "HEAD^", &after);
    // Two commits at once, and back again.
    bump(&repo, 10..20, &ENVS[..1], 3);
    bump(&repo, 10..15, &ENVS[..1], 2);
    let after = step(&repo, "two commits, the second takes back half of the first", "HEAD~2", &after);
    // What changes no artifact, and what changes one without a program.
    for number in 30..50 {
        let path = format!("apps/p{number:03}/dev/main.k");
        let text = repo.read(&path).expect("a program");
        repo.write(&path, format!("# The same as before.\n{text}").as_bytes());
    }
    commit(&repo);
    let after = step(&repo, "a comment in 20 stacks", "HEAD^", &after);
    repo.write("apps/p006/dev/kcl.yaml", b"kcl_options:\n- {key: team, value: pay}\n");
    commit(&repo);
    step(&repo, "a setting in `kcl.yaml`", "HEAD^", &after);
    let subjects = git(&repo, "dist/branch.git", &["log", "--format=%s", "rendered"]);
    let counts: Vec<&str> = subjects.lines().map(|line| line.split(' ').nth(1).expect("a number")).collect();
    assert_eq!(counts, ["1", "5", "10", "360", "300", "360"]);
}

/// Applies and kills that after a while; whether that ended it.
fn killed(repo: &Repo, after: Duration) -> bool {
    let mut command = repo.command(env!("CARGO_BIN_EXE_konfig"), &["apply", "--base", "HEAD^"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("konfig starts");
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    thread::sleep(after);
    child.kill().expect("a child to kill");
    child.wait().expect("it is gone").code().is_none()
}

/// `KONFIG_FAULTS=100` kills so many applies; a plain run of the tests a few.
#[test]
fn killed_at_any_moment() {
    let Some(repo) = shop(4, &ENVS, SETTINGS) else { return };
    branch(&repo);
    let mut random = Rng::with_seed(number("KONFIG_FAULTS_SEED", 1) as u64);
    let began = Instant::now();
    bump(&repo, 0..4, &ENVS, 2);
    repo.konfig(&["apply", "--base", "HEAD^"]).good();
    let whole = began.elapsed();
    let rounds = number("KONFIG_FAULTS", 0).max(12);
    let mut midway = 0;
    for round in 0..rounds {
        bump(&repo, 0..4, &ENVS, 3 + round);
        midway += usize::from(killed(&repo, whole.mul_f64(random.f64() * 1.1)));
        repo.konfig(&["apply", "--base", "HEAD^"]).good();
    }
    assert!(midway * 4 > rounds, "only {midway} of {rounds} were killed midway");
    let log = repo.read("dist/log").expect("a log");
    let mut lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), (rounds + 1) * 12, "each stack of each round, once");
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), (rounds + 1) * 12, "none twice");
    // Each commit has all stacks at the same version.
    let commits = git(&repo, "dist/branch.git", &["rev-list", "--reverse", "rendered"]);
    assert_eq!(commits.lines().count(), rounds + 1);
    for (at, commit) in commits.lines().enumerate() {
        let files = rendered(&repo, commit);
        assert_eq!(files.len(), 12, "{commit}");
        assert!(files.values().all(|text| text.contains(&format!(":{}\n", at + 2))), "{files:?}");
    }
    assert_eq!(rendered(&repo, "rendered"), truth(&repo, "HEAD"));
}
