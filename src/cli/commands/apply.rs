//! `konfig apply`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};

use crate::apply::lock::{self, Lock, LockError};
use crate::apply::route::{Routes, Wanted, routes};
use crate::apply::run::{Done, End, Hand, Plan, Told, Wave};
use crate::apply::target::Context;
use crate::apply::{ChangeSet, StackStatus, job};
use crate::cli::changes::{ChangeArgs, Found};
use crate::cli::diagnostics::{Shown, grouped};
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::progress::Steps;
use crate::cli::rendered::ApplyV1;
use crate::cli::report;
use crate::cli::revisions::now;
use crate::cli::selection::{Settled, settled};
use crate::cli::site::{Places, Site};
use crate::cli::text::{count, some_of};
use crate::cli::ui::{Ui, Verbosity};
use crate::monorepo::konfig_yaml::KonfigYaml;
use crate::monorepo::{Monorepo, plain};

/// Hand over what differs to the targets that `konfig.yaml` names
///
/// Applies what a change set of `konfig build --change-set` has, or what differs between two revisions, wave by wave. What was
/// handed over is remembered, so that an apply that was killed goes on where it stopped, and one that is done does
/// nothing twice.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    changes: ChangeArgs,
    /// Only these targets [default: all]
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Remove stacks that are gone from their targets
    #[arg(long)]
    prune: bool,
    /// Apply the rest although some stacks fail to build
    #[arg(long)]
    partial: bool,
    /// Hand over again what is known to be there, or may be
    #[arg(long)]
    again: bool,
    /// Wait while somebody else applies
    #[arg(long)]
    wait: bool,
    /// Only say what goes where, and when
    #[arg(long)]
    dry_run: bool,
    /// How many stacks are handed over at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ApplyFormat,
}

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ApplyFormat {
    /// For people
    Text,
    /// For programs: docs/schema/apply-report.v1.json
    Json,
}

/// How many notes on hand-overs are said one by one.
const NOTES: usize = 10;

/// Runs a command for an apply that may be gone meanwhile; its input says which.
pub(crate) fn keep() -> Result<Exit, Refusal> {
    let refused = |error| Refusal::request(format!("there is no job to keep: {error}"), "use `konfig apply`");
    job::keep().map(|()| Exit::Good).map_err(refused)
}

/// Runs the command.
pub(crate) fn run(args: &ApplyArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let places = Places::find(args.changes.root.as_deref(), args.changes.out.as_deref())?;
    let site = Site::here(&places)?;
    let settings = settings(args, &site, &places)?;
    let found = args.changes.find(&places, &[], ui)?;
    let Found { set, changes, said } = found;
    // A change set that was written before may have been built elsewhere: values are not needed to apply it.
    report::say(&grouped(said.into_iter().filter(|it| it.code() != "C03")), ui);
    if !set.failed.is_empty() && !args.partial {
        return Err(refuse_failed(&set));
    }
    set.check().map_err(|why| Refusal::request(why, "give its folder another name"))?;
    let (routes, notes) = route(args, &settings, &set, &site)?;
    report::say(&grouped(notes), ui);
    if args.dry_run {
        say(&planned(&settings, &set, &routes), ui)?;
        return Ok(Exit::Good);
    }
    check_artifacts(&set, &changes.texts)?;
    let plan = Plan {
        targets: &settings.targets,
        waves: routes.waves.clone(),
        texts: &changes.texts,
        again: args.again,
    };
    let done = hand_over(args, &places, &set, &plan, ui)?;
    let text = match args.format {
        ApplyFormat::Text => told(&done, &routes, ui),
        ApplyFormat::Json => ApplyV1::new(&set, &done, &routes).to_json(),
    };
    say(&text, ui)?;
    let is_good = |done: &Done| matches!(done.end, End::Applied(_) | End::Known);
    let is_whole = done.iter().all(is_good) && set.failed.is_empty();
    // Freeing what was loaded would only cost time.
    std::mem::forget(site);
    Ok(if is_whole { Exit::Good } else { Exit::StackFailed })
}

fn say(text: &str, ui: &Ui) -> Result<(), Refusal> {
    ui.result(text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))
}

