//! How YAML writes a string: plain, quoted or as a block.
//!
//! The rules are those of libyaml for block style without folding, after which strings that some YAML reader could
//! take for another type are quoted.

/// The style of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// This byte means nothing special wherever it stands.
const SAFE: u8 = 1;
/// This byte may start a plain string.
const START: u8 = 2;

/// What is known of single bytes. Strings of safe bytes need no closer look.
static BYTES: [u8; 256] = byte_table();

const fn byte_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0x20;
    while byte < 0x7F {
        table[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'/' | b'(' | b')' | b'$' | b'^' | b'\\' | b';' | b'<' => {
                SAFE | START
            }
            b':' | b'#' => 0,
            _ => SAFE,
        };
        byte += 1;
    }
    table
}

/// The style of a string.
pub(super) fn style(text: &str) -> Style {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return Style::SingleQuoted };
    let plain = BYTES[usize::from(*first)] & START != 0
        && *last != b' '
        && (0..bytes.len()).all(|at| BYTES[usize::from(bytes[at])] & SAFE != 0 || is_inside_word(bytes, at));
    if plain {
        return if is_word(bytes) { Style::SingleQuoted } else { Style::Plain };
    }
    let facts = Facts::of(text);
    if bytes.contains(&b'\n') {
        return if facts.block_allowed() { Style::Literal } else { Style::DoubleQuoted };
    }
    match facts {
        _ if !facts.single_allowed() => Style::DoubleQuoted,
        _ if !facts.plain_allowed() || is_ambiguous(bytes) => Style::SingleQuoted,
        _ => Style::Plain,
    }
}

/// Whether this is a `:` that no space follows, or a `#` that none comes before.
fn is_inside_word(bytes: &[u8], at: usize) -> bool {
    let other = match bytes[at] {
        b':' => bytes.get(at + 1),
        b'#' => at.checked_sub(1).map(|before| &bytes[before]),
        _ => return false,
    };
    // What else is a gap is no safe byte itself.
    other.is_some_and(|other| *other != b' ')
}

/// Whether a reader could take it for something else than a string.
fn is_ambiguous(bytes: &[u8]) -> bool {
    matches!(bytes, [b'0'..=b'9' | b'-' | b'+' | b'.', ..] | b"~") || is_word(bytes)
}

/// The words that mean a bool, nothing, or no number in some version of YAML.
fn is_word(bytes: &[u8]) -> bool {
    const WORDS: [&[u8]; 11] =
        [b"y", b"n", b"on", b"no", b"yes", b"off", b"nil", b"nan", b"true", b"null", b"false"];
    bytes.len() <= 5 && WORDS.iter().any(|word| bytes.eq_ignore_ascii_case(word))
}

/// Whether libyaml breaks the line at this character.
pub(super) fn is_break(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether libyaml writes this character as it is.
pub(super) fn is_printable(char: char) -> bool {
    match char {
        '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' => true,
        '\u{E000}'..='\u{FFFD}' => char != '\u{FEFF}',
        _ => char >= '\u{10000}',
    }
}

/// A character that ends a word; `None` is the end of the string.
fn is_gap(char: Option<char>) -> bool {
    char.is_none_or(|char| matches!(char, ' ' | '\t' | '\0') || is_break(char))
}

/// What a walk over a string finds.
#[derive(Default)]
struct Facts {
    indicators: bool,
    breaks: bool,
    special: bool,
    /// It starts or ends with a space or a break.
    edges: bool,
    trailing_space: bool,
    break_space: bool,
    space_break: bool,
}

impl Facts {
    fn of(text: &str) -> Self {
        let mut facts =
            Self { indicators: text.starts_with("---") || text.starts_with("..."), ..Self::default() };
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            facts.see(before, char, chars.peek().copied());
            before = Some(char);
        }
        facts.edges |= before.is_some_and(|last| last == ' ' || is_break(last));
        facts.trailing_space = before == Some(' ');
        facts
    }

    fn see(&mut self, before: Option<char>, char: char, after: Option<char>) {
        self.indicators |= match (before, char) {
            (
                None,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
            ) => true,
            (None, '?' | '-') | (_, ':') => is_gap(after),
            (_, '#') => is_gap(before),
            _ => false,
        };
        self.special |= !is_printable(char);
        let is_space = char == ' ';
        let breaks = is_break(char);
        self.breaks |= breaks;
        self.edges |= before.is_none() && (is_space || breaks);
        self.break_space |= is_space && before.is_some_and(is_break);
        self.space_break |= breaks && before == Some(' ');
    }

    fn block_allowed(&self) -> bool {
        !(self.trailing_space || self.space_break || self.special)
    }

    fn single_allowed(&self) -> bool {
        !(self.break_space || self.space_break || self.special)
    }

    fn plain_allowed(&self) -> bool {
        !(self.indicators || self.breaks || self.edges)
    }
}
