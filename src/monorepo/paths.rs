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
    plain_text(path).is_some()
}

/// The text of a path that is plainly in normal form.
fn plain_text(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.strip_prefix('/').is_some_and(is_plain))
}

/// Whether a text has parts alone that lead further inside, with `/` between them.
fn is_plain(text: &str) -> bool {
    let is_name = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    let bytes = text.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(|byte| !matches!(byte, b'/' | b'.'));
    // Without a branch, so that many bytes are looked at at once.
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let odd =
        pairs.fold(false, |odd, (one, next)| odd | (*one == b'/') & ((*next == b'/') | (*next == b'.')));
    let escaped = bytes.iter().fold(false, |odd, byte| odd | (*byte == b'\\'));
    let is_obvious = !odd && ends_well(bytes.first()) && ends_well(bytes.last());
    !escaped && (is_obvious || bytes.split(|byte| *byte == b'/').all(is_name))
}

/// Whether a path is a folder or leads into it; both in normal form, so that their bytes tell.
#[must_use]
pub fn is_below(folder: &Path, path: &Path) -> bool {
    let (folder, path) = (folder.as_os_str().as_encoded_bytes(), path.as_os_str().as_encoded_bytes());
    let rest = path.strip_prefix(folder);
    let is_end = |byte: &u8| std::path::is_separator(char::from(*byte));
    rest.is_some_and(|rest| rest.first().is_none_or(is_end) || folder.last().is_some_and(is_end))
}

/// `path` as seen from `base`, in normal form; both absolute.
#[must_use]
pub fn join(base: &Path, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    match plain_text(base).and_then(|base| joined(base, path.to_str()?)) {
        Some(joined) => joined.into(),
        None => normalize(&base.join(path)),
    }
}

/// The same of texts, where all of `path` that leads outwards is at its beginning.
fn joined(mut base: &str, mut path: &str) -> Option<String> {
    while let Some(rest) = path.strip_prefix("../") {
        (base, path) = (base.rsplit_once('/')?.0, rest);
    }
    (!base.is_empty() && is_plain(path)).then(|| [base, "/", path].concat())
}

/// How somebody who stands in `base` writes `path`; both absolute and normal.
#[must_use]
pub fn relative(base: &Path, path: &Path) -> PathBuf {
    if let (Some(base), Some(text)) = (plain_text(base), plain_text(path)) {
        return between(base, text).map_or_else(|| path.to_owned(), PathBuf::from);
    }
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

/// The same of texts; none where nothing but the root is in common.
fn between(base: &str, path: &str) -> Option<String> {
    let same = base.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
    let ends = |text: &str| matches!(text.as_bytes().get(same), None | Some(b'/'));
    let last = || base.as_bytes()[..same].iter().rposition(|byte| *byte == b'/');
    let end = if ends(base) && ends(path) { same } else { last()? };
    if end == 0 {
        return None;
    }
    let inside = path[end..].trim_start_matches('/');
    let mut relative = "../".repeat(base[end..].bytes().filter(|byte| *byte == b'/').count());
    relative.push_str(inside);
    if inside.is_empty() {
        relative.pop();
    }
    Some(if relative.is_empty() { ".".to_owned() } else { relative })
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
    fn plain_paths_come_to_what_others_do() {
        let paths = ["/a", "/a/b", "/a/bc", "/a/b/c", "/a/b/c/d", "/é/b", "/è/b", "/x/y"];
        for (from, to) in paths.iter().flat_map(|from| paths.iter().map(move |to| (*from, *to))) {
            // With something more in it that says nothing, a path is taken apart.
            let taken_apart = relative(Path::new(&format!("/.{from}")), Path::new(to));
            assert_eq!(relative(Path::new(from), Path::new(to)).as_os_str(), taken_apart.as_os_str());
            assert_eq!(join(Path::new(from), relative(Path::new(from), Path::new(to))), Path::new(to));
            assert_eq!(is_below(Path::new(from), Path::new(to)), Path::new(to).starts_with(from));
        }
        for path in
            [".", "..", "../..", "../../..", "../../../x", "../x/../y", "x/./y", "/x", "", "a//b", "a/"]
        {
            let base = Path::new("/a/b");
            assert_eq!(join(base, path).as_os_str(), normalize(&base.join(path)).as_os_str(), "{path}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        assert!(is_inside("apps/shop/dev.yaml"));
        for path in ["", "/etc", "a/../b", "..", "a//b", "a/./b", ".git/hooks", "a/.GIT/x", "a\\..\\b"] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
