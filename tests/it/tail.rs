//! Stacks that end with one and the same file: it is checked and lowered once, and comes to the same as for each stack alone.

use std::fs;

use crate::repo::Repo;

const RENDER: &str = "\
import manifests

import base.names as names

_show = lambda it { \"${it} of ${names.owner}\" }
_sizes = [len(p) for p in [[1], [1, 2]]]
_all = {
    shown = _show(lib.value)
    sizes = _sizes
    keys = [key for key in [\"a\", \"b\"]]
    if lib.value == \"two\":
        second = True
}
if len(_sizes) > 1:
    _all |= {largest = max(_sizes)}
manifests.yaml_stream([_all])
";

/// What the stacks say before that file.
const MAINS: [(&str, &str); 9] = [
    ("one", "import base.one as lib\n"),
    ("two", "import base.two as lib\n"),
    ("same-as-one", "import base.one as lib\nx = 1\n"),
    ("more-globals", "import base.one as lib\nx = 1\ny = lambda a { a + x }\nz = y(2)\n"),
    ("hides-a-builtin", "import base.two as lib\nlen = lambda x { 7 }\n"),
    ("import-like-a-loop-variable", "import base.one as lib\nimport base.two as p\n"),
    ("alias-in-a-lambda", "import base.one as lib\nf = lambda {\n    type key = int\n    1\n}\n"),
    ("imports-nothing", "x = 1\n"),
    ("sets-its-variable", "import base.one as lib\n_sizes = [1]\n"),
];

fn shared_end() -> Repo {
    let repo = Repo::monorepo()
        .file("base/names.k", "owner = \"us\"\n")
        .file("base/one.k", "value = \"one\"\n")
        .file("base/two.k", "value = \"two\"\n")
        .file("base/render.k", RENDER);
    let files = "kcl_cli_configs:\n  file:\n    - main.k\n    - ${KCL_MOD}/base/render.k\n";
    MAINS.iter().fold(repo, |repo, (name, main)| {
        repo.stack(&format!("apps/{name}"), main).file(&format!("apps/{name}/kcl.yaml"), files)
    })
}

#[test]
fn all_together_come_to_the_same_as_each_alone() {
    let repo = shared_end();
    for more in [&["--jobs", "1", "--no-cache"][..], &["--jobs", "1"], &["--no-cache"]] {
        fs::remove_dir_all(repo.path("dist")).ok();
        let all = repo.konfig(&[&["build"], more].concat());
        for (name, _) in MAINS {
            let stack = format!("apps/{name}");
            let alone = repo.konfig(&["build", &stack, "--no-cache", "--out", "alone"]);
            let artifact = |out: &str| repo.read(&format!("{out}/{stack}.yaml"));
            assert_eq!(artifact("dist"), artifact("alone"), "{name}");
            let problem = alone.stderr.lines().next().unwrap_or_default();
            assert!(all.stderr.contains(problem), "{name}: {problem}");
        }
    }
    let made = repo.read("dist/apps/two.yaml").expect("an artifact");
    assert_eq!(made, "shown: two of us\nsizes:\n- 1\n- 2\nkeys:\n- a\n- b\nsecond: true\nlargest: 2\n");
    assert!(!repo.has("dist/apps/imports-nothing.yaml"));
}
