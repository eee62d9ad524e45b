//! The names in git's index.

use std::path::PathBuf;

use super::git::path_of;
use super::{Kind, Listing};

/// The files that git's index has and watches, by their paths from the top.
#[derive(Debug, Default)]
pub struct Tracked {
    text: Vec<u8>,
    /// Where the paths are in the text, in the order of the paths.
    paths: Vec<(u32, u32)>,
    /// Where those are that git does not look at.
    unwatched: Vec<(u32, u32)>,
}

impl Tracked {
    /// Reads `H path\0`, again and again, in the order of the paths. Another letter stands for a file that git does not
    /// look at, or that is in conflict.
    pub(super) fn read(text: Vec<u8>) -> Self {
        let (mut paths, mut unwatched, mut start) = (Vec::new(), Vec::new(), 0);
        for line in text.split(|byte| *byte == 0) {
            let path = (start + 2, start + line.len() as u32);
            match line.first_chunk() {
                Some(b"H ") => paths.push(path),
                Some(b"S " | b"s " | b"h ") => unwatched.push(path),
                _ => {}
            }
            start += line.len() as u32 + 1;
        }
        Self { text, paths, unwatched }
    }

    /// The files of the index that git does not look at, such as those that a sparse checkout leaves out.
    #[must_use]
    pub fn unwatched(&self) -> Vec<PathBuf> {
        self.unwatched.iter().map(|at| path_of(self.path(*at))).collect()
    }

    /// Whether it has a file of this path.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.paths.binary_search_by(|at| self.path(*at).cmp(path.as_bytes())).is_ok()
    }

    /// Whether it has a file of this path, or some below it.
    #[must_use]
    pub fn has_any(&self, path: &str) -> bool {
        let folder = [path.as_bytes(), b"/"].concat();
        let at = self.paths.partition_point(|at| self.path(*at) < folder.as_slice());
        self.paths.get(at).is_some_and(|at| self.path(*at).starts_with(&folder)) || self.has(path)
    }

    /// What a folder lists that has what the index has, all of it as plain files and folders, and nothing else.
    #[must_use]
    pub fn listing(&self, folder: &str) -> Listing {
        let prefix = if folder.is_empty() { Vec::new() } else { [folder.as_bytes(), b"/"].concat() };
        let mut left = &self.paths[self.paths.partition_point(|at| self.path(*at) < prefix.as_slice())..];
        let mut entries = Vec::new();
        while let Some(path) = left.first().map(|at| self.path(*at))
            && let Some(name) = path.strip_prefix(prefix.as_slice())
        {
            let (name, kind, of_it) = match name.iter().position(|byte| *byte == b'/') {
                None => (name, Kind::File, 1),
                Some(end) => {
                    let below = &path[..=prefix.len() + end];
                    let all = left.partition_point(|at| self.path(*at).starts_with(below));
                    (&name[..end], Kind::Folder, all)
                }
            };
            entries.push((path_of(name).into_os_string(), kind));
            left = &left[of_it..];
        }
        Listing::new(entries, None)
    }

    /// The outermost folders with a name that starts with a dot.
    #[must_use]
    pub fn hidden_folders(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for path in self.paths.iter().map(|at| self.path(*at)) {
            let starts = |at: &usize| path[*at] == b'.' && (*at == 0 || path[*at - 1] == b'/');
            let Some(start) = (0..path.len()).find(starts) else { continue };
            let Some(length) = path[start..].iter().position(|byte| *byte == b'/') else { continue };
            let folder = String::from_utf8_lossy(&path[..start + length]);
            if found.last().is_none_or(|last| **last != *folder) {
                found.push(folder.into_owned());
            }
        }
        found
    }

    fn path(&self, (start, end): (u32, u32)) -> &[u8] {
        &self.text[start as usize..end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        let text = b"H .ci/a/b\0H .ci/c\0H .gitignore\0h a-b\0H a.k\0S a/gone\0H a/x/.y/z\0H a/x/y\0";
        let tracked = Tracked::read(text.to_vec());
        let has = |path| tracked.has(path);
        assert_eq!([".gitignore", "a.k", "a/x/y"].map(has), [true; 3]);
        assert_eq!(["a-b", "a/gone", "a", "a/x", "", "b"].map(has), [false; 6]);
        let has_any = |path| tracked.has_any(path);
        assert_eq!(
            ["a", "a/x", ".ci", "a.k", "a/g", "a-b", "z"].map(has_any),
            [true, true, true, true, false, false, false]
        );
        assert_eq!(tracked.hidden_folders(), [".ci", "a/x/.y"]);
        let listing = |folder| tracked.listing(folder).entries;
        let (file, folder) =
            (|name: &str| (name.into(), Kind::File), |name: &str| (name.into(), Kind::Folder));
        assert_eq!(listing(""), [folder(".ci"), file(".gitignore"), folder("a"), file("a.k")]);
        assert_eq!(listing("a/x"), [folder(".y"), file("y")]);
        assert_eq!(listing(".ci"), [folder("a"), file("c")]);
        assert_eq!(listing("b"), []);
        assert_eq!(Tracked::read(Vec::new()).hidden_folders(), [""; 0]);
    }
}
