//! The JSON writer.

use super::filter::{Filter, Shown};
use super::no_further;
use crate::stdlib::Outcome;
use crate::value::Value;

/// The JSON of a value: with `indent` above zero one item a line, else all on one line.
///
/// # Errors
/// Where the value is nested too deeply, or the text would be longer than [`super::MAX_BYTES`].
pub fn document(value: Value<'_>, filter: &Filter, indent: usize) -> Outcome<String> {
    let mut writer = Writer { out: String::with_capacity(128), indent, depth: 0, gave_up: None };
    writer.value(value, *filter);
    match writer.gave_up {
        Some(why) => Err(why.into()),
        None => Ok(writer.out),
    }
}

/// The JSON of a value on one line, with nothing left out but `Undefined` and functions; what is nested beyond
/// any sensible depth shows as `null`.
#[must_use]
pub fn compact(value: Value<'_>) -> String {
    let mut writer = Writer { out: String::new(), indent: 0, depth: 0, gave_up: None };
    writer.value(value, Filter::default());
    writer.out
}

struct Writer {
    out: String,
    indent: usize,
    depth: usize,
    /// Why not all was written.
    gave_up: Option<&'static str>,
}

impl Writer {
    fn value(&mut self, value: Value<'_>, filter: Filter) {
        match value {
            Value::Undefined | Value::None | Value::Func(_) => self.out.push_str("null"),
            Value::Bool(bool) => self.out.push_str(if bool { "true" } else { "false" }),
            Value::Int(int) => self.out.push_str(itoa::Buffer::new().format(int)),
            Value::Float(float) => self.float(float),
            Value::Unit(unit) => self.float(unit.value),
            Value::Str(text) => self.string(text),
            Value::List(items) => self.nested(|it| it.list(items, filter)),
            Value::Dict(_) | Value::Instance(_) => self.nested(|it| it.object(value, filter)),
        }
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self)) {
        self.gave_up = self.gave_up.or_else(|| no_further(self.depth, self.out.len()));
        if self.gave_up.is_some() {
            return self.out.push_str("null");
        }
        self.depth += 1;
        write(self);
    }

    fn list(&mut self, items: &[Value<'_>], filter: Filter) {
        self.out.push('[');
        let mut first = true;
        for item in items.iter().copied().filter(|item| filter.keeps(*item)) {
            self.separate(std::mem::take(&mut first));
            self.value(item, filter.inner(item));
        }
        self.close(']', first);
    }

    fn object(&mut self, value: Value<'_>, filter: Filter) {
        self.out.push('{');
        let mut first = true;
        for (key, shown) in filter.entries(value) {
            self.separate(std::mem::take(&mut first));
            self.string(key);
            self.out.push_str(": ");
            match shown {
                Shown::Value(value) => self.value(value, filter.inner(value)),
                Shown::TypeOf(it) => self.string(&it.full_type_name()),
            }
        }
        self.close('}', first);
    }

    /// What comes before an item.
    fn separate(&mut self, first: bool) {
        if !first {
            self.out.push(',');
        }
        if self.indent > 0 {
            self.line(self.depth);
        } else if !first {
            self.out.push(' ');
        }
    }

    fn close(&mut self, bracket: char, empty: bool) {
        self.depth -= 1;
        if self.indent > 0 && !empty {
            self.line(self.depth);
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.indent * depth));
    }

    /// An exponent always has its sign, and there is no number for infinity.
    fn float(&mut self, float: f64) {
        if !float.is_finite() {
            return self.out.push_str("null");
        }
        let mut buffer = ryu::Buffer::new();
        match buffer.format_finite(float).split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                self.out.push_str(digits);
                self.out.push_str("e+");
                self.out.push_str(exponent);
            }
            _ => self.out.push_str(buffer.format_finite(float)),
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            self.out.push_str(&rest[..at]);
            self.escape(rest.as_bytes()[at]);
            rest = &rest[at + 1..];
        }
        self.out.push_str(rest);
        self.out.push('"');
    }

    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.out.push('\\');
        match byte {
            b'"' | b'\\' => self.out.push(byte.into()),
            0x08 => self.out.push('b'),
            0x09 => self.out.push('t'),
            0x0A => self.out.push('n'),
            0x0C => self.out.push('f'),
            0x0D => self.out.push('r'),
            _ => {
                self.out.push_str("u00");
                self.out.push(HEX[usize::from(byte >> 4)].into());
                self.out.push(HEX[usize::from(byte & 15)].into());
            }
        }
    }
}
