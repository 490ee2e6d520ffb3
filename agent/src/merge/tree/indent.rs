//! Writing the vendor's nodes into the operator's file: indented as their new siblings are.

use super::super::node::Part;
use super::view::{ListView, View};

/// How the vendor's lines are indented anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Indent {
    from: String,
    to: String,
    /// How deep one level is indented in the vendor's file and in the operator's, in characters; 0 if unknown.
    steps: [usize; 2],
}

impl Indent {
    /// For files that indent a level so deep.
    pub(super) fn new(steps: [usize; 2]) -> Self {
        Self {
            steps,
            ..Self::default()
        }
    }

    /// For lines under a node that the vendor indents as `from` and the operator as `to`.
    pub(super) fn between(&self, from: &str, to: &str) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            steps: self.steps,
        }
    }

    /// A text with its line starts indented anew; `started` says that the text begins a line. What its lines have more
    /// than the node that they belong to stays as it is: it may mean something.
    pub(super) fn apply(&self, text: &str, started: bool) -> String {
        if self.from == self.to {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        for (number, line) in text.split_inclusive('\n').enumerate() {
            match line.strip_prefix(self.from.as_str()) {
                Some(rest) if (number > 0 || started) && !line.trim_end_matches(['\r', '\n']).is_empty() => {
                    out.push_str(&self.to);
                    out.push_str(rest);
                }
                _ => out.push_str(line),
            }
        }
        out
    }

    /// A node's own text, with the lines that may be indented anew so.
    pub(super) fn body(&self, view: &View<'_>) -> String {
        let mut out = String::new();
        self.write(view, &mut out);
        out
    }

    fn write(&self, view: &View<'_>, out: &mut String) {
        let mut lists = view.lists();
        for part in &view.node.parts {
            match part {
                Part::Syntax(text) => self.span(text, out),
                Part::Value(value) if value.verbatim => out.push_str(value.text),
                Part::Value(value) => self.span(value.text, out),
                Part::List(_) => {
                    if let Some(list) = lists.next() {
                        self.children(list, out);
                    }
                }
            }
        }
    }

    fn children(&self, list: &ListView<'_>, out: &mut String) {
        let inner = self.below(list);
        for view in &list.views {
            inner.span(view.node.lead, out);
            inner.write(view, out);
            inner.span(view.node.separator, out);
            inner.span(view.node.trail, out);
        }
        for line in list.list.close.split_inclusive('\n') {
            let indent = if line.starts_with(&inner.from) {
                &inner
            } else {
                self
            };
            indent.span(line, out);
        }
    }

    /// For the children of a list. How far they stand from what the list belongs to is a matter of the file's levels,
    /// unless the first stands on the same line and the others below it.
    pub(super) fn below(&self, list: &ListView<'_>) -> Self {
        let Some(from) = list.indent() else {
            return self.clone();
        };
        let Some(deeper) = from.strip_prefix(self.from.as_str()) else {
            return self.clone();
        };
        let [step, own_step] = self.steps;
        let levels = deeper
            .len()
            .checked_div(step)
            .filter(|_| own_step > 0 && !list.opens_within_line());
        let to = match levels {
            Some(levels) if deeper.bytes().all(|byte| byte == b' ') => {
                " ".repeat(levels * own_step + deeper.len() % step)
            }
            _ => deeper.to_owned(),
        };
        self.between(&from, &format!("{}{to}", self.to))
    }

    fn span(&self, text: &str, out: &mut String) {
        let started = out.ends_with('\n');
        out.push_str(&self.apply(text, started));
    }
}
