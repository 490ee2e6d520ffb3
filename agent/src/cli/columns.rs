//! Three texts beside each other, as wide as the terminal.

/// The narrowest column that can still be read.
const NARROWEST: usize = 8;
const GAP: &str = " | ";

/// Lines of at most `width` characters, unless that leaves nothing for a column. A value that is missing is `absent`.
pub fn columns(width: usize, heads: [&str; 3], cells: [Option<&str>; 3]) -> Vec<String> {
    let each = (width.saturating_sub(2 * GAP.len()) / 3).max(NARROWEST);
    let rule = "-".repeat(each);
    let wrapped = cells.map(|cell| wrap(cell.unwrap_or("(absent)"), each));
    let rows = wrapped.iter().map(Vec::len).max().unwrap_or_default();
    let row = |cells: [&str; 3]| {
        let padded = cells.map(|cell| format!("{cell:<each$}"));
        padded.join(GAP).trim_end().to_owned()
    };
    let body = (0..rows).map(|at| {
        row(wrapped
            .each_ref()
            .map(|lines| lines.get(at).map_or("", String::as_str)))
    });
    let heads = heads.map(|head| head.chars().take(each).collect::<String>());
    let heads = heads.each_ref().map(String::as_str);
    [row(heads), row([&rule; 3])].into_iter().chain(body).collect()
}

/// A text in lines of at most so many characters. Control characters must not reach a terminal.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let clean = line
            .trim_end()
            .replace('\t', "    ")
            .replace(|c: char| c.is_control(), "?");
        let characters: Vec<char> = clean.chars().collect();
        lines.extend(
            characters
                .chunks(width)
                .map(|part| part.iter().collect::<String>()),
        );
        if characters.is_empty() {
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_stand_beside_each_other_and_long_ones_are_wrapped() {
        let lines = columns(
            42,
            ["was", "yours", "new"],
            [Some("1"), None, Some("abcdefghijklmnop\nx\u{1b}[2J")],
        );
        let expected = [
            "was          | yours        | new",
            "------------ | ------------ | ------------",
            "1            | (absent)     | abcdefghijkl",
            "             |              | mnop",
            "             |              | x?[2J",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 31..200 {
            let long = "ä".repeat(500);
            let lines = columns(width, ["was"; 3], [Some(&long), Some("b"), Some(&long)]);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}");
        }
        assert!(!columns(0, ["was"; 3], [Some("abc"); 3]).is_empty());
    }
}
