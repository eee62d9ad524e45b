//! A branch that has what was handed over, for those who watch it.
//!
//! The commit is made beside, in a repository of our own that has only the tip of the branch, by `git fast-import`; then it
//! is pushed. Nobody sees a part of it, and one that comes second is made again on top of the first.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use cache::Digest;

use super::{Context, Item, Outcome, Target};
use crate::apply::change_set::StackStatus;
use crate::apply::mask;
use crate::monorepo::konfig_yaml::{GitSettings, TargetSettings, repository};
use crate::monorepo::{paths, plain};

/// How often a push is tried that comes second.
const TRIES: u32 = 12;
/// How many stacks a message names.
const NAMED: usize = 50;
/// The tip of the branch, and what is made of it, in our repository.
const TIP: &str = "refs/konfig/tip";
const NEXT: &str = "refs/konfig/next";

/// A branch of a repository.
pub(super) struct Branch<'a> {
    settings: &'a GitSettings,
    address: String,
    /// Our repository.
    own: PathBuf,
    context: &'a Context<'a>,
}

/// What a push came to.
enum Pushed {
    Yes,
    /// Somebody else was first.
    Late(String),
}

impl<'a> Branch<'a> {
    pub(super) fn new(target: &TargetSettings, settings: &'a GitSettings, context: &'a Context<'a>) -> Self {
        let address = repository(context.root, &settings.repository);
        let place = Digest::of(format!("{address}\0{}", settings.branch).as_bytes()).to_string();
        let own = context.folder.join("git").join(format!("{}-{}", target.name, &place[..16]));
        Self { settings, address, own, context }
    }

    /// Commits all of a wave and pushes that; gives what there is to know.
    fn commit(&self, items: &[Item<'_>]) -> Result<String, String> {
        self.prepare()?;
        let mut pause = Duration::from_millis(50);
        let mut late = String::new();
        for _ in 0..TRIES {
            let tip = self.fetch()?;
            let Some(commit) = self.make(items, tip.as_deref())? else {
                return Ok("the branch has it already".to_owned());
            };
            match self.push(&commit, tip.as_deref())? {
                Pushed::Yes => return Ok(format!("commit {}", &commit[..commit.len().min(10)])),
                Pushed::Late(why) => late = why,
            }
            #[expect(clippy::disallowed_methods, reason = "others are given time to push")]
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(5));
        }
        Err(format!("others push to `{}` all the time: {late}", self.settings.branch))
    }

    fn prepare(&self) -> Result<(), String> {
        if self.own.join("HEAD").is_file() {
            return Ok(());
        }
        fs::create_dir_all(&self.own)
            .map_err(|error| format!("cannot make `{}`: {}", self.own.display(), plain(&error)))?;
        self.ask(&["init", "--quiet", "--bare", "."]).map(|_| ())
    }

    /// Brings the tip of the branch; none where there is no such branch.
    fn fetch(&self) -> Result<Option<String>, String> {
        let name = format!("refs/heads/{}", self.settings.branch);
        let listed = self.ask(&["ls-remote", "--", &self.address, &name])?;
        let is_it = |line: &&str| line.split_once('\t').is_some_and(|(_, it)| it == name);
        if !listed.lines().any(|line| is_it(&line)) {
            return Ok(None);
        }
        let refspec = format!("+{name}:{TIP}");
        self.ask(&["fetch", "--quiet", "--no-tags", "--depth=1", "--", &self.address, &refspec])?;
        Ok(Some(self.ask(&["rev-parse", "--verify", TIP])?.trim().to_owned()))
    }

    /// Makes the commit; none where the tip has these files already.
    fn make(&self, items: &[Item<'_>], tip: Option<&str>) -> Result<Option<String>, String> {
        let stream = self.stream(items, tip)?;
        let imported = self.run(&["fast-import", "--quiet", "--force", "--date-format=now"], &stream)?;
        said(imported)?;
        let tree = |commit: &str| self.ask(&["rev-parse", "--verify", &format!("{commit}^{{tree}}")]);
        let same = match tip {
            Some(tip) => tree(NEXT)? == tree(tip)?,
            None => self.ask(&["ls-tree", NEXT])?.is_empty(),
        };
        if same { Ok(None) } else { Ok(Some(self.ask(&["rev-parse", "--verify", NEXT])?.trim().to_owned())) }
    }

    /// What `git fast-import` reads: <https://git-scm.com/docs/git-fast-import>.
    fn stream(&self, items: &[Item<'_>], tip: Option<&str>) -> Result<Vec<u8>, String> {
        let message = self.message(items);
        let mut stream = Vec::new();
        let text =
            format!("commit {NEXT}\ncommitter {} now\ndata {}\n{message}\n", self.identity(), message.len());
        stream.extend_from_slice(text.as_bytes());
        if let Some(tip) = tip {
            stream.extend_from_slice(format!("from {tip}\n").as_bytes());
        }
        for item in items {
            for path in &item.gone {
                stream.extend_from_slice(format!("D {}\n", self.place(path)?).as_bytes());
            }
        }
        for file in items.iter().flat_map(|item| &item.rendered.files) {
            let head = format!("M 100644 inline {}\ndata {}\n", self.place(&file.path)?, file.text.len());
            stream.extend_from_slice(head.as_bytes());
            stream.extend_from_slice(file.text.as_bytes());
            stream.push(b'\n');
        }
        stream.extend_from_slice(b"\ndone\n");
        Ok(stream)
    }

    /// A path in the branch, in quotes.
    fn place(&self, path: &str) -> Result<String, String> {
        if !paths::is_inside(path) {
            return Err(format!("`{}` would be outside of the branch", path.escape_debug()));
        }
        let folder = &self.settings.folder;
        let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
        Ok(format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"")))
    }

