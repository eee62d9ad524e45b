//! Random programs mean here what they mean to the reference compiler: the same document, or a refusal.
//!
//! `KONFIG_DIFFERENTIAL=10000` tries so many programs, `KONFIG_DIFFERENTIAL_SEED` is the first seed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::programs::program;
use crate::repo::Repo;

/// Reads programs as a JSON list, writes what each gives as a JSON list: the document, or null where it is refused.
const ORACLE: &str = r#"
import json, os, sys, tempfile
try:
    import kcl_lib.api as api
except ImportError:
    sys.exit(42)
folder = tempfile.mkdtemp()
path = os.path.join(folder, "main.k")
compiler = api.API()
results = []
for text in json.load(sys.stdin):
    with open(path, "w") as f:
        f.write(text)
    try:
        result = compiler.exec_program(api.ExecProgramArgs(work_dir=folder, k_filename_list=[path]))
        results.append(None if result.err_message else result.yaml_result)
    except Exception:
        results.append(None)
json.dump(results, sys.stdout)
"#;

/// What the reference makes of programs; `None` where it is not installed.
fn reference(programs: &[String]) -> Option<Vec<Option<String>>> {
    let mut python = Command::new("python3")
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let input = serde_json::to_vec(programs).expect("programs are text");
    python.stdin.take().expect("a pipe").write_all(&input).ok()?;
    let output = python.wait_with_output().expect("python ends");
    output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("a list"))
}

/// What is refused here and means something odd to the reference; docs/kcl-compatibility.md says why.
const EXPLAINED: [&str; 1] = ["a config key must be a string"];

/// The document, or why there is none.
fn ours(repo: &Repo, program: &str) -> Result<String, String> {
    repo.write("main.k", program.as_bytes());
    let ran = repo.konfig(&["run", "main.k"]);
    assert!(matches!(ran.code, Some(0 | 1)), "{program}\n{}", ran.stderr);
    if ran.code == Some(0) { Ok(ran.stdout) } else { Err(ran.stderr) }
}

fn same(expected: Option<&str>, found: &Result<String, String>) -> bool {
    match (expected, found) {
        (Some(expected), Ok(found)) => expected.trim_end() == found.trim_end(),
        (Some(_), Err(why)) => EXPLAINED.iter().any(|explained| why.contains(explained)),
        (None, found) => found.is_err(),
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn random_programs_mean_the_same_to_the_reference() {
    let (first, count) = (number("KONFIG_DIFFERENTIAL_SEED", 1), number("KONFIG_DIFFERENTIAL", 150));
    let programs: Vec<String> = (first..first + count).map(program).collect();
    let Some(expected) = reference(&programs) else {
        writeln!(std::io::stderr(), "skipped: python3 with kcl-lib is not here").ok();
        return;
    };
    let repo = Repo::empty();
    let mut differences = Vec::new();
    for ((seed, program), expected) in (first..).zip(&programs).zip(&expected) {
        let found = ours(&repo, program);
        if !same(expected.as_deref(), &found) {
            differences
                .push(format!("--- seed {seed}\n{program}\nexpected {expected:?}\nfound    {found:?}\n"));
        }
    }
    let shown: String = differences.iter().take(20).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} of {count} differ\n{shown}", differences.len());
}
