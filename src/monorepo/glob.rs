//! Glob patterns over the files of a revision; those of the working tree are the library's business, which walks the disk
//! itself.

use std::path::{Path, PathBuf};

use kcl::world::Files;

use super::Kind;
use super::disk::{Disk, Look};

/// The paths that match a pattern, in no order.
pub(super) fn matches(disk: &Disk, pattern: &str) -> Vec<PathBuf> {
    let (start, rest) = match pattern.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", pattern),
    };
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let mut found = Vec::new();
    expand(disk, Path::new(start), &parts, &mut found);
    if rest.ends_with('/') {
        found.retain(|path| matches!(disk.look(path), Look::Folder));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn expand(disk: &Disk, folder: &Path, parts: &[&str], found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else {
        found.push(folder.to_owned());
        return;
    };
    if !part.contains(['*', '?', '[']) {
        let path = folder.join(part);
        if disk.exists(&path) {
            expand(disk, &path, rest, found);
        }
        return;
    }
    let is_any_depth = *part == "**";
    if is_any_depth && !rest.is_empty() {
        expand(disk, folder, rest, found);
    }
    let Ok(pattern) = ::glob::Pattern::new(part) else { return };
    let Ok(listing) = disk.list(folder) else { return };
    for (name, kind) in &listing.entries {
        let path = folder.join(name);
        let is_folder = *kind == Kind::Folder;
        if is_any_depth {
            // Links are not followed any deeper, so that a walk ends.
            if is_folder && rest.is_empty() {
                found.push(path.clone());
            }
            if is_folder {
                expand(disk, &path, parts, found);
            }
        } else if name.to_str().is_some_and(|name| pattern.matches(name))
            && (rest.is_empty() || matches!(disk.look(&path), Look::Folder))
        {
            expand(disk, &path, rest, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::overlay::Overlay;
    use super::*;

    #[test]
    fn matches_as_the_library_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("a real path");
        for file in ["a.k", ".hidden", "d/b.k", "d/e/c.k", "d/e/c.yaml", "f/x"] {
            fs::create_dir_all(root.join(file).parent().expect("a parent")).expect("a folder");
            fs::write(root.join(file), "").expect("a file");
        }
        let over = Disk::with_overlay(Overlay::default());
        let disk = Disk::new(false);
        for pattern in [
            "*",
            "*.k",
            "**/*.k",
            "d/**/c.*",
            "d/*/*.k",
            "**",
            "d/[ab].k",
            "none/*",
            "d/e",
            "?.k",
            "**/e/**/*",
            "*/",
            "d/e/",
            "a.k/",
        ] {
            let pattern = root.join(pattern);
            let pattern = pattern.to_str().expect("text");
            assert_eq!(over.glob(pattern), disk.glob(pattern), "{pattern}");
        }
    }
}
