//! The builder of all tests that run the tool: a folder of files of its own, and commands in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A temporary folder with files. It goes when this value goes.
pub(crate) struct Repo {
    folder: TempDir,
    stand: PathBuf,
    env: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
    /// Its exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
}

/// Settings that make a stack of `main.k` and nothing else.
pub(crate) const STACK: &str = "name: dev\n";

impl Repo {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("konfig-test-").tempdir().expect("a folder");
        Self { folder, stand: PathBuf::new(), env: Vec::new() }
    }

    /// A monorepo that has no stacks yet.
    pub(crate) fn monorepo() -> Self {
        Self::empty().file("konfig.yaml", "").file("kcl.mod", "[package]\nname = \"mono\"\n")
    }

    /// A file, with the folders that lead to it.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.bytes(path, text.as_bytes())
    }

    /// A file that may not be text.
    pub(crate) fn bytes(self, path: &str, bytes: &[u8]) -> Self {
        self.write(path, bytes);
        self
    }

    /// A stack: its `stack.yaml`, and its `main.k` with this text.
    pub(crate) fn stack(self, path: &str, main: &str) -> Self {
        self.file(&format!("{path}/stack.yaml"), STACK).file(&format!("{path}/main.k"), main)
    }

    /// Commands run in this folder from now on.
    pub(crate) fn stand(mut self, path: &str) -> Self {
        self.stand = PathBuf::from(path);
        self
    }

    /// Commands have this variable from now on.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where a file is, or would be.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Changes a file after commands have run.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    /// The text of a file; `None` where there is none.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    /// Whether a file or folder is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The paths of all files below a folder, sorted.
    pub(crate) fn files(&self, path: &str) -> Vec<String> {
        files_below(&self.path(path))
    }

    /// Runs `konfig` with arguments. Nothing of the environment gets in but what the test gave.
    pub(crate) fn konfig(&self, arguments: &[&str]) -> Ran {
        self.command(env!("CARGO_BIN_EXE_konfig"), arguments).output().expect("konfig runs").into()
    }

    /// A program that is to run as `konfig` does.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.path("").join(&self.stand))
            .env_clear()
            .env("HOME", self.folder.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Writes `main.k` and prints what it compiles to.
    pub(crate) fn compiles(main: &str, arguments: &[&str]) -> String {
        let repo = Self::empty().file("main.k", main);
        repo.konfig(&[&["run", "main.k"], arguments].concat()).good().stdout
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
            code: output.status.code(),
        }
    }
}

impl Ran {
    /// It must have ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// It must have succeeded.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        self.exits(0)
    }

    /// Its messages must contain this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in stderr:\n{}", self.stderr);
        self
    }

    /// Its results must contain this.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in stdout:\n{}", self.stdout);
        self
    }

    /// The numbers of the summary line: `(built, failed, changed)`.
    #[track_caller]
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let line = self.stdout.lines().last().unwrap_or_default();
        let number = |what: &str| {
            let before = line.split(&format!(" {what}")).next().unwrap_or_default();
            let digits = before.rsplit([' ', ':']).next().unwrap_or_default();
            digits.parse().unwrap_or_else(|_| panic!("no number of {what} in `{line}`"))
        };
        (number("built"), number("failed"), number("changed"))
    }
}

/// The paths of all files below a folder, with `/` and sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(folder).expect("a path below");
                found.push(inside.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// A path of this project.
pub(crate) fn of_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
