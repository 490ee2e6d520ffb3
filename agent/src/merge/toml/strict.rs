//! TOML 1.0, which most readers of configuration files know, against 1.1.

use crate::merge::node::{List, Node, Order, Part};

/// Whether inline tables stand on one line and have no comma at their end.
pub fn is_strict(node: &Node<'_>) -> bool {
    let mut open = "";
    node.parts.iter().all(|part| match part {
        Part::Syntax(text) => {
            open = text;
            true
        }
        Part::Value(_) => true,
        Part::List(list) => {
            let inline = list.order == Order::Free && !list.separator.is_empty();
            (!inline || !open.ends_with('\n') && is_on_one_line(list)) && list.nodes.iter().all(is_strict)
        }
    })
}

fn is_on_one_line(list: &List<'_>) -> bool {
    let around = |node: &Node<'_>| [node.lead, node.separator, node.trail].concat();
    let breaks = list.close.contains('\n') || list.nodes.iter().any(|node| around(node).contains('\n'));
    !breaks && list.nodes.last().is_none_or(|last| last.separator.is_empty())
}
