//! What can be wrong with a monorepo, as data; [`Problem::message`] and [`Problem::hints`] put it into words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use syntax::diag::Place;
use syntax::{Source, Span};

/// One thing that is wrong, and where.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The file or folder that shows it; absolute.
    pub path: PathBuf,
    /// The place in that file, where one is to blame.
    pub place: Option<Place>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// A file or folder cannot be read: what the operating system said.
    Unreadable(String),
    /// Nothing of that name.
    NotFound,
    /// A file that must be text is not; the first byte that shows it.
    NotUtf8(usize),
    /// A settings file is not YAML, or not of the form that settings have: what the parser said.
    Settings(String),
    /// `kcl.mod` is not TOML, or not of the form that it has: what the parser said.
    Manifest(String),
    /// An entry file that settings name is not there.
    MissingEntry(String),
    /// A stack without settings has no `main.k`.
    NoMain,
    /// A folder was given that has no `.k` files.
    NoPrograms,
    /// `${name:KCL_MOD}` with a name that no dependency has.
    UnknownModule(String),
    /// A dependency is not on this machine.
    NotVendored {
        /// Its name in `kcl.mod`.
        name: String,
        /// The folder name that it is looked for under, `k8s_1.31`.
        folder: String,
    },
    /// A dependency says neither a path nor a version.
    NoVersion(String),
    /// The folder of a dependency has no `kcl.mod`.
    NotAModule {
        /// Its name in `kcl.mod`.
        name: String,
        /// The folder.
        folder: PathBuf,
    },
    /// An option is not of the form `key=value`.
    BadOption(String),
    /// The name of a folder is not text.
    NameNotText,
    /// The artifact of a stack would have to be a folder for the sake of another stack's artifact.
    Collision {
        /// The artifact's path from the output folder.
        artifact: String,
        /// The stack that is in the way.
        other: String,
    },
}

impl Problem {
    /// A problem of a whole file or folder.
    #[must_use]
    pub fn new(kind: ProblemKind, path: impl Into<PathBuf>) -> Self {
        Self { kind, path: path.into(), place: None }
    }

    /// The same, at a place of it.
    #[must_use]
    pub fn at(mut self, source: &Arc<Source>, span: Span) -> Self {
        self.place = Some(Place { source: Arc::clone(source), span });
        self
    }

    /// The stable code that users look up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.kind {
            ProblemKind::Unreadable(_) | ProblemKind::NotFound => "M01",
            ProblemKind::NotUtf8(_) | ProblemKind::NameNotText => "M02",
            ProblemKind::Settings(_) | ProblemKind::BadOption(_) => "M03",
            ProblemKind::Manifest(_) => "M04",
            ProblemKind::MissingEntry(_) | ProblemKind::NoMain | ProblemKind::NoPrograms => "M05",
            ProblemKind::UnknownModule(_)
            | ProblemKind::NotVendored { .. }
            | ProblemKind::NoVersion(_)
            | ProblemKind::NotAModule { .. } => "M06",
            ProblemKind::Collision { .. } => "M07",
        }
    }

    /// One lower-case sentence; `show` writes a path as the user knows it.
    #[must_use]
    pub fn message(&self, show: &dyn Fn(&Path) -> String) -> String {
        let path = show(&self.path);
        match &self.kind {
            ProblemKind::Unreadable(why) => format!("cannot read `{path}`: {why}"),
            ProblemKind::NotFound => format!("there is no `{path}`"),
            ProblemKind::NotUtf8(at) => format!("`{path}` is not text in UTF-8: byte {at} cannot be read"),
            ProblemKind::Settings(why) => format!("`{path}` is not a settings file: {why}"),
            ProblemKind::Manifest(why) => format!("`{path}` is not a module file: {why}"),
            ProblemKind::MissingEntry(entry) => format!("there is no entry file `{entry}`"),
            ProblemKind::NoMain => format!("stack `{path}` has no `main.k`"),
            ProblemKind::NoPrograms => format!("folder `{path}` has no `.k` files"),
            ProblemKind::UnknownModule(name) => format!("`${{{name}:KCL_MOD}}` names no dependency"),
            ProblemKind::NotVendored { name, .. } => format!("dependency `{name}` is not on this machine"),
            ProblemKind::NoVersion(name) => format!("dependency `{name}` has neither a path nor a version"),
            ProblemKind::NotAModule { name, folder } => {
                format!("dependency `{name}` has no `kcl.mod` in `{}`", show(folder))
            }
            ProblemKind::BadOption(text) => format!("`{text}` is not an option of the form `key=value`"),
            ProblemKind::NameNotText => format!("the name of `{path}` is not text in UTF-8"),
            ProblemKind::Collision { artifact, other } => {
                format!("artifact `{artifact}` is in the way of the artifact of stack `{other}`")
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hint = match &self.kind {
            ProblemKind::Unreadable(_) => "check that it exists and that you may read it",
            ProblemKind::NotFound => "check the spelling, and the folder that you stand in",
            ProblemKind::NotUtf8(_) => "save the file as UTF-8",
            ProblemKind::Settings(_) => {
                "settings hold `kcl_options:`, a list of `key` and `value`, and `kcl_cli_configs:` with `file:`"
            }
            ProblemKind::Manifest(_) => {
                "a module file is TOML with `[package]`, `[profile]` and `[dependencies]`"
            }
            ProblemKind::MissingEntry(_) => {
                "entry files are named from the stack's folder, or with `${KCL_MOD}/`"
            }
            ProblemKind::NoMain => {
                "add a `main.k`, or list entry files in `kcl.yaml` under `kcl_cli_configs: file:`"
            }
            ProblemKind::NoPrograms => "give a `.k` file, or a folder that holds some",
            ProblemKind::UnknownModule(_) => "list it under `[dependencies]` in `kcl.mod`",
            ProblemKind::NotVendored { folder, .. } => {
                return vec![format!(
                    "run `kcl mod vendor` beside that `kcl.mod`, or put the package into `$KCL_PKG_PATH/{folder}`"
                )];
            }
            ProblemKind::NoVersion(_) => "write `name = \"1.0\"`, or `name = { path = \"../folder\" }`",
            ProblemKind::NotAModule { .. } => "a dependency is the folder that holds its `kcl.mod`",
            ProblemKind::BadOption(_) => "write `-D key=value`",
            ProblemKind::NameNotText | ProblemKind::Collision { .. } => "rename one of the folders",
        };
        vec![hint.to_owned()]
    }
}
