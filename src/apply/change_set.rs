//! The change set: the stacks whose artifacts differ, and which fields of which resources.
//!
//! It is a file that goes from the job that builds to the job that applies, so it has no value of any field, no
//! absolute path, and the same bytes wherever it is made. `docs/schema/change-set.v1.json` describes it.

use cache::Digest;
use serde::{Deserialize, Serialize};

use super::diff::{self, ResourceDiff, Status};
use super::order;
use super::resource::Resource;

/// What an apply stage gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// The version of the format.
    pub version: u8,
    /// The root of the monorepo, from the top of its repository; `.` where that is the same.
    pub root: String,
    /// The commit before; none where the artifacts of the last build are what was before.
    pub base: Option<String>,
    /// The commit after; none where something is not committed.
    pub head: Option<String>,
    /// The stacks that differ, in the order of their paths.
    pub stacks: Vec<StackChange>,
    /// The stacks that would differ but fail, so that nobody knows how.
    pub failed: Vec<String>,
}

/// A stack that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackChange {
    /// From the root of the monorepo; the identity of the stack.
    pub path: String,
    /// The path of its project.
    pub project: Option<String>,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub status: StackStatus,
    /// Its artifact, from the output folder.
    pub artifact: String,
    /// The digest of the artifact; none where it is gone.
    pub digest: Option<String>,
    /// The digest of the artifact before; none where it is new.
    pub previous: Option<String>,
    /// The resources that differ, in the order in which they are applied; those that are to be removed come last.
    pub resources: Vec<ResourceChange>,
    /// How many of its resources do not differ.
    pub unchanged: usize,
}

/// What became of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StackStatus {
    /// It had no artifact.
    Added,
    /// Its artifact differs.
    Changed,
    /// It has no artifact any more.
    Removed,
}

/// A resource that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// Its id in the artifact.
    pub id: String,
    /// What it is: `Deployment`, `aws_s3_bucket`.
    pub kind: String,
    /// What became of it.
    pub status: StackStatus,
    /// The paths of the fields that differ, from the top of its document; none where all of it is new or gone.
    pub fields: Vec<String>,
}

/// A stack on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The path of the stack.
    pub path: String,
    /// The path of its project.
    pub project: Option<String>,
    /// Its name.
    pub name: String,
    /// Its artifact, from the output folder.
    pub artifact: String,
    /// The digest and the text of its artifact before.
    pub before: Option<(Digest, String)>,
    /// The same after.
    pub after: Option<(Digest, String)>,
}

/// A stack that differs, with the values that do; secrets are hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct StackDiff {
    /// As the change set has it.
    pub change: StackChange,
    /// The resources, as the change set orders them.
    pub resources: Vec<ResourceDiff>,
}

impl StackStatus {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

impl From<Status> for StackStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Added => Self::Added,
            Status::Changed => Self::Changed,
            Status::Removed => Self::Removed,
        }
    }
}

impl StackDiff {
    /// How a stack differs; `None` where its artifact is the same, or is on neither side.
    ///
    /// # Errors
    /// Where an artifact is no YAML: what the parser said.
    pub fn of(delta: Delta) -> Result<Option<Self>, String> {
        let Delta { path, project, name, artifact, before, after } = delta;
        let digest = |side: &Option<(Digest, String)>| side.as_ref().map(|(digest, _)| digest.to_string());
        let (previous, digest) = (digest(&before), digest(&after));
        let status = match (&previous, &digest) {
            (None, None) => return Ok(None),
            (Some(before), Some(after)) if before == after => return Ok(None),
            (None, Some(_)) => StackStatus::Added,
            (Some(_), Some(_)) => StackStatus::Changed,
            (Some(_), None) => StackStatus::Removed,
        };
        let (mut before, mut after) = (ordered(before)?, ordered(after)?);
        // What is gone goes the other way, so that nothing loses what it rests on.
        before.reverse();
        let (resources, unchanged) = diff::resources(&before, &after);
        after.clear();
        let changes = resources.iter().map(ResourceChange::of).collect();
        let change = StackChange {
            path,
            project,
            name,
            status,
            artifact,
            digest,
            previous,
            resources: changes,
            unchanged,
        };
        Ok(Some(Self { change, resources }))
    }
}

/// The resources of one side in the order in which they are applied; that of the artifact where they depend on each
/// other in a circle.
fn ordered(side: Option<(Digest, String)>) -> Result<Vec<Resource>, String> {
    let Some((_, text)) = side else { return Ok(Vec::new()) };
    let resources = Resource::parse(&text)?;
    let Ok(order) = order::sorted(&resources) else { return Ok(resources) };
    let mut resources: Vec<Option<Resource>> = resources.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|at| resources[at].take()).collect())
}

