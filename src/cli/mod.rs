//! The command line: arguments in, results out. No logic of its own.

mod changes;
mod commands;
mod diagnostics;
mod error;
mod failures;
mod github;
mod json;
mod junit;
mod options;
mod page;
mod profile;
mod progress;
mod rendered;
mod report;
mod revisions;
mod sarif;
mod selection;
mod shard;
mod site;
mod text;
mod ui;
mod verified;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::commands::{affected, apply, build, cache, graph, preview, run, verify, watch, why};
use self::diagnostics::Shown;
use self::error::{EXIT_CODES, Exit, Refusal};
use self::options::{Common, on_one_thread};
use self::report::ErrorFormat;
use self::ui::{Color, Ui, Verbosity};

/// Compiles a whole configuration monorepo written in KCL.
#[derive(Debug, Parser)]
#[command(name = "konfig", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::BuildArgs),
    Watch(watch::WatchArgs),
    Affected(affected::AffectedArgs),
    Why(why::WhyArgs),
    Graph(graph::GraphArgs),
    Verify(verify::VerifyArgs),
    Preview(preview::PreviewArgs),
    Apply(apply::ApplyArgs),
    #[command(hide = true)]
    Keep,
    Cache(cache::CacheArgs),
    Run(run::RunArgs),
}

/// Runs the command that the arguments ask for, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let format = ErrorFormat::asked_for(&arguments);
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error, format).into(),
    };
    commands::quiet_crashes();
    let Arguments { command, common } = arguments;
    let ui = common.ui();
    let ended = match command {
        Command::Build(args) => common.in_pool(|| build::run(&args, &common, &ui)),
        Command::Watch(args) => common.in_pool(|| watch::run(&args, &ui)),
        Command::Affected(args) => common.in_pool(|| affected::run(&args, &ui)),
        Command::Why(args) => common.in_pool(|| why::run(&args, &ui)),
        Command::Graph(args) => common.in_pool(|| graph::run(&args, &ui)),
        Command::Verify(args) => common.in_pool(|| verify::run(&args, &ui)),
        Command::Apply(args) => common.in_pool(|| apply::run(&args, &ui)),
        Command::Keep => apply::keep(),
        Command::Preview(args) => common.in_pool(|| preview::run(&args, &ui)),
        Command::Cache(args) => cache::run(&args, &ui),
        Command::Run(args) => on_one_thread(|| run::run(args, &common, &ui)),
    };
    let exit = ended.unwrap_or_else(|refusal: Refusal| {
        report::say(&[Shown::refusal(&refusal)], &ui);
        refusal.exit
    });
    exit.into()
}

/// Says what is wrong with the arguments, or shows the help that they ask for.
fn refused(error: &clap::Error, format: ErrorFormat) -> Exit {
    if error.use_stderr() && format != ErrorFormat::Pretty {
        let ui = Ui::new(Color::Never, Verbosity::Normal).with_error_format(format);
        report::say(&[Shown::refusal(&Refusal::arguments(error))], &ui);
        return Exit::BadRequest;
    }
    // Help goes to stdout and succeeds; if it cannot be written there is nobody to tell.
    error.print().ok();
    if error.use_stderr() { Exit::BadRequest } else { Exit::Good }
}

/// The help texts as the reference page `docs/cli.md`.
#[must_use]
pub fn reference() -> String {
    let mut command = Arguments::command().term_width(100);
    command.build();
    let head = "# The command line\n\nMade from the help texts: `scripts/bless` writes it anew.\n";
    let mut page = head.to_owned();
    page.push_str(&section(&mut command, "konfig"));
    for inner in
        command.get_subcommands_mut().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set())
    {
        let title = format!("konfig {}", inner.get_name());
        page.push_str(&section(inner, &title));
    }
    page
}

fn section(command: &mut clap::Command, title: &str) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    format!("\n## {title}\n\n```text\n{}\n```\n", lines.join("\n").trim_end())
}
