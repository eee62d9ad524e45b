//! Text to tree: source, spans, diagnostics, lexer, parser and syntax tree of KCL.
//!
//! Nothing here touches the disk, the clock or the environment.

pub mod ast;
pub mod diag;
pub mod source;
pub mod symbol;

pub use diag::{Code, Diagnostic};
pub use source::{Source, Span};
pub use symbol::Symbol;
