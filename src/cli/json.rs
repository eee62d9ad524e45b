//! Machine output: versioned forms of their own, made from inner types by hand. docs/schema/ describes them.

use std::time::Duration;

use serde::Serialize;

use super::diagnostics::Shown;
use super::profile::Times;
use crate::build::affected::{Affected, Chain, Change, ChangedFile, Status, Why};
use crate::build::{Counts, Finished, Goal, Outcome, Report};
use crate::graph::map::{Map, Node};
use crate::monorepo::{Commit, Monorepo};

/// A report as text.
pub(crate) fn text(report: &impl Serialize) -> String {
    // Plain data with text keys always has a JSON form.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// The report of `konfig build --format json`: docs/schema/build-report.v1.json.
#[derive(Debug, Serialize)]
pub(crate) struct BuildReportV1<'a> {
    version: u8,
    root: String,
    out: Option<String>,
    counts: CountsV1,
    milliseconds: u64,
    stacks: Vec<StackV1<'a>>,
    diagnostics: &'a [Shown],
}

/// The report of `konfig affected --format json`: docs/schema/affected.v1.json.
#[derive(Debug, Serialize)]
pub(crate) struct AffectedV1<'a> {
    version: u8,
    base: &'a str,
    head: Option<&'a str>,
    stacks: Vec<AffectedStackV1<'a>>,
}

#[derive(Debug, Serialize)]
struct AffectedStackV1<'a> {
    path: &'a str,
    name: &'a str,
    project: Option<&'a str>,
    status: &'static str,
    because: &'a [String],
}

impl<'a> AffectedV1<'a> {
    /// The report of a comparison; `head` is the working tree if it is no commit.
    pub(crate) fn new(base: &'a str, head: Option<&'a str>, stacks: &'a [Affected]) -> Self {
        let stack = |stack: &'a Affected| AffectedStackV1 {
            path: &stack.path,
            name: &stack.name,
            project: stack.project.as_deref(),
            status: status(stack.status),
            because: &stack.because,
        };
        Self { version: 1, base, head, stacks: stacks.iter().map(stack).collect() }
    }

    /// As text.
    pub(crate) fn to_json(&self) -> String {
        text(self)
    }
}

/// The report of `konfig why --format json`: docs/schema/why.v1.json.
#[derive(Debug, Serialize)]
pub(crate) struct WhyV1<'a> {
    version: u8,
    base: &'a str,
    head: Option<&'a str>,
    stack: &'a str,
    status: &'static str,
    because: &'a [String],
    chains: Vec<ChainV1<'a>>,
    idle: Vec<ChangedFileV1<'a>>,
}

#[derive(Debug, Serialize)]
struct ChainV1<'a> {
    because: &'a str,
    files: Vec<ChangedFileV1<'a>>,
    declaration: Option<DeclarationV1<'a>>,
    used_by: Vec<ImportV1<'a>>,
}

#[derive(Debug, Serialize)]
struct ChangedFileV1<'a> {
    path: &'a str,
    change: &'static str,
    uncommitted: bool,
    commits: Vec<CommitV1<'a>>,
}

#[derive(Debug, Serialize)]
struct CommitV1<'a> {
    id: &'a str,
    author: &'a str,
    date: &'a str,
    subject: &'a str,
    side: &'static str,
}

#[derive(Debug, Serialize)]
struct DeclarationV1<'a> {
    package: Option<&'a str>,
    name: &'a str,
    parts: &'a [String],
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Debug, Serialize)]
struct ImportV1<'a> {
    file: &'a str,
    line: u32,
    package: &'a str,
}

impl<'a> WhyV1<'a> {
    /// The report of one stack; `head` is the working tree if it is no commit.
    pub(crate) fn new(base: &'a str, head: Option<&'a str>, stack: &'a str, why: &'a Why) -> Self {
        let Why { status: found, because, chains, idle } = why;
        Self {
            version: 1,
            base,
            head,
            stack,
            status: found.map_or("same", status),
            because,
            chains: chains.iter().map(ChainV1::new).collect(),
            idle: idle.iter().map(ChangedFileV1::new).collect(),
        }
    }

    /// As text.
    pub(crate) fn to_json(&self) -> String {
        text(self)
    }
}

impl<'a> ChainV1<'a> {
    fn new(chain: &'a Chain) -> Self {
        let Chain { because, files, declaration, used_by } = chain;
        let declaration = declaration.as_ref().map(|it| DeclarationV1 {
            package: Some(it.package.as_str()).filter(|package| !package.is_empty()),
            name: &it.name,
            parts: &it.parts,
            file: it.place.as_ref().map(|(file, _)| file.as_str()),
            line: it.place.as_ref().map(|(_, line)| *line),
        });
        let used_by = used_by.iter();
        let used_by =
            used_by.map(|it| ImportV1 { file: &it.file, line: it.line, package: &it.package }).collect();
        Self { because, files: files.iter().map(ChangedFileV1::new).collect(), declaration, used_by }
    }
}

