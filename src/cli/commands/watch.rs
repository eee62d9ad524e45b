//! `konfig watch`

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use clap::Args;

use super::build::{each, say_printed, summary};
use crate::build::checkout::{self, Checkout};
use crate::build::watch::{Round, Setup, Watch};
use crate::cli::diagnostics::Shown;
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::failures::{Built, diagnostics};
use crate::cli::options::{LimitArgs, cache_dir, package_store};
use crate::cli::progress::{Bar, Silent};
use crate::cli::report::{self, notices};
use crate::cli::revisions::now;
use crate::cli::site::{Places, action_key};
use crate::cli::text::some_of;
use crate::cli::ui::Ui;
use crate::monorepo::Problem;
use crate::monorepo::events::{Batch, Events, Signal, WatchError};

/// Build all stacks, and again those that a change concerns
///
/// Builds as `konfig build` does, then watches the monorepo and builds what a saved file concerns, with a line for
/// each time. Ends with ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct WatchArgs {
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The folder for artifacts [default: `dist` in the monorepo]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Changes belong together if no longer a pause is between them.
const QUIET: Duration = Duration::from_millis(5);

/// How long a change waits for others at most.
const PATIENCE: Duration = Duration::from_millis(50);

/// After such a pause it is written down what later builds need to know.
const IDLE: Duration = Duration::from_millis(300);

/// How many paths are named in a line.
const NAMED: usize = 3;

/// Whether the user has seen enough.
static STOP: AtomicBool = AtomicBool::new(false);

/// Runs the command.
pub(crate) fn run(args: &WatchArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let start = Instant::now();
    let places = Places::find(args.root.as_deref(), args.out.as_deref())?;
    let (tell, signals) = mpsc::channel();
    let stop = tell.clone();
    ctrlc::set_handler(move || interrupted(&stop))
        .map_err(|error| Refusal::internal(format!("cannot listen for ctrl-C: {error}")))?;
    let skip = vec![places.out.clone(), places.root.join(checkout::FOLDER)];
    let mut events = Events::start(&places.root, skip, move |signal| {
        tell.send(signal).ok();
    })
    .map_err(|error| refused(&error))?;
    let store = package_store();
    let limits = args.limits.limits();
    let key = action_key(&store, limits);
    let Places { stand, root, out } = places;
    let checkout = Checkout::open(&root, cache_dir().as_deref());
    let setup = Setup { stand, root, out, store, limits, key };
    let mut watch = Watch::new(setup, checkout, &STOP);
    watch.set_links(events.links().to_vec());
    watch.find().map_err(|problem| unreadable(&watch, &problem))?;
    let bar = Bar::new(ui, watch.monorepo().stacks.len());
    let round = watch.build_all(now(), &bar);
    bar.clear();
    say(&watch, &round, start, ui)?;
    watch.prepare();
    print(ui, "watching for changes; ctrl-C ends\n")?;
    follow(&mut watch, &mut events, &signals, ui)?;
    watch.remember();
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget(watch);
    Ok(Exit::Good)
}

/// Ends the command once the stacks are done that were started; at once if the user insists.
#[expect(clippy::exit, reason = "a program may run for long; artifacts are whole at any time")]
fn interrupted(tell: &Sender<Signal>) {
    if STOP.swap(true, Ordering::Relaxed) {
        std::process::exit(Exit::Good as i32);
    }
    // Nobody listens any more where the command has ended.
    tell.send(Signal::Stop).ok();
}

/// Builds what changes concern, until the user has seen enough.
fn follow(
    watch: &mut Watch<'_>,
    events: &mut Events,
    signals: &Receiver<Signal>,
    ui: &Ui,
) -> Result<(), Refusal> {
    let refused = |error: WatchError| refused(&error);
    events.add_outside(watch.outside()).map_err(refused)?;
    loop {
        let first = match signals.recv_timeout(IDLE) {
            Err(RecvTimeoutError::Timeout) => {
                watch.remember();
                signals.recv().unwrap_or(Signal::Stop)
            }
            received => received.unwrap_or(Signal::Stop),
        };
        let start = Instant::now();
        let Some(mut batch) = collect(first, signals).map_err(refused)? else { return Ok(()) };
        events.settle(&mut batch).map_err(refused)?;
        watch.set_links(events.links().to_vec());
        match watch.build_changed(&batch, now(), &Silent) {
            Ok(Some(round)) => say(watch, &round, start, ui)?,
            Ok(None) => {}
            // The root may come back.
            Err(problem) => report::say(&[Shown::refusal(&unreadable(watch, &problem))], ui),
        }
        events.add_outside(watch.outside()).map_err(refused)?;
    }
}

/// What comes with a first signal, until nothing comes any more; `None` where the user has seen enough.
fn collect(first: Signal, signals: &Receiver<Signal>) -> Result<Option<Batch>, WatchError> {
    let start = Instant::now();
    let mut batch = Batch::default();
    let mut next = Some(first);
    while let Some(signal) = next {
        match signal {
            Signal::Changed(change) if batch.changes.last() == Some(&change) => {}
            Signal::Changed(change) => batch.changes.push(change),
            Signal::Lost => batch.lost = true,
            Signal::Failed(error) => return Err(error),
            Signal::Stop => return Ok(None),
        }
        let left = PATIENCE.saturating_sub(start.elapsed());
        next =
            if left.is_zero() { signals.try_recv().ok() } else { signals.recv_timeout(QUIET.min(left)).ok() };
    }
    Ok(Some(batch))
}

/// Says what a build came to: what is wrong, and a line with what changed and how long it took.
fn say(watch: &Watch<'_>, round: &Round, start: Instant, ui: &Ui) -> Result<(), Refusal> {
    let took = start.elapsed();
    let (checkout, out) = watch.places();
    let (monorepo, world) = (watch.monorepo(), watch.world());
    let Round { report, problems, changed } = round;
    let notices = notices(checkout, problems.clone());
    report::say(&diagnostics(Built { monorepo, world, out }, report, notices), ui);
    say_printed(monorepo, report, ui);
    let changed: Vec<String> = changed.iter().map(|path| world.show(path)).collect();
    let changed = if changed.is_empty() { String::new() } else { format!("{}: ", some_of(&changed, NAMED)) };
    let each = each(monorepo, report, ui);
    print(ui, &format!("{each}{changed}{} in {} ms\n", summary(report), took.as_millis()))
}

fn print(ui: &Ui, text: &str) -> Result<(), Refusal> {
    ui.result(text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))
}

fn refused(error: &WatchError) -> Refusal {
    Refusal::request(error.message(), error.hint())
}

fn unreadable(watch: &Watch<'_>, problem: &Problem) -> Refusal {
    let message = problem.message(&|path| watch.world().show(path));
    Refusal::request(message, "check that you may read it")
}
