//! Konfig: compiles a whole configuration monorepo written in KCL.
//!
//! A layer uses those below it, never one above:
//!
//! ```text
//! cli        one file a command; parses arguments, prints; no logic
//! apply      what a commit changes, and its hand-over to those who run it
//! build      compile stacks, write artifacts, compare with goldens, report
//! graph      which stacks are meant, what they import
//! monorepo   discover projects and stacks, read their settings, the world that compiles see
//! kcl        (crate) resolver, checker, evaluator, system modules, output
//! cache      (crate) results by what they depend on, bytes by digest; used by build only
//! syntax     (crate) text to tree
//! ```

mod memory;
mod waiting;

pub mod monorepo;

pub mod graph;

pub mod build;

pub mod apply;

pub mod cli;
