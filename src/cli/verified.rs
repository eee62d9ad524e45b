//! The report of `konfig verify --format json`: docs/schema/verify.v1.json.

use std::time::Duration;

use serde::Serialize;

use super::diagnostics::Shown;
use super::site::Site;
use super::text::count;
use crate::build::{Outcome, Report};
use crate::monorepo::rules::{Finding, Level};

/// What became of rules and goldens.
#[derive(Debug, Serialize)]
pub(crate) struct VerifyV1<'a> {
    version: u8,
    root: String,
    counts: CountsV1,
    milliseconds: u64,
    findings: Vec<FindingV1<'a>>,
    diagnostics: &'a [Shown],
}

#[derive(Debug, Serialize)]
struct CountsV1 {
    stacks: usize,
    same: usize,
    failed: usize,
    unchecked: usize,
    errors: usize,
    warnings: usize,
}

#[derive(Debug, Serialize)]
struct FindingV1<'a> {
    rule: &'static str,
    code: &'static str,
    level: &'static str,
    path: &'a str,
    file: String,
    line: Option<u32>,
    message: &'a str,
}

impl<'a> VerifyV1<'a> {
    /// The report; `diagnostics` are what is wrong besides rules.
    pub(crate) fn new(
        site: &Site,
        report: &Report,
        findings: &'a [Finding],
        diagnostics: &'a [Shown],
        took: Duration,
    ) -> Self {
        Self {
            version: 1,
            root: site.monorepo.root.to_string_lossy().into_owned(),
            counts: CountsV1::new(report, findings),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            findings: findings.iter().map(|finding| FindingV1::new(site, finding)).collect(),
            diagnostics,
        }
    }

    /// As text.
    pub(crate) fn to_json(&self) -> String {
        crate::cli::json::text(self)
    }

    /// `39 stacks: 38 as their goldens, 1 failed, 0 without golden; rules: 0 errors, 2 warnings`
    pub(crate) fn summary(&self) -> String {
        let CountsV1 { stacks, same, failed, unchecked, errors, warnings } = self.counts;
        format!(
            "{}: {same} as their goldens, {failed} failed, {unchecked} without golden; rules: {}, {}",
            count(stacks, "stack"),
            count(errors, "error"),
            count(warnings, "warning"),
        )
    }
}

impl CountsV1 {
    fn new(report: &Report, findings: &[Finding]) -> Self {
        let number = |is_meant: fn(&Outcome) -> bool| {
            report.stacks.iter().filter(|finished| is_meant(&finished.outcome)).count()
        };
        let level = |level| findings.iter().filter(|finding| finding.level == level).count();
        Self {
            stacks: report.stacks.len(),
            same: number(|outcome| matches!(outcome, Outcome::Same)),
            failed: number(|outcome| matches!(outcome, Outcome::Failed(_))),
            unchecked: number(|outcome| matches!(outcome, Outcome::NoGolden)),
            errors: level(Level::Error),
            warnings: level(Level::Warning),
        }
    }
}

impl<'a> FindingV1<'a> {
    fn new(site: &Site, finding: &'a Finding) -> Self {
        let Finding { rule, level, path, file, place, message } = finding;
        Self {
            rule: rule.name(),
            code: rule.code(),
            level: if *level == Level::Error { "error" } else { "warning" },
            path,
            file: site.world.show(file),
            line: place.as_ref().map(|place| place.source.line_col(place.span.start).line),
            message,
        }
    }
}
