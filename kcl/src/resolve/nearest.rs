//! Names that resemble a name, for "did you mean".

/// Longer names are not guessed at: that would take as long as they are, squared.
const MAX_BYTES: usize = 200;

/// The candidate that is nearest to a name, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_BYTES {
        return None;
    }
    let limit = (name.chars().count() / 3).max(1);
    let scored = candidates.into_iter().filter_map(|other| Some((distance(name, other, limit)?, other)));
    scored.filter(|(_, other)| *other != name).min().map(|(_, other)| other)
}

/// How many characters have to be added, dropped, replaced or swapped with their neighbour to get from one to the
/// other; `None` where they are more than the limit.
fn distance(one: &str, other: &str, limit: usize) -> Option<usize> {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, left) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(left != right);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == other[j - 1] && one[i - 1] == *right {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        if row.iter().all(|steps| *steps > limit) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().filter(|steps| *steps <= limit)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_meant() {
        assert_eq!(nearest("nmber", ["name", "number", "numb"]), Some("number"));
        assert_eq!(nearest("image", ["replicas", "ports"]), None);
        assert_eq!(nearest("nmae", ["name"]), Some("name"));
    }
}
