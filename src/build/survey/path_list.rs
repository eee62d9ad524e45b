//! The paths of a survey: tens of thousands, which each look at it goes through.

use std::path::Path;

use serde::{Deserialize, Serialize};

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

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether every end is one, as those that were read may not be.
    pub(super) fn is_whole(&self) -> bool {
        self.ends.is_sorted() && self.ends.iter().all(|end| self.text.is_char_boundary(*end as usize))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Path> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let path = |(start, end): (&u32, &u32)| self.text.get(*start as usize..*end as usize);
        starts.zip(&self.ends).map(move |both| Path::new(path(both).unwrap_or_default()))
    }
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
}
