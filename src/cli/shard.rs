//! `--shard I/N` and `--costs FILE`: a share of the stacks for each of several machines.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::error::Refusal;
use super::site::Site;
use crate::build::shard::{Costs, Shard};
use crate::monorepo::{StackId, paths, read_text};

/// A share of the stacks.
#[derive(Debug, Args)]
pub(crate) struct ShardArgs {
    /// Build only one of N shares of the selected stacks, the I-th, so that N machines share the work
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "change_set")]
    shard: Option<Shard>,
    /// What stacks cost, for even shares: a report that `--format json` wrote, the same on all machines
    ///
    /// May be given several times, for the reports of several shards; of two that know a stack the later one counts.
    /// Stacks of which none knows how long they take to compile cost as much as most.
    #[arg(long, value_name = "FILE", requires = "shard")]
    costs: Vec<PathBuf>,
}

/// `2/5`
fn shard(text: &str) -> Result<Shard, String> {
    let numbers =
        text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    let shard = numbers.and_then(|(number, of)| Shard::new(number, of));
    shard.ok_or_else(|| "write for example `2/5`, the second of five".to_owned())
}

impl ShardArgs {
    /// The share of some stacks; all of them where no share is asked for.
    pub(crate) fn stacks(&self, site: &Site, stacks: Vec<StackId>) -> Result<Vec<StackId>, Refusal> {
        let Some(shard) = self.shard else { return Ok(stacks) };
        let mut costs = Costs::new();
        for file in &self.costs {
            let path = paths::join(site.world.stand(), file);
            let refused =
                |message| Refusal::request(message, "`konfig build --format json` writes such files");
            let source = read_text(&site.world, &path);
            let source = source.map_err(|problem| refused(problem.message(&|path| site.world.show(path))))?;
            let source = source.ok_or_else(|| refused(format!("there is no file `{}`", file.display())))?;
            costs.extend(measured(source.text()).map_err(|why| {
                refused(format!("`{}` does not say what stacks cost: {why}", file.display()))
            })?);
        }
        Ok(shard.stacks(&site.monorepo, &stacks, &costs))
    }
}

/// What of a report on a build tells the costs of stacks.
#[derive(Deserialize)]
struct Measured {
    version: u64,
    stacks: Vec<MeasuredStack>,
}

#[derive(Deserialize)]
struct MeasuredStack {
    path: String,
    status: String,
    microseconds: Option<u64>,
}

/// The costs that a report tells: those of stacks that were compiled. One that was reused took no time.
fn measured(report: &str) -> Result<Costs, String> {
    let report: Measured = serde_json::from_str(report).map_err(|error| error.to_string())?;
    if report.version != 1 {
        return Err(format!("it is a report of version {}", report.version));
    }
    let compiled =
        report.stacks.into_iter().filter(|stack| matches!(&*stack.status, "built" | "checked" | "failed"));
    Ok(compiled.filter_map(|stack| Some((stack.path, stack.microseconds?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_as_they_are_written() {
        assert_eq!(shard("2/5").ok(), Shard::new(2, 5));
        for wrong in ["", "2", "0/5", "6/5", "a/5", "2/", "-1/5", "2/5/1"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn costs_are_of_stacks_that_were_compiled() {
        let stack = |path: &str, status: &str, took: u64| serde_json::json!({ "path": path, "status": status, "microseconds": took });
        let stacks = [stack("a", "built", 5), stack("b", "reused", 1), stack("c", "failed", 7)];
        let report = serde_json::json!({ "version": 1, "stacks": stacks, "more": true }).to_string();
        let expected = Costs::from([("a".to_owned(), 5), ("c".to_owned(), 7)]);
        assert_eq!(measured(&report), Ok(expected));
        assert!(measured("{\"version\": 2, \"stacks\": []}").is_err());
        assert!(measured("[").is_err());
    }
}
