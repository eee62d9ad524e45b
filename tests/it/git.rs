//! Monorepos in git repositories of their own.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::repo::Repo;

/// Runs git in a folder of a repository, which nothing outside has an influence on.
pub(crate) fn git(repo: &Repo, folder: &str, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/none"])
        .args(arguments)
        .current_dir(repo.path(folder))
        .env("HOME", repo.path(""))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Whether there is git; says so if not.
pub(crate) fn has_git() -> bool {
    let there = Command::new("git").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there {
        writeln!(std::io::stderr(), "skipped: git is not here").ok();
    }
    there
}

/// The same files in a repository, all committed.
pub(crate) fn committed(repo: Repo) -> Option<Repo> {
    if !has_git() {
        return None;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let repo = repo.env("PATH", &path).file(".gitignore", ".konfig/\ndist/\n/root/\n*.log\n");
    git(&repo, "", &["init", "--quiet"]);
    commit(&repo);
    Some(repo)
}

/// Commits everything.
pub(crate) fn commit(repo: &Repo) {
    commit_in(repo, "");
}

/// Commits everything in the repository of a folder.
pub(crate) fn commit_in(repo: &Repo, folder: &str) {
    git(repo, folder, &["add", "--all"]);
    git(repo, folder, &["commit", "--quiet", "--allow-empty", "--message", "x"]);
}

/// Stacks that use a model, read a file, or do neither.
pub(crate) fn demo() -> Option<Repo> {
    committed(
        Repo::monorepo()
            .file(
                "base/model.k",
                "schema App:\n    name: str\n    replicas: int = 1\n\nschema Other:\n    size: int = 1\n",
            )
            .file("base/files.k", "import file\n\ntext = file.read(\"data.txt\")\n")
            .file("base/data.txt", "one\n")
            .stack("apps/a/dev", "import base.model\n\napp = model.App {name = \"a\"}\n")
            .stack("apps/a/prod", "import base.model\n\nother = model.Other {}\n")
            .stack("apps/b/dev", "import base.files\n\ntext = files.text\n")
            .stack("apps/c/dev", "x = option(\"x\")\n"),
    )
}
