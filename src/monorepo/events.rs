//! What changes on the disk while somebody watches.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use notify::event::{CreateKind, Event, EventKindMask, ModifyKind, RemoveKind, RenameMode};
use notify::{
    Config, ErrorKind, EventKind, PathOp, RecommendedWatcher, RecursiveMode, WatchPathConfig, Watcher,
};
use rayon::prelude::*;

use super::paths;
use super::world::plain;

/// Something that changed at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where; absolute.
    pub path: PathBuf,
    /// Whether it may have come or gone, or become something else: whether its folder may list other names.
    pub listed: bool,
    /// Whether it may be a folder, or have been one.
    pub folder: bool,
}

/// Changes that belong together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// What changed, in the order in which it did.
    pub changes: Vec<Change>,
    /// Whether there were others that nobody knows.
    pub lost: bool,
}

/// What a watcher says.
#[derive(Debug)]
pub enum Signal {
    /// Something changed.
    Changed(Change),
    /// Something changed, and nobody knows what.
    Lost,
    /// Folders cannot be watched any more.
    Failed(WatchError),
    /// The user has seen enough.
    Stop,
}

/// Why folders cannot be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchError {
    /// The system watches no more folders.
    Limit,
    /// It says no: what it said.
    Refused(String),
}

impl WatchError {
    fn of(error: &notify::Error) -> Self {
        match &error.kind {
            ErrorKind::MaxFilesWatch => Self::Limit,
            // Each process may have so many instances of watchers.
            ErrorKind::Io(error) if error.raw_os_error() == Some(24) => Self::Limit,
            ErrorKind::Io(error) => Self::Refused(plain(error)),
            _ => Self::Refused(error.to_string()),
        }
    }

    /// One lower-case sentence.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Limit => "the system refuses to watch so many folders".to_owned(),
            Self::Refused(why) => format!("cannot watch folders: {why}"),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Limit => {
                "raise the limits with `sudo sysctl fs.inotify.max_user_watches=1048576 fs.inotify.max_user_instances=1024`"
            }
            Self::Refused(_) => "build with `konfig build` after each change instead",
        }
    }
}

/// Watches the folders of a monorepo.
pub struct Events {
    watcher: RecommendedWatcher,
    root: PathBuf,
    /// Folders that are left alone.
    skip: Vec<PathBuf>,
    /// Folders that are watched.
    folders: BTreeSet<PathBuf>,
    links: Vec<(PathBuf, PathBuf)>,
}

/// Whether each folder is watched on its own, so that some can be left out. Elsewhere the system watches trees.
const ONE_BY_ONE: bool = cfg!(any(target_os = "linux", target_os = "android"));

impl Events {
    /// Starts to watch a root, but for some folders in it; `tell` hears of changes from another thread.
    ///
    /// # Errors
    /// Where the system does not watch.
    pub fn start(
        root: &Path,
        skip: Vec<PathBuf>,
        tell: impl Fn(Signal) + Send + 'static,
    ) -> Result<Self, WatchError> {
        // Reading files is no change: builds would answer themselves.
        let config = Config::default().with_event_kinds(EventKindMask::CORE).with_follow_symlinks(false);
        let handler = move |event: notify::Result<Event>| match event {
            Ok(event) => signals(&event).into_iter().for_each(&tell),
            Err(error) => tell(match WatchError::of(&error) {
                WatchError::Limit => Signal::Failed(WatchError::Limit),
                WatchError::Refused(_) => Signal::Lost,
            }),
        };
        let watcher = RecommendedWatcher::new(handler, config).map_err(|error| WatchError::of(&error))?;
        let (folders, links) = (BTreeSet::new(), Vec::new());
        let mut events = Self { watcher, root: root.to_owned(), skip, folders, links };
        events.add_tree(root)?;
        Ok(events)
    }

    /// Where the links lead that were found in the monorepo; both absolute.
    #[must_use]
    pub fn links(&self) -> &[(PathBuf, PathBuf)] {
        &self.links
    }

