//! Which stacks are meant and what they import. Evaluates nothing.

pub mod imports;
pub mod map;
pub mod select;
pub mod selector;
