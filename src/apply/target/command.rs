//! A command that is run for each stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cache::Digest;
use serde::Serialize;

use super::{Context, Item, Outcome, Target};
use crate::apply::change_set::{StackChange, StackStatus};
use crate::apply::job::{self, Ended, Job, Known};
use crate::build::write_file;
use crate::monorepo::konfig_yaml::{CommandSettings, TargetSettings};
use crate::monorepo::plain;

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(60);

/// A command.
pub(super) struct PerStack<'a> {
    name: &'a str,
    settings: &'a CommandSettings,
    context: &'a Context<'a>,
}

/// What a command reads.
#[derive(Serialize)]
struct Input<'a> {
    version: u8,
    target: &'a str,
    base: Option<&'a str>,
    head: Option<&'a str>,
    change_set: &'a str,
    /// The same for each try of the same thing.
    key: &'a str,
    stack: &'a StackChange,
    /// The files that it is to apply, absolute.
    files: &'a [PathBuf],
}

impl<'a> PerStack<'a> {
    pub(super) fn new(
        target: &'a TargetSettings,
        settings: &'a CommandSettings,
        context: &'a Context<'a>,
    ) -> Result<Self, String> {
        let example: BTreeMap<String, String> = NAMES.map(|name| (name.to_owned(), "x".to_owned())).into();
        for command in [&settings.apply, &settings.remove] {
            expand(command, &example).map_err(|why| format!("target `{}`: {why}", target.name))?;
        }
        Ok(Self { name: &target.name, settings, context })
    }

    fn one(&self, item: &Item<'_>) -> Outcome {
        let is_gone = item.change.status == StackStatus::Removed;
        let template = if is_gone { &self.settings.remove } else { &self.settings.apply };
        if template.is_empty() {
            let hint = "write `remove: [program, argument]`";
            return Outcome::failed(format!(
                "target `{}` has no command for stacks that are gone: {hint}",
                self.name
            ));
        }
        let key = Digest::of(format!("{}\0{}\0{}", self.name, item.change.path, item.what).as_bytes());
        let place = job::place(self.name, &item.change.path);
        let work = self.context.folder.join("work").join(&place);
        let outcome = match write(&work, item) {
            Ok(files) => self.tried(item, template, &key.to_string(), &files, &place),
            Err(why) => Outcome::failed(why),
        };
        // What is left is written over by the next one.
        fs::remove_dir_all(&work).ok();
        outcome
    }

    /// Runs the command until it succeeds, or has been tried often enough.
    fn tried(
        &self,
        item: &Item<'_>,
        template: &[String],
        key: &str,
        files: &[PathBuf],
        place: &str,
    ) -> Outcome {
        let mut pause = self.settings.backoff;
        for attempt in 0.. {
            let job = match self.job(item, template, key, files) {
                Ok(job) => job,
                Err(why) => return Outcome::failed(why),
            };
            let path = self.context.folder.join("jobs").join(place);
            let known = job::run(&path, &job, &self.context.keeper);
            let (outcome, is_final) = self.outcome(known);
            let again = !is_final && attempt < self.settings.retries && !self.is_stopped();
            // The next try, or the ledger, takes over what the file says.
            if again {
                job::forget(&path).ok();
                #[expect(clippy::disallowed_methods, reason = "what failed is given time to get better")]
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST);
                continue;
            }
            return outcome;
        }
        Outcome::failed("it was never tried")
    }

    fn is_stopped(&self) -> bool {
        self.context.stop.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What a try came to, and whether it is not to be tried again.
    fn outcome(&self, known: std::io::Result<Known>) -> (Outcome, bool) {
        match known {
            Err(error) => (Outcome::failed(format!("cannot start its keeper: {}", plain(&error))), true),
            Ok(Known::NotRun) => (Outcome::failed("its keeper ended before it began"), false),
            Ok(Known::Lost) => {
                (Outcome::Unknown("its keeper was killed while it ran".to_owned()), !self.settings.idempotent)
            }
            Ok(Known::Ended(Ended { failure: None, stopped: _, output })) => (Outcome::Done(output), true),
            Ok(Known::Ended(Ended { failure: Some(why), stopped, output })) => {
                (Outcome::Failed { why, output }, stopped && !self.settings.idempotent)
            }
        }
    }

    fn job(&self, item: &Item<'_>, template: &[String], key: &str, files: &[PathBuf]) -> Result<Job, String> {
        let Context { root, set, digest, .. } = self.context;
        let change = item.change;
        let file = files.first().map(|path| path.display().to_string()).unwrap_or_default();
        let folder = files.first().and_then(|path| path.parent()).unwrap_or(root);
        let values = [
            file,
            folder.display().to_string(),
            change.path.clone(),
            change.name.clone(),
            change.project.clone().unwrap_or_default(),
            change.status.word().to_owned(),
            self.name.to_owned(),
            key.to_owned(),
        ];
        let values: BTreeMap<String, String> =
            NAMES.iter().map(|name| (*name).to_owned()).zip(values).collect();
        let input = Input {
            version: 1,
            target: self.name,
            base: set.base.as_deref(),
            head: set.head.as_deref(),
            change_set: digest,
            key,
            stack: change,
            files,
        };
        let variable = |(name, value): (&String, &String)| {
            (format!("KONFIG_{}", name.to_ascii_uppercase()), value.clone())
        };
        Ok(Job {
            target: self.name.to_owned(),
            stack: change.path.clone(),
            what: item.what.clone(),
            change_set: digest.clone(),
            command: expand(template, &values)?,
            variables: values.iter().map(variable).collect(),
            folder: root.to_path_buf(),
            // Plain data with text keys always has a JSON form.
            input: serde_json::to_string(&input).unwrap_or_default(),
            limit: u64::try_from(self.settings.timeout.as_millis()).unwrap_or(u64::MAX),
            artifacts: files.to_vec(),
        })
    }
}

