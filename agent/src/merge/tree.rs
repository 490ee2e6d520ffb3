//! Merging three trees by meaning. Children are matched by [`align`]; what one side alone changed is that side's, what both
//! changed is merged deeper down, and what cannot be is a conflict. Comments, layout and order are the operator's, with
//! what the vendor changed of them.

mod comments;
mod indent;
mod list;
mod occurrences;
mod trivia;
mod unit;
mod versions;
mod view;

use super::chunk::{Chunks, Conflict};
use super::node::{Node, Part, Value};
use super::text;
use comments::Elsewhere;
use indent::Indent;
use view::{Reader, View};

/// Merges three trees. `current` is the operator's side, `new` the vendor's.
pub fn merge(base: &Node<'_>, current: &Node<'_>, new: &Node<'_>) -> Chunks {
    let mut reader = Reader::default();
    let [base, current, new] = [base, current, new].map(|node| View::of(node, &mut reader));
    let indent = Indent::new([new.step(), current.step()]);
    let mut out = Chunks::default();
    let side = |side: fn(&Node<'_>) -> String| [&base, &current, &new].map(|view| side(view.node));
    let [b, c, n] = side(|node| node.lead.to_owned());
    out.plain(&trivia::lead(&b, &c, &n, &Elsewhere::default()));
    body(Some(&base), &current, &new, &indent, &mut out);
    let [b, c, n] = side(|node| node.separator.to_owned() + node.trail);
    out.plain(&comments::merge(&b, &c, &n, &Elsewhere::default()));
    out
}

/// What stands between lead and trail of a node that both sides have.
fn body(base: Option<&View<'_>>, current: &View<'_>, new: &View<'_>, outer: &Indent, out: &mut Chunks) {
    let indent = match (new.indent, current.indent) {
        (Some(from), Some(to)) => outer.between(from, to),
        _ => outer.clone(),
    };
    let mine = || current.node.body();
    let its = || indent.body(new);
    let was = base.map(|base| (base.body, base.meaning));
    if current.body == new.body || was.is_some_and(|(body, _)| body == new.body) {
        out.plain(&mine());
    } else if was.is_some_and(|(body, _)| body == current.body) {
        out.plain(&its());
    } else if current.is_like(new) && base.is_none_or(|base| base.is_like(current)) {
        parts(base, current, new, &indent, out);
    } else if was.is_some_and(|(_, meaning)| meaning == new.meaning) {
        out.plain(&mine());
    } else if was.is_some_and(|(_, meaning)| meaning == current.meaning) {
        out.plain(&its());
    } else {
        let texts = [base.map(|base| base.node.body()), Some(mine()), Some(its())];
        out.conflict(Conflict {
            path: current.node.label.clone(),
            line: None,
            values: texts.clone(),
            texts: texts.map(Option::unwrap_or_default),
        });
    }
}

/// Parts of the same kinds, one by one.
fn parts(base: Option<&View<'_>>, current: &View<'_>, new: &View<'_>, indent: &Indent, out: &mut Chunks) {
    let contents = contents(base, current, new, indent);
    // What stands around nothing may be written so that nothing can stand in it: `<a/>`, a key without a sign after it.
    let is_filled = contents.last().is_some_and(|(_, is_filled)| *is_filled);
    let [mine_fits, its_fits] = [current, new].map(|side| !is_filled || !is_empty(side));
    let mut contents = contents.into_iter().map(|(merged, _)| merged);
    for (number, (mine, its)) in current.node.parts.iter().zip(&new.node.parts).enumerate() {
        let was = base.and_then(|base| base.node.parts.get(number));
        match (was, mine, its) {
            (_, Part::Syntax(mine), Part::Syntax(its)) if mine_fits != its_fits => {
                out.plain(if mine_fits { mine } else { its });
            }
            (Some(Part::Syntax(was)), Part::Syntax(mine), Part::Syntax(its)) => {
                out.plain(&trivia::plain(was, mine, its));
            }
            (_, Part::Syntax(mine), _) => out.plain(mine),
            (_, Part::Value(_) | Part::List(_), _) => out.append(contents.next().unwrap_or_default()),
        }
    }
}

/// The values and lists of a node, and whether anything is in them.
fn contents(
    base: Option<&View<'_>>,
    current: &View<'_>,
    new: &View<'_>,
    indent: &Indent,
) -> Vec<(Chunks, bool)> {
    let mut contents = Vec::new();
    let mut lists = 0;
    for (number, (mine, its)) in current.node.parts.iter().zip(&new.node.parts).enumerate() {
        let mut merged = Chunks::default();
        let is_filled = match (mine, its) {
            (Part::Value(mine), Part::Value(its)) => {
                let was = match base.and_then(|base| base.node.parts.get(number)) {
                    Some(Part::Value(was)) => Some(was),
                    _ => None,
                };
                value(was, mine, its, &current.node.label, indent, &mut merged);
                merged.iter().next().is_some()
            }
            (Part::List(_), _) => {
                let sides = [base, Some(current), Some(new)];
                let sides = sides.map(|view| view.and_then(|view| view.list(lists)));
                lists += 1;
                list::merge(sides, &current.node.label, indent, &mut merged)
            }
            // Both have parts of the same kinds.
            (Part::Syntax(_) | Part::Value(_), _) => continue,
        };
        contents.push((merged, is_filled));
    }
    contents
}

/// Whether nothing is in what a node holds last.
fn is_empty(view: &View<'_>) -> bool {
    let content = view.node.parts.iter().rev().find_map(|part| match part {
        Part::Syntax(_) => None,
        Part::Value(value) => Some(value.text.is_empty()),
        Part::List(list) => Some(list.nodes.is_empty()),
    });
    content.unwrap_or(false)
}

fn value(
    was: Option<&Value<'_>>,
    mine: &Value<'_>,
    its: &Value<'_>,
    label: &str,
    indent: &Indent,
    out: &mut Chunks,
) {
    let unchanged = |side: &Value<'_>| was.is_some_and(|was| was.meaning == side.meaning);
    let its_text = if its.verbatim {
        its.text.to_owned()
    } else {
        indent.apply(its.text, false)
    };
    if mine.meaning == its.meaning || unchanged(its) {
        out.plain(mine.text);
    } else if unchanged(mine) {
        out.plain(&its_text);
    } else if let Some(merged) = was.and_then(|was| text::merge_values([was.text, mine.text, &its_text])) {
        out.plain(&merged);
    } else {
        let texts = [
            was.map(|was| was.text.to_owned()),
            Some(mine.text.to_owned()),
            Some(its_text),
        ];
        out.conflict(Conflict {
            path: label.to_owned(),
            line: None,
            values: texts.clone(),
            texts: texts.map(Option::unwrap_or_default),
        });
    }
}
