//! How a command ends.

use std::process::ExitCode;

use crate::monorepo::RevisionError;

/// What the shell learns. Never renumber: scripts rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All went well.
    Good = 0,
    /// A stack failed, or differs from its golden.
    StackFailed = 1,
    /// The command line or the monorepo is wrong.
    BadRequest = 2,
    /// A bug in konfig.
    Internal = 3,
    /// A revision to compare is not there.
    NoRevision = 4,
}

/// The numbers as help texts have them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  all went well
  1  a stack failed, or differs from its golden
  2  the command line or the monorepo is wrong
  3  internal error
  4  the base or head revision is not there";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do its work at all.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// How the command ends.
    pub(crate) exit: Exit,
    /// The stable code that users look up.
    pub(crate) code: &'static str,
    /// One lower-case sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
}

impl Refusal {
    /// The command line is wrong.
    pub(crate) fn request(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::BadRequest, code: "C01", message: message.into(), hints: vec![hint.into()] }
    }

    /// A revision cannot be compared with.
    pub(crate) fn revision(error: &RevisionError) -> Self {
        let refusal = Self::request(error.message(), error.hint());
        if error.is_absence() { Self { exit: Exit::NoRevision, code: "C02", ..refusal } } else { refusal }
    }

    /// The arguments are none that there are.
    pub(crate) fn arguments(error: &clap::Error) -> Self {
        use clap::error::ErrorKind;
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::request("no command is given", "`konfig --help` lists the commands");
        }
        // The first paragraph says what is wrong, the next ones what to do, and the last ones how to get help.
        let text = error.render().to_string().replace('\'', "`");
        let paragraphs: Vec<String> =
            text.split("\n\n").map(|it| it.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let message = paragraphs.first().map_or("", |first| first.trim_start_matches("error: "));
        let hints = paragraphs.iter().filter_map(|it| it.strip_prefix("tip: ").map(str::to_owned));
        Self { hints: hints.collect(), ..Self::request(message, "") }
    }

    /// The same, with something more to do about it.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Konfig, or the machine, is wrong.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { exit: Exit::Internal, code: "I01", message: message.into(), hints: Vec::new() }
    }
}
