//! A text as it is written, and when to stop.

use crate::stdlib::Outcome;
use crate::value::ops::MAX_DEPTH;

/// What a writer has written, and whether it goes on.
///
/// Values that share their parts can be far larger than the memory they take. So the bytes of the text have a limit,
/// and so has the number of items that are looked at, for those that are left out cost time too.
pub struct Draft {
    text: String,
    /// The bytes that it may have.
    limit: usize,
    /// How many items may still be looked at.
    items: usize,
    /// How many collections the next value stands in.
    depth: usize,
    gave_up: Option<GaveUp>,
}

/// Why not all was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GaveUp {
    Depth,
    Bytes,
    Items,
}

impl Draft {
    /// An empty text that may have so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        // Each item that is written takes two bytes at least, so that a text without gaps is never refused for its items.
        Self { text: String::new(), limit, items: limit / 2, depth: 0, gave_up: None }
    }

    /// What is written so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes back what was written behind a place.
    pub(super) fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
    }

    /// Takes back the newline at the end.
    pub(crate) fn trim_newline(&mut self) {
        if self.text.ends_with('\n') {
            self.text.pop();
        }
    }

    /// Adds a character. It is not counted before the next string.
    pub(super) fn push(&mut self, char: char) {
        self.text.push(char);
    }

    /// Adds to the text, unless that makes it too long.
    pub fn push_str(&mut self, more: &str) {
        if self.text.len() + more.len() > self.limit {
            self.gave_up = Some(GaveUp::Bytes);
        } else {
            self.text.push_str(more);
        }
    }

    /// Steps into a collection of so many items, unless nothing more is to be written.
    pub(super) fn descend(&mut self, items: usize) -> bool {
        if self.depth >= MAX_DEPTH {
            self.gave_up = self.gave_up.or(Some(GaveUp::Depth));
        }
        match self.items.checked_sub(items) {
            Some(left) => self.items = left,
            None => self.gave_up = Some(GaveUp::Items),
        }
        let goes_on = self.gave_up.is_none();
        self.depth += usize::from(goes_on);
        goes_on
    }

    /// Leaves a collection.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// How many collections the next value stands in.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether it is of no use to write more.
    pub(super) fn is_full(&self) -> bool {
        matches!(self.gave_up, Some(GaveUp::Bytes | GaveUp::Items))
    }

    /// The text.
    ///
    /// # Errors
    /// Where not all of it was written.
    pub fn finish(self) -> Outcome<String> {
        match self.gave_up {
            Some(GaveUp::Depth) => Err("the value is nested too deeply to be written".into()),
            _ => self.finish_lossy(),
        }
    }

    /// The text; what is nested too deeply is not there.
    ///
    /// # Errors
    /// Where it is too long.
    pub(super) fn finish_lossy(self) -> Outcome<String> {
        match self.gave_up {
            Some(GaveUp::Items) => {
                Err(format!("the document is made from more than {} items", self.limit / 2).into())
            }
            _ if self.is_full() || self.text.len() > self.limit => {
                Err(format!("the document is longer than {} MiB", self.limit >> 20).into())
            }
            _ => Ok(self.text),
        }
    }
}
