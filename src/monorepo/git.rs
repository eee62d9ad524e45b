//! What git knows: which files a revision has where the working tree has others.
//!
//! It only asks: no command here writes to the repository. `apply::target` has what does.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::overlay::{Entry, Overlay};
use super::paths;
use super::tracked::Tracked;

/// A git repository with a working tree.
#[derive(Debug)]
pub struct Git {
    /// The folder of the working tree, without links.
    top: PathBuf,
    /// Folders whose files count as ignored.
    ignored: Vec<PathBuf>,
    /// The bytes of files that were read ahead.
    known: Mutex<Contents>,
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

/// One path at which two commits differ, or a commit and the working tree.
#[derive(Debug, Clone)]
pub struct Difference {
    /// From the top.
    path: PathBuf,
    /// What both have.
    versions: [Version; 2],
    status: u8,
}

/// What a revision has at a path.
#[derive(Debug, Clone)]
struct Version {
    /// Zeros for nothing.
    mode: [u8; 6],
    /// Its number.
    object: String,
}

/// What a revision has at the paths at which it is not the working tree.
type Versions = BTreeMap<PathBuf, Version>;

/// The bytes of files by their numbers.
type Contents = BTreeMap<String, Arc<[u8]>>;

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

/// How paths that differ are asked for.
const RAW: [&str; 6] =
    ["--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--ignore-submodules=none"];

impl Difference {
    /// From the top of the working tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The other way round.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let [before, after] = self.versions.clone();
        let status = match self.status {
            b'A' => b'D',
            b'D' => b'A',
            other => other,
        };
        Self { path: self.path.clone(), versions: [after, before], status }
    }

    /// Whether one of them has another repository there.
    #[must_use]
    pub fn is_submodule(&self) -> bool {
        self.versions.iter().any(|version| version.mode == *SUBMODULE)
    }

    /// Whether both have a file there, with other bytes.
    #[must_use]
    pub fn is_of_bytes(&self) -> bool {
        self.versions.iter().all(|version| version.mode.starts_with(b"100"))
    }

    /// Whether the first one has it, and whether the second one has.
    #[must_use]
    pub fn is_there(&self) -> [bool; 2] {
        self.versions.each_ref().map(Version::is_there)
    }
}

