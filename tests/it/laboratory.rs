//! A small monorepo that uses what makes reuse hard: options in packages, files that programs read, variables that several
//! statements set, mixins, protocols, rules, lambdas that are handed around, instances.

use crate::repo::Repo;

const MODEL: &str = r#"
import lib.names
import lib.sizes as z

schema Labels:
    labels: {str:str} = {team = names.team}

schema Sized:
    size: int = z.small
    cpu: str = "${size}m"

protocol AppProtocol:
    name: str
    size?: int

mixin SizeMixin for AppProtocol:
    limit: int = z.limit(size or 1)

mixin NameMixin for AppProtocol:
    title: str = names.title(name)
    limit: int = 7

schema App(Labels):
    mixin [SizeMixin, NameMixin]
    name: str
    size?: int = z.small
    kind: "web" | "job" = "web"
    ports: [int] = [80]
    extra?: {str:}

    check:
        size > 0, "too small"
        len(ports) < 5 if ports

schema Job(App):
    kind: "web" | "job" = "job"
    schedule: str = z.schedule
    ports: [int] = []

schema Index[n: str]:
    [...str]: int = 1
    note: str = n

rule SmallRule for AppProtocol:
    size < 1000

mixin PlacedMixin:
    kind: str = "x" if names.team == "core" else names.prefix
    deep: bool = z.small == 10 and not names.unused

schema Placed:
    mixin [PlacedMixin]
    zone: str = "a" if names.team == "core" else "b"
    networks: [str] = ["10.0.0.0/8", z.schedule if names.greeting == "hello" else "none"]
    tags: {str:} = {size = z.small, more = {a = "b"}}
    title: str = "${names.team}-${z.large}"
    factor: int = z.large - 2
    hidden?: str = None

schema Moved(Placed):
    place: Placed = Placed {zone: "c"}

type Number = int | float

schema Pair:
    left: Number = 1
    right: Number = left + 1
"#;

const NAMES: &str = r#"
team = option("team") or "core"
_prefix = "the"
_prefix += " app"
prefix = _prefix
title = lambda name: str -> str {
    _words = [prefix, name]
    " ".join(_words)
}
shout = lambda text: str -> str {
    text.upper() + "!"
}
if option("loud"):
    _greeting = shout("hello")
else:
    _greeting = "hello"
greeting = _greeting
unused = {a = 1, b = [2, 3]}
"#;

const SIZES: &str = r#"
small = 10
large = small * 4
schedule = "0 ${small} * * *"
limit = lambda size: int -> int {
    size * _factor()
}
_factor = lambda -> int {
    3
}
table = {s = small, l = large}
assert small > 0
"#;

const FILES: &str = r#"
import file
import yaml

text = file.read("data/text.txt")
known = file.exists("data/absent.txt")
found = [1 for _ in file.glob("data/*.yaml")]
crd = yaml.decode(file.read("crd/one.yaml"))
"#;

const RENDER: &str = r#"
import lib.model
_apps = model.App.instances()
apps = [{name = app.name, kind = app.kind} for app in _apps]
_describe = lambda app {
    "${app.name}-${app.kind}"
}
_jobs = lambda app {
    "job ${app.name}"
}
described = [_jobs(app) if typeof(app) == "Job" else _describe(app) for app in _apps]
"#;

const MAINS: [&str; 12] = [
    "import lib.model\na = model.App {name = \"a\"}\n",
    "import lib.model\nb = model.App {name = \"b\", size = 20, ports = [1, 2]}\n",
    "import lib.model\nj = model.Job {name = \"j\", labels.more = \"x\"}\n",
    "import lib.names\nimport lib.sizes\nx = names.greeting\ny = sizes.table.l\nz = names.shout(\"q\")\n",
    "import lib.files\nt = files.text\nk = files.known\nn = len(files.found)\n",
    "import lib.files\nc = files.crd\n",
    "import lib.model\np = model.Pair {left = 2}\ni = model.Index(\"n\") {one = 1}\n",
    "import lib.model\na: model.App {name = \"u\"}\na: model.App {size = 5}\nr = model.SmallRule {name = \"n\", size = 2}\n",
    "import lib.model\n_p = model.Placed {zone: \"d\"}\nx = _p.networks\ny = (_p | {tags: {more: {c = 1}}}).tags\n",
    "import lib.model\nm = model.Moved {networks += [\"e\"], place.title = \"t\"}\n",
    "import lib.model\n_m = model.Moved {place: {zone = \"z\", factor: 3}}\nx = _m.place.zone\ny = _m.kind\n",
    "import lib.model\n_p = model.Placed {factor = 1}\nx = [p.kind for p in model.Placed.instances()]\ny = _p == model.Placed {}\n",
];

/// The monorepo.
pub(crate) fn monorepo() -> Repo {
    let mut repo = Repo::monorepo()
        .file("lib/model/model.k", MODEL)
        .file("lib/names/names.k", NAMES)
        .file("lib/sizes/sizes.k", SIZES)
        .file("lib/files/files.k", FILES)
        .file("lib/files/data/text.txt", "some text\n")
        .file("lib/files/data/one.yaml", "one: 1\n")
        .file("lib/files/crd/one.yaml", "kind: Crd\n")
        .file("lib/render/render.k", RENDER);
    for (number, main) in MAINS.iter().enumerate() {
        let project = format!("apps/p{number}");
        repo = repo.file(&format!("{project}/project.yaml"), &format!("name: p{number}\n"));
        for env in ["dev", "prod"] {
            let stack = format!("{project}/{env}");
            let settings = format!(
                "kcl_options:\n  - key: env\n    value: {env}\n  - key: team\n    value: team{}\n",
                number % 2
            );
            let files = "kcl_cli_configs:\n  file:\n    - main.k\n    - ${KCL_MOD}/lib/render/render.k\n";
            repo = repo
                .stack(&stack, main)
                .file(&format!("{stack}/kcl.yaml"), files)
                .file(&format!("{stack}/ci-test/settings.yaml"), &settings);
        }
    }
    repo
}
