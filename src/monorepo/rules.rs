//! Rules for the structure of a monorepo: goldens, names, owners. `konfig.yaml` says how much each of them counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kcl::world::World;
use serde::Deserialize;
use syntax::diag::Place;

use super::marks::{GOLDEN, OWNERS, PROJECT, STACK};
use super::{DiskWorld, Kind, Listing, Monorepo, Project, Stack, StackId, paths, read};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Each stack has a golden.
    MissingGolden,
    /// Each golden is of a stack.
    StrayGolden,
    /// Projects have names that clusters and hosts can bear.
    ProjectName,
    /// So have stacks.
    StackName,
    /// No two projects have one name.
    SameProjectName,
    /// No two stacks of a project have one name.
    SameStackName,
    /// Each project has owners.
    MissingOwners,
    /// Each stack is of a project.
    MissingProject,
    /// Each project has a stack.
    EmptyProject,
    /// No stack lies within another one.
    NestedStack,
}

/// How much a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Who breaks it fails.
    Error,
    /// Who breaks it is told.
    Warning,
    /// Not at all.
    Off,
}

/// How much each rule counts, where that is not as usual.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Levels(BTreeMap<Rule, Level>);

/// Where a rule is broken.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// How much that counts.
    pub level: Level,
    /// The project or stack, or the folder of something that is neither; from the root.
    pub path: String,
    /// The file that shows it, or the folder.
    pub file: PathBuf,
    /// The place in that file, where one is to blame.
    pub place: Option<Place>,
    /// One lower-case sentence.
    pub message: String,
}

/// Every rule with its name, the code of its messages, and how much it usually counts.
const RULES: [(Rule, &str, &str, Level); 10] = [
    (Rule::MissingGolden, "missing-golden", "V01", Level::Warning),
    (Rule::StrayGolden, "stray-golden", "V02", Level::Warning),
    (Rule::ProjectName, "project-name", "V03", Level::Warning),
    (Rule::StackName, "stack-name", "V04", Level::Warning),
    (Rule::SameProjectName, "same-project-name", "V05", Level::Off),
    (Rule::SameStackName, "same-stack-name", "V06", Level::Warning),
    (Rule::MissingOwners, "missing-owners", "V07", Level::Warning),
    (Rule::MissingProject, "missing-project", "V08", Level::Warning),
    (Rule::EmptyProject, "empty-project", "V09", Level::Warning),
    (Rule::NestedStack, "nested-stack", "V10", Level::Warning),
];

impl Rule {
    /// All of them, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        RULES.iter().map(|row| row.0)
    }

    /// As `konfig.yaml` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The stable code that users look up.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().2
    }

    /// What to do where it is broken.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::MissingGolden => {
                "build the stack, look at its artifact, and keep it as `ci-test/stdout.golden.yaml`"
            }
            Self::StrayGolden => "remove it, or make the folder a stack again",
            Self::ProjectName | Self::StackName => {
                "use at most 63 lower-case letters, digits and `-`, with a letter or digit first and last"
            }
            Self::SameProjectName | Self::SameStackName => "rename one of them",
            Self::MissingOwners => {
                "add a file `OWNERS` to its folder or one above it, or `owners:` to its `project.yaml`"
            }
            Self::MissingProject => "add a `project.yaml` to the folder above the stack",
            Self::EmptyProject => "remove its `project.yaml`, or add a stack",
            Self::NestedStack => "move one of them beside the other",
        }
    }

    fn row(self) -> &'static (Self, &'static str, &'static str, Level) {
        // Rules are numbered in the order of the table; a test holds that.
        &RULES[self as usize]
    }
}

impl Levels {
    /// How much a rule counts.
    #[must_use]
    pub fn of(&self, rule: Rule) -> Level {
        self.0.get(&rule).copied().unwrap_or(rule.row().3)
    }
}

/// What rules are held against.
pub struct Inspection<'a> {
    /// The files. What was never listed has no [`Rule::StrayGolden`].
    pub world: &'a DiskWorld,
    /// The projects and stacks.
    pub monorepo: &'a Monorepo,
    /// How much rules count.
    pub levels: &'a Levels,
}

