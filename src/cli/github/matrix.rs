//! The stacks that a change affects, as outputs of a step: a matrix for the jobs that build them, and what to ask before.
//!
//! Each output is one line, whatever stacks are called: names are in JSON, which writes a line break as `\n`.

use serde::Serialize;
use serde_json::json;

use crate::build::affected::{Affected, Status};
use crate::cli::json::status;
use crate::graph::selector::naming;

/// How many jobs a matrix may have.
pub(crate) const MOST_JOBS: u16 = 256;

/// How long an output may be: GitHub takes a MiB of all outputs of a job, two bytes a letter.
const LONGEST: usize = 200_000;

/// A job that builds some stacks: `konfig build "$selector" --shard "$shard"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Entry<'a> {
    /// For people.
    title: String,
    /// One argument of `konfig build`.
    selector: String,
    /// What `--shard` takes.
    shard: String,
    /// The stack, where it is one.
    stack: Option<&'a str>,
    /// What all of them have in common.
    project: Option<&'a str>,
    name: Option<&'a str>,
    status: Option<&'static str>,
}

/// The outputs as `$GITHUB_OUTPUT` takes them, for a matrix of at most so many jobs. Stacks that are gone are in none, as
/// they cannot be built.
pub(crate) fn outputs(affected: &[Affected], jobs: u16) -> String {
    let (gone, here): (Vec<_>, Vec<_>) = affected.iter().partition(|stack| stack.status == Status::Removed);
    let entries = named(&here, jobs.into())
        .filter(|entries| json!(entries).to_string().len() <= LONGEST)
        .unwrap_or_else(|| sharded(jobs.into()));
    let matrix = json!({ "include": entries });
    let gone: Vec<&str> = gone.iter().map(|stack| stack.path.as_str()).collect();
    let any = !here.is_empty();
    let (count, removed_count) = (here.len(), gone.len());
    let listed = json!(gone).to_string();
    let removed = if listed.len() <= LONGEST { listed } else { "[]".to_owned() };
    format!("matrix={matrix}\nany={any}\ncount={count}\nremoved={removed}\nremoved_count={removed_count}\n")
}

/// Entries that name their stacks, each of about as many; `None` where a stack cannot be named.
fn named<'a>(stacks: &[&'a Affected], jobs: usize) -> Option<Vec<Entry<'a>>> {
    let jobs = jobs.min(stacks.len());
    let part = |job: usize| &stacks[job * stacks.len() / jobs..(job + 1) * stacks.len() / jobs];
    (0..jobs).map(|job| entry(part(job))).collect()
}

fn entry<'a>(stacks: &[&'a Affected]) -> Option<Entry<'a>> {
    let selector = naming(stacks.iter().map(|stack| stack.path.as_str()))?;
    let first = stacks.first()?;
    let title = match stacks.len() - 1 {
        0 => first.path.clone(),
        more => format!("{} and {more} more", first.path),
    };
    Some(Entry {
        title,
        selector,
        shard: "1/1".to_owned(),
        stack: (stacks.len() == 1).then_some(&first.path),
        project: common(stacks, |stack| stack.project.as_deref()),
        name: common(stacks, |stack| Some(stack.name.as_str())),
        status: common(stacks, |stack| Some(status(stack.status))),
    })
}

/// What all have in common.
fn common<'a, T: PartialEq>(stacks: &[&'a Affected], of: impl Fn(&'a Affected) -> Option<T>) -> Option<T> {
    let mut all = stacks.iter().map(|stack| of(stack));
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)?
}

