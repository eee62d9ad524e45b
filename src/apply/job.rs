//! Commands that outlive who wanted them.
//!
//! A job is a file. Who wants a command run writes what to run into it, takes a lock on it, and starts a *keeper*: a
//! process in a session of its own that gets the open file, lock included, as its standard input. The keeper adds a line
//! before it runs the command and one with how that ended, and goes. So whoever can take the lock of a job's file knows
//! that nothing is running any more, and reads there what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cache::Digest;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

use super::mask;
use super::resource::Resource;

/// A command to be run for a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The target.
    pub target: String,
    /// The stack.
    pub stack: String,
    /// As the ledger has it.
    pub what: String,
    /// The digest of the change set.
    pub change_set: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables that it gets besides those that there are.
    pub variables: BTreeMap<String, String>,
    /// Where it runs.
    pub folder: PathBuf,
    /// What it reads.
    pub input: String,
    /// How long it may take, in milliseconds.
    pub limit: u64,
    /// Files whose secrets it must not print.
    pub artifacts: Vec<PathBuf>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// In words; none where it succeeded.
    pub failure: Option<String>,
    /// Whether it was stopped before it was done.
    pub stopped: bool,
    /// The end of what it printed, without secrets.
    pub output: String,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Its command was never started.
    NotRun,
    /// Its command was started, and who was to tell how that ended is gone.
    Lost,
    /// Its command has ended.
    Ended(Ended),
}

#[derive(Serialize, Deserialize)]
enum Line {
    Job(Box<Job>),
    Running,
    Ended(Ended),
}

/// How much of what a command prints is kept, in bytes.
const PRINTED: usize = 16 << 10;

/// The name of the file of a job: there is one for each stack at each target.
#[must_use]
pub fn place(target: &str, stack: &str) -> String {
    Digest::of(format!("{target}\0{stack}").as_bytes()).to_string()[..32].to_owned()
}

/// Runs a job, and waits for it. `keeper` is the program with the arguments that make it call [`keep`].
///
/// # Errors
/// Where the keeper cannot be started, or the file not be written.
pub fn run(file: &Path, job: &Job, keeper: &[String]) -> io::Result<Known> {
    start(file, job, keeper)?.wait()?;
    let known = settle(file)?.map_or(Known::NotRun, |(_, known)| known);
    Ok(known)
}

fn start(path: &Path, job: &Job, keeper: &[String]) -> io::Result<Child> {
    let mut file = File::options().create_new(true).read(true).write(true).open(path)?;
    file.lock()?;
    add(&mut file, &Line::Job(Box::new(job.clone())))?;
    let (program, arguments) = keeper.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(file))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .inspect_err(|_| {
            // The error of the start is the one to report.
            fs::remove_file(path).ok();
        })
}

/// The job of a file, if its keeper is still there.
///
/// # Errors
/// What the operating system said.
pub fn running(path: &Path) -> io::Result<Option<Job>> {
    let mut file = File::options().read(true).write(true).open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(read(&mut file)?.map(|(job, _)| job)),
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(None),
    }
}

/// Waits until nothing of a job is running, says what became of it, and forgets it. `None` where there is no job.
///
/// # Errors
/// What the operating system said.
pub fn settle(path: &Path) -> io::Result<Option<(Job, Known)>> {
    let mut file = File::options().read(true).write(true).open(path)?;
    file.lock()?;
    let found = read(&mut file)?;
    Ok(found)
}

/// Deletes the file of a job that is settled.
///
/// # Errors
/// What the operating system said.
pub fn forget(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

fn read(file: &mut File) -> io::Result<Option<(Job, Known)>> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let mut job = None;
    let mut known = Known::NotRun;
    // A line that was cut off stands for nothing.
    for line in text.lines().map_while(|line| serde_json::from_str(line).ok()) {
        match line {
            Line::Job(found) => job = Some(*found),
            Line::Running => known = Known::Lost,
            Line::Ended(ended) => known = Known::Ended(ended),
        }
    }
    Ok(job.map(|job| (job, known)))
}

fn add(file: &mut File, line: &Line) -> io::Result<()> {
    file.seek(SeekFrom::End(0))?;
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    file.write_all(text.as_bytes())
}

