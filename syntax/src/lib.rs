//! Text to tree: source, spans, diagnostics, lexer, parser and syntax tree of KCL.
//!
//! Nothing here touches the disk, the clock or the environment.

pub mod ast;
pub mod diag;
mod lexer;
mod literal;
mod parser;
pub mod source;
pub mod symbol;
mod token;

use std::sync::Arc;

pub use diag::{Code, Diagnostic};
pub use source::{Source, Span};
pub use symbol::Symbol;

/// The tree of a file, and what is wrong with its text. The tree holds what could be read.
#[must_use]
pub fn parse(source: &Arc<Source>) -> (ast::File, Vec<Diagnostic>) {
    parser::file(source)
}

/// The expression that a text consists of; `None` where there are problems.
#[must_use]
pub fn parse_expr(source: &Arc<Source>) -> (Option<ast::Expr>, Vec<Diagnostic>) {
    parser::expression(source)
}
