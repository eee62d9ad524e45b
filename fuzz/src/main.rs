//! `fuzz TARGET`

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use fuzz::input::{Corpus, Input};
use fuzz::supervise::{HELD, supervise};
use fuzz::targets::Target;
use fuzz::work::{End, Work, run_once, write_panics_down};

/// Look for inputs that crash or hold the compiler
#[derive(Debug, Parser)]
struct Arguments {
    /// What to run
    target: Target,
    /// For how long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where all that is random starts from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folders with inputs to begin with
    #[arg(long, value_name = "DIR", num_args = 1..)]
    corpus: Vec<PathBuf>,
    /// The folder for findings
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    findings: PathBuf,
    /// Run this input alone and say what comes of it
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
    /// Run inputs in this process
    #[arg(long, hide = true)]
    worker: bool,
}

fn main() -> io::Result<ExitCode> {
    let Arguments { target, seconds, seed, corpus, findings, run, worker } = Arguments::parse();
    let time = Duration::from_secs(seconds);
    if let Some(file) = run {
        let corpus = Corpus::read(&corpus, target.extensions())?;
        return alone(target, corpus, Input::read(&file)?);
    }
    let work = Work { target, seed, time, corpus, findings };
    let mut out = io::stdout();
    if worker {
        write_panics_down();
        let (code, runs) = match work.run()? {
            End::Done(runs) => (0, runs),
            End::Held(runs) => (HELD, runs),
        };
        writeln!(out, "{runs}")?;
        return Ok(ExitCode::from(code));
    }
    let report = supervise(&work)?;
    writeln!(out, "{}: {} runs in {seconds} s from seed {seed}", target.name(), report.runs)?;
    for path in &report.findings {
        let why = std::fs::read_to_string(path.with_extension("why"))?;
        writeln!(out, "{}: {}", path.display(), why.replace('\n', " "))?;
    }
    Ok(ExitCode::from(u8::from(!report.findings.is_empty())))
}

/// Runs one input as a worker would.
fn alone(target: Target, corpus: Corpus, input: Input) -> io::Result<ExitCode> {
    let run = move || {
        let start = Instant::now();
        let result = run_once(target.subject(&corpus).as_mut(), &input);
        (result, start.elapsed())
    };
    let thread = thread::Builder::new().stack_size(kcl::eval::STACK_BYTES).spawn(run)?;
    let (result, took) = thread.join().map_err(|_| io::Error::other("the runner crashed"))?;
    let result = result.map(|features| features.into_iter().collect::<BTreeSet<_>>());
    writeln!(io::stdout(), "{result:?} after {took:?}")?;
    Ok(ExitCode::from(u8::from(result.is_err() || took > target.limit())))
}
