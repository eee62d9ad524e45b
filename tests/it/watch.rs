//! `konfig watch`: after each change the artifacts are those of a build from nothing.
//!
//! `KONFIG_WATCHED=500` tries so many random changes, `KONFIG_WATCHED_SEED` is the seed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use fastrand::Rng;
use kcl::eval::Limits;
use konfig::build::checkout::Checkout;
use konfig::build::reuse::ActionKey;
use konfig::build::watch::{Round, Setup, Watch};
use konfig::build::{Finished, Progress};
use konfig::monorepo::PackageStore;
use konfig::monorepo::events::{Batch, Change};
use serde_json::Value;

use crate::laboratory;
use crate::mutants::{Mutation, Tree};
use crate::repo::{Repo, STACK, files_below};

/// Nobody sets it.
static STOP: AtomicBool = AtomicBool::new(false);

struct Silent;

impl Progress for Silent {
    fn finished(&self, _stack: &Finished) {}
}

/// A watch of the monorepo in the folder `root`, which is told what changes.
struct Lab {
    repo: Repo,
    watch: Watch<'static>,
    pool: rayon::ThreadPool,
    now: u64,
}

impl Lab {
    fn new(files: Repo) -> Self {
        let repo = Repo::empty();
        for (path, bytes) in &Tree::read(&files.path("")).files {
            repo.write(&format!("root/{path}"), bytes);
        }
        let root = repo.path("root");
        let setup = Setup {
            stand: root.clone(),
            root: root.clone(),
            out: repo.path("out"),
            store: PackageStore { folder: None },
            limits: Limits::default(),
            key: ActionKey { tool: "test", limits: Limits::default(), package_dir: None },
        };
        let watch = Watch::new(setup, Checkout::open(&root, None), &STOP);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).stack_size(kcl::eval::STACK_BYTES);
        let mut lab = Self { repo, watch, pool: pool.build().expect("threads"), now: 1_000_000_000 };
        lab.pool.install(|| {
            lab.watch.find().expect("a monorepo");
            lab.watch.build_all(Duration::from_secs(lab.now), &Silent);
            lab.watch.prepare();
        });
        lab
    }

    /// Tells the watch what changed: paths from the root, of which those with `+` at their start may have come or gone, and
    /// those with `/` at their end may be folders.
    fn told(&mut self, paths: &[&str]) -> Option<Round> {
        let change = |path: &&str| {
            let plain = path.trim_start_matches('+');
            let folder = plain.ends_with('/');
            let path_of = self.repo.path("root").join(plain.trim_end_matches('/'));
            Change { path: path_of, listed: folder || path.starts_with('+'), folder }
        };
        let changes = paths.iter().map(change).collect();
        self.batch(Batch { changes, lost: false })
    }

    fn batch(&mut self, batch: Batch) -> Option<Round> {
        self.now += 10;
        let now = Duration::from_secs(self.now);
        self.pool.install(|| self.watch.build_changed(&batch, now, &Silent)).expect("a monorepo")
    }

    fn write(&self, path: &str, text: &str) {
        self.repo.write(&format!("root/{path}"), text.as_bytes());
    }

    /// What became of the stacks that were looked at: `apps/a built`.
    fn looked_at(&mut self, paths: &[&str]) -> Vec<String> {
        let round = self.told(paths);
        let stacks = round.into_iter().flat_map(|round| round.report.stacks);
        let what =
            |stack: &Finished| format!("{:?}", stack.outcome).split([' ', '(']).next().map(str::to_lowercase);
        let monorepo = self.watch.monorepo();
        let line =
            |it: Finished| format!("{} {}", monorepo.stack(it.stack).path, what(&it).unwrap_or_default());
        stacks.map(line).collect()
    }

    /// Compares with a build from nothing.
    #[track_caller]
    fn agrees(&self, about: &str) {
        let _ = fs::remove_dir_all(self.repo.path("fresh"));
        let arguments = ["build", "--no-cache", "--format", "json", "--root", "root", "--out", "fresh"];
        let ran = self.repo.konfig(&arguments);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let stacks = report["stacks"].as_array().expect("stacks").iter();
        let status: BTreeMap<String, String> =
            stacks.map(|stack| (text(&stack["path"]), text(&stack["status"]))).collect();
        for (path, status) in &status {
            let read = |out: &str| self.repo.read(&format!("{out}/{path}.yaml"));
            assert!(status == "failed" || read("out") == read("fresh"), "{about}: {path}: {:?}", read("out"));
        }
        for artifact in self.repo.files("out") {
            let stack = artifact.trim_end_matches(".yaml");
            assert!(status.contains_key(stack), "{about}: {artifact} is left");
        }
    }
}