/// What a keeper does: runs the job whose file is its standard input, and writes down how that ended.
///
/// # Errors
/// Where the input is no job, or cannot be written to.
pub fn keep() -> io::Result<()> {
    // What ends the terminal, or the group of who wanted this, does not end it. Before this nothing has been run.
    rustix::process::setsid()?;
    let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Some((job, Known::NotRun)) = read(&mut file)? else { return Err(io::ErrorKind::InvalidInput.into()) };
    add(&mut file, &Line::Running)?;
    let ended = job.execute();
    add(&mut file, &Line::Ended(ended))
}

impl Job {
    fn execute(&self) -> Ended {
        let secrets = self.secrets();
        let failed = |why: String| Ended { failure: Some(why), stopped: false, output: String::new() };
        let Some((program, arguments)) = self.command.split_first() else {
            return failed("there is no command".to_owned());
        };
        let started = Command::new(program)
            .args(arguments)
            .envs(&self.variables)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let child = match started {
            Ok(child) => child,
            Err(error) => {
                return failed(format!("cannot run `{program}`: {}", crate::monorepo::plain(&error)));
            }
        };
        let (status, output) = self.watch(child);
        let output = mask::without(&secrets, &output);
        let (failure, stopped) = match status {
            Some(Ok(status)) if status.success() => (None, false),
            Some(Ok(status)) => (Some(told(status)), false),
            Some(Err(error)) => (Some(format!("cannot wait for it: {error}")), true),
            None => (Some(format!("it took longer than {}", humantime::format_duration(self.limit()))), true),
        };
        Ended { failure, stopped, output }
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.limit)
    }

    /// Waits for a command, or stops it when its time is over; gives how it ended and the end of what it printed.
    fn watch(&self, mut child: Child) -> (Option<io::Result<ExitStatus>>, String) {
        let (say, hear) = mpsc::channel();
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let printed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        // A command need not read its input, nor need what it has started ever close its output: nobody waits for that.
        let input = self.input.clone();
        thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        let readers = [stdout.map(collect(&printed)), stderr.map(collect(&printed))];
        thread::spawn(move || say.send(child.wait()));
        let status = hear.recv_timeout(self.limit()).ok();
        if status.is_none() {
            for signal in [Signal::TERM, Signal::KILL] {
                // Who is gone already needs no signal.
                group.map(|group| kill_process_group(group, signal));
                if hear.recv_timeout(GRACE).is_ok() {
                    break;
                }
            }
        }
        for reader in readers.into_iter().flatten() {
            reader.recv_timeout(GRACE).ok();
        }
        let printed = printed.lock().map(|it| it.clone()).unwrap_or_default();
        (status, whole_lines(&printed))
    }

    fn secrets(&self) -> BTreeSet<String> {
        let texts = self.artifacts.iter().filter_map(|path| fs::read_to_string(path).ok());
        let resources = texts.flat_map(|text| Resource::parse(&text).unwrap_or_default());
        resources.flat_map(|resource| mask::secrets(&resource)).collect()
    }
}

/// How long a command has to end after it was asked to, and its output to be read after that.
const GRACE: Duration = Duration::from_secs(2);

type Printed = std::sync::Arc<std::sync::Mutex<Vec<u8>>>;

/// Reads a stream to its end and keeps the last part; who waits learns that the end is reached.
fn collect<R: Read + Send + 'static>(printed: &Printed) -> impl FnOnce(R) -> mpsc::Receiver<()> + use<R> {
    let printed = Printed::clone(printed);
    move |mut stream: R| {
        let (say, hear) = mpsc::channel();
        thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut part) {
                if let Ok(mut all) = printed.lock() {
                    all.extend_from_slice(&part[..read]);
                    let over = all.len().saturating_sub(PRINTED);
                    all.drain(..over);
                }
            }
            say.send(()).ok();
        });
        hear
    }
}

/// What was printed as text; where its beginning is missing, without the line that has no beginning: half a secret would
/// not be found in it.
fn whole_lines(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    match text.split_once('\n') {
        Some((_, rest)) if printed.len() >= PRINTED => format!("…\n{rest}"),
        _ => text.into_owned(),
    }
}

fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it failed".to_owned(),
    }
}