    /// Looks closer at changes: which of them are about folders, and watches those that are new.
    ///
    /// # Errors
    /// Where the system does not watch.
    pub fn settle(&mut self, batch: &mut Batch) -> Result<(), WatchError> {
        let mut found = Vec::new();
        for change in &mut batch.changes {
            if !change.listed {
                // Whether what is in it may be read.
                change.folder = self.folders.contains(&change.path);
                continue;
            }
            let kind = fs::symlink_metadata(&change.path).map(|meta| meta.file_type());
            let is_folder = kind.as_ref().is_ok_and(fs::FileType::is_dir);
            // What a link leads to is another thing; where it was a folder, nobody would hear of it.
            let is_link = kind.as_ref().is_ok_and(fs::FileType::is_symlink);
            let was_link = self.links.iter().any(|(link, _)| *link == change.path);
            let was_folder = self.folders.contains(&change.path);
            change.folder = is_folder || is_link || was_link || was_folder || (change.folder && !ONE_BY_ONE);
            if change.folder {
                found.push(change.path.clone());
            }
        }
        if !found.is_empty() {
            // What stands on the way to their targets may have moved.
            let links = std::mem::take(&mut self.links);
            let links =
                links.into_iter().filter_map(|(link, _)| target_of(&link).map(|target| (link, target)));
            self.add_links(links)?;
        }
        for path in found {
            // What is below a folder follows it.
            let gone = self.folders.range(path.clone()..).take_while(|folder| folder.starts_with(&path));
            for folder in gone.cloned().collect::<Vec<_>>() {
                self.folders.remove(&folder);
            }
            self.links.retain(|(link, _)| !link.starts_with(&path));
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => self.add_tree(&path)?,
                Ok(meta) if meta.is_symlink() => {
                    self.add_links(target_of(&path).map(|target| (path, target)))?;
                }
                _ => {}
            }
        }
        if batch.lost {
            self.folders.clear();
            self.links.clear();
            self.add_tree(&self.root.clone())?;
        }
        Ok(())
    }

    /// Watches the folders of paths that are outside of the monorepo, as far as they are there. Those above it are left out:
    /// much happens there, and nothing that counts.
    ///
    /// # Errors
    /// Where the system does not watch.
    pub fn add_outside(&mut self, paths: &[PathBuf]) -> Result<(), WatchError> {
        let folders = paths.iter().filter_map(|path| path.ancestors().skip(1).find(|folder| folder.is_dir()));
        let folders: BTreeSet<PathBuf> =
            folders.filter(|folder| !self.root.starts_with(folder)).map(Path::to_owned).collect();
        self.add(folders.into_iter().filter(|folder| !self.folders.contains(folder)).collect())
    }

    /// Watches a folder and those below it, level by level: each is listed after it is watched, so that no folder comes
    /// unseen.
    fn add_tree(&mut self, path: &Path) -> Result<(), WatchError> {
        if !ONE_BY_ONE && path == self.root {
            let watched = self.watcher.watch(path, RecursiveMode::Recursive);
            watched.map_err(|error| WatchError::of(&error))?;
        }
        let mut level = vec![path.to_owned()];
        while !level.is_empty() {
            level.retain(|folder| !self.is_skipped(folder));
            let listed: Vec<_> = if ONE_BY_ONE {
                self.add(level.clone())?;
                level.par_iter().map(|folder| list(folder)).collect()
            } else {
                self.folders.extend(level.iter().cloned());
                level.par_iter().map(|folder| list(folder)).collect()
            };
            level.clear();
            for (folders, links) in listed {
                level.extend(folders);
                self.add_links(links)?;
            }
        }
        Ok(())
    }

    fn add_links(&mut self, links: impl IntoIterator<Item = (PathBuf, PathBuf)>) -> Result<(), WatchError> {
        for (link, target) in links {
            self.add_target(&target)?;
            self.links.push((link, target));
        }
        Ok(())
    }

    /// What a link leads to may be outside of the monorepo.
    fn add_target(&mut self, target: &Path) -> Result<(), WatchError> {
        if target.starts_with(&self.root) || self.root.starts_with(target) {
            return Ok(());
        }
        if !target.is_dir() {
            return self.add_outside(&[target.to_owned()]);
        }
        let known = self.folders.contains(target);
        if known { Ok(()) } else { self.add_tree(target) }
    }

    fn is_skipped(&self, folder: &Path) -> bool {
        folder.file_name().is_some_and(|name| name == ".git") || self.skip.iter().any(|skip| skip == folder)
    }

    /// Watches folders, those aside that are gone by now.
    fn add(&mut self, folders: Vec<PathBuf>) -> Result<(), WatchError> {
        let config = WatchPathConfig::new(RecursiveMode::NonRecursive);
        let operations = folders.iter().map(|folder| PathOp::Watch(folder.clone(), config.clone()));
        let mut rest: Vec<PathOp> = operations.collect();
        while let Err(error) = self.watcher.update_paths(std::mem::take(&mut rest)) {
            let gone = |path: &PathBuf| !path.is_dir();
            if !error.source.paths.iter().all(gone) || error.source.paths.is_empty() {
                return Err(WatchError::of(&error.source));
            }
            rest = error.remaining;
        }
        self.folders.extend(folders);
        Ok(())
    }
}

/// The folders in a folder, and its links with where they lead.
fn list(folder: &Path) -> (Vec<PathBuf>, Vec<(PathBuf, PathBuf)>) {
    let (mut folders, mut links) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folders.push(entry.path()),
            Ok(kind) if kind.is_symlink() => {
                links.extend(target_of(&entry.path()).map(|target| (entry.path(), target)));
            }
            _ => {}
        }
    }
    (folders, links)
}

/// Where a link leads, also if nothing is there yet.
fn target_of(link: &Path) -> Option<PathBuf> {
    let written = || Some(paths::join(link.parent()?, fs::read_link(link).ok()?));
    fs::canonicalize(link).ok().or_else(written)
}

