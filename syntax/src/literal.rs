//! What literals mean: numbers, unit suffixes, string escapes, dedent, the parts of an interpolated string.
//!
//! Nothing here knows where a literal stands, except that the expressions of an interpolated string are returned as
//! ranges of the literal's text.

use std::borrow::Cow;
use std::ops::Range;

use crate::ast::UnitNumber;
use crate::symbol::Symbol;

/// How far a number goes.
pub(crate) struct NumberScan {
    /// Bytes before the suffix.
    pub(crate) digits: usize,
    pub(crate) is_float: bool,
    problem: Option<&'static str>,
}

/// The value of a number.
#[derive(Debug, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    Unit(UnitNumber),
}

const SUFFIXES: [&str; 14] = ["n", "u", "m", "k", "K", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi"];

const NO_DIGITS: &str = "the number has no digits";

fn count_digits(bytes: &[u8], hex: bool) -> usize {
    let is_digit =
        |byte: &&u8| **byte == b'_' || if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    bytes.iter().take_while(is_digit).count()
}

fn has_digits(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| *byte != b'_')
}

/// Measures the number that starts here; the first byte is a digit.
pub(crate) fn scan_number(bytes: &[u8]) -> NumberScan {
    let second = bytes.get(1).copied().unwrap_or(0);
    let (prefix, hex) = match (bytes[0], second) {
        (b'0', b'x') => (2, true),
        (b'0', b'b' | b'o' | b'0'..=b'9') => (2, false),
        _ => (1, false),
    };
    let end = prefix + count_digits(&bytes[prefix..], hex);
    let mut scan = NumberScan { digits: end, is_float: false, problem: None };
    if prefix == 2 && !has_digits(&bytes[prefix..end]) {
        scan.problem = Some(NO_DIGITS);
        return scan;
    }
    scan_fraction(bytes, &mut scan);
    if scan.is_float && prefix == 2 {
        scan.problem = Some("a number with a fraction or an exponent must be decimal");
    }
    scan
}

fn scan_fraction(bytes: &[u8], scan: &mut NumberScan) {
    let peek = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let mut at = scan.digits;
    if peek(at) == b'.' {
        let after = peek(at + 1);
        if after == b'.' || after == b'_' || after.is_ascii_alphabetic() || after >= 128 {
            return;
        }
        scan.is_float = true;
        at += 1 + count_digits(&bytes[at + 1..], false);
        scan.digits = at;
        if !after.is_ascii_digit() {
            return;
        }
    }
    if !matches!(peek(at), b'e' | b'E') {
        return;
    }
    scan.is_float = true;
    at += 1 + usize::from(matches!(peek(at + 1), b'+' | b'-'));
    let digits = count_digits(&bytes[at..], false);
    if !has_digits(&bytes[at..at + digits]) {
        scan.problem = Some("the exponent has no digits");
    }
    scan.digits = at + digits;
}

/// The value of a whole number token, or what is wrong with it.
pub(crate) fn number(text: &str) -> Result<Number, String> {
    let scan = scan_number(text.as_bytes());
    if let Some(problem) = scan.problem {
        return Err(problem.into());
    }
    let (digits, suffix) = text.split_at(scan.digits);
    if scan.is_float {
        if !suffix.is_empty() {
            return Err(format!("`{suffix}` cannot follow a number with a fraction or an exponent"));
        }
        let value = digits.parse().map_err(|_| format!("`{digits}` is not a number"))?;
        return Ok(Number::Float(value));
    }
    let raw = integer(digits)?;
    if suffix.is_empty() {
        return Ok(Number::Int(raw));
    }
    if !SUFFIXES.contains(&suffix) {
        return Err(format!("`{suffix}` is not a unit"));
    }
    Ok(Number::Unit(UnitNumber { raw, suffix: Symbol::new(suffix) }))
}