impl<'a> ChangedFileV1<'a> {
    fn new(file: &'a ChangedFile) -> Self {
        let ChangedFile { path, change, commits, uncommitted } = file;
        let commit = |it: &'a Commit| CommitV1 {
            id: &it.id,
            author: &it.author,
            date: &it.date,
            subject: &it.subject,
            side: if it.in_base { "base" } else { "head" },
        };
        let change = match change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Modified => "modified",
        };
        Self { path, change, uncommitted: *uncommitted, commits: commits.iter().map(commit).collect() }
    }
}

/// The report of `konfig graph --format json`: docs/schema/graph.v1.json.
#[derive(Debug, Serialize)]
pub(crate) struct GraphV1<'a> {
    version: u8,
    nodes: Vec<NodeV1<'a>>,
    edges: Vec<EdgeV1>,
    cycles: Vec<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct NodeV1<'a> {
    id: String,
    kind: &'static str,
    path: &'a str,
}

#[derive(Debug, Serialize)]
struct EdgeV1 {
    from: String,
    to: String,
}

impl<'a> GraphV1<'a> {
    /// The report of a map.
    pub(crate) fn new(map: &'a Map) -> Self {
        let node = |node: &'a Node| NodeV1 { id: node.id(), kind: node.kind.word(), path: &node.path };
        let edge = |(from, to): (&Node, &Node)| EdgeV1 { from: from.id(), to: to.id() };
        let cycle = |cycle: Vec<&Node>| cycle.into_iter().map(Node::id).collect();
        Self {
            version: 1,
            nodes: map.nodes().map(node).collect(),
            edges: map.edges().into_iter().map(edge).collect(),
            cycles: map.cycles().into_iter().map(cycle).collect(),
        }
    }

    /// As text.
    pub(crate) fn to_json(&self) -> String {
        text(self)
    }
}

/// The word for what became of a stack.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Added => "added",
        Status::Removed => "removed",
        Status::Modified => "modified",
    }
}

#[derive(Debug, Serialize)]
struct CountsV1 {
    stacks: usize,
    built: usize,
    checked: usize,
    reused: usize,
    failed: usize,
    changed: usize,
    skipped: usize,
    unchecked: usize,
}

#[derive(Debug, Serialize)]
struct StackV1<'a> {
    path: &'a str,
    name: &'a str,
    project: Option<&'a str>,
    status: &'static str,
    because: Option<String>,
    changed: bool,
    artifact: Option<String>,
    microseconds: Option<u64>,
}

impl<'a> BuildReportV1<'a> {
    /// The report of a build.
    pub(crate) fn new(
        monorepo: &'a Monorepo,
        goal: &Goal,
        report: &Report,
        diagnostics: &'a [Shown],
        (times, took): (&Times, Duration),
    ) -> Self {
        let stack = |stack, writes| StackV1::new(monorepo, stack, writes, times);
        let out = match goal {
            Goal::Write(out) => Some(out.to_string_lossy().into_owned()),
            Goal::Check | Goal::Digest => None,
        };
        Self {
            version: 1,
            root: monorepo.root.to_string_lossy().into_owned(),
            counts: CountsV1::new(report.stacks.len(), report.counts()),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            stacks: report.stacks.iter().map(|it| stack(it, out.is_some())).collect(),
            out,
            diagnostics,
        }
    }

    /// As text.
    pub(crate) fn to_json(&self) -> String {
        text(self)
    }
}

impl CountsV1 {
    fn new(stacks: usize, counts: Counts) -> Self {
        let Counts { built, checked, reused, failed, changed, skipped, unchecked } = counts;
        Self { stacks, built, checked, reused, failed, changed, skipped, unchecked }
    }
}

impl<'a> StackV1<'a> {
    fn new(monorepo: &'a Monorepo, finished: &Finished, writes: bool, times: &Times) -> Self {
        let stack = monorepo.stack(finished.stack);
        let status = match finished.outcome {
            Outcome::Built { .. } | Outcome::Same | Outcome::NoGolden => "built",
            Outcome::Checked { .. } => "checked",
            Outcome::Reused { .. } => "reused",
            Outcome::Skipped => "skipped",
            Outcome::Failed(_) => "failed",
        };
        Self {
            path: &stack.path,
            name: &stack.name,
            project: monorepo.project_of(stack).map(|project| project.path.as_str()),
            status,
            because: finished.remarks().reason.as_ref().map(ToString::to_string),
            changed: finished.outcome.is_written(),
            artifact: (writes && matches!(status, "built" | "checked" | "reused")).then(|| stack.artifact()),
            microseconds: times
                .get(&finished.stack)
                .map(|span| u64::try_from(span.took.as_micros()).unwrap_or(u64::MAX)),
        }
    }
}