impl Inspection<'_> {
    /// Where some stacks and their projects break rules; with `None` all that there is. In the order of rules, then paths.
    #[must_use]
    pub fn findings(&self, only: Option<&[StackId]>) -> Vec<Finding> {
        let Monorepo { stacks, projects, .. } = self.monorepo;
        let scope = match only {
            None => Scope { stacks: stacks.iter().collect(), projects: projects.iter().collect(), all: true },
            Some(only) => {
                let stacks: Vec<&Stack> = only.iter().map(|id| self.monorepo.stack(*id)).collect();
                let used: BTreeSet<_> = stacks.iter().filter_map(|stack| stack.project).collect();
                let projects = used.into_iter().map(|id| self.monorepo.project(id)).collect();
                Scope { stacks, projects, all: false }
            }
        };
        let wanted = Rule::all().filter(|rule| self.levels.of(*rule) != Level::Off);
        wanted.flat_map(|rule| self.broken(rule, &scope)).collect()
    }

    fn broken(&self, rule: Rule, scope: &Scope<'_>) -> Vec<Finding> {
        let Scope { stacks, projects, all } = scope;
        match rule {
            Rule::MissingGolden => of_each(stacks, |stack| self.missing_golden(stack)),
            Rule::StrayGolden => {
                if *all {
                    self.stray_goldens()
                } else {
                    Vec::new()
                }
            }
            Rule::ProjectName => of_each(projects, |project| self.project_name(project)),
            Rule::StackName => of_each(stacks, |stack| self.stack_name(stack)),
            Rule::SameProjectName => self.same_project_names(projects),
            Rule::SameStackName => self.same_stack_names(stacks),
            Rule::MissingOwners => of_each(projects, |project| self.missing_owners(project)),
            Rule::MissingProject => of_each(stacks, |stack| self.missing_project(stack)),
            Rule::EmptyProject => self.empty_projects(projects),
            Rule::NestedStack => of_each(stacks, |stack| self.nested_stack(stack)),
        }
    }

    fn missing_golden(&self, stack: &Stack) -> Option<Finding> {
        let has = self.world.is_file(&self.monorepo.folder(stack).join(GOLDEN));
        let message = || format!("stack `{}` has no golden", stack.path);
        (!has).then(|| self.of_stack(Rule::MissingGolden, stack, message()))
    }

    fn stray_goldens(&self) -> Vec<Finding> {
        let stray = |(folder, listing): (PathBuf, Arc<Listing>)| {
            let inside = folder.strip_prefix(&self.monorepo.root).ok()?;
            let golden = Path::new(GOLDEN);
            let path = text(inside.parent()?);
            let is_golden = inside.file_name() == golden.parent()?.file_name()
                && listing.kind(golden.file_name()?).is_some_and(|kind| kind != Kind::Folder);
            let message = format!("`{path}` has a golden, but is no stack");
            let file = folder.join(golden.file_name()?);
            let is_stray = is_golden && self.monorepo.stack_at(&path).is_none();
            is_stray.then(|| self.finding(Rule::StrayGolden, path, file, message))
        };
        self.world.listings().into_iter().filter_map(stray).collect()
    }

    fn project_name(&self, project: &Project) -> Option<Finding> {
        let Project { path, name, .. } = project;
        let message = || format!("project `{path}` is called `{name}`, which is no name for a host");
        (!is_label(name)).then(|| self.of_project(Rule::ProjectName, project, message()))
    }

    fn stack_name(&self, stack: &Stack) -> Option<Finding> {
        let Stack { path, name, .. } = stack;
        let message = || format!("stack `{path}` is called `{name}`, which is no name for a host");
        (!is_label(name)).then(|| self.of_stack(Rule::StackName, stack, message()))
    }

    fn same_project_names(&self, projects: &[&Project]) -> Vec<Finding> {
        let mut first = BTreeMap::new();
        for project in self.monorepo.projects.iter() {
            first.entry(&project.name).or_insert(&project.path);
        }
        of_each(projects, |project| {
            let (name, path) = (&project.name, &project.path);
            let other = first.get(name).filter(|other| **other != path)?;
            let message = format!("project `{path}` is called `{name}`, and so is `{other}`");
            Some(self.of_project(Rule::SameProjectName, project, message))
        })
    }

    fn same_stack_names(&self, stacks: &[&Stack]) -> Vec<Finding> {
        let mut first = BTreeMap::new();
        for stack in self.monorepo.stacks.iter().filter(|stack| stack.project.is_some()) {
            first.entry((stack.project, &stack.name)).or_insert(&stack.path);
        }
        of_each(stacks, |stack| {
            let Stack { path, name, project } = stack;
            let other = first.get(&(*project, name)).filter(|other| **other != path)?;
            let message =
                format!("stack `{path}` is called `{name}`, and so is `{other}` of the same project");
            Some(self.of_stack(Rule::SameStackName, stack, message))
        })
    }

    fn missing_owners(&self, project: &Project) -> Option<Finding> {
        let folder = paths::join(&self.monorepo.root, &project.path);
        let above = folder.ancestors().take_while(|folder| folder.starts_with(&self.monorepo.root));
        let has_file = above.map(|folder| folder.join(OWNERS)).any(|file| self.names_somebody(&file));
        let message = || format!("project `{}` has no owners", project.path);
        (!has_file && !self.describes_owners(&folder.join(PROJECT)))
            .then(|| self.of_project(Rule::MissingOwners, project, message()))
    }

    /// Whether a file has a line that is no comment.
    fn names_somebody(&self, file: &Path) -> bool {
        let is_name = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        self.world.is_file(file)
            && self.world.source(file).is_ok_and(|source| source.text().lines().any(is_name))
    }

    /// Whether the description of a project has owners. What is wrong with it otherwise has been said.
    fn describes_owners(&self, file: &Path) -> bool {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Described {
            owners: serde_yaml_ng::Value,
        }
        let Ok(Some(source)) = read::text(self.world, file) else { return false };
        match read::yaml::<Described>(&source, file).unwrap_or_default().owners {
            serde_yaml_ng::Value::String(owner) => !owner.trim().is_empty(),
            serde_yaml_ng::Value::Sequence(owners) => !owners.is_empty(),
            _ => false,
        }
    }

    fn missing_project(&self, stack: &Stack) -> Option<Finding> {
        let message = || format!("stack `{}` is of no project", stack.path);
        stack.project.is_none().then(|| self.of_stack(Rule::MissingProject, stack, message()))
    }

    fn empty_projects(&self, projects: &[&Project]) -> Vec<Finding> {
        let used = self.monorepo.stacks.iter().filter_map(|stack| self.monorepo.project_of(stack));
        let used: BTreeSet<&str> = used.map(|project| &*project.path).collect();
        of_each(projects, |project| {
            let message = || format!("project `{}` has no stacks", project.path);
            (!used.contains(&*project.path)).then(|| self.of_project(Rule::EmptyProject, project, message()))
        })
    }

    fn nested_stack(&self, stack: &Stack) -> Option<Finding> {
        let path = &stack.path;
        let above = Path::new(path).ancestors().skip(1).map(text).filter(|above| above != path);
        let outer = above.into_iter().find(|above| self.monorepo.stack_at(above).is_some())?;
        let message = format!("stack `{path}` lies within stack `{outer}`");
        Some(self.of_stack(Rule::NestedStack, stack, message))
    }

    fn of_stack(&self, rule: Rule, stack: &Stack, message: String) -> Finding {
        let folder = self.monorepo.folder(stack);
        let described = folder.join(STACK);
        let file = if self.world.is_file(&described) { described } else { folder };
        self.finding(rule, stack.path.clone(), file, message)
    }

    fn of_project(&self, rule: Rule, project: &Project, message: String) -> Finding {
        let file = paths::join(&self.monorepo.root, &project.path).join(PROJECT);
        self.finding(rule, project.path.clone(), file, message)
    }

    fn finding(&self, rule: Rule, path: String, file: PathBuf, message: String) -> Finding {
        let is_of_name =
            matches!(rule, Rule::ProjectName | Rule::StackName | Rule::SameProjectName | Rule::SameStackName);
        let place = if is_of_name { self.name_in(&file) } else { None };
        Finding { rule, level: self.levels.of(rule), path, file, place, message }
    }

    /// Where a description says the name.
    fn name_in(&self, file: &Path) -> Option<Place> {
        let source = self.world.source(file).ok()?;
        let mut start = 0;
        for line in source.text().split_inclusive('\n') {
            if line.starts_with("name:") {
                let end = start + line.trim_end().len();
                return Some(Place { span: read::span(start, end), source });
            }
            start += line.len();
        }
        None
    }
}

