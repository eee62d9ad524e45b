//! What goes wrong: the exit code, a message that helps, and stacks beside it that are built all the same.

use crate::repo::{Ran, Repo};

/// A monorepo with one good stack.
fn beside_a_good_one() -> Repo {
    Repo::monorepo().stack("apps/good", "x = 1\n")
}

/// Builds; the good stack must have its artifact whatever happened.
#[track_caller]
fn fails(repo: &Repo, code: i32) -> Ran {
    let ran = repo.konfig(&["build"]).exits(code);
    assert_eq!(repo.read("dist/apps/good.yaml").as_deref(), Some("x: 1\n"), "{}", ran.stderr);
    assert!(!repo.has("dist/apps/bad.yaml"));
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

#[test]
fn syntax_error() {
    let repo = beside_a_good_one().stack("apps/bad", "a = 1\nb = [1, 2\nc = 3\n");
    fails(&repo, 1).says("apps/bad/main.k:");
}

#[test]
fn a_message_has_code_place_line_and_caret() {
    let repo = beside_a_good_one().stack("apps/bad", "apple = 1\nb = aple\n");
    let ran = fails(&repo, 1);
    ran.says("error[E2L23]: ")
        .says(" --> apps/bad/main.k:2:5\n")
        .says("2 | b = aple\n")
        .says("  |     ^^^^\n");
}

#[test]
fn a_name_that_is_misspelt() {
    let repo = beside_a_good_one().stack("apps/bad", "apple = 1\nb = aple\n");
    fails(&repo, 1).says("aple").says("apple");
}

#[test]
fn several_errors_are_said_at_once() {
    let repo = beside_a_good_one().stack("apps/bad", "a = x\nb = y\nc: int = \"z\"\n");
    fails(&repo, 1).says("main.k:1:5").says("main.k:2:5").says("main.k:3:");
}

#[test]
fn paths_are_written_as_the_user_knows_them() {
    let repo = beside_a_good_one().stack("apps/bad", "a = x\n").stand("apps/good");
    repo.konfig(&["build"]).exits(1).says(" --> ../bad/main.k:1:5\n");
}

#[test]
fn messages_can_be_single_lines() {
    let repo = beside_a_good_one().stack("apps/bad", "a = x\n");
    let ran = repo.konfig(&["build", "--error-format", "short"]).exits(1);
    assert!(ran.stderr.starts_with("apps/bad/main.k:1:5: error[E2L23]: "), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
    let ran = repo.konfig(&["build", "none", "--error-format", "short"]).exits(2);
    assert!(ran.stderr.starts_with("error[C01]: "), "{}", ran.stderr);
}

#[test]
fn failing_check() {
    let main = "schema Port:\n    number: int\n    check:\n        0 < number < 65536, \"no such port\"\n\n\
                p = Port {number = 70000}\n";
    let repo = beside_a_good_one().stack("apps/bad", main);
    fails(&repo, 1).says("no such port").says("main.k:6").says("main.k:4");
}

#[test]
fn failing_assert() {
    let repo = beside_a_good_one().stack("apps/bad", "assert 1 > 2, \"one is less\"\n");
    fails(&repo, 1).says("one is less").says("main.k:1");
}

#[test]
fn missing_attribute() {
    let main = "schema Port:\n    number: int\n\np = Port {}\n";
    let repo = beside_a_good_one().stack("apps/bad", main);
    fails(&repo, 1).says("number").says("Port").says("main.k:4");
}

#[test]
fn a_missing_option_is_named() {
    let repo = beside_a_good_one().stack("apps/bad", "a = option(\"cluster\", required=True)\n");
    fails(&repo, 1).says("cluster");
}

#[test]
fn unknown_import() {
    let repo = beside_a_good_one()
        .file("base/labels.k", "x = 1\n")
        .stack("apps/bad", "import base.lables\n\ny = lables.x\n");
    fails(&repo, 1).says("main.k:1").says("lables");
}

#[test]
fn cyclic_import() {
    let repo = beside_a_good_one()
        .file("base/a.k", "import base.b\n\nx = b.y\n")
        .file("base/b.k", "import base.a\n\ny = a.x\n")
        .stack("apps/bad", "import base.a\n\nz = a.x\n");
    fails(&repo, 1).says("base/a.k").says("base/b.k");
}

#[test]
fn an_imported_file_that_is_wrong() {
    let repo = beside_a_good_one()
        .file("base/a.k", "x = 1\ny = = 2\n")
        .stack("apps/bad", "import base.a\n\nz = a.x\n");
    fails(&repo, 1).says("base/a.k:2");
}

#[test]
fn a_program_that_is_not_text() {
    let repo = beside_a_good_one().stack("apps/bad", "").bytes("apps/bad/main.k", b"a = \"\xff\xfe\"\n");
    fails(&repo, 1).says("apps/bad/main.k").says("UTF-8");
}

#[test]
fn an_imported_file_that_is_not_text() {
    let repo = beside_a_good_one()
        .bytes("base/a.k", b"x = \"\xc3\x28\"\n")
        .stack("apps/bad", "import base.a\n\nz = a.x\n");
    fails(&repo, 1).says("base/a.k").says("UTF-8");
}

#[test]
fn a_stack_without_a_program() {
    let repo = beside_a_good_one().file("apps/bad/stack.yaml", "");
    fails(&repo, 1).says("stack `apps/bad` has no `main.k`").says("kcl.yaml");
}

#[test]
fn an_entry_file_that_is_missing() {
    let repo = beside_a_good_one()
        .stack("apps/bad", "")
        .file("apps/bad/kcl.yaml", "kcl_cli_configs:\n  file:\n  - ../base/base.k\n  - main.k\n");
    fails(&repo, 1).says("there is no entry file `../base/base.k`").says("apps/bad/kcl.yaml");
}

#[test]
fn settings_that_are_not_yaml() {
    let repo =
        beside_a_good_one().stack("apps/bad", "").file("apps/bad/kcl.yaml", "kcl_options:\n- {key: [\n");
    fails(&repo, 1).says("`apps/bad/kcl.yaml` is not a settings file").says("apps/bad/kcl.yaml:");
}

#[test]
fn settings_of_another_form() {
    let repo =
        beside_a_good_one().stack("apps/bad", "").file("apps/bad/kcl.yaml", "kcl_options:\n  app: shop\n");
    fails(&repo, 1).says("apps/bad/kcl.yaml:2").says("`key` and `value`");
}

#[test]
fn test_settings_that_are_not_yaml() {
    let repo = beside_a_good_one()
        .stack("apps/bad", "")
        .file("apps/bad/ci-test/settings.yaml", "kcl_options: \"open\n");
    fails(&repo, 1).says("apps/bad/ci-test/settings.yaml");
}

#[test]
fn a_stack_file_that_is_wrong() {
    let repo =
        beside_a_good_one().file("apps/other/stack.yaml", "name: [\n").file("apps/other/main.k", "z = 1\n");
    fails(&repo, 2).says("apps/other/stack.yaml:");
    assert_eq!(repo.read("dist/apps/other.yaml").as_deref(), Some("z: 1\n"));
}

#[test]
fn a_module_file_that_is_wrong() {
    let repo = beside_a_good_one().file("apps/bad/kcl.mod", "[package\n").file("apps/bad/main.k", "x = 1\n");
    fails(&repo, 1).says("apps/bad/kcl.mod:1").says("is not a module file");
}

#[test]
fn a_dependency_that_is_missing() {
    let manifest = "[dependencies]\nmodels = { path = \"../../models\" }\n";
    let repo = beside_a_good_one().file("apps/bad/kcl.mod", manifest).file("apps/bad/main.k", "x = 1\n");
    fails(&repo, 1).says("dependency `models` has no `kcl.mod` in `models`");
}

#[test]
fn a_dependency_that_nobody_fetched() {
    let manifest = "[dependencies]\nk8s = \"1.31\"\n";
    let repo = beside_a_good_one().file("apps/bad/kcl.mod", manifest).file("apps/bad/main.k", "x = 1\n");
    fails(&repo, 1).says("dependency `k8s` is not on this machine").says("$KCL_PKG_PATH/k8s_1.31");
}

#[test]
fn a_module_that_no_dependency_names() {
    let manifest = "[profile]\nentries = [\"${kit:KCL_MOD}/render.k\"]\n";
    let repo = beside_a_good_one().file("apps/bad/kcl.mod", manifest).file("apps/bad/main.k", "x = 1\n");
    fails(&repo, 1).says("`${kit:KCL_MOD}` names no dependency");
}

#[cfg(unix)]
#[test]
fn an_artifact_that_cannot_be_written() {
    // A folder is in the way, which stops even a user who may write everything.
    let repo = beside_a_good_one().stack("apps/odd", "x = 1\n").file("dist/apps/odd.yaml/inside", "");
    fails(&repo, 1).says("cannot write the artifact").says("dist/apps/odd.yaml");
}

#[test]
fn artifacts_that_would_collide() {
    let repo = beside_a_good_one().stack("apps/x", "a = 1\n").stack("apps/x.yaml/y", "a = 2\n");
    fails(&repo, 2).says("apps/x.yaml").says("rename");
    assert_eq!(repo.read("dist/apps/x.yaml/y.yaml").as_deref(), Some("a: 2\n"));
}

#[test]
fn an_output_folder_above_the_monorepo() {
    beside_a_good_one().stand("apps").konfig(&["build", "--out", ".."]).exits(2).says("--out DIR");
}

#[test]
fn a_root_that_is_not_there() {
    Repo::empty().konfig(&["build", "--root", "none"]).exits(2).says("there is no folder `none`");
}

#[test]
fn no_monorepo_is_here() {
    let ran = Repo::empty().konfig(&["build"]).exits(2);
    ran.says("no monorepo is here").says("--root DIR");
}

#[test]
fn run_of_a_file_that_is_missing() {
    let ran = Repo::empty().konfig(&["run", "none.k"]).exits(2).says("there is no `none.k`");
    assert_eq!(ran.stdout, "");
}

#[test]
fn run_of_nothing() {
    Repo::empty().konfig(&["run"]).exits(2).says("main.k");
}

#[test]
fn run_of_a_folder_without_programs() {
    Repo::empty()
        .file("lib/notes.txt", "")
        .konfig(&["run", "lib"])
        .exits(2)
        .says("folder `lib` has no `.k` files");
}

#[test]
fn run_with_settings_that_are_missing() {
    let repo = Repo::empty().file("main.k", "a = 1\n");
    repo.konfig(&["run", "main.k", "-Y", "none.yaml"]).exits(2).says("there is no `none.yaml`");
}

#[test]
fn run_with_an_option_of_another_form() {
    let repo = Repo::empty().file("main.k", "a = 1\n");
    for option in ["a", "=1", "a="] {
        let ran = repo.konfig(&["run", "main.k", "-D", option]).exits(2).says("write `-D key=value`");
        ran.says(&format!("error[C01]: `-D {option}` gives no option a value\n"));
    }
}

#[test]
fn run_with_an_override_of_another_form() {
    let repo = Repo::empty().file("main.k", "a = 1\n");
    let run = |spec| repo.konfig(&["run", "main.k", "-O", spec]);
    run("a").exits(2).says("error[C01]: `-O` takes a change: `a` changes nothing\n").says("`path=value`");
    run("a=1 +").exits(2).says("`1 +` of `a=1 +` is not a value: ");
}

#[test]
fn what_is_wrong_with_an_override_is_shown_where_it_was_written() {
    let repo = Repo::empty().file("main.k", "a: int = 1\nb = {c = 1}\n");
    let ran = repo.konfig(&["run", "main.k", "-O", "b.c=1 + nme"]).exits(1);
    ran.says(" --> -O b.c:1:5\n").says("1 | 1 + nme\n");
}

#[test]
fn run_that_fails_prints_nothing() {
    let ran = Repo::empty().file("main.k", "a = 1\nb = 1 // (a - 1)\n").konfig(&["run", "main.k"]).exits(1);
    assert_eq!(ran.stdout, "");
    ran.says("main.k:2");
}

#[test]
fn a_program_that_takes_too_many_steps() {
    let endless = "_l = range(1000)\nx = [a + b + c for a in _l for b in _l for c in _l]\n";
    let repo = beside_a_good_one().stack("apps/bad", endless);
    repo.konfig(&["build", "--max-steps", "100000"]).exits(1).says("more than 100000 steps");
    assert_eq!(repo.read("dist/apps/good.yaml").as_deref(), Some("x: 1\n"));
    repo.konfig(&["run", "apps/bad/main.k", "--max-steps", "100000"]).exits(1).says("steps");
}

#[test]
fn a_program_that_takes_too_much_memory() {
    let large = "_double = lambda s: str, n: int -> str { s if n == 0 else _double(s + s, n - 1) }\n\
                 x = len(_double(\"konfig\", 40))\n";
    let repo = beside_a_good_one().stack("apps/bad", large);
    repo.konfig(&["build", "--max-memory", "64"]).exits(1).says("memory");
    assert_eq!(repo.read("dist/apps/good.yaml").as_deref(), Some("x: 1\n"));
}

#[test]
fn run_of_a_file_that_is_not_text() {
    let repo = Repo::empty().bytes("main.k", b"a = 1\n\xff\n");
    repo.konfig(&["run", "main.k"]).exits(1).says("UTF-8");
}

#[test]
fn output_that_cannot_be_written() {
    let repo = Repo::empty().file("main.k", "a = 1\n").file("x/y", "");
    repo.konfig(&["run", "main.k", "-o", "x"]).exits(2).says("cannot write to `x`");
}
