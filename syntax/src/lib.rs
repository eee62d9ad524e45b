//! Text to tree: source, spans, diagnostics, lexer, parser and syntax tree of KCL.
//!
//! Nothing here touches the disk, the clock or the environment.

pub mod ast;
pub mod diag;
mod lexer;
mod literal;
mod names;
mod parser;
pub mod source;
pub mod symbol;
mod token;

use std::sync::Arc;

pub use diag::{Code, Diagnostic};
pub use names::names;
pub use source::{Source, Span};
pub use symbol::Symbol;

/// The tree of a file, and what is wrong with its text. The tree holds what could be read.
#[must_use]
pub fn parse(source: &Arc<Source>) -> (ast::File, Vec<Diagnostic>) {
    parser::file(source)
}

/// All that could be a name in a text, members aside; also what stands in comments and strings, some of it more than once.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split_inclusive(|char| !unicode_ident::is_xid_continue(char));
    let mut before = ["", ""];
    ends.filter_map(move |part| {
        let word = part.trim_end_matches(|char| !unicode_ident::is_xid_continue(char));
        let is_member = before[1].ends_with('.') && !(before[1] == "." && before[0].ends_with('.'));
        before = [before[1], part];
        (!word.is_empty() && !is_member).then_some(word)
    })
}

/// The expression that a text consists of; `None` where there are problems.
#[must_use]
pub fn parse_expr(source: &Arc<Source>) -> (Option<ast::Expr>, Vec<Diagnostic>) {
    parser::expression(source)
}

#[cfg(test)]
mod tests {
    #[test]
    fn members_are_no_words() {
        let words = |text| super::words(text).collect::<Vec<_>>();
        assert_eq!(words("a.b = $c?.d + \"${e.f}g\" # h"), ["a", "c", "e", "g", "h"]);
        assert_eq!(words("[...x]: ..y .z"), ["x", "y"]);
        assert_eq!(words("名.b, é"), ["名", "é"]);
    }
}
