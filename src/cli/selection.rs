//! Selectors on the command line.

use std::collections::BTreeSet;

use super::error::Refusal;
use super::site::Site;
use super::text::list;
use crate::graph::imports::ImportsOf;
use crate::graph::select::Scope;
use crate::graph::selector::SelectError;
use crate::monorepo::{Monorepo, StackId};

/// What selectors there are, for help texts.
pub(crate) const SELECTORS: &str = "\
Selectors:
  appops/shop/dev        the stack of this path from the root; `./dev` is seen from where you stand
  appops/...             all stacks at or below a folder
  project(shop)          all stacks of the projects of this name or path
  env(prod)              all stacks of this name
  tenant(retail)         all stacks of a tenant's projects
  imports(base/pkg/x)    all stacks that import a package, directly or not
  a & b, a | b, a ~ b    both, either, the first without the second; `~a` is all but a
  Quote selectors for the shell. Several are joined by `|`.

";

/// The stacks that selectors select, in order; all where there are none.
pub(crate) fn select(site: &Site, selectors: &[String]) -> Result<Vec<StackId>, Refusal> {
    let Site { world, store, program, monorepo, out: _ } = site;
    let importers = ImportsOf { program, world, store, monorepo };
    let scope = Scope { monorepo, stand: world.stand(), importers: &importers };
    scope.select(selectors).map_err(refusal)
}

/// What selectors of settings select, and those of them that select nothing.
pub(crate) struct Settled {
    /// The paths of the stacks.
    pub(crate) paths: BTreeSet<String>,
    /// The selectors that name nothing that is there. What settings are for may not be there yet, or any more.
    pub(crate) empty: Vec<String>,
}

/// The stacks of a monorepo that selectors of settings select; all where there are none.
pub(crate) fn settled(site: &Site, monorepo: &Monorepo, selectors: &[String]) -> Result<Settled, Refusal> {
    let Site { world, store, program, .. } = site;
    let importers = ImportsOf { program, world, store, monorepo };
    // Paths are seen from the root, wherever the user stands.
    let scope = Scope { monorepo, stand: &monorepo.root, importers: &importers };
    let path = |id: StackId| monorepo.stack(id).path.clone();
    let mut found = Settled { paths: BTreeSet::new(), empty: Vec::new() };
    if selectors.is_empty() {
        found.paths.extend(monorepo.stack_ids().map(path));
    }
    for selector in selectors {
        match scope.select(std::slice::from_ref(selector)) {
            Ok(stacks) => found.paths.extend(stacks.into_iter().map(path)),
            Err(SelectError::NoSuchPath { .. } | SelectError::Nothing { .. }) => {
                found.empty.push(selector.clone());
            }
            Err(error) => return Err(refusal(error)),
        }
    }
    Ok(found)
}

/// What is wrong with a selector, in words.
fn refusal(error: SelectError) -> Refusal {
    let meant = |near: Option<String>, otherwise: &str| {
        near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
    };
    match error {
        SelectError::Syntax { text, column, expected } => {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            let wanted =
                if expected.is_empty() { "something else".to_owned() } else { list(&expected, "or") };
            let message = format!("selector `{text}` is wrong at character {column}: expected {wanted}");
            Refusal::request(message, "write for example `appops/... & ~env(prod)`")
        }
        SelectError::UnknownFunction(name) => Refusal::request(
            format!("there is no selector `{name}(…)`"),
            "there are `project(…)`, `env(…)`, `tenant(…)` and `imports(…)`",
        ),
        SelectError::NoSuchPath { path, near } => Refusal::request(
            format!("there is no stack at `{path}`"),
            meant(near, "stacks are named by their path from the monorepo's root"),
        ),
        SelectError::NotAStack(path) => Refusal::request(
            format!("`{path}` is no stack, but a folder above some"),
            format!("write `{}/...` for all stacks below it", path.trim_end_matches('/')),
        ),
        SelectError::Outside(path) => Refusal::request(
            format!("`{path}` is outside of the monorepo"),
            "give its root with `--root DIR`, or stand in it",
        ),
        SelectError::Nothing { function, name, near } => Refusal::request(
            format!("nothing is `{function}({name})` in this monorepo"),
            meant(near, "check the spelling"),
        ),
    }
}
