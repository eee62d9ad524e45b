//! What git knows: which files a revision has where the working tree has others.
//!
//! This is the only place that starts another program, and it only asks: no command here writes to the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use super::overlay::{Entry, Overlay};

/// A git repository with a working tree.
#[derive(Debug)]
pub struct Git {
    /// The folder of the working tree, without links.
    top: PathBuf,
    /// What the index does not know, once that was asked; a look into every folder.
    others: OnceLock<Vec<u8>>,
}

/// Why a revision cannot be compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevisionError {
    /// The command cannot be started: what the operating system said.
    NoGit(String),
    /// The folder is in no working tree of a repository: what git said.
    NoRepository(String),
    /// The repository has no such commit.
    Unknown {
        /// As the user wrote it.
        name: String,
        /// Whether older commits were left out when it was cloned.
        shallow: bool,
    },
    /// A submodule differs, but what it was like is not here: its path.
    Submodule(String),
    /// A file of a revision is not here: its number.
    MissingObject(String),
    /// Git could not do something else: what it said.
    Failed(String),
}

impl RevisionError {
    /// Whether what is asked for is not in the repository: the command line may be right all the same.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Submodule(_) | Self::MissingObject(_))
    }

    /// One lower-case sentence.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::NoGit(why) => format!("cannot run `git`: {why}"),
            Self::NoRepository(why) => format!("the monorepo is in no git repository: {why}"),
            Self::Unknown { name, shallow: false } => format!("there is no revision `{name}`"),
            Self::Unknown { name, shallow: true } => {
                format!("revision `{name}` is not in this shallow clone")
            }
            Self::Submodule(path) => format!("the submodule `{path}` is not here as the revision has it"),
            Self::MissingObject(id) => format!("the revision's file `{id}` is not in this clone"),
            Self::Failed(why) => format!("git fails: {why}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoGit(_) => "install git, or put its folder into `PATH`".to_owned(),
            Self::NoRepository(_) => "name a monorepo that git keeps with `--root DIR`".to_owned(),
            Self::Unknown { name, shallow } => format!("fetch it with `{}`", fetch(name, *shallow)),
            Self::Submodule(path) => format!(
                "run `git submodule update --init -- {path}`, and `git -C {path} fetch` for its older commits"
            ),
            Self::MissingObject(_) => "fetch what is missing with `git fetch --refetch`".to_owned(),
            Self::Failed(_) => "check the repository with `git fsck`".to_owned(),
        }
    }
}

/// The command that brings a revision. Two trees are compared, so no history is needed.
fn fetch(name: &str, shallow: bool) -> String {
    let depth = if shallow { " --depth=1" } else { "" };
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
    let is_number = name.len() >= 40 && name.chars().all(|letter| letter.is_ascii_hexdigit());
    match name.split_once('/') {
        _ if is_number => format!("git fetch{depth} origin {name}"),
        // Some commits before another one.
        _ if !plain || name == "HEAD" => {
            if shallow {
                "git fetch --unshallow".to_owned()
            } else {
                "git fetch --all".to_owned()
            }
        }
        Some((remote, branch)) => {
            format!("git fetch{depth} {remote} {branch}:refs/remotes/{remote}/{branch}")
        }
        None => format!("git fetch{depth} origin {name}:{name}"),
    }
}

/// One path at which a revision and the working tree differ.
struct Difference {
    /// From the top.
    path: PathBuf,
    /// What the revision has: kind and number; zeros for nothing.
    mode: [u8; 6],
    object: String,
    status: u8,
}

/// A commit that touches a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its number.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// When, as ISO 8601 has it.
    pub date: String,
    /// The first line of its message.
    pub subject: String,
    /// Whether the base has it and the head has not.
    pub in_base: bool,
}

/// How many commits are named for one file.
const COMMITS: &str = "--max-count=20";

const LINK: &[u8; 6] = b"120000";
const SUBMODULE: &[u8; 6] = b"160000";
const NOTHING: &[u8; 6] = b"000000";

