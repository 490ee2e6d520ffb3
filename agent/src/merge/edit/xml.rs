//! Keys in XML: attributes, and the texts of elements that hold nothing else.
//!
//! A path is `Root/child[@id=x]/@attribute`, or without the attribute for an element's text. Elements are called by their
//! tags, prefix and all. Documents with a document type of their own are not edited.

use std::collections::BTreeMap;
use std::ops::Range;

use roxmltree::{Document, Node};

use super::super::value::{Data, Item};
use super::{Edit, NO_ITEM, NOT_PLAIN, Step, plain};

const NO_ELEMENT: &str = "what stands above it is no element that can hold it";
const NOT_XML: &str = "not well-formed XML, or XML with a document type";

pub(super) fn change(text: &str, edit: &Edit) -> Result<String, String> {
    let document = Document::parse(text).map_err(|_| NOT_XML)?;
    let wanted = match &edit.value {
        Some(value) => Some(plain(value).ok_or(NOT_PLAIN)?),
        None => None,
    };
    let source = Source { text };
    let (path, attribute) = match edit.path.split_last() {
        Some((Step::Key(name), above)) if name.starts_with('@') => (above, name.get(1..)),
        _ => (&edit.path[..], None),
    };
    let Found { node, missing } = source.find(document.root(), path)?;
    match (attribute, missing, wanted) {
        (_, [], None) if attribute.is_none() => Ok(source.without(node)),
        (_, [_, ..], None) => Ok(text.to_owned()),
        (Some(name), [], wanted) => Ok(source.attribute(node, name, wanted.as_deref())),
        (None, [], Some(wanted)) => source.with_text(node, &wanted),
        (attribute, missing, Some(wanted)) => source.with_new(node, missing, attribute, &wanted),
        (None, [], None) => Ok(text.to_owned()),
    }
}

/// What a document says besides the named keys; of what was added with elements around it, they count too. `before` is
/// how it was.
pub(super) fn rest(before: &str, text: &str, edits: &[Edit]) -> Result<Data, String> {
    let mut left = text.to_owned();
    for edit in edits {
        let document = Document::parse(before).map_err(|_| NOT_XML)?;
        let path = match edit.path.split_last() {
            Some((Step::Key(name), above)) if name.starts_with('@') => above,
            _ => &edit.path[..],
        };
        let missing = Source { text: before }
            .find(document.root(), path)
            .map_or(0, |found| found.missing.len());
        let path = match missing {
            0 => edit.path.clone(),
            missing => path[..path.len() - missing + 1].to_vec(),
        };
        let removal = Edit {
            path,
            value: None,
            key: edit.key.clone(),
        };
        left = change(&left, &removal).unwrap_or(left);
    }
    data(&left)
}

/// What a document says: elements with their attributes, texts and children.
fn data(text: &str) -> Result<Data, String> {
    let document = Document::parse(text).map_err(|_| NOT_XML)?;
    Ok(element(document.root(), &Source { text }))
}

fn element(node: Node<'_, '_>, source: &Source<'_>) -> Data {
    let attributes = node.attributes().map(|one| {
        (
            format!("@{}", source.slice(one.range_qname())),
            scalar(one.value()),
        )
    });
    let mut said: BTreeMap<String, Data> = attributes.collect();
    let children = node
        .children()
        .filter_map(|child| match child.text().map(str::trim) {
            Some("") => None,
            Some(text) if child.is_text() => Some(scalar(text)),
            _ if child.is_element() => Some(element(child, source)),
            _ => None,
        });
    let children: Vec<Item> = children.map(Item::from).collect();
    if node.is_element() {
        said.insert("name".to_owned(), scalar(source.tag(node)));
    }
    if !children.is_empty() {
        said.insert("content".to_owned(), Data::List(children));
    }
    Data::Map(said)
}

fn scalar(text: &str) -> Data {
    Data::Scalar(text.to_owned())
}

struct Source<'t> {
    text: &'t str,
}

/// The innermost element of a path that is there, and the rest of the path.
struct Found<'p, 'a, 'd> {
    node: Node<'a, 'd>,
    missing: &'p [Step],
}

