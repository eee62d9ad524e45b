//! The command line itself: help, wrong arguments, the two streams, colours.

use crate::repo::Repo;

#[test]
fn help_goes_to_stdout() {
    for arguments in [&["--help"][..], &["-h"], &["help"], &["build", "--help"], &["run", "-h"]] {
        let ran = Repo::empty().konfig(arguments).good();
        assert!(ran.stdout.contains("Usage: konfig"), "{arguments:?}: {}", ran.stdout);
        assert_eq!(ran.stderr, "", "{arguments:?}");
    }
}

#[test]
fn help_says_what_exit_codes_mean() {
    for arguments in [&["--help"][..], &["build", "--help"], &["run", "--help"]] {
        Repo::empty().konfig(arguments).good().prints("Exit codes:\n  0  all went well\n  1  ");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = format!("konfig {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Repo::empty().konfig(&["--version"]).good().stdout, version);
}

#[test]
fn wrong_arguments_are_refused_with_code_2() {
    let repo = Repo::monorepo().stack("a", "x = 1\n");
    for (arguments, word) in [
        (&["bild"][..], "build"),
        (&["build", "--rot", "."], "--root"),
        (&["build", "--jobs", "0"], "--jobs"),
        (&["build", "--jobs", "many"], "--jobs"),
        (&["build", "--format", "xml"], "json"),
        (&["build", "--quiet", "--verbose"], "--verbose"),
        (&["run", "--format"], "--format"),
        (&[], "Usage"),
    ] {
        let ran = repo.konfig(arguments).exits(2).says(word);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert!(!repo.has("dist"));
}

#[test]
fn quiet_says_only_what_is_wrong() {
    let repo = Repo::monorepo().stack("a", "x = 1\n").stack("b", "x = y\n");
    assert_eq!(repo.konfig(&["build", "--quiet", "a"]).good().stderr, "");
    repo.konfig(&["build", "--quiet"]).exits(1).says("b/main.k:1:5");
}

#[test]
fn colours_are_for_those_who_ask() {
    let repo = Repo::empty().file("main.k", "a = b\n");
    assert!(!repo.konfig(&["run", "main.k"]).exits(1).stderr.contains('\x1b'));
    repo.konfig(&["run", "main.k", "--color", "always"]).exits(1).says("\x1b[1;31merror[");
    assert!(!repo.konfig(&["run", "main.k", "--color", "never"]).exits(1).stderr.contains('\x1b'));
}

#[test]
fn options_of_all_commands_can_stand_anywhere() {
    let repo = Repo::monorepo().stack("a", "x = 1\n");
    repo.konfig(&["--jobs", "1", "build"]).good();
    repo.konfig(&["build", "-j", "1", "--color=never"]).good();
}

#[test]
fn wrong_arguments_are_said_in_the_form_that_was_asked_for() {
    let run = |arguments: &[&str]| Repo::empty().konfig(arguments).exits(2).stderr;
    let short = run(&["build", "--rot", ".", "--error-format", "short"]);
    assert_eq!(short, "error[C01]: unexpected argument `--rot` found\n");
    let json = run(&["run", "--jobs", "0", "--error-format=json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("an object");
    assert_eq!(json["code"], "C01");
    let sarif = run(&["--error-format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif).expect("a document");
    let said = sarif.pointer("/runs/0/invocations/0/toolExecutionNotifications/0/descriptor/id");
    assert_eq!(said, Some(&"C01".into()));
    let pretty = run(&["build", "--rot", "."]);
    assert!(pretty.starts_with("error: unexpected argument"), "{pretty}");
}