fn small() -> Lab {
    Lab::new(
        Repo::monorepo()
            .file("base/model/app.k", "schema App:\n    name: str\n    replicas: int = 1\n")
            .file(
                "base/files/files.k",
                "import file\n\ntext = file.read(\"data.txt\")\nfound = len(file.glob(\"data/*\"))\nthere = file.exists(\"data/a\")\n",
            )
            .file("base/files/data.txt", "one\n")
            .file("base/files/data/a", "")
            .stack("apps/a", "import base.model\n\napp = model.App {name = \"a\"}\n")
            .stack("apps/b", "import base.model\n\napp = model.App {name = \"b\", replicas = 3}\n")
            .stack("apps/c", "import base.files\n\ntext = files.text\nfound = files.found\nthere = files.there\n")
            .stack("apps/d", "x = 1\n")
            .file("apps/d/kcl.yaml", "kcl_cli_configs: {file: [main.k, ../shared.k]}\n")
            .file("apps/shared.k", "y = 1\n"),
    )
}

#[test]
fn a_saved_file_concerns_those_who_asked_for_it() {
    let mut lab = small();
    // What matches a pattern is known from the disk alone, so those who ask for one are always looked at.
    let glob = "apps/c reused";
    lab.write("apps/d/main.k", "x = 2\n");
    assert_eq!(lab.looked_at(&["apps/d/main.k"]), [glob, "apps/d built"]);
    lab.agrees("a stack's own file");
    lab.write("apps/shared.k", "y = 2\n");
    assert_eq!(lab.looked_at(&["apps/shared.k"]), [glob, "apps/d built"]);
    lab.agrees("a file that stacks share");
    lab.write("base/model/app.k", "schema App:\n    name: str\n    replicas: int = 2\n");
    assert_eq!(lab.looked_at(&["base/model/app.k"]), ["apps/a built", "apps/b reused", glob]);
    lab.agrees("a model");
    lab.write("base/files/data.txt", "two\n");
    assert_eq!(lab.looked_at(&["base/files/data.txt"]), ["apps/c built"]);
    lab.agrees("a file that is read");
    lab.write("base/files/data/b", "");
    assert_eq!(lab.looked_at(&["+base/files/data/b"]), ["apps/c built"]);
    lab.agrees("a file that a pattern finds");
    fs::remove_file(lab.repo.path("root/base/files/data/a")).expect("a file");
    assert_eq!(lab.looked_at(&["+base/files/data/a"]), ["apps/c built"]);
    lab.agrees("a file that is asked for and gone");
    assert_eq!(lab.looked_at(&["base/none.k", "README.md"]), [glob]);
}

#[test]
fn files_that_are_absent_count() {
    let mut lab = small();
    lab.write("apps/d/ci-test/settings.yaml", "kcl_options: [{key: z, value: 1}]\n");
    lab.told(&["apps/d/ci-test/"]);
    lab.write("apps/d/main.k", "x = option(\"z\")\n");
    assert_eq!(lab.looked_at(&["apps/d/main.k"])[1], "apps/d built");
    lab.agrees("an option");
    fs::remove_file(lab.repo.path("root/apps/d/ci-test/settings.yaml")).expect("a file");
    assert_eq!(lab.looked_at(&["+apps/d/ci-test/settings.yaml"])[1], "apps/d built");
    lab.agrees("no option");
    lab.write("apps/d/main.k", "import base.late\n\nx = late.x\n");
    assert_eq!(lab.looked_at(&["apps/d/main.k"])[1], "apps/d failed");
    lab.write("base/late.k", "x = 1\n");
    assert_eq!(lab.looked_at(&["+base/late.k"])[1], "apps/d built");
    lab.agrees("a package that came");
    fs::remove_file(lab.repo.path("root/base/late.k")).expect("a file");
    assert_eq!(lab.looked_at(&["+base/late.k"])[1], "apps/d failed");
}