/// Digits with an optional prefix. A leading zero means octal; above 2^63-1 the value wraps.
fn integer(text: &str) -> Result<i64, String> {
    let (base, digits) = match text.as_bytes() {
        [b'0', b'x', ..] => (16, &text[2..]),
        [b'0', b'o', ..] => (8, &text[2..]),
        [b'0', b'b', ..] => (2, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    let digits = if base == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    let mut value: u64 = 0;
    let mut last = b'_';
    for byte in digits.bytes() {
        if byte == b'_' && last == b'_' {
            return Err("`_` may only stand between digits".into());
        }
        last = byte;
        if byte != b'_' {
            value = push_digit(value, byte, base)?;
        }
    }
    if last == b'_' {
        return Err("`_` may only stand between digits".into());
    }
    Ok(value as i64)
}

fn push_digit(value: u64, byte: u8, base: u32) -> Result<u64, String> {
    let c = char::from(byte);
    let digit = c.to_digit(base).ok_or_else(|| format!("`{c}` is not a digit in base {base}"))?;
    let scaled = value.checked_mul(u64::from(base)).and_then(|scaled| scaled.checked_add(u64::from(digit)));
    scaled.ok_or_else(|| "the number does not fit into 64 bits".into())
}

/// A string token, taken apart.
pub(crate) struct StringText<'s> {
    /// Between the quotes.
    pub(crate) content: &'s str,
    /// Where the content starts in the token.
    pub(crate) offset: usize,
    pub(crate) raw: bool,
    pub(crate) long: bool,
}

impl<'s> StringText<'s> {
    /// Of the text of a whole, terminated token.
    pub(crate) fn of(token: &'s str, long: bool) -> Self {
        let raw = token.starts_with(['r', 'R']);
        let quotes = if long { 3 } else { 1 };
        let offset = usize::from(raw) + quotes;
        let content = token.get(offset..token.len().saturating_sub(quotes)).unwrap_or("");
        Self { content, offset, raw, long }
    }

    /// What the string says: escapes decoded, a long one dedented.
    pub(crate) fn decode(&self) -> Result<Cow<'s, str>, &'static str> {
        let unescaped = self.unescaped()?;
        Ok(if self.long { Cow::Owned(dedent(&unescaped)) } else { unescaped })
    }

    /// What stands in it, with its escapes decoded and its indentation as it is.
    pub(crate) fn unescaped(&self) -> Result<Cow<'s, str>, &'static str> {
        let content = normalize(self.content);
        let plain = self.raw || memchr::memchr(b'\\', content.as_bytes()).is_none();
        Ok(if plain { content } else { Cow::Owned(unescape(&content)?) })
    }
}

/// Line ends as LF alone.
fn normalize(content: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', content.as_bytes()).is_some() {
        Cow::Owned(content.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(content)
    }
}

fn unescape(content: &str) -> Result<String, &'static str> {
    let mut decoded = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        decoded.push_str(&rest[..at]);
        let mut chars = rest[at + 1..].chars();
        escape(&mut chars, &mut decoded)?;
        rest = chars.as_str();
    }
    decoded.push_str(rest);
    Ok(decoded)
}

