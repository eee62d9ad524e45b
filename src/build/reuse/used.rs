//! What stacks used of the packages that they import: lists for each package, which many stacks share.
//!
//! Fingerprints cannot be packed, so a list has one over all of them, which decides, and of each only as much as it takes
//! to tell which one differs.

use cache::Short;
use kcl::lower::fingerprint::{Fingerprint, Fingerprints};
use serde::{Deserialize, Serialize};

use super::record::{PartName, Parts};

/// How much is kept of each fingerprint.
type Hint = [u8; 2];

/// What a part of a package was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// Its code counts.
    Code,
    /// What it came to counts.
    Value,
    /// Only for such values.
    Behind,
    /// Only for checks.
    Check,
}

/// What was used of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct UsedParts {
    /// Where the package is.
    pub(super) package: String,
    code: List,
    /// Which values, sorted; what they were is in the record.
    pub(super) values: Vec<PartName>,
    behind: List,
    checks: List,
}

/// Some parts of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct List {
    /// Sorted.
    names: Vec<PartName>,
    hints: Vec<Hint>,
    /// The fingerprint of all their fingerprints.
    all: [u8; 16],
}

/// The lists of a trace as the store has them: the beginning of the digest of each.
pub(super) type Imported = Vec<Short>;

impl UsedParts {
    pub(super) fn new(package: String, parts: impl Fn(Role) -> Parts) -> Self {
        let mut values: Vec<PartName> = parts(Role::Value).into_iter().map(|(name, _)| name).collect();
        values.sort_unstable();
        let [code, behind, checks] =
            [Role::Code, Role::Behind, Role::Check].map(|role| List::new(parts(role)));
        Self { package, code, values, behind, checks }
    }

    /// Where the package is, given the bytes of what was used of it.
    pub(super) fn package_of(bytes: &[u8]) -> Option<&str> {
        // That is the first field.
        postcard::take_from_bytes(bytes).ok().map(|(package, _)| package)
    }

    fn lists(&self) -> [(Role, &List); 3] {
        [(Role::Code, &self.code), (Role::Behind, &self.behind), (Role::Check, &self.checks)]
    }

    /// The parts that are not as they were, given the fingerprints of the package if it is there, those whose code counts first.
    pub(super) fn differing(&self, now: Option<&Fingerprints>) -> impl Iterator<Item = (&PartName, Role)> {
        let lists = self.lists().into_iter();
        lists.flat_map(move |(role, list)| list.differing(now).into_iter().map(move |name| (name, role)))
    }

    /// Whether it counts what the package's statements do, as code or by what they said. Where they only made a value, nobody has
    /// looked whether they say what the output is.
    pub(super) fn counts_statements(&self) -> bool {
        self.code.at(&PartName::Statements).is_some() || self.values.contains(&PartName::Statements)
    }

    /// The parts that another list of the package does not have, or with another fingerprint.
    pub(super) fn beyond<'a>(&'a self, other: Option<&'a Self>) -> impl Iterator<Item = &'a PartName> {
        let lists = self.lists().into_iter().enumerate();
        lists.flat_map(move |(at, (_, list))| list.beyond(other.map(|other| other.lists()[at].1)))
    }
}

impl List {
    fn new(mut parts: Parts) -> Self {
        parts.sort_unstable();
        let hints = parts.iter().map(|(_, fingerprint)| hint(fingerprint)).collect();
        let all = joined(parts.iter().map(|(_, fingerprint)| *fingerprint));
        Self { names: parts.into_iter().map(|(name, _)| name).collect(), hints, all }
    }

    fn at(&self, name: &PartName) -> Option<usize> {
        self.names.binary_search(name).ok()
    }

    fn differing(&self, now: Option<&Fingerprints>) -> Vec<&PartName> {
        let of = |name: &PartName| now.and_then(|now| now.get(name.part())).map(|Fingerprint(bytes)| bytes);
        let found: Vec<Option<[u8; 16]>> = self.names.iter().map(of).collect();
        if let Some(found) = found.iter().copied().collect::<Option<Vec<_>>>()
            && joined(found.into_iter()) == self.all
        {
            return Vec::new();
        }
        let pairs = self.names.iter().zip(found.iter().zip(&self.hints));
        let differs = pairs.filter(|(_, (found, before))| found.as_ref().map(hint).as_ref() != Some(*before));
        let differing: Vec<_> = differs.map(|(name, _)| name).collect();
        if differing.is_empty() { self.names.iter().take(1).collect() } else { differing }
    }

    fn beyond<'a>(&'a self, other: Option<&'a Self>) -> impl Iterator<Item = &'a PartName> {
        let pairs = self.names.iter().zip(&self.hints);
        let is_new = move |(name, hint): &(&PartName, &Hint)| {
            let at = other.and_then(|other| Some((other, other.at(name)?)));
            at.is_none_or(|(other, at)| other.hints[at] != **hint)
        };
        pairs.filter(is_new).map(|(name, _)| name)
    }
}

fn hint(fingerprint: &[u8; 16]) -> Hint {
    [fingerprint[0], fingerprint[1]]
}

fn joined(fingerprints: impl Iterator<Item = [u8; 16]>) -> [u8; 16] {
    let bytes: Vec<u8> = fingerprints.flatten().collect();
    Fingerprint::of(&bytes).0
}

#[cfg(test)]
mod tests {
    use super::super::encode;
    use super::*;

    fn list(parts: &[(&str, u8)]) -> UsedParts {
        let parts = parts.iter().map(|(name, byte)| (PartName::Variable((*name).to_owned()), [*byte; 16]));
        let parts: Parts = parts.collect();
        let of = |role| if role == Role::Code { parts.clone() } else { Parts::new() };
        UsedParts::new("p".to_owned(), of)
    }

    #[test]
    fn lists_say_what_another_one_lacks() {
        let (one, other) = (list(&[("b", 1), ("a", 2), ("c", 3)]), list(&[("a", 2), ("b", 9)]));
        let beyond: Vec<String> = one.beyond(Some(&other)).map(|name| name.part().to_string()).collect();
        assert_eq!(beyond, ["b", "c"]);
        assert_eq!(one.beyond(Some(&one)).count(), 0);
        assert_eq!(one.beyond(None).count(), 3);
    }

    #[test]
    fn packages_stand_first() {
        assert_eq!(UsedParts::package_of(&encode(&list(&[("a", 1)]))), Some("p"));
        assert_eq!(UsedParts::package_of(&[9]), None);
    }

    #[test]
    fn what_is_gone_differs() {
        assert_eq!(list(&[("a", 1), ("b", 2)]).differing(None).count(), 2);
        assert_eq!(list(&[]).differing(None).count(), 0);
    }
}
