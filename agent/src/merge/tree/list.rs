//! Merging the children of a node.

use std::borrow::Cow;

use super::super::align::{self, At, Slot};
use super::super::chunk::{Chunks, Conflict};
use super::super::node::{List, Node, Order};
use super::comments::Elsewhere;
use super::indent::Indent;
use super::occurrences;
use super::trivia;
use super::unit::{self, Unit};
use super::versions;
use super::view::{ListView, View};

/// A unit in the result.
struct Piece {
    before: Chunks,
    separator: Separator,
    after: Chunks,
}

enum Separator {
    /// Not a node: none is needed after it.
    None,
    /// As it is written; empty if it is not.
    Own(String),
    /// Within a conflict, on every side.
    Within,
}

/// Merges lists; base is missing where both sides added the parent. Returns whether anything is in the merged list.
pub(super) fn merge(
    sides: [Option<&ListView<'_>>; 3],
    label: &str,
    indent: &Indent,
    out: &mut Chunks,
) -> bool {
    let [base, current, new] = sides.map(|side| side.map(unit::of).unwrap_or_default());
    let units = [&base.0[..], &current.0, &new.0];
    let lists = [sides[1], sides[2]].map(|side| side.map(|side| side.list));
    let order = lists[0].map_or(Order::Kept, |list| list.order);
    let tokens = unit::tokens(order, units);
    let slots = align::align(order, [&tokens[0], &tokens[1], &tokens[2]]);
    let slots = occurrences::in_turn(order, versions::unite(slots, units), units);
    let leads = current.0.iter().map(|unit| unit.lead).chain([current.1]);
    let elsewhere = Elsewhere::among(leads.filter(|_| order == Order::Loose));
    let shape = Shape::new(sides[1], sides[2], indent, &elsewhere);
    let mut pieces = Vec::with_capacity(slots.len());
    for slot in slots {
        match slot {
            Slot::One(at) => pieces.extend(shape.one(units, &at)),
            Slot::Clash(ranges) => {
                let part = |side: usize| units[side].get(ranges[side].clone()).unwrap_or_default();
                pieces.push(shape.clash([part(0), part(1), part(2)], label));
            }
        }
    }
    if let Some(indent) = shape.own_line.as_deref().filter(|_| shape.opens_within_line) {
        open_within_line(&mut pieces, indent);
    }
    if let Some(gaps) = Gaps::of(sides[1]).or_else(|| Gaps::of(sides[2])) {
        gaps.apply(&mut pieces);
    }
    if ![units[1], units[2]].into_iter().any(ends_blank) {
        let blank = pieces.iter().rev().take_while(|piece| piece.is_blank()).count();
        pieces.truncate(pieces.len() - blank);
    }
    let is_filled = pieces
        .iter()
        .any(|piece| !matches!(piece.separator, Separator::None));
    separate(pieces, lists, out);
    if shape.is_known || new.0.is_empty() {
        out.plain(&trivia::lead(base.1, current.1, new.1, &elsewhere));
    } else {
        out.plain(&indent.apply(new.1, true));
    }
    is_filled
}

/// How the operator's list is laid out, for the vendor's nodes that come into it.
struct Shape<'a> {
    indent: Indent,
    /// The indentation of the operator's nodes, if they begin lines.
    own_line: Option<Cow<'a, str>>,
    /// Whether the operator's first node does not begin a line, but the others do.
    opens_within_line: bool,
    /// Whether the operator has nodes to go by.
    is_known: bool,
    elsewhere: &'a Elsewhere<'a>,
}

impl<'a> Shape<'a> {
    fn new(
        current: Option<&ListView<'a>>,
        new: Option<&ListView<'a>>,
        outer: &Indent,
        elsewhere: &'a Elsewhere<'a>,
    ) -> Self {
        let own_line = current.and_then(ListView::indent);
        let indent = match (new, &own_line) {
            (Some(new), Some(to)) if let Some(from) = new.indent() => outer.between(&from, to),
            (Some(new), _) => outer.below(new),
            (None, _) => outer.clone(),
        };
        Self {
            indent,
            own_line,
            opens_within_line: current.is_some_and(ListView::opens_within_line),
            is_known: current.is_some_and(|current| !current.views.is_empty()),
            elsewhere,
        }
    }

