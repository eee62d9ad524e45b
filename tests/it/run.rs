//! `konfig run`: one program, its options and the forms of its output.

use crate::repo::Repo;

#[test]
fn prints_yaml() {
    assert_eq!(Repo::compiles("a = 1\nb = {c = [1, 2]}\n", &[]), "a: 1\nb:\n  c:\n  - 1\n  - 2\n");
}

#[test]
fn prints_json_on_demand() {
    let text = Repo::compiles("a = 1\nb = {c = [1, 2]}\n", &["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value, serde_json::json!({"a": 1, "b": {"c": [1, 2]}}));
}

#[test]
fn what_is_printed_comes_first() {
    assert_eq!(Repo::compiles("print(\"one\", 2)\na = 1\n", &[]), "one 2\na: 1\n");
}

#[test]
fn options() {
    let main = "a = option(\"a\")\nb = option(\"b\")\nc = option(\"c\")\nd = option(\"d\", default=4)\n";
    let text = Repo::compiles(main, &["-D", "a=1", "-D", "b=word", "-D", "c=[1, {\"x\": null}]"]);
    assert_eq!(text, "a: 1\nb: word\nc:\n- 1\n- x: null\nd: 4\n");
}

#[test]
fn the_last_of_equal_options_counts() {
    assert_eq!(Repo::compiles("a = option(\"a\")\n", &["-D", "a=1", "-D", "a=2"]), "a: 2\n");
}

#[test]
fn files_and_folders_make_one_package() {
    let repo = Repo::empty()
        .file("one.k", "a = _b\n")
        .file("more/two.k", "_b = 2\n")
        .file("more/three.k", "c = a\n")
        .file("more/left_test.k", "d = 1\n")
        .file("more/_out.k", "e = 1\n");
    assert_eq!(repo.konfig(&["run", "one.k", "more"]).good().stdout, "a: 2\nc: 2\n");
}

#[test]
fn without_files_the_settings_say_what_to_compile() {
    let settings = "kcl_cli_configs:\n  file: [x.k]\n  sort_keys: true\nkcl_options:\n- {key: b, value: 2}\n";
    let repo = Repo::empty().file("kcl.yaml", settings).file("x.k", "b = option(\"b\")\na = 1\n");
    assert_eq!(repo.konfig(&["run"]).good().stdout, "a: 1\nb: 2\n");
    assert_eq!(repo.konfig(&["run", "-D", "b=3"]).good().stdout, "a: 1\nb: 3\n");
}

#[test]
fn without_settings_main_is_compiled() {
    assert_eq!(Repo::empty().file("main.k", "a = 1\n").konfig(&["run"]).good().stdout, "a: 1\n");
}

#[test]
fn settings_files_add_up() {
    let repo = Repo::empty()
        .file("main.k", "a = option(\"a\")\nb = option(\"b\")\n")
        .file("one.yaml", "kcl_options:\n- {key: a, value: 1}\n- {key: b, value: 1}\n")
        .file("two.yaml", "kcl_options:\n- {key: b, value: [2]}\n");
    let ran = repo.konfig(&["run", "main.k", "-Y", "one.yaml", "two.yaml"]).good();
    assert_eq!(ran.stdout, "a: 1\nb:\n- 2\n");
}

#[test]
fn selectors_pick_values() {
    let main = "app = {labels = {name = \"x\"}, ports = [80, 443]}\n";
    assert_eq!(Repo::compiles(main, &["-S", "app.labels"]), "name: x\n");
    assert_eq!(Repo::compiles(main, &["-S", "app.labels.name", "-S", "app.ports.1"]), "- x\n- 443\n");
}

#[test]
fn a_selector_of_nothing_is_an_error() {
    let repo = Repo::empty().file("main.k", "a = 1\n");
    repo.konfig(&["run", "main.k", "-S", "a.b"]).exits(1).says("a.b");
}

#[test]
fn overrides_change_values() {
    let main = "schema App:\n    image: str\n    args: [str] = []\n    size?: str\n\n\
                app: App {\n    image = \"a:1\"\n    args = [\"x\"]\n    size = \"big\"\n}\n";
    let text = Repo::compiles(
        main,
        &["-O", "app.image=\"a:2\"", "-O", "app.args+=[\"z\"]", "-O", "app.size-", "-O", "more=1"],
    );
    assert_eq!(text, "app:\n  image: a:2\n  args:\n  - x\n  - z\nmore: 1\n");
}

#[test]
fn forms_of_the_document() {
    let main = "b = None\n_h = 1\na = {d = 1, c = None}\n";
    assert_eq!(Repo::compiles(main, &[]), "b: null\na:\n  d: 1\n  c: null\n");
    assert_eq!(Repo::compiles(main, &["-n"]), "a:\n  d: 1\n");
    assert_eq!(Repo::compiles(main, &["-k"]), "a:\n  c: null\n  d: 1\nb: null\n");
    assert!(Repo::compiles(main, &["--show-hidden"]).contains("_h: 1\n"));
}

#[test]
fn strict_ranges_hold_integers_to_32_bits() {
    let repo = Repo::empty().file("main.k", "_x = 2147483647\na = _x + 1\n");
    assert_eq!(repo.konfig(&["run", "main.k"]).good().stdout, "a: 2147483648\n");
    repo.konfig(&["run", "main.k", "-r"]).exits(1).says("main.k:2");
}

#[test]
fn output_goes_to_a_file() {
    let repo = Repo::empty().file("main.k", "a = 1\n");
    assert_eq!(repo.konfig(&["run", "main.k", "-o", "made/a.yaml"]).good().stdout, "");
    assert_eq!(repo.read("made/a.yaml").as_deref(), Some("a: 1\n"));
}

#[test]
fn packages_outside_of_the_module_can_be_named() {
    let repo = Repo::empty()
        .file("app/main.k", "import models.shapes\n\nbox = shapes.Box {}\n")
        .file("lib/kcl.mod", "[package]\nname = \"models\"\n")
        .file("lib/shapes.k", "schema Box:\n    size: int = 1\n")
        .stand("app");
    assert_eq!(repo.konfig(&["run", "main.k", "-E", "models=../lib"]).good().stdout, "box:\n  size: 1\n");
    repo.konfig(&["run", "main.k", "-E", "models"]).exits(2).says("-E name=folder");
}

#[test]
fn packages_are_found_in_the_package_path() {
    let repo = Repo::empty()
        .file("app/kcl.mod", "[package]\nname = \"app\"\n\n[dependencies]\nmodels = \"1.2\"\n")
        .file("app/main.k", "import models.shapes\n\nbox = shapes.Box {}\n")
        .file("store/models_1.2/kcl.mod", "[package]\nname = \"models\"\n")
        .file("store/models_1.2/shapes.k", "schema Box:\n    size: int = 1\n")
        .stand("app");
    repo.konfig(&["run", "main.k"]).exits(1).says("dependency `models` is not on this machine");
    let store = repo.path("store");
    let repo = repo.env("KCL_PKG_PATH", store.to_str().expect("a path"));
    assert_eq!(repo.konfig(&["run", "main.k"]).good().stdout, "box:\n  size: 1\n");
}

#[test]
fn a_program_may_write_files() {
    let main = "import file\n\n_done = file.write(\"made.txt\", \"text\")\na = 1\n";
    let repo = Repo::empty().file("main.k", main);
    repo.konfig(&["run", "main.k"]).good();
    assert_eq!(repo.read("made.txt").as_deref(), Some("text"));
}

#[test]
fn arguments_can_be_given_in_the_style_of_kcl() {
    let repo = Repo::empty().file("main.k", "b = None\na = 1\n");
    assert_eq!(repo.konfig(&["run", "main.k", "--disable_none", "--sort_keys"]).good().stdout, "a: 1\n");
    assert_eq!(repo.konfig(&["run", "-Y", "main.k", "-d"]).good().stdout, "b: null\na: 1\n");
}

#[test]
fn a_deep_program_is_refused_and_does_not_crash() {
    let main = "_f = lambda n: int { 0 if n == 0 else _f(n - 1) + 1 }\na = _f(1000000)\n";
    Repo::empty().file("main.k", main).konfig(&["run", "main.k"]).exits(1).says("main.k:1");
    let deep = format!("a = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    Repo::empty().file("main.k", &deep).konfig(&["run", "main.k"]).exits(1).says("main.k:1");
}
