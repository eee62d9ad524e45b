//! What continuous integration asks for: matrices of jobs, shards of builds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::git::{commit, committed, demo};
use crate::repo::Repo;

/// Outputs as GitHub reads them: a line each.
fn outputs(text: &str) -> Vec<(String, Value)> {
    let output = |line: &str| {
        let (name, value) = line.split_once('=').expect("an output");
        (name.to_owned(), serde_json::from_str(value).expect("JSON"))
    };
    text.lines().map(output).collect()
}

#[test]
fn what_a_change_affects_is_a_matrix_of_jobs() {
    let Some(repo) = demo() else { return };
    repo.write("apps/a/project.yaml", b"name: a\n");
    commit(&repo);
    repo.write("apps/b/dev/main.k", b"text = \"more\"\n");
    repo.write("apps/a/prod/main.k", b"x = 1\n");
    std::fs::remove_dir_all(repo.path("apps/c")).expect("a stack");
    let found = outputs(&repo.konfig(&["affected", "--format", "github"]).good().stdout);
    let entry = |stack: &str, project: Value, name: &str| {
        json!({
            "title": stack, "selector": stack, "shard": "1/1", "stack": stack,
            "project": project, "name": name, "status": "modified",
        })
    };
    let entries = [entry("apps/a/prod", json!("apps/a"), "dev"), entry("apps/b/dev", Value::Null, "dev")];
    assert_eq!(found[0], ("matrix".to_owned(), json!({ "include": entries })));
    assert_eq!(found[2], ("count".to_owned(), json!(2)));
    assert_eq!(found[3], ("removed".to_owned(), json!(["apps/c/dev"])));
    // A job builds what its entry names.
    let few = outputs(&repo.konfig(&["affected", "--format", "github", "--max-jobs", "1"]).good().stdout);
    let job = &few[0].1["include"][0];
    let [selector, shard] = ["selector", "shard"].map(|name| job[name].as_str().expect("a text"));
    repo.konfig(&["build", selector, "--shard", shard]).good().prints("2 stacks: ");
    repo.konfig(&["affected", "--format", "github", "--max-jobs", "257"]).exits(2);
}

#[test]
fn outputs_are_added_to_the_file_of_the_step() {
    let Some(repo) = demo() else { return };
    repo.write("outputs", b"before=1\n");
    repo.write("apps/b/dev/main.k", b"text = \"more\"\n");
    let path = repo.path("outputs");
    let repo = repo.env("GITHUB_OUTPUT", path.to_str().expect("a path"));
    // The log of the step has what people read.
    repo.konfig(&["affected", "--format", "github"]).good().prints("1 stack affected");
    let found = outputs(&repo.read("outputs").expect("outputs"));
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["before", "matrix", "any", "count", "removed", "removed_count"]);
    let repo = repo.env("GITHUB_OUTPUT", "/nowhere/outputs");
    repo.konfig(&["affected", "--format", "github"])
        .exits(2)
        .says("cannot write outputs to `/nowhere/outputs`");
}

/// Stacks that cost nearly nothing, but for what a report says.
fn many(stacks: usize) -> Repo {
    (0..stacks).fold(Repo::monorepo(), |repo, n| repo.stack(&format!("apps/{n:02}"), "x = 1\n"))
}

/// The stacks that a build builds, by its report.
fn built(repo: &Repo, arguments: &[&str]) -> Vec<String> {
    let ran = repo.konfig(&[&["build", "--format", "json"], arguments].concat()).good();
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let paths = report["stacks"].as_array().expect("stacks").iter();
    paths.map(|stack| stack["path"].as_str().expect("a path").to_owned()).collect()
}

#[test]
fn shards_are_disjoint_and_all_together() {
    let repo = many(11);
    let costs: Vec<Value> = (0..7)
        .map(|n| json!({ "path": format!("apps/{n:02}"), "status": "built", "microseconds": 10 * n * n }))
        .collect();
    repo.write("costs.json", json!({ "version": 1, "stacks": costs }).to_string().as_bytes());
    for more in [&["--no-cache"][..], &["--costs", "costs.json"], &["...", "--costs", "costs.json"]] {
        let shards: Vec<Vec<String>> = (1..=4)
            .map(|number| built(&repo, &[more, &["--shard", &format!("{number}/4")]].concat()))
            .collect();
        let all: BTreeSet<&String> = shards.iter().flatten().collect();
        assert_eq!((shards.iter().map(Vec::len).sum::<usize>(), all.len()), (11, 11), "{shards:?}");
        assert!(shards.iter().all(|shard| !shard.is_empty()), "{shards:?}");
    }
    // The dearest one is alone.
    assert_eq!(built(&repo, &["--shard", "1/4", "--costs", "costs.json"]), ["apps/06"]);
    // All of them are there, and none was taken away by another shard.
    assert_eq!(repo.files("dist").len(), 11);
    assert_eq!(built(&repo, &["apps/00", "--shard", "2/2"]), [""; 0]);
    // What one build measures is what the next one deals by.
    let measured = repo.konfig(&["build", "--no-cache", "--format", "json"]).good().stdout;
    repo.write("costs.json", measured.as_bytes());
    let shards = ["1/2", "2/2"].map(|shard| built(&repo, &["--shard", shard, "--costs", "costs.json"]).len());
    assert_eq!(shards.iter().sum::<usize>(), 11);
}

