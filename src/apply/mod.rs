//! From what a commit changes to those who run it: the change set, what it looks like, and the hand-over.
//!
//! `docs/design/apply.md` says what holds.

pub mod change_set;
pub mod diff;
pub mod mask;
pub mod order;
pub mod path;
pub mod resource;

pub use change_set::{ChangeSet, Delta, StackChange, StackDiff, StackStatus};
pub use resource::Resource;
