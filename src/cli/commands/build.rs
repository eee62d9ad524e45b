//! `konfig build`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use kcl::resolve::Program;

use crate::build::checkout::{self, Checkout};
use crate::build::compile::Shared;
use crate::build::reuse::{ActionKey, Reason, Reuse, State};
use crate::build::{self, BuildRequest, Counts, Failure, Finished, GOLDEN, Goal, Outcome, Report};
use crate::cli::diagnostics::{Shown, grouped};
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::json::BuildReportV1;
use crate::cli::options::{Common, LimitArgs, cache_dir, package_store, root, stand};
use crate::cli::progress::Bar;
use crate::cli::report::{self, notices};
use crate::cli::text::{count, list};
use crate::cli::ui::{Ui, Verbosity};
use crate::graph::imports::ImportsOf;
use crate::graph::select::Scope;
use crate::graph::selector::SelectError;
use crate::monorepo::answers::{Answers, Known};
use crate::monorepo::{self, DiskWorld, Monorepo, PackageStore, StackId, paths};

const SELECTORS: &str = "\
Selectors:
  appops/shop/dev        the stack of this path from the root; `./dev` is seen from where you stand
  appops/...             all stacks at or below a folder
  project(shop)          all stacks of the projects of this name or path
  env(prod)              all stacks of this name
  tenant(retail)         all stacks of a tenant's projects
  imports(base/pkg/x)    all stacks that import a package, directly or not
  a & b, a | b, a ~ b    both, either, the first without the second; `~a` is all but a
  Quote selectors for the shell. Several are joined by `|`.

";

/// Compile stacks and write their artifacts
///
/// Writes `<out>/<stack path>.yaml` for each selected stack, where the bytes differ. A stack that fails stops no
/// other one. The last line of the output counts the stacks.
#[derive(Debug, Args)]
#[command(after_help = SELECTORS.to_owned() + EXIT_CODES)]
pub(crate) struct BuildArgs {
    /// Stacks to build [default: all]
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The folder for artifacts [default: `dist` in the monorepo]
    #[arg(long, short, value_name = "DIR", conflicts_with = "check")]
    out: Option<PathBuf>,
    /// Compare with each stack's `ci-test/stdout.golden.yaml` instead, as YAML documents; write nothing
    #[arg(long)]
    check: bool,
    /// Neither use nor fill the store of earlier builds
    #[arg(long)]
    no_cache: bool,
    /// Evaluate so many of a hundred stacks that would be reused, and fail where one comes out differently
    #[arg(
        long,
        value_name = "PERCENT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5",
        value_parser = clap::value_parser!(u8).range(0..=100),
        conflicts_with = "no_cache"
    )]
    audit: Option<u8>,
    /// Start no more stacks once one has failed
    #[arg(long)]
    fail_fast: bool,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ReportFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For people
    Text,
    /// For programs: docs/schema/build-report.v1.json
    Json,
}

