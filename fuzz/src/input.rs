//! Inputs, and where they come from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

/// What a target is run with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    /// The folder that it is taken to lie in; empty where that does not matter.
    pub folder: PathBuf,
    /// The text. Whatever is not UTF-8 never gets beyond the reading of a file.
    pub text: String,
}

/// The first line of a saved input that lies in a folder.
const AT: &str = "# at: ";

/// Between the cases of a file of the suite.
const CASE: &str = "# --- ";

/// Longer files are left out: a mutation rarely hits anything in them.
const MAX_FILE: u64 = 64 << 10;

impl Input {
    /// An input as it is saved.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.folder.as_os_str().is_empty() {
            return self.text.clone();
        }
        format!("{AT}{}\n{}", self.folder.display(), self.text)
    }

    /// An input that was saved.
    #[must_use]
    pub fn from_text(saved: &str) -> Self {
        let at = saved.strip_prefix(AT).and_then(|rest| rest.split_once('\n'));
        match at {
            Some((folder, text)) => Self { folder: folder.into(), text: text.to_owned() },
            None => Self { folder: PathBuf::new(), text: saved.to_owned() },
        }
    }

    /// Reads an input that was saved.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::from_text(&String::from_utf8_lossy(&fs::read(path)?)))
    }
}

/// The inputs to begin with.
#[derive(Debug, Default)]
pub struct Corpus {
    /// What is mutated.
    pub inputs: Vec<Input>,
    /// All files of the folders that programs may import, with their text.
    pub files: Vec<(PathBuf, Arc<syntax::Source>)>,
}

impl Corpus {
    /// Reads folders in the order of their paths; files with one of these extensions become inputs.
    ///
    /// # Errors
    /// Where a folder cannot be read.
    pub fn read(folders: &[PathBuf], extensions: &[&str]) -> io::Result<Self> {
        let mut corpus = Self::default();
        for folder in folders {
            let folder = folder.canonicalize()?;
            for entry in WalkDir::new(folder).sort_by_file_name() {
                let entry = entry?;
                let extension = entry.path().extension().and_then(|it| it.to_str()).unwrap_or_default();
                let wanted = extensions.contains(&extension) || extension == "mod";
                if !wanted || entry.metadata()?.len() > MAX_FILE {
                    continue;
                }
                // A corpus may well hold files that are not text; they are no use here.
                let Ok(text) = fs::read_to_string(entry.path()) else { continue };
                if extensions.contains(&extension) {
                    corpus.add(entry.path(), &text);
                }
                let source = syntax::Source::new(entry.path().display().to_string(), text);
                corpus.files.push((entry.into_path(), Arc::new(source)));
            }
        }
        Ok(corpus)
    }

    /// Adds the cases of a file, or the file as a whole.
    fn add(&mut self, path: &Path, text: &str) {
        let folder = path.parent().unwrap_or(path);
        for case in text.split(CASE) {
            let case = Input::from_text(case);
            let placed = !case.folder.as_os_str().is_empty();
            self.inputs.push(if placed { case } else { Input { folder: folder.to_owned(), ..case } });
        }
    }
}
