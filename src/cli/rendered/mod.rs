//! Changes as text, as markdown and as JSON.

mod apply;
mod html;
mod json;
mod markdown;
mod text;
mod value;

pub(crate) use self::apply::ApplyV1;
pub(crate) use self::html::html;
pub(crate) use self::json::PreviewV1;
pub(crate) use self::markdown::markdown;
pub(crate) use self::text::text;

use std::collections::BTreeMap;

use crate::apply::change_set::{ChangeSet, ResourceChange, StackDiff, StackStatus};
use crate::apply::diff::Field;
use crate::cli::text::count;

/// `3 stacks: 1 added, 2 changed, 0 removed; 7 resources: 2 added, 5 changed, 0 removed`
pub(crate) fn summary(set: &ChangeSet) -> String {
    let three = |[added, changed, removed]: [usize; 3]| {
        format!("{added} added, {changed} changed, {removed} removed")
    };
    let mut resources: BTreeMap<StackStatus, usize> = BTreeMap::new();
    for resource in set.stacks.iter().flat_map(|stack| &stack.resources) {
        *resources.entry(resource.status).or_default() += 1;
    }
    let statuses = [StackStatus::Added, StackStatus::Changed, StackStatus::Removed];
    let resources = statuses.map(|status| resources.get(&status).copied().unwrap_or(0));
    let mut text = format!(
        "{}: {}; {}: {}",
        count(set.stacks.len(), "stack"),
        three(set.counts()),
        count(resources.iter().sum(), "resource"),
        three(resources)
    );
    if !set.failed.is_empty() {
        text.push_str(&format!("; {} failed", set.failed.len()));
    }
    text
}

/// The resources of a stack with their fields, where their values are known.
fn resources(diff: &StackDiff) -> impl Iterator<Item = (&ResourceChange, Option<&[Field]>)> {
    diff.change.resources.iter().enumerate().map(|(at, change)| {
        let known = diff.resources.get(at).map(|it| it.fields.as_slice());
        (change, known)
    })
}

/// A path without what all fields of a spec start with.
fn short(path: &str) -> &str {
    path.strip_prefix("attributes.").unwrap_or(path)
}
