//! A world in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kcl::world::{Files, Timestamp, World, WorldError};
use syntax::Source;

/// Files by path, and one that changes from run to run. Time stands still, chance is no chance.
#[derive(Default)]
pub(crate) struct MemoryWorld {
    files: BTreeMap<PathBuf, Arc<Source>>,
    folders: BTreeMap<PathBuf, Arc<[String]>>,
    /// The file under test. No folder lists it, so that no package holds on to it.
    pub(crate) tested: Vec<(PathBuf, Arc<Source>)>,
}

impl MemoryWorld {
    pub(crate) fn new(files: &[(PathBuf, Arc<Source>)]) -> Self {
        let mut folders: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
        for (path, _) in files {
            for inner in path.ancestors() {
                let (Some(folder), Some(name)) = (inner.parent(), inner.file_name()) else { break };
                folders.entry(folder.to_owned()).or_default().insert(name.to_string_lossy().into_owned());
            }
        }
        let folders = folders.into_iter().map(|(path, names)| (path, names.into_iter().collect()));
        Self { files: files.iter().cloned().collect(), folders: folders.collect(), tested: Vec::new() }
    }

    fn get(&self, path: &Path) -> Option<&Arc<Source>> {
        let tested = self.tested.iter().find(|(tested, _)| tested == path).map(|(_, source)| source);
        tested.or_else(|| self.files.get(path))
    }
}

fn refused<T>() -> Result<T, WorldError> {
    Err(WorldError::Refused("this world does not change".to_owned()))
}

impl World for MemoryWorld {
    fn source(&self, path: &Path) -> Result<Arc<Source>, WorldError> {
        self.get(path).cloned().ok_or(WorldError::NotFound)
    }

    fn folder(&self, path: &Path) -> Option<Arc<[String]>> {
        self.folders.get(path).cloned()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.get(path).is_some()
    }

    fn files(&self) -> &dyn Files {
        self
    }

    fn now(&self) -> Timestamp {
        Timestamp { seconds: 1_700_000_000, nanos: 123_456_789, offset: 7_200 }
    }

    fn random(&self) -> [u8; 16] {
        [7; 16]
    }

    fn env(&self, _name: &str) -> Option<String> {
        None
    }
}

impl Files for MemoryWorld {
    fn read(&self, path: &Path) -> Result<Vec<u8>, WorldError> {
        self.source(path).map(|source| source.text().as_bytes().to_vec())
    }

    fn glob(&self, _pattern: &str) -> Result<Vec<PathBuf>, WorldError> {
        Ok(self.files.keys().take(3).cloned().collect())
    }

    fn real(&self, path: &Path) -> Result<PathBuf, WorldError> {
        Ok(path.to_owned())
    }

    fn exists(&self, path: &Path) -> bool {
        self.is_file(path) || self.folder(path).is_some()
    }

    fn size(&self, path: &Path) -> Result<u64, WorldError> {
        self.source(path).map(|source| source.text().len() as u64)
    }

    fn write(&self, _path: &Path, _bytes: &[u8], _append: bool) -> Result<(), WorldError> {
        refused()
    }

    fn mkdir(&self, _path: &Path) -> Result<(), WorldError> {
        refused()
    }

    fn delete(&self, _path: &Path) -> Result<(), WorldError> {
        refused()
    }

    fn copy(&self, _from: &Path, _to: &Path) -> Result<(), WorldError> {
        refused()
    }

    fn rename(&self, _from: &Path, _to: &Path) -> Result<(), WorldError> {
        refused()
    }
}