impl Git {
    /// The repository that a folder belongs to.
    ///
    /// # Errors
    /// Where there is none, or no git.
    pub fn open(folder: &Path) -> Result<Self, RevisionError> {
        let output = command(folder).args(["rev-parse", "--show-toplevel"]).output();
        let output = output.map_err(|error| RevisionError::NoGit(super::world::plain(&error)))?;
        if !output.status.success() {
            return Err(RevisionError::NoRepository(said(&output.stderr)));
        }
        let line = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
        let top = path_of(line);
        Ok(Self { top: std::fs::canonicalize(&top).unwrap_or(top), others: OnceLock::new() })
    }

    /// The number of the commit of a name.
    ///
    /// # Errors
    /// Where there is no such commit.
    pub fn commit(&self, name: &str) -> Result<String, RevisionError> {
        let object = format!("{name}^{{commit}}");
        let found = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &object]);
        match found {
            // A name that starts with a dash is none.
            Ok(found) if !name.starts_with('-') => Ok(String::from_utf8_lossy(&found).trim().to_owned()),
            _ => {
                let shallow = self.ask(&["rev-parse", "--is-shallow-repository"])?;
                Err(RevisionError::Unknown { name: name.to_owned(), shallow: shallow.starts_with(b"true") })
            }
        }
    }

    /// The files of a commit, as a layer over the working tree.
    ///
    /// # Errors
    /// Where something of it is not here.
    pub fn overlay(&self, commit: &str) -> Result<Overlay, RevisionError> {
        let mut entries = BTreeMap::new();
        self.add(commit, &mut entries)?;
        Ok(Overlay::new(entries))
    }

    /// A folder from the top of the working tree; `None` where it is not below.
    #[must_use]
    pub fn below_top(&self, folder: &Path) -> Option<PathBuf> {
        std::fs::canonicalize(folder).ok()?.strip_prefix(&self.top).ok().map(Path::to_owned)
    }

    /// The commits that touch a file and that only one of two revisions has, newest first. None for files that are not in
    /// this repository.
    ///
    /// # Errors
    /// Where git fails.
    pub fn touching(&self, base: &str, head: &str, path: &Path) -> Result<Vec<Commit>, RevisionError> {
        let Some(path) = self.inside(path) else { return Ok(Vec::new()) };
        let format = "--format=%m%x00%H%x00%an%x00%aI%x00%s%x00";
        let range = format!("{base}...{head}");
        let flags = ["log", "--left-right", "--no-show-signature", COMMITS, format, &range, "--"];
        let log = self.ask_about(&flags, &path)?;
        let text = String::from_utf8_lossy(&log);
        let fields: Vec<&str> = text.split('\0').collect();
        let commit = |fields: &[&str]| match fields {
            [mark, id, author, date, subject] => Some(Commit {
                id: (*id).to_owned(),
                author: (*author).to_owned(),
                date: (*date).to_owned(),
                subject: (*subject).to_owned(),
                in_base: mark.trim_start() == "<",
            }),
            _ => None,
        };
        Ok(fields.chunks_exact(5).filter_map(commit).collect())
    }

    /// Whether the working tree differs from `HEAD` in a file.
    ///
    /// # Errors
    /// Where git fails.
    pub fn is_dirty(&self, path: &Path) -> Result<bool, RevisionError> {
        let Some(path) = self.inside(path) else { return Ok(false) };
        let status = self.ask_about(&["status", "--porcelain", "--untracked-files=all", "--"], &path)?;
        Ok(!status.is_empty())
    }

    /// A path from the top; `None` where it is not below.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        // The file itself may be gone, or a link that is kept as such.
        let real = path.ancestors().skip(1).find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            Some(std::fs::canonicalize(above).ok()?.join(rest))
        });
        real?.strip_prefix(&self.top).ok().map(Path::to_owned)
    }

    fn ask_about(&self, arguments: &[&str], path: &Path) -> Result<Vec<u8>, RevisionError> {
        let mut command = command(&self.top);
        output(command.env("GIT_LITERAL_PATHSPECS", "1").args(arguments).arg(path))
    }

    /// Adds what differs in this repository, and in its submodules.
    fn add(&self, commit: &str, entries: &mut BTreeMap<PathBuf, Entry>) -> Result<(), RevisionError> {
        let (untracked, differences) = rayon::join(|| self.untracked(), || self.differences(commit));
        let (untracked, differences) = (untracked?, differences?);
        for path in untracked.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
            let path = path.strip_suffix(b"/").unwrap_or(path);
            entries.insert(self.top.join(path_of(path)), Entry::Absent);
        }
        let (submodules, files): (Vec<_>, Vec<_>) =
            differences.into_iter().partition(|difference| difference.mode == *SUBMODULE);
        let wanted: BTreeSet<String> =
            files.iter().filter(|file| file.mode != *NOTHING).map(|file| file.object.clone()).collect();
        let contents = self.contents(&wanted)?;
        for Difference { path, mode, object, status: _ } in files {
            let entry = match contents.get(&object) {
                _ if mode == *NOTHING => Entry::Absent,
                None => return Err(RevisionError::MissingObject(object)),
                Some(bytes) if mode == *LINK => Entry::Link(path_of(bytes)),
                Some(bytes) => Entry::File(Arc::clone(bytes)),
            };
            let path = self.top.join(path);
            // A file in conflict is named twice.
            if entry != Entry::Absent || !matches!(entries.get(&path), Some(Entry::File(_) | Entry::Link(_)))
            {
                entries.insert(path, entry);
            }
        }
        submodules.iter().try_for_each(|submodule| self.add_submodule(submodule, entries))
    }

    /// The paths of files that git does not know and does not ignore, each with a zero behind.
    fn untracked(&self) -> Result<&[u8], RevisionError> {
        if let Some(known) = self.others.get() {
            return Ok(known);
        }
        let others = self.ask(&["ls-files", "--others", "--exclude-standard", "-z"])?;
        Ok(self.others.get_or_init(|| others))
    }

    fn add_submodule(
        &self,
        submodule: &Difference,
        entries: &mut BTreeMap<PathBuf, Entry>,
    ) -> Result<(), RevisionError> {
        let folder = self.top.join(&submodule.path);
        let lost = || RevisionError::Submodule(submodule.path.to_string_lossy().into_owned());
        if !folder.join(".git").exists() {
            return Err(lost());
        }
        let inner = Self::open(&folder)?;
        inner.commit(&submodule.object).map_err(|_| lost())?;
        // It may have been named as a file that is not known to the index.
        entries.remove(&folder);
        inner.add(&submodule.object, entries)
    }

    /// `:100644 100644 <number> <number> M\0path\0`, again and again.
    fn differences(&self, commit: &str) -> Result<Vec<Difference>, RevisionError> {
        let flags =
            ["--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--ignore-submodules=none"];
        let raw = self.ask(&[&["diff"][..], &flags, &[commit, "--"]].concat())?;
        let odd = || RevisionError::Failed("`git diff` says what is not understood".to_owned());
        let mut parts = raw.split(|byte| *byte == 0);
        let mut found = Vec::new();
        while let Some(head) = parts.next().filter(|head| !head.is_empty()) {
            let path = path_of(parts.next().ok_or_else(odd)?);
            let head = String::from_utf8_lossy(head);
            let fields: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
            let [mode, _, object, _, status] = fields[..] else { return Err(odd()) };
            let mode = mode.as_bytes().try_into().map_err(|_| odd())?;
            let status = status.bytes().next().unwrap_or_default();
            found.push(Difference { path, mode, object: object.to_owned(), status });
        }
        self.settle_conflicts(commit, &mut found)?;
        Ok(found)
    }

    /// Git does not say what the revision has where the index holds a conflict.
    fn settle_conflicts(&self, commit: &str, found: &mut [Difference]) -> Result<(), RevisionError> {
        for difference in found.iter_mut().filter(|it| it.status == b'U' && it.mode == *NOTHING) {
            let output = command(&self.top)
                .env("GIT_LITERAL_PATHSPECS", "1")
                .args(["ls-tree", "-z", "--full-tree", commit, "--"])
                .arg(&difference.path)
                .output();
            let output = output.map_err(|error| RevisionError::NoGit(super::world::plain(&error)))?;
            let line = String::from_utf8_lossy(&output.stdout).into_owned();
            let fields: Vec<&str> = line.split([' ', '\t']).take(3).collect();
            if let [mode, _, object] = fields[..]
                && let Ok(mode) = mode.as_bytes().try_into()
            {
                difference.mode = mode;
                object.clone_into(&mut difference.object);
            }
        }
        Ok(())
    }

    /// The bytes of objects, from one process; those that are not here are left out.
    fn contents(&self, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, Arc<[u8]>>, RevisionError> {
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let failed = |error: io::Error| RevisionError::Failed(super::world::plain(&error));
        let mut child = command(&self.top)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| RevisionError::NoGit(super::world::plain(&error)))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let contents = std::thread::scope(|scope| {
            // Written from another thread: git answers while it is asked, and a pipe holds little.
            scope.spawn(move || {
                let lines: String = wanted.iter().map(|object| format!("{object}\n")).collect();
                // If git goes away, the answers end early, which is found there.
                input.map(|mut input| input.write_all(lines.as_bytes()))
            });
            output.map_or_else(|| Ok(BTreeMap::new()), |output| read_batch(BufReader::new(output), wanted))
        });
        child.wait().map_err(failed)?;
        contents.map_err(failed)
    }

    fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, RevisionError> {
        output(command(&self.top).args(arguments))
    }
}

