//! Reading the small files that describe a monorepo.

use std::path::Path;
use std::sync::Arc;

use kcl::world::{World, WorldError};
use serde::de::DeserializeOwned;
use syntax::{Source, Span};

use super::problem::{Problem, ProblemKind};

/// The text of a file; `None` where there is none.
pub(crate) fn text(world: &dyn World, path: &Path) -> Result<Option<Arc<Source>>, Problem> {
    match world.source(path) {
        Ok(source) => Ok(Some(source)),
        Err(WorldError::NotFound) => Ok(None),
        Err(error) => Err(Problem::new(unreadable(error), path)),
    }
}

/// Why a file cannot be read.
pub(super) fn unreadable(error: WorldError) -> ProblemKind {
    match error {
        WorldError::NotFound => ProblemKind::NotFound,
        WorldError::NotUtf8(at) => ProblemKind::NotUtf8(at),
        WorldError::Refused(why) | WorldError::Failed(why) => ProblemKind::Unreadable(why),
    }
}

/// How many aliases a file may have. Nobody writes that many, and aliases of aliases make gigabytes of a few lines.
const MOST_ALIASES: usize = 1000;

/// How many `*name` a text has, those in comments and strings included.
fn aliases(text: &str) -> usize {
    let starts = |(before, after): (char, char)| {
        !before.is_alphanumeric() && (after.is_alphanumeric() || "_-".contains(after))
    };
    let around = |(at, _): (usize, &str)| {
        Some((text[..at].chars().next_back().unwrap_or(' '), text[at + 1..].chars().next()?))
    };
    text.match_indices('*').filter_map(around).filter(|it| starts(*it)).count()
}

/// The content of a YAML file; that of an empty one is the default.
pub(super) fn yaml<T: DeserializeOwned + Default>(source: &Arc<Source>, path: &Path) -> Result<T, Problem> {
    if aliases(source.text()) > MOST_ALIASES {
        let why = format!("it has more than {MOST_ALIASES} aliases");
        return Err(Problem::new(ProblemKind::Settings(why), path).at(source, point(source, 0)));
    }
    if kcl::stdlib::nested_too_deep(source.text()) {
        return Err(Problem::new(ProblemKind::Settings("it is nested too deeply".to_owned()), path)
            .at(source, point(source, 0)));
    }
    serde_yaml_ng::from_str::<Option<T>>(source.text()).map(Option::unwrap_or_default).map_err(|error| {
        let at = error.location().map_or(0, |place| place.index());
        let text = error.to_string();
        // The place follows in the diagnostic; the library has it at the end of its sentence.
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        Problem::new(ProblemKind::Settings(why), path).at(source, point(source, at))
    })
}

/// The content of a TOML file.
pub(super) fn toml<T: DeserializeOwned>(source: &Arc<Source>, path: &Path) -> Result<T, Problem> {
    toml::from_str(source.text()).map_err(|error| {
        let span = error.span().map_or(Span::default(), |range| span(range.start, range.end));
        let why = error.message().replace('\n', ", ");
        Problem::new(ProblemKind::Manifest(why), path).at(source, span)
    })
}

/// The character at a byte, or the last one.
fn point(source: &Source, at: usize) -> Span {
    let last = source.text().trim_end().len().saturating_sub(1);
    let mut start = at.min(last);
    while !source.text().is_char_boundary(start) {
        start -= 1;
    }
    let len = source.text()[start..].chars().next().map_or(0, char::len_utf8);
    span(start, start + len)
}

/// Sources are smaller than 4 GiB.
pub(super) fn span(start: usize, end: usize) -> Span {
    Span::new(start as u32, end as u32)
}
