//! Mutations: small random changes that leave most of an input as it was.

use std::ops::Range;

use fastrand::Rng;

/// Inputs do not grow beyond this.
const MAX_BYTES: usize = 64 << 10;

/// Numbers at the edges of what machines count with.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483647",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "1e308",
    "0.1",
];

/// Changes texts.
pub struct Mutator<'a> {
    /// What decides.
    pub rng: Rng,
    /// Words that mean something to the target.
    pub words: &'a [&'a str],
}

impl Mutator<'_> {
    /// A text that differs from this one by a few mutations; `other` lends its parts.
    #[must_use]
    pub fn mutate(&mut self, text: &str, other: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        let mutations = 1 << self.rng.u32(0..4);
        for _ in 0..mutations {
            self.step(&mut bytes, other.as_bytes());
            bytes.truncate(MAX_BYTES);
        }
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    fn step(&mut self, text: &mut Vec<u8>, other: &[u8]) {
        match self.rng.u32(0..16) {
            0 => self.change_byte(text),
            1 => self.splice(text, other),
            2 => self.repeat(text),
            3 => self.nest(text),
            4 => self.swap_lines(text),
            5 => self.change_number(text),
            6 => {
                let from = self.token(text);
                self.replace_with_part(text, from, other);
            }
            7 | 8 => {
                let from = self.lines(text);
                self.replace_with_part(text, from, other);
            }
            9 => drop(text.drain(self.lines(text))),
            10 => drop(text.drain(self.token(text))),
            11 | 12 => {
                let at = self.token(text).start;
                self.put_word(text, at..at);
            }
            13 => {
                let from = self.token(text);
                self.put_word(text, from);
            }
            14 => {
                let at = self.lines(text).start;
                let copied = other[self.lines(other)].to_vec();
                drop(text.splice(at..at, copied));
            }
            _ => {
                let at = self.token(text).start;
                let copied = text[self.token(text)].to_vec();
                drop(text.splice(at..at, copied));
            }
        }
    }

    fn change_byte(&mut self, text: &mut [u8]) {
        if let Some(at) = self.below(text.len()) {
            text[at] = if self.rng.bool() { text[at] ^ (1 << self.rng.u32(0..8)) } else { self.rng.u8(..) };
        }
    }

    /// The head of the one, the tail of the other.
    fn splice(&mut self, text: &mut Vec<u8>, other: &[u8]) {
        let head = self.token(text).start;
        let tail = self.token(other).start;
        text.truncate(head);
        text.extend_from_slice(&other[tail..]);
    }

    /// Repeats a part, now and then very often.
    fn repeat(&mut self, text: &mut Vec<u8>) {
        let part = if self.rng.bool() { self.token(text) } else { self.lines(text) };
        let times = if self.rng.u32(0..8) == 0 { self.rng.usize(..3_000) } else { self.rng.usize(1..8) };
        let times = times.min(MAX_BYTES / part.len().max(1));
        let repeated = text[part.clone()].repeat(times);
        drop(text.splice(part, repeated));
    }

    /// Puts something in brackets, now and then in very many.
    fn nest(&mut self, text: &mut Vec<u8>) {
        let pairs =
            [("(", ")"), ("[", "]"), ("{", "}"), ("${", "}"), ("\"", "\""), ("{a = ", "}"), ("(-", ")")];
        let (open, close) = pairs[self.rng.usize(..pairs.len())];
        let times = if self.rng.u32(0..8) == 0 { self.rng.usize(..3_000) } else { 1 };
        let part = self.token(text);
        let nested =
            [open.repeat(times).as_bytes(), &text[part.clone()], close.repeat(times).as_bytes()].concat();
        drop(text.splice(part, nested));
    }

    fn swap_lines(&mut self, text: &mut Vec<u8>) {
        let mut parts = [self.lines(text), self.lines(text)];
        parts.sort_by_key(|part| part.start);
        let [first, second] = parts;
        if first.end <= second.start {
            let swapped =
                [&text[second.clone()], &text[first.end..second.start], &text[first.clone()]].concat();
            drop(text.splice(first.start..second.end, swapped));
        }
    }

    fn change_number(&mut self, text: &mut Vec<u8>) {
        let Some(from) = self.below(text.len()) else { return };
        let digit = |byte: &u8| byte.is_ascii_digit();
        let Some(start) = text[from..].iter().position(digit).map(|at| at + from) else { return };
        let end = text[start..].iter().position(|byte| !digit(byte)).map_or(text.len(), |at| at + start);
        let number = NUMBERS[self.rng.usize(..NUMBERS.len())];
        drop(text.splice(start..end, number.bytes()));
    }

    fn replace_with_part(&mut self, text: &mut Vec<u8>, from: Range<usize>, other: &[u8]) {
        let to = if self.rng.bool() { self.token(other) } else { self.lines(other) };
        drop(text.splice(from, other[to].iter().copied()));
    }

    fn put_word(&mut self, text: &mut Vec<u8>, from: Range<usize>) {
        if let Some(at) = self.below(self.words.len()) {
            drop(text.splice(from, self.words[at].bytes()));
        }
    }

    fn below(&mut self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.rng.usize(..len))
    }

    /// A word, a number, a run of blanks, or one other character.
    fn token(&mut self, text: &[u8]) -> Range<usize> {
        let Some(at) = self.below(text.len()) else { return 0..0 };
        let kind = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 128.. => 0,
            b' ' => 1,
            _ => 2,
        };
        let own = kind(text[at]);
        if own == 2 {
            return at..at + 1;
        }
        let start = text[..at].iter().rposition(|byte| kind(*byte) != own).map_or(0, |before| before + 1);
        let end =
            text[at..].iter().position(|byte| kind(*byte) != own).map_or(text.len(), |after| at + after);
        start..end
    }

    /// A few whole lines.
    fn lines(&mut self, text: &[u8]) -> Range<usize> {
        let Some(at) = self.below(text.len()) else { return 0..0 };
        let start = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
        let mut end = at;
        for _ in 0..self.rng.u32(1..6) {
            end = text[end..]
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(text.len(), |after| end + after + 1);
        }
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(seed: u64) -> Vec<String> {
        let mut mutator = Mutator { rng: Rng::with_seed(seed), words: &["schema", "ü"] };
        let mut text = "a = 1\nb = \"größe\"\n".to_owned();
        let next = |_| {
            text = mutator.mutate(&text, "schema S:\n    x: int = 12\n");
            text.clone()
        };
        (0..500).map(next).collect()
    }

    #[test]
    fn a_seed_always_gives_the_same() {
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
    }

    #[test]
    fn nothing_comes_from_nothing() {
        let mut mutator = Mutator { rng: Rng::with_seed(3), words: &[] };
        for _ in 0..200 {
            assert_eq!(mutator.mutate("", "").trim_matches(|it| "()[]{}$\"a= -".contains(it)), "");
        }
    }

    #[test]
    fn texts_do_not_grow_without_end() {
        assert!(texts(4).iter().all(|text| text.len() <= 3 * MAX_BYTES));
    }
}