    fn message(&self, items: &[Item<'_>]) -> String {
        let Context { set, digest, .. } = self.context;
        let number = items.len();
        let stacks = if number == 1 { "1 stack".to_owned() } else { format!("{number} stacks") };
        let source = set.head.as_deref().unwrap_or("uncommitted");
        let mut message = format!("Render {stacks} of {}\n\n", &source[..source.len().min(12)]);
        for item in items.iter().take(NAMED) {
            // Writing to a string cannot fail.
            let _ = writeln!(message, "{} {}", sign(item.change.status), item.change.path);
        }
        if number > NAMED {
            let _ = writeln!(message, "and {} more", number - NAMED);
        }
        let _ = write!(message, "\nSource-Commit: {source}\nChange-Set: blake3:{digest}\n");
        message
    }

    /// Who commits: as git is set up here, or else we.
    fn identity(&self) -> String {
        let known = self.ask(&["var", "GIT_COMMITTER_IDENT"]).ok();
        let known = known.and_then(|line| line.rfind('>').map(|at| line[..=at].to_owned()));
        known.unwrap_or_else(|| "Konfig <konfig@localhost>".to_owned())
    }

    fn push(&self, commit: &str, tip: Option<&str>) -> Result<Pushed, String> {
        let branch = format!("refs/heads/{}", self.settings.branch);
        let refspec = format!("{commit}:{branch}");
        let pushed = self.run(&["push", "--quiet", "--porcelain", "--", &self.address, &refspec], b"")?;
        if pushed.status.success() {
            return Ok(Pushed::Yes);
        }
        let why = words(&pushed);
        // Whoever was first has moved the branch; if nobody has, it is something else that will not get better.
        let now = self.ask(&["ls-remote", "--", &self.address, &branch])?;
        let now = now.split_whitespace().next().map(str::to_owned);
        if now.as_deref() == Some(commit) {
            return Ok(Pushed::Yes);
        }
        if now.as_deref() != tip || why.contains("lock") { Ok(Pushed::Late(why)) } else { Err(why) }
    }

    fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        said(self.run(arguments, b"")?)
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Output, String> {
        let mut command = Command::new("git");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"] {
            command.env_remove(name);
        }
        let told = |error: std::io::Error| format!("cannot run `git`: {}", plain(&error));
        let mut child = command
            .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"])
            .args(arguments)
            .current_dir(&self.own)
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(told)?;
        let stdin = child.stdin.take();
        thread::scope(|scope| {
            // From another thread: git may say much before it has read all. If it goes away, it says why.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output().map_err(told)
        })
    }
}

impl Target for Branch<'_> {
    fn hand_over(&self, items: &[Item<'_>], tell: &(dyn Fn(usize, Outcome) + Sync)) {
        let outcome = match self.commit(items) {
            Ok(note) => Outcome::Done(note),
            Err(why) => Outcome::failed(why),
        };
        (0..items.len()).for_each(|at| tell(at, outcome.clone()));
    }
}

fn sign(status: StackStatus) -> char {
    match status {
        StackStatus::Added => '+',
        StackStatus::Changed => '~',
        StackStatus::Removed => '-',
    }
}

/// What git answers, or why it does not.
fn said(output: Output) -> Result<String, String> {
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(words(&output))
    }
}

/// What git said last, without passwords of addresses.
fn words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:"));
    let text = lines.collect::<Vec<_>>().join("; ");
    let text = if text.is_empty() { String::from_utf8_lossy(&output.stdout).trim().to_owned() } else { text };
    format!("git says: {}", mask::text(&text))
}
