//! What became of stacks as a report of tests, in the form of JUnit that the runners of workflows read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::diagnostics::Shown;
use super::error::Refusal;
use super::profile::Times;
use super::ui::{Color, Ui, Verbosity};
use crate::build::{Failure, Finished, Outcome, Report, write_file};
use crate::monorepo::Monorepo;

/// The suite of what is wrong with no stack in particular, and of stacks without a project.
const OTHERS: &str = "(no project)";

/// What a report of tests is made of.
pub(crate) struct Tested<'a> {
    /// The command, for people.
    pub(crate) name: &'a str,
    /// The stacks.
    pub(crate) monorepo: &'a Monorepo,
    /// What became of them.
    pub(crate) report: &'a Report,
    /// What is wrong.
    pub(crate) diagnostics: &'a [Shown],
    /// How long stacks took.
    pub(crate) times: &'a Times,
}

/// A test: a stack, or something that is wrong with the monorepo.
struct Case<'a> {
    suite: &'a str,
    name: String,
    took: Duration,
    result: Verdict,
}

/// How a test ended.
enum Verdict {
    Passed,
    Skipped(&'static str),
    /// It says what it should not.
    Failed(Wrong),
    /// It could not be asked.
    Broken(Wrong),
}

/// What is wrong with a test.
struct Wrong {
    code: String,
    message: String,
    text: String,
}

impl Tested<'_> {
    /// Writes the report to a file.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Refusal> {
        write_file(file, self.to_xml().as_bytes()).map(drop).map_err(|error| {
            let message = format!("cannot write the report to `{}`: {error}", file.display());
            Refusal::request(message, "give another file with `--junit`")
        })
    }

    fn to_xml(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        // Memory takes all that is written.
        self.write_to(&mut writer).ok();
        String::from_utf8(writer.into_inner()).unwrap_or_default() + "\n"
    }

    fn write_to(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let mut suites: BTreeMap<&str, Vec<Case<'_>>> = BTreeMap::new();
        for case in self.cases() {
            suites.entry(case.suite).or_default().push(case);
        }
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writer.write_event(Event::Start(counted("testsuites", self.name, suites.values().flatten())))?;
        for (name, cases) in &suites {
            writer.write_event(Event::Start(counted("testsuite", name, cases.iter())))?;
            for case in cases {
                case.write(writer)?;
            }
            writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
        }
        writer.write_event(Event::End(BytesEnd::new("testsuites")))
    }

    fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        let mut wrong: BTreeMap<&str, Vec<&Shown>> = BTreeMap::new();
        let errors = || self.diagnostics.iter().filter(|shown| shown.is_error());
        for shown in errors() {
            for stack in shown.stacks() {
                wrong.entry(stack).or_default().push(shown);
            }
        }
        let of_none = errors().filter(|shown| shown.stacks().is_empty()).map(|shown| Case {
            suite: OTHERS,
            name: shown.place().file().unwrap_or("konfig").to_owned(),
            took: Duration::ZERO,
            result: Verdict::Broken(Wrong::of(&[shown])),
        });
        let of_stacks = self.report.stacks.iter().map(move |finished| {
            let stack = self.monorepo.stack(finished.stack);
            let errors = wrong.get(&*stack.path).map_or(&[][..], Vec::as_slice);
            Case {
                suite: self.monorepo.project_of(stack).map_or(OTHERS, |project| &project.path),
                name: stack.path.clone(),
                took: self.times.get(&finished.stack).map_or(Duration::ZERO, |span| span.took),
                result: verdict(finished, errors),
            }
        });
        of_none.chain(of_stacks)
    }
}

fn verdict(finished: &Finished, errors: &[&Shown]) -> Verdict {
    match &finished.outcome {
        Outcome::Failed(failure) => match **failure {
            Failure::Differs(_) | Failure::BadGolden(_) => Verdict::Failed(Wrong::of(errors)),
            _ => Verdict::Broken(Wrong::of(errors)),
        },
        _ if !errors.is_empty() => Verdict::Failed(Wrong::of(errors)),
        Outcome::Skipped => Verdict::Skipped("another stack failed"),
        Outcome::NoGolden => Verdict::Skipped("it has no golden"),
        Outcome::Built { .. } | Outcome::Checked { .. } | Outcome::Reused { .. } | Outcome::Same => {
            Verdict::Passed
        }
    }
}

