//! Sources and places in them.

use std::sync::{Arc, OnceLock};

/// A range of bytes of a source. Half open; 0..0 where there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// From `start` to before `end`.
    #[must_use]
    pub fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// From the start of the one to the end of the other.
    #[must_use]
    pub fn to(self, end: Self) -> Self {
        Self { start: self.start, end: end.end }
    }
}

/// A file's text under the name that users know it by. At most 4 GiB.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    lines: OnceLock<Vec<u32>>,
    parts: Vec<(u32, Arc<Source>)>,
}

/// A place as people count it: both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineCol {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl Source {
    /// A source; `name` is shown in messages.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), lines: OnceLock::new(), parts: Vec::new() }
    }

    /// The same where parts of the text are from elsewhere: where they start, in order, and the source of each.
    #[must_use]
    pub fn with_parts(self, parts: Vec<(u32, Arc<Self>)>) -> Self {
        Self { parts, ..self }
    }

    /// The part that a byte is in, and where it starts; `None` where the text is of this source alone.
    #[must_use]
    pub fn part(&self, at: u32) -> Option<(u32, &Arc<Self>)> {
        let after = self.parts.partition_point(|(start, _)| *start <= at);
        let (start, part) = self.parts.get(after.checked_sub(1)?)?;
        Some((*start, part))
    }

    /// The name that users know it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span of this source; empty where the span does not fit.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line and column of a byte. O(log lines) after the first call.
    #[must_use]
    pub fn line_col(&self, at: u32) -> LineCol {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= at).max(1);
        let before = self.slice(Span::new(starts[line - 1], at));
        LineCol { line: line as u32, column: before.chars().count() as u32 + 1 }
    }

    /// The text of a line, counted from 1, without its end.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let starts = self.line_starts();
        let Some(start) = starts.get(line as usize - 1) else { return "" };
        let end = starts.get(line as usize).map_or(self.text.len() as u32, |next| *next);
        self.slice(Span::new(*start, end)).trim_end_matches(['\n', '\r'])
    }

    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect()
        })
    }
}
