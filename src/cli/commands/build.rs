//! `konfig build`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cache::Digest;
use clap::{Args, ValueEnum};
use kcl::eval::Limits;

use crate::apply::compare::Changes;
use crate::apply::{ChangeSet, mask};
use crate::build::affected::{Affected, Status};
use crate::build::checkout::{self, Checkout, FOLDER};
use crate::build::compile::Shared;
use crate::build::profile::{Profile, Step, timed};
use crate::build::reuse::{Artifacts, Reason, Reuse, State};
use crate::build::survey::{Concerned, Regrouped, Sweep};
use crate::build::{self, BuildRequest, Counts, Failure, Finished, Goal, Outcome, Report};
use crate::cli::changes::{self, Name};
use crate::cli::diagnostics::Shown;
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::failures::diagnostics;
use crate::cli::github;
use crate::cli::json::BuildReportV1;
use crate::cli::junit::Tested;
use crate::cli::options::{Common, LimitArgs, cache_dir};
use crate::cli::page::Page;
use crate::cli::profile;
use crate::cli::progress::Bar;
use crate::cli::report::{self, notices};
use crate::cli::revisions::{Pair, Revisions, Wanted, now};
use crate::cli::selection::{SELECTORS, select};
use crate::cli::shard::ShardArgs;
use crate::cli::site::{Places, Site, sweep};
use crate::cli::text::{count, line};
use crate::cli::ui::{Ui, Verbosity};
use crate::monorepo::answers::{Answers, Known, nanos};
use crate::monorepo::{Monorepo, StackId};

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
    /// Build only stacks that come out differently than in a revision; those that are gone lose their artifacts
    ///
    /// BASE is `HEAD` if it is left out: what is not committed yet. Selectors stand before it, or after `--`.
    #[arg(long, value_name = "BASE", num_args = 0..=1, default_missing_value = "HEAD", conflicts_with = "no_cache")]
    affected: Option<String>,
    /// Write the change set there: the stacks whose artifacts differ, and which fields of which resources
    ///
    /// Compared is with BASE of `--affected`, or with the artifacts that were there before.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "shard"])]
    change_set: Option<PathBuf>,
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
    /// Write what the build took, step by step, as a trace for `chrome://tracing` or Perfetto
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Write what became of each stack there, as a report of tests in the form of JUnit
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a page there that shows the build: what differs, what is wrong, where the time went
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ReportFormat,
    #[command(flatten)]
    shard: ShardArgs,
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

/// How stacks are built.
#[derive(Default)]
pub(super) struct Manner<'a> {
    /// How much programs may do.
    pub(super) limits: Limits,
    /// Whether nothing of earlier builds is used.
    pub(super) no_cache: bool,
    /// Whether the first failure keeps stacks from starting.
    pub(super) fail_fast: bool,
    /// How many of a hundred reused stacks are evaluated all the same.
    pub(super) audit: u8,
    /// Whether artifacts that are replaced are kept.
    pub(super) keep: bool,
    /// Which stacks nothing has happened to.
    pub(super) sweep: Option<&'a Sweep>,
    /// The digests of the artifacts that nothing has happened to; `None` where nobody has looked.
    pub(super) untouched: Option<Vec<Option<Digest>>>,
    /// Where steps are measured.
    pub(super) profile: Option<&'a Profile>,
}

impl BuildArgs {
    /// Whether somebody wants to know what differs in artifacts.
    fn wants_changes(&self) -> bool {
        self.change_set.is_some() || self.report.is_some()
    }

