//! The YAML writer: block style, two spaces, no folding.

use super::Draft;
use super::filter::{Filter, Shown};
use super::scalar::{Style, is_break, is_printable, style};
use crate::value::Value;

/// A longer key is written behind a `?`, as is one with a line break.
const MAX_SIMPLE_KEY: usize = 128;

/// Writes the YAML of a value, with a newline at the end.
pub fn write(draft: &mut Draft, value: Value<'_>, filter: Filter) {
    Writer { out: draft }.root(value, filter);
}

/// What a node follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// The start of the document, `- `, `: ` or `? `: a collection goes on in the same line.
    Indicator,
    /// `key:`, on whose line only scalars go on.
    Key,
}

struct Writer<'d> {
    out: &'d mut Draft,
}

impl Writer<'_> {
    /// A collection in the outermost place is not indented, but the lines of a block scalar are.
    fn root(&mut self, value: Value<'_>, filter: Filter) {
        match value {
            Value::List(items) => self.list(items, filter, 0, After::Indicator),
            Value::Dict(_) | Value::Instance(_) => self.mapping(value, filter, 0, After::Indicator),
            _ => self.scalar(value, 2),
        }
    }

    /// A node in a collection that is indented by `outer`.
    fn node(&mut self, value: Value<'_>, filter: Filter, outer: usize, after: After) {
        match value {
            Value::List(items) => {
                let indent = if after == After::Key { outer } else { outer + 2 };
                self.list(items, filter, indent, after);
            }
            Value::Dict(_) | Value::Instance(_) => self.mapping(value, filter, outer + 2, after),
            _ => {
                self.space(after);
                self.scalar(value, outer + 2);
            }
        }
    }

    fn space(&mut self, after: After) {
        if after == After::Key {
            self.out.push(' ');
        }
    }

    fn list(&mut self, items: &[Value<'_>], filter: Filter, indent: usize, after: After) {
        let mut lines = Lines { indent, after, none: true };
        if self.out.descend(items.len()) {
            for item in items.iter().copied().filter(|item| filter.keeps(*item)) {
                lines.start(self.out);
                self.out.push_str("- ");
                self.node(item, filter.inner(item), indent, After::Indicator);
                if self.out.is_full() {
                    break;
                }
            }
            self.out.ascend();
        }
        if lines.none {
            self.space(after);
            self.out.push_str("[]\n");
        }
    }

    fn mapping(&mut self, value: Value<'_>, filter: Filter, indent: usize, after: After) {
        let mut lines = Lines { indent, after, none: true };
        if self.out.descend(filter.width(value)) {
            for (key, shown) in filter.entries(value) {
                lines.start(self.out);
                let after = self.key(key, indent);
                match shown {
                    Shown::Value(value) => self.node(value, filter.inner(value), indent, after),
                    Shown::TypeOf(it) => {
                        self.space(after);
                        self.string(&it.full_type_name(), indent + 2);
                    }
                }
                if self.out.is_full() {
                    break;
                }
            }
            self.out.ascend();
        }
        if lines.none {
            self.space(after);
            self.out.push_str("{}\n");
        }
    }

    fn key(&mut self, key: &str, indent: usize) -> After {
        let style = style(key);
        if key.len() <= MAX_SIMPLE_KEY && (style == Style::Plain || !key.contains(is_break)) {
            self.quoted(key, style, indent);
            self.out.push(':');
            return After::Key;
        }
        self.out.push_str("? ");
        self.string(key, indent + 2);
        pad(self.out, indent);
        self.out.push_str(": ");
        After::Indicator
    }

    /// A scalar with the end of its line; further lines of it are indented.
    fn scalar(&mut self, value: Value<'_>, indent: usize) {
        match value {
            Value::Str(text) => return self.string(text, indent),
            Value::Bool(bool) => self.out.push_str(if bool { "true" } else { "false" }),
            Value::Int(int) => self.out.push_str(itoa::Buffer::new().format(int)),
            Value::Float(float) if float.is_finite() => {
                self.out.push_str(ryu::Buffer::new().format_finite(as_read(float)));
            }
            Value::Unit(unit) => self.out.push_str(ryu::Buffer::new().format(unit.value)),
            _ => self.out.push_str("null"),
        }
        self.out.push('\n');
    }

    /// A string with the end of its line, which a block may have brought along.
    fn string(&mut self, text: &str, indent: usize) {
        match style(text) {
            Style::Literal => {
                self.literal(text, indent);
                if text.ends_with(is_break) {
                    return;
                }
            }
            style => self.quoted(text, style, indent),
        }
        self.out.push('\n');
    }

    fn quoted(&mut self, text: &str, style: Style, indent: usize) {
        match style {
            Style::Plain | Style::Literal => self.out.push_str(text),
            Style::SingleQuoted => self.single_quoted(text, indent),
            Style::DoubleQuoted => self.double_quoted(text),
        }
    }

    /// Breaks in it can only be the rare ones of Unicode: they stay, and what follows is indented.
    fn single_quoted(&mut self, text: &str, indent: usize) {
        self.out.push('\'');
        let mut broken = false;
        for char in text.chars() {
            if std::mem::replace(&mut broken, is_break(char)) && !broken {
                pad(self.out, indent);
            }
            self.out.push_str(if char == '\'' { "'" } else { "" });
            self.out.push(char);
        }
        if broken {
            pad(self.out, indent);
        }
        self.out.push('\'');
    }

    fn double_quoted(&mut self, text: &str) {
        self.out.push('"');
        for char in text.chars() {
            if is_printable(char) && !is_break(char) && char != '"' && char != '\\' {
                self.out.push(char);
            } else {
                self.escape(char);
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, char: char) {
        self.out.push('\\');
        let name = match char {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0B' => 'v',
            '\x0C' => 'f',
            '\r' => 'r',
            '\x1B' => 'e',
            '"' | '\\' => char,
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => return self.hexadecimal(char),
        };
        self.out.push(name);
    }

    fn hexadecimal(&mut self, char: char) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        let code = char as u32;
        let (letter, digits) = match code {
            0..=0xFF => ('x', 2),
            0x100..=0xFFFF => ('u', 4),
            _ => ('U', 8),
        };
        self.out.push(letter);
        for digit in (0..digits).rev() {
            self.out.push(HEX[(code >> (4 * digit)) as usize & 15].into());
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.out.push('|');
        if text.starts_with(|first| first == ' ' || is_break(first)) {
            self.out.push('2');
        }
        self.out.push_str(chomping(text));
        self.out.push('\n');
        for line in text.split_inclusive(is_break) {
            if !line.starts_with(is_break) {
                pad(self.out, indent);
            }
            self.out.push_str(line);
        }
    }
}

/// What says how the end of a block is read: one break is kept by default, none is `-`, more are `+`.
/// A float as the reference has it in YAML: it writes JSON first and reads it back in a way that may miss the last bit.
fn as_read(float: f64) -> f64 {
    let mut digits = ryu::Buffer::new();
    serde_json::from_str(digits.format_finite(float)).unwrap_or(float)
}

fn chomping(text: &str) -> &'static str {
    let mut back = text.chars().rev().map(is_break);
    match (back.next(), back.next()) {
        (Some(false) | None, _) => "-",
        (Some(true), Some(false)) => "",
        (Some(true), Some(true) | None) => "+",
    }
}

/// The line starts of a block collection.
struct Lines {
    indent: usize,
    after: After,
    none: bool,
}

impl Lines {
    /// Before an item: the first one may go on in the line.
    fn start(&mut self, out: &mut Draft) {
        let first = std::mem::take(&mut self.none);
        if first && self.after == After::Indicator {
            return;
        }
        if first {
            out.push('\n');
        }
        pad(out, self.indent);
    }
}

fn pad(out: &mut Draft, indent: usize) {
    const SPACES: &str = "                                                                ";
    let mut left = indent;
    while left > 0 {
        let part = left.min(SPACES.len());
        out.push_str(&SPACES[..part]);
        left -= part;
    }
}
