//! `konfig preview`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::changes::{Source, between, saved};
use crate::cli::diagnostics::grouped;
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::options::LimitArgs;
use crate::cli::rendered::{PreviewV1, markdown, text};
use crate::cli::report;
use crate::cli::revisions::{RevisionArgs, now};
use crate::cli::selection::SELECTORS;
use crate::cli::site::Places;
use crate::cli::ui::Ui;

/// Show what would be applied: which fields of which resources differ
///
/// Compares the working tree with `HEAD`, or two revisions, or shows a change set that was written before. What looks
/// like a secret is hidden. Nothing is applied.
#[derive(Debug, Args)]
#[command(after_help = SELECTORS.to_owned() + EXIT_CODES)]
pub(crate) struct PreviewArgs {
    /// Stacks to show [default: all that differ]
    #[arg(value_name = "SELECTOR", conflicts_with = "change_set")]
    selectors: Vec<String>,
    #[command(flatten)]
    revisions: RevisionArgs,
    /// Show this change set of `konfig build --change-set`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "head"])]
    change_set: Option<PathBuf>,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Where artifacts are [default: `dist` in the monorepo]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PreviewFormat,
    /// End with 1 where something would change
    #[arg(long)]
    exit_code: bool,
    /// The size that markdown stays below, in bytes; comments of GitHub may have 65536
    #[arg(long, value_name = "BYTES", default_value_t = 60_000)]
    max_size: usize,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PreviewFormat {
    /// For people
    Text,
    /// For programs: docs/schema/preview.v1.json
    Json,
    /// For comments on pull requests
    Markdown,
}

/// Runs the command.
pub(crate) fn run(args: &PreviewArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let places = Places::find(args.root.as_deref(), args.out.as_deref())?;
    let found = match &args.change_set {
        Some(file) => saved(&places, file)?,
        None => {
            let limits = args.limits.limits();
            let (revisions, selectors) = (&args.revisions, &args.selectors[..]);
            between(&Source { places: &places, revisions, selectors, limits, began: now() }, ui)?
        }
    };
    report::say(&grouped(found.said), ui);
    let text = match args.format {
        PreviewFormat::Text => text(&found.set, &found.changes.diffs, ui),
        PreviewFormat::Json => PreviewV1::new(&found.set, &found.changes.diffs).to_json(),
        PreviewFormat::Markdown => markdown(&found.set, &found.changes.diffs, args.max_size),
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    let differs = !found.set.stacks.is_empty();
    Ok(if !found.set.failed.is_empty() || (args.exit_code && differs) {
        Exit::StackFailed
    } else {
        Exit::Good
    })
}
