//! The supervisor: starts workers, one after the other, and keeps what ended them.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::input::Input;
use crate::work::Work;

/// How long a worker lives at most.
const SHIFT: Duration = Duration::from_secs(30);

/// The exit code of a worker that an input holds.
pub const HELD: u8 = 3;

/// What came of it all.
#[derive(Debug, Default)]
pub struct Report {
    /// How many inputs were run.
    pub runs: u64,
    /// The findings.
    pub findings: Vec<PathBuf>,
}

/// Starts workers until the time is up. Each has a seed of its own that follows from the first one.
///
/// # Errors
/// Where a worker cannot be started, or ends for another reason than its inputs.
pub fn supervise(work: &Work) -> io::Result<Report> {
    let start = Instant::now();
    let before = findings(work)?;
    let mut report = Report::default();
    for seed in work.seed.. {
        let left = work.time.saturating_sub(start.elapsed());
        if left.is_zero() {
            break;
        }
        let shift = Work { seed, time: left.min(SHIFT), ..work.clone() };
        report.runs += one(&shift)?;
    }
    report.findings = findings(work)?;
    report.findings.retain(|path| !before.contains(path));
    Ok(report)
}

/// Starts a worker and waits for its end; how many inputs it has run.
fn one(work: &Work) -> io::Result<u64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(work.target.name()).arg("--worker");
    command.arg("--seed").arg(work.seed.to_string());
    command.arg("--seconds").arg(work.time.as_secs().max(1).to_string());
    command.arg("--findings").arg(&work.findings).arg("--corpus").args(&work.corpus);
    let ended = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let runs = String::from_utf8_lossy(&ended.stdout).trim().parse().unwrap_or(0);
    let what = match ended.status.code() {
        Some(0) => return Ok(runs),
        Some(code) if code == i32::from(HELD) => "it does not come to an end".to_owned(),
        Some(code) => return Err(io::Error::other(format!("a worker ended with exit code {code}"))),
        None => format!("it ends the process: {}, worker {}", ended.status, work.seed),
    };
    work.save(&Input::read(&work.current())?, &what)?;
    Ok(runs)
}

/// The findings that were saved.
fn findings(work: &Work) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(&work.findings)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&work.findings)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if name.starts_with(work.target.name()) && extension == work.target.extensions()[0] {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
