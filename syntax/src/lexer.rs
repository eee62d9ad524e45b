//! Bytes to tokens.
//!
//! All tokens of a text go into one flat buffer. Line ends and indentation become tokens everywhere, inside
//! brackets too; the parser knows where they do not matter. Several line ends in a row are one token. Comments are
//! left out, except inside an interpolation.

use std::cmp::Ordering;

use crate::diag::{Code, Diagnostic};
use crate::literal;
use crate::source::Span;
use crate::token::{Kind, Token, keyword};

/// What the lexer has to say about a text, without knowing which source it is of.
pub(crate) struct Complaint {
    pub(crate) code: Code,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

impl Complaint {
    /// The same as a diagnostic of a source.
    pub(crate) fn at(self, source: &std::sync::Arc<crate::source::Source>) -> Diagnostic {
        let diagnostic = Diagnostic::new(self.code, source, self.span, self.message);
        match self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

/// The indentation of a line. Tabs and spaces have no common measure.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    tabs: u32,
    spaces: u32,
}

impl Level {
    /// `None` where the one has more tabs and the other more spaces.
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self.tabs.cmp(&other.tabs), self.spaces.cmp(&other.spaces)) {
            (Ordering::Equal, spaces) => Some(spaces),
            (tabs, Ordering::Equal) => Some(tabs),
            (tabs, spaces) => (tabs == spaces).then_some(tabs),
        }
    }
}

/// Reads a text, or the part of it that an interpolation encloses.
pub(crate) struct Lexer<'s> {
    text: &'s str,
    /// The text up to where reading stops.
    bytes: &'s [u8],
    at: usize,
    in_template: bool,
    tokens: Vec<Token>,
    levels: Vec<Level>,
    complaints: Vec<Complaint>,
}

/// The tokens of a whole text. The last is always [`Kind::Eof`].
pub(crate) fn tokens(text: &str) -> (Vec<Token>, Vec<Complaint>) {
    let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Lexer {
        text,
        bytes: text.as_bytes(),
        at,
        in_template: false,
        tokens: Vec::with_capacity(text.len() / 5 + 8),
        levels: vec![Level::default()],
        complaints: Vec::new(),
    }
    .run()
}

/// The tokens of what stands between `${` and `}`; their spans are of the whole text.
pub(crate) fn template_tokens(text: &str, span: Span) -> (Vec<Token>, Vec<Complaint>) {
    Lexer {
        text,
        bytes: &text.as_bytes()[..span.end as usize],
        at: span.start as usize,
        in_template: true,
        tokens: Vec::with_capacity(8),
        levels: vec![Level::default()],
        complaints: Vec::new(),
    }
    .run()
}

/// Bytes that go on a name, for ASCII.
const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
        byte += 1;
    }
    table
};

/// White space that is neither indentation nor a line end.
fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

