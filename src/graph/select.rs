//! Answering selectors against a monorepo.

use std::collections::BTreeSet;
use std::path::Path;

use super::selector::{Expr, Function, SelectError, parse};
use crate::monorepo::{Monorepo, Stack, StackId, paths};

/// Tells which stacks import a package. Costs a parse of all their programs, so it is asked only where it matters.
pub trait Importers {
    /// The stacks that import the package of a path from the root, directly or not; `None` if there is no such package.
    fn importers(&self, package: &str) -> Option<BTreeSet<StackId>>;
}

/// What selectors are answered against.
pub struct Scope<'a> {
    /// The monorepo.
    pub monorepo: &'a Monorepo,
    /// The folder that the user stands in: paths that start with `.` are seen from there.
    pub stand: &'a Path,
    /// Who knows what stacks import.
    pub importers: &'a dyn Importers,
}

impl Scope<'_> {
    /// The stacks that any of the selectors selects, in order; all where there are none.
    ///
    /// # Errors
    /// Where a selector does not parse, or names what is not there.
    pub fn select(&self, selectors: &[String]) -> Result<Vec<StackId>, SelectError> {
        if selectors.is_empty() {
            return Ok(self.monorepo.stack_ids().collect());
        }
        let mut selected = BTreeSet::new();
        for selector in selectors {
            selected.extend(self.answer(&parse(selector)?)?);
        }
        Ok(selected.into_iter().collect())
    }

    fn answer(&self, expr: &Expr) -> Result<BTreeSet<StackId>, SelectError> {
        Ok(match expr {
            Expr::Path(path) => self.path(path)?,
            Expr::Call(function, name) => self.call(*function, name)?,
            Expr::Not(inner) => {
                let without = self.answer(inner)?;
                self.monorepo.stack_ids().filter(|id| !without.contains(id)).collect()
            }
            Expr::And(left, right) => &self.answer(left)? & &self.answer(right)?,
            Expr::Or(left, right) => &self.answer(left)? | &self.answer(right)?,
        })
    }

    /// `appops/shop/dev`, `appops/...`, `./dev`, `...`
    fn path(&self, written: &str) -> Result<BTreeSet<StackId>, SelectError> {
        let (folder, below) = match written.strip_suffix("...") {
            Some(folder) if folder.is_empty() || folder.ends_with('/') => (folder, true),
            _ => (written, false),
        };
        let path = self.path_from_root(folder, written)?;
        let inside = format!("{path}/");
        let is_below = |stack: &Stack| path == "." || stack.path == path || stack.path.starts_with(&inside);
        if below {
            let found = self.matching(is_below);
            return if found.is_empty() { Err(self.no_such_path(written, &path)) } else { Ok(found) };
        }
        match self.monorepo.stack_at(&path) {
            Some(id) => Ok(BTreeSet::from([id])),
            None if self.monorepo.stacks.iter().any(is_below) => {
                Err(SelectError::NotAStack(written.to_owned()))
            }
            None => Err(self.no_such_path(written, &path)),
        }
    }

    /// A path as stacks are named. One that starts with `.` or `/` is seen from where the user stands.
    fn path_from_root(&self, folder: &str, written: &str) -> Result<String, SelectError> {
        let start = if folder.starts_with('.') { self.stand } else { &self.monorepo.root };
        let path = paths::join(start, folder);
        let inside = path.strip_prefix(&self.monorepo.root);
        let inside = inside.map_err(|_| SelectError::Outside(written.to_owned()))?;
        let path = paths::slashed(inside);
        Ok(if path.is_empty() { ".".to_owned() } else { path })
    }

    fn no_such_path(&self, written: &str, path: &str) -> SelectError {
        let stacks = self.monorepo.stacks.iter().map(|stack| stack.path.as_str());
        SelectError::NoSuchPath { path: written.to_owned(), near: nearest(path, stacks) }
    }

    fn call(&self, function: Function, name: &str) -> Result<BTreeSet<StackId>, SelectError> {
        let project = |stack: &Stack| self.monorepo.project_of(stack).cloned();
        let found = match function {
            Function::Env => self.matching(|stack| stack.name == name),
            Function::Project => {
                let path = name.trim_end_matches('/');
                self.matching(|stack| project(stack).is_some_and(|it| it.name == name || it.path == path))
            }
            Function::Tenant => {
                self.matching(|stack| project(stack).is_some_and(|it| it.tenant.as_deref() == Some(name)))
            }
            Function::Imports => {
                let importers = self.importers.importers(name.trim_end_matches('/'));
                return importers.ok_or_else(|| self.nothing(function, name));
            }
        };
        if found.is_empty() { Err(self.nothing(function, name)) } else { Ok(found) }
    }

    fn nothing(&self, function: Function, name: &str) -> SelectError {
        let monorepo = self.monorepo;
        let near = match function {
            Function::Env => nearest(name, monorepo.stacks.iter().map(|stack| stack.name.as_str())),
            Function::Project => nearest(name, monorepo.projects.iter().map(|project| project.name.as_str())),
            Function::Tenant => nearest(name, monorepo.projects.iter().filter_map(|it| it.tenant.as_deref())),
            Function::Imports => None,
        };
        SelectError::Nothing { function: function.name(), name: name.to_owned(), near }
    }

    fn matching(&self, wanted: impl Fn(&Stack) -> bool) -> BTreeSet<StackId> {
        self.monorepo.stack_ids().filter(|id| wanted(self.monorepo.stack(*id))).collect()
    }
}

/// The candidate that needs the fewest edits, if few enough that it was meant.
fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let limit = text.chars().count() / 3;
    let near = candidates.map(|candidate| (distance(text, candidate), candidate)).min()?;
    (near.0 <= limit).then(|| near.1.to_owned())
}

/// How many insertions, deletions and replacements of letters lead from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("prdo", ["prod", "dev"].into_iter()), None);
        assert_eq!(nearest("guestbok", ["guestbook", "x"].into_iter()), Some("guestbook".to_owned()));
    }
}
