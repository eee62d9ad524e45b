//! The JSON writer.

use super::Draft;
use super::filter::{Filter, Shown};
use crate::value::Value;

/// Writes the JSON of a value: with `indent` above zero one item a line, else all on one line.
pub fn write(draft: &mut Draft, value: Value<'_>, filter: Filter, indent: usize) {
    Writer { out: draft, indent }.value(value, filter);
}

struct Writer<'d> {
    out: &'d mut Draft,
    indent: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: Value<'_>, filter: Filter) {
        match value {
            Value::Undefined | Value::None | Value::Func(_) => self.out.push_str("null"),
            Value::Bool(bool) => self.out.push_str(if bool { "true" } else { "false" }),
            Value::Int(int) => self.out.push_str(itoa::Buffer::new().format(int)),
            Value::Float(float) => self.float(float),
            Value::Unit(unit) => self.float(unit.value),
            Value::Str(text) => self.string(text),
            Value::List(items) => self.nested(items.len(), |it| it.list(items, filter)),
            Value::Dict(_) | Value::Instance(_) => {
                self.nested(filter.width(value), |it| it.object(value, filter));
            }
        }
    }

    fn nested(&mut self, items: usize, write: impl FnOnce(&mut Self)) {
        if !self.out.descend(items) {
            return self.out.push_str("null");
        }
        write(self);
    }

    fn list(&mut self, items: &[Value<'_>], filter: Filter) {
        self.out.push('[');
        let mut first = true;
        for item in items.iter().copied().filter(|item| filter.keeps(*item)) {
            self.separate(std::mem::take(&mut first));
            self.value(item, filter.inner(item));
            if self.out.is_full() {
                break;
            }
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
            if self.out.is_full() {
                break;
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
            self.line(self.out.depth());
        } else if !first {
            self.out.push(' ');
        }
    }

    fn close(&mut self, bracket: char, empty: bool) {
        self.out.ascend();
        if self.indent > 0 && !empty {
            self.line(self.out.depth());
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        self.out.push('\n');
        (0..self.indent * depth).for_each(|_| self.out.push_str(" "));
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
