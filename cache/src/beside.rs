//! Where a new file waits until it is whole.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

/// A hidden name in the same folder that no other file has, for what is to be renamed to `path` once it is whole.
///
/// It is random: processes in containers that share a folder may have the same number.
#[must_use]
pub fn beside(path: &Path) -> PathBuf {
    // The standard library seeds its hash maps from the operating system; that saves a dependency.
    let random = RandomState::new().build_hasher().finish();
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    path.with_file_name(format!(".{name}.{random:016x}.tmp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hidden_and_differ() {
        let path = Path::new("a/b.yaml");
        let (one, other) = (beside(path), beside(path));
        assert_ne!(one, other);
        assert_eq!(one.parent(), path.parent());
        assert!(one.to_string_lossy().starts_with("a/.b.yaml."));
    }
}
