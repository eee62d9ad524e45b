//! What was handed over, for programs: docs/schema/apply-report.v1.json.

use serde::Serialize;

use crate::apply::change_set::{ChangeSet, StackStatus};
use crate::apply::route::Routes;
use crate::apply::run::{Done, End};

/// The report of `konfig apply --format json`.
#[derive(Debug, Serialize)]
pub(crate) struct ApplyV1<'a> {
    version: u8,
    change_set: String,
    base: Option<&'a str>,
    head: Option<&'a str>,
    done: Vec<DoneV1<'a>>,
    left: &'a [String],
    homeless: &'a [String],
    failed: &'a [String],
}

#[derive(Debug, Serialize)]
struct DoneV1<'a> {
    stack: &'a str,
    status: StackStatus,
    target: &'a str,
    wave: Option<&'a str>,
    outcome: &'static str,
    why: Option<&'a str>,
    output: Option<&'a str>,
}

impl<'a> ApplyV1<'a> {
    /// The report of what was done.
    pub(crate) fn new(set: &'a ChangeSet, done: &'a [Done], routes: &'a Routes) -> Self {
        Self {
            version: 1,
            change_set: set.digest().to_string(),
            base: set.base.as_deref(),
            head: set.head.as_deref(),
            done: done.iter().map(DoneV1::new).collect(),
            left: &routes.left,
            homeless: &routes.homeless,
            failed: &set.failed,
        }
    }

    /// As text.
    pub(crate) fn to_json(&self) -> String {
        crate::cli::json::text(self)
    }
}

impl<'a> DoneV1<'a> {
    fn new(done: &'a Done) -> Self {
        let (outcome, why, output) = match &done.end {
            End::Applied(output) => ("applied", None, Some(output.as_str())),
            End::Known => ("known", None, None),
            End::Failed { why, output } => ("failed", Some(why.as_str()), Some(output.as_str())),
            End::Unknown(why) => ("unknown", Some(why.as_str()), None),
            End::Skipped => ("skipped", None, None),
        };
        Self {
            stack: &done.stack,
            status: done.status,
            target: &done.target,
            wave: done.wave.as_deref(),
            outcome,
            why,
            output: output.filter(|it| !it.is_empty()),
        }
    }
}
