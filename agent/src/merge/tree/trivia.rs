//! Comments, blank lines and syntax: three-way, and never a conflict.

use std::collections::HashSet;

/// A piece on one line, or syntax: one side's change wins, the operator's before the vendor's.
pub(super) fn plain(base: &str, current: &str, new: &str) -> String {
    let kept = base.trim() == current.trim() && base.trim() != new.trim();
    if kept { new } else { current }.to_owned()
}

/// What stands before a node: lines, and its indentation, which is the operator's.
pub(super) fn lead(base: &str, current: &str, new: &str) -> String {
    let [(base, _), (current, indent), (new, _)] = [base, current, new].map(split);
    let mut text = lines(base, current, new);
    text.push_str(indent);
    text
}

/// The lines, and the indentation after them.
fn split(lead: &str) -> (&str, &str) {
    lead.split_at(lead.rfind('\n').map_or(0, |at| at + 1))
}

/// Comment lines and blank lines. What both sides changed comes out as the operator's and the vendor's new lines.
pub(super) fn lines(base: &str, current: &str, new: &str) -> String {
    if same(current, new) || same(base, new) {
        return current.to_owned();
    }
    if same(base, current) {
        return new.to_owned();
    }
    let known: HashSet<&str> = base.lines().chain(current.lines()).map(str::trim).collect();
    let mut text = current.to_owned();
    for line in new
        .split_inclusive('\n')
        .filter(|line| !known.contains(line.trim()))
    {
        text.push_str(line);
    }
    text
}

fn same(a: &str, b: &str) -> bool {
    a.lines().map(str::trim).eq(b.lines().map(str::trim))
}
