//! Merging three trees by meaning. Children are matched by [`align`]; what one side alone changed is that side's, what both
//! changed is merged deeper down, and what cannot be is a conflict. Comments, layout and order are the operator's, with
//! what the vendor changed of them.

mod list;
mod trivia;
mod view;

use super::chunk::{Chunks, Conflict};
use super::node::{Node, Part};
use view::{Meanings, View};

/// Merges three trees. `current` is the operator's side, `new` the vendor's.
pub fn merge(base: &Node<'_>, current: &Node<'_>, new: &Node<'_>) -> Chunks {
    let mut meanings = Meanings::default();
    let [base, current, new] = [base, current, new].map(|node| View::new(node, &mut meanings));
    let mut out = Chunks::default();
    node(Some(&base), &current, &new, &mut out);
    out
}

/// One node that both sides have.
fn node(base: Option<&View<'_, '_>>, current: &View<'_, '_>, new: &View<'_, '_>, out: &mut Chunks) {
    head(base, current, new, out);
    body(base, current, new, out);
    let [b, c, n] = [base.map(|base| base.node), Some(current.node), Some(new.node)]
        .map(|node| node.map_or(("", ""), |node| (node.separator, node.trail)));
    out.plain(&trivia::plain(b.0, c.0, n.0));
    out.plain(&trivia::plain(b.1, c.1, n.1));
}

/// What stands before a node.
fn head(base: Option<&View<'_, '_>>, current: &View<'_, '_>, new: &View<'_, '_>, out: &mut Chunks) {
    let base = base.map_or("", |base| base.node.lead);
    out.plain(&trivia::lead(base, current.node.lead, new.node.lead));
}

fn body(base: Option<&View<'_, '_>>, current: &View<'_, '_>, new: &View<'_, '_>, out: &mut Chunks) {
    let (mine, its) = (current.node.body(), new.node.body());
    let was = base.map(|base| base.node.body());
    if mine == its || was.as_ref() == Some(&its) {
        out.plain(&mine);
    } else if was.as_ref() == Some(&mine) {
        out.plain(&its);
    } else if current.is_like(new) {
        let base = base.filter(|base| base.is_like(current));
        parts(base, current, new, out);
    } else {
        match base {
            Some(base) if base.meaning == new.meaning => out.plain(&mine),
            Some(base) if base.meaning == current.meaning => out.plain(&its),
            _ => out.conflict(Conflict {
                path: current.node.label.clone(),
                values: [was.clone(), Some(mine.clone()), Some(its.clone())],
                texts: [was.unwrap_or_default(), mine, its],
            }),
        }
    }
}

/// Parts of the same kinds, one by one.
fn parts(base: Option<&View<'_, '_>>, current: &View<'_, '_>, new: &View<'_, '_>, out: &mut Chunks) {
    let mut lists = 0;
    for (number, (mine, its)) in current.node.parts.iter().zip(&new.node.parts).enumerate() {
        let was = base.and_then(|base| base.node.parts.get(number));
        match (was, mine, its) {
            (Some(Part::Syntax(was)), Part::Syntax(mine), Part::Syntax(its)) => {
                out.plain(&trivia::plain(was, mine, its));
            }
            (_, Part::Syntax(mine), _) => out.plain(mine),
            (_, Part::Value(mine), Part::Value(its)) => {
                let was = match was {
                    Some(Part::Value(was)) => Some(was),
                    _ => None,
                };
                if mine.meaning == its.meaning || was.is_some_and(|was| was.meaning == its.meaning) {
                    out.plain(mine.text);
                } else if was.is_some_and(|was| was.meaning == mine.meaning) {
                    out.plain(its.text);
                } else {
                    let texts = [was.map_or("", |was| was.text), mine.text, its.text];
                    out.conflict(Conflict {
                        path: current.node.label.clone(),
                        values: [
                            was.map(|was| was.text.to_owned()),
                            Some(mine.text.to_owned()),
                            Some(its.text.to_owned()),
                        ],
                        texts: texts.map(str::to_owned),
                    });
                }
            }
            (_, Part::List(_), Part::List(_)) => {
                let sides =
                    [base, Some(current), Some(new)].map(|view| view.and_then(|view| view.list(lists)));
                list::merge(sides, current, out);
                lists += 1;
            }
            // `is_like` says that parts are of the same kinds.
            (_, Part::Value(_) | Part::List(_), _) => {}
        }
    }
}
