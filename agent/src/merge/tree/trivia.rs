//! What stands around nodes, and syntax: three-way, and never a conflict.

use super::comments::{self, Elsewhere};

/// A piece on one line, or syntax: one side's change wins, the operator's before the vendor's.
pub(super) fn plain(base: &str, current: &str, new: &str) -> String {
    let kept = base.trim() == current.trim() && base.trim() != new.trim();
    if kept { new } else { current }.to_owned()
}

/// What stands before a node: lines of comments, and what stands on its own line. The indentation is the operator's.
pub(super) fn lead(base: &str, current: &str, new: &str, elsewhere: &Elsewhere<'_>) -> String {
    let [(base, b), (current, c), (new, n)] = [base, current, new].map(split);
    let mut text = comments::merge(base, current, new, elsewhere);
    text.push_str(&plain(b, c, n));
    text
}

/// Whole lines, and what stands on the node's own line.
fn split(lead: &str) -> (&str, &str) {
    let own = comments::units(lead).pop().filter(|unit| !unit.ends_with('\n'));
    lead.split_at(lead.len() - own.map_or(0, str::len))
}
