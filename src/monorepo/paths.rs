//! Paths without the disk: normal forms and ways from one folder to another.

use std::path::{Component, Path, PathBuf};

/// The same path without `.` and `..`, as far as the text tells.
#[must_use]
pub fn normalize(path: &Path) -> PathBuf {
    if is_normal(path) {
        return path.to_owned();
    }
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() && !normal.has_root() {
                    normal.push("..");
                }
            }
            other => normal.push(other),
        }
    }
    normal
}

/// Whether a path is plainly in normal form; said of absolute ones with `/` alone, which most are.
fn is_normal(path: &Path) -> bool {
    let Some(rest) = path.as_os_str().as_encoded_bytes().strip_prefix(b"/") else { return false };
    !rest.contains(&b'\\') && rest.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

/// `path` as seen from `base`, in normal form; both absolute.
#[must_use]
pub fn join(base: &Path, path: impl AsRef<Path>) -> PathBuf {
    normalize(&base.join(path))
}

/// How somebody who stands in `base` writes `path`; both absolute and normal.
#[must_use]
pub fn relative(base: &Path, path: &Path) -> PathBuf {
    if let Ok(inside) = path.strip_prefix(base)
        && base.parent().is_some()
        && !inside.as_os_str().is_empty()
    {
        return inside.to_owned();
    }
    let shared = base.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    // Nothing in common but the root: the absolute path is clearer than a row of `..`.
    if shared <= 1 {
        return path.to_owned();
    }
    let up = base.components().skip(shared).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(path.components().skip(shared)).collect();
    if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative }
}

/// A relative path as stacks are named: with `/` on every system.
#[must_use]
pub fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

/// The nearest folder from `start` upwards that holds a file of one of these names.
#[must_use]
pub fn nearest(start: &Path, holds: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    start.ancestors().find(|folder| holds(folder)).map(Path::to_owned)
}

/// Whether a path stays where it is put: no part is empty, `.`, `..` or git's own folder.
#[must_use]
pub fn is_inside(path: &str) -> bool {
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git") && !part.contains('\0')
    };
    path.split(['/', '\\']).all(is_plain) && !Path::new(path).is_absolute()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        assert_eq!(normalize(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(normalize(Path::new("/../a")), Path::new("/a"));
        assert_eq!(normalize(Path::new("../a/..")), Path::new(".."));
    }

    #[test]
    fn ways_between_folders() {
        let from = Path::new("/home/me/repo/appops");
        assert_eq!(relative(from, Path::new("/home/me/repo/base/x.k")), Path::new("../base/x.k"));
        assert_eq!(relative(from, Path::new("/home/me/repo/appops/x.k")), Path::new("x.k"));
        assert_eq!(relative(from, from), Path::new("."));
        assert_eq!(relative(from, Path::new("/etc/hosts")), Path::new("/etc/hosts"));
    }

    #[test]
    fn paths_stay_inside() {
        assert!(is_inside("apps/shop/dev.yaml"));
        for path in ["", "/etc", "a/../b", "..", "a//b", "a/./b", ".git/hooks", "a/.GIT/x", "a\\..\\b"] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
