//! `konfig affected`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use kcl::eval::Limits;
use kcl::resolve::Program;

use crate::build::affected::{Affected, Comparison, Remembered, Side, Status};
use crate::build::checkout::Checkout;
use crate::build::compile::Shared;
use crate::build::reuse::ActionKey;
use crate::cli::diagnostics::{Shown, grouped};
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::json::{AffectedV1, status};
use crate::cli::options::{LimitArgs, cache_dir, package_store, root, stand};
use crate::cli::progress::Bar;
use crate::cli::report::{self, notices};
use crate::cli::text::count;
use crate::cli::ui::Ui;
use crate::monorepo::{self, DiskWorld, Git, Monorepo, Overlay, PackageStore, RevisionError};

/// Name the stacks that come out differently between two revisions
///
/// Without revisions, compares the working tree with `HEAD`: what is not committed yet, new files included. Nothing is
/// written but what builds remember; the working tree is left alone, whatever the revisions.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct AffectedArgs {
    /// The revision before [default: `HEAD`, or with `--head` its first parent]
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// The revision after [default: the working tree with what is not committed]
    #[arg(long, value_name = "REV")]
    head: Option<String>,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Evaluate nothing: name each stack of which some file differs that it may depend on
    #[arg(long)]
    no_eval: bool,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: AffectedFormat,
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
}

/// Two revisions, by their numbers, and how the working tree differs from them.
struct Revisions {
    base: String,
    head: Option<String>,
    before: Overlay,
    after: Option<Overlay>,
}

/// One revision as it is worked on.
struct Site {
    world: DiskWorld,
    program: Program,
    monorepo: Monorepo,
}

/// Runs the command.
pub(crate) fn run(args: &AffectedArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let stand = stand()?;
    let root = root(&stand, args.root.as_deref())?;
    let revisions = revisions(args, &root).map_err(|error| Refusal::revision(&error))?;
    let Revisions { base, head, before, after } = revisions;
    let same = Overlay::differences(Some(&before), after.as_ref()).is_empty();
    let (affected, exit) =
        if same { (Vec::new(), Exit::Good) } else { compare(args, &stand, &root, before, after, ui)? };
    let text = match args.format {
        AffectedFormat::Text => text(&affected),
        AffectedFormat::Json => AffectedV1::new(&base, head.as_deref(), &affected).to_json(),
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    Ok(exit)
}

fn revisions(args: &AffectedArgs, root: &Path) -> Result<Revisions, RevisionError> {
    let git = Git::open(root)?;
    let parent = args.head.as_ref().map(|head| format!("{head}^"));
    let base = args.base.as_ref().or(parent.as_ref()).map_or("HEAD", String::as_str);
    let head = args.head.as_ref().map(|head| git.commit(head)).transpose()?;
    let base = git.commit(base)?;
    let before = git.overlay(&base)?;
    let after = head.as_ref().map(|head| git.overlay(head)).transpose()?;
    Ok(Revisions { base, head, before, after })
}

/// The stacks that differ, and how the command ends.
fn compare(
    args: &AffectedArgs,
    stand: &Path,
    root: &Path,
    before: Overlay,
    after: Option<Overlay>,
    ui: &Ui,
) -> Result<(Vec<Affected>, Exit), Refusal> {
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let store = package_store();
    let (before, after) = (site(stand, root, Some(before))?, site(stand, root, after)?);
    let limits = args.limits.limits();
    let (base, head) = (before.shared(&store, limits), after.shared(&store, limits));
    let comparison = Comparison {
        base: Side { shared: &base, monorepo: &before.monorepo },
        head: Side { shared: &head, monorepo: &after.monorepo },
        store: &store,
    };
    let mut said: Vec<Shown> =
        after.monorepo.problems.iter().map(|problem| Shown::problem(problem, &after.world)).collect();
    let affected = if args.no_eval {
        comparison.by_inputs()
    } else {
        let checkout = Checkout::open(root, cache_dir().as_deref());
        let package_dir = store.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
        let key = ActionKey { tool: env!("KONFIG_SOURCES"), limits, package_dir };
        let remembered = Remembered { checkout: &checkout, key, began };
        let bar = Bar::new(ui, before.monorepo.stacks.len() + after.monorepo.stacks.len());
        let (affected, problems) = comparison.by_results(&remembered, &bar);
        bar.clear();
        said.extend(notices(&checkout, problems));
        affected
    };
    report::say(&grouped(said), ui);
    // A folder that cannot be read hides its stacks: the result is not to be relied on.
    let exit = if after.monorepo.problems.is_empty() { Exit::Good } else { Exit::BadRequest };
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget((before, after));
    Ok((affected, exit))
}

impl Site {
    fn shared(&self, store: &PackageStore, limits: Limits) -> Shared<'_> {
        Shared { program: &self.program, world: &self.world, package_dir: store.folder.clone(), limits }
    }
}

fn site(stand: &Path, root: &Path, revision: Option<Overlay>) -> Result<Site, Refusal> {
    let world = match revision {
        Some(revision) => DiskWorld::of_revision(stand, revision),
        None => DiskWorld::new(stand, false),
    };
    let monorepo = monorepo::discover(&world, root, &root.join("dist")).map_err(|problem| {
        let message = problem.message(&|path| world.show(path));
        Refusal::request(message, "check that you may read it")
    })?;
    Ok(Site { world, program: Program::new(), monorepo })
}

fn text(affected: &[Affected]) -> String {
    let mut text = String::new();
    for stack in affected {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:8} {}: {}", status(stack.status), stack.path, stack.because.join(", "));
    }
    let number = |wanted| affected.iter().filter(|stack| stack.status == wanted).count();
    let (added, removed, modified) =
        (number(Status::Added), number(Status::Removed), number(Status::Modified));
    let stacks = count(affected.len(), "stack");
    let _ = writeln!(text, "{stacks} affected: {added} added, {removed} removed, {modified} modified");
    text
}
