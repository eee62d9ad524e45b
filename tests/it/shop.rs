//! A monorepo of deployments whose changes are handed over.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::git::{commit, committed, git};
use crate::json::Schema;
use crate::repo::{Repo, of_project};

/// What each stack is made with.
const MODEL: &str = "schema App:
    name: str
    image: str
    replicas: int = 1

schema Deployment:
    [...str]: any

deployment = lambda app: App, env: str {
    {
        apiVersion = \"apps/v1\"
        kind = \"Deployment\"
        metadata = {name = app.name, namespace = env, labels.team = option(\"team\") or \"shop\"}
        spec = {
            replicas = app.replicas
            template.spec.containers = [{name = \"main\", image = app.image}]
        }
    }
}
";

/// The text of the `main.k` of a stack.
pub(crate) fn main(name: &str, env: &str, version: usize) -> String {
    format!(
        "import base.app\nimport manifests\n\nmanifests.yaml_stream([app.deployment(app.App {{\n    name = \"{name}\"\n    image = \"shop/{name}:{version}\"\n}}, \"{env}\")])\n"
    )
}

/// So many projects with a stack for each environment, all committed. `None` without git.
pub(crate) fn shop(projects: usize, envs: &[&str], konfig_yaml: &str) -> Option<Repo> {
    let mut repo = Repo::monorepo().file("konfig.yaml", konfig_yaml).file("base/app.k", MODEL);
    for number in 0..projects {
        let name = format!("p{number:03}");
        repo = repo.file(&format!("apps/{name}/project.yaml"), &format!("name: {name}\n"));
        for env in envs {
            let folder = format!("apps/{name}/{env}");
            repo = repo
                .file(&format!("{folder}/stack.yaml"), &format!("name: {env}\n"))
                .file(&format!("{folder}/main.k"), &main(&name, env, 1));
        }
    }
    committed(repo)
}

/// Another version of the images of some projects, committed.
pub(crate) fn bump(repo: &Repo, projects: impl Iterator<Item = usize>, envs: &[&str], version: usize) {
    for number in projects {
        let name = format!("p{number:03}");
        for env in envs {
            repo.write(&format!("apps/{name}/{env}/main.k"), main(&name, env, version).as_bytes());
        }
    }
    commit(repo);
}

/// The files of a revision of the repository in a folder, as `tree` in a folder of their own.
fn unpacked(repo: &Repo, folder: &str, revision: &str) -> Repo {
    let aside = Repo::empty();
    let archive = aside.path("tree.tar");
    git(repo, folder, &["archive", "--output", archive.to_str().expect("a path"), revision]);
    let mut command = std::process::Command::new("tar");
    command.args(["-xf", "tree.tar", "--one-top-level=tree"]).current_dir(aside.path(""));
    assert!(command.status().expect("tar runs").success());
    aside
}

/// The artifacts below a folder, by the paths of their stacks.
fn artifacts(repo: &Repo, folder: &str) -> BTreeMap<String, String> {
    let read = |name: String| {
        let text = repo.read(&format!("{folder}/{name}")).expect("an artifact");
        (name.strip_suffix(".yaml").expect("YAML").to_owned(), text)
    };
    repo.files(folder).into_iter().map(read).collect()
}

/// The artifacts of a commit, built from nothing in a folder of their own.
pub(crate) fn truth(repo: &Repo, revision: &str) -> BTreeMap<String, String> {
    let aside = unpacked(repo, "", revision);
    aside.konfig(&["build", "--root", "tree", "--no-cache", "--out", "out", "--quiet"]).good();
    artifacts(&aside, "out")
}

/// Makes the repository that the settings of tests call `dist/branch.git`.
pub(crate) fn branch(repo: &Repo) {
    git(repo, "", &["init", "--quiet", "--bare", "dist/branch.git"]);
}

/// The artifacts that a commit of that repository has.
pub(crate) fn rendered(repo: &Repo, commit: &str) -> BTreeMap<String, String> {
    artifacts(&unpacked(repo, "dist/branch.git", commit), "tree")
}

/// A JSON text that is held to one of the schemas.
#[track_caller]
pub(crate) fn valid(name: &str, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let schema = fs::read_to_string(of_project(&format!("docs/schema/{name}.v1.json"))).expect("a schema");
    let schema = serde_json::from_str(&schema).expect("a schema in JSON");
    let problems = Schema { root: &schema }.problems(&schema, &value, name);
    assert!(problems.is_empty(), "{}\n{value:#}", problems.join("\n"));
    value
}

/// What a change set says of stacks, by their paths.
pub(crate) fn statuses(set: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let stacks = set["stacks"].as_array().expect("stacks");
    stacks.iter().map(|stack| (text(&stack["path"]), text(&stack["status"]))).collect()
}

/// What a change set has to say, by the artifacts of both commits.
pub(crate) fn true_statuses(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut statuses = BTreeMap::new();
    for (path, text) in after {
        match before.get(path) {
            None => statuses.insert(path.clone(), "added".to_owned()),
            Some(old) if old != text => statuses.insert(path.clone(), "changed".to_owned()),
            Some(_) => None,
        };
    }
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        statuses.insert(path.clone(), "removed".to_owned());
    }
    statuses
}
