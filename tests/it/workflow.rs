//! The ready workflow for repositories of configuration: its commands exist, and what its steps do with the sample works.

use std::fs;
use std::path::Path;

use serde_yaml_ng::Value;

use crate::docs::unknown;
use crate::git::{git, has_git};
use crate::repo::{Ran, Repo, files_below, of_project};

const WORKFLOW: &str = ".github/workflows/konfig.yml";

/// The scripts of all steps, with the name of the step or an empty one.
fn scripts() -> Vec<(String, String)> {
    let text = fs::read_to_string(of_project(WORKFLOW)).expect("the workflow");
    let workflow: Value = serde_yaml_ng::from_str(&text).expect("YAML");
    let jobs = workflow["jobs"].as_mapping().expect("jobs").values();
    let steps = jobs.flat_map(|job| job["steps"].as_sequence().expect("steps").iter());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let scripts = steps.map(|step| (text(&step["name"]), text(&step["run"])));
    scripts.filter(|(_, script)| !script.is_empty()).collect()
}

/// The script of a step.
fn script(name: &str) -> String {
    let found = scripts().into_iter().find(|(step, _)| step == name);
    found.unwrap_or_else(|| panic!("there is no step `{name}`")).1
}

#[test]
fn commands_have_arguments_that_there_are() {
    let repo = Repo::empty();
    let help = |arguments: &[&str]| repo.konfig(arguments).good().stdout;
    let mut names = Vec::new();
    for (_, script) in scripts() {
        for command in script.lines().filter_map(|line| line.trim().strip_prefix("konfig ")) {
            assert_eq!(unknown(command, &help), None, "konfig {command}");
            names.extend(command.split(' ').next().map(str::to_owned));
        }
    }
    assert_eq!(names, ["verify", "affected", "build", "preview", "apply"]);
}

#[test]
fn scripts_have_nothing_that_comes_from_outside() {
    for (_, script) in scripts() {
        assert!(!script.contains("${{"), "{script}");
    }
}

/// The sample in a checkout of a remote repository.
fn sample() -> Option<Repo> {
    if !has_git() {
        return None;
    }
    let files = files_below(&of_project("konfig"));
    let files = files.into_iter().filter(|path| !path.starts_with("dist/") && !path.starts_with(".konfig/"));
    let repo = files.fold(Repo::empty(), |repo, path| {
        let bytes = fs::read(of_project("konfig").join(&path)).expect("a file");
        repo.bytes(&format!("checkout/konfig/{path}"), &bytes)
    });
    git(&repo, "", &["init", "--quiet", "--bare", "remote"]);
    git(&repo, "checkout", &["init", "--quiet"]);
    git(&repo, "checkout", &["remote", "add", "origin", "../remote"]);
    Some(repo.file("checkout/.gitignore", "dist/\nreport.xml\npreview.md\n").stand("checkout/konfig"))
}

/// Commits all of the checkout.
fn commit(repo: &Repo) {
    git(repo, "checkout", &["add", "--all"]);
    git(repo, "checkout", &["commit", "--quiet", "--message", "x"]);
}

/// Runs the script of a step, as a runner does.
fn run(repo: &Repo, step: &str, more: &[(&str, &str)]) -> Ran {
    let binary = Path::new(env!("CARGO_BIN_EXE_konfig")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = repo.command("bash", &["-e", "-o", "pipefail", "-c", &script(step)]);
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "konfig")
            .env(format!("GIT_{who}_EMAIL"), "konfig@example.com");
    }
    command.env("PATH", path).env("BASE", "HEAD^").envs(more.iter().copied());
    command.env("GITHUB_STEP_SUMMARY", repo.path("summary.md"));
    command.env("GITHUB_OUTPUT", repo.path("outputs"));
    command.output().expect("bash runs").into()
}

#[test]
fn its_steps_work_on_the_sample() {
    let Some(repo) = sample() else { return };
    commit(&repo);
    // All is handed over at first, and nothing a second time.
    run(&repo, "apply", &[]).good().prints(" applied, 0 known to be there, 0 failed");
    let commits = || git(&repo, "remote", &["rev-list", "--count", "rendered"]);
    assert_eq!(commits(), "3");
    run(&repo, "apply", &[]).good().prints("0 hand-overs");
    // A pull request changes a stack.
    let main = "checkout/konfig/appops/orders/prod/main.k";
    let text = repo.read(main).expect("a stack");
    repo.write(main, text.replace("replicas = 4", "replicas = 5").as_bytes());
    commit(&repo);
    run(&repo, "verify", &[]).exits(1).says("stack `appops/orders/prod` differs from its golden");
    assert!(repo.read("checkout/konfig/report.xml").is_some_and(|report| report.contains("failures=\"1\"")));
    run(&repo, "affected", &[]).good().prints("1 stack affected");
    let outputs = repo.read("outputs").expect("outputs");
    let matrix = outputs.lines().find_map(|line| line.strip_prefix("matrix=")).expect("a matrix");
    let matrix: serde_json::Value = serde_json::from_str(matrix).expect("JSON");
    let [selector, shard] =
        ["selector", "shard"].map(|name| matrix["include"][0][name].as_str().expect("a text").to_owned());
    run(&repo, "build", &[("SELECTOR", &selector), ("SHARD", &shard)]).good().prints("1 stack: ");
    run(&repo, "preview", &[]).good();
    let summary = repo.read("summary.md").expect("a summary");
    assert!(summary.contains("spec.replicas: 4\n") && summary.contains("spec.replicas: 5\n"), "{summary}");
    // It is merged, and handed over.
    run(&repo, "apply", &[]).good().prints("1 hand-over: 1 applied");
    assert_eq!(commits(), "4");
    let applied = git(&repo, "remote", &["rev-parse", "konfig-applied^{commit}"]);
    assert_eq!(applied, git(&repo, "checkout", &["rev-parse", "HEAD"]));
}
