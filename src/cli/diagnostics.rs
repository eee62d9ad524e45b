//! Diagnostics for people: those of programs and those of the monorepo in one form, each said once.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use syntax::Diagnostic;
use syntax::diag::Place;

use super::error::Refusal;
use super::text::{count, some_of};
use super::ui::{Style, Ui};
use crate::apply::mask;
use crate::monorepo::rules::{Finding, Level};
use crate::monorepo::{DiskWorld, Problem};

/// A diagnostic as text and machine output have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    severity: &'static str,
    code: String,
    message: String,
    #[serde(flatten)]
    place: ShownPlace,
    notes: Vec<ShownNote>,
    hints: Vec<String>,
    /// The stacks that it refuses.
    stacks: Vec<String>,
}

/// A place. Nothing of it is known where no file is to blame, and only the file where no line is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub(crate) struct ShownPlace {
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    width: usize,
    /// Whether something is hidden in the line, so that columns are elsewhere in it.
    #[serde(skip)]
    shifted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShownNote {
    /// What it says.
    pub(crate) message: String,
    /// Where.
    #[serde(flatten)]
    pub(crate) place: ShownPlace,
}

impl ShownPlace {
    fn new(place: &Place) -> Self {
        let place = place.origin();
        let at = place.source.line_col(place.span.start);
        let line = place.source.line(at.line);
        let rest = line.chars().count().saturating_sub(at.column as usize - 1);
        let width = place.source.slice(place.span).chars().count().min(rest).max(1);
        // Only what is quoted is a value; `password: str` says nothing.
        let text = if line.contains(['"', '\'']) { mask::text(line) } else { Cow::Borrowed(line) };
        let (text, shifted) = (text.to_string(), text != line);
        let file = Some(place.source.name().to_owned());
        Self { file, line: Some(at.line), column: Some(at.column), text, width, shifted }
    }

    fn of_file(path: String) -> Self {
        Self { file: Some(path), ..Self::default() }
    }

    /// The file to blame.
    pub(crate) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The place in the file; both count from 1.
    pub(crate) fn line_column(&self) -> Option<(u32, u32)> {
        self.line.zip(self.column)
    }

    /// Its line, in which no secret stands.
    pub(crate) fn source(&self) -> &str {
        &self.text
    }

    /// What stands below its line: the place is below its first character. Nothing where columns are not what they were.
    pub(crate) fn caret(&self) -> Option<(String, String)> {
        let column = self.column.filter(|_| !self.shifted)? as usize;
        // Tabs stay tabs, so that the caret stands below its character whatever a tab is.
        let before = self.text.chars().take(column - 1);
        let indent = before.map(|it| if it == '\t' { '\t' } else { ' ' }).collect();
        Some((indent, "^".repeat(self.width)))
    }

    /// The column after its last character, if it has a line.
    pub(crate) fn end_column(&self) -> Option<u32> {
        self.column.map(|column| column.saturating_add(u32::try_from(self.width).unwrap_or(1)))
    }
}

impl Shown {
    /// Something that is wrong with a file, or with nothing in particular.
    pub(crate) fn error(code: &str, message: String, file: Option<String>, hints: Vec<String>) -> Self {
        let place = file.map_or_else(ShownPlace::default, ShownPlace::of_file);
        let code = code.to_owned();
        Self { severity: "error", code, message, place, notes: Vec::new(), hints, stacks: Vec::new() }
    }

    /// Something that people may want to know, although nothing failed.
    pub(crate) fn warning(code: &str, message: String, hints: Vec<String>) -> Self {
        Self { severity: "warning", ..Self::error(code, message, None, hints) }
    }

    /// What a store has to say.
    pub(crate) fn notice(notice: &cache::Notice) -> Self {
        let hints = notice.hint().map(str::to_owned).into_iter().collect();
        Self::warning("S01", notice.to_string(), hints)
    }

    /// A diagnostic of a program.
    pub(crate) fn diagnostic(diagnostic: &Diagnostic) -> Self {
        let notes = diagnostic.notes.iter();
        let told = |text: &String| mask::text(text).into_owned();
        let notes = notes.map(|it| ShownNote { message: told(&it.text), place: ShownPlace::new(&it.place) });
        Self {
            severity: if diagnostic.code.is_error() { "error" } else { "warning" },
            code: diagnostic.code.as_str().to_owned(),
            message: told(&diagnostic.message),
            place: diagnostic.place.as_ref().map_or_else(ShownPlace::default, ShownPlace::new),
            notes: notes.collect(),
            hints: diagnostic.hints.iter().map(told).collect(),
            stacks: Vec::new(),
        }
    }

    /// A problem of the monorepo.
    pub(crate) fn problem(problem: &Problem, world: &DiskWorld) -> Self {
        let show = |path: &Path| world.show(path);
        let message = problem.message(&show);
        let file = show(&problem.path);
        let mut shown = Self::error(problem.code(), message, Some(file), problem.hints());
        if let Some(place) = &problem.place {
            shown.place = ShownPlace::new(place);
        }
        shown
    }

    /// Where a rule is broken; `is_stack` says that it is about a stack.
    pub(crate) fn finding(finding: &Finding, is_stack: bool, world: &DiskWorld) -> Self {
        let Finding { rule, level, path, file, place, message } = finding;
        let severity = if *level == Level::Error { "error" } else { "warning" };
        let hints = vec![rule.hint().to_owned()];
        let mut shown = Self::error(rule.code(), message.clone(), Some(world.show(file)), hints);
        if let Some(place) = place {
            shown.place = ShownPlace::new(place);
        }
        let stacks = if is_stack { vec![path.clone()] } else { Vec::new() };
        Self { severity, stacks, ..shown }
    }

