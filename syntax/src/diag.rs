//! Diagnostics as data; only the command line turns them into text and prints them.

use std::sync::Arc;

use crate::source::{Source, Span};

/// What kind of problem: the stable code that users look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// E1001: the text is not KCL.
    InvalidSyntax,
    /// E1003: indentation that fits no block.
    Indentation,
    /// E2F04: an import that leads nowhere.
    CannotFindModule,
    /// E2G22: types do not fit.
    Type,
    /// E2L23: undefined names, unknown members, arity, cycles.
    Compile,
    /// E1001: a public variable is set again.
    Immutable,
    /// E2A31: a config entry that its place does not take.
    IllegalAttribute,
    /// E2L28: one name for two things.
    UniqueKey,
    /// E2D34: a schema extends what cannot be extended.
    IllegalInherit,
    /// E1001: packages that import each other in a circle.
    RecursiveLoad,
    /// E1001: parameters in a wrong order or repeated.
    IllegalParameter,
    /// E1001: an index signature that contradicts its schema.
    IndexSignature,
    /// E1001: a name of the wrong form.
    Name,
    /// E3M38: the program failed while it ran.
    Evaluation,
    /// W1001: legal, but hardly meant.
    Warning,
}

impl Code {
    /// The code as it is written, `E2G22`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSyntax
            | Self::Immutable
            | Self::RecursiveLoad
            | Self::IllegalParameter
            | Self::IndexSignature
            | Self::Name => "E1001",
            Self::Indentation => "E1003",
            Self::CannotFindModule => "E2F04",
            Self::Type => "E2G22",
            Self::Compile => "E2L23",
            Self::IllegalAttribute => "E2A31",
            Self::UniqueKey => "E2L28",
            Self::IllegalInherit => "E2D34",
            Self::Evaluation => "E3M38",
            Self::Warning => "W1001",
        }
    }

    /// The name of the kind, `TypeError`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidSyntax => "InvalidSyntax",
            Self::Indentation => "IndentationError",
            Self::CannotFindModule => "CannotFindModule",
            Self::Type => "TypeError",
            Self::Compile => "CompileError",
            Self::Immutable => "ImmutableError",
            Self::IllegalAttribute => "IllegalAttributeError",
            Self::UniqueKey => "UniqueKeyError",
            Self::IllegalInherit => "IllegalInheritError",
            Self::RecursiveLoad => "RecursiveLoad",
            Self::IllegalParameter => "IllegalParameterError",
            Self::IndexSignature => "IndexSignatureError",
            Self::Name => "NameError",
            Self::Evaluation => "EvaluationError",
            Self::Warning => "CompilerWarning",
        }
    }

    /// Whether it refuses the program.
    #[must_use]
    pub fn is_error(self) -> bool {
        self != Self::Warning
    }
}

/// A place in a source.
#[derive(Debug, Clone)]
pub struct Place {
    /// The source.
    pub source: Arc<Source>,
    /// Where in it.
    pub span: Span,
}

impl Place {
    /// The same place in the source that the text there is from.
    #[must_use]
    pub fn origin(&self) -> Self {
        let Some((start, part)) = self.source.part(self.span.start) else { return self.clone() };
        let span = Span::new(self.span.start - start, self.span.end.saturating_sub(start));
        Self { source: Arc::clone(part), span }
    }
}

/// A place with a remark.
#[derive(Debug, Clone)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there; one lower-case sentence.
    pub text: String,
}

/// One problem.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// What kind of problem.
    pub code: Code,
    /// One lower-case sentence without a full stop, the user's text in backticks.
    pub message: String,
    /// Where; absent for what no line is to blame for.
    pub place: Option<Place>,
    /// Other places involved, and the way that led here, innermost first.
    pub notes: Vec<Label>,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// A problem at a place.
    #[must_use]
    pub fn new(code: Code, source: &Arc<Source>, span: Span, message: impl Into<String>) -> Self {
        let place = Some(Place { source: Arc::clone(source), span });
        Self { code, message: message.into(), place, notes: Vec::new(), hints: Vec::new() }
    }

    /// A problem without a place.
    #[must_use]
    pub fn placeless(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None, notes: Vec::new(), hints: Vec::new() }
    }

    /// The same, with another place involved.
    #[must_use]
    pub fn note(mut self, source: &Arc<Source>, span: Span, text: impl Into<String>) -> Self {
        let place = Place { source: Arc::clone(source), span };
        self.notes.push(Label { place, text: text.into() });
        self
    }

    /// The same, with advice.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }
}
