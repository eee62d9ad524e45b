//! Brackets that do not match, found for texts that do not parse.

use std::sync::Arc;

use crate::diag::{Code, Diagnostic};
use crate::source::Source;
use crate::token::{Kind, Token};

/// The first closer that does not close the innermost open bracket.
pub(super) fn mismatch(source: &Arc<Source>, tokens: &[Token]) -> Option<Diagnostic> {
    let mut open: Vec<Token> = Vec::new();
    for token in tokens {
        match token.kind {
            Kind::OpenParen | Kind::OpenBracket | Kind::OpenBrace => open.push(*token),
            closer if closer.is_closer() => match open.pop() {
                Some(opener) if closes(opener.kind, closer) => {}
                opener => return Some(problem(source, opener, *token)),
            },
            _ => {}
        }
    }
    None
}

fn closes(opener: Kind, closer: Kind) -> bool {
    matches!(
        (opener, closer),
        (Kind::OpenParen, Kind::CloseParen)
            | (Kind::OpenBracket, Kind::CloseBracket)
            | (Kind::OpenBrace, Kind::CloseBrace)
    )
}

fn problem(source: &Arc<Source>, opener: Option<Token>, closer: Token) -> Diagnostic {
    let text = |token: Token| source.text().get(token.start as usize..token.end as usize).unwrap_or("");
    let said = text(closer);
    let problem = |message| Diagnostic::new(Code::InvalidSyntax, source, closer.span(), message);
    match opener {
        None => problem(format!("`{said}` closes nothing")),
        Some(opener) => problem(format!("`{said}` does not close `{}`", text(opener))).note(
            source,
            opener.span(),
            "this bracket is still open",
        ),
    }
}