/// What an event of the system means.
fn signals(event: &Event) -> Vec<Signal> {
    if event.need_rescan() {
        return vec![Signal::Lost];
    }
    let (listed, folder) = match event.kind {
        EventKind::Access(_) => return Vec::new(),
        EventKind::Create(CreateKind::File) | EventKind::Remove(RemoveKind::File) => (true, false),
        EventKind::Create(_) | EventKind::Remove(_) => (true, true),
        // Both ends were told before.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) if ONE_BY_ONE => return Vec::new(),
        EventKind::Modify(ModifyKind::Name(_)) => (true, true),
        EventKind::Modify(_) => (false, false),
        EventKind::Any | EventKind::Other => return vec![Signal::Lost],
    };
    let change = |path: &PathBuf| Signal::Changed(Change { path: path.clone(), listed, folder });
    event.paths.iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    struct Watched {
        root: PathBuf,
        events: Events,
        signals: Receiver<Signal>,
        _folder: tempfile::TempDir,
    }

    fn watched(folders: &[&str]) -> Watched {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("a real path");
        for path in folders {
            fs::create_dir_all(root.join(path)).expect("a folder");
        }
        let (tell, signals) = channel();
        let events = Events::start(&root, vec![root.join("out")], move |signal| {
            tell.send(signal).ok();
        });
        Watched { events: events.expect("a watcher"), root, signals, _folder: folder }
    }

    impl Watched {
        /// The next change below the root.
        fn next(&self) -> (String, Change) {
            match self.signals.recv_timeout(Duration::from_secs(60)) {
                Ok(Signal::Changed(change)) => {
                    let path = change.path.strip_prefix(&self.root).expect("a path below");
                    (path.to_string_lossy().into_owned(), change)
                }
                other => panic!("{other:?}"),
            }
        }

        /// What is told until a file of this name came or changed, by path.
        fn until(&self, path: &str) -> Vec<String> {
            let mut paths = vec![self.next().0];
            while paths.last().is_none_or(|last| last != path) {
                paths.push(self.next().0);
            }
            paths.dedup();
            paths
        }
    }

    #[test]
    fn folders_that_are_left_out_and_files_that_are_read_tell_nothing() {
        let watched = watched(&["a", "out", ".git/refs"]);
        fs::write(watched.root.join("out/x"), "x").expect("a file");
        fs::write(watched.root.join(".git/refs/x"), "x").expect("a file");
        fs::write(watched.root.join("a/x"), "x").expect("a file");
        assert_eq!(watched.until("a/x"), ["a/x"]);
        let _ = fs::read(watched.root.join("a/x"));
        fs::write(watched.root.join("a/y"), "y").expect("a file");
        assert!(!watched.until("a/y").iter().any(|path| path.starts_with("out")));
    }

    #[test]
    fn folders_that_come_are_watched_with_all_that_is_in_them() {
        let mut watched = watched(&["a"]);
        fs::create_dir_all(watched.root.join("a/b/c")).expect("a folder");
        let (path, change) = watched.next();
        assert!(path == "a/b" && change.folder && change.listed);
        watched.events.settle(&mut Batch { changes: vec![change], lost: false }).expect("settled");
        fs::write(watched.root.join("a/b/c/x"), "x").expect("a file");
        assert!(watched.until("a/b/c/x").len() < 3);
    }

    #[test]
    fn folders_are_told_from_files_when_they_move() {
        let mut watched = watched(&["a/b"]);
        fs::write(watched.root.join("a/x"), "x").expect("a file");
        watched.until("a/x");
        let change = |path: &str| Change { path: watched.root.join(path), listed: true, folder: true };
        let mut batch =
            Batch { changes: vec![change("a/b"), change("a/c"), change("a/x"), change("a/y")], lost: false };
        fs::rename(watched.root.join("a/b"), watched.root.join("a/c")).expect("renamed");
        fs::rename(watched.root.join("a/x"), watched.root.join("a/y")).expect("renamed");
        watched.events.settle(&mut batch).expect("settled");
        let folders: Vec<bool> = batch.changes.iter().map(|change| change.folder).collect();
        assert_eq!(folders, [true, true, false, false]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_known_with_where_they_lead() {
        let other = tempfile::tempdir().expect("a folder");
        let target = fs::canonicalize(other.path()).expect("a real path");
        let mut watched = watched(&["a"]);
        let link = watched.root.join("a/link");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        let (_, change) = watched.next();
        let mut batch = Batch { changes: vec![change], lost: false };
        watched.events.settle(&mut batch).expect("settled");
        assert!(batch.changes[0].folder);
        assert_eq!(watched.events.links(), [(link, target.clone())]);
        fs::write(target.join("x"), "x").expect("a file");
        let told = watched.signals.recv_timeout(Duration::from_secs(60));
        assert!(matches!(told, Ok(Signal::Changed(change)) if change.path == target.join("x")));
    }

    #[test]
    fn limits_of_the_system_are_said_with_what_to_do() {
        let error = WatchError::of(&notify::Error::new(ErrorKind::MaxFilesWatch));
        assert_eq!(error.message(), "the system refuses to watch so many folders");
        assert!(error.hint().contains("fs.inotify.max_user_watches"));
    }

    #[test]
    fn lost_events_are_told() {
        let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        assert!(matches!(signals(&lost)[..], [Signal::Lost]));
    }
}