/// What git answers.
fn output(command: &mut Command) -> Result<Vec<u8>, RevisionError> {
    let output = command.output().map_err(|error| RevisionError::NoGit(super::world::plain(&error)))?;
    if output.status.success() { Ok(output.stdout) } else { Err(RevisionError::Failed(said(&output.stderr))) }
}

/// `<number> blob <bytes>\n…\n` or `<number> missing\n` for each that was asked for.
fn read_batch(
    mut output: impl BufRead,
    wanted: &BTreeSet<String>,
) -> io::Result<BTreeMap<String, Arc<[u8]>>> {
    let mut contents = BTreeMap::new();
    for object in wanted {
        let mut line = String::new();
        output.read_line(&mut line)?;
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "blob", length] = fields[..] else { continue };
        let length: u64 = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        let mut bytes = Vec::new();
        output.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        output.read_exact(&mut [0])?;
        contents.insert(object.clone(), bytes.into());
    }
    Ok(contents)
}

/// Git in a folder. The repository is that of the folder, also where a hook of another one runs us.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
    command
}

/// What git said last, as a part of a sentence.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
    line.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned()
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::new(&*String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_command_that_fetches() {
        assert_eq!(fetch("origin/main", true), "git fetch --depth=1 origin main:refs/remotes/origin/main");
        assert_eq!(fetch("v1.2", false), "git fetch origin v1.2:v1.2");
        assert_eq!(fetch("HEAD~3", true), "git fetch --unshallow");
        let number = "0123456789012345678901234567890123456789";
        assert_eq!(fetch(number, false), format!("git fetch origin {number}"));
    }

    #[test]
    fn batches_are_read() {
        let wanted = ["a", "b", "c"].map(str::to_owned).into();
        let contents = read_batch(&b"a blob 3\nx\ny\nb missing\nc blob 0\n\n"[..], &wanted).expect("a batch");
        let texts: Vec<(&str, &[u8])> = contents.iter().map(|(id, bytes)| (id.as_str(), &**bytes)).collect();
        assert_eq!(texts, [("a", &b"x\ny"[..]), ("c", &b""[..])]);
        assert!(read_batch(&b"a blob 9\nx"[..], &wanted).is_err());
    }
}
