//! Diagnostics as GitHub shows them beside the lines of a pull request.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::diagnostics::Shown;
use crate::cli::text::count;
use crate::monorepo::paths;

/// How many errors, and how many warnings, GitHub shows of one step.
const MOST: usize = 10;

/// How long the message of an annotation may be, in letters.
const LONGEST: usize = 4000;

/// Where files of diagnostics are.
pub(crate) struct Places {
    /// The folder that the paths of diagnostics are seen from.
    pub(crate) stand: PathBuf,
    /// The folder that the paths of annotations are seen from.
    pub(crate) top: PathBuf,
}

impl Places {
    /// A file that is seen from where the user stands, as annotations name it.
    pub(crate) fn named_from_top(&self, file: &str) -> String {
        let path = paths::join(&self.stand, file);
        path.strip_prefix(&self.top).map_or_else(|_| file.to_owned(), paths::slashed)
    }
}

/// The commands of a workflow that annotate its lines; the most errors and warnings that are shown, and how many more there are.
pub(crate) fn commands(all: &[&Shown], places: &Places) -> String {
    let (errors, warnings): (Vec<&Shown>, Vec<&Shown>) = all.iter().partition(|shown| shown.is_error());
    let mut text = String::new();
    for shown in errors.iter().take(MOST).chain(warnings.iter().take(MOST)) {
        text.push_str(&command(shown, places));
    }
    let more = |all: &[&Shown], what| {
        let more = all.len().saturating_sub(MOST);
        (more > 0).then(|| count(more, what))
    };
    let more: Vec<String> =
        [more(&errors, "more error"), more(&warnings, "more warning")].into_iter().flatten().collect();
    if !more.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "::notice title=konfig::the log has {}", more.join(" and "));
    }
    text
}

/// `::error file=a/main.k,line=2,col=5,endColumn=8,title=E2L23::…`
fn command(shown: &Shown, places: &Places) -> String {
    let mut properties = Vec::new();
    if let Some(file) = shown.place().file() {
        properties.push(format!("file={}", property(&places.named_from_top(file))));
    }
    if let (Some((line, column)), Some(end)) = (shown.place().line_column(), shown.place().end_column()) {
        properties.push(format!("line={line},endLine={line},col={column},endColumn={end}"));
    }
    properties.push(format!("title={}", property(shown.code())));
    let help = shown.hints().iter().map(|hint| format!("\nhelp: {hint}"));
    let message = format!("{}{}", shown.message(), help.collect::<String>());
    let message: String = message.chars().take(LONGEST).collect();
    format!("::{} {}::{}\n", shown.severity(), properties.join(","), data(&message))
}

/// A text as the message of a command: one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text as a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A text for the log of a workflow: none of its lines is taken for a command, whatever files and values are called.
pub(crate) fn harmless(text: &str) -> String {
    let is_command = |line: &str| {
        let line = line.trim_start();
        line.starts_with("::") || line.starts_with("##[")
    };
    let line = |line: &str| if is_command(line) { format!("| {line}") } else { line.to_owned() };
    // What starts a line for GitHub may be a lone carriage return.
    text.split_inclusive(['\n', '\r']).map(line).collect()
}

/// The folder that annotations name files from: the checkout of the workflow, else where the user stands.
pub(crate) fn places(stand: PathBuf, workspace: Option<&Path>) -> Places {
    let top = workspace.map_or_else(|| stand.clone(), paths::normalize);
    Places { stand, top }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use syntax::{Code, Diagnostic, Source, Span};

    use super::*;

    fn shown() -> Shown {
        let source = Arc::new(Source::new("a,b/main.k", "x = 1\ny = zed\n"));
        let diagnostic =
            Diagnostic::new(Code::Compile, &source, Span::new(10, 13), "100% of `a:b`\r\nis not");
        Shown::diagnostic(&diagnostic.hint("did you mean\n`zen`?"))
    }

    fn here() -> Places {
        places("/srv/repo/konfig".into(), Some(Path::new("/srv/repo/")))
    }

    #[test]
    fn a_command_is_one_line_and_names_files_from_the_top() {
        let expected = "::error file=konfig/a%2Cb/main.k,line=2,endLine=2,col=5,endColumn=8,title=E2L23::\
                        100%25 of `a:b`%0D%0Ais not%0Ahelp: did you mean%0A`zen`?\n";
        assert_eq!(commands(&[&shown()], &here()), expected);
        let placeless = Shown::warning("S01", "the store is damaged".into(), Vec::new());
        assert_eq!(commands(&[&placeless], &here()), "::warning title=S01::the store is damaged\n");
        let outside = Shown::error("M01", "x".into(), Some("../../else/x.k".into()), Vec::new());
        assert_eq!(commands(&[&outside], &here()), "::error file=../../else/x.k,title=M01::x\n");
    }

    #[test]
    fn no_more_than_are_shown() {
        let error = shown();
        let warning = Shown::warning("S01", "w".into(), Vec::new());
        let all: Vec<&Shown> =
            std::iter::repeat_n(&warning, 11).chain(std::iter::repeat_n(&error, 13)).collect();
        let text = commands(&all, &here());
        assert_eq!(text.matches("::error ").count(), 10);
        assert_eq!(text.matches("::warning ").count(), 10);
        assert!(
            text.ends_with("::notice title=konfig::the log has 3 more errors and 1 more warning\n"),
            "{text}"
        );
    }

    #[test]
    fn texts_give_no_commands() {
        let text = "a\n::error::x\r  ##[error]y\nb :: c\n";
        assert_eq!(harmless(text), "a\n| ::error::x\r|   ##[error]y\nb :: c\n");
    }
}
