//! From stacks that differ to what differs in them.

use std::collections::BTreeMap;
use std::path::Path;

use cache::Digest;
use rayon::prelude::*;

use super::change_set::{ChangeSet, Delta, StackDiff};
use crate::build::affected::{Affected, Comparison, Remembered, Status};
use crate::build::reuse::Artifacts;
use crate::build::{Finished, Outcome, Progress, Report};
use crate::monorepo::{Monorepo, Stack};

/// What differs, with the artifacts that are to be applied.
#[derive(Debug, Default)]
pub struct Changes {
    /// The stacks that differ, in the order of their paths.
    pub diffs: Vec<StackDiff>,
    /// The artifacts of those that have one now, by the paths of the stacks.
    pub texts: BTreeMap<String, String>,
    /// The stacks that would differ but fail.
    pub failed: Vec<String>,
}

impl Changes {
    /// What differs between two revisions in stacks that are known to differ.
    ///
    /// # Errors
    /// Where an artifact is no YAML: which, and what the parser said.
    pub fn between(
        comparison: &Comparison<'_>,
        affected: &[Affected],
        remembered: &Remembered<'_>,
        progress: &dyn Progress,
    ) -> Result<Self, String> {
        let artifacts = comparison.artifacts(affected, remembered, progress);
        let mut deltas = Vec::with_capacity(affected.len());
        let mut failed = Vec::new();
        for (stack, (before, after)) in affected.iter().zip(artifacts) {
            let monorepo = match stack.status {
                Status::Removed => comparison.base.monorepo,
                Status::Added | Status::Modified => comparison.head.monorepo,
            };
            let Some(id) = monorepo.stack_at(&stack.path) else { continue };
            if after.is_none() && stack.status != Status::Removed {
                failed.push(stack.path.clone());
                continue;
            }
            deltas.push(Delta { before, after, ..delta(monorepo, monorepo.stack(id)) });
        }
        Self::of(deltas, failed)
    }

    /// What a build into a folder has changed there. `known` are the artifacts that were there before, and `stored` has the
    /// text of a digest.
    ///
    /// # Errors
    /// Where an artifact is no YAML, or cannot be read back: which, and why.
    pub fn written(
        monorepo: &Monorepo,
        out: &Path,
        report: &Report,
        known: &Artifacts,
        stored: &dyn Fn(&Digest) -> Option<String>,
    ) -> Result<Self, String> {
        let mut deltas = Vec::new();
        let mut failed = Vec::new();
        for finished in &report.stacks {
            let stack = monorepo.stack(finished.stack);
            match &finished.outcome {
                Outcome::Failed(_) => failed.push(stack.path.clone()),
                outcome if outcome.is_written() => deltas.push(of_written(monorepo, stack, out, finished)?),
                _ => {}
            }
        }
        deltas.extend(report.removed.iter().filter_map(|path| gone(path, out, known, stored)));
        deltas.sort_by(|a, b| a.path.cmp(&b.path));
        Self::of(deltas, failed)
    }

    fn of(deltas: Vec<Delta>, failed: Vec<String>) -> Result<Self, String> {
        let texts = deltas.iter().filter_map(|it| Some((it.path.clone(), it.after.as_ref()?.1.clone())));
        let texts = texts.collect();
        let one = |delta: Delta| {
            let path = delta.path.clone();
            StackDiff::of(delta)
                .map_err(|why| format!("the artifact of `{path}` is no YAML: {why}"))
                .transpose()
        };
        let diffs: Result<Vec<StackDiff>, String> = deltas.into_par_iter().filter_map(one).collect();
        Ok(Self { diffs: diffs?, texts, failed })
    }

    /// The change set: the same without values.
    #[must_use]
    pub fn set(&self, root: String, base: Option<String>, head: Option<String>) -> ChangeSet {
        let stacks = self.diffs.iter().map(|diff| diff.change.clone()).collect();
        ChangeSet { version: 1, root, base, head, stacks, failed: self.failed.clone() }
    }
}

fn of_written(monorepo: &Monorepo, stack: &Stack, out: &Path, finished: &Finished) -> Result<Delta, String> {
    let path = out.join(stack.artifact());
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| format!("cannot read the artifact of `{}`: {error}", stack.path))?;
    let side = |text: String| (Digest::of(text.as_bytes()), text);
    let before = finished.remarks().replaced.clone().map(side);
    Ok(Delta { before, after: Some(side(text)), ..delta(monorepo, stack) })
}

/// What was deleted, if it is known what it was.
fn gone(
    path: &Path,
    out: &Path,
    known: &Artifacts,
    stored: &dyn Fn(&Digest) -> Option<String>,
) -> Option<Delta> {
    let artifact = crate::monorepo::paths::slashed(path.strip_prefix(out).ok()?);
    let stack = artifact.strip_suffix(".yaml")?.to_owned();
    let digest = known.get(path.as_os_str())?.1;
    let before = Some((digest, stored(&digest).unwrap_or_default()));
    let name = stack.rsplit('/').next().unwrap_or_default().to_owned();
    Some(Delta { path: stack, project: None, name, artifact, before, after: None })
}

fn delta(monorepo: &Monorepo, stack: &Stack) -> Delta {
    Delta {
        path: stack.path.clone(),
        project: monorepo.project_of(stack).map(|project| project.path.clone()),
        name: stack.name.clone(),
        artifact: stack.artifact(),
        before: None,
        after: None,
    }
}
