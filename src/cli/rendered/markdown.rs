//! Changes for comments on pull requests: counts first, details folded, and never too long.

use super::text::sign;
use super::value::{lines, shown};
use super::{resources, short, summary};
use crate::apply::change_set::{ChangeSet, StackDiff};
use crate::apply::diff::Field;
use crate::cli::text::{count, line, markdown as markdown_text};

/// What differs as markdown of at most `most` bytes: stacks that do not fit are counted.
pub(crate) fn markdown(set: &ChangeSet, diffs: &[StackDiff], most: usize) -> String {
    let mut text = head(set);
    if diffs.is_empty() && set.failed.is_empty() {
        text.push_str("\nNothing would change.\n");
    }
    if !set.failed.is_empty() {
        let failed = set.failed.iter().take(20).map(|path| format!("- {}\n", code(path)));
        text.push_str("\nThese stacks fail, so it is not known how they differ:\n\n");
        text.extend(failed);
        if let Some(more @ 1..) = set.failed.len().checked_sub(20) {
            text.push_str(&format!("- and {more} more\n"));
        }
    }
    let mut left = 0;
    for diff in diffs {
        let details = stack(diff, true);
        let fits = |part: &str, text: &str| text.len() + part.len() + 100 <= most;
        if left == 0 && fits(&details, &text) {
            text.push_str(&details);
            continue;
        }
        let brief = stack(diff, false);
        if left == 0 && fits(&brief, &text) {
            text.push_str(&brief);
        } else {
            left += 1;
        }
    }
    if left > 0 {
        text.push_str(&format!("\n{} more, see `konfig preview`.\n", count(left, "stack")));
    }
    text
}

fn head(set: &ChangeSet) -> String {
    let commit = |id: &Option<String>, otherwise: &str| {
        id.as_ref().map_or_else(|| otherwise.to_owned(), |id| code(&id[..id.len().min(10)]))
    };
    let (base, head) = (commit(&set.base, "the last build"), commit(&set.head, "the working tree"));
    format!("### Konfig: what would change\n\n**{}**\n\nFrom {base} to {head}.\n", summary(set))
}

/// A stack, folded; its fields too, if there is room.
fn stack(diff: &StackDiff, detailed: bool) -> String {
    let change = &diff.change;
    let counted = count(change.resources.len(), "resource");
    let title = format!(
        "{} <code>{}</code> {}, {counted}",
        sign(change.status).0,
        markdown_text(&change.path),
        change.status.word()
    );
    let mut body = String::new();
    for (resource, fields) in resources(diff) {
        let mark = sign(resource.status).0;
        body.push_str(&format!("{mark} {}\n", line(&resource.id)));
        if !detailed {
            continue;
        }
        match fields {
            Some(fields) => fields.iter().for_each(|it| field(it, &mut body)),
            None => body.extend(resource.fields.iter().map(|path| format!("    {}\n", line(short(path))))),
        }
    }
    let fence = fence(&body);
    format!("\n<details><summary>{title}</summary>\n\n{fence}diff\n{body}{fence}\n</details>\n")
}

/// Lines that start with `-` and `+` have colours in a block of this kind.
fn field(field: &Field, body: &mut String) {
    let path = field.path.to_string();
    let path = line(short(&path));
    let long =
        field.before.as_ref().zip(field.after.as_ref()).and_then(|(before, after)| lines(before, after));
    if let Some((before, after)) = long {
        body.push_str(&format!("    {path}:\n"));
        for (mark, lines) in [("-", before), ("+", after)] {
            lines.iter().take(12).for_each(|text| body.push_str(&format!("{mark}       {}\n", line(text))));
            if lines.len() > 12 {
                body.push_str(&format!("{mark}       … {} more\n", lines.len() - 12));
            }
        }
        return;
    }
    if let Some(before) = &field.before {
        body.push_str(&format!("-   {path}: {}\n", shown(before)));
    }
    if let Some(after) = &field.after {
        body.push_str(&format!("+   {path}: {}\n", shown(after)));
    }
}

/// More backticks than stand anywhere in a text, three at least.
fn fence(body: &str) -> String {
    let longest = body.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Text between backticks.
fn code(text: &str) -> String {
    format!("<code>{}</code>", markdown_text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_stay_in_their_blocks() {
        assert_eq!(line("a\nb"), "a\u{fffd}b");
        assert_eq!(fence("a ```` b"), "`````");
        assert_eq!(fence("a"), "```");
    }
}
