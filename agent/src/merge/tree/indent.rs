//! Writing the vendor's nodes into the operator's file: indented as their new siblings are.

use super::super::node::{Node, Part};

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

    fn is_same(&self) -> bool {
        self.from == self.to && self.steps[0] == self.steps[1]
    }

    /// A text with its line starts indented anew; `started` says that the text begins a line.
    pub(super) fn apply(&self, text: &str, started: bool) -> String {
        if self.is_same() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if number > 0 || started {
                out.push_str(&self.line(line));
            } else {
                out.push_str(line);
            }
        }
        out
    }

    fn line(&self, line: &str) -> String {
        let Some(rest) = line.strip_prefix(self.from.as_str()) else {
            return line.to_owned();
        };
        if rest.trim().is_empty() && rest.ends_with('\n') {
            return rest.trim_start_matches([' ', '\t']).to_owned();
        }
        let deeper = rest.len() - rest.trim_start_matches(' ').len();
        let [from, to] = self.steps;
        let levels = deeper.checked_div(from).filter(|_| to > 0);
        let (levels, own) = levels.map_or((0, 0), |levels| (levels * to, levels * from));
        let rest = rest.get(own..).unwrap_or(rest);
        format!("{}{}{rest}", self.to, " ".repeat(levels))
    }

    /// A node's own text, with the lines that may be indented anew so.
    pub(super) fn body(&self, node: &Node<'_>) -> String {
        let mut out = String::new();
        self.write(node, &mut out);
        out
    }

    fn write(&self, node: &Node<'_>, out: &mut String) {
        for part in &node.parts {
            match part {
                Part::Syntax(text) => self.span(text, out),
                Part::Value(value) if value.verbatim => out.push_str(value.text),
                Part::Value(value) => self.span(value.text, out),
                Part::List(list) => {
                    for node in &list.nodes {
                        self.span(node.lead, out);
                        self.write(node, out);
                        self.span(node.separator, out);
                        self.span(node.trail, out);
                    }
                    self.span(list.close, out);
                }
            }
        }
    }

    fn span(&self, text: &str, out: &mut String) {
        let started = out.ends_with('\n');
        out.push_str(&self.apply(text, started));
    }
}
