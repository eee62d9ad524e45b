//! How large values may be: whoever compiles programs of others must not run out of memory over one of them.

use crate::stdlib::Outcome;

/// No string has more bytes than this.
pub(crate) const MAX_STR: usize = 1 << 28;
/// No list or dict that a program computes has more items than this.
pub(crate) const MAX_LIST: usize = 1 << 24;

/// Refuses a string of so many bytes if they are too many.
///
/// # Errors
/// Says how many there may be.
pub(crate) fn str_fits(bytes: usize) -> Outcome<()> {
    if bytes <= MAX_STR { Ok(()) } else { Err(too_many("string", bytes, "bytes", MAX_STR).into()) }
}

/// Refuses a list of so many items if they are too many.
///
/// # Errors
/// Says how many there may be.
pub(crate) fn list_fits(items: usize) -> Outcome<()> {
    if items <= MAX_LIST { Ok(()) } else { Err(too_many("list", items, "items", MAX_LIST).into()) }
}

/// Refuses a dict of so many entries if they are too many.
///
/// # Errors
/// Says how many there may be.
pub(crate) fn dict_fits(entries: usize) -> Outcome<()> {
    if entries <= MAX_LIST { Ok(()) } else { Err(too_many("dict", entries, "entries", MAX_LIST).into()) }
}

/// What is said of a collection, or a part of it, that is too large.
fn too_many(what: &str, len: usize, of: &str, limit: usize) -> String {
    format!("a {what} of {len} {of} is too long: {limit} are the limit")
}