    /// Why a command could not do its work.
    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        Self::error(refusal.code, refusal.message.clone(), None, refusal.hints.clone())
    }

    /// The same for a stack.
    pub(crate) fn of(mut self, stack: &str) -> Self {
        self.stacks.push(stack.to_owned());
        self
    }

    /// `error` or `warning`.
    pub(crate) fn severity(&self) -> &'static str {
        self.severity
    }

    /// The stable code that users look up.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Where.
    pub(crate) fn place(&self) -> &ShownPlace {
        &self.place
    }

    /// Other places that have to do with it.
    pub(crate) fn notes(&self) -> &[ShownNote] {
        &self.notes
    }

    /// What to do about it.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The stacks that it refuses.
    pub(crate) fn stacks(&self) -> &[String] {
        &self.stacks
    }

    /// Whether it refuses something.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == "error"
    }

    /// `error[E2G22]: message`, place, source line, notes, help, and the stacks that it refuses.
    pub(crate) fn render(&self, ui: &Ui) -> String {
        let mut text = String::new();
        let style = if self.is_error() { Style::Error } else { Style::Warning };
        let head = ui.paint(style, &format!("{}[{}]", self.severity, self.code));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{head}: {}", ui.paint(Style::Strong, &self.message));
        self.place.render(ui, &mut text);
        for note in &self.notes {
            let _ = writeln!(text, "{}: {}", ui.paint(Style::Strong, "note"), note.message);
            note.place.render(ui, &mut text);
        }
        for hint in &self.hints {
            let _ = writeln!(text, "{}: {hint}", ui.paint(Style::Strong, "help"));
        }
        if self.stacks.len() > 1 {
            let verb = if self.is_error() { "refuses" } else { "is about" };
            let stacks = count(self.stacks.len(), "stack");
            let _ = writeln!(text, "  this {verb} {stacks}: {}", some_of(&self.stacks, 3));
        }
        text
    }
}

impl ShownPlace {
    fn render(&self, ui: &Ui, text: &mut String) {
        let Some(file) = &self.file else { return };
        let arrow = ui.paint(Style::Place, "-->");
        let (Some(line), Some(column)) = (self.line, self.column) else {
            let _ = writeln!(text, " {arrow} {file}");
            return;
        };
        let _ = writeln!(text, " {arrow} {file}:{line}:{column}");
        let number = line.to_string();
        let bar = ui.paint(Style::Place, &format!("{:1$} |", "", number.len()));
        let _ = writeln!(text, "{bar}");
        let _ = writeln!(text, "{} {}", ui.paint(Style::Place, &format!("{number} |")), self.text);
        if let Some((indent, caret)) = self.caret() {
            let _ = writeln!(text, "{bar} {indent}{}", ui.paint(Style::Error, &caret));
        }
    }
}

/// Diagnostics of many stacks: equal ones become one that names all their stacks, in order of first appearance.
pub(crate) fn grouped(all: impl IntoIterator<Item = Shown>) -> Vec<Shown> {
    let mut groups: Vec<Shown> = Vec::new();
    let mut seen = rustc_hash::FxHashMap::default();
    for shown in all {
        let Shown { severity: _, code, message, place, notes: _, hints: _, stacks } = &shown;
        let key = (code.clone(), message.clone(), place.file.clone(), place.line, place.column);
        match seen.get(&key) {
            Some(at) => {
                let group: &mut Shown = &mut groups[*at];
                group.stacks.extend(
                    stacks.iter().filter(|it| group.stacks.last() != Some(it)).cloned().collect::<Vec<_>>(),
                );
            }
            None => {
                seen.insert(key, groups.len());
                groups.push(shown);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use syntax::{Code, Source, Span};

    use super::*;
    use crate::cli::ui::{Color, Verbosity};

    fn diagnostic() -> Diagnostic {
        let source = Arc::new(Source::new("a/main.k", "x = 1\n\ty = zed\n"));
        Diagnostic::new(Code::Compile, &source, Span::new(11, 14), "name `zed` is not defined")
            .hint("did you mean `zen`?")
    }

    #[test]
    fn the_caret_stands_below_its_word() {
        let ui = Ui::new(Color::Never, Verbosity::Normal);
        let text = Shown::diagnostic(&diagnostic()).render(&ui);
        let expected = "error[E2L23]: name `zed` is not defined\n --> a/main.k:2:6\n  |\n2 | \ty = zed\n  | \t    ^^^\n\
                        help: did you mean `zen`?\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn secrets_of_a_line_are_not_shown() {
        let source = Arc::new(Source::new("a/main.k", "password = \"hunter2\" + zed\nsecret: str = zed\n"));
        let shown = |from, to| {
            let diagnostic =
                Diagnostic::new(Code::Compile, &source, Span::new(from, to), "`zed` is not defined");
            Shown::diagnostic(&diagnostic).render(&Ui::new(Color::Never, Verbosity::Normal))
        };
        let expected = "error[E2L23]: `zed` is not defined\n --> a/main.k:1:24\n  |\n1 | password = \"(secret)\" + zed\n";
        assert_eq!(shown(23, 26), expected);
        assert!(
            shown(41, 44).ends_with("2 | secret: str = zed\n  |               ^^^\n"),
            "{}",
            shown(41, 44)
        );
    }

    #[test]
    fn what_many_stacks_share_is_said_once() {
        let all = ["a", "b", "c", "d", "e"].map(|stack| Shown::diagnostic(&diagnostic()).of(stack));
        let groups = grouped(all);
        assert_eq!(groups.len(), 1);
        let text = groups[0].render(&Ui::new(Color::Never, Verbosity::Normal));
        assert!(text.ends_with("  this refuses 5 stacks: `a`, `b`, `c` and 2 more\n"), "{text}");
    }
}
