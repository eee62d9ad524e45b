//! `konfig affected`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::build::affected::{Affected, Status};
use crate::build::append_to_file;
use crate::build::checkout::FOLDER;
use crate::build::survey::{Drawn, Sweep};
use crate::cli::diagnostics::{Shown, grouped};
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::github;
use crate::cli::github::matrix::{self, MOST_JOBS};
use crate::cli::json::{AffectedV1, status};
use crate::cli::options::LimitArgs;
use crate::cli::report;
use crate::cli::revisions::{Pair, Quick, RevisionArgs, Revisions, Wanted, now};
use crate::cli::site::{Places, survey};
use crate::cli::text::{count, line};
use crate::cli::ui::Ui;

/// Name the stacks that come out differently between two revisions
///
/// Without revisions, compares the working tree with `HEAD`: what is not committed yet, new files included. Nothing is
/// written but what builds remember; the working tree is left alone, whatever the revisions.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct AffectedArgs {
    #[command(flatten)]
    revisions: RevisionArgs,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Evaluate nothing: name each stack of which some file differs that it may depend on
    #[arg(long)]
    no_eval: bool,
    /// Evaluate all stacks that may come out differently, however many; else more than 256 that use what changed in packages
    /// are named without that
    #[arg(long, conflicts_with = "no_eval")]
    exact: bool,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: AffectedFormat,
    /// The most jobs that a matrix has; each builds some of the stacks where there are more
    #[arg(
        long,
        value_name = "N",
        default_value_t = MOST_JOBS,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_JOBS))
    )]
    max_jobs: u16,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AffectedFormat {
    /// For people: a line a stack
    Text,
    /// For programs: docs/schema/affected.v1.json
    Json,
    /// For workflows: outputs with a matrix, in `$GITHUB_OUTPUT` where that is set
    Github,
}

/// Runs the command.
pub(crate) fn run(args: &AffectedArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let places = Places::find(args.root.as_deref(), None)?;
    let (Found { affected, exit, said, .. }, revisions, sweep) = find(args, &places, ui)?;
    report::say(&grouped(said), ui);
    let text = match args.format {
        AffectedFormat::Text => text(&affected),
        AffectedFormat::Json => {
            AffectedV1::new(&revisions.base, revisions.head.as_deref(), &affected).to_json()
        }
        AffectedFormat::Github => for_workflow(&affected, args.max_jobs, ui)?,
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    let grounded = sweep.and_then(|sweep| revisions.ground(*sweep));
    if let Some(survey) = grounded.and_then(|survey| Drawn::Anew(Box::new(survey)).encoded()) {
        // If that cannot be, the next one looks at all files again.
        survey.write(&places.root.join(FOLDER)).ok();
    }
    // The process ends here, as where they were compared.
    std::mem::forget(affected);
    Ok(exit)
}

/// What a comparison found.
struct Found {
    affected: Vec<Affected>,
    exit: Exit,
    said: Vec<Shown>,
    /// Whether all that was read is what the revisions have.
    certain: bool,
}

/// Asks the survey first, and git for a look at all files only where that leaves anything open.
fn find(
    args: &AffectedArgs,
    places: &Places,
    ui: &Ui,
) -> Result<(Found, Revisions, Option<Box<Sweep>>), Refusal> {
    let RevisionArgs { base, head } = &args.revisions;
    let (base, head) = (base.as_deref(), head.as_deref());
    let known = || survey(places, args.limits.limits());
    let survey = match Revisions::quick(places, base, head, known)? {
        Quick::Told(told) => {
            let (mut revisions, sweep) = *told;
            let found = compare(args, places, &mut revisions, Some(&sweep), ui)?;
            if found.certain {
                return Ok((found, revisions, Some(Box::new(sweep))));
            }
            Some(Box::new(sweep.into_survey()))
        }
        Quick::Open(survey) => survey,
    };
    let (mut revisions, sweep) =
        Revisions::find(places, base, head, || survey.map(|survey| Box::new(Sweep::on_ground(*survey))))?;
    let found = compare(args, places, &mut revisions, sweep.as_deref(), ui)?;
    Ok((found, revisions, sweep))
}

/// The stacks that differ, and how the command ends.
fn compare(
    args: &AffectedArgs,
    places: &Places,
    revisions: &mut Revisions,
    sweep: Option<&Sweep>,
    ui: &Ui,
) -> Result<Found, Refusal> {
    if revisions.are_same() {
        return Ok(Found { affected: Vec::new(), exit: Exit::Good, said: Vec::new(), certain: true });
    }
    let began = now();
    let (before, after, concerned) = revisions.sites(places, sweep)?;
    let pair = Pair::new(&before, &after, args.limits.limits());
    let mut said: Vec<Shown> =
        after.monorepo.problems.iter().map(|problem| Shown::problem(problem, &after.world)).collect();
    let affected = if args.no_eval {
        pair.comparison(concerned.as_ref().map(|it| &it.stacks)).by_inputs()
    } else {
        let (affected, notices) =
            pair.by_results(concerned.as_ref(), Wanted { reasons: true, exact: args.exact }, began, ui);
        said.extend(notices);
        affected
    };
    drop(pair);
    let certain = sweep.is_none_or(|it| revisions.are_certain([&before.world, &after.world], it, places));
    // A folder that cannot be read hides its stacks: the result is not to be relied on.
    let exit = if after.monorepo.problems.is_empty() { Exit::Good } else { Exit::BadRequest };
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget((before, after));
    Ok(Found { affected, exit, said, certain })
}

/// Sets the outputs of the step that this runs in, and gives the text for its log; elsewhere the outputs are the text.
fn for_workflow(affected: &[Affected], jobs: u16, ui: &Ui) -> Result<String, Refusal> {
    let outputs = matrix::outputs(affected, jobs);
    let Some(file) = github::output_file() else { return Ok(outputs) };
    append_to_file(&file, &outputs).map_err(|error| {
        let message = format!("cannot write outputs to `{}`: {error}", file.display());
        Refusal::request(message, "`GITHUB_OUTPUT` names the file; without it they go to stdout")
    })?;
    let text = text(affected);
    github::summary::add(ui, || github::summary::of_affected(affected));
    Ok(text)
}

fn text(affected: &[Affected]) -> String {
    let mut text = String::new();
    let same = |one: &Affected, other: &Affected| Arc::ptr_eq(&one.because, &other.because);
    for stacks in affected.chunk_by(same) {
        let because = stacks.first().map(|stack| stack.because.join(", ")).unwrap_or_default();
        let because = line(&because);
        for stack in stacks {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:8} {}: {because}", status(stack.status), line(&stack.path));
        }
    }
    let number = |wanted| affected.iter().filter(|stack| stack.status == wanted).count();
    let (added, removed, modified) =
        (number(Status::Added), number(Status::Removed), number(Status::Modified));
    let stacks = count(affected.len(), "stack");
    let _ = writeln!(text, "{stacks} affected: {added} added, {removed} removed, {modified} modified");
    text
}
