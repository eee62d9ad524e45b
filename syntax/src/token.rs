//! Tokens, and the word a user would say for each.

use crate::ast::{BinaryOp, CompareOp};
use crate::source::Span;

/// A token; what it says is in the source under its span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Token {
    pub(crate) fn span(self) -> Span {
        Span::new(self.start, self.end)
    }
}

/// The kinds of token. The order matters: layout first, then names, so that ranges can be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    Eof,
    /// One or more line ends.
    Newline,
    Indent,
    Dedent,
    /// A dedent to a level that no enclosing block has.
    OddDedent,

    Name,
    As,
    Import,
    Rule,
    Schema,
    Mixin,
    Protocol,
    Check,
    For,
    Assert,
    If,
    Elif,
    Else,
    Or,
    And,
    Not,
    In,
    Is,
    Lambda,
    All,
    Any,
    Filter,
    Map,
    Type,
    True,
    False,
    None,
    Undefined,

    Int,
    Float,
    /// Between single quotes, without a backslash or a `$`: its text is its value.
    PlainStr,
    Str,
    /// Between triple quotes.
    LongStr,

    Plus,
    Minus,
    Star,
    Slash,
    DoubleSlash,
    Percent,
    DoubleStar,
    Shl,
    Shr,
    Amp,
    Pipe,
    Caret,
    Tilde,
    /// `!`, already reported.
    Bang,
    Lt,
    Gt,
    LtEq,
    GtEq,
    EqEq,
    NotEq,

    Assign,
    PlusAssign,
    MinusAssign,
    StarAssign,
    SlashAssign,
    DoubleSlashAssign,
    PercentAssign,
    DoubleStarAssign,
    ShlAssign,
    ShrAssign,
    AmpAssign,
    PipeAssign,
    CaretAssign,

    Arrow,
    Dot,
    Ellipsis,
    Comma,
    Colon,
    Question,
    At,
    Dollar,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,

    /// A comment; only inside an interpolation, where it says the format.
    Comment,
    /// What is no token; already reported.
    Bad,
}

impl Kind {
    /// Whether it can stand where a name is asked for; keywords can.
    pub(crate) fn is_name(self) -> bool {
        Self::Name <= self && self <= Self::Undefined
    }

    /// Whether it is a keyword that is no name where an expression or a statement starts.
    pub(crate) fn starts_expression(self) -> bool {
        use Kind::{All, Any, Assert, False, Filter, If, Lambda, Map, None, Not, True, Undefined};
        matches!(
            self,
            All | Any | Assert | False | Filter | If | Lambda | Map | None | Not | True | Undefined
        )
    }

    /// Whether it comes from line ends and indentation.
    pub(crate) fn is_layout(self) -> bool {
        self <= Self::OddDedent
    }

    pub(crate) fn is_string(self) -> bool {
        Self::PlainStr <= self && self <= Self::LongStr
    }

    pub(crate) fn is_closer(self) -> bool {
        matches!(self, Self::CloseParen | Self::CloseBracket | Self::CloseBrace)
    }

    /// The operator before the `=` of an augmented assignment.
    pub(crate) fn augmented(self) -> Option<BinaryOp> {
        Some(match self {
            Self::PlusAssign => BinaryOp::Add,
            Self::MinusAssign => BinaryOp::Sub,
            Self::StarAssign => BinaryOp::Mul,
            Self::SlashAssign => BinaryOp::Div,
            Self::DoubleSlashAssign => BinaryOp::FloorDiv,
            Self::PercentAssign => BinaryOp::Mod,
            Self::DoubleStarAssign => BinaryOp::Pow,
            Self::ShlAssign => BinaryOp::LShift,
            Self::ShrAssign => BinaryOp::RShift,
            Self::AmpAssign => BinaryOp::BitAnd,
            Self::PipeAssign => BinaryOp::BitOr,
            Self::CaretAssign => BinaryOp::BitXor,
            _ => return None,
        })
    }