#[test]
fn failures_are_looked_at_until_they_are_mended() {
    let mut lab = small();
    lab.write("base/model/app.k", "schema App:\n    name str\n");
    assert_eq!(lab.looked_at(&["base/model/app.k"])[..2], ["apps/a failed", "apps/b failed"]);
    lab.write("apps/d/main.k", "x = nothing\n");
    assert_eq!(lab.looked_at(&["apps/d/main.k"])[1], "apps/d failed");
    lab.write("apps/d/main.k", "x = 3\n");
    assert_eq!(lab.looked_at(&["apps/d/main.k"])[1], "apps/d built");
    lab.write("base/model/app.k", "schema App:\n    name: str\n");
    assert_eq!(lab.looked_at(&["base/model/app.k"]), ["apps/a built", "apps/b failed", "apps/c reused"]);
    lab.write("apps/b/main.k", "x = 1\n");
    assert_eq!(lab.looked_at(&["+apps/b/main.k"])[0], "apps/b built");
    lab.agrees("all is mended");
}

#[test]
fn stacks_come_and_go() {
    let mut lab = small();
    lab.write("apps/e/main.k", "x = 1\n");
    lab.write("apps/e/stack.yaml", STACK);
    assert_eq!(lab.looked_at(&["apps/e/"]).len(), 5);
    lab.agrees("a stack that came");
    lab.write("apps/e/main.k", "x = 2\n");
    assert_eq!(lab.looked_at(&["+apps/e/main.k"]), ["apps/c reused", "apps/e built"]);
    fs::remove_dir_all(lab.repo.path("root/apps/e")).expect("a stack");
    assert_eq!(lab.looked_at(&["+apps/e/main.k", "apps/e/"]).len(), 4);
    lab.agrees("a stack that went");
    fs::remove_file(lab.repo.path("root/apps/d/stack.yaml")).expect("a file");
    assert_eq!(lab.looked_at(&["+apps/d/stack.yaml"]).len(), 3);
    lab.agrees("a folder that is no stack any more");
    lab.write("kcl.mod", "[package]\nname = \"other\"\n");
    assert_eq!(lab.looked_at(&["kcl.mod"]).len(), 3);
    assert_eq!(
        lab.batch(Batch { changes: Vec::new(), lost: true }).map(|it| it.report.stacks.len()),
        Some(3)
    );
    assert!(lab.batch(Batch::default()).is_none());
}

#[test]
fn what_the_tool_writes_is_no_change() {
    let mut lab = small();
    let out = lab.repo.path("out/apps/a.yaml");
    let changes = vec![Change { path: out, listed: true, folder: false }];
    assert!(lab.batch(Batch { changes, lost: false }).is_none());
    assert!(lab.told(&["+.konfig/state", ".konfig/", "+.git/index", ".git/refs/"]).is_none());
}

#[test]
fn links_are_seen_through() {
    let mut lab = small();
    let link = (lab.repo.path("root/apps/d/linked.k"), lab.repo.path("root/apps/shared.k"));
    lab.write("apps/d/kcl.yaml", "kcl_cli_configs: {file: [main.k, linked.k]}\n");
    std::os::unix::fs::symlink(&link.1, &link.0).expect("a link");
    lab.watch.set_links(vec![link]);
    lab.told(&["apps/d/kcl.yaml", "+apps/d/linked.k"]);
    lab.write("apps/shared.k", "y = 7\n");
    assert_eq!(lab.looked_at(&["apps/shared.k"])[1], "apps/d built");
    lab.agrees("a link");
}

#[test]
fn a_later_build_trusts_what_a_watch_remembers() {
    let mut lab = small();
    lab.write("apps/d/main.k", "x = 5\n");
    lab.told(&["apps/d/main.k"]);
    // A change that nobody told.
    lab.write("apps/a/main.k", "x = 6\n");
    lab.told(&["apps/d/main.k"]);
    assert_eq!(lab.watch.remember(), [""; 0]);
    let build = || lab.repo.konfig(&["build", "--root", "root", "--out", "out"]).good();
    build();
    lab.agrees("a build after the watch");
    fs::remove_dir_all(lab.repo.path("root/apps/d")).expect("a stack");
    build().prints("1 removed");
}

