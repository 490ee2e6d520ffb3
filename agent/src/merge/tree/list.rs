//! Merging the children of a node.

use super::super::align::{self, At, Slot, Token};
use super::super::chunk::{Chunks, Conflict};
use super::super::identity;
use super::super::node::{Key, Node, Order};
use super::trivia;
use super::view::{ListView, View};

/// A child in the result.
struct Piece {
    before: Chunks,
    /// The separator it brings, or `None` if separators are within it.
    separator: Option<String>,
    after: Chunks,
}

/// Merges lists; base is missing where both sides added the parent.
pub(super) fn merge(sides: [Option<&ListView<'_, '_>>; 3], parent: &View<'_, '_>, out: &mut Chunks) {
    let views = sides.map(|side| side.map_or(&[][..], |side| side.views.as_slice()));
    let order = sides
        .into_iter()
        .flatten()
        .map(|side| side.list.order)
        .next_back()
        .unwrap_or(Order::Kept);
    let tokens = tokens(order, views);
    let slots = align::align(order, [&tokens[0], &tokens[1], &tokens[2]]);
    let mut pieces = Vec::with_capacity(slots.len());
    for slot in slots {
        match slot {
            Slot::One(at) => pieces.extend(one(views, &at)),
            Slot::Clash(ranges) => {
                let part = |side: usize| views[side].get(ranges[side].clone()).unwrap_or_default();
                pieces.push(clash([part(0), part(1), part(2)], &parent.node.label));
            }
        }
    }
    let close = sides.map(|side| side.map_or("", |side| side.list.close));
    separate(pieces, sides, out);
    out.plain(&trivia::lead(close[0], close[1], close[2]));
}

fn tokens(order: Order, views: [&[View<'_, '_>]; 3]) -> [Vec<Token>; 3] {
    let field = |view: &View<'_, '_>, key: &str| {
        let named = |child: &&Node<'_>| matches!(&child.key, Key::Named(name) if name == key);
        let child = view.node.children().iter().find(named)?;
        child.scalar().map(str::to_owned)
    };
    let is_map = |view: &View<'_, '_>| {
        view.node.key == Key::Item && view.list(0).is_some_and(|list| list.list.order == Order::Free)
    };
    let key = match order {
        Order::Free => None,
        Order::Kept => identity::common(views, is_map, field),
    };
    let mut names = align::Interner::default();
    let mut tokens = views.map(|side| {
        let token = |view: &View<'_, '_>| match &view.node.key {
            Key::Named(name) => Token::Named(names.id(name.clone())),
            Key::Item => match key.and_then(|key| field(view, key)) {
                Some(id) => Token::Named(names.id(id)),
                None => Token::Content(view.meaning),
            },
        };
        side.iter().map(token).collect::<Vec<_>>()
    });
    align::demote_duplicates(&mut tokens, |side, at| {
        views[side].get(at).map_or(0, |view| view.meaning)
    });
    tokens
}

/// A child, or nothing where a side removed it and the other did not touch it.
fn one(views: [&[View<'_, '_>]; 3], at: &At) -> Option<Piece> {
    match align::pick(views, at) {
        [base, Some(current), Some(new)] => Some(both(base, current, new)),
        [Some(base), Some(only), None] | [Some(base), None, Some(only)] if base.meaning == only.meaning => {
            None
        }
        [Some(base), Some(current), None] => Some(removed(base, [Some(current), None])),
        [Some(base), None, Some(new)] => Some(removed(base, [None, Some(new)])),
        [None, Some(only), None] | [None, None, Some(only)] => Some(alone(only)),
        [_, None, None] => None,
    }
}

fn both(base: Option<&View<'_, '_>>, current: &View<'_, '_>, new: &View<'_, '_>) -> Piece {
    let mut before = Chunks::default();
    super::head(base, current, new, &mut before);
    super::body(base, current, new, &mut before);
    let was = base.map_or("", |base| base.node.trail);
    let mut after = Chunks::default();
    after.plain(&trivia::plain(was, current.node.trail, new.node.trail));
    let separator = [current, new]
        .map(|view| view.node.separator)
        .into_iter()
        .find(|text| !text.is_empty());
    Piece {
        before,
        separator: Some(separator.unwrap_or_default().to_owned()),
        after,
    }
}

fn alone(view: &View<'_, '_>) -> Piece {
    let mut piece = Piece {
        before: Chunks::default(),
        separator: Some(view.node.separator.to_owned()),
        after: Chunks::default(),
    };
    piece.before.plain(view.node.lead);
    piece.before.plain(&view.node.body());
    piece.after.plain(view.node.trail);
    piece
}

/// One side removed what the other changed.
fn removed(base: &View<'_, '_>, [current, new]: [Option<&View<'_, '_>>; 2]) -> Piece {
    let sides = [Some(base), current, new];
    conflict(Conflict {
        path: base.node.label.clone(),
        values: sides.map(|view| view.map(|view| view.node.body())),
        texts: sides.map(|view| view.map_or_else(String::new, |view| view.node.text())),
    })
}

fn clash(sides: [&[View<'_, '_>]; 3], path: &str) -> Piece {
    let texts = sides.map(|views| views.iter().map(|view| view.node.text()).collect::<String>());
    conflict(Conflict {
        path: path.to_owned(),
        values: texts
            .clone()
            .map(|text| Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        texts,
    })
}

fn conflict(conflict: Conflict) -> Piece {
    let mut before = Chunks::default();
    before.conflict(conflict);
    Piece {
        before,
        separator: None,
        after: Chunks::default(),
    }
}

/// Writes the pieces with separators between them; after the last as the operator has it.
fn separate(pieces: Vec<Piece>, sides: [Option<&ListView<'_, '_>>; 3], out: &mut Chunks) {
    let [_, current, new] = sides;
    let list = [current, new].into_iter().flatten().map(|side| side.list);
    let wanted = list.clone().next().map_or("", |list| list.separator);
    let at_end = list
        .filter_map(|list| list.nodes.last())
        .next()
        .is_some_and(|last| !last.separator.is_empty());
    let last = pieces.len().saturating_sub(1);
    for (number, piece) in pieces.into_iter().enumerate() {
        out.append(piece.before);
        if let Some(own) = piece.separator
            && (number < last || at_end)
        {
            out.plain(if own.is_empty() { wanted } else { &own });
        }
        out.append(piece.after);
    }
}