impl Version {
    fn is_there(&self) -> bool {
        self.mode != *NOTHING
    }
}

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
        Ok(Self::at(&top))
    }

    fn at(top: &Path) -> Self {
        let top = std::fs::canonicalize(top).unwrap_or_else(|_| top.to_owned());
        Self { top, ignored: Vec::new(), known: Mutex::default() }
    }

    /// The repository that a folder belongs to, and the numbers of commits by their names.
    ///
    /// # Errors
    /// Where there is none, or no such commit, or no git.
    pub fn find(folder: &Path, names: &[&str]) -> Result<(Self, Vec<String>), RevisionError> {
        let objects = names.iter().map(|name| format!("{name}^{{commit}}"));
        let objects: Vec<String> = objects.filter(|object| !object.starts_with('-')).collect();
        // Mostly all is well, and one process tells.
        let output = command(folder).args(["rev-parse", "--show-toplevel"]).args(&objects).output();
        if let Ok(output) = output
            && output.status.success()
            && let Some((top, commits)) = read_commits(&output.stdout, names.len())
        {
            return Ok((Self::at(&top), commits));
        }
        let git = Self::open(folder)?;
        let commits = names.iter().map(|name| git.commit(name)).collect::<Result<_, _>>()?;
        Ok((git, commits))
    }

    /// Lets the files below some folders count as ignored.
    #[must_use]
    pub fn ignoring(mut self, folders: &[&Path]) -> Self {
        self.ignored = folders.iter().filter_map(|folder| self.inside(folder)).collect();
        self
    }

    /// The folder of the working tree, without links.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
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

    /// Reads the files that two commits have differently, for who asks for their [`overlays`](Self::overlays).
    pub fn read_ahead(&self, differences: &[Difference]) {
        let versions = differences.iter().flat_map(|difference| &difference.versions);
        // What is missing is found missing once it counts.
        if let Ok(contents) = self.contents(&objects(versions)) {
            self.known().extend(contents);
        }
    }

    /// The files of a commit, as a layer over the working tree; also those of another one, given how the two differ. They have
    /// nothing at the paths that are untracked.
    ///
    /// # Errors
    /// Where something of them is not here.
    pub fn overlays(
        &self,
        differences: &[Difference],
        after: Option<&[Difference]>,
        untracked: &[PathBuf],
    ) -> Result<(Overlay, Option<Overlay>), RevisionError> {
        let before = versions(differences);
        let after = after.map(|after| {
            let mut versions = before.clone();
            versions.extend(after.iter().map(|it| (it.path.clone(), it.versions[1].clone())));
            versions
        });
        let contents =
            self.contents(&objects(before.values().chain(after.iter().flat_map(BTreeMap::values))))?;
        let overlay = |versions: &Versions| {
            let mut entries = BTreeMap::new();
            self.add(versions, &contents, untracked, &mut entries)?;
            Ok(Overlay::new(entries))
        };
        Ok((overlay(&before)?, after.as_ref().map(overlay).transpose()?))
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
    fn add(
        &self,
        versions: &Versions,
        contents: &Contents,
        untracked: &[PathBuf],
        entries: &mut BTreeMap<PathBuf, Entry>,
    ) -> Result<(), RevisionError> {
        entries.extend(untracked.iter().map(|path| (self.top.join(path), Entry::Absent)));
        let (submodules, files): (Vec<_>, Vec<_>) =
            versions.iter().partition(|(_, version)| version.mode == *SUBMODULE);
        for (path, version) in files {
            let entry = match contents.get(&version.object) {
                _ if !version.is_there() => Entry::Absent,
                None => return Err(RevisionError::MissingObject(version.object.clone())),
                Some(bytes) if version.mode == *LINK => Entry::Link(path_of(bytes)),
                Some(bytes) => Entry::File(Arc::clone(bytes)),
            };
            entries.insert(self.top.join(path), entry);
        }
        submodules.iter().try_for_each(|(path, version)| self.add_submodule(path, &version.object, entries))
    }

    /// The paths of files that git does not know and does not ignore: all, or those among some paths. From the top, as all of
    /// these.
    ///
    /// # Errors
    /// Where git fails.
    pub fn untracked(&self, among: Option<&[PathBuf]>) -> Result<Vec<PathBuf>, RevisionError> {
        let mut command = command(&self.top);
        command.env("GIT_LITERAL_PATHSPECS", "1");
        command.args(["ls-files", "--others", "--exclude-standard", "-z"]);
        let exclude =
            |path: &PathBuf| format!("--exclude=/{}", ::glob::Pattern::escape(&paths::slashed(path)));
        command.args(self.ignored.iter().map(exclude)).arg("--").args(among.unwrap_or_default());
        if among.is_some_and(<[_]>::is_empty) {
            return Ok(Vec::new());
        }
        let others = output(&mut command)?;
        let paths = others.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| path_of(path.strip_suffix(b"/").unwrap_or(path))).collect())
    }

    /// What the index has.
    ///
    /// # Errors
    /// Where git fails.
    pub fn tracked(&self) -> Result<Tracked, RevisionError> {
        Ok(Tracked::read(self.ask(&["ls-files", "-v", "-z"])?))
    }

    fn add_submodule(
        &self,
        path: &Path,
        commit: &str,
        entries: &mut BTreeMap<PathBuf, Entry>,
    ) -> Result<(), RevisionError> {
        let folder = self.top.join(path);
        let lost = || RevisionError::Submodule(path.to_string_lossy().into_owned());
        if !folder.join(".git").exists() {
            return Err(lost());
        }
        let inner = Self::open(&folder)?;
        inner.commit(commit).map_err(|_| lost())?;
        // It may have been named as a file that is not known to the index.
        entries.remove(&folder);
        let versions = versions(&inner.differences(commit)?);
        let contents = inner.contents(&objects(versions.values()))?;
        inner.add(&versions, &contents, &inner.untracked(None)?, entries)
    }

    /// The paths at which a commit is not the working tree.
    ///
    /// # Errors
    /// Where git fails.
    pub fn differences(&self, commit: &str) -> Result<Vec<Difference>, RevisionError> {
        self.differences_among(commit, &[])
    }

    /// The same among some paths; among all where none are named.
    ///
    /// # Errors
    /// Where git fails.
    pub fn differences_among(
        &self,
        commit: &str,
        among: &[PathBuf],
    ) -> Result<Vec<Difference>, RevisionError> {
        let mut command = command(&self.top);
        command.env("GIT_LITERAL_PATHSPECS", "1").arg("diff").args(RAW).args([commit, "--"]).args(among);
        let mut found = read_differences(&output(&mut command)?)?;
        self.settle_conflicts(commit, &mut found)?;
        Ok(found)
    }

    /// What a commit has at paths of which git does not look at the working tree, as if that had nothing there. Other repositories
    /// inside stay what they are.
    ///
    /// # Errors
    /// Where git fails.
    pub fn differences_at(&self, commit: &str, paths: &[PathBuf]) -> Result<Vec<Difference>, RevisionError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let tree = self.tree(commit, None)?;
        let difference = |path: &PathBuf| {
            let versions = [tree.get(path)?.clone(), Version { mode: *NOTHING, object: String::new() }];
            Some(Difference { path: path.clone(), versions, status: b'D' })
        };
        Ok(paths.iter().filter_map(difference).filter(|it| !it.is_submodule()).collect())
    }

    /// The paths at which two commits differ.
    ///
    /// # Errors
    /// Where git fails, or does not know them.
    pub fn between(&self, from: &str, to: &str) -> Result<Vec<Difference>, RevisionError> {
        if from == to {
            return Ok(Vec::new());
        }
        // `git diff-tree` would read the index first, which takes longer than all else.
        read_differences(&self.ask(&[&["diff"][..], &RAW, &[from, to, "--"]].concat())?)
    }

    /// Git does not say what the revision has where the index holds a conflict.
    fn settle_conflicts(&self, commit: &str, found: &mut [Difference]) -> Result<(), RevisionError> {
        let unknown = |it: &&mut Difference| it.status == b'U' && !it.versions[0].is_there();
        for difference in found.iter_mut().filter(unknown) {
            if let Some(version) = self.tree(commit, Some(&difference.path))?.remove(&difference.path) {
                difference.versions[0] = version;
            }
        }
        Ok(())
    }

    /// What a commit has at a path, or all that it has.
    fn tree(&self, commit: &str, path: Option<&Path>) -> Result<Versions, RevisionError> {
        let mut command = command(&self.top);
        command.env("GIT_LITERAL_PATHSPECS", "1");
        command.args(["ls-tree", "-r", "-z", "--full-tree", commit, "--"]).args(path);
        let listed = output(&mut command)?;
        let entry = |line: &[u8]| {
            let end = line.iter().position(|byte| *byte == b'\t')?;
            let head = str::from_utf8(&line[..end]).ok()?;
            let [mode, _, object] = *head.split(' ').collect::<Vec<_>>() else { return None };
            let mode = mode.as_bytes().try_into().ok()?;
            Some((path_of(&line[end + 1..]), Version { mode, object: object.to_owned() }))
        };
        Ok(listed.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    fn known(&self) -> MutexGuard<'_, Contents> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of objects; those that are not here are left out.
    fn contents(&self, wanted: &BTreeSet<String>) -> Result<Contents, RevisionError> {
        let bytes =
            |known: &Contents, object: &String| Some((object.clone(), Arc::clone(known.get(object)?)));
        let known = self.known();
        let mut contents: Contents = wanted.iter().filter_map(|object| bytes(&known, object)).collect();
        drop(known);
        let missing = wanted.iter().filter(|object| !contents.contains_key(*object)).cloned().collect();
        contents.extend(self.read(&missing)?);
        Ok(contents)
    }

    /// The same from one process.
    fn read(&self, wanted: &BTreeSet<String>) -> Result<Contents, RevisionError> {
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

/// The top of the working tree and so many commits, a line each.
fn read_commits(output: &[u8], many: usize) -> Option<(PathBuf, Vec<String>)> {
    let mut lines = output.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
    let top = path_of(lines.next()?);
    let commits: Option<Vec<String>> = lines.map(|line| String::from_utf8(line.to_owned()).ok()).collect();
    let is_number = |text: &String| text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    commits.filter(|commits| commits.len() == many && commits.iter().all(is_number)).map(|it| (top, it))
}

/// `:100644 100644 <number> <number> M\0path\0`, again and again.
fn read_differences(raw: &[u8]) -> Result<Vec<Difference>, RevisionError> {
    let odd = || RevisionError::Failed("`git diff` says what is not understood".to_owned());
    let mut parts = raw.split(|byte| *byte == 0);
    let mut found = Vec::new();
    while let Some(head) = parts.next().filter(|head| !head.is_empty()) {
        let path = path_of(parts.next().ok_or_else(odd)?);
        let head = String::from_utf8_lossy(head);
        let fields: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let [before, after, one, other, status] = fields[..] else { return Err(odd()) };
        let version = |mode: &str, object: &str| {
            let mode = mode.as_bytes().try_into().map_err(|_| odd())?;
            Ok(Version { mode, object: object.to_owned() })
        };
        let versions = [version(before, one)?, version(after, other)?];
        found.push(Difference { path, versions, status: status.bytes().next().unwrap_or_default() });
    }
    Ok(found)
}

/// What the first of two revisions has where they differ.
fn versions(differences: &[Difference]) -> Versions {
    let mut versions = Versions::new();
    for Difference { path, versions: [version, _], .. } in differences {
        // A file in conflict is named twice.
        if version.is_there() || !versions.contains_key(path) {
            versions.insert(path.clone(), version.clone());
        }
    }
    versions
}

/// The numbers of files.
fn objects<'v>(versions: impl Iterator<Item = &'v Version>) -> BTreeSet<String> {
    let files = versions.filter(|version| version.is_there() && version.mode != *SUBMODULE);
    files.map(|file| file.object.clone()).collect()
}

/// `<number> blob <bytes>\n…\n` or `<number> missing\n` for each that was asked for.
fn read_batch(mut output: impl BufRead, wanted: &BTreeSet<String>) -> io::Result<Contents> {
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

/// A path as git says it.
#[cfg(unix)]
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// A path as git says it.
#[cfg(not(unix))]
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
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
