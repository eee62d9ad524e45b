//! A worker: runs inputs until its time is up, or until one of them holds it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::clock::Stopwatch;
use crate::input::{Corpus, Input};
use crate::mutate::Mutator;
use crate::targets::{Subject, Target};

/// How much of the stack of a thread a run may use.
const STACK_BYTES: usize = kcl::eval::STACK_BYTES;

/// How much longer than it may a run is waited for: longer, and it is taken for one that never ends.
const PATIENCE: u32 = 4;

/// How often it is looked at whether a run has come to an end.
const GLANCE: Duration = Duration::from_millis(50);

/// How many new kinds of result a worker keeps the inputs of.
const MAX_KEPT: usize = 5_000;

/// How long the making smaller of a finding may take.
const SHRINKING: Duration = Duration::from_secs(20);

/// What a worker is told.
#[derive(Debug, Clone)]
pub struct Work {
    /// What to run.
    pub target: Target,
    /// Where all that is random starts from.
    pub seed: u64,
    /// For how long.
    pub time: Duration,
    /// Folders with inputs to begin with.
    pub corpus: Vec<PathBuf>,
    /// The folder for findings.
    pub findings: PathBuf,
}

/// What became of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Its time was up after so many runs.
    Done(u64),
    /// The input that it had written down last holds it; so many runs were before.
    Held(u64),
}

impl Work {
    /// The file that holds the input of the run under way.
    #[must_use]
    pub fn current(&self) -> PathBuf {
        self.findings.join(format!("{}-current", self.target.name()))
    }

    /// Where a finding is saved: what goes wrong in the same way has the same place.
    #[must_use]
    pub fn place_of(&self, what: &str) -> PathBuf {
        let name = format!("{}-{:016x}", self.target.name(), syntax::symbol::text_hash(what));
        self.findings.join(name).with_extension(self.target.extensions()[0])
    }

    /// Saves a finding, and what went wrong beside it.
    ///
    /// # Errors
    /// Where the files cannot be written.
    pub fn save(&self, input: &Input, what: &str) -> io::Result<()> {
        let path = self.place_of(what);
        fs::write(path.with_extension("why"), what)?;
        fs::write(path, input.to_text())
    }

    /// Runs inputs on a thread with enough stack, and sees to it that each comes to an end.
    ///
    /// # Errors
    /// Where the corpus cannot be read or a finding cannot be written.
    pub fn run(self) -> io::Result<End> {
        fs::create_dir_all(&self.findings)?;
        let corpus = Corpus::read(&self.corpus, self.target.extensions())?;
        let runs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&runs);
        let patience = self.target.limit() * PATIENCE;
        let (ended, end) = channel();
        let work = move || {
            // Nobody waits any more for what comes too late.
            let _ = ended.send(Worker::new(&self, &corpus, &counted).and_then(Worker::work));
        };
        thread::Builder::new().stack_size(STACK_BYTES).spawn(work)?;
        let (mut seen, mut since) = (0, Stopwatch::start());
        loop {
            match end.recv_timeout(GLANCE) {
                Ok(result) => return result.map(|()| End::Done(runs.load(Ordering::Relaxed))),
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the worker crashed")),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = runs.load(Ordering::Relaxed);
            if now != seen {
                (seen, since) = (now, Stopwatch::start());
            } else if since.exceeds(patience) {
                return Ok(End::Held(now));
            }
        }
    }
}

/// What the last panic said, with its place in the code.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Runs one input; what went wrong is an error.
///
/// # Errors
/// A crash, or what the target has to say against the result.
pub fn run_once(subject: &mut dyn Subject, input: &Input) -> Result<Vec<String>, String> {
    // After a crash a subject may be half done; it is only asked about inputs that it reads anew.
    catch_unwind(AssertUnwindSafe(|| subject.run(input)))
        .unwrap_or_else(|_| Err(PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone()))
}