impl Target for PerStack<'_> {
    fn hand_over(&self, items: &[Item<'_>], tell: &(dyn Fn(usize, Outcome) + Sync)) {
        for folder in ["jobs", "work"] {
            if let Err(error) = fs::create_dir_all(self.context.folder.join(folder)) {
                let why = format!("cannot make a folder for jobs: {}", plain(&error));
                (0..items.len()).for_each(|at| tell(at, Outcome::failed(why.clone())));
                return;
            }
        }
        self.context.each(items.len(), &|at| tell(at, self.one(&items[at])));
    }
}

/// Writes the files that a command is to apply, for nobody else to read; gives their paths, the main one first.
fn write(work: &Path, item: &Item<'_>) -> Result<Vec<PathBuf>, String> {
    let told = |error: std::io::Error| format!("cannot write what is to be applied: {}", plain(&error));
    fs::remove_dir_all(work).or_else(ignore_absence).map_err(told)?;
    fs::create_dir_all(work).and_then(|()| only_for_us(work)).map_err(told)?;
    let mut paths = Vec::new();
    for file in &item.rendered.files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let path = work.join(name);
        write_file(&path, file.text.as_bytes()).map_err(told)?;
        paths.push(path);
    }
    Ok(paths)
}

fn ignore_absence(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn only_for_us(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// What templates of commands may name; each is a variable `KONFIG_…` too.
const NAMES: [&str; 8] = ["artifact", "folder", "stack", "name", "project", "status", "target", "key"];

/// Programs that take an argument for a script after `-c`.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "busybox"];

/// A command with its placeholders filled in: `{artifact}`, `{stack}`. An argument stays one argument, whatever is
/// filled in, and a script of a shell gets a variable instead, so that a value is never read as code.
///
/// # Errors
/// Where a placeholder is none that there is, stands in single quotes of a script, or a value would be taken for an option.
pub fn expand(command: &[String], values: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let mut is_script = false;
    let mut shell = false;
    let mut expanded = Vec::with_capacity(command.len());
    for argument in command {
        let text = if is_script { script(argument, values)? } else { filled(argument, values)? };
        expanded.push(text);
        is_script =
            shell && argument.starts_with('-') && !argument.starts_with("--") && argument.ends_with('c');
        let name = argument.rsplit('/').next().unwrap_or(argument);
        // `env sh -c`, `sudo bash -c`: what comes after the name of a shell is for the shell.
        shell = shell || SHELLS.contains(&name);
    }
    Ok(expanded)
}

fn filled(argument: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    let mut text = String::new();
    for part in parts(argument) {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Name(name) => {
                let value = value(name, values)?;
                if text.is_empty() && value.starts_with('-') {
                    return Err(format!("`{value}` would be taken for an option"));
                }
                text.push_str(value);
            }
        }
    }
    Ok(text)
}

/// A script in which placeholders are variables, in quotes unless they stand in quotes already.
fn script(argument: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    let mut text = String::new();
    let mut quote = None;
    for part in parts(argument) {
        match part {
            Part::Text(plain) => {
                text.push_str(plain);
                quote = quote_after(plain, quote);
            }
            Part::Name(name) => {
                value(name, values)?;
                let variable = format!("${{KONFIG_{}}}", name.to_ascii_uppercase());
                match quote {
                    None => text.push_str(&format!("\"{variable}\"")),
                    Some('"') => text.push_str(&variable),
                    Some(_) => {
                        return Err(format!(
                            "`{{{name}}}` stands in single quotes of a script, where it cannot be filled in"
                        ));
                    }
                }
            }
        }
    }
    Ok(text)
}

fn value<'v>(name: &str, values: &'v BTreeMap<String, String>) -> Result<&'v str, String> {
    values.get(name).map(String::as_str).ok_or_else(|| {
        let known: Vec<String> = NAMES.iter().map(|name| format!("`{{{name}}}`")).collect();
        format!("there is no `{{{name}}}`, but {}", known.join(", "))
    })
}

