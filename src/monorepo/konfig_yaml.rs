//! `konfig.yaml`: the mark of a root, and what holds for the monorepo as a whole.

use std::path::Path;
use std::time::Duration;

use kcl::world::World;
use serde::{Deserialize, Deserializer, de};

use super::marks::KONFIG;
use super::paths;
use super::problem::{Problem, ProblemKind};
use super::read;
use super::rules::Levels;

/// What `konfig.yaml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KonfigYaml {
    /// Where artifacts go.
    pub targets: Vec<TargetSettings>,
    /// Which stacks go first.
    pub waves: Vec<WaveSettings>,
    /// How much rules count.
    pub verify: Levels,
}

/// A place that artifacts are handed over to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSettings {
    /// What it is called; no two have one name.
    pub name: String,
    /// The selectors of the stacks that go there; all if there are none.
    #[serde(default, deserialize_with = "one_or_many")]
    pub stacks: Vec<String>,
    /// What it gets.
    #[serde(default)]
    pub form: Form,
    /// A branch of a repository.
    pub git: Option<GitSettings>,
    /// A command that is run for each stack.
    pub command: Option<CommandSettings>,
    /// A folder.
    pub directory: Option<DirectorySettings>,
}

/// What a target gets of a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The artifact as it is.
    #[default]
    Artifact,
    /// Kubernetes resources as plain documents in the order in which they depend on each other, and those of Terraform beside them.
    Manifests,
}

/// A branch that has what was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitSettings {
    /// An address, or a path from the root.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The folder in the branch.
    #[serde(default)]
    pub folder: String,
}

/// A command that is run for each stack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSettings {
    /// The program and its arguments, for stacks that are new or changed.
    pub apply: Vec<String>,
    /// The same for stacks that are gone.
    #[serde(default)]
    pub remove: Vec<String>,
    /// How long it may take.
    #[serde(default = "ten_minutes", deserialize_with = "duration")]
    pub timeout: Duration,
    /// How often it is tried again where it fails.
    #[serde(default)]
    pub retries: u32,
    /// How long the first pause before a new try is; each one is twice as long as that before it.
    #[serde(default = "one_second", deserialize_with = "duration")]
    pub backoff: Duration,
    /// Whether running it twice does no harm.
    #[serde(default)]
    pub idempotent: bool,
}

/// A folder that mirrors what was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    /// From the root.
    pub path: String,
}

/// Stacks that are handed over together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveSettings {
    /// What it is called.
    pub name: String,
    /// The selectors of its stacks.
    #[serde(deserialize_with = "one_or_many")]
    pub stacks: Vec<String>,
}

/// Which of the kinds of targets one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind<'a> {
    /// A branch.
    Git(&'a GitSettings),
    /// A command.
    Command(&'a CommandSettings),
    /// A folder.
    Directory(&'a DirectorySettings),
}

impl TargetSettings {
    /// Which kind it is; `None` where it says several, or none. Files that were read have exactly one.
    #[must_use]
    pub fn kind(&self) -> Option<TargetKind<'_>> {
        match (&self.git, &self.command, &self.directory) {
            (Some(git), None, None) => Some(TargetKind::Git(git)),
            (None, Some(command), None) => Some(TargetKind::Command(command)),
            (None, None, Some(directory)) => Some(TargetKind::Directory(directory)),
            _ => None,
        }
    }
}

impl KonfigYaml {
    /// What the file at the root says; nothing where there is none.
    ///
    /// # Errors
    /// Where it cannot be read, is not YAML, or says what makes no sense.
    pub fn read(world: &dyn World, root: &Path) -> Result<Self, Problem> {
        let path = root.join(KONFIG);
        let Some(source) = read::text(world, &path)? else { return Ok(Self::default()) };
        let settings: Self = read::yaml(&source, &path)?;
        settings.check().map_err(|why| Problem::new(ProblemKind::Settings(why), path))?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), String> {
        let names = |names: Vec<&String>, what: &str| {
            let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
            let odd = names.iter().find(|name| !is_name(name));
            match (twice, odd) {
                (Some((_, name)), _) => Err(format!("two {what}s are called `{name}`")),
                (None, Some(name)) => {
                    Err(format!("`{name}` is no name for a {what}: use letters, digits, `-` and `_`"))
                }
                (None, None) => Ok(()),
            }
        };
        names(self.targets.iter().map(|target| &target.name).collect(), "target")?;
        names(self.waves.iter().map(|wave| &wave.name).collect(), "wave")?;
        self.targets.iter().try_for_each(check_target)
    }
}

fn check_target(target: &TargetSettings) -> Result<(), String> {
    let name = &target.name;
    match target.kind() {
        None => Err(format!("target `{name}` needs one of `git`, `command` and `directory`")),
        Some(TargetKind::Command(command)) if command.apply.is_empty() => {
            Err(format!("target `{name}` has no command: write `apply: [program, argument]`"))
        }
        Some(TargetKind::Git(git)) if git.branch.is_empty() || git.branch.starts_with('-') => {
            Err(format!("target `{name}` has no branch"))
        }
        Some(TargetKind::Git(git)) if git.repository.is_empty() || git.repository.starts_with('-') => {
            Err(format!("target `{name}` has no repository"))
        }
        Some(TargetKind::Git(git)) if !git.folder.is_empty() && !paths::is_inside(&git.folder) => {
            Err(format!("the folder `{}` of target `{name}` is no path inside of the branch", git.folder))
        }
        Some(TargetKind::Directory(directory)) if directory.path.is_empty() => {
            Err(format!("target `{name}` has no path"))
        }
        Some(_) => Ok(()),
    }
}

/// The folder or address of a repository, from the root where it is a path.
#[must_use]
pub fn repository(root: &Path, written: &str) -> String {
    let is_address = written.contains("://") || is_scp(written);
    if is_address { written.to_owned() } else { paths::join(root, written).display().to_string() }
}

/// `user@host:path`, as git has it: a colon before the first slash.
fn is_scp(written: &str) -> bool {
    written.split_once(':').is_some_and(|(host, _)| !host.contains('/') && !host.is_empty())
}

fn is_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    !name.is_empty() && name.chars().all(is_plain)
}

fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// `90s`, `5m`, `250ms`; a number alone is in seconds.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Seconds(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Seconds(seconds) => Ok(Duration::from_secs(seconds)),
        Written::Text(text) => humantime::parse_duration(&text)
            .map_err(|_| de::Error::custom(format!("`{text}` is no length of time: write `90s` or `5m`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl KonfigYaml {
        fn parse(text: &str) -> Result<Self, String> {
            let parsed: Option<Self> = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
            let settings = parsed.unwrap_or_default();
            settings.check()?;
            Ok(settings)
        }
    }

    #[test]
    fn an_empty_file_is_a_mark() {
        assert_eq!(KonfigYaml::parse(""), Ok(KonfigYaml::default()));
        assert_eq!(KonfigYaml::parse("# only a mark\n"), Ok(KonfigYaml::default()));
    }

    #[test]
    fn targets_and_waves() {
        let text = "
targets:
- name: rendered
  form: manifests
  stacks: apps/...
  git: {repository: git@example.com:shop/rendered.git, branch: main}
- name: kubectl
  stacks: [env(dev), env(test)]
  command: {apply: [kubectl, apply, -f, '{artifact}'], timeout: 90s, retries: 2, backoff: 10ms}
waves:
- {name: dev, stacks: env(dev)}
";
        let settings = KonfigYaml::parse(text).expect("settings");
        assert_eq!(settings.targets[0].stacks, ["apps/..."]);
        assert_eq!(settings.targets[0].form, Form::Manifests);
        let Some(TargetKind::Command(command)) = settings.targets[1].kind() else { panic!("a command") };
        assert_eq!(command.timeout, Duration::from_secs(90));
        assert_eq!(command.backoff, Duration::from_millis(10));
        assert_eq!(settings.waves[0].stacks, ["env(dev)"]);
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let cases = [
            ("targets: [{name: a}]", "needs one of"),
            ("targets: [{name: a, directory: {path: x}}, {name: a, directory: {path: y}}]", "two targets"),
            ("targets: [{name: ../a, directory: {path: x}}]", "is no name"),
            ("targets: [{name: a, git: {repository: r, branch: b, folder: ../x}}]", "no path inside"),
            ("targets: [{name: a, command: {apply: []}}]", "has no command"),
            ("target: []", "unknown field"),
            ("targets: [{name: a, command: {apply: [x], timeout: soon}}]", "no length of time"),
        ];
        for (text, expected) in cases {
            let said = KonfigYaml::parse(text).expect_err(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
    }

    #[test]
    fn repositories_are_addresses_or_paths() {
        let root = Path::new("/root");
        assert_eq!(repository(root, "../bare.git"), "/bare.git");
        assert_eq!(repository(root, "git@example.com:a/b.git"), "git@example.com:a/b.git");
        assert_eq!(repository(root, "https://example.com/a.git"), "https://example.com/a.git");
    }
}