/// What `konfig.yaml` says, which must name targets, and those that are asked for.
fn settings(args: &ApplyArgs, site: &Site, places: &Places) -> Result<KonfigYaml, Refusal> {
    let settings = KonfigYaml::read(&site.world, &places.root).map_err(|problem| {
        let hint = "docs/apply.md has an example";
        Refusal::request(problem.message(&|path| site.world.show(path)), hint)
    })?;
    if settings.targets.is_empty() {
        let hint = "name one below `targets:` in `konfig.yaml`; docs/apply.md has an example";
        return Err(Refusal::request("the monorepo has no targets", hint));
    }
    let names: Vec<String> = settings.targets.iter().map(|target| target.name.clone()).collect();
    match args.target.iter().find(|name| !names.contains(name)) {
        Some(name) => {
            let hint = format!("there are {}", some_of(&names, 10));
            Err(Refusal::request(format!("there is no target `{name}`"), hint))
        }
        None => Ok(settings),
    }
}

fn refuse_failed(set: &ChangeSet) -> Refusal {
    let message = format!("{} of the change set: {}", fail(set.failed.len()), some_of(&set.failed, 5));
    let hint = "mend them, or apply the rest with `--partial`";
    Refusal { exit: Exit::StackFailed, ..Refusal::request(message, hint) }
}

fn fail(number: usize) -> String {
    if number == 1 { "1 stack fails".to_owned() } else { format!("{number} stacks fail") }
}

/// Where stacks go, and what is odd about that.
fn route(
    args: &ApplyArgs,
    settings: &KonfigYaml,
    set: &ChangeSet,
    site: &Site,
) -> Result<(Routes, Vec<Shown>), Refusal> {
    let gone = set.stacks.iter().filter(|stack| site.monorepo.stack_at(&stack.path).is_none());
    let gone = gone.map(|it| (it.path.as_str(), it.name.as_str(), it.project.as_deref()));
    let monorepo: Monorepo = site.monorepo.with_gone(gone);
    let mut notes = Vec::new();
    let notes_of = std::cell::RefCell::new(&mut notes);
    let select = |selectors: &[String]| -> Result<BTreeSet<String>, Refusal> {
        let Settled { paths, empty } = settled(site, &monorepo, selectors)?;
        for selector in empty {
            let message = format!("`{selector}` in `konfig.yaml` selects no stack");
            notes_of.borrow_mut().push(Shown::warning("C04", message, Vec::new()));
        }
        Ok(paths)
    };
    let wanted = Wanted { targets: &args.target, prune: args.prune };
    let routes = routes(settings, set, &wanted, &select)?;
    if !routes.homeless.is_empty() {
        let stacks = count(routes.homeless.len(), "stack");
        let message = format!("no target takes {stacks} that differ: {}", some_of(&routes.homeless, 3));
        notes.push(Shown::warning("C04", message, Vec::new()));
    }
    Ok((routes, notes))
}

/// Each artifact must be here, as the change set has it: what is applied is what was previewed.
fn check_artifacts(
    set: &ChangeSet,
    texts: &std::collections::BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let is_missing = |stack: &&crate::apply::StackChange| {
        stack.status != StackStatus::Removed && !texts.contains_key(&stack.path)
    };
    let missing: Vec<String> = set.stacks.iter().filter(is_missing).map(|stack| stack.path.clone()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the artifacts are not those of the change set: {}", some_of(&missing, 5));
    let hint = "build the commit of the change set, or write a new one with `konfig build --change-set FILE`";
    Err(Refusal { exit: Exit::StackFailed, ..Refusal::request(message, hint) })
}

/// Hands over what a plan says, while nobody else does so.
fn hand_over(
    args: &ApplyArgs,
    places: &Places,
    set: &ChangeSet,
    plan: &Plan<'_>,
    ui: &Ui,
) -> Result<Vec<Done>, Refusal> {
    let unwritable = |error: std::io::Error| {
        let message = format!("cannot remember what is applied: {}", plain(&error));
        Refusal::request(message, "check that `.konfig` at the root of the monorepo may be written")
    };
    let folder = lock::folder(&places.root).map_err(unwritable)?;
    let _lock = Lock::take(&folder, &holder(), args.wait).map_err(|error| match error {
        LockError::Held(who) => {
            let message = format!("somebody else is applying: {who}");
            Refusal::request(message, "wait for that with `--wait`")
        }
        LockError::Failed(error) => unwritable(error),
    })?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    // Without it ctrl-C ends the process at once, which the next apply mends.
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).ok();
    let program = std::env::current_exe().map_err(unwritable)?.to_string_lossy().into_owned();
    let context = Context {
        root: &places.root,
        folder: &folder,
        set,
        digest: set.digest().to_string(),
        keeper: vec![program, "keep".to_owned()],
        parallel: usize::from(args.parallel),
        stop: &stop,
    };
    let steps: usize = plan.waves.iter().flat_map(|wave| &wave.steps).map(|(_, stacks)| stacks.len()).sum();
    let bar = Steps::new(ui, steps);
    let clock = || now().as_secs();
    let done = Hand::new(&context, &bar, &clock).map_err(unwritable)?.run(plan);
    let mut notes = bar.clear();
    let more = notes.len().saturating_sub(NOTES);
    notes.truncate(NOTES);
    if more > 0 {
        notes.push(format!("{} more like these", count(more, "note")));
    }
    report::say(&grouped(notes.into_iter().map(|note| Shown::warning("C04", note, Vec::new()))), ui);
    done.map_err(|why| Refusal::request(why, "mend `konfig.yaml`; docs/apply.md has an example"))
}