    /// A unit, or nothing where a side removed it and the other did not touch it.
    fn one(&self, units: [&[Unit<'_>]; 3], at: &At) -> Option<Piece> {
        match align::pick(units, at) {
            [base, Some(current), Some(new)] => Some(self.both(base, current, new)),
            [None, Some(current), None] => Some(Self::mine(current)),
            [None, None, Some(new)] => Some(self.its(new)),
            [Some(base), current, new] => self.removed(base, [current, new]),
            [None, None, None] => None,
        }
    }

    fn both(&self, base: Option<&Unit<'_>>, current: &Unit<'_>, new: &Unit<'_>) -> Piece {
        let (Some(mine), Some(its)) = (current.view, new.view) else {
            // Two versions of a comment: the vendor's speaks of the new level.
            let is_same = current.lead.trim() == new.lead.trim();
            return if is_same {
                Self::mine(current)
            } else {
                self.its(new)
            };
        };
        let was = base.and_then(|unit| unit.view);
        let mut before = Chunks::default();
        if mine.indent.is_none() && new.lead.trim().is_empty() {
            before.plain(current.lead);
        } else {
            let its = self.indent.apply(new.lead, its.indent.is_some());
            let was = base.map_or("", |base| base.lead);
            before.plain(&trivia::lead(was, current.lead, &its, self.elsewhere));
        }
        super::body(was, mine, its, &self.indent, &mut before);
        let trail = trivia::plain(
            was.map_or("", |was| was.node.trail),
            mine.node.trail,
            its.node.trail,
        );
        let own = [mine, its]
            .map(|view| view.node.separator)
            .into_iter()
            .find(|own| !own.is_empty());
        Piece::node(before, own.unwrap_or_default(), &trail)
    }

    fn mine(unit: &Unit<'_>) -> Piece {
        let mut before = Chunks::default();
        before.plain(unit.lead);
        let Some(view) = unit.view else {
            return Piece::line(before);
        };
        before.plain(&view.node.body());
        Piece::node(before, view.node.separator, view.node.trail)
    }

    fn its(&self, unit: &Unit<'_>) -> Piece {
        let mut before = Chunks::default();
        let Some(view) = unit.view else {
            before.plain(&self.indent.apply(unit.lead, true));
            return Piece::line(before);
        };
        let (lead, trail) = self.placed(view, unit.lead);
        before.plain(&lead);
        before.plain(&self.indent.body(view));
        Piece::node(before, view.node.separator, &trail)
    }

    /// What stands before and after a node of the vendor's: on a line of its own if the operator's nodes are.
    fn placed(&self, view: &View<'_>, lead: &str) -> (String, String) {
        let trail = view.node.trail;
        match (self.own_line.as_deref(), view.indent) {
            (Some(indent), None) if view.ends_line => (indent.to_owned(), trail.to_owned()),
            (Some(indent), None) => (indent.to_owned(), format!("{trail}\n")),
            (None, Some(_)) if self.is_known && trail.trim().is_empty() && lead.trim().is_empty() => {
                (" ".to_owned(), String::new())
            }
            (Some(indent), Some(_)) => (self.own_line(lead, indent), trail.to_owned()),
            (None, own_line) => (self.indent.apply(lead, own_line.is_some()), trail.to_owned()),
        }
    }

    /// What stands before a node of the vendor's, with the indentation of the operator's.
    fn own_line(&self, lead: &str, indent: &str) -> String {
        let (lines, _) = lead.split_at(lead.rfind('\n').map_or(0, |at| at + 1));
        self.indent.apply(lines, true) + indent
    }

    /// One side or both removed it. A conflict if the other side changed it.
    fn removed(&self, base: &Unit<'_>, [current, new]: [Option<&Unit<'_>>; 2]) -> Option<Piece> {
        let was = base.view?;
        let changed = |unit: &Unit<'_>| unit.view.is_some_and(|view| view.meaning != was.meaning);
        if ![current, new].into_iter().flatten().any(changed) {
            return None;
        }
        let new_text = |unit: &Unit<'_>| self.text(std::slice::from_ref(unit));
        let texts = [
            text(std::slice::from_ref(base)),
            current.map_or_else(String::new, |unit| text(std::slice::from_ref(unit))),
            new.map_or_else(String::new, new_text),
        ];
        let values = [Some(base), current, new]
            .map(|unit| unit.and_then(|unit| unit.view).map(|view| view.node.body()));
        Some(Piece::conflict(was.node.label.clone(), values, texts))
    }

    fn clash(&self, sides: [&[Unit<'_>]; 3], label: &str) -> Piece {
        let [base, current, new] = sides;
        let texts = [text(base), text(current), self.text(new)];
        let values = texts
            .clone()
            .map(|text| Some(text.trim().to_owned()).filter(|text| !text.is_empty()));
        Piece::conflict(label.to_owned(), values, texts)
    }

    /// Units of the vendor's as they come into the operator's list.
    fn text(&self, units: &[Unit<'_>]) -> String {
        let mut text = String::new();
        for unit in units {
            let Some(view) = unit.view else {
                text.push_str(&self.indent.apply(unit.lead, true));
                continue;
            };
            let (lead, trail) = self.placed(view, unit.lead);
            text.push_str(&lead);
            text.push_str(&self.indent.body(view));
            text.push_str(view.node.separator);
            text.push_str(&trail);
        }
        text
    }
}

fn ends_blank(units: &[Unit<'_>]) -> bool {
    units.last().is_some_and(Unit::is_blank)
}

/// Units as they stand.
fn text(units: &[Unit<'_>]) -> String {
    let mut text = String::new();
    for unit in units {
        text.push_str(unit.lead);
        if let Some(view) = unit.view {
            text.push_str(&view.node.body());
            text.push_str(view.node.separator);
            text.push_str(view.node.trail);
        }
    }
    text
}

impl Piece {
    fn line(before: Chunks) -> Self {
        Self {
            before,
            separator: Separator::None,
            after: Chunks::default(),
        }
    }

    fn is_blank(&self) -> bool {
        let is_blank = |text: String| text.trim().is_empty();
        matches!(self.separator, Separator::None) && self.before.clean().is_some_and(is_blank)
    }

    fn node(before: Chunks, separator: &str, trail: &str) -> Self {
        let mut after = Chunks::default();
        after.plain(trail);
        Self {
            before,
            separator: Separator::Own(separator.to_owned()),
            after,
        }
    }

    fn conflict(path: String, values: [Option<String>; 3], texts: [String; 3]) -> Self {
        let mut before = Chunks::default();
        before.conflict(Conflict {
            path,
            line: None,
            values,
            texts,
        });
        Self {
            before,
            separator: Separator::Within,
            after: Chunks::default(),
        }
    }
}

/// The spaces between nodes of one line.
struct Gaps<'a> {
    first: &'a str,
    other: &'a str,
}

impl<'a> Gaps<'a> {
    /// As a list has them; `None` if it is not on one line, or too short to tell. Those around text say something.
    fn of(list: Option<&ListView<'a>>) -> Option<Self> {
        let views = &list.filter(|list| list.list.order != Order::Loose)?.views;
        let [first, second] = [views.first()?, views.get(1)?].map(|view| view.node.lead);
        let is_gap = |view: &View<'_>| {
            let Node { lead, trail, .. } = view.node;
            view.indent.is_none() && lead.trim_matches(' ').is_empty() && trail.is_empty()
        };
        views.iter().all(is_gap).then_some(Self { first, other: second })
    }

    fn apply(&self, pieces: &mut [Piece]) {
        for (number, piece) in pieces.iter_mut().enumerate() {
            let gap = if number == 0 { self.first } else { self.other };
            piece.before.edit_start(|text| {
                if !text.is_empty() {
                    *text = format!("{gap}{}", text.trim_start_matches(' '));
                }
            });
        }
    }
}

/// Puts the first piece on the line that opens the list, and every other on a line of its own.
fn open_within_line(pieces: &mut [Piece], indent: &str) {
    for (number, piece) in pieces.iter_mut().enumerate() {
        piece.before.edit_start(|text| {
            if number == 0 {
                *text = text.trim_start_matches([' ', '\t']).to_owned();
            } else if !text.is_empty() && !text.starts_with([' ', '\t', '\r', '\n']) {
                text.insert_str(0, indent);
            }
        });
    }
}

/// Writes the pieces with separators between them; after the last as the operator has it.
fn separate(pieces: Vec<Piece>, lists: [Option<&List<'_>>; 2], out: &mut Chunks) {
    let mut lists = lists.into_iter().flatten();
    let wanted = lists.clone().next().map_or("", |list| list.separator);
    let at_end = lists
        .find_map(|list| list.nodes.last())
        .is_some_and(|last| !last.separator.is_empty());
    let last = pieces
        .iter()
        .rposition(|piece| !matches!(piece.separator, Separator::None));
    for (number, piece) in pieces.into_iter().enumerate() {
        out.append(piece.before);
        if let Separator::Own(own) = piece.separator
            && (Some(number) != last || at_end)
        {
            out.plain(if own.is_empty() { wanted } else { &own });
        }
        out.append(piece.after);
    }
}