/// From now on panics are written down and not printed.
pub fn write_panics_down() {
    std::panic::set_hook(Box::new(|panic| {
        *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
}

struct Worker<'a> {
    work: &'a Work,
    corpus: &'a Corpus,
    subject: Box<dyn Subject>,
    runs: &'a AtomicU64,
    /// Holds the input of the run under way.
    current: File,
    /// What is mutated: the corpus, and what came to something new.
    pool: Vec<Input>,
    known: HashSet<String>,
}

impl<'a> Worker<'a> {
    fn new(work: &'a Work, corpus: &'a Corpus, runs: &'a AtomicU64) -> io::Result<Self> {
        let subject = work.target.subject(corpus);
        let current = File::create(work.current())?;
        Ok(Self { work, corpus, subject, runs, current, pool: corpus.inputs.clone(), known: HashSet::new() })
    }

    fn work(mut self) -> io::Result<()> {
        let start = Instant::now();
        let mut mutator = Mutator { rng: Rng::with_seed(self.work.seed), words: self.work.target.words() };
        while start.elapsed() < self.work.time {
            let input = self.next(&mut mutator);
            let new = self.step(&input)?;
            if new && self.pool.len() < self.corpus.inputs.len() + MAX_KEPT {
                self.pool.push(input);
            }
        }
        Ok(())
    }

    fn next(&mut self, mutator: &mut Mutator<'_>) -> Input {
        if self.pool.is_empty() {
            self.pool.push(Input::default());
        }
        // What came to something new is tried about as often as the corpus, however large that is.
        let kept = self.corpus.inputs.len()..self.pool.len();
        let newer = !kept.is_empty() && mutator.rng.bool();
        let input = if newer { kept } else { 0..self.pool.len() };
        let input = self.pool[mutator.rng.usize(input)].clone();
        let other = mutator.rng.usize(..self.pool.len());
        let text = mutator.mutate(&input.text, &self.pool[other].text);
        Input { text, ..input }
    }

    /// Runs an input, and saves it where something is wrong. `true` if it came to something new.
    fn step(&mut self, input: &Input) -> io::Result<bool> {
        match self.timed(input)? {
            Ok(features) => {
                let known = self.known.len();
                self.known.extend(features);
                Ok(self.known.len() > known)
            }
            Err(what) => {
                if !self.work.place_of(&what).exists() {
                    // What it is made from might yet end the process.
                    self.work.save(input, &what)?;
                    let smaller = self.shrunk(input.clone(), &what)?;
                    self.work.save(&smaller, &what)?;
                }
                Ok(false)
            }
        }
    }

    /// Writes down what runs next. A file that stays open is many times faster than a new one.
    fn write_down(&mut self, input: &Input) -> io::Result<()> {
        let text = input.to_text();
        self.current.seek(SeekFrom::Start(0))?;
        self.current.write_all(text.as_bytes())?;
        self.current.set_len(text.len() as u64)
    }

    /// Runs an input that is written down before.
    fn timed(&mut self, input: &Input) -> io::Result<Result<Vec<String>, String>> {
        self.write_down(input)?;
        let watch = Stopwatch::start();
        let result = run_once(self.subject.as_mut(), input);
        self.runs.fetch_add(1, Ordering::Relaxed);
        let slow = watch.exceeds(self.work.target.limit());
        Ok(if slow { Err("it takes too long".to_owned()) } else { result })
    }

    /// The input without as many of its parts as can go while the same goes wrong.
    fn shrunk(&mut self, mut input: Input, what: &str) -> io::Result<Input> {
        let since = Instant::now();
        let mut len = input.text.len() / 2;
        while len > 0 {
            let mut start = 0;
            while start < input.text.len() && since.elapsed() < SHRINKING {
                let end = (start + len).min(input.text.len());
                let cut = input.text.is_char_boundary(start) && input.text.is_char_boundary(end);
                if cut {
                    let text = [&input.text[..start], &input.text[end..]].concat();
                    let smaller = Input { text, ..input.clone() };
                    if self.timed(&smaller)?.is_err_and(|it| it == what) {
                        input = smaller;
                        continue;
                    }
                }
                start = end;
            }
            len /= 2;
        }
        Ok(input)
    }
}
