//! The konfig command.
fn main() {}
