//! What is kept of a build: one record a stack, small, and what many records share.
//!
//! Paths are kept from the stack's folder or from the monorepo's root, so that checkouts can share a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::{Digest, Short};
use kcl::lower::fingerprint::{Fingerprint, Kind, Part};
use kcl::world::Query;
use serde::{Deserialize, Serialize};
use syntax::Symbol;

use crate::monorepo::answers::Answer;
use crate::monorepo::paths;

/// What stacks that are laid out alike and import the same have in common.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Frame {
    /// The flags of a stack and its module root.
    pub(super) unit: Answer,
    /// The list of what the stack itself asked: [`Questions`], from its folder.
    pub(super) questions: Short,
    /// The packages that it imports, with what they asked: [`Packages`].
    pub(super) packages: Short,
    /// Where the imports of its own files lead, with what was asked to follow them: [`Packages`] of one.
    pub(super) ways: Short,
    /// The packages that its own files import, in order: what tells, for the same files, which packages it has now.
    pub(super) imports: [u8; 16],
    /// All that checking and lowering its own files could learn of packages: [`super::interface::Interface`]; none where it
    /// declares schemas or rules itself, or where something is said of a package.
    pub(super) interface: Option<Short>,
    /// All that evaluating the packages could come to, but for options and files.
    pub(super) reach: Option<[u8; 16]>,
}

/// What a stack's artifact depends on, and which one it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    /// Kept once for all that have the same, see [`Kept`].
    #[serde(skip)]
    pub(super) frame: Arc<Frame>,
    /// What the world answered to all of the questions of the stack itself.
    pub(super) answers: Answer,
    /// The fingerprint of the statements of its main package.
    pub(super) statements: [u8; 16],
    /// What else it used of its own files: [`OwnParts`].
    pub(super) own: Short,
    /// What it used of imported packages: [`super::used::Imported`].
    pub(super) imported: Short,
    /// Of the same by number, of the values, and of the packages of then: see [`super::traced`].
    pub(super) numbers: Answer,
    /// The values that it used of imported packages, as one digest; none where there are none.
    pub(super) values: Option<Answer>,
    /// The options that it asked for, with their values.
    pub(super) options: Vec<(String, Option<String>)>,
    /// What it asked of the files beside its sources, from its folder.
    pub(super) files: Vec<(Question, Answer)>,
    /// The options that only packages asked for which it imports and does not use, with their values.
    pub(super) idle_options: Vec<(String, Option<String>)>,
    /// The same for files.
    pub(super) idle_files: Vec<(Question, Answer)>,
    /// Whether it holds only as long as no file changes.
    pub(super) coarse: bool,
    /// The root that it was built in, where that counts.
    pub(super) location: Option<Answer>,
    /// Whether the checker said something that should be said again.
    pub(super) warned: bool,
    /// The digest of its artifact.
    pub(super) artifact: [u8; 32],
}

impl Record {
    /// All that the stack itself asked, and what was answered.
    pub(super) fn asked(&self) -> Answer {
        Answer::of(&encode(&(self.frame.questions, self.answers, &self.files, &self.idle_files)))
    }
}

/// A record with the digest of its frame, as it is kept.
pub(super) type Kept<R> = (Short, R);

/// A query in a form that moves with the monorepo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::build) enum Question {
    Content(String),
    Folder(String),
    IsFile(String),
    /// The folder, and the pattern from there.
    Glob(String, String),
}

/// What a stack asked, in order.
pub(in crate::build) type Questions = Vec<Question>;

/// The packages of a closure, in order.
pub(super) type Packages = Vec<PackageState>;

/// A package as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::build) struct PackageState {
    /// Where it is.
    pub(super) identity: String,
    /// What it asked, from the monorepo's root.
    pub(in crate::build) questions: Questions,
    /// What the world answered to all of these.
    pub(super) answers: Answer,
}

/// Parts that were used, with their fingerprints.
pub(super) type Parts = Vec<(PartName, [u8; 16])>;

/// What a stack used of its own files.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OwnParts {
    pub(super) used: Parts,
    /// What only checks used.
    pub(super) checks: Parts,
}

impl OwnParts {
    pub(super) fn all(&self) -> impl Iterator<Item = &(PartName, [u8; 16])> {
        self.used.iter().chain(&self.checks)
    }
}

/// A [`Part`] as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum PartName {
    Statements,
    Order(String),
    Names,
    Everything,
    Variable(String),
    Schema(String),
    Rule(String),
    Checks(String),
    Lambda(String, u32),
    Asserts(String, u32),
    Arms(String, String),
    Default(String, String, u32),
    Accepts(String, String, u32, u8),
    /// Before what is made of several attributes, so that it is named first.
    Attr(String, String),
    Keys(String, String),
    Shown(String, String),
    Listed(String),
    Mixins(String),
    Name(String),
}

impl Question {
    /// A query, with its path from a folder.
    pub(super) fn of(query: &Query, from: &Path) -> Self {
        let short = |path: &Path| paths::slashed(&paths::relative(from, path));
        match query {
            Query::Content(path) => Self::Content(short(path)),
            Query::Folder(path) => Self::Folder(short(path)),
            Query::IsFile(path) => Self::IsFile(short(path)),
            Query::Glob(folder, pattern) => Self::Glob(short(folder), pattern.clone()),
        }
    }