enum Part<'t> {
    Text(&'t str),
    Name(&'t str),
}

/// Text and the names of placeholders: lower-case letters in braces, unless a `$` stands before them.
fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let inside = &text[open + 1..];
        let end = inside.find(|letter: char| !letter.is_ascii_lowercase());
        match end {
            Some(end @ 1..) if inside[end..].starts_with('}') && !text[..open].ends_with('$') => {
                parts.push(Part::Text(&text[..open]));
                parts.push(Part::Name(&inside[..end]));
                text = &inside[end + 1..];
                from = 0;
            }
            _ => from = open + 1,
        }
    }
    parts.push(Part::Text(text));
    parts
}

/// The quote that is open after a text of a shell.
fn quote_after(text: &str, mut quote: Option<char>) -> Option<char> {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None | Some('"'), '\\') => {
                letters.next();
            }
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    quote
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(command: &[&str], stack: &str) -> Result<Vec<String>, String> {
        let mut values: BTreeMap<String, String> = NAMES.map(|name| (name.to_owned(), "v".to_owned())).into();
        values.insert("stack".to_owned(), stack.to_owned());
        let command: Vec<String> = command.iter().map(|it| (*it).to_owned()).collect();
        expand(&command, &values)
    }

    #[test]
    fn arguments_stay_arguments() {
        let found = expanded(&["kubectl", "apply", "-f", "{artifact}", "--name={stack}"], "a; rm -rf $(x)");
        assert_eq!(found.expect("a command")[3..], ["v", "--name=a; rm -rf $(x)"]);
        assert!(expanded(&["x", "{stack}"], "--all").expect_err("an option").contains("taken for an option"));
        assert!(expanded(&["x", "{stak}"], "a").expect_err("no name").contains("there is no `{stak}`"));
        assert_eq!(expanded(&["awk", "${x} {print $1}"], "a").expect("a command")[1], "${x} {print $1}");
    }

    #[test]
    fn scripts_get_variables() {
        let script = |text: &str| expanded(&["/bin/sh", "-ec", text], "$(x)").map(|it| it[2].clone());
        assert_eq!(script("echo {stack} >> log"), Ok("echo \"${KONFIG_STACK}\" >> log".to_owned()));
        assert_eq!(script("echo \"x {stack}\""), Ok("echo \"x ${KONFIG_STACK}\"".to_owned()));
        assert!(script("echo '{stack}'").is_err());
        assert_eq!(script("echo 'a' {stack}"), Ok("echo 'a' \"${KONFIG_STACK}\"".to_owned()));
        let found = expanded(&["env", "A=1", "bash", "-c", "{stack}"], "a").expect("a command");
        assert_eq!(found[4], "\"${KONFIG_STACK}\"");
    }
}