impl ResourceChange {
    fn of(resource: &ResourceDiff) -> Self {
        Self {
            id: resource.id.clone(),
            kind: resource.kind.clone(),
            status: resource.status.into(),
            fields: resource.fields.iter().map(|field| field.path.to_string()).collect(),
        }
    }
}

impl ChangeSet {
    /// As text; the digest of a change set is that of this.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Plain data with text keys always has a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// What a file says.
    ///
    /// # Errors
    /// Where it is no change set, or one of another version, or names what cannot be the path of a stack.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let set: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if set.version != 1 {
            return Err(format!("it has version {}, and only version 1 is known", set.version));
        }
        set.check()?;
        let digests = set.stacks.iter().flat_map(|stack| [&stack.digest, &stack.previous]).flatten();
        if let Some(odd) = digests.into_iter().find(|digest| digest.parse::<Digest>().is_err()) {
            return Err(format!("`{}` is no digest", odd.escape_debug()));
        }
        Ok(set)
    }

    /// Whether all paths lead to where stacks and artifacts may be.
    ///
    /// # Errors
    /// Where one does not, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let mut paths = self.stacks.iter().flat_map(|stack| [&stack.path, &stack.artifact]);
        match paths.find(|path| !is_stack_path(path)) {
            Some(odd) => Err(format!("`{}` is no path of a stack", odd.escape_debug())),
            None => Ok(()),
        }
    }

    /// The digest of the change set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }

    /// How many stacks were added, changed and removed.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        [StackStatus::Added, StackStatus::Changed, StackStatus::Removed]
            .map(|status| self.stacks.iter().filter(|stack| stack.status == status).count())
    }
}

/// Whether a path can be that of a stack or its artifact: it leads nowhere else, and has no character that steers
/// terminals or ends lines. The root itself is a stack with the path `.`.
fn is_stack_path(path: &str) -> bool {
    path == "." || (crate::monorepo::paths::is_inside(path) && !path.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(before: Option<&str>, after: Option<&str>) -> Delta {
        let side = |text: Option<&str>| text.map(|text| (Digest::of(text.as_bytes()), text.to_owned()));
        Delta {
            path: "a".into(),
            project: None,
            name: "a".into(),
            artifact: "a.yaml".into(),
            before: side(before),
            after: side(after),
        }
    }

    fn manifest(kind: &str, more: &str) -> String {
        format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: x\n{more}")
    }

    #[test]
    fn statuses_and_orders() {
        let (service, secret) = (manifest("Service", ""), manifest("Secret", ""));
        let before = format!("{secret}---\n{service}");
        let after = [manifest("Deployment", "spec: 1\n"), manifest("Namespace", "")].join("---\n");
        let found = StackDiff::of(delta(Some(&before), Some(&after))).expect("YAML").expect("a difference");
        let kinds: Vec<_> = found.change.resources.iter().map(|it| (it.kind.as_str(), it.status)).collect();
        let (added, removed) = (StackStatus::Added, StackStatus::Removed);
        let expected =
            [("Namespace", added), ("Deployment", added), ("Service", removed), ("Secret", removed)];
        assert_eq!(kinds, expected);
        assert_eq!(StackDiff::of(delta(Some(&before), Some(&before))), Ok(None));
        let gone = StackDiff::of(delta(Some(&before), None)).expect("YAML").expect("a difference");
        assert_eq!(gone.change.status, StackStatus::Removed);
        assert_eq!(gone.change.digest, None);
    }

    #[test]
    fn there_and_back() {
        let stack = StackDiff::of(delta(None, Some("x: 1\n"))).expect("YAML").expect("a difference").change;
        let set = ChangeSet {
            version: 1,
            root: ".".into(),
            base: None,
            head: None,
            stacks: vec![stack],
            failed: Vec::new(),
        };
        assert_eq!(ChangeSet::from_json(&set.to_json()), Ok(set.clone()));
        for path in ["../x", "/x", "a/../../x", "a\nb", "a\u{1b}[0m", ".git/x"] {
            let mut odd = set.clone();
            odd.stacks[0].path = path.to_owned();
            assert!(ChangeSet::from_json(&odd.to_json()).is_err(), "{path}");
        }
        let newer = ChangeSet { version: 2, ..set };
        assert!(ChangeSet::from_json(&newer.to_json()).is_err());
    }
}