/// Who applies, for those who come second.
fn holder() -> String {
    let user =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".into());
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let time = chrono::Local::now().format("%Y-%m-%d %H:%M:%S");
    format!("{user} on {machine}, process {}, since {time}", std::process::id())
}

/// What would be done.
fn planned(settings: &KonfigYaml, set: &ChangeSet, routes: &Routes) -> String {
    let mut text = String::new();
    for Wave { name, steps } in &routes.waves {
        let _ =
            writeln!(text, "{}:", name.as_deref().map_or("last".to_owned(), |name| format!("wave {name}")));
        for (target, stacks) in steps {
            for stack in stacks.iter().map(|at| &set.stacks[*at]) {
                // Writing to a string cannot fail.
                let name = &settings.targets[*target].name;
                let _ = writeln!(text, "  {:8} {} → {name}", stack.status.word(), stack.path);
            }
        }
    }
    text + &left(routes)
}

/// What becomes of stacks that are gone and not removed.
fn left(routes: &Routes) -> String {
    match routes.left.len() {
        0 => String::new(),
        number => format!(
            "{} of stacks that are gone: left where they are, {} (`--prune` removes them)\n",
            count(number, "artifact"),
            some_of(&routes.left, 5)
        ),
    }
}

/// What became of each stack, and the counts.
fn told(done: &[Done], routes: &Routes, ui: &Ui) -> String {
    let mut text = String::new();
    for one in done {
        let (word, why, output) = match &one.end {
            End::Applied(note) => {
                (if one.status == StackStatus::Removed { "removed" } else { "applied" }, "", note)
            }
            End::Known if !ui.says(Verbosity::Verbose) => continue,
            End::Known => ("known", "", &String::new()),
            End::Failed { why, output } => ("failed", why.as_str(), output),
            End::Unknown(why) => ("unknown", why.as_str(), &String::new()),
            End::Skipped => ("skipped", "", &String::new()),
        };
        let colon = if why.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{word:8} {} → {}{colon}{why}", one.stack, one.target);
        let shown = word == "failed" || ui.says(Verbosity::Verbose);
        for line in output.lines().filter(|_| shown) {
            let _ = writeln!(text, "         | {line}");
        }
    }
    text.push_str(&left(routes));
    let number = |is: fn(&End) -> bool| done.iter().filter(|it| is(&it.end)).count();
    let parts = [
        (number(|end| matches!(end, End::Applied(_))), "applied"),
        (number(|end| matches!(end, End::Known)), "known to be there"),
        (number(|end| matches!(end, End::Failed { .. })), "failed"),
        (number(|end| matches!(end, End::Unknown(_))), "unknown"),
        (number(|end| matches!(end, End::Skipped)), "skipped"),
    ];
    let parts = parts.iter().enumerate().filter(|(at, (number, _))| *at < 3 || *number > 0);
    let parts: Vec<String> = parts.map(|(_, (number, what))| format!("{number} {what}")).collect();
    let _ = writeln!(text, "{}: {}", count(done.len(), "hand-over"), parts.join(", "));
    text
}

impl Told for Steps<'_> {
    fn waits(&self, stack: &str, target: &str) {
        self.now(&format!("waiting for the command of an earlier apply: {stack} → {target}\n"));
    }

    fn done(&self, _done: &Done) {
        self.step();
    }

    fn note(&self, stack: &str, note: &str) {
        self.say(format!("`{stack}`: {note}"));
    }
}
