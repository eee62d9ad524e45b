//! The paths of a survey: tens of thousands, which each look at it goes through.

use std::cmp::Ordering;
use std::path::{MAIN_SEPARATOR, MAIN_SEPARATOR_STR, Path};

use serde::{Deserialize, Serialize};

use crate::build::reuse::encode;

/// Paths one after another, with where each one ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PathList {
    text: String,
    ends: Vec<u32>,
}

impl PathList {
    pub(super) fn push(&mut self, path: &str) {
        self.text.push_str(path);
        self.ends.push(self.text.len() as u32);
    }

    pub(super) fn extend(&mut self, other: &Self) {
        let start = self.text.len() as u32;
        self.text.push_str(&other.text);
        self.ends.extend(other.ends.iter().map(|end| start + end));
    }

    /// The paths as they are kept: those inside of a root from there, and each without what it begins with like the one before, of
    /// which the length is told, with a bit for those that are inside. None where the root is not text.
    pub(super) fn encoded(&self, root: &Path) -> Option<Vec<u8>> {
        let (root, inner) = beginning(root)?;
        let (mut bytes, mut before) = (encode(&(self.len(), self.text.len())), "");
        for whole in self.texts() {
            let path = if whole == root { "" } else { whole.strip_prefix(&*inner).unwrap_or(whole) };
            let same = before.bytes().zip(path.bytes()).take_while(|(one, other)| one == other).count();
            let is_inner = usize::from(path.len() < whole.len() && whole != root);
            bytes = postcard::to_extend(&(same << 1 | is_inner, &path.as_bytes()[same..]), bytes).ok()?;
            before = path;
        }
        Some(bytes)
    }

    /// The paths that these bytes are for a checkout with some root.
    pub(super) fn decoded(bytes: &[u8], root: &Path) -> Option<Self> {
        let (root, inner) = beginning(root)?;
        let ((paths, length), mut bytes) = postcard::take_from_bytes::<(usize, usize)>(bytes).ok()?;
        // Whether it is text is asked once, of all of it: a path may begin like the one before in half a character.
        let (mut text, mut ends, mut before) = (Vec::new(), Vec::new(), 0..0);
        text.try_reserve(length).ok()?;
        ends.try_reserve(paths).ok()?;
        for _ in 0..paths {
            let ((head, end), rest) = postcard::take_from_bytes::<(usize, &[u8])>(bytes).ok()?;
            bytes = rest;
            if head & 1 != 0 {
                text.extend_from_slice(inner.as_bytes());
            }
            let start = text.len();
            let same = Some(head >> 1).filter(|same| *same <= before.len())?;
            text.extend_from_within(before.start..before.start + same);
            text.extend_from_slice(end);
            before = start..text.len();
            if before.is_empty() {
                text.extend_from_slice(root.as_bytes());
            }
            ends.push(text.len() as u32);
        }
        let text = String::from_utf8(text).ok().filter(|_| bytes.is_empty())?;
        Some(Self { text, ends })
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether every end is one, as those that were read may not be.
    pub(super) fn is_whole(&self) -> bool {
        self.ends.is_sorted() && self.ends.iter().all(|end| self.text.is_char_boundary(*end as usize))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.texts().map(Path::new)
    }

    /// The path of a number that it has.
    pub(super) fn at(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..self.ends[at] as usize).unwrap_or_default()
    }

    /// The number of a path, given how many of the first ones are in order.
    pub(super) fn find(&self, path: &str, in_order: usize) -> Option<usize> {
        let (mut low, mut high) = (0, in_order);
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle).cmp(path) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => high = middle,
            }
        }
        (in_order..self.len()).find(|at| self.at(*at) == path)
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.at(at))
    }
}

/// A root as text, and what the paths inside of it begin with.
fn beginning(root: &Path) -> Option<(&str, String)> {
    let text = root.to_str()?;
    let end = if text.ends_with(MAIN_SEPARATOR) { "" } else { MAIN_SEPARATOR_STR };
    Some((text, [text, end].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_back_in_their_order() {
        let (mut list, mut more) = (PathList::default(), PathList::default());
        ["/a", "/a/é"].into_iter().for_each(|path| list.push(path));
        ["/b", ""].into_iter().for_each(|path| more.push(path));
        list.extend(&more);
        assert!(list.iter().eq(["/a", "/a/é", "/b", ""].map(Path::new)));
        assert!(list.is_whole() && list.len() == 4);
        for ends in [vec![4], vec![3, 2], vec![99]] {
            assert!(!PathList { text: "/a/é".to_owned(), ends: ends.clone() }.is_whole(), "{ends:?}");
        }
    }

    #[test]
    fn paths_are_found() {
        let mut list = PathList::default();
        ["/a", "/a-b", "/a/x", "/b", "/0", "/a/a"].into_iter().for_each(|path| list.push(path));
        for (at, path) in list.texts().enumerate() {
            assert_eq!(list.find(path, 4), Some(at), "{path}");
        }
        for path in ["/", "/a/b", "/c", ""] {
            assert_eq!(list.find(path, 4), None, "{path}");
        }
    }

    #[test]
    fn paths_are_kept_from_the_root() {
        let mut list = PathList::default();
        let all = ["/a", "/a/x", "/a/x/y", "/a/xé", "/a/xè", "/ab", "/c/a/x", "/"];
        all.into_iter().for_each(|path| list.push(path));
        let kept = |root| list.encoded(Path::new(root)).expect("text");
        let read = |bytes: &[u8], root| PathList::decoded(bytes, Path::new(root));
        assert_eq!(read(&kept("/a"), "/a"), Some(list.clone()));
        assert_eq!(read(&kept("/"), "/"), Some(list.clone()));
        let moved = read(&kept("/a"), "/d/e").expect("paths");
        let there = ["/d/e", "/d/e/x", "/d/e/x/y", "/d/e/xé", "/d/e/xè", "/ab", "/c/a/x", "/"];
        assert!(moved.iter().eq(there.map(Path::new)));
        let bytes = kept("/a");
        assert!((0..bytes.len()).all(|length| read(&bytes[..length], "/a").is_none()));
        let odd = postcard::to_extend(&(2_usize, "x"), encode(&(1_usize, 1_usize))).expect("bytes");
        assert_eq!(read(&odd, "/a"), None);
    }
}
