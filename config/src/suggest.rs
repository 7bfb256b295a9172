//! "Did you mean": the nearest of the names that would have been right.

/// More names than this are not listed; a suggestion alone is shown then.
const LISTED_MAX: usize = 30;

/// The nearest of `known`, if it is near enough to be meant.
pub fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(found);
    if wanted.is_empty() {
        return None;
    }
    let near = |name: &str| {
        let distance = distance(&wanted, &plain(name));
        // A third of the letters may be wrong; of very short names none but the case.
        (distance <= wanted.chars().count() / 3).then_some(distance)
    };
    let (_, name) = known
        .iter()
        .filter_map(|name| Some((near(name)?, *name)))
        .min_by_key(|(distance, _)| *distance)?;
    Some(name)
}

/// The help line for a name that is not known; `what` says what is listed ("keys", "values").
pub(crate) fn help(found: &str, known: &[&str], what: &str) -> String {
    if known.is_empty() {
        return format!("there are no {what} here; delete it");
    }
    let list = known
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let list = (known.len() <= LISTED_MAX).then(|| format!("known {what}: {list}"));
    let meant = nearest(found, known).map(|name| format!("did you mean `{name}`?"));
    match (meant, list) {
        (Some(meant), Some(list)) => format!("{meant} {list}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => format!("delete it, or look the {what} up in the component's README"),
    }
}

/// Edits between two words, where exchanging two neighbours counts once.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let width = right.len() + 1;
    let mut cells: Vec<usize> = vec![0; (left.len() + 1) * width];
    let cell = |row: usize, column: usize| row * width + column;
    for row in 0..=left.len() {
        for column in 0..=right.len() {
            let at = cell(row, column);
            if row == 0 || column == 0 {
                cells[at] = row.max(column);
                continue;
            }
            let same = left[row - 1] == right[column - 1];
            let mut best = cells[cell(row - 1, column - 1)] + usize::from(!same);
            best = best
                .min(cells[cell(row - 1, column)] + 1)
                .min(cells[cell(row, column - 1)] + 1);
            let exchanged =
                row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1];
            if exchanged {
                best = best.min(cells[cell(row - 2, column - 2)] + 1);
            }
            cells[at] = best;
        }
    }
    cells.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_typing_error_is_recognised_and_a_different_word_is_not() {
        let known = ["endpoint", "tls", "sending_queue", "timeout"];

        assert_eq!(nearest("endpont", &known), Some("endpoint"));
        assert_eq!(nearest("sendingQueue", &known), Some("sending_queue"));
        assert_eq!(nearest("TLS", &known), Some("tls"));
        assert_eq!(nearest("tmieout", &known), Some("timeout"));
        assert_eq!(nearest("compression", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