impl Lexer<'_> {
    fn run(mut self) -> (Vec<Token>, Vec<Complaint>) {
        while self.at < self.bytes.len() {
            self.token();
        }
        self.finish();
        (self.tokens, self.complaints)
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, start: start as u32, end: self.at as u32 });
    }

    fn peek(&self, offset: usize) -> u8 {
        self.bytes.get(self.at + offset).copied().unwrap_or(0)
    }

    fn complain(&mut self, start: usize, message: impl Into<String>, hint: Option<&'static str>) {
        let span = Span::new(start as u32, self.at as u32);
        self.complaints.push(Complaint { code: Code::InvalidSyntax, span, message: message.into(), hint });
    }

    /// One token or one stretch of white space.
    fn token(&mut self) {
        let start = self.at;
        match self.bytes[start] {
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\n' => self.line_end(),
            b'r' | b'R' if matches!(self.peek(1), b'"' | b'\'') => {
                self.at += 1;
                self.string(start);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name(),
            b'"' | b'\'' => self.string(start),
            b'0'..=b'9' => self.number(),
            b'#' => self.comment(),
            b'$' if self.starts_name(start + 1) => {
                self.at += 1;
                self.name_rest();
                self.push(Kind::Name, start);
            }
            b'\\' => self.continuation(),
            128.. => self.unicode(),
            byte => self.operator(byte),
        }
    }

    fn starts_name(&self, at: usize) -> bool {
        match self.bytes.get(at) {
            Some(byte) if byte.is_ascii() => byte.is_ascii_alphabetic() || *byte == b'_',
            Some(_) => self.char_at(at).is_some_and(unicode_ident::is_xid_start),
            None => false,
        }
    }

    fn char_at(&self, at: usize) -> Option<char> {
        self.text.get(at..self.bytes.len())?.chars().next()
    }

    fn name(&mut self) {
        let start = self.at;
        self.name_rest();
        let kind = keyword(&self.bytes[start..self.at]);
        self.push(kind, start);
    }

    fn name_rest(&mut self) {
        loop {
            while self.at < self.bytes.len() && NAME_BYTES[self.bytes[self.at] as usize] {
                self.at += 1;
            }
            if self.at == self.bytes.len() || self.bytes[self.at].is_ascii() {
                return;
            }
            match self.char_at(self.at) {
                Some(c) if unicode_ident::is_xid_continue(c) => self.at += c.len_utf8(),
                _ => return,
            }
        }
    }

    /// What is not ASCII: a name, white space, or nothing KCL knows.
    fn unicode(&mut self) {
        let start = self.at;
        let Some(c) = self.char_at(start) else {
            self.at += 1;
            return;
        };
        self.at += c.len_utf8();
        if unicode_ident::is_xid_start(c) {
            self.name_rest();
            self.push(Kind::Name, start);
        } else if !is_odd_space(c) {
            self.complain(start, format!("`{c}` has no meaning here"), None);
            self.push(Kind::Bad, start);
        }
    }

    fn comment(&mut self) {
        let start = self.at;
        let rest = &self.bytes[start..];
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        if self.in_template {
            self.push(Kind::Comment, start);
        }
    }

    fn continuation(&mut self) {
        let start = self.at;
        self.at += 1;
        let rest = &self.bytes[self.at..];
        if rest.starts_with(b"\r\n") {
            self.at += 2;
        } else if rest.starts_with(b"\n") {
            self.at += 1;
        } else if !rest.is_empty() {
            let hint = "nothing may stand between a `\\` and the end of the line";
            self.complain(start, "`\\` does not end the line", Some(hint));
        }
    }

    /// Everything up to the first token of the next line that has one.
    fn line_end(&mut self) {
        let start = self.at;
        self.at += 1;
        self.push(Kind::Newline, start);
        let mut level = Level::default();
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b' ' => level.spaces += 1,
                b'\t' => level.tabs += 1,
                b'\n' => level = Level::default(),
                b'\r' => {}
                b'#' if !self.in_template => {
                    self.comment();
                    continue;
                }
                _ => return self.indentation(level),
            }
            self.at += 1;
        }
    }

    fn indentation(&mut self, level: Level) {
        let top = self.levels.last().copied().unwrap_or_default();
        match level.compare(top) {
            Some(Ordering::Equal) => {}
            Some(Ordering::Greater) => {
                self.levels.push(level);
                self.push(Kind::Indent, self.at);
            }
            Some(Ordering::Less) => self.dedent(level),
            None => self.mixed_indentation(),
        }
    }

    /// One dedent for each level that ends. A level between two known ones ends none and is marked as odd; where
    /// only tabs differ it passes for a dedent.
    fn dedent(&mut self, level: Level) {
        while let Some(top) = self.levels.pop() {
            let below = self.levels.last().copied().unwrap_or_default();
            match level.compare(below) {
                Some(Ordering::Less) => self.push(Kind::Dedent, self.at),
                Some(Ordering::Equal) => return self.push(Kind::Dedent, self.at),
                Some(Ordering::Greater) => {
                    self.levels.push(top);
                    let odd = level.spaces != below.spaces;
                    return self.push(if odd { Kind::OddDedent } else { Kind::Dedent }, self.at);
                }
                None => {
                    self.push(Kind::Dedent, self.at);
                    return self.mixed_indentation();
                }
            }
        }
        self.levels.push(Level::default());
    }

    fn mixed_indentation(&mut self) {
        let span = Span::new(self.at as u32, self.at as u32);
        self.complaints.push(Complaint {
            code: Code::InvalidSyntax,
            span,
            message: "tabs and spaces are mixed in the indentation".into(),
            hint: Some("indent all lines of a block alike"),
        });
    }

    /// Closes the last line and all blocks.
    fn finish(&mut self) {
        if self.tokens.last().is_some_and(|last| last.kind != Kind::Newline) {
            self.push(Kind::Newline, self.at);
        }
        for _ in 1..self.levels.len() {
            self.push(Kind::Dedent, self.at);
        }
        self.push(Kind::Eof, self.at);
    }

    /// A string; `start` is before an `r`, the current byte is the quote.
    fn string(&mut self, start: usize) {
        let quote = self.bytes[self.at];
        if self.peek(1) == quote && self.peek(2) == quote {
            self.at += 3;
            return self.long_string(start, quote);
        }
        self.at += 1;
        let mut kind = Kind::PlainStr;
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                byte if byte == quote => {
                    self.at += 1;
                    let raw = self.bytes[start] != quote;
                    return self.push(if raw { Kind::Str } else { kind }, start);
                }
                b'\\' => {
                    kind = Kind::Str;
                    let next = self.peek(1);
                    self.at += usize::from(next == b'\\' || next == quote);
                }
                b'$' => kind = Kind::Str,
                b'\n' | b'\r' => break,
                _ => {}
            }
            self.at += 1;
        }
        self.unterminated(start);
    }

    fn long_string(&mut self, start: usize, quote: u8) {
        while let Some(skip) = memchr::memchr2(quote, b'\\', &self.bytes[self.at..]) {
            self.at += skip;
            if self.bytes[self.at] == b'\\' {
                let next = self.peek(1);
                self.at += 1 + usize::from(next == b'\\' || next == quote);
            } else if self.peek(1) == quote && self.peek(2) == quote {
                self.at += 3;
                return self.push(Kind::LongStr, start);
            } else {
                self.at += 1;
            }
        }
        self.at = self.bytes.len();
        self.unterminated(start);
    }

    fn unterminated(&mut self, start: usize) {
        self.complain(start, "the string has no closing quote", None);
        self.push(Kind::Bad, start);
    }

    fn number(&mut self) {
        let start = self.at;
        let scan = literal::scan_number(&self.bytes[start..]);
        self.at += scan.digits;
        if self.starts_name(self.at) {
            self.name_rest();
        }
        self.push(if scan.is_float { Kind::Float } else { Kind::Int }, start);
    }

    /// Signs and what else ASCII has left.
    fn operator(&mut self, byte: u8) {
        let start = self.at;
        let (kind, len) = self.operator_kind(byte);
        self.at += len;
        match kind {
            Kind::Gt if self.tokens.last().is_some_and(|last| last.kind == Kind::Minus) => self.glue_arrow(),
            Kind::Bang => {
                self.complain(start, "`!` is not an operator", Some("write `not`"));
                self.push(kind, start);
            }
            Kind::Bad => self.unknown(byte, start),
            _ => self.push(kind, start),
        }
    }

    /// `- >` is an arrow, too.
    fn glue_arrow(&mut self) {
        if let Some(last) = self.tokens.last_mut() {
            *last = Token { kind: Kind::Arrow, end: self.at as u32, ..*last };
        }
    }

    fn unknown(&mut self, byte: u8, start: usize) {
        match byte {
            b'\x0b' | b'\x0c' => {}
            b';' => self.complain(start, "`;` is unnecessary", Some("remove it")),
            _ => {
                let message = format!("`{}` has no meaning here", char::from(byte).escape_default());
                self.complain(start, message, None);
                self.push(Kind::Bad, start);
            }
        }
    }

    fn operator_kind(&self, byte: u8) -> (Kind, usize) {
        let (next, third) = (self.peek(1), self.peek(2));
        let assigned = |plain, assign| if next == b'=' { (assign, 2) } else { (plain, 1) };
        let doubled = |plain, assign| if third == b'=' { (assign, 3) } else { (plain, 2) };
        match byte {
            b'*' if next == b'*' => doubled(Kind::DoubleStar, Kind::DoubleStarAssign),
            b'/' if next == b'/' => doubled(Kind::DoubleSlash, Kind::DoubleSlashAssign),
            b'<' if next == b'<' => doubled(Kind::Shl, Kind::ShlAssign),
            b'>' if next == b'>' => doubled(Kind::Shr, Kind::ShrAssign),
            b'+' => assigned(Kind::Plus, Kind::PlusAssign),
            b'-' => assigned(Kind::Minus, Kind::MinusAssign),
            b'*' => assigned(Kind::Star, Kind::StarAssign),
            b'/' => assigned(Kind::Slash, Kind::SlashAssign),
            b'%' => assigned(Kind::Percent, Kind::PercentAssign),
            b'&' => assigned(Kind::Amp, Kind::AmpAssign),
            b'|' => assigned(Kind::Pipe, Kind::PipeAssign),
            b'^' => assigned(Kind::Caret, Kind::CaretAssign),
            b'<' => assigned(Kind::Lt, Kind::LtEq),
            b'>' => assigned(Kind::Gt, Kind::GtEq),
            b'=' => assigned(Kind::Assign, Kind::EqEq),
            b'!' => assigned(Kind::Bang, Kind::NotEq),
            b'.' if next == b'.' && third == b'.' => (Kind::Ellipsis, 3),
            _ => (single(byte), 1),
        }
    }
}

/// Signs that stand alone.
fn single(byte: u8) -> Kind {
    match byte {
        b'~' => Kind::Tilde,
        b'.' => Kind::Dot,
        b',' => Kind::Comma,
        b':' => Kind::Colon,
        b'?' => Kind::Question,
        b'@' => Kind::At,
        b'$' => Kind::Dollar,
        b'(' => Kind::OpenParen,
        b')' => Kind::CloseParen,
        b'[' => Kind::OpenBracket,
        b']' => Kind::CloseBracket,
        b'{' => Kind::OpenBrace,
        b'}' => Kind::CloseBrace,
        _ => Kind::Bad,
    }
}
