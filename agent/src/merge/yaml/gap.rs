//! Where things begin and end in the text between YAML's nodes: there are only spaces, comments and indicators.

/// The next place that is neither space nor comment.
pub(super) fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let space = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        at += space;
        if !rest[space..].starts_with('#') {
            return at;
        }
        at += line(&rest[space..]).len();
    }
}

/// Its first line with the line's end.
fn line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

/// The end of the line, with its line break, if nothing but spaces and a comment stand on it from here.
pub(super) fn rest_of_line(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let word = rest.trim_start_matches([' ', '\t', '\r']);
    let ends = word.is_empty() || word.starts_with(['\n', '#']);
    ends.then(|| at + rest.len() - word.len() + line(word).len())
}

/// Whether a place is the beginning of a line.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    text.get(..at)
        .is_none_or(|before| before.is_empty() || before.ends_with('\n'))
}

/// How far from its line's beginning a place is.
pub(super) fn column(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
    line.chars().count()
}

/// How much of a gap is set apart from what follows by a blank line.
pub(super) fn paragraphs(gap: &str) -> usize {
    let mut end = 0;
    let mut apart = 0;
    for line in gap.split_inclusive('\n') {
        end += line.len();
        if line.ends_with('\n') && line.trim().is_empty() {
            apart = end;
        }
    }
    apart
}

/// How much of a gap are comments that stand at this column or deeper, with the blank lines before them.
pub(super) fn comments(gap: &str, column: usize) -> usize {
    let mut end = 0;
    let mut comments = 0;
    for line in gap.split_inclusive('\n') {
        end += line.len();
        let word = line.trim_start();
        if word.is_empty() {
            continue;
        }
        if line.len() - word.len() < column || !word.starts_with('#') {
            break;
        }
        comments = end;
    }
    comments
}

/// Where a block scalar ends that begins with its header and has not more than up to `limit`: before its last line break.
/// The blank lines after it belong to it only if it keeps them.
pub(super) fn block_scalar_end(text: &str, start: usize, limit: usize) -> usize {
    let whole = text.get(start..limit.max(start)).unwrap_or_default();
    let header = line(text.get(start..).unwrap_or_default());
    let keeps = header
        .split('#')
        .next()
        .is_some_and(|indicators| indicators.contains('+'));
    let lines = match whole.rfind('\n') {
        Some(end) if whole[end..].trim().is_empty() => &whole[..end],
        _ => whole,
    };
    let kept = if keeps { lines } else { without_blank_lines(lines) };
    start
        + kept
            .trim_end_matches('\r')
            .len()
            .max(header.trim_end_matches(['\r', '\n']).len())
}

fn without_blank_lines(mut text: &str) -> &str {
    while let Some(end) = text.rfind('\n')
        && text[end..].trim().is_empty()
    {
        text = &text[..end];
    }
    text
}