/// Entries that build all stacks together, for changes that affect more than outputs can name.
fn sharded(jobs: usize) -> Vec<Entry<'static>> {
    let entry = |job: usize| Entry {
        title: format!("part {job} of {jobs}"),
        selector: "...".to_owned(),
        shard: format!("{job}/{jobs}"),
        stack: None,
        project: None,
        name: None,
        status: None,
    };
    (1..=jobs).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn affected(path: &str, status: Status) -> Affected {
        let (project, name) = path.rsplit_once('/').unwrap_or(("", path));
        let project = Some(project.to_owned());
        Affected { path: path.to_owned(), name: name.to_owned(), project, status, because: [].into() }
    }

    /// The outputs as GitHub reads them; each must be one line.
    fn read(affected: &[Affected], jobs: u16) -> Vec<(String, Value)> {
        let text = outputs(affected, jobs);
        let line = |line: &str| {
            let (name, value) = line.split_once('=').expect("an output");
            (name.to_owned(), serde_json::from_str(value).expect("JSON"))
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn a_job_a_stack() {
        let gone = affected("apps/c/dev", Status::Removed);
        let all = [affected("apps/a/dev", Status::Modified), affected("apps/b/prod", Status::Added), gone];
        let outputs = read(&all, MOST_JOBS);
        let entry = |path, project, name, status| {
            json!({
                "title": path, "selector": path, "shard": "1/1",
                "stack": path, "project": project, "name": name, "status": status,
            })
        };
        let first = entry("apps/a/dev", "apps/a", "dev", "modified");
        let second = entry("apps/b/prod", "apps/b", "prod", "added");
        assert_eq!(outputs[0], ("matrix".to_owned(), json!({ "include": [first, second] })));
        assert_eq!(outputs[1], ("any".to_owned(), json!(true)));
        assert_eq!(outputs[2], ("count".to_owned(), json!(2)));
        assert_eq!(outputs[3], ("removed".to_owned(), json!(["apps/c/dev"])));
        assert_eq!(outputs[4], ("removed_count".to_owned(), json!(1)));
    }

    #[test]
    fn nothing_is_no_job() {
        let outputs = read(&[], MOST_JOBS);
        assert_eq!(outputs[0].1, json!({ "include": [] }));
        assert_eq!(outputs[1].1, json!(false));
    }

    #[test]
    fn more_stacks_than_jobs_are_spread_evenly() {
        let all: Vec<_> = (0..1000).map(|n| affected(&format!("a/{n:04}/dev"), Status::Modified)).collect();
        let outputs = read(&all, MOST_JOBS);
        let entries = outputs[0].1["include"].as_array().expect("entries");
        assert_eq!(entries.len(), 256);
        let stacks = |entry: &Value| entry["selector"].as_str().expect("a selector").split('|').count();
        let counts: Vec<usize> = entries.iter().map(stacks).collect();
        assert_eq!((counts.iter().min(), counts.iter().max()), (Some(&3), Some(&4)));
        assert_eq!(counts.iter().sum::<usize>(), 1000);
        assert_eq!(entries[0]["title"], "a/0000/dev and 2 more");
        assert_eq!((&entries[0]["stack"], &entries[0]["project"]), (&Value::Null, &Value::Null));
        assert_eq!((&entries[0]["name"], &entries[0]["status"]), (&json!("dev"), &json!("modified")));
    }

    #[test]
    fn what_outputs_cannot_name_is_built_in_shards_of_all() {
        let all: Vec<_> = (0..20_000).map(|n| affected(&format!("a/{n}/dev"), Status::Modified)).collect();
        let gone: Vec<_> = (0..20_000).map(|n| affected(&format!("a/{n}/dev"), Status::Removed)).collect();
        for stacks in [all, vec![affected("a'b\"c", Status::Added)]] {
            let outputs = read(&stacks, 3);
            let entries = outputs[0].1["include"].as_array().expect("entries");
            assert_eq!(entries.len(), 3);
            assert_eq!((&entries[2]["selector"], &entries[2]["shard"]), (&json!("..."), &json!("3/3")));
        }
        let outputs = read(&gone, 3);
        assert_eq!((&outputs[3].1, &outputs[4].1), (&json!([]), &json!(20_000)));
    }

    #[test]
    fn hostile_names_make_no_outputs_of_their_own() {
        let outputs = read(&[affected("a\nany=false\r\n/$(x) & y", Status::Modified)], MOST_JOBS);
        assert_eq!(outputs.len(), 5);
        assert_eq!(outputs[1].1, json!(true));
        assert_eq!(outputs[0].1["include"][0]["selector"], "'a\nany=false\r\n/$(x) & y'");
    }
}
