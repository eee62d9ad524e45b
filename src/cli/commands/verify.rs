//! `konfig verify`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::build::{Manner, build, exit};
use crate::build::affected::Status;
use crate::build::survey::{Concerned, Sweep};
use crate::build::{GOLDEN, Goal};
use crate::cli::diagnostics::Shown;
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::failures::diagnostics;
use crate::cli::github;
use crate::cli::junit::Tested;
use crate::cli::options::LimitArgs;
use crate::cli::profile;
use crate::cli::report;
use crate::cli::revisions::{Pair, Revisions, Wanted, now};
use crate::cli::selection::{SELECTORS, select};
use crate::cli::site::{Places, Site, sweep};
use crate::cli::text::count;
use crate::cli::ui::Ui;
use crate::cli::verified::VerifyV1;
use crate::monorepo::StackId;
use crate::monorepo::konfig_yaml::KonfigYaml;
use crate::monorepo::rules::{Finding, Inspection, Level, Rule};

/// Hold the monorepo to its rules, and stacks to their goldens; write nothing
///
/// Rules are about structure: goldens that are missing, names, owners. `konfig.yaml` says how much each of them counts.
/// Rules are held against the selected stacks and their projects, goldens only against those of the stacks that
/// `--affected` leaves.
#[derive(Debug, Args)]
#[command(after_help = SELECTORS.to_owned() + EXIT_CODES)]
pub(crate) struct VerifyArgs {
    /// Stacks to verify [default: all]
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Compare only goldens of stacks that come out differently than in a revision, and goldens that differ from it
    ///
    /// BASE is `HEAD` if it is left out: what is not committed yet. Selectors stand before it, or after `--`.
    #[arg(long, value_name = "BASE", num_args = 0..=1, default_missing_value = "HEAD")]
    affected: Option<String>,
    /// Write what became of each stack there, as a report of tests in the form of JUnit
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: VerifyFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VerifyFormat {
    /// For people
    Text,
    /// For programs: docs/schema/verify.v1.json
    Json,
}

/// How many findings of one rule are said one by one.
const SAID: usize = 10;

/// Runs the command.
pub(crate) fn run(args: &VerifyArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let (start, began) = (Instant::now(), now());
    let places = Places::find(args.root.as_deref(), None)?;
    // Rules are about all folders, so none is taken for known.
    let site = Site::here(&places)?;
    let settings = KonfigYaml::read(&site.world, &places.root).map_err(|problem| {
        let refusal = Refusal::request(problem.message(&|path| site.world.show(path)), "");
        Refusal { code: problem.code(), hints: problem.hints(), ..refusal }
    })?;
    let selected = select(&site, &args.selectors)?;
    let inspection = Inspection { world: &site.world, monorepo: &site.monorepo, levels: &settings.verify };
    let findings = inspection.findings((!args.selectors.is_empty()).then_some(&selected));
    let sweep = sweep(&places, args.limits.limits());
    let (stacks, mut said) = match &args.affected {
        Some(base) => affected(args, base, (&places, &site, sweep.as_ref()), selected, (began, ui))?,
        None => (selected, Vec::new()),
    };
    let profile = profile::wanted(None, args.junit.is_some(), ui);
    let (sweep, profile) = (sweep.as_ref(), profile.as_ref());
    let manner = Manner { limits: args.limits.limits(), sweep, profile, ..Manner::default() };
    let (report, _, notices) = build(manner, &site, (&stacks, &Goal::Check), began, ui);
    said.extend(notices);
    let wrong = diagnostics(site.built(), &report, said);
    let of_rules: Vec<Shown> = findings.iter().map(|finding| shown(&site, finding)).collect();
    report::say(&[&wrong[..], &some(&findings, &of_rules)].concat(), ui);
    let all = [wrong.clone(), of_rules].concat();
    github::summary::add(ui, || github::summary::of_build("konfig verify", &site.monorepo, &report, &all));
    if let Some(file) = &args.junit {
        let (monorepo, report, times) = (&site.monorepo, &report, &profile::times(profile));
        Tested { name: "konfig verify", monorepo, report, diagnostics: &all, times }.write(file)?;
    }
    let took = start.elapsed();
    let verified = VerifyV1::new(&site, &report, &findings, &wrong, took);
    let text = match args.format {
        VerifyFormat::Text => format!("{} in {:.2} s\n", verified.summary(), took.as_secs_f64()),
        VerifyFormat::Json => verified.to_json(),
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    let broken = findings.iter().any(|finding| finding.level == Level::Error);
    let built = exit(&site.monorepo, &report);
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget(site);
    Ok(if built == Exit::Good && broken { Exit::StackFailed } else { built })
}

/// The stacks whose goldens a change may have made wrong: they come out differently, or their goldens do.
fn affected(
    args: &VerifyArgs,
    base: &str,
    (places, site, sweep): (&Places, &Site, Option<&Sweep>),
    stacks: Vec<StackId>,
    (began, ui): (Duration, &Ui),
) -> Result<(Vec<StackId>, Vec<Shown>), Refusal> {
    let mut revisions = Revisions::since(places, base, None)?;
    let differences = revisions.differences();
    if differences.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let (before, concerned) = revisions.site_before(places, &site.world, sweep)?;
    let path = |id: &StackId| site.monorepo.stack(*id).path.clone();
    let wanted = Concerned::among(concerned, stacks.iter().map(path).collect());
    let pair = Pair::new(&before, site, args.limits.limits());
    let (affected, said) = pair.by_results(Some(&wanted), Wanted { reasons: false, exact: true }, began, ui);
    drop(pair);
    std::mem::forget(before);
    let here = affected.into_iter().filter(|stack| stack.status != Status::Removed);
    let here: BTreeSet<String> = here.map(|stack| stack.path).collect();
    let has_other_golden =
        |id: &StackId| differences.contains(&site.monorepo.folder(site.monorepo.stack(*id)).join(GOLDEN));
    let is_meant = |id: &StackId| here.contains(&path(id)) || has_other_golden(id);
    Ok((stacks.into_iter().filter(is_meant).collect(), said))
}

fn shown(site: &Site, finding: &Finding) -> Shown {
    Shown::finding(finding, site.monorepo.stack_at(&finding.path).is_some(), &site.world)
}

/// The first findings of each rule, and how many more there are.
fn some(findings: &[Finding], shown: &[Shown]) -> Vec<Shown> {
    let mut said = Vec::new();
    for rule in Rule::all() {
        let of_rule = findings.iter().zip(shown).filter(|(finding, _)| finding.rule == rule);
        let of_rule: Vec<&Shown> = of_rule.map(|(_, shown)| shown).collect();
        said.extend(of_rule.iter().take(SAID).map(|shown| (*shown).clone()));
        if of_rule.len() > SAID {
            let message =
                format!("rule `{}` is broken in {}", rule.name(), count(of_rule.len() - SAID, "more place"));
            let hint = format!(
                "`--format json` lists all; `verify: {{{}: off}}` in `konfig.yaml` switches the rule off",
                rule.name()
            );
            said.push(Shown::warning(rule.code(), message, vec![hint]));
        }
    }
    said
}
