//! Packages that nothing is wrong with, as an earlier build has found: those that have nothing but schemas are declared, not
//! checked again, and whoever imports them learns the same of them.

use std::path::Path;

use kcl::eval::Limits;
use kcl::lower::fingerprint::Fingerprint;
use kcl::resolve::Program;
use konfig::build::compile::{Shared, Sound, prepare_known};
use konfig::monorepo::{CompileUnit, DiskWorld, PackageStore, discover};

use crate::repo::Repo;

/// All that others can learn of the packages that each stack imports.
fn interfaces(root: &Path, sound: Sound) -> Vec<(String, Vec<Option<Fingerprint>>)> {
    let (world, store) = (DiskWorld::new(root, false), PackageStore { folder: None });
    let monorepo = discover(&world, root, &root.join("dist")).expect("the monorepo is whole");
    let of_stack = |stack| {
        let unit = CompileUnit::of_stack(&world, &store, root, &monorepo.folder(stack)).expect("a unit");
        let (program, limits) = (Program::new(), Limits::default());
        let shared = Shared {
            program: &program,
            world: &world,
            package_dir: None,
            limits,
            traced: true,
            profile: None,
        };
        let ready = prepare_known(&shared, &unit, &world, |_| sound, false).expect("the stack is sound");
        let identity = |id| program.identity(id, root);
        ready.main.closure.iter().map(|id| program.interface(*id, &|_| true, &identity)).collect()
    };
    monorepo.stacks.iter().map(|stack| (stack.path.clone(), of_stack(stack))).collect()
}

fn assert_alike(root: &Path) {
    let checked = interfaces(root, Sound::Nothing);
    assert!(checked.iter().any(|(_, packages)| !packages.is_empty()));
    assert!(checked.iter().all(|(_, packages)| packages.iter().all(Option::is_some)));
    assert_eq!(interfaces(root, Sound::Imports), checked);
}

#[test]
fn the_sample_is_declared_as_it_is_checked() {
    assert_alike(&Path::new(env!("CARGO_MANIFEST_DIR")).join("konfig"));
}

/// What a body teaches the checker while it walks it, and what comes from statements.
#[test]
fn what_bodies_say_is_not_learned_by_others() {
    let models = "\
\"\"\"Models.\"\"\"

schema Base[kind: str = \"a\"]:
    \"\"\"A base.\"\"\"
    name: str
    size = 1
    size: int = size + 1
    _hidden = {name = kind}
    [key: str]: int | str | {str:str} = 7

schema Child(Base):
    mixin [SizeMixin]
    more: int | str = name
    if name == \"x\":
        more = 3

mixin SizeMixin:
    other = [it for it in [1, 2]]

protocol NameProtocol:
    name: str

rule Named for NameProtocol:
    name != \"\"
";
    let values = "\
import base.models

type Size = int | str
child = models.Child {name = \"x\"}
size: Size = child.size
double = lambda it: int -> int { it * 2 }
";
    let repo =
        Repo::monorepo().file("base/models/models.k", models).file("base/values/values.k", values).stack(
            "apps/web",
            "import base.values\nimport base.models\na = values.double(3)\nb: models.Base = values.child\n",
        );
    assert_alike(&repo.path("."));
}

#[test]
fn a_stack_that_goes_wrong_is_checked_against_them() {
    let schema = "schema Service:\n    name: str\n    port: int = 80\n";
    let main = "import base.models\na = models.Service {name = \"web\"}\n";
    let repo = Repo::monorepo().file("base/models/models.k", schema).stack("apps/web", main);
    repo.konfig(&["build"]).good();
    repo.write("apps/web/main.k", main.replace("\"web\"", "\"web\", port = \"http\"").as_bytes());
    repo.konfig(&["build"]).exits(1).says("error[E2G22]");
    repo.write("apps/web/main.k", main.replace("web", "shop").as_bytes());
    repo.konfig(&["build"]).good();
    assert_eq!(repo.read("dist/apps/web.yaml").as_deref(), Some("a:\n  name: shop\n  port: 80\n"));
}
