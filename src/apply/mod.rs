//! From what a commit changes to those who run it: the change set, what it looks like, and the hand-over.
//!
//! `docs/design/apply.md` says what holds.

pub mod artifact;
pub mod change_set;
pub mod compare;
pub mod diff;
pub mod form;
pub mod job;
pub mod ledger;
pub mod lock;
pub mod mask;
pub mod order;
pub mod path;
pub mod resource;
pub mod route;
pub mod run;
pub mod target;
pub mod terraform;

pub use change_set::{ChangeSet, Delta, StackChange, StackDiff, StackStatus};
pub use resource::Resource;
