//! What is wrong with the stacks of a build, for people and programs.

use std::path::Path;

use super::diagnostics::{Shown, grouped};
use super::text::list;
use crate::apply::mask;
use crate::build::{Failure, Finished, GOLDEN, Report};
use crate::monorepo::{DiskWorld, Monorepo};

/// What was built.
#[derive(Clone, Copy)]
pub(crate) struct Built<'a> {
    /// Its stacks.
    pub(crate) monorepo: &'a Monorepo,
    /// Its files.
    pub(crate) world: &'a DiskWorld,
    /// Where artifacts go.
    pub(crate) out: &'a Path,
}

/// All that is wrong, each said once, in the order of the stacks.
pub(crate) fn diagnostics(site: Built<'_>, report: &Report, notices: Vec<Shown>) -> Vec<Shown> {
    let general = site.monorepo.problems.iter().map(|problem| Shown::problem(problem, site.world));
    let of_stacks = report.stacks.iter().flat_map(|finished| {
        let path = &site.monorepo.stack(finished.stack).path;
        shown(site, finished).into_iter().map(move |shown| shown.of(path))
    });
    grouped(notices.into_iter().chain(general).chain(of_stacks))
}

/// What is wrong with a stack.
fn shown(site: Built<'_>, finished: &Finished) -> Vec<Shown> {
    let mut all: Vec<Shown> = finished.remarks().warnings.iter().map(Shown::diagnostic).collect();
    let Some(failure) = finished.failure() else { return all };
    let stack = site.monorepo.stack(finished.stack);
    let problem = |problem| Shown::problem(problem, site.world);
    match failure {
        Failure::Monorepo(problems) => all.extend(problems.iter().map(problem)),
        Failure::Program(diagnostics, missing) => {
            all.extend(diagnostics.iter().map(Shown::diagnostic));
            all.extend(missing.iter().map(problem));
        }
        Failure::Differs(difference) => {
            let golden = site.world.show(&site.monorepo.folder(stack).join(GOLDEN));
            let message = format!("stack `{}` differs from its golden at `{}`", stack.path, difference.path);
            let shown = |value: &String| mask::at(&difference.path, difference.in_secret, value);
            let (old, new) = (shown(&difference.golden), shown(&difference.artifact));
            let hint = format!("the golden has `{old}`, the artifact has `{new}`");
            all.push(Shown::error("B01", message, Some(golden), vec![hint]));
        }
        Failure::BadGolden(why) => {
            let golden = site.world.show(&site.monorepo.folder(stack).join(GOLDEN));
            let hint = "write it anew from the artifact".to_owned();
            all.push(Shown::error("B02", format!("the golden is not YAML: {why}"), Some(golden), vec![hint]));
        }
        Failure::Write(why) => {
            let artifact = site.world.show(&site.out.join(stack.artifact()));
            let hint =
                "check that the output folder may be written, or give another one with `--out`".to_owned();
            let message = format!("cannot write the artifact: {why}");
            all.push(Shown::error("B03", message, Some(artifact), vec![hint]));
        }
        Failure::Audit(missing) => {
            let artifact = site.world.show(&site.out.join(stack.artifact()));
            let missing = if missing.is_empty() { "nothing".to_owned() } else { list(missing, "and") };
            let hints = vec![
                format!("its record does not name what it used: {missing}"),
                "this is a bug in konfig; please report it, and build with `--no-cache` meanwhile".to_owned(),
            ];
            let message = format!("stack `{}` would have been reused, but comes out differently", stack.path);
            all.push(Shown::error("B04", message, Some(artifact), hints));
        }
        Failure::Crash(why) => {
            let folder = site.world.show(&site.monorepo.folder(stack));
            let hint = "this is a bug in konfig; please report it with the stack".to_owned();
            all.push(Shown::error("I01", format!("internal error: {why}"), Some(folder), vec![hint]));
        }
    }
    all
}