    /// How tight it binds and what it does, where it stands between two operands. `is not` and `not in` are
    /// two tokens and not found here.
    pub(crate) fn infix(self) -> Option<(Binding, Infix)> {
        use BinaryOp as B;
        use CompareOp as C;
        Some(match self {
            Self::As => (Binding::As, Infix::As),
            Self::Or => (Binding::Or, Infix::Binary(B::Or)),
            Self::And => (Binding::And, Infix::Binary(B::And)),
            Self::EqEq => (Binding::Equality, Infix::Compare(C::Eq)),
            Self::NotEq => (Binding::Equality, Infix::Compare(C::NotEq)),
            Self::In => (Binding::Membership, Infix::Compare(C::In)),
            Self::Is => (Binding::Identity, Infix::Compare(C::Is)),
            Self::Lt => (Binding::Order, Infix::Compare(C::Lt)),
            Self::Gt => (Binding::Order, Infix::Compare(C::Gt)),
            Self::LtEq => (Binding::Order, Infix::Compare(C::LtE)),
            Self::GtEq => (Binding::Order, Infix::Compare(C::GtE)),
            Self::Pipe => (Binding::BitOr, Infix::Binary(B::BitOr)),
            Self::Caret => (Binding::BitXor, Infix::Binary(B::BitXor)),
            Self::Amp => (Binding::BitAnd, Infix::Binary(B::BitAnd)),
            Self::Shl => (Binding::Shift, Infix::Binary(B::LShift)),
            Self::Shr => (Binding::Shift, Infix::Binary(B::RShift)),
            Self::Plus => (Binding::Sum, Infix::Binary(B::Add)),
            Self::Minus => (Binding::Sum, Infix::Binary(B::Sub)),
            Self::Star => (Binding::Product, Infix::Binary(B::Mul)),
            Self::Slash => (Binding::Product, Infix::Binary(B::Div)),
            Self::DoubleSlash => (Binding::Product, Infix::Binary(B::FloorDiv)),
            Self::Percent => (Binding::Product, Infix::Binary(B::Mod)),
            Self::DoubleStar => (Binding::Power, Infix::Binary(B::Pow)),
            _ => return None,
        })
    }

    /// What messages call it where its text says nothing.
    pub(crate) fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::Eof => "the end of the file",
            Self::Newline => "the end of the line",
            Self::Indent => "an indented line",
            Self::Dedent | Self::OddDedent => "the end of the indented block",
            Self::PlainStr | Self::Str | Self::LongStr => "a string",
            _ => return None,
        })
    }
}

/// How tight an operator binds, loosest first. All of them group to the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Binding {
    Loosest,
    As,
    Or,
    And,
    Equality,
    Membership,
    Identity,
    Order,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Sum,
    Product,
    Power,
}

/// What an operator between two operands does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Infix {
    As,
    Binary(BinaryOp),
    Compare(CompareOp),
}

/// The keyword of these bytes, or [`Kind::Name`].
pub(crate) fn keyword(text: &[u8]) -> Kind {
    match text {
        b"as" => Kind::As,
        b"if" => Kind::If,
        b"or" => Kind::Or,
        b"in" => Kind::In,
        b"is" => Kind::Is,
        b"for" => Kind::For,
        b"and" => Kind::And,
        b"not" => Kind::Not,
        b"all" => Kind::All,
        b"any" => Kind::Any,
        b"map" => Kind::Map,
        b"elif" => Kind::Elif,
        b"else" => Kind::Else,
        b"rule" => Kind::Rule,
        b"type" => Kind::Type,
        b"True" => Kind::True,
        b"None" => Kind::None,
        b"mixin" => Kind::Mixin,
        b"check" => Kind::Check,
        b"False" => Kind::False,
        b"import" => Kind::Import,
        b"schema" => Kind::Schema,
        b"assert" => Kind::Assert,
        b"lambda" => Kind::Lambda,
        b"filter" => Kind::Filter,
        b"protocol" => Kind::Protocol,
        b"Undefined" => Kind::Undefined,
        _ => Kind::Name,
    }
}
