//! `konfig graph`

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::diagnostics::{Shown, grouped};
use crate::cli::error::{EXIT_CODES, Exit, Refusal};
use crate::cli::json::GraphV1;
use crate::cli::report;
use crate::cli::selection::{SELECTORS, select};
use crate::cli::site::{Places, Site};
use crate::cli::ui::Ui;
use crate::graph::imports::ImportsOf;
use crate::graph::map::{Kind, Map, Node, Trouble};
use crate::monorepo::paths;

/// Show what stacks and packages import, or who uses a package or a file
///
/// Evaluates nothing. A node is a stack or a package, by its path from the root; an edge leads to what is imported.
#[derive(Debug, Args)]
#[command(after_help = SELECTORS.to_owned() + EXIT_CODES)]
pub(crate) struct GraphArgs {
    /// Stacks to show with all that they reach [default: all]
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// Show who uses the package, stack or file of this path, directly or not
    #[arg(long, value_name = "PATH")]
    reverse: Option<String>,
    /// Show files too: those that packages and stacks are made of, and settings
    #[arg(long)]
    files: bool,
    /// The monorepo [default: the nearest folder upwards with `konfig.yaml`, else with `.git`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: GraphFormat,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GraphFormat {
    /// For people: each node with those that it leads to, or that lead to it
    Text,
    /// For programs: docs/schema/graph.v1.json
    Json,
    /// For Graphviz
    Dot,
}

/// Runs the command.
pub(crate) fn run(args: &GraphArgs, ui: &Ui) -> Result<Exit, Refusal> {
    let places = Places::find(args.root.as_deref(), None)?;
    let site = Site::here(&places)?;
    let stacks = select(&site, &args.selectors)?;
    let Site { world, store, program, monorepo, out: _ } = &site;
    let (map, troubles) = Map::new(&ImportsOf { program, world, store, monorepo }, &stacks);
    let map = match &args.reverse {
        Some(path) => reaching(&map, &places, path)?,
        None => map,
    };
    let map = if args.files { map } else { without_files(args, map) };
    let said = said(&site, &troubles);
    report::say(&said, ui);
    let text = match args.format {
        GraphFormat::Text => text(&map, args.reverse.is_some()),
        GraphFormat::Json => GraphV1::new(&map).to_json(),
        GraphFormat::Dot => dot(&map),
    };
    ui.result(&text).map_err(|error| Refusal::internal(format!("cannot write to stdout: {error}")))?;
    let exit = match () {
        () if !monorepo.problems.is_empty() => Exit::BadRequest,
        () if said.iter().any(Shown::is_error) => Exit::StackFailed,
        () => Exit::Good,
    };
    // The process ends here: freeing a tree of millions of nodes one by one would only cost time.
    std::mem::forget(site);
    Ok(exit)
}

/// What reaches a path, which may be written as in selectors, as a file with or without `.k`, or as an import.
fn reaching(map: &Map, places: &Places, written: &str) -> Result<Map, Refusal> {
    let start = if written.starts_with('.') { &places.stand } else { &places.root };
    let path = paths::join(start, written.trim_end_matches('/'));
    let path = paths::slashed(&paths::relative(&places.root, &path));
    let package = path.strip_suffix(".k").map(str::to_owned);
    let dotted = Some(written.replace('.', "/")).filter(|_| !written.contains('/'));
    let found = [Some(path), package, dotted].into_iter().flatten().find_map(|path| map.reaching(&path));
    found.ok_or_else(|| {
        Refusal::request(
            format!("nothing that is selected uses `{written}`"),
            "name a package, a stack or a file by its path from the monorepo's root",
        )
    })
}

/// Files are left out, unless one was asked about and nothing else is left.
fn without_files(args: &GraphArgs, map: Map) -> Map {
    let rest = map.without_files();
    if args.reverse.is_some() && rest.nodes().next().is_none() { map } else { rest }
}

/// All that is wrong with the stacks.
fn said(site: &Site, troubles: &[Trouble]) -> Vec<Shown> {
    let problem = |problem| Shown::problem(problem, &site.world);
    let of_stacks = troubles.iter().flat_map(|Trouble { stack, diagnostics, problems }| {
        let path = &site.monorepo.stack(*stack).path;
        let all = diagnostics.iter().map(Shown::diagnostic).chain(problems.iter().map(problem));
        all.map(move |shown| shown.of(path))
    });
    grouped(site.monorepo.problems.iter().map(problem).chain(of_stacks))
}

fn text(map: &Map, reverse: bool) -> String {
    let mut text = String::new();
    for node in map.nodes() {
        let next = if reverse { map.before(node) } else { map.after(node) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {}", node.kind.word(), node.path);
        for Node { kind, path } in next {
            let _ = writeln!(text, "  {} {path}", kind.word());
        }
    }
    text
}

fn dot(map: &Map) -> String {
    let mut text = "digraph konfig {\n  rankdir = LR;\n".to_owned();
    for node in map.nodes() {
        let shape = match node.kind {
            Kind::Stack => "box",
            Kind::Package => "ellipse",
            Kind::File => "note",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {} [label = {}, shape = {shape}];", quoted(&node.id()), quoted(&node.path));
    }
    for (from, to) in map.edges() {
        let _ = writeln!(text, "  {} -> {};", quoted(&from.id()), quoted(&to.id()));
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