/// What rules are held against: all that there is, or some stacks with their projects.
struct Scope<'a> {
    stacks: Vec<&'a Stack>,
    projects: Vec<&'a Project>,
    all: bool,
}

fn of_each<T>(all: &[&T], finding: impl Fn(&T) -> Option<Finding>) -> Vec<Finding> {
    all.iter().filter_map(|one| finding(one)).collect()
}

/// A path from the root as stacks have it.
fn text(path: &Path) -> String {
    let path = paths::slashed(path);
    if path.is_empty() { ".".to_owned() } else { path }
}

/// Whether a name is one that Kubernetes and hosts take.
fn is_label(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(is_plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_in_their_table() {
        for (at, rule) in Rule::all().enumerate() {
            assert_eq!(rule as usize, at);
            let named: Rule = serde_yaml_ng::from_str(rule.name()).expect("a rule");
            assert_eq!(named, rule);
        }
    }

    #[test]
    fn levels_are_usual_unless_said() {
        let levels: Levels =
            serde_yaml_ng::from_str("missing-golden: error\nstack-name: off").expect("levels");
        assert_eq!(levels.of(Rule::MissingGolden), Level::Error);
        assert_eq!(levels.of(Rule::StackName), Level::Off);
        assert_eq!(levels.of(Rule::MissingOwners), Level::Warning);
        assert!(serde_yaml_ng::from_str::<Levels>("no-such-rule: error").is_err());
        assert!(serde_yaml_ng::from_str::<Levels>("stack-name: loud").is_err());
    }

    #[test]
    fn labels() {
        let long = "x".repeat(64);
        assert!(["a", "shop-2", &long[..63]].into_iter().all(is_label));
        assert!(!["", "A", "a_b", "-a", "a-", "a.b", "ü", &long].into_iter().any(is_label));
    }
}