#[test]
fn shards_delete_artifacts_of_stacks_that_are_gone_and_no_others() {
    let repo = many(6);
    repo.konfig(&["build"]).good();
    std::fs::remove_dir_all(repo.path("apps/03")).expect("a stack");
    repo.write("apps/04/main.k", b"x = 2\n");
    let removed: usize = (1..=3)
        .map(|number| {
            let ran = repo.konfig(&["build", "--shard", &format!("{number}/3")]).good();
            usize::from(ran.stdout.contains("1 removed"))
        })
        .sum();
    assert_eq!(removed, 1);
    assert_eq!(repo.files("dist").len(), 5);
    assert_eq!(repo.read("dist/apps/04.yaml").as_deref(), Some("x: 2\n"));
}

#[test]
fn shards_and_costs_that_are_none_are_refused() {
    let repo = many(1).file("costs.json", "{\"version\": 2, \"stacks\": []}");
    repo.konfig(&["build", "--shard", "3/2"]).exits(2).says("the second of five");
    repo.konfig(&["build", "--costs", "costs.json"]).exits(2).says("--shard");
    let shard = ["build", "--shard", "1/2", "--costs"];
    repo.konfig(&[&shard[..], &["none.json"]].concat()).exits(2).says("there is no file `none.json`");
    repo.konfig(&[&shard[..], &["costs.json"]].concat()).exits(2).says("it is a report of version 2");
    repo.konfig(&[&shard[..], &["kcl.mod"]].concat())
        .exits(2)
        .says("`kcl.mod` does not say what stacks cost");
}

/// A monorepo in a folder of the checkout, with a stack that fails.
fn workflow() -> Repo {
    let repo = Repo::empty()
        .file("mono/konfig.yaml", "")
        .stack("mono/apps/a", "apple = 1\nx = aple\n")
        .stack("mono/apps/b", "x = 1\n")
        .stand("mono");
    let (top, summary) = (repo.path(""), repo.path("summary.md"));
    let text = |path: std::path::PathBuf| path.to_str().expect("a path").to_owned();
    repo.env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", &text(top))
        .env("GITHUB_STEP_SUMMARY", &text(summary))
}

#[test]
fn workflows_get_annotations_beside_the_text() {
    let repo = workflow();
    let ran = repo.konfig(&["build"]).exits(1).says("  --> apps/a/main.k:2:5".trim_start());
    let wanted = "\n::error file=mono/apps/a/main.k,line=2,endLine=2,col=5,endColumn=9,title=E2L23::";
    assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
    let ran = repo.konfig(&["build", "--error-format", "short"]).exits(1);
    assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
    // Forms for programs have nothing else in them.
    let sarif = repo.konfig(&["build", "--error-format", "sarif"]).exits(1).stderr;
    let sarif: Value = serde_json::from_str(&sarif).expect("one document");
    let uri = sarif.pointer("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri");
    assert_eq!(uri, Some(&json!("mono/apps/a/main.k")));
    // Commands that refuse say so, too.
    repo.konfig(&["build", "nowhere"])
        .exits(2)
        .says("\n::error title=C01::there is no stack at `nowhere`%0Ahelp: ");
}

#[test]
fn what_programs_print_gives_a_workflow_no_commands() {
    let repo = workflow().file("mono/apps/b/main.k", "print(\"::add-mask::x\")\nx = 1\n");
    let ran = repo.konfig(&["build", "-v"]).exits(1).says("\n| ::add-mask::x\n");
    assert!(!ran.stderr.contains("\n::add-mask"), "{}", ran.stderr);
}

#[test]
fn workflows_get_a_summary_of_the_job() {
    let repo = workflow();
    repo.write("summary.md", b"before\n\n");
    repo.konfig(&["build"]).exits(1);
    let summary = repo.read("summary.md").expect("a summary");
    let expected = "before\n\n### konfig build\n\n| stacks | built |";
    assert!(summary.starts_with(expected), "{summary}");
    assert!(summary.contains("| 2 | 1 | 0 | 0 | 1 | 1 | 0 | 0 | 0 |"), "{summary}");
    assert!(summary.contains("| error E2L23 | apps/a/main.k&#58;2 |"), "{summary}");
    assert!(summary.contains("<details><summary>1 failed</summary>\n\n- apps/a\n"), "{summary}");
    // A job does not fail because its summary cannot be written.
    let repo = repo.env("GITHUB_STEP_SUMMARY", "/nowhere/summary.md").file("mono/apps/a/main.k", "x = 1\n");
    repo.konfig(&["build"]).good().says("cannot write the summary of the job");
}

#[test]
fn hostile_names_give_a_workflow_neither_commands_nor_outputs() {
    let hostile = "apps/x\n::error::y\nany=false";
    let Some(repo) = committed(Repo::monorepo().stack("apps/a", "x = 1\n")) else { return };
    let repo = repo.stack(hostile, "x = y\n").env("GITHUB_ACTIONS", "true");
    for arguments in [&["affected"][..], &["build", "-v"], &["verify"], &["affected", "--format", "github"]] {
        let ran = repo.konfig(arguments);
        for text in [&ran.stdout, &ran.stderr] {
            assert!(
                !text.lines().any(|line| line.trim_start().starts_with("::error::y")),
                "{arguments:?}: {text}"
            );
        }
    }
    let found = outputs(&repo.konfig(&["affected", "--format", "github"]).good().stdout);
    assert_eq!(found[1], ("any".to_owned(), json!(true)));
    let selector = found[0].1["include"][0]["selector"].as_str().expect("a selector");
    repo.konfig(&["build", selector]).exits(1).prints("1 stack: ");
}