    /// The query, for somebody whose folder this is.
    pub(in crate::build) fn query(&self, from: &Path) -> Query {
        let whole = |path: &String| -> PathBuf { paths::join(from, path) };
        match self {
            Self::Content(path) => Query::Content(whole(path)),
            Self::Folder(path) => Query::Folder(whole(path)),
            Self::IsFile(path) => Query::IsFile(whole(path)),
            Self::Glob(folder, pattern) => Query::Glob(whole(folder), pattern.clone()),
        }
    }

    /// What it asks about, for people.
    pub(super) fn subject(&self) -> &str {
        match self {
            Self::Content(text) | Self::Folder(text) | Self::IsFile(text) | Self::Glob(_, text) => text,
        }
    }
}

impl From<Part> for PartName {
    fn from(part: Part) -> Self {
        match part {
            Part::Statements => Self::Statements,
            Part::Order(seen) => Self::Order(seen.to_string()),
            Part::Names => Self::Names,
            Part::Everything => Self::Everything,
            Part::Variable(name) => Self::Variable(name.to_string()),
            Part::Schema(name) => Self::Schema(name.to_string()),
            Part::Rule(name) => Self::Rule(name.to_string()),
            Part::Checks(name) => Self::Checks(name.to_string()),
            Part::Lambda(name, number) => Self::Lambda(name.to_string(), number),
            Part::Asserts(name, number) => Self::Asserts(name.to_string(), number),
            Part::Arm(name, number) => Self::Arms(name.to_string(), number.to_string()),
            Part::Arms(name, numbers) => Self::Arms(name.to_string(), numbers.to_string()),
            Part::Default(schema, attr, which) => Self::Default(schema.to_string(), attr.to_string(), which),
            Part::Accepts(schema, attr, which, kind) => {
                Self::Accepts(schema.to_string(), attr.to_string(), which, kind as u8)
            }
            Part::Keys(schema, names) => Self::Keys(schema.to_string(), names.joined().to_string()),
            Part::Shown(schema, names) => Self::Shown(schema.to_string(), names.joined().to_string()),
            Part::Listed(schema) => Self::Listed(schema.to_string()),
            Part::Mixins(schema) => Self::Mixins(schema.to_string()),
            Part::Attr(schema, name) => Self::Attr(schema.to_string(), name.to_string()),
            Part::Name(name) => Self::Name(name.to_string()),
        }
    }
}

impl PartName {
    /// The part, as programs know it.
    pub(super) fn part(&self) -> Part {
        match self {
            Self::Statements => Part::Statements,
            Self::Order(seen) => Part::Order(Symbol::new(seen)),
            Self::Names => Part::Names,
            Self::Everything => Part::Everything,
            Self::Variable(name) => Part::Variable(Symbol::new(name)),
            Self::Schema(name) => Part::Schema(Symbol::new(name)),
            Self::Rule(name) => Part::Rule(Symbol::new(name)),
            Self::Checks(name) => Part::Checks(Symbol::new(name)),
            Self::Lambda(name, number) => Part::Lambda(Symbol::new(name), *number),
            Self::Asserts(name, number) => Part::Asserts(Symbol::new(name), *number),
            Self::Arms(name, numbers) => Part::Arms(Symbol::new(name), Symbol::new(numbers)),
            Self::Default(schema, attr, which) => {
                Part::Default(Symbol::new(schema), Symbol::new(attr), *which)
            }
            Self::Accepts(schema, attr, which, kind) => {
                let kind = Kind::ALL.get(usize::from(*kind)).copied().unwrap_or(Kind::Other);
                Part::Accepts(Symbol::new(schema), Symbol::new(attr), *which, kind)
            }
            Self::Keys(schema, names) => Part::Keys(Symbol::new(schema), Symbol::new(names).into()),
            Self::Shown(schema, names) => Part::Shown(Symbol::new(schema), Symbol::new(names).into()),
            Self::Listed(schema) => Part::Listed(Symbol::new(schema)),
            Self::Mixins(schema) => Part::Mixins(Symbol::new(schema)),
            Self::Attr(schema, name) => Part::Attr(Symbol::new(schema), Symbol::new(name)),
            Self::Name(name) => Part::Name(Symbol::new(name)),
        }
    }
}

/// The bytes that something is kept as.
pub(in crate::build) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Plain data always has a form in bytes.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// What some bytes say; `None` where they are of another shape.
pub(in crate::build) fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

/// One answer for a list of them.
pub(super) fn joined(answers: impl Iterator<Item = Answer>) -> Answer {
    let bytes: Vec<u8> = answers.flat_map(|answer| answer.0).collect();
    Answer::of(&bytes)
}

/// A digest from a record.
pub(super) fn digest(bytes: &[u8; 32]) -> Digest {
    Digest::from_bytes(*bytes)
}

/// Whether a part has the same fingerprint still.
pub(super) fn is_same(now: Option<Fingerprint>, before: &[u8; 16]) -> bool {
    now.is_some_and(|now| now.0 == *before)
}
