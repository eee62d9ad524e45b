//! Wording: counts, lists, paths in messages.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `1 stack`, `2 stacks`
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `12 bytes`, `3.4 MiB`
pub(super) fn bytes(number: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = number as f64;
    let mut unit = None;
    for larger in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = Some(larger);
    }
    unit.map_or_else(|| count(number as usize, "byte"), |unit| format!("{value:.1} {unit}"))
}

/// `` `a`, `b` or `c` ``, of which `last` is the word before the last one.
pub(super) fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., end] => format!("{} {last} {end}", before.join(", ")),
    }
}

/// A text as it may be shown: on one line, and nothing in it steers a terminal or a page.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    // To the end even where one is not plain: so the bytes are looked at many at a time.
    if text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')) {
        return text.into();
    }
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Items in backticks.
pub(super) fn ticked(items: &[String]) -> Vec<String> {
    items.iter().map(|item| format!("`{item}`")).collect()
}

/// The first few of many: `` `a`, `b`, `c` and 5 more ``.
pub(super) fn some_of(items: &[String], most: usize) -> String {
    let mut shown = ticked(&items[..items.len().min(most)]);
    let rest = items.len() - shown.len();
    if rest > 0 {
        shown.push(format!("{rest} more"));
    }
    list(&shown, "and")
}

/// Longer texts in markdown are cut.
const LONGEST: usize = 300;

/// A text in markdown that stands for nothing but itself: on one line, and without marks that could begin something.
pub(crate) fn markdown(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars().take(LONGEST) {
        match letter {
            _ if letter.is_control() => plain.push(' '),
            '/' | '.' | ' ' => plain.push(letter),
            _ if letter.is_ascii_punctuation() => {
                // Writing to a string cannot fail.
                let _ = write!(plain, "&#{};", u32::from(letter));
            }
            _ => plain.push(letter),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_lists() {
        let items = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(count(1, "stack"), "1 stack");
        assert_eq!(count(0, "stack"), "0 stacks");
        assert_eq!(list(&items[..3], "or"), "a, b or c");
        assert_eq!(some_of(&items, 2), "`a`, `b` and 2 more");
        assert_eq!(some_of(&items[..1], 2), "`a`");
        assert_eq!(line("a\n\u{9b}31m"), "a\u{fffd}\u{fffd}31m");
    }

    #[test]
    fn names_are_no_markdown() {
        assert_eq!(markdown("apps/shop/dev"), "apps/shop/dev");
        assert_eq!(markdown("a|b\n<script>"), "a&#124;b &#60;script&#62;");
        assert_eq!(markdown("[x](http://e.vil) @ann"), "&#91;x&#93;&#40;http&#58;//e.vil&#41; &#64;ann");
        assert_eq!(markdown(&"x".repeat(400)).chars().count(), LONGEST + 1);
    }
}
