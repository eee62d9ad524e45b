//! What a checkout remembers of its files: stamps of sources and of artifacts, in one snapshot.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use cache::{Digest, snapshot};
use serde::{Deserialize, Serialize};

use super::record::{decode, encode};
use crate::monorepo::answers::{Answer, Known, Stamp};

/// The shape of the snapshot; another one counts as none.
const VERSION: u32 = 1;

/// The artifacts that builds have written, by their path, with the stamps and digests that they had.
pub type Artifacts = BTreeMap<PathBuf, (Option<Stamp>, Digest)>;

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
    artifacts: Vec<(String, Option<Stamp>, [u8; 32])>,
}

impl State {
    /// What the snapshot of a checkout says; nothing where there is none, or a damaged one.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let kept = snapshot::read(path, VERSION).and_then(|bytes| decode::<Kept>(&bytes));
        let Some(Kept { files, artifacts }) = kept else { return Self::default() };
        let files = files.into_iter().map(|(path, stamp, answer)| (path.into(), (stamp, answer)));
        let artifacts = artifacts.into_iter();
        let artifacts =
            artifacts.map(|(path, stamp, digest)| (path.into(), (stamp, Digest::from_bytes(digest))));
        Self { files: files.collect(), artifacts: artifacts.collect() }
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
        let artifacts = self.artifacts.iter().filter_map(|(path, (stamp, digest))| {
            Some((path.to_str()?.to_owned(), *stamp, *digest.as_bytes()))
        });
        let kept = Kept { files, artifacts: artifacts.collect() };
        if let Some(folder) = path.parent() {
            cache::prepare(folder)?;
        }
        snapshot::write(path, VERSION, &encode(&kept))
    }
}
