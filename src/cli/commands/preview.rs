//! `konfig preview`

use clap::{Args, ValueEnum};

use crate::cli::changes::ChangeArgs;
use crate::cli::diagnostics::grouped;
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::rendered::{PreviewV1, markdown, text};
use crate::cli::report;
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
    #[arg(value_name = "&args.selectorsECTOR", conflicts_with = "change_set")]
    selectors: Vec<String>,
    #[command(flatten)]
    changes: ChangeArgs,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PreviewFormat,
    /// End with 1 where something would change
    #[arg(long)]
    exit_code: bool,
    /// The size that markdown stays below, in bytes; comments of GitHub may have 65536
    #[arg(long, value_name = "BYTES", default_value_t = 60_000)]
    max_size: usize,
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
    let places = Places::find(args.changes.root.as_deref(), args.changes.out.as_deref())?;
    let found = args.changes.find(&places, &args.selectors, ui)?;
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
