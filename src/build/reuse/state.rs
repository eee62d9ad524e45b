//! What a checkout remembers of its files: stamps of sources and of artifacts, in one snapshot. What builds of few
//! stacks add to that is beside it, so that they neither read nor write all of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cache::{Digest, snapshot};
use serde::{Deserialize, Serialize};

use super::record::{decode, encode};
use crate::monorepo::answers::{Answer, Known, Stamp};

/// The shape of the snapshot, and of what is beside it; another one counts as none.
const VERSION: u32 = 2;

/// The artifacts that builds have written, with the stamps and digests that they had. By their paths as text, which compares ten times
/// as fast.
pub type Artifacts = BTreeMap<OsString, (Option<Stamp>, Digest)>;

/// What a checkout remembers.
#[derive(Debug, Default)]
pub struct State {
    /// Files that were read.
    pub files: Known,
    /// Artifacts that were written.
    pub artifacts: Artifacts,
}

/// A [`State`] as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    files: Vec<(String, Stamp, Answer)>,
    artifacts: KeptArtifacts,
}

type KeptArtifacts = Vec<(String, Option<Stamp>, [u8; 32])>;

/// What was added to a state.
#[derive(Serialize, Deserialize)]
struct More {
    /// The digest of the state.
    to: [u8; 32],
    artifacts: KeptArtifacts,
}

/// How many artifacts are kept beside a state.
const BESIDE: usize = 1024;

impl State {
    /// What the snapshot of a checkout says; nothing where there is none, or a damaged one.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let Some(kept) = snapshot::read(path, VERSION) else { return Self::default() };
        let more = More::read(path, kept.digest);
        let Some(Kept { files, artifacts }) = decode::<Kept>(&kept.bytes) else { return Self::default() };
        let files = files.into_iter().map(|(path, stamp, answer)| (path.into(), (stamp, answer)));
        let mut artifacts = artifacts_of(artifacts);
        artifacts.extend(more);
        Self { files: files.collect(), artifacts }
    }

    /// Adds artifacts to the snapshot of a checkout.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn add(path: &Path, artifacts: Artifacts) -> io::Result<()> {
        let state = snapshot::digest(path);
        let mut more = state.map(|to| More::read(path, to)).unwrap_or_default();
        more.extend(artifacts);
        match state.filter(|_| more.len() <= BESIDE) {
            Some(to) => {
                let more = More { to: *to.as_bytes(), artifacts: kept(&more) };
                snapshot::write(&beside(path), VERSION, &encode(&more))
            }
            None => {
                let mut state = Self::read(path);
                state.artifacts.extend(more);
                state.write(path)
            }
        }
    }

    /// What tells a snapshot, and what was added to it, from others.
    #[must_use]
    pub fn stamps(path: &Path) -> [Option<Stamp>; 2] {
        [Stamp::of(path), Stamp::of(&beside(path))]
    }

    /// Writes the snapshot. Paths that are not text are left out: they are read again.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut files: Vec<_> = self
            .files
            .iter()
            .filter_map(|(path, (stamp, answer))| Some((path.to_str()?.to_owned(), *stamp, *answer)))
            .collect();
        files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let kept = Kept { files, artifacts: kept(&self.artifacts) };
        if let Some(folder) = path.parent() {
            cache::prepare(folder)?;
        }
        snapshot::write(path, VERSION, &encode(&kept))?;
        // What was added to an earlier state would count again, should this one be the same.
        fs::remove_file(beside(path)).ok();
        Ok(())
    }
}

impl More {
    /// What was added to the state of a digest.
    fn read(path: &Path, to: Digest) -> Artifacts {
        let more = snapshot::read(&beside(path), VERSION).and_then(|more| decode::<Self>(&more.bytes));
        let more = more.filter(|more| more.to == *to.as_bytes());
        more.map(|more| artifacts_of(more.artifacts)).unwrap_or_default()
    }
}

/// Where additions to a state are.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("more")
}

fn artifacts_of(kept: KeptArtifacts) -> Artifacts {
    let artifact = |(path, stamp, digest): (String, _, _)| (path.into(), (stamp, Digest::from_bytes(digest)));
    kept.into_iter().map(artifact).collect()
}

fn kept(artifacts: &Artifacts) -> KeptArtifacts {
    let kept = artifacts
        .iter()
        .filter_map(|(path, (stamp, digest))| Some((path.to_str()?.to_owned(), *stamp, *digest.as_bytes())));
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(names: &[(&str, &[u8])]) -> Artifacts {
        names.iter().map(|(name, bytes)| (OsString::from(name), (None, Digest::of(bytes)))).collect()
    }

    #[test]
    fn what_is_added_counts_for_that_state_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        let state = |artifacts| State { files: Known::default(), artifacts };
        state(artifacts(&[("a", b"1"), ("b", b"1")])).write(&path).expect("written");
        State::add(&path, artifacts(&[("b", b"2")])).expect("added");
        State::add(&path, artifacts(&[("c", b"3")])).expect("added");
        assert_eq!(State::read(&path).artifacts, artifacts(&[("a", b"1"), ("b", b"2"), ("c", b"3")]));
        for text in [b"4", b"1"] {
            let whole = artifacts(&[("a", text), ("b", b"1")]);
            state(whole.clone()).write(&path).expect("written");
            assert_eq!(State::read(&path).artifacts, whole);
        }
    }

    #[test]
    fn much_is_not_kept_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        State::add(&path, artifacts(&[("a", b"1")])).expect("there was none");
        let many: Artifacts =
            (0..=BESIDE).map(|at| (format!("b{at}").into(), (None, Digest::of(b"2")))).collect();
        State::add(&path, many).expect("added");
        assert!(!beside(&path).exists());
        assert_eq!(State::read(&path).artifacts.len(), BESIDE + 2);
    }
}
