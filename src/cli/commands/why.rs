//! `konfig why`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::build::affected::{Chain, ChangedFile, Import, Remembered, Why};
use crate::build::checkout::Checkout;
use crate::cli::diagnostics::grouped;
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::json::{WhyV1, status};
use crate::cli::options::{LimitArgs, cache_dir};
use crate::cli::progress::Bar;
use crate::cli::report::{self, notices};
use crate::cli::revisions::{Pair, RevisionArgs, Revisions, now};
use crate::cli::selection::select;
use crate::cli::site::{Places, Site, sweep_on_ground};
use crate::cli::ui::Ui;
use crate::monorepo::{Commit, Git, StackId};

/// Say why a stack comes out differently than in a revision
///
/// Follows it from commits to files, to the declarations in them, and to the imports that lead there from the stack.
/// Without revisions, compares the working tree with `HEAD`: what is not committed yet.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct WhyArgs {
    /// The stack: its path from the root, or any selector that selects one
    #[arg(value_name = "STACK")]
    stack: String,
    #[command(flatten)]
    revisions: RevisionArgs,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: WhyFormat,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhyFormat {
    /// For people
    Text,
    /// For programs: docs/schema/why.v1.json
    Json,
}

/// How many chains are shown to people.
const SHOWN: usize = 12;

/// Runs the command.
pub(crate) fn run(args: &WhyArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let began = now();
    let places = Places::find(args.root.as_deref(), None)?;
    let sweep = || sweep_on_ground(&places, args.limits.limits());
    let RevisionArgs { base, head } = &args.revisions;
    let (mut revisions, sweep) = Revisions::find(&places, base.as_deref(), head.as_deref(), sweep)?;
    let (before, after, _) = revisions.sites(&places, sweep.as_deref())?;
    let path = stack(&before, &after, &args.stack)?;
    let pair = Pair::new(&before, &after, args.limits.limits());
    let only = BTreeSet::from([path.clone()]);
    let checkout = Checkout::open(&places.root, cache_dir().as_deref());
    let remembered = Remembered { checkout: &checkout, key: after.key(args.limits.limits()), began };
    let bar = Bar::new(ui, 2);
    let (why, problems) = pair.comparison(Some(&only)).why(&remembered, &bar);
    bar.clear();
    report::say(&grouped(notices(&checkout, problems)), ui);
    let mut why = why.ok_or_else(|| Refusal::internal(format!("the stack `{path}` went away")))?;
    let Revisions { base, head, .. } = &revisions;
    Git::open(&places.root)
        .and_then(|git| why.find_commits(&git, &places.root, base, head.as_deref()))
        .map_err(|error| Refusal::revision(&error))?;
    let text = match args.format {
        WhyFormat::Text => text(args, &path, &why),
        WhyFormat::Json => WhyV1::new(base, head.as_deref(), &path, &why).to_json(),
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    drop(pair);
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget((before, after));
    Ok(Exit::Good)
}

/// The path of the stack that is meant, which one of the revisions has.
fn stack(before: &Site, after: &Site, selector: &str) -> Result<String, Refusal> {
    let wanted = [selector.to_owned()];
    let one = |site: &Site, stacks: &[StackId]| match stacks {
        [only] => Ok(site.monorepo.stack(*only).path.clone()),
        _ => {
            Err(Refusal::request(format!("`{selector}` selects {} stacks", stacks.len()), "name one of them"))
        }
    };
    match select(after, &wanted) {
        Ok(stacks) => one(after, &stacks),
        Err(refusal) => select(before, &wanted).map_or(Err(refusal), |stacks| one(before, &stacks)),
    }
}

fn text(args: &WhyArgs, path: &str, why: &Why) -> String {
    let parent = args.revisions.head.as_ref().map(|head| format!("{head}^"));
    let base = args.revisions.base.as_deref().or(parent.as_deref()).unwrap_or("HEAD");
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match why.status {
        None => writeln!(text, "`{path}` comes out as in `{base}`"),
        Some(it) => writeln!(text, "`{path}` is {} since `{base}`: {}", status(it), why.because.join(", ")),
    };
    for file in &why.idle {
        let _ = writeln!(text, "  `{}` {}, which makes no difference to it", file.path, file.change.words());
    }
    for chain in why.chains.iter().take(SHOWN) {
        let _ = writeln!(text, "\n{}", chain.because);
        add_chain(&mut text, chain);
    }
    if why.chains.len() > SHOWN {
        let _ = writeln!(text, "\nand {} more; `--format json` has all", why.chains.len() - SHOWN);
    }
    text
}

fn add_chain(text: &mut String, chain: &Chain) {
    for ChangedFile { path, change, commits, uncommitted } in &chain.files {
        if *uncommitted {
            let _ = writeln!(text, "  commit       not committed yet");
        }
        for Commit { id, author, date, subject, in_base } in commits {
            let (short, day) = (id.get(..10).unwrap_or(id), date.get(..10).unwrap_or(date));
            let side = if *in_base { " (only in the base)" } else { "" };
            let _ = writeln!(text, "  commit       {short} {day} {author}: {subject}{side}");
        }
        let _ = writeln!(text, "  file         {path} {}", change.words());
    }
    if let Some(declaration) = &chain.declaration {
        let parts: Vec<String> = declaration.parts.iter().map(|part| format!("`{part}`")).collect();
        let place = declaration.place.as_ref();
        let place = place.map_or_else(String::new, |(file, line)| format!("{file}:{line}: "));
        let _ = writeln!(text, "  declaration  {place}{}", parts.join(", "));
    }
    for Import { file, line, package } in chain.used_by.iter().rev() {
        let _ = writeln!(text, "  used by      {file}:{line}, which imports `{package}`");
    }
}