/// What a build works on.
struct Site {
    world: DiskWorld,
    store: PackageStore,
    program: Program,
    monorepo: Monorepo,
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &BuildArgs, _common: &Common, ui: &Ui) -> Result<Exit, Refusal> {
    let start = Instant::now();
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let site = site(args)?;
    let stacks = select(&site, &args.selectors)?;
    let goal = if args.check { Goal::Check } else { Goal::Write(site.out.clone()) };
    let checkout = (!args.no_cache).then(|| Checkout::open(&site.monorepo.root, cache_dir().as_deref()));
    let State { files, artifacts } = checkout.as_ref().map(Checkout::state).unwrap_or_default();
    let request = BuildRequest {
        monorepo: &site.monorepo,
        stacks: &stacks,
        store: &site.store,
        goal,
        fail_fast: args.fail_fast,
        audit: args.audit.unwrap_or(0),
        artifacts,
    };
    let package_dir = site.store.folder.clone();
    let shared =
        Shared { program: &site.program, world: &site.world, package_dir, limits: args.limits.limits() };
    let bar = Bar::new(ui, stacks.len());
    let (report, notices) = match &checkout {
        Some(checkout) => incremental(&site, &shared, &request, (checkout, files), began, &bar),
        None => (build::build(&shared, &request, None, &bar), Vec::new()),
    };
    bar.clear();

    let diagnostics = diagnostics(&site, &report, notices);
    report::say(&diagnostics, ui);
    say_printed(&site.monorepo, &report, ui);
    let text = match args.format {
        ReportFormat::Text => text(&site.monorepo, &report, start, ui),
        ReportFormat::Json => {
            BuildReportV1::new(&site.monorepo, &request.goal, &report, &diagnostics, start.elapsed())
                .to_json()
        }
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    let exit = exit(&site.monorepo, &report);
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget(site);
    Ok(exit)
}

/// Builds with what the checkout remembers, and has it remember this build; also what the store had to say.
fn incremental(
    site: &Site,
    shared: &Shared<'_>,
    request: &BuildRequest<'_>,
    (checkout, files): (&Checkout, Known),
    began: Duration,
    bar: &Bar,
) -> (Report, Vec<Shown>) {
    let monorepo = &site.monorepo;
    let package_dir = shared.package_dir.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    let key = ActionKey { tool: env!("KONFIG_SOURCES"), limits: shared.limits, package_dir };
    let answers = Answers::new(shared.world, files);
    let reuse = Reuse::new(shared, &checkout.store, answers, key, &monorepo.root, began.as_secs());
    let began = u64::try_from(began.as_nanos()).unwrap_or(u64::MAX);
    let mut report = build::build(shared, request, Some(&reuse), bar);
    report.removed = checkout::remove_gone(monorepo, &request.goal, &request.artifacts);
    let artifacts = checkout::artifacts(monorepo, &request.goal, &report, began, request.artifacts.clone());
    let partial = request.stacks.len() < monorepo.stacks.len();
    let problems = checkout.remember(reuse, artifacts, began, partial);
    (report, notices(checkout, problems))
}

fn exit(monorepo: &Monorepo, report: &Report) -> Exit {
    let audited = |stack: &Finished| matches!(stack.outcome, Outcome::Failed(Failure::Audit(_)));
    if report.crashed() || report.stacks.iter().any(audited) {
        Exit::Internal
    } else if !monorepo.problems.is_empty() {
        Exit::BadRequest
    } else if report.counts().failed > 0 {
        Exit::StackFailed
    } else {
        Exit::Good
    }
}

/// Finds the monorepo and what is in it.
fn site(args: &BuildArgs) -> Result<Site, Refusal> {
    let stand = stand()?;
    let root = root(&stand, args.root.as_deref())?;
    let out = args.out.as_ref().map_or_else(|| root.join("dist"), |out| paths::join(&stand, out));
    if root.starts_with(&out) {
        return Err(Refusal::request(
            format!("artifacts in `{}` would mix with the monorepo's own files", out.display()),
            "give a folder of their own with `--out DIR`",
        ));
    }
    let world = DiskWorld::new(&stand, false);
    let monorepo = monorepo::discover(&world, &root, &out).map_err(|problem| {
        let message = problem.message(&|path| world.show(path));
        Refusal::request(message, "check that you may read it")
    })?;
    Ok(Site { world, store: package_store(), program: Program::new(), monorepo, out })
}

fn select(site: &Site, selectors: &[String]) -> Result<Vec<StackId>, Refusal> {
    let Site { world, store, program, monorepo, out: _ } = site;
    let importers = ImportsOf { program, world, store, monorepo };
    let scope = Scope { monorepo, stand: world.stand(), importers: &importers };
    scope.select(selectors).map_err(refusal)
}

/// What is wrong with a selector, in words.
fn refusal(error: SelectError) -> Refusal {
    let meant = |near: Option<String>, otherwise: &str| {
        near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
    };
    match error {
        SelectError::Syntax { text, column, expected } => {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            let wanted =
                if expected.is_empty() { "something else".to_owned() } else { list(&expected, "or") };
            let message = format!("selector `{text}` is wrong at character {column}: expected {wanted}");
            Refusal::request(message, "write for example `appops/... & ~env(prod)`")
        }
        SelectError::UnknownFunction(name) => Refusal::request(
            format!("there is no selector `{name}(…)`"),
            "there are `project(…)`, `env(…)`, `tenant(…)` and `imports(…)`",
        ),
        SelectError::NoSuchPath { path, near } => Refusal::request(
            format!("there is no stack at `{path}`"),
            meant(near, "stacks are named by their path from the monorepo's root"),
        ),
        SelectError::NotAStack(path) => Refusal::request(
            format!("`{path}` is no stack, but a folder above some"),
            format!("write `{}/...` for all stacks below it", path.trim_end_matches('/')),
        ),
        SelectError::Outside(path) => Refusal::request(
            format!("`{path}` is outside of the monorepo"),
            "give its root with `--root DIR`, or stand in it",
        ),
        SelectError::Nothing { function, name, near } => Refusal::request(
            format!("nothing is `{function}({name})` in this monorepo"),
            meant(near, "check the spelling"),
        ),
    }
}

/// All that is wrong, each said once, in the order of the stacks.
fn diagnostics(site: &Site, report: &Report, notices: Vec<Shown>) -> Vec<Shown> {
    let general = site.monorepo.problems.iter().map(|problem| Shown::problem(problem, &site.world));
    let of_stacks = report.stacks.iter().flat_map(|finished| {
        let path = &site.monorepo.stack(finished.stack).path;
        shown(site, finished).into_iter().map(move |shown| shown.of(path))
    });
    grouped(notices.into_iter().chain(general).chain(of_stacks))
}

/// What is wrong with a stack.
fn shown(site: &Site, finished: &Finished) -> Vec<Shown> {
    let mut all: Vec<Shown> = finished.warnings.iter().map(Shown::diagnostic).collect();
    let Outcome::Failed(failure) = &finished.outcome else { return all };
    let stack = site.monorepo.stack(finished.stack);
    let problem = |problem| Shown::problem(problem, &site.world);
    match failure {
        Failure::Monorepo(problems) => all.extend(problems.iter().map(problem)),
        Failure::Program(diagnostics, missing) => {
            all.extend(diagnostics.iter().map(Shown::diagnostic));
            all.extend(missing.iter().map(problem));
        }
        Failure::Differs(difference) => {
            let golden = site.world.show(&site.monorepo.folder(stack).join(GOLDEN));
            let message = format!("stack `{}` differs from its golden at `{}`", stack.path, difference.path);
            let hint =
                format!("the golden has `{}`, the artifact has `{}`", difference.golden, difference.artifact);
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

/// What programs printed, for those who want to know.
fn say_printed(monorepo: &Monorepo, report: &Report, ui: &Ui) {
    if !ui.says(Verbosity::Verbose) {
        return;
    }
    for finished in report.stacks.iter().filter(|finished| !finished.printed.is_empty()) {
        let path = &monorepo.stack(finished.stack).path;
        ui.message(&format!("{path} prints:\n{}\n", finished.printed.trim_end()));
    }
}

/// What became of each stack, if asked for, and the count of all.
fn text(monorepo: &Monorepo, report: &Report, start: Instant, ui: &Ui) -> String {
    let mut text = String::new();
    if ui.says(Verbosity::Verbose) {
        for finished in &report.stacks {
            // Writing to a string cannot fail.
            let path = &monorepo.stack(finished.stack).path;
            let why = finished.reason.as_ref().filter(|reason| **reason != Reason::New);
            let why = why.map_or_else(String::new, |reason| format!(": {reason}"));
            let _ = writeln!(text, "{:8} {path}{why}", word(&finished.outcome));
        }
    }
    let _ = writeln!(text, "{} in {:.2} s", summary(report), start.elapsed().as_secs_f64());
    text
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Built { changed: true } => "changed",
        Outcome::Built { changed: false } => "built",
        Outcome::Reused { changed: true } => "restored",
        Outcome::Reused { changed: false } => "reused",
        Outcome::Same => "same",
        Outcome::NoGolden => "unchecked",
        Outcome::Skipped => "skipped",
        Outcome::Failed(_) => "failed",
    }
}

/// `28 stacks: 28 built, 0 reused, 0 failed, 3 changed`
fn summary(report: &Report) -> String {
    let Counts { built, reused, failed, changed, skipped, unchecked } = report.counts();
    let stacks = count(report.stacks.len(), "stack");
    let mut text = format!("{stacks}: {built} built, {reused} reused, {failed} failed, {changed} changed");
    let volatile = report.stacks.iter().filter(|stack| !stack.volatile.is_empty()).count();
    let others = [
        (skipped, "skipped"),
        (unchecked, "without golden"),
        (report.removed.len(), "removed"),
        (volatile, "volatile"),
    ];
    for (number, what) in others {
        if number > 0 {
            let _ = write!(text, ", {number} {what}");
        }
    }
    text
}
