//! Which stacks go where, and when.

use std::collections::BTreeSet;

use super::change_set::{ChangeSet, StackStatus};
use super::run::Wave;
use crate::monorepo::konfig_yaml::KonfigYaml;

/// What is wanted of a change set.
pub struct Wanted<'a> {
    /// The names of the targets; all if there are none.
    pub targets: &'a [String],
    /// Whether stacks that are gone are removed.
    pub prune: bool,
}

/// Where the stacks of a change set go.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// The waves, first things first.
    pub waves: Vec<Wave>,
    /// Stacks that no target takes.
    pub homeless: Vec<String>,
    /// Stacks that are gone and stay where they are.
    pub left: Vec<String>,
}

/// The paths that selectors select.
pub type Select<'a, E> = &'a dyn Fn(&[String]) -> Result<BTreeSet<String>, E>;

/// The way of each stack. One that several waves name goes with the first of them, one that none names goes last.
///
/// # Errors
/// Where a selector is none.
pub fn routes<E>(
    settings: &KonfigYaml,
    set: &ChangeSet,
    wanted: &Wanted<'_>,
    select: Select<'_, E>,
) -> Result<Routes, E> {
    let mut routes = Routes::default();
    let mut taken = BTreeSet::new();
    let is_wanted = |name: &String| wanted.targets.is_empty() || wanted.targets.contains(name);
    let mut takers = Vec::new();
    for (at, target) in settings.targets.iter().enumerate().filter(|(_, it)| is_wanted(&it.name)) {
        takers.push((at, select(&target.stacks)?));
    }
    let mut waves = Vec::new();
    for wave in &settings.waves {
        waves.push((Some(wave.name.clone()), select(&wave.stacks)?));
    }
    let everything = set.stacks.iter().map(|stack| stack.path.clone()).collect();
    waves.push((None, everything));
    let is_left = |at: usize| set.stacks[at].status == StackStatus::Removed && !wanted.prune;
    for (name, named) in waves {
        let of_wave =
            |at: &usize| named.contains(&set.stacks[*at].path) && !taken.contains(at) && !is_left(*at);
        let stacks: Vec<usize> = (0..set.stacks.len()).filter(of_wave).collect();
        taken.extend(stacks.iter().copied());
        let step = |(at, takes): &(usize, BTreeSet<String>)| {
            let stacks: Vec<usize> =
                stacks.iter().copied().filter(|it| takes.contains(&set.stacks[*it].path)).collect();
            (!stacks.is_empty()).then_some((*at, stacks))
        };
        let steps: Vec<_> = takers.iter().filter_map(step).collect();
        if !steps.is_empty() {
            routes.waves.push(Wave { name, steps });
        }
    }
    for (at, stack) in set.stacks.iter().enumerate() {
        if is_left(at) {
            routes.left.push(stack.path.clone());
        } else if !takers.iter().any(|(_, takes)| takes.contains(&stack.path)) {
            routes.homeless.push(stack.path.clone());
        }
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::change_set::StackChange;
    use crate::monorepo::konfig_yaml::{DirectorySettings, Form, TargetSettings, WaveSettings};

    fn stack(path: &str, status: StackStatus) -> StackChange {
        StackChange {
            path: path.into(),
            project: None,
            name: String::new(),
            status,
            artifact: String::new(),
            digest: None,
            previous: None,
            resources: Vec::new(),
            unchanged: 0,
        }
    }

    #[test]
    fn waves_and_targets() {
        let target = |name: &str, stacks: &str| TargetSettings {
            name: name.into(),
            stacks: vec![stacks.into()],
            form: Form::Artifact,
            git: None,
            command: None,
            directory: Some(DirectorySettings { path: "x".into() }),
        };
        let settings = KonfigYaml {
            targets: vec![target("all", "a,b,c"), target("some", "b")],
            waves: vec![WaveSettings { name: "first".into(), stacks: vec!["b,gone".into()] }],
            ..KonfigYaml::default()
        };
        let changed = StackStatus::Changed;
        let stacks = vec![
            stack("a", changed),
            stack("b", changed),
            stack("d", changed),
            stack("gone", StackStatus::Removed),
        ];
        let set =
            ChangeSet { version: 1, root: ".".into(), base: None, head: None, stacks, failed: Vec::new() };
        let select = |selectors: &[String]| -> Result<BTreeSet<String>, ()> {
            Ok(selectors.iter().flat_map(|it| it.split(',')).map(str::to_owned).collect())
        };
        let wanted = Wanted { targets: &[], prune: false };
        let found = routes(&settings, &set, &wanted, &select).expect("routes");
        let first = Wave { name: Some("first".into()), steps: vec![(0, vec![1]), (1, vec![1])] };
        let last = Wave { name: None, steps: vec![(0, vec![0])] };
        assert_eq!(found.waves, [first, last]);
        assert_eq!(found.homeless, ["d"]);
        assert_eq!(found.left, ["gone"]);
        let wanted = Wanted { targets: &["some".to_owned()], prune: true };
        let found = routes(&settings, &set, &wanted, &select).expect("routes");
        assert_eq!(found.waves.len(), 1);
        assert_eq!(found.homeless, ["a", "d", "gone"]);
    }
}
