//! `konfig run`

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kcl::resolve::{FORMS, Override, Program};
use syntax::Diagnostic;

use crate::build::compile::{self, Compiled, Shared};
use crate::build::write_file;
use crate::cli::diagnostics::{Shown, grouped};
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::options::{Common, LimitArgs, package_store, stand};
use crate::cli::report;
use crate::cli::ui::Ui;
use crate::monorepo::{CompileUnit, DiskWorld, Flags, RunRequest, is_option, marks, paths};

/// Compile one program and print what it says
///
/// The files and folders together are the main package, in the order given. Without any, `kcl.yaml` or the settings
/// files say what to compile, or else `main.k` is compiled.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct RunArgs {
    /// Files of the main package; a folder stands for its `.k` files
    #[arg(value_name = "FILE|DIR")]
    inputs: Vec<PathBuf>,
    /// Set an option; the value is JSON, or else text
    #[arg(short = 'D', long = "argument", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// Read settings files, of which later ones win [default: `kcl.yaml` if there is one]
    #[arg(short = 'Y', long = "setting", value_name = "FILE", num_args = 1..)]
    settings: Vec<PathBuf>,
    /// Print only what is at a path, such as `app.labels`; several make a list
    #[arg(short = 'S', long = "path-selector", alias = "path_selector", value_name = "PATH")]
    selectors: Vec<String>,
    /// Change a value before compiling: `path=value`, `path:value`, `path+=value`, `path-`
    #[arg(short = 'O', long = "overrides", value_name = "SPEC")]
    overrides: Vec<String>,
    /// Name a package outside of the module
    #[arg(short = 'E', long = "external", value_name = "NAME=DIR")]
    external: Vec<String>,
    /// Leave out what is `None`
    #[arg(short = 'n', long, alias = "disable_none")]
    disable_none: bool,
    /// Hold integers to 32 bits and floats to single precision
    #[arg(short = 'r', long, alias = "strict_range_check")]
    strict_range_check: bool,
    /// Sort mappings by key
    #[arg(short = 'k', long, alias = "sort_keys")]
    sort_keys: bool,
    /// Show names that start with `_`
    #[arg(short = 'H', long, alias = "show_hidden")]
    show_hidden: bool,
    /// Accepted for the sake of scripts written for `kcl`; changes nothing
    #[arg(short = 'd', long)]
    debug: bool,
    /// Write to a file instead of stdout
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    format: Format,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// YAML
    Yaml,
    /// JSON
    Json,
}

/// Runs the command.
pub(crate) fn run(args: RunArgs, _common: &Common, ui: &Ui) -> Result<Exit, Refusal> {
    let stand = stand()?;
    let world = DiskWorld::new(&stand, true);
    let store = package_store();
    let format = match args.format {
        Format::Yaml => compile::Format::Yaml,
        Format::Json => compile::Format::Json,
    };
    let output = args.output.clone();
    let limits = args.limits.limits();
    let unit = match CompileUnit::of_request(&world, &store, &stand, request(args)?) {
        Ok(unit) => unit,
        Err(problem) => {
            report::say(&[Shown::problem(&problem, &world)], ui);
            return Ok(Exit::BadRequest);
        }
    };
    let program = Program::new();
    let shared = Shared {
        program: &program,
        world: &world,
        package_dir: store.folder,
        limits,
        traced: false,
        profile: None,
    };
    match compile::caught(|| compile::compile(&shared, &unit, format)) {
        Ok(Ok((compiled, warnings))) => deliver(&compiled, &warnings, output.as_deref(), &stand, ui),
        Ok(Err(problems)) => {
            let missing = unit.missing.iter().map(|problem| Shown::problem(problem, &world));
            report::say(&grouped(problems.iter().map(Shown::diagnostic).chain(missing)), ui);
            Ok(Exit::StackFailed)
        }
        Err(why) => Err(Refusal::internal(format!("internal error: {why}"))),
    }
}

/// What is asked for, as the monorepo layer knows it.
fn request(args: RunArgs) -> Result<RunRequest, Refusal> {
    let RunArgs {
        mut inputs,
        options,
        settings,
        selectors,
        overrides,
        external,
        disable_none,
        strict_range_check,
        sort_keys,
        show_hidden,
        debug: _,
        output: _,
        format: _,
        limits: _,
    } = args;
    // `-Y a.yaml main.k`: programs are no settings files.
    let (programs, settings) = settings.into_iter().partition(|path| marks::is_program(path));
    inputs.extend::<Vec<_>>(programs);
    check(&options, &overrides)?;
    let external: Result<_, _> = external.iter().map(|text| package(text)).collect();
    let flags = Flags {
        overrides,
        selectors,
        strict_range: strict_range_check.then_some(true),
        disable_none: disable_none.then_some(true),
        sort_keys: sort_keys.then_some(true),
        show_hidden: show_hidden.then_some(true),
        include_schema_type_path: None,
    };
    Ok(RunRequest { inputs, settings, options, external: external?, flags })
}

/// Refuses options and changes that are none, before anything is read.
fn check(options: &[String], overrides: &[String]) -> Result<(), Refusal> {
    if let Some(text) = options.iter().find(|text| !is_option(text)) {
        return Err(Refusal::request(format!("`-D {text}` gives no option a value"), "write `-D key=value`"));
    }
    let refused = |why| Refusal::request(format!("`-O` takes a change: {why}"), FORMS);
    overrides.iter().try_for_each(|spec| Override::parse(spec).map(drop).map_err(refused))
}

/// `name=folder`
fn package(text: &str) -> Result<(String, PathBuf), Refusal> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => {
            Ok((name.to_owned(), folder.into()))
        }
        _ => Err(Refusal::request(format!("`{text}` names no package"), "write `-E name=folder`")),
    }
}

/// What the program printed, then its document.
fn deliver(
    compiled: &Compiled,
    warnings: &[Diagnostic],
    output: Option<&Path>,
    stand: &Path,
    ui: &Ui,
) -> Result<Exit, Refusal> {
    report::say(&grouped(warnings.iter().map(Shown::diagnostic)), ui);
    let written = match output {
        Some(path) => ui
            .result(&compiled.printed)
            .and_then(|()| write_file(&paths::join(stand, path), compiled.text.as_bytes()).map(drop)),
        None => ui.result(&format!("{}{}", compiled.printed, compiled.text)),
    };
    written.map(|()| Exit::Good).map_err(|error| {
        let place = output.map_or_else(|| "stdout".to_owned(), |path| format!("`{}`", path.display()));
        Refusal::request(format!("cannot write to {place}: {error}"), "give another file with `-o`")
    })
}
