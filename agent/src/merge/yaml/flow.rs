//! Collections in brackets, which may stand on one line or on many.

use super::super::ParseError;
use super::super::node::{Key, List, Node, Order, Part};
use super::ast::{Content, Located, Shape};
use super::gap;
use super::spans::{Cutter, Within, below, node};

impl<'s> Cutter<'s> {
    /// A collection in brackets; says no, and cuts nothing, if it is written in a way that is not taken apart here, such as
    /// a comment before a comma.
    pub fn flow(&mut self, value: &Located<'s>, from: usize, label: &str, parts: &mut Vec<Part<'s>>) -> bool {
        let (at, known) = (self.at, parts.len());
        let is_cut = self.flow_parts(value, from, label, parts).is_ok();
        if !is_cut {
            self.at = at;
            parts.truncate(known);
        }
        is_cut
    }

    fn flow_parts(
        &mut self,
        value: &Located<'s>,
        from: usize,
        label: &str,
        parts: &mut Vec<Part<'s>>,
    ) -> Result<(), ParseError> {
        self.open(value, from, parts)?;
        let inside = value.at.start + 1;
        let rest = gap::rest_of_line(self.text, inside).filter(|end| *end < value.at.end);
        parts.push(Part::Syntax(self.take(rest.unwrap_or(inside))?));
        let close = value.at.end.saturating_sub(1);
        let (order, nodes) = match &value.content {
            Content::Map(Shape::Flow, entries) => (Order::Free, self.flow_map(entries, label)?),
            Content::Sequence(Shape::Flow, items) => (Order::Kept, self.flow_sequence(items, label)?),
            _ => return Err(ParseError::new(value.at.start, "not in brackets")),
        };
        parts.push(Part::List(List {
            order,
            separator: ",",
            nodes,
            close: self.take(close)?,
        }));
        parts.push(Part::Syntax(self.take(value.at.end)?));
        Ok(())
    }

    fn flow_map(
        &mut self,
        entries: &[(Located<'s>, Located<'s>)],
        label: &str,
    ) -> Result<Vec<Node<'s>>, ParseError> {
        let mut nodes = Vec::with_capacity(entries.len());
        for ((key, value), name) in entries.iter().zip(super::keys(entries)) {
            let lead = self.take(self.next_thing())?;
            let from = self.after_key(key)?;
            let label = below(label, &name);
            nodes.push(self.flow_node(lead, value, from, node(Key::Named(name), label))?);
        }
        Ok(nodes)
    }

    fn flow_sequence(&mut self, items: &[Located<'s>], label: &str) -> Result<Vec<Node<'s>>, ParseError> {
        let mut nodes = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let lead = self.take(self.next_thing())?;
            let label = format!("{label}[{index}]");
            nodes.push(self.flow_node(lead, item, self.at, node(Key::Item, label))?);
        }
        Ok(nodes)
    }

    fn flow_node(
        &mut self,
        lead: &'s str,
        value: &Located<'s>,
        from: usize,
        mut node: Node<'s>,
    ) -> Result<Node<'s>, ParseError> {
        node.lead = lead;
        self.value(
            value,
            from,
            &Within {
                column: None,
                label: &node.label,
            },
            &mut node.parts,
        )?;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let space = rest.len() - rest.trim_start().len();
        if rest[space..].starts_with(',') {
            node.separator = self.take(self.at + space + 1)?;
        }
        node.trail = self.trail()?;
        Ok(node)
    }
}
