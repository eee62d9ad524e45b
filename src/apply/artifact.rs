//! Reading artifacts and change sets.

use std::fs;
use std::path::Path;

use cache::Digest;

/// The text of a file if it has this digest.
#[must_use]
pub fn read(path: &Path, digest: Digest) -> Option<String> {
    fs::read_to_string(path).ok().filter(|text| Digest::of(text.as_bytes()) == digest)
}

/// The text of a file.
///
/// # Errors
/// What the operating system said.
pub fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| crate::monorepo::plain(&error))
}
