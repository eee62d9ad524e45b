//! Every case of `tests/suite/**/*.k` and every golden of the sample monorepo.
//!
//! A file of the suite holds cases, each below a line `# --- name`. What a case prints stands below it in lines that
//! start with `#>`; where it fails, each line that is to blame says so at its end: `#! part of the message`. A line
//! with nothing but `#! part` is for a message that names no place. A case may have arguments for `konfig run` in a line
//! `# args: -D env=prod`, and more files, each below a line `# file: path/of/it.k`.
//!
//! `cargo test --test golden -- [--bless] [PART OF A NAME]`

#[allow(dead_code, reason = "shared with the other tests, which use all of it")]
#[path = "it/repo.rs"]
mod repo;

use std::fs;
use std::io::Write as _;
use std::process::ExitCode;
use std::thread;

use repo::{Ran, Repo, files_below, of_project};

/// A case, as its lines from `# --- name` on; they are all that there is to it.
struct Case {
    name: String,
    lines: Vec<String>,
}

/// A file of the suite.
struct Suite {
    path: String,
    head: Vec<String>,
    cases: Vec<Case>,
}

/// An error that is expected or was found: `main.k:3` and a message, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    place: String,
    message: String,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let bless = arguments.iter().any(|argument| argument == "--bless");
    let filter = arguments.iter().find(|argument| !argument.starts_with('-')).cloned().unwrap_or_default();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let suites = suites();
    let mut failures = Vec::new();
    let mut cases = 0;
    for (suite, results) in suites.iter().zip(run_all(&suites, &filter, bless)) {
        cases += results.iter().flatten().count();
        let failed = suite.cases.iter().zip(&results).filter_map(|(case, result)| {
            let why = result.as_ref()?.as_ref().err()?;
            Some(format!("{}: {}\n{why}", suite.path, case.name))
        });
        failures.extend(failed);
        if bless {
            suite.write(&results);
        }
    }
    let stacks =
        if filter.is_empty() || "konfig".contains(&filter) { sample(bless, &mut failures) } else { 0 };
    report(cases, stacks, &failures)
}

fn report(cases: usize, stacks: usize, failures: &[String]) -> ExitCode {
    let mut out = std::io::stdout().lock();
    for failure in failures {
        writeln!(out, "--- {failure}").expect("stdout");
    }
    writeln!(out, "golden: {cases} cases, {stacks} stacks, {} failed", failures.len()).expect("stdout");
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What became of a case: nothing if it was not wanted; else its lines as they should be, or why it fails.
type Outcome = Option<Result<Vec<String>, String>>;

/// Runs the cases of all files, a few threads at a time.
fn run_all(suites: &[Suite], filter: &str, bless: bool) -> Vec<Vec<Outcome>> {
    let threads = thread::available_parallelism().map_or(2, usize::from).min(8);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results: Vec<_> = suites.iter().map(|_| std::sync::Mutex::new(Vec::new())).collect();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(suite) = suites.get(at) else { return };
                    let outcomes = suite.cases.iter().map(|case| {
                        let wanted = format!("{}: {}", suite.path, case.name).contains(filter);
                        wanted.then(|| case.run(bless))
                    });
                    *results[at].lock().expect("no panic") = outcomes.collect();
                }
            });
        }
    });
    results.into_iter().map(|cell| cell.into_inner().expect("no panic")).collect()
}

fn suites() -> Vec<Suite> {
    let root = of_project("tests/suite");
    let files = files_below(&root).into_iter().filter(|path| path.ends_with(".k"));
    files.map(|path| Suite::parse(&fs::read_to_string(root.join(&path)).expect("a suite"), path)).collect()
}

impl Suite {
    fn parse(text: &str, path: String) -> Self {
        let mut suite = Self { path, head: Vec::new(), cases: Vec::new() };
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("# --- ") {
                let twice = suite.cases.iter().any(|case| case.name == name);
                assert!(!twice, "{}: two cases are named {name}", suite.path);
                suite.cases.push(Case { name: name.to_owned(), lines: Vec::new() });
            }
            match suite.cases.last_mut() {
                Some(case) => case.lines.push(line.to_owned()),
                None => suite.head.push(line.to_owned()),
            }
        }
        suite
    }

    fn write(&self, results: &[Outcome]) {
        let mut lines = self.head.clone();
        for (case, result) in self.cases.iter().zip(results) {
            match result {
                Some(Ok(blessed)) => lines.extend(blessed.iter().cloned()),
                _ => lines.extend(case.lines.iter().cloned()),
            }
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let text = lines.join("\n") + "\n";
        fs::write(of_project("tests/suite").join(&self.path), text).expect("a suite");
    }
}

