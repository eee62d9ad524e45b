//! What became of stacks at targets: a file to which a line is added as soon as something is known.
//!
//! A line that was cut off when its process was killed, or when the machine stopped, is not believed. Only who holds the
//! lock of the checkout writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use cache::Digest;
use serde::{Deserialize, Serialize};

/// What became of a stack at a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The target.
    pub target: String,
    /// The stack.
    pub stack: String,
    /// What was handed over, and how; another text means that it has to be done anew.
    pub what: String,
    /// How it ended.
    pub state: State,
    /// The digest of the change set.
    pub change_set: String,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// How a hand-over ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there.
    Done,
    /// It failed.
    Failed,
    /// Nobody knows: the machine stopped meanwhile.
    Unknown,
}

/// The last outcome of each stack at each target.
#[derive(Debug)]
pub struct Ledger {
    entries: BTreeMap<(String, String), Entry>,
    file: File,
}

/// How many lines a file may have for each entry before it is written anew.
const SLACK: usize = 4;

impl Ledger {
    /// Opens the ledger of a folder, which must be there.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("ledger");
        let text = match fs::read(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            read => read.unwrap_or_default(),
        };
        let text = String::from_utf8_lossy(&text);
        let mut entries = BTreeMap::new();
        let mut lines = 0;
        for entry in text.lines().filter_map(parse) {
            lines += 1;
            entries.insert((entry.target.clone(), entry.stack.clone()), entry);
        }
        let whole = text.is_empty() || text.ends_with('\n');
        if !whole || lines > SLACK * entries.len().max(100) {
            let text: String = entries.values().map(line).collect();
            crate::build::write_file(&path, text.as_bytes())?;
        }
        let file = File::options().create(true).append(true).open(&path)?;
        Ok(Self { entries, file })
    }

    /// The last outcome of a stack at a target.
    #[must_use]
    pub fn last(&self, target: &str, stack: &str) -> Option<&Entry> {
        self.entries.get(&(target.to_owned(), stack.to_owned()))
    }

    /// Adds an outcome. It is there for the next process, even if this one is killed right after.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn add(&mut self, entry: Entry) -> io::Result<()> {
        self.file.write_all(line(&entry).as_bytes())?;
        self.entries.insert((entry.target.clone(), entry.stack.clone()), entry);
        Ok(())
    }

    /// Has the disk keep what was added, also if the machine stops.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// An entry with what tells whether it is whole.
fn line(entry: &Entry) -> String {
    // Plain data with text keys always has a JSON form.
    let text = serde_json::to_string(entry).unwrap_or_default();
    format!("{} {text}\n", check(&text))
}

fn parse(line: &str) -> Option<Entry> {
    let (sum, text) = line.split_once(' ')?;
    if sum == check(text) { serde_json::from_str(text).ok() } else { None }
}

fn check(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stack: &str, state: State) -> Entry {
        Entry {
            target: "t".into(),
            stack: stack.into(),
            what: "w".into(),
            state,
            change_set: "c".into(),
            at: 1,
        }
    }

    #[test]
    fn the_last_outcome_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ledger = Ledger::open(folder.path()).expect("a ledger");
        ledger.add(entry("a", State::Failed)).expect("added");
        ledger.add(entry("a", State::Done)).expect("added");
        ledger.add(entry("b", State::Unknown)).expect("added");
        let again = Ledger::open(folder.path()).expect("a ledger");
        assert_eq!(again.last("t", "a").map(|it| it.state), Some(State::Done));
        assert_eq!(again.last("t", "b").map(|it| it.state), Some(State::Unknown));
        assert_eq!(again.last("x", "a"), None);
    }

    #[test]
    fn a_line_that_was_cut_off_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ledger = Ledger::open(folder.path()).expect("a ledger");
        for number in 0..3 {
            ledger.add(entry(&format!("s{number}"), State::Done)).expect("added");
        }
        let path = folder.path().join("ledger");
        let whole = fs::read(&path).expect("a file");
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).expect("a file");
            let mut cut = Ledger::open(folder.path()).expect("a ledger");
            let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
            // A line is whole even without its end.
            let known = cut.entries.len();
            assert!(known == lines || (known == lines + 1 && whole.get(length) == Some(&b'\n')), "{length}");
            cut.add(entry("new", State::Done)).expect("added");
            let again = Ledger::open(folder.path()).expect("a ledger");
            assert_eq!(again.entries.len(), known + 1, "{length}");
        }
    }

    #[test]
    fn a_long_file_is_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ledger = Ledger::open(folder.path()).expect("a ledger");
        for _ in 0..500 {
            ledger.add(entry("a", State::Done)).expect("added");
        }
        let again = Ledger::open(folder.path()).expect("a ledger");
        assert_eq!(again.last("t", "a").map(|it| it.state), Some(State::Done));
        assert_eq!(fs::read_to_string(folder.path().join("ledger")).expect("text").lines().count(), 1);
    }
}