impl<'t> Source<'t> {
    fn slice(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }

    /// The name in an element's tag.
    fn tag(&self, node: Node<'_, '_>) -> &'t str {
        let inside = self.slice(node.range().start + 1..node.range().end);
        let end = inside.find(|c: char| c.is_whitespace() || c == '/' || c == '>');
        inside.get(..end.unwrap_or(inside.len())).unwrap_or_default()
    }

    fn find<'p, 'a, 'd>(&self, root: Node<'a, 'd>, path: &'p [Step]) -> Result<Found<'p, 'a, 'd>, String> {
        let (mut node, mut at) = (root, 0);
        while let Some(Step::Key(name)) = path.get(at) {
            let named: Vec<_> = node
                .children()
                .filter(|child| child.is_element() && self.tag(*child) == name)
                .collect();
            let selectors = path[at + 1..]
                .iter()
                .take_while(|step| !matches!(step, Step::Key(_)))
                .count();
            let chosen = &path[at + 1..at + 1 + selectors];
            let fitting: Vec<_> = chosen.iter().fold(named, |found, step| self.chosen(found, step));
            match (&fitting[..], chosen) {
                ([one], _) => node = *one,
                ([], []) => break,
                ([], _) => return Err(NO_ITEM.to_owned()),
                (_, _) => {
                    return Err(format!(
                        "there are several `{name}`; say which with `[@attribute=value]`"
                    ));
                }
            }
            at += 1 + selectors;
        }
        Ok(Found {
            node,
            missing: &path[at..],
        })
    }

    fn chosen<'a, 'd>(&self, found: Vec<Node<'a, 'd>>, step: &Step) -> Vec<Node<'a, 'd>> {
        match step {
            Step::At(at) => found.into_iter().skip(*at).take(1).collect(),
            Step::With(key, wanted) => {
                let fits = |node: &Node<'_, '_>| match key.strip_prefix('@') {
                    Some(name) => node
                        .attributes()
                        .any(|one| self.slice(one.range_qname()) == name && one.value() == wanted),
                    None => node.children().any(|child| {
                        child.is_element() && self.tag(child) == key && child.text() == Some(wanted)
                    }),
                };
                found.into_iter().filter(fits).collect()
            }
            Step::Key(_) => found,
        }
    }

    fn replaced(&self, range: Range<usize>, with: &str) -> String {
        let mut text = self.text.to_owned();
        text.replace_range(range, with);
        text
    }

    fn attribute(&self, node: Node<'_, '_>, name: &str, wanted: Option<&str>) -> String {
        let found = node
            .attributes()
            .find(|one| self.slice(one.range_qname()) == name);
        match (found, wanted) {
            (None, None) => self.text.to_owned(),
            (Some(found), None) => {
                let before = self.slice(0..found.range().start);
                self.replaced(before.trim_end().len()..found.range().end, "")
            }
            (Some(found), Some(wanted)) if found.value() == wanted => self.text.to_owned(),
            (Some(found), Some(wanted)) => self.replaced(found.range_value(), &escape(wanted)),
            (None, Some(wanted)) => {
                let last = node.attributes().map(|one| one.range().end).max();
                let at = last.unwrap_or(node.range().start + 1 + self.tag(node).len());
                self.replaced(at..at, &format!(" {name}=\"{}\"", escape(wanted)))
            }
        }
    }

    /// Where an element's first tag ends, after its `>`, and whether it is the only one.
    fn opening(&self, node: Node<'_, '_>) -> (usize, bool) {
        let last = node.attributes().map(|one| one.range().end).max();
        let from = last.unwrap_or(node.range().start + 1 + self.tag(node).len());
        let end = self
            .slice(from..node.range().end)
            .find('>')
            .map_or(node.range().end, |at| from + at + 1);
        (end, self.slice(0..end).ends_with("/>"))
    }

    fn with_text(&self, node: Node<'_, '_>, wanted: &str) -> Result<String, String> {
        if node.children().any(|child| child.is_element()) {
            return Err("it holds elements, and no text of its own can be set".to_owned());
        }
        let held: String = node
            .children()
            .filter(Node::is_text)
            .filter_map(|child| child.text())
            .collect();
        let (open, is_empty) = self.opening(node);
        if held.trim() == wanted.trim() {
            return Ok(self.text.to_owned());
        }
        let tag = self.tag(node);
        if is_empty {
            let bare = self.slice(0..open - 2).trim_end().len();
            return Ok(self.replaced(bare..open, &format!(">{}</{tag}>", escape(wanted))));
        }
        let close = self.slice(0..node.range().end).rfind("</").unwrap_or(open);
        Ok(self.replaced(open..close, &escape(wanted)))
    }

    /// Adds elements that are missing, the innermost with an attribute or a text.
    fn with_new(
        &self,
        node: Node<'_, '_>,
        missing: &[Step],
        attribute: Option<&str>,
        wanted: &str,
    ) -> Result<String, String> {
        let mut names = Vec::new();
        for step in missing {
            match step {
                Step::Key(name) => names.push(name.as_str()),
                _ => return Err(NO_ITEM.to_owned()),
            }
        }
        let (Some((last, above)), true) = (names.split_last(), node.is_element()) else {
            return Err(NO_ELEMENT.to_owned());
        };
        let has_text = node
            .children()
            .any(|child| child.is_text() && !child.text().unwrap_or_default().trim().is_empty());
        if has_text {
            return Err(NO_ELEMENT.to_owned());
        }
        let innermost = match attribute {
            Some(name) => format!("<{last} {name}=\"{}\"/>", escape(wanted)),
            None => format!("<{last}>{}</{last}>", escape(wanted)),
        };
        let added = above
            .iter()
            .rev()
            .fold(innermost, |inside, name| format!("<{name}>{inside}</{name}>"));
        let (open, is_empty) = self.opening(node);
        let outer = self.indentation(node.range().start);
        let sibling = node.children().rfind(Node::is_element);
        let inner = match sibling {
            Some(sibling) => self.indentation(sibling.range().start),
            None => outer.map(|outer| format!("{outer}  ")),
        };
        let line = |indentation: &Option<String>| {
            indentation
                .as_ref()
                .map_or_else(String::new, |text| format!("\n{text}"))
        };
        if is_empty {
            let bare = self.slice(0..open - 2).trim_end().len();
            let outer = line(&self.indentation(node.range().start));
            let content = format!(">{}{added}{outer}</{}>", line(&inner), self.tag(node));
            return Ok(self.replaced(bare..open, &content));
        }
        match sibling {
            Some(sibling) => {
                let at = sibling.range().end;
                Ok(self.replaced(at..at, &format!("{}{added}", line(&inner))))
            }
            None => {
                let outer = line(&self.indentation(node.range().start));
                let close = self.slice(0..node.range().end).rfind("</").unwrap_or(open);
                Ok(self.replaced(open..close, &format!("{}{added}{outer}", line(&inner))))
            }
        }
    }

    /// The document without an element, and without its line if nothing else stands there.
    fn without(&self, node: Node<'_, '_>) -> String {
        let range = node.range();
        let before = self.slice(0..range.start);
        let start = before.trim_end_matches([' ', '\t']).len();
        let after = self.slice(range.end..self.text.len());
        let is_alone =
            before[..start].ends_with('\n') && after.trim_start_matches([' ', '\t']).starts_with('\n');
        if !is_alone {
            return self.replaced(range, "");
        }
        let end = range.end + after.find('\n').map_or(0, |at| at + 1);
        self.replaced(start..end, "")
    }

    /// The blanks before a place, if it is the first on its line.
    fn indentation(&self, at: usize) -> Option<String> {
        let before = self.slice(0..at);
        let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        line.trim().is_empty().then(|| line.to_owned())
    }
}

/// A text as it stands in an attribute's value or between tags.
pub fn escape(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&apos;"),
            '\n' => written.push_str("&#10;"),
            '\r' => written.push_str("&#13;"),
            '\t' => written.push_str("&#9;"),
            other => written.push(other),
        }
    }
    written
}