impl Case {
    /// Runs the case; the lines as they should be, or why it fails.
    fn run(&self, bless: bool) -> Result<Vec<String>, String> {
        let mut repo = Repo::empty();
        for (path, text) in self.files() {
            repo = repo.file(&path, &text);
        }
        let mut arguments = vec!["run".to_owned(), "main.k".to_owned()];
        arguments.extend(self.arguments());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = repo.konfig(&arguments);
        if ran.code != Some(0) && ran.code != Some(1) || ran.stderr.contains("panicked at") {
            return Err(format!("it ended with {:?}:\n{}", ran.code, ran.stderr));
        }
        if bless {
            return Ok(self.blessed(&ran));
        }
        self.compare(&ran).map(|()| self.lines.clone())
    }

    /// The files of the case. Lines keep their numbers: `main.k` starts below the name, others below theirs.
    fn files(&self) -> Vec<(String, String)> {
        let mut files = vec![("main.k".to_owned(), String::new())];
        for line in &self.lines[1..] {
            match line.strip_prefix("# file: ") {
                Some(path) => files.push((path.to_owned(), String::new())),
                None => {
                    let (_, text) = files.last_mut().expect("main.k");
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        files
    }

    fn arguments(&self) -> Vec<String> {
        let lines = self.lines.iter().filter_map(|line| line.strip_prefix("# args: "));
        lines.flat_map(|line| line.split_whitespace().map(str::to_owned)).collect()
    }

    /// What the lines with `#>` say; `None` where there are none.
    fn output(&self) -> Option<String> {
        let mut output = None::<String>;
        for line in self.lines.iter().filter_map(|line| line.strip_prefix("#>")) {
            let text = output.get_or_insert_default();
            text.push_str(line.strip_prefix(' ').unwrap_or(line));
            text.push('\n');
        }
        output
    }

    /// What the `#!` say, with the place of each.
    fn errors(&self) -> Vec<Expected> {
        let mut found = Vec::new();
        let (mut file, mut number) = ("main.k", 0);
        for line in &self.lines[1..] {
            number += 1;
            if let Some(path) = line.strip_prefix("# file: ") {
                (file, number) = (path, 0);
            }
            let Some((before, message)) = line.split_once("#! ") else { continue };
            let placed = !before.trim().is_empty();
            let place = if placed { format!("{file}:{number}") } else { String::new() };
            found.push(Expected { place, message: message.trim().to_owned() });
        }
        found
    }

    fn compare(&self, ran: &Ran) -> Result<(), String> {
        let found = diagnostics(&ran.stderr);
        let expected = self.errors();
        let wanted = self.output();
        if expected.is_empty() && wanted.is_none() {
            return Err("it expects nothing: write `#>` or `#!` lines, or run scripts/bless".to_owned());
        }
        let unexpected = found.iter().find(|found| !expected.iter().any(|expected| expected.is(found)));
        if let Some(found) = unexpected {
            return Err(format!("unexpected error at {}: {}", found.place, found.message));
        }
        let missing = expected.iter().find(|expected| !found.iter().any(|found| expected.is(found)));
        if let Some(missing) = missing {
            return Err(format!("no error at {}: {}", missing.place, missing.message));
        }
        let wanted = wanted.unwrap_or_default();
        if wanted == ran.stdout { Ok(()) } else { Err(difference(&wanted, &ran.stdout)) }
    }

    /// The lines with what the program says now.
    fn blessed(&self, ran: &Ran) -> Vec<String> {
        let found = diagnostics(&ran.stderr);
        let mut lines = vec![self.lines[0].clone()];
        let (mut file, mut number) = ("main.k".to_owned(), 0);
        let expected = self.errors();
        for line in &self.lines[1..] {
            number += 1;
            if let Some(path) = line.strip_prefix("# file: ") {
                (file, number) = (path.to_owned(), 0);
            }
            let place = format!("{file}:{number}");
            let here = found.iter().find(|found| found.place == place);
            // A part that somebody chose stays; one that is empty asks to be filled in.
            let chosen = |expected: &&Expected| !expected.message.is_empty();
            let kept = expected.iter().filter(chosen).find(|it| here.is_some_and(|found| it.is(found)));
            let before = line.split_once("#! ").map_or(line.as_str(), |(before, _)| before).trim_end();
            match (here, kept) {
                _ if line.starts_with("#>") || line.starts_with("#! ") => {}
                (_, Some(_)) => lines.push(line.clone()),
                (Some(found), None) => lines.push(format!("{before}  #! {}", found.first_line())),
                (None, _) => lines.push(before.to_owned()),
            }
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let placeless = found.iter().filter(|found| found.place.is_empty());
        lines.extend(placeless.map(|found| format!("#! {}", found.first_line())));
        lines.extend(ran.stdout.lines().map(|line| format!("#> {line}").trim_end().to_owned()));
        lines.push(String::new());
        lines
    }
}

impl Expected {
    fn is(&self, found: &Self) -> bool {
        self.place == found.place && found.message.contains(&self.message)
    }

    fn first_line(&self) -> &str {
        self.message.lines().next().unwrap_or_default().trim_end()
    }
}

/// The errors on stderr: `error[CODE]: message`, with ` --> file:line:column` in the next line where there is a place.
fn diagnostics(stderr: &str) -> Vec<Expected> {
    let mut found: Vec<Expected> = Vec::new();
    let mut lines = stderr.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, message)) = line.strip_prefix("error[").and_then(|rest| rest.split_once("]: ")) else {
            continue;
        };
        let mut message = message.to_owned();
        let mut place = String::new();
        while let Some(next) = lines.peek().filter(|next| !is_next_part(next)) {
            if let Some(written) = next.strip_prefix(" --> ") {
                let mut parts = written.split(':');
                let (file, line) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                place = format!("{file}:{line}");
                break;
            }
            message.push('\n');
            message.push_str(next);
            lines.next();
        }
        found.push(Expected { place, message });
    }
    found
}

/// Whether a line of a diagnostic starts something that follows its message and place.
fn is_next_part(line: &str) -> bool {
    ["error[", "warning[", "note: ", "help: "].iter().any(|start| line.starts_with(start))
}

/// The first line in which two texts differ, with both texts.
fn difference(wanted: &str, found: &str) -> String {
    let lines = wanted.lines().zip(found.lines()).take_while(|(wanted, found)| wanted == found).count();
    format!("line {} differs\nexpected:\n{wanted}found:\n{found}", lines + 1)
}

/// Checks the goldens of the sample monorepo; how many there are.
fn sample(bless: bool, failures: &mut Vec<String>) -> usize {
    let root = of_project("konfig");
    let root = root.to_str().expect("a path");
    let repo = Repo::empty();
    let ran = repo.konfig(&["build", "--root", root, "--out", "out", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    if ran.code != Some(0) {
        failures.push(format!("konfig: the build ended with {:?}:\n{}", ran.code, ran.stderr));
    }
    let stacks = report["stacks"].as_array().cloned().unwrap_or_default();
    for stack in &stacks {
        let path = stack["path"].as_str().unwrap_or_default();
        let Some(artifact) = repo.read(&format!("out/{path}.yaml")) else { continue };
        let golden = of_project(&format!("konfig/{path}/ci-test/stdout.golden.yaml"));
        let text = fs::read_to_string(&golden).unwrap_or_default();
        if let Some(why) = golden_differs(&text, &artifact) {
            if bless {
                fs::create_dir_all(golden.parent().expect("a folder")).expect("a folder");
                fs::write(&golden, artifact).expect("a golden");
            } else {
                failures.push(format!("konfig/{path}: {why}"));
            }
        }
    }
    stacks.len()
}

fn golden_differs(golden: &str, artifact: &str) -> Option<String> {
    match konfig::build::golden::compare(golden, artifact) {
        Ok(None) => None,
        Ok(Some(found)) => {
            Some(format!("{}: the golden has {}, not {}", found.path, found.golden, found.artifact))
        }
        Err(why) => Some(format!("its golden is not YAML: {why}")),
    }
}
