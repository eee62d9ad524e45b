//! Changes of packages that many stacks import: proven for all stacks at once that use the same of them.

use serde_json::Value;

use crate::git::{commit, committed};
use crate::repo::{Ran, Repo};

const MODEL: &str = "\
import lib.unit

schema App:
    name: str
    size: int = unit.one

schema Job:
    name: str
    times: int = 3

default_app = App {name = \"default\"}
";

/// Four stacks: two use one schema of a package, one the other, and one has a schema of its own.
fn demo() -> Repo {
    Repo::monorepo()
        .file("trace.json", "")
        .file("lib/model/model.k", MODEL)
        .file("lib/unit.k", "one = 1\n\ntwice = lambda x: int -> int {\n    x * 2\n}\n")
        .stack("apps/a", "import lib.model\n\nx = model.App {name = \"a\"}\n")
        .stack("apps/b", "import lib.model\n\nx = model.App {name = \"b\"}\n")
        .stack("apps/c", "import lib.model\n\nx = model.Job {name = \"c\"}\n")
        .stack(
            "apps/d",
            "import lib.model\n\nschema Own(model.Job):\n    more: int = 1\n\nx = Own {name = \"d\"}\n",
        )
}

/// How many stacks were looked at one by one in a verbose build: those whose records were compared.
fn looked_at(repo: &Repo) -> usize {
    let ran = repo.konfig(&["build", "--profile", "trace.json"]).good();
    assert_eq!(ran.counts().0, 0, "{}", ran.stdout);
    let trace: Value = serde_json::from_str(&repo.read("trace.json").expect("a trace")).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events").iter();
    events.filter(|event| event["name"] == "compare").count()
}

/// A build comes to what one from nothing comes to.
#[track_caller]
fn same_as_fresh(repo: &Repo) -> Ran {
    let ran = repo.konfig(&["build"]);
    let fresh = repo.konfig(&["build", "--no-cache", "--out", "fresh"]);
    assert_eq!(ran.code, fresh.code, "{}\n{}", ran.stderr, fresh.stderr);
    for stack in ["a", "b", "c", "d"] {
        let of = |out: &str| repo.read(&format!("{out}/apps/{stack}.yaml"));
        assert!(of("fresh").is_none_or(|fresh| of("dist") == Some(fresh)), "{stack}");
    }
    std::fs::remove_dir_all(repo.path("fresh")).ok();
    ran
}

fn edit(repo: &Repo, path: &str, from: &str, to: &str) {
    let text = repo.read(path).expect("a file");
    assert!(text.contains(from), "{text}");
    repo.write(path, text.replace(from, to).as_bytes());
}

#[test]
fn what_makes_no_difference_is_proven_without_a_look_at_stacks() {
    let repo = demo();
    repo.konfig(&["build"]).good();
    for more in ["# A comment.\n", "\n\n", "schema More:\n    x: int = 1\n", "more = lambda {\n    1\n}\n"] {
        repo.write("lib/model/model.k", format!("{more}{MODEL}").as_bytes());
        // The one with a schema of its own inherits more than can be told without it.
        assert_eq!(looked_at(&repo), 1, "{more}");
        assert_eq!(looked_at(&repo), 0, "{more}");
    }
    assert_eq!(same_as_fresh(&repo).counts(), (0, 0, 0));
}

#[test]
fn those_who_use_what_changed_are_told_apart() {
    let repo = demo();
    repo.konfig(&["build"]).good();
    edit(&repo, "lib/model/model.k", "times: int = 3", "times: int = 4");
    let ran = same_as_fresh(&repo);
    assert_eq!(ran.counts(), (2, 0, 2), "{}", ran.stdout);
    edit(&repo, "lib/unit.k", "one = 1", "one = 2");
    let ran = same_as_fresh(&repo);
    assert_eq!(ran.counts(), (2, 0, 2), "{}", ran.stdout);
}

#[test]
fn types_are_checked_where_packages_have_other_ones() {
    let repo = demo().file("lib/sum.k", "more = lambda x: int {\n    x + 1\n}\n");
    for (stack, ty) in [("a", "int"), ("b", "any"), ("c", "int"), ("d", "int | str")] {
        let main = format!("import lib.sum\n\nx: {ty} = sum.more(1)\n");
        repo.write(&format!("apps/{stack}/main.k"), main.as_bytes());
    }
    repo.konfig(&["build"]).good();
    for (from, to, counts) in [
        ("x + 1", "x + 2", (4, 0, 4)),
        ("x + 2", "str(x)", (2, 2, 2)),
        ("str(x)", "x + 3", (4, 0, 4)),
        ("x: int", "x: str", (0, 4, 0)),
        ("x: str", "x: int, y: int = 1", (4, 0, 0)),
    ] {
        edit(&repo, "lib/sum.k", from, to);
        let ran = same_as_fresh(&repo);
        assert_eq!(ran.counts(), counts, "{to}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn what_is_lost_of_a_proven_stack_is_restored() {
    let repo = demo();
    repo.konfig(&["build"]).good();
    repo.write("lib/model/model.k", format!("# A comment.\n{MODEL}").as_bytes());
    repo.write("dist/apps/a.yaml", b"edited\n");
    std::fs::remove_file(repo.path("dist/apps/b.yaml")).expect("deleted");
    let ran = same_as_fresh(&repo);
    assert_eq!(ran.counts(), (0, 0, 2), "{}", ran.stdout);
    assert_eq!(looked_at(&repo), 0);
}

#[test]
fn a_package_that_fails_now_fails_all() {
    let repo = demo();
    repo.konfig(&["build"]).good();
    repo.write("lib/model/model.k", format!("{MODEL}bad = int(\"x\" * unit.one)\n").as_bytes());
    same_as_fresh(&repo).exits(1);
    repo.write("lib/model/model.k", format!("{MODEL}bad: int = \"text\"\n").as_bytes());
    same_as_fresh(&repo).exits(1);
    repo.write("lib/model/model.k", MODEL.as_bytes());
    same_as_fresh(&repo).good();
}

#[test]
fn what_packages_ask_for_only_now_counts_later() {
    let settings = |value: &str| format!("kcl_options:\n  - key: d\n    value: {value}\n");
    let repo = demo();
    ["a", "b", "c", "d"]
        .iter()
        .for_each(|it| repo.write(&format!("apps/{it}/kcl.yaml"), settings("1").as_bytes()));
    repo.konfig(&["build"]).good();
    repo.write("lib/model/model.k", format!("{MODEL}idle = int(option(\"d\") or 1)\n").as_bytes());
    same_as_fresh(&repo).good();
    repo.write("apps/a/kcl.yaml", settings("bad").as_bytes());
    same_as_fresh(&repo).exits(1);
    repo.write("apps/a/kcl.yaml", settings("2").as_bytes());
    same_as_fresh(&repo).good();

    let reads = format!("import file\n{MODEL}idle = int(file.read(\"d.txt\"))\n");
    repo.write("lib/model/d.txt", b"1");
    repo.write("lib/model/model.k", reads.as_bytes());
    same_as_fresh(&repo).good();
    repo.write("lib/model/model.k", format!("# A comment.\n{reads}").as_bytes());
    same_as_fresh(&repo).good();
    repo.write("lib/model/d.txt", b"no number");
    same_as_fresh(&repo).exits(1);
}

#[test]
fn stacks_that_are_built_for_a_package_still_rest_on_their_own_files() {
    let repo = demo().file("lib/model/note.txt", "one");
    repo.konfig(&["build"]).good();
    // The ones that use it are built, and keep their place in the survey.
    edit(&repo, "lib/unit.k", "one = 1", "one = 2");
    assert_eq!(same_as_fresh(&repo).counts().0, 2);
    edit(&repo, "apps/a/main.k", "\"a\"", "\"aa\"");
    assert_eq!(same_as_fresh(&repo).counts().0, 1);
    // Now they read a file, too.
    edit(&repo, "lib/model/model.k", "import lib.unit", "import file\nimport lib.unit");
    edit(&repo, "lib/model/model.k", "unit.one", "len(file.read(\"note.txt\"))");
    assert_eq!(same_as_fresh(&repo).counts().0, 2);
    repo.write("lib/model/note.txt", b"three");
    assert_eq!(same_as_fresh(&repo).counts().0, 2);
    // Back to what they were, own file and package in one step.
    edit(&repo, "apps/a/main.k", "\"aa\"", "\"a\"");
    repo.write("lib/model/model.k", MODEL.as_bytes());
    same_as_fresh(&repo);
    assert_eq!(same_as_fresh(&repo).counts(), (0, 0, 0));
}

#[test]
fn the_range_of_numbers_may_differ_between_stacks() {
    let repo = demo();
    repo.write("apps/b/kcl.yaml", b"kcl_cli_configs:\n  strict_range_check: true\n");
    repo.konfig(&["build"]).good();
    repo.write("lib/model/model.k", format!("{MODEL}wide = 2147483647 + unit.one\n").as_bytes());
    same_as_fresh(&repo);
}

#[test]
fn what_happens_to_a_stack_that_no_survey_knows_is_seen() {
    let files = "import file\n\ntext = len(file.glob(\"*.txt\"))\n";
    let repo = demo().file("lib/files.k", files).stack("apps/e", "import lib.files\n\nx = files.text\n");
    let Some(repo) = committed(repo) else { return };
    repo.konfig(&["build"]).good();
    repo.konfig(&["affected"]).good().prints("0 stacks affected");
    edit(&repo, "lib/files.k", "*.txt", "*.k");
    repo.konfig(&["affected"]).good().prints("1 stack affected");
}

#[test]
fn commits_that_make_no_difference_affect_nobody() {
    let Some(repo) = committed(demo()) else { return };
    repo.konfig(&["build"]).good();
    repo.konfig(&["affected"]).good().prints("0 stacks affected");
    repo.write("lib/model/model.k", format!("# A comment.\n{MODEL}").as_bytes());
    commit(&repo);
    let last = ["affected", "--base", "HEAD~1", "--head", "HEAD"];
    repo.konfig(&last).good().prints("0 stacks affected");
    repo.konfig(&["build"]).good();
    repo.konfig(&last).good().prints("0 stacks affected");
    edit(&repo, "lib/model/model.k", "times: int = 3", "times: int = 4");
    commit(&repo);
    let because = "`Job.times` of `lib.model` changed";
    for _ in 0..2 {
        let ran = repo.konfig(&last).good().prints("2 stacks affected").prints("apps/c").prints("apps/d");
        assert!(ran.stdout.contains(because), "{}", ran.stdout);
        repo.konfig(&["build"]).good();
    }
}

/// Stacks that each use other values of a package: as many groups as stacks.
const KINDS: usize = 320;

fn many_kinds() -> Repo {
    let model: String = (0..9).map(|bit| format!("v{bit} = {bit}\n")).collect();
    let used = |kind: usize| (0..9).filter(move |bit| kind >> bit & 1 == 1);
    let main = |kind| {
        let values: Vec<String> = used(kind).map(|bit| format!("many.v{bit}")).collect();
        format!("import lib.many\n\nx = [{}]\n", values.join(", "))
    };
    let repo = Repo::monorepo().file("lib/many.k", &model);
    (0..KINDS).fold(repo, |repo, kind| repo.stack(&format!("apps/n{kind:03}"), &main(kind)))
}

#[test]
fn what_many_groups_used_is_read_at_once() {
    let Some(repo) = committed(many_kinds()) else { return };
    repo.konfig(&["build"]).good();
    repo.konfig(&["affected"]).good().prints("0 stacks affected");
    edit(&repo, "lib/many.k", "v0 = 0", "v0 = 10");
    let odd = format!("{} stacks affected", KINDS / 2);
    repo.konfig(&["affected"]).good().prints(&odd);
    assert!(repo.has(".konfig/used"));
    for damaged in [false, true] {
        if damaged {
            repo.write(".konfig/used", b"something else");
        }
        let ran = repo.konfig(&["affected"]).good().prints(&odd);
        assert!(!ran.stdout.contains("apps/n000:") && ran.stdout.contains("apps/n001:"), "{}", ran.stdout);
    }
    assert_eq!(repo.konfig(&["build"]).good().counts().2, KINDS / 2);
    // Half of those that use the other value have other lists since then.
    edit(&repo, "lib/many.k", "v1 = 1", "v1 = 11");
    repo.konfig(&["affected"]).good().prints(&format!("{} stacks affected", KINDS / 4 * 3));
    repo.konfig(&["build", "--audit=100"]).good();
}