/// What differs between two states of a folder, as a watcher tells it.
fn changes(root: &Path, before: &Tree, after: &Tree) -> Vec<Change> {
    let folders = |tree: &Tree| {
        let above = |path: &String| {
            let above: Vec<PathBuf> = Path::new(path).ancestors().skip(1).map(Path::to_owned).collect();
            above
        };
        tree.files.keys().flat_map(above).collect::<std::collections::BTreeSet<_>>()
    };
    let (old, new) = (folders(before), folders(after));
    let folders = old.symmetric_difference(&new);
    let folders = folders.map(|path| Change { path: root.join(path), listed: true, folder: true });
    let paths: std::collections::BTreeSet<&String> = before.files.keys().chain(after.files.keys()).collect();
    let differs = paths.into_iter().filter(|path| before.files.get(*path) != after.files.get(*path));
    let files = differs.map(|path| {
        let listed = before.files.contains_key(path) != after.files.contains_key(path);
        Change { path: root.join(path), listed, folder: false }
    });
    files.chain(folders).collect()
}

#[test]
fn random_changes_leave_what_builds_from_nothing_say() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let mut lab = Lab::new(laboratory::monorepo());
    let root = lab.repo.path("root");
    let mut random = Rng::with_seed(number("KONFIG_WATCHED_SEED", 1));
    for _ in 0..number("KONFIG_WATCHED", 40) {
        let before = Tree::read(&root);
        let Mutation { name, files, idle: _ } = Tree::read(&root).mutation(&mut random);
        let mut undo = BTreeMap::new();
        for (path, bytes) in &files {
            undo.insert(path.clone(), fs::read(root.join(path)).ok());
            put(&root.join(path), bytes.as_deref());
        }
        let after = Tree::read(&root);
        lab.batch(Batch { changes: changes(&root, &before, &after), lost: false });
        lab.agrees(&format!("{name}: {:?}", files.keys().collect::<Vec<_>>()));
        if random.u8(..3) == 0 {
            undo.iter().for_each(|(path, bytes)| put(&root.join(path), bytes.as_deref()));
            let changes = changes(&root, &after, &Tree::read(&root));
            lab.batch(Batch { changes, lost: false });
            lab.agrees(&format!("{name}, and back"));
        }
    }
}

fn put(path: &Path, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
        None => fs::remove_file(path).unwrap_or_default(),
    }
}

/// A command that watches, and what it says.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(repo: &Repo) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_konfig"))
            .arg("watch")
            .current_dir(repo.path(""))
            .env_clear()
            .env("HOME", repo.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("konfig runs");
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let (send, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines }
    }

    /// The next line.
    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(60)).expect("a line")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is fine too.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn a_saved_file_is_built_while_the_command_runs() {
    let repo = Repo::monorepo()
        .stack("a", "x = 1\n")
        .stack("b", "import lib.m\n\nz = m.z\n")
        .file("lib/m/m.k", "z = 1\n");
    let mut running = Running::start(&repo);
    assert!(running.line().starts_with("2 stacks: 2 built, 0 reused, 0 failed, 2 changed in "));
    assert_eq!(running.line(), "watching for changes; ctrl-C ends");
    repo.write("a/main.k", b"x = 2\n");
    let line = running.line();
    assert!(line.starts_with("`a/main.k`: 1 stack: 1 built, 0 reused, 0 failed, 1 changed in "), "{line}");
    assert_eq!(repo.read("dist/a.yaml").as_deref(), Some("x: 2\n"));
    // As editors do it.
    repo.write("lib/m/.m.k.tmp", b"z = 2\n");
    fs::rename(repo.path("lib/m/.m.k.tmp"), repo.path("lib/m/m.k")).expect("renamed");
    while repo.read("dist/b.yaml").as_deref() != Some("z: 2\n") {
        running.line();
    }
    // A stack that comes with its folder.
    repo.write("c/main.k", b"z = 1\n");
    repo.write("c/stack.yaml", STACK.as_bytes());
    while repo.read("dist/c.yaml").is_none() {
        running.line();
    }
    let pid = rustix::process::Pid::from_child(&running.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    assert_eq!(running.child.wait().expect("an end").code(), Some(0));
    assert!(files_below(&repo.path("dist")).len() == 3);
    repo.konfig(&["build"]).good().prints("3 stacks: 0 built, 3 reused, 0 failed, 0 changed");
}
