//! Konfig: compiles a whole configuration monorepo written in KCL.
//!
//! A layer uses those below it, never one above:
//!
//! ```text
//! cli        one file a command; parses arguments, prints; no logic
//! build      schedule, compile, write artifacts, compare with goldens, report
//! graph      which stacks are meant: selectors
//! monorepo   discover projects and stacks, read their settings, the world that compiles see
//! kcl        (crate) resolver, checker, evaluator, system modules, output
//! syntax     (crate) text to tree
//! ```

pub mod monorepo;
