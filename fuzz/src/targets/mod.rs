//! What is run with inputs.

mod evaluator;
mod parser;
mod settings;

use std::time::Duration;

use clap::ValueEnum;
use syntax::{Diagnostic, Source, Span};

use crate::input::{Corpus, Input};

/// What is run with inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// The parser: every place in its tree and its messages lies in the text
    Parser,
    /// The whole compiler, from program to document
    Evaluator,
    /// The readers of `kcl.yaml`, `kcl.mod`, `project.yaml` and selectors
    Settings,
}

/// What an input came to: the kinds of result and message. One that was not seen before makes an input worth keeping.
pub type Features = Vec<String>;

/// Runs inputs.
pub trait Subject {
    /// Runs an input. May panic, which is a finding.
    ///
    /// # Errors
    /// What is wrong with what came of it, which is a finding too.
    fn run(&mut self, input: &Input) -> Result<Features, String>;
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Parser, Self::Evaluator, Self::Settings];

    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parser => "parser",
            Self::Evaluator => "evaluator",
            Self::Settings => "settings",
        }
    }

    /// How long a run may take.
    #[must_use]
    pub fn limit(self) -> Duration {
        match self {
            Self::Parser | Self::Settings => Duration::from_secs(1),
            Self::Evaluator => Duration::from_secs(5),
        }
    }

    /// The files that are inputs.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Parser | Self::Evaluator => &["k"],
            Self::Settings => &["yaml", "mod", "txt"],
        }
    }

    /// Words that mean something to it.
    #[must_use]
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Parser | Self::Evaluator => parser::WORDS,
            Self::Settings => settings::WORDS,
        }
    }

    /// What runs inputs.
    #[must_use]
    pub fn subject(self, corpus: &Corpus) -> Box<dyn Subject> {
        match self {
            Self::Parser => Box::new(parser::Parser),
            Self::Evaluator => Box::new(evaluator::Evaluator::new(corpus)),
            Self::Settings => Box::new(settings::Settings::new()),
        }
    }
}

/// A place must lie in its text, between characters.
fn check_span(source: &Source, span: Span, of: &str) -> Result<(), String> {
    let (start, end) = (span.start as usize, span.end as usize);
    match source.text().get(start..end) {
        Some(_) => Ok(()),
        None => Err(format!("the place {start}..{end} of {of} is not in the text")),
    }
}

/// The kinds of messages, whose places must lie in their texts.
fn check_all(problems: &[Diagnostic]) -> Result<Features, String> {
    let mut features = Vec::new();
    for problem in problems {
        for place in problem.place.iter().chain(problem.notes.iter().map(|note| &note.place)) {
            check_span(&place.source, place.span, &problem.message)?;
            let at = place.source.line_col(place.span.start);
            let _ = place.source.line(at.line);
        }
        features.push(kind(&problem.message));
    }
    Ok(features)
}

/// A message without what it quotes.
fn kind(message: &str) -> String {
    let unquoted = message.split('`').step_by(2);
    let mut kind: String = unquoted.collect();
    kind.retain(|letter| !letter.is_ascii_digit());
    kind.truncate(kind.char_indices().nth(60).map_or(kind.len(), |(at, _)| at));
    kind
}