    fn manner(&self) -> Manner<'static> {
        Manner {
            limits: self.limits.limits(),
            no_cache: self.no_cache,
            fail_fast: self.fail_fast,
            audit: self.audit.unwrap_or(0),
            keep: self.wants_changes() && self.affected.is_none() && !self.check,
            ..Manner::default()
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &BuildArgs, _common: &Common, ui: &Ui) -> Result<Exit, Refusal> {
    let start = Instant::now();
    let began = now();
    let times = args.junit.is_some() || args.report.is_some() || args.format == ReportFormat::Json;
    let profile = profile::wanted(args.profile.as_deref(), times, ui);
    let profile = profile.as_ref();
    let places = Places::find(args.root.as_deref(), args.out.as_deref())?;
    let look = || sweep(&places, args.limits.limits());
    let sweep = if args.no_cache { None } else { timed(profile, Step::Survey, look) };
    let site = match sweep.as_ref().and_then(|sweep| sweep.monorepo()) {
        Some(monorepo) => Site::known(&places, monorepo),
        None => timed(profile, Step::Discover, || Site::here(&places))?,
    };
    let Chosen { stacks, affected, changed, mut said } =
        timed(profile, Step::Select, || match &args.affected {
            Some(base) => affected(args, base, (&places, &site, sweep.as_ref()), began, ui),
            None => Ok(Chosen { stacks: select(&site, &args.selectors)?, ..Chosen::default() }),
        })?;
    let stacks = args.shard.stacks(&site, stacks)?;
    let goal = if args.check { Goal::Check } else { Goal::Write(site.out.clone()) };
    let untouched = match (&sweep, &goal) {
        (Some(sweep), Goal::Write(out)) if args.audit.is_none() => {
            Some(sweep.untouched(&site.monorepo, &stacks, out))
        }
        _ => None,
    };
    let quiet = sweep.as_ref().zip(untouched.as_ref());
    let quiet = quiet.and_then(|(sweep, untouched)| sweep.quiet(&stacks, untouched));
    let (report, known) = match quiet {
        Some(report) => {
            refresh(&places, sweep, began);
            (report, Artifacts::default())
        }
        None => {
            let manner = Manner { sweep: sweep.as_ref(), untouched, profile, ..args.manner() };
            let (report, known, notices) = build(manner, &site, (&stacks, &goal), began, ui);
            said.extend(notices);
            (report, known)
        }
    };
    let changed = match changed {
        None if args.wants_changes() && !args.check => {
            let changes = changes::written(&site, &report, &known)?;
            Some((Name::of(&places, None, None).set(&changes), changes))
        }
        changed => changed,
    };
    if let (Some(file), Some((set, _))) = (&args.change_set, &changed) {
        changes::write(&places, file, set)?;
    }
    let diagnostics = diagnostics(site.built(), &report, said);
    report::say(&diagnostics, ui);
    say_printed(&site.monorepo, &report, ui);
    github::summary::add(ui, || {
        github::summary::of_build("konfig build", &site.monorepo, &report, &diagnostics)
    });
    let times = profile::times(profile);
    if let Some(file) = &args.junit {
        let (monorepo, report, diagnostics, times) = (&site.monorepo, &report, &diagnostics[..], &times);
        Tested { name: "konfig build", monorepo, report, diagnostics, times }.write(file)?;
    }
    if let Some(file) = &args.report {
        let page = Page {
            monorepo: &site.monorepo,
            report: &report,
            diagnostics: &diagnostics,
            affected: &affected,
            changes: changed.as_ref().map(|(set, changes)| (set, &changes.diffs[..])),
            spans: &profile.map(Profile::spans).unwrap_or_default(),
            times: &times,
            took: start.elapsed(),
        };
        page.write(file)?;
    }
    let text = match args.format {
        ReportFormat::Text => text(&site.monorepo, &report, start, ui),
        ReportFormat::Json => {
            let took = (&times, start.elapsed());
            BuildReportV1::new(&site.monorepo, &goal, &report, &diagnostics, took).to_json()
        }
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    profile::say(profile, args.profile.as_deref(), &site.monorepo, ui)?;
    let exit = exit(&site.monorepo, &report);
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget(site);
    Ok(exit)
}

/// What is to be built.
#[derive(Default)]
struct Chosen {
    stacks: Vec<StackId>,
    /// Why, if a revision was asked.
    affected: Vec<Affected>,
    /// How they differ from it, if that is wanted.
    changed: Option<(ChangeSet, Changes)>,
    /// What the store had to say.
    said: Vec<Shown>,
}

/// The selected stacks that come out differently than in a revision.
fn affected(
    args: &BuildArgs,
    base: &str,
    (places, site, sweep): (&Places, &Site, Option<&Sweep>),
    began: Duration,
    ui: &Ui,
) -> Result<Chosen, Refusal> {
    let mut revisions = Revisions::since(places, base, sweep)?;
    let name = || Name::of(places, Some(revisions.base.clone()), None);
    let name = args.wants_changes().then(name);
    if revisions.are_same() {
        let changes = Changes::default();
        return Ok(Chosen { changed: name.map(|name| (name.set(&changes), changes)), ..Chosen::default() });
    }
    let (before, concerned) = revisions.site_before(places, &site.world, sweep)?;
    let wanted = Concerned::among(concerned, changes::selected(&before, site, &args.selectors)?);
    let pair = Pair::new(&before, site, args.limits.limits());
    let (affected, mut said) =
        pair.by_results(Some(&wanted), Wanted { reasons: args.report.is_some(), exact: true }, began, ui);
    let mut changed = None;
    if let Some(name) = name {
        let (changes, notices) = pair.changes(&affected, began, ui)?;
        said.extend(notices);
        changed = Some((name.set(&changes), changes));
    }
    drop(pair);
    std::mem::forget(before);
    let here = affected.iter().filter(|stack| stack.status != Status::Removed);
    let stacks = here.filter_map(|stack| site.monorepo.stack_at(&stack.path)).collect();
    Ok(Chosen { stacks, affected, changed, said })
}

/// Keeps the stamps of files that were touched and say the same as before.
fn refresh(places: &Places, sweep: Option<Sweep>, began: Duration) {
    let drawn = sweep.and_then(|sweep| sweep.refreshed(nanos(began)));
    if let Some(survey) = drawn.and_then(|drawn| drawn.encoded()) {
        // If that cannot be, the next build looks into these files again.
        survey.write(&places.root.join(FOLDER)).ok();
    }
}

/// Builds stacks; also the artifacts that there were before, and what the store had to say.
pub(super) fn build(
    manner: Manner<'_>,
    site: &Site,
    (stacks, goal): (&[StackId], &Goal),
    began: Duration,
    ui: &Ui,
) -> (Report, Artifacts, Vec<Shown>) {
    let bar = Bar::new(ui, stacks.len());
    let (report, artifacts, said) = if manner.no_cache {
        let shared = Shared { profile: manner.profile, traced: false, ..site.shared(manner.limits) };
        let request = request(manner, site, (stacks, goal));
        (build::build(&shared, &request, None, &bar), Artifacts::default(), Vec::new())
    } else {
        incremental(manner, site, (stacks, goal), began, &bar)
    };
    bar.clear();
    (report, artifacts, said)
}

/// What to build, as far as that does not depend on what the checkout remembers.
fn request<'a>(
    manner: Manner<'a>,
    site: &'a Site,
    (stacks, goal): (&'a [StackId], &Goal),
) -> BuildRequest<'a> {
    BuildRequest {
        monorepo: &site.monorepo,
        stacks,
        store: &site.store,
        goal: goal.clone(),
        fail_fast: manner.fail_fast,
        audit: manner.audit,
        artifacts: Artifacts::default(),
        sweep: manner.sweep,
        untouched: manner.untouched.unwrap_or_default(),
        regrouped: Regrouped::default(),
        narrow: false,
        journal: None,
        stop: None,
        keep: manner.keep,
    }
}

/// Builds with what the checkout remembers, and has it remember this build; also what the store had to say.
fn incremental(
    manner: Manner<'_>,
    site: &Site,
    (stacks, goal): (&[StackId], &Goal),
    began: Duration,
    bar: &Bar,
) -> (Report, Artifacts, Vec<Shown>) {
    let (profile, monorepo) = (manner.profile, &site.monorepo);
    let looked = manner.sweep.filter(|_| manner.untouched.is_some());
    let shared = Shared { profile, ..site.shared(manner.limits) };
    let open = || Checkout::open(&monorepo.root, cache_dir().as_deref());
    let checkout = timed(profile, Step::Open, open);
    let answers = Answers::new(shared.world, Known::default());
    let key = site.key(shared.limits);
    let mut reuse = Reuse::new(&shared, &checkout.store, answers, key, &monorepo.root, began.as_secs());
    let began = nanos(began);
    let mut request =
        BuildRequest { journal: Some(&checkout.journal), ..request(manner, site, (stacks, goal)) };
    if let Some(sweep) = looked {
        let on = (monorepo, &site.store, &*site.out);
        let prove = || sweep.prove(&reuse, on, stacks, &mut request.untouched);
        request.regrouped = timed(profile, Step::Groups, prove);
        request.narrow = !request.keep && sweep.is_narrow(&request.untouched, &request.regrouped);
    }
    if !request.narrow {
        let State { files, artifacts } = timed(profile, Step::Open, || checkout.state());
        reuse.know(files);
        request.artifacts = artifacts;
    }
    let mut report = build::build(&shared, &request, Some(&reuse), bar);
    if !request.narrow {
        report.removed = checkout::remove_gone(monorepo, &request.goal, &request.artifacts);
    }
    let said = remember(&checkout, reuse, (&shared, site), &request, (&report, began));
    (report, request.artifacts, said)
}

/// Has a checkout remember a build; gives what the store had to say.
fn remember(
    checkout: &Checkout,
    reuse: Reuse<'_>,
    (shared, site): (&Shared<'_>, &Site),
    request: &BuildRequest<'_>,
    (report, began): (&Report, u64),
) -> Vec<Shown> {
    let monorepo = &site.monorepo;
    let partial = request.sweep.is_some() || request.stacks.len() < monorepo.stacks.len();
    let draw = || timed(shared.profile, Step::Draw, || reuse.survey(request, report, &site.out, began));
    if request.narrow {
        let artifacts = checkout::touched_artifacts(monorepo, &request.goal, report, began);
        let amend = || checkout.amend(&reuse, || draw()?.encoded(), artifacts);
        return notices(checkout, timed(shared.profile, Step::Remember, amend));
    }
    let (survey, ()) = rayon::join(draw, || timed(shared.profile, Step::Flush, || reuse.flush()));
    let problems = timed(shared.profile, Step::Remember, || {
        let known = request.artifacts.clone();
        checkout.remember(reuse, (began, partial), survey.as_ref(), known, |known| {
            checkout::artifacts(monorepo, &request.goal, report, began, known)
        })
    });
    notices(checkout, problems)
}

/// How a command ends that has built stacks.
pub(super) fn exit(monorepo: &Monorepo, report: &Report) -> Exit {
    let audited = |stack: &Finished| matches!(stack.failure(), Some(Failure::Audit(_)));
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

/// What programs printed, for those who want to know.
pub(super) fn say_printed(monorepo: &Monorepo, report: &Report, ui: &Ui) {
    if !ui.says(Verbosity::Verbose) {
        return;
    }
    for finished in report.stacks.iter().filter(|finished| !finished.remarks().printed.is_empty()) {
        let path = &monorepo.stack(finished.stack).path;
        ui.message(&format!("{path} prints:\n{}\n", mask::text(finished.remarks().printed.trim_end())));
    }
}

/// What became of each stack, if asked for, and the count of all.
fn text(monorepo: &Monorepo, report: &Report, start: Instant, ui: &Ui) -> String {
    let each = each(monorepo, report, ui);
    format!("{each}{} in {:.2} s\n", summary(report), start.elapsed().as_secs_f64())
}

/// What became of each stack, if asked for.
pub(super) fn each(monorepo: &Monorepo, report: &Report, ui: &Ui) -> String {
    let mut text = String::new();
    if ui.says(Verbosity::Verbose) {
        for finished in &report.stacks {
            let path = line(&monorepo.stack(finished.stack).path);
            let why = finished.remarks().reason.as_ref().filter(|reason| **reason != Reason::New);
            let why = why.map_or_else(String::new, |reason| format!(": {}", line(&reason.to_string())));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:8} {path}{why}", word(&finished.outcome));
        }
    }
    text
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Built { changed: true } => "changed",
        Outcome::Built { changed: false } => "built",
        Outcome::Checked { changed: true } | Outcome::Reused { changed: true } => "restored",
        Outcome::Checked { changed: false } => "checked",
        Outcome::Reused { changed: false } => "reused",
        Outcome::Same => "same",
        Outcome::NoGolden => "unchecked",
        Outcome::Skipped => "skipped",
        Outcome::Failed(_) => "failed",
    }
}

/// `28 stacks: 28 built, 0 reused, 0 failed, 3 changed`; the second count is that of checked stacks, where there are some.
pub(super) fn summary(report: &Report) -> String {
    let Counts { built, checked, reused, failed, changed, skipped, unchecked } = report.counts();
    let stacks = count(report.stacks.len(), "stack");
    let checked = if checked > 0 { format!(" {checked} checked,") } else { String::new() };
    let mut text =
        format!("{stacks}: {built} built,{checked} {reused} reused, {failed} failed, {changed} changed");
    let volatile = report.stacks.iter().filter(|stack| !stack.remarks().volatile.is_empty()).count();
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