/// One escape, after its backslash. An unknown one keeps the backslash.
fn escape(chars: &mut std::str::Chars<'_>, decoded: &mut String) -> Result<(), &'static str> {
    let Some(c) = chars.next() else { return Err("the string ends in a `\\`") };
    let value = match c {
        '\\' | '\'' | '"' => c,
        '\n' => return Ok(()),
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '0'..='7' => octal(c, chars),
        'x' => hexadecimal(2, chars)?,
        'u' => hexadecimal(4, chars)?,
        'U' => hexadecimal(8, chars)?,
        'N' => named(chars)?,
        _ => {
            decoded.push('\\');
            c
        }
    };
    decoded.push(value);
    Ok(())
}

fn octal(first: char, chars: &mut std::str::Chars<'_>) -> char {
    let mut value = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        let mut ahead = chars.clone();
        let Some(digit) = ahead.next().and_then(|c| c.to_digit(8)) else { break };
        value = value * 8 + digit;
        *chars = ahead;
    }
    char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn hexadecimal(digits: u32, chars: &mut std::str::Chars<'_>) -> Result<char, &'static str> {
    let mut value = 0_u32;
    for _ in 0..digits {
        let digit = chars.next().and_then(|c| c.to_digit(16));
        value = value << 4 | digit.ok_or("an escape lacks hexadecimal digits")?;
    }
    if (0xD800..0xE000).contains(&value) {
        return Ok(char::REPLACEMENT_CHARACTER);
    }
    char::from_u32(value).ok_or("an escape is beyond the last character of Unicode")
}

fn named(chars: &mut std::str::Chars<'_>) -> Result<char, &'static str> {
    let rest = chars.as_str().strip_prefix('{').ok_or("`\\N` needs a name in braces")?;
    let (name, rest) = rest.split_once('}').ok_or("`\\N` needs a name in braces")?;
    *chars = rest.chars();
    unicode_names2::character(name).ok_or("`\\N` names no character")
}

fn indentation(line: &str) -> usize {
    line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Takes off an empty first line and the white space that all lines have in common. A blank line does not count,
/// but the last one does: it holds the closing quotes.
fn dedent(text: &str) -> String {
    let body = text.strip_prefix('\n');
    let mut common = usize::MAX;
    let mut last = "";
    for line in text.split('\n') {
        last = line;
        let indented = indentation(line);
        if indented < common && !line.trim_start().is_empty() {
            common = indented;
        }
    }
    if !last.is_empty() && last.trim_start().is_empty() {
        common = common.min(indentation(last));
    }
    let common = if common == usize::MAX { 0 } else { common };
    let body = body.unwrap_or(text);
    if common == 0 {
        return body.to_owned();
    }
    let mut dedented = String::with_capacity(body.len());
    for (index, line) in body.split('\n').enumerate() {
        if index > 0 {
            dedented.push('\n');
        }
        dedented.push_str(&line[indentation(line).min(common)..]);
    }
    dedented
}

/// A piece of an interpolated string.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    Text(Box<str>),
    /// What stands between `${` and `}`, as a range of the content.
    Value(Range<usize>),
    /// A `${` without a `}`, from here on.
    Unclosed(usize),
}

/// Splits the content of a string at its interpolations; `decoded` is what the content decodes to.
///
/// Both are walked side by side, since dedent and escapes move text but neither makes nor removes a `${`. A value
/// ends at the first `}`, whatever stands before it.
pub(crate) fn pieces(content: &str, decoded: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut at, mut decoded) = (0, decoded);
    while let (Some(open), Some(decoded_open)) = (content[at..].find("${"), decoded.find("${")) {
        let start = at + open;
        let (Some(len), Some(decoded_len)) = (content[start..].find('}'), decoded[decoded_open..].find('}'))
        else {
            pieces.push(Piece::Unclosed(start));
            return pieces;
        };
        let end = start + len;
        let (text, rest) = decoded.split_at(decoded_open + decoded_len + 1);
        if content[at..start].ends_with('\\') {
            pieces.push(Piece::Text(text.replace("\\$", "$").into()));
        } else {
            push_text(&mut pieces, &text[..decoded_open]);
            pieces.push(Piece::Value(start + 2..end));
        }
        (at, decoded) = (end + 1, rest);
    }
    push_text(&mut pieces, decoded);
    pieces
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(token: &str) -> Result<String, &'static str> {
        let long = token.trim_start_matches(['r', 'R']).starts_with(r#"""""#);
        StringText::of(token, long).decode().map(Cow::into_owned)
    }

    #[test]
    fn a_leading_zero_means_octal() {
        assert_eq!(number("010"), Ok(Number::Int(8)));
        assert_eq!(number("007"), Ok(Number::Int(7)));
        assert_eq!(number("0_1"), Ok(Number::Int(1)));
        assert!(number("08").is_err());
        assert!(number("00").is_err());
    }

    #[test]
    fn large_numbers_wrap_up_to_64_bits() {
        assert_eq!(number("9223372036854775808"), Ok(Number::Int(i64::MIN)));
        assert_eq!(number("18446744073709551615"), Ok(Number::Int(-1)));
        assert!(number("18446744073709551616").is_err());
    }

    #[test]
    fn numbers_of_all_kinds() {
        assert_eq!(number("1_000"), Ok(Number::Int(1000)));
        assert_eq!(number("0xFf"), Ok(Number::Int(255)));
        assert_eq!(number("0b101"), Ok(Number::Int(5)));
        assert_eq!(number("1."), Ok(Number::Float(1.0)));
        assert_eq!(number("1.5e-3"), Ok(Number::Float(0.0015)));
        assert_eq!(number("1Ki"), Ok(Number::Unit(UnitNumber { raw: 1, suffix: Symbol::new("Ki") })));
        for wrong in ["1kk", "1.5Ki", "0x", "0b12", "1e", "1__0", "1_", "1_0.5", "0o1.5"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(decode(r#""a\tb\x41\u00e9\101\q""#), Ok("a\tbA\u{e9}A\\q".into()));
        assert_eq!(decode(r#""\N{BULLET}\ud800""#), Ok("\u{2022}\u{fffd}".into()));
        assert_eq!(decode(r#"r"a\tb""#), Ok(r"a\tb".into()));
        assert!(decode(r#""\xzz""#).is_err());
    }

    #[test]
    fn long_strings_lose_their_indentation() {
        assert_eq!(decode("\"\"\"\n    a\n      b\n    \"\"\""), Ok("a\n  b\n".into()));
        assert_eq!(decode("\"\"\"    a\n    b\"\"\""), Ok("a\nb".into()));
        assert_eq!(decode("\"\"\"\\\n    a\r\n    b\"\"\""), Ok("a\nb".into()));
        assert_eq!(decode("\"\"\"  \"\"\""), Ok(String::new()));
    }

    #[test]
    fn pieces_of_a_template() {
        let text = |text: &str| Piece::Text(text.into());
        assert_eq!(pieces("a${b}c", "a${b}c"), [text("a"), Piece::Value(3..4), text("c")]);
        assert_eq!(pieces(r"\${b}", r"\${b}"), [text("${b}")]);
        assert_eq!(pieces(r"\\${b}", r"\${b}"), [text("${b}")]);
        assert_eq!(pieces("${b", "${b"), [Piece::Unclosed(0)]);
    }
}
