//! Changes for programs: docs/schema/preview.v1.json.

use serde::Serialize;
use serde_json::Value;

use super::resources;
use crate::apply::change_set::{ChangeSet, ResourceChange, StackDiff, StackStatus};

/// The report of `konfig preview --format json`.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewV1<'a> {
    version: u8,
    root: &'a str,
    base: Option<&'a str>,
    head: Option<&'a str>,
    counts: CountsV1,
    stacks: Vec<StackV1<'a>>,
    failed: &'a [String],
}

#[derive(Debug, Serialize)]
struct CountsV1 {
    added: usize,
    changed: usize,
    removed: usize,
}

#[derive(Debug, Serialize)]
struct StackV1<'a> {
    path: &'a str,
    project: Option<&'a str>,
    name: &'a str,
    status: StackStatus,
    resources: Vec<ResourceV1<'a>>,
    unchanged: usize,
}

#[derive(Debug, Serialize)]
struct ResourceV1<'a> {
    id: &'a str,
    kind: &'a str,
    status: StackStatus,
    fields: Vec<FieldV1<'a>>,
}

#[derive(Debug, Serialize)]
struct FieldV1<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Value>,
}

impl<'a> PreviewV1<'a> {
    /// The report of some changes.
    pub(crate) fn new(set: &'a ChangeSet, diffs: &'a [StackDiff]) -> Self {
        let [added, changed, removed] = set.counts();
        Self {
            version: 1,
            root: &set.root,
            base: set.base.as_deref(),
            head: set.head.as_deref(),
            counts: CountsV1 { added, changed, removed },
            stacks: diffs.iter().map(StackV1::new).collect(),
            failed: &set.failed,
        }
    }

    /// As text.
    pub(crate) fn to_json(&self) -> String {
        crate::cli::json::text(self)
    }
}

impl<'a> StackV1<'a> {
    fn new(diff: &'a StackDiff) -> Self {
        let change = &diff.change;
        Self {
            path: &change.path,
            project: change.project.as_deref(),
            name: &change.name,
            status: change.status,
            resources: resources(diff).map(|(change, fields)| ResourceV1::new(change, fields)).collect(),
            unchanged: change.unchanged,
        }
    }
}

impl<'a> ResourceV1<'a> {
    fn new(change: &'a ResourceChange, fields: Option<&'a [crate::apply::diff::Field]>) -> Self {
        let field = |(at, path): (usize, &'a String)| {
            let values = fields.and_then(|fields| fields.get(at));
            let (before, after) = values.map_or((None, None), |it| (it.before.as_ref(), it.after.as_ref()));
            FieldV1 { path, before, after }
        };
        let fields = change.fields.iter().enumerate().map(field).collect();
        Self { id: &change.id, kind: &change.kind, status: change.status, fields }
    }
}