impl Wrong {
    fn of(errors: &[&Shown]) -> Self {
        let ui = Ui::new(Color::Never, Verbosity::Quiet);
        let text: Vec<String> = errors.iter().map(|shown| shown.render(&ui)).collect();
        let first = errors.first();
        Self {
            code: first.map_or("", |shown| shown.code()).to_owned(),
            message: first.map_or("", |shown| shown.message()).to_owned(),
            text: text.join("\n"),
        }
    }
}

impl Case<'_> {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let mut case = BytesStart::new("testcase");
        case.push_attribute(("name", &*line(&self.name)));
        case.push_attribute(("classname", &*line(self.suite)));
        case.push_attribute(("time", &*seconds(self.took)));
        let (element, wrong) = match &self.result {
            Verdict::Passed => return writer.write_event(Event::Empty(case)),
            Verdict::Skipped(why) => {
                let mut skipped = BytesStart::new("skipped");
                skipped.push_attribute(("message", *why));
                writer.write_event(Event::Start(case))?;
                writer.write_event(Event::Empty(skipped))?;
                return writer.write_event(Event::End(BytesEnd::new("testcase")));
            }
            Verdict::Failed(wrong) => ("failure", wrong),
            Verdict::Broken(wrong) => ("error", wrong),
        };
        let mut start = BytesStart::new(element);
        start.push_attribute(("type", &*wrong.code));
        start.push_attribute(("message", &*line(&wrong.message)));
        writer.write_event(Event::Start(case))?;
        writer.write_event(Event::Start(start))?;
        writer.write_event(Event::Text(BytesText::new(&allowed(&wrong.text))))?;
        writer.write_event(Event::End(BytesEnd::new(element)))?;
        writer.write_event(Event::End(BytesEnd::new("testcase")))
    }
}

/// An element with the counts of some tests.
fn counted<'a>(
    element: &'static str,
    name: &str,
    cases: impl Iterator<Item = &'a Case<'a>> + Clone,
) -> BytesStart<'static> {
    let number = |is_meant: fn(&Verdict) -> bool| {
        cases.clone().filter(|case| is_meant(&case.result)).count().to_string()
    };
    let took = cases.clone().map(|case| case.took).sum();
    let mut start = BytesStart::new(element);
    start.push_attribute(("name", &*line(name)));
    start.push_attribute(("tests", &*number(|_| true)));
    start.push_attribute(("failures", &*number(|result| matches!(result, Verdict::Failed(_)))));
    start.push_attribute(("errors", &*number(|result| matches!(result, Verdict::Broken(_)))));
    start.push_attribute(("skipped", &*number(|result| matches!(result, Verdict::Skipped(_)))));
    start.push_attribute(("time", &*seconds(took)));
    start
}

fn seconds(took: Duration) -> String {
    format!("{:.6}", took.as_secs_f64())
}

/// A text on one line.
fn line(text: &str) -> String {
    allowed(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without the characters that no XML may have.
fn allowed(text: &str) -> String {
    let is_allowed = |letter: char| match letter {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => letter >= ' ',
    };
    text.chars().map(|letter| if is_allowed(letter) { letter } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_such_as_xml_may_have() {
        assert_eq!(allowed("a\u{0}\u{1b}[1m\tb\n"), "a\u{fffd}\u{fffd}[1m\tb\n");
        assert_eq!(line(" a\r\n  b "), "a b");
    }

    #[test]
    fn hostile_names_stay_in_their_places() {
        let wrong = || Wrong {
            code: "E1".to_owned(),
            message: "<&\"'>".to_owned(),
            text: "]]></failure><x>\u{1}".to_owned(),
        };
        let case = Case {
            suite: "a\"b",
            name: "<x>".to_owned(),
            took: Duration::from_millis(1500),
            result: Verdict::Failed(wrong()),
        };
        let mut writer = Writer::new(Vec::new());
        case.write(&mut writer).expect("written");
        let text = String::from_utf8(writer.into_inner()).expect("text");
        let expected = "<testcase name=\"&lt;x&gt;\" classname=\"a&quot;b\" time=\"1.500000\">\
            <failure type=\"E1\" message=\"&lt;&amp;&quot;&apos;&gt;\">]]&gt;&lt;/failure&gt;&lt;x&gt;\u{fffd}</failure>\
            </testcase>";
        assert_eq!(text, expected);
    }
}
