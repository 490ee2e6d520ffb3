//! Named keys in YAML: set, added and removed, every other byte as it is.

use serde_json::Value;

use super::super::edit::{Edit, NO_ITEM, NO_MAP, Step};
use super::ast::{self, Content, Located, Shape};
use super::scalar::canonical;

const ODD: &str = "it is written in a way that cannot be changed without its surroundings; change it by hand";

type Entries<'a, 's> = &'a [(Located<'s>, Located<'s>)];

/// Sets or removes one key.
///
/// # Errors
/// Why it cannot be done.
pub(in crate::merge) fn change(text: &str, edit: &Edit) -> Result<String, String> {
    let documents = ast::read(text).map_err(|_| "not YAML")?;
    let source = Source { text };
    let literal = edit.value.as_ref().map(literal).transpose()?;
    match &documents[..] {
        [] => Ok(literal.map_or_else(|| text.to_owned(), |literal| added(text, &edit.path, &literal))),
        [document] if matches!(document.root.content, Content::Empty) => match literal {
            None => Ok(text.to_owned()),
            Some(literal) => Ok(added(text, &edit.path, &literal)),
        },
        [document] => source.change(&document.root, &edit.path, literal.as_deref()),
        _ => Err("the file holds several documents".to_owned()),
    }
}

/// The line, from 1, on which a value's key stands; `place` are keys, and numbers of list items.
pub fn line_of(text: &str, place: &[String]) -> Option<usize> {
    let documents = ast::read(text).ok()?;
    let (mut node, mut at) = (&documents.first()?.root, None);
    for step in place {
        let (start, below) = match &node.content {
            Content::Map(_, entries) => {
                let (key, value) = entries.iter().find(|(key, _)| is_named(key, step))?;
                (key.at.start, value)
            }
            Content::Sequence(_, items) => {
                let item = items.get(step.parse::<usize>().ok()?)?;
                (item.start()?, item)
            }
            _ => return None,
        };
        (node, at) = (below, Some(start));
    }
    Some(text.get(..at?)?.matches('\n').count() + 1)
}

/// Keys at the end of a text in which there was none.
fn added(text: &str, path: &[Step], literal: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{text}{end}{}", lines(path, literal, "", "  "))
}

/// New keys, each below the other.
fn lines(path: &[Step], literal: &str, indentation: &str, unit: &str) -> String {
    let mut text = String::new();
    for (depth, step) in path.iter().enumerate() {
        let Step::Key(name) = step else { continue };
        let value = if depth + 1 == path.len() {
            format!(" {literal}")
        } else {
            String::new()
        };
        text += &format!("{indentation}{}{}:{value}\n", unit.repeat(depth), scalar(name));
    }
    text
}

struct Source<'t> {
    text: &'t str,
}

impl Source<'_> {
    fn change(&self, node: &Located<'_>, path: &[Step], literal: Option<&str>) -> Result<String, String> {
        let (step, rest) = path.split_first().ok_or(NO_MAP)?;
        match (step, &node.content) {
            (Step::Key(name), Content::Map(shape, entries)) => {
                let at = entries.iter().position(|(key, _)| is_named(key, name));
                match (at, rest, literal) {
                    (None, _, None) => Ok(self.text.to_owned()),
                    (None, _, Some(literal)) => self.add(node, *shape, entries, path, literal),
                    (Some(at), [], None) => self.remove(node, *shape, entries, at),
                    (Some(at), [], Some(literal)) => self.set(entries, at, literal),
                    (Some(at), rest, literal) => match (&entries[at].1.content, literal) {
                        (Content::Empty, None) => Ok(self.text.to_owned()),
                        (Content::Empty, Some(literal)) => self.fill(entries, at, rest, literal),
                        _ => self.change(&entries[at].1, rest, literal),
                    },
                }
            }
            (Step::At(_) | Step::With(..), Content::Sequence(_, items)) => {
                let item = chosen(items, step).ok_or(NO_ITEM)?;
                match rest {
                    [] => Err("a whole item of a list cannot be set".to_owned()),
                    rest => self.change(item, rest, literal),
                }
            }
            (Step::Key(_), _) => Err(NO_MAP.to_owned()),
            _ => Err(NO_ITEM.to_owned()),
        }
    }

    fn replaced(&self, range: std::ops::Range<usize>, with: &str) -> String {
        let mut text = self.text.to_owned();
        text.replace_range(range, with);
        text
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |found| found + 1)
    }

    /// Where the line ends that a place is on, its end included.
    fn line_end(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |found| at + found + 1)
    }

    fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// Where the lines of a block entry end that begins at a key: before the next line that is not indented deeper, less
    /// the blank lines and comments before it. The items of a list may stand below their key's own column.
    fn block_end(&self, key: usize) -> usize {
        let column = self.column(key);
        let (mut end, mut at) = (self.line_end(key), self.line_end(key));
        while at < self.text.len() {
            let next = self.line_end(at);
            let line = &self.text[at..next];
            let bare = line.trim();
            let depth = line.len() - line.trim_start().len();
            let is_item = depth == column && (bare == "-" || bare.starts_with("- "));
            let belongs = depth > column || (is_item && !self.is_item(key));
            if !bare.is_empty() && !belongs {
                break;
            }
            // A comment at the end may belong to what follows; inside it is passed over.
            if !bare.is_empty() && !bare.starts_with('#') {
                end = next;
            }
            at = next;
        }
        end
    }

    /// Whether a key is the first of a list's item, on the line of its dash.
    fn is_item(&self, key: usize) -> bool {
        self.text[self.line_start(key)..key].trim_start().starts_with('-')
    }

    /// After the colon of a key.
    fn after_colon(&self, key: &Located<'_>) -> Result<usize, String> {
        let rest = &self.text[key.at.end..];
        let gap = rest
            .find(':')
            .filter(|at| rest[..*at].trim().is_empty())
            .ok_or(ODD)?;
        Ok(key.at.end + gap + 1)
    }

    fn set(&self, entries: Entries<'_, '_>, at: usize, literal: &str) -> Result<String, String> {
        let (key, value) = &entries[at];
        let wanted = ast::read(literal).map_err(|_| ODD)?;
        if wanted
            .first()
            .is_some_and(|wanted| canonical(&wanted.root) == canonical(value))
        {
            return Ok(self.text.to_owned());
        }
        if value.properties.is_some() {
            return Err("a tag or an anchor stands before its value".to_owned());
        }
        match &value.content {
            Content::Empty => {
                let colon = self.after_colon(key)?;
                Ok(self.replaced(colon..colon, &format!(" {literal}")))
            }
            Content::Scalar(..) if value.block_scalar() => self.set_block(key, literal),
            Content::Map(Shape::Block, _) | Content::Sequence(Shape::Block, _) => {
                self.set_block(key, literal)
            }
            _ => Ok(self.replaced(value.at.clone(), literal)),
        }
    }

    /// Puts a value in the place of one that has lines of its own.
    fn set_block(&self, key: &Located<'_>, literal: &str) -> Result<String, String> {
        let colon = self.after_colon(key)?;
        Ok(self.replaced(colon..self.block_end(key.at.start), &format!(" {literal}\n")))
    }

    /// Adds keys below one without a value.
    fn fill(
        &self,
        entries: Entries<'_, '_>,
        at: usize,
        path: &[Step],
        literal: &str,
    ) -> Result<String, String> {
        let (key, _) = &entries[at];
        let line = self.line_end(key.at.start);
        let after = &self.text[self.after_colon(key)?..line];
        if self.is_flow(key)
            || !(after.trim().is_empty() || after.trim_start().starts_with('#'))
            || has_items(path)
        {
            return Err(ODD.to_owned());
        }
        let indentation = " ".repeat(self.column(key.at.start) + 2);
        Ok(self.replaced(line..line, &lines(path, literal, &indentation, "  ")))
    }

    fn is_flow(&self, key: &Located<'_>) -> bool {
        let before = self.text[..key.at.start].trim_end();
        before.ends_with(['{', ',', '['])
    }

    fn add(
        &self,
        node: &Located<'_>,
        shape: Shape,
        entries: Entries<'_, '_>,
        path: &[Step],
        literal: &str,
    ) -> Result<String, String> {
        if has_items(path) {
            return Err(NO_ITEM.to_owned());
        }
        if shape == Shape::Flow {
            let close = self.text[node.at.clone()].rfind('}').ok_or(ODD)? + node.at.start;
            let start = self.text[..close].trim_end().len();
            let inside = nested(path, literal);
            let comma = if entries.is_empty() || self.text[..start].ends_with(',') {
                ""
            } else {
                ","
            };
            let space = if self.text[..start].ends_with('{') {
                ""
            } else {
                " "
            };
            return Ok(self.replaced(start..start, &format!("{comma}{space}{inside}")));
        }
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else {
            return Err(ODD.to_owned());
        };
        let indentation = " ".repeat(self.column(first.at.start));
        let at = self.block_end(last.at.start);
        let gap = if self.text[..at].ends_with('\n') { "" } else { "\n" };
        Ok(self.replaced(
            at..at,
            &format!("{gap}{}", lines(path, literal, &indentation, "  ")),
        ))
    }

    fn remove(
        &self,
        node: &Located<'_>,
        shape: Shape,
        entries: Entries<'_, '_>,
        at: usize,
    ) -> Result<String, String> {
        let (key, value) = &entries[at];
        let start = key.at.start;
        if shape != Shape::Block {
            let next = entries.get(at + 1).map(|(next, _)| next.at.start);
            let end = if matches!(value.content, Content::Empty) {
                self.after_colon(key)?
            } else {
                value.at.end
            };
            return Ok(match (next, at) {
                (Some(next), _) => self.replaced(start..next, ""),
                (None, 0) => self.replaced(start..end, ""),
                (None, _) => self.replaced(entries[at - 1].1.at.end.max(entries[at - 1].0.at.end)..end, ""),
            });
        }
        let end = self.block_end(start);
        match (entries, self.is_item(start)) {
            // A map with nothing in it has to be written.
            ([_], _) if node.at.start > 0 || self.column(start) > 0 || self.is_item(start) => {
                Ok(self.replaced(start..end, "{}\n"))
            }
            (_, true) => {
                let next = entries.get(at + 1).map(|(next, _)| next.at.start).ok_or(ODD)?;
                Ok(self.replaced(start..next, ""))
            }
            _ => Ok(self.replaced(self.line_start(start)..end, "")),
        }
    }
}

fn is_named(key: &Located<'_>, name: &str) -> bool {
    matches!(&key.content, Content::Scalar(text, _) if text == name)
}

fn has_items(path: &[Step]) -> bool {
    path.iter().any(|step| !matches!(step, Step::Key(_)))
}

fn chosen<'a, 's>(items: &'a [Located<'s>], step: &Step) -> Option<&'a Located<'s>> {
    match step {
        Step::At(at) => items.get(*at),
        Step::With(key, wanted) => items.iter().find(|item| match &item.content {
            Content::Map(_, entries) => entries.iter().any(|(found, value)| {
                is_named(found, key) && matches!(&value.content, Content::Scalar(text, _) if text == wanted)
            }),
            _ => false,
        }),
        Step::Key(_) => None,
    }
}

/// Keys within braces.
fn nested(path: &[Step], literal: &str) -> String {
    let names = path.iter().filter_map(|step| match step {
        Step::Key(name) => Some(scalar(name)),
        _ => None,
    });
    let names: Vec<String> = names.collect();
    let last = names.len().saturating_sub(1);
    let opened: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{name}: {}", if at < last { "{ " } else { literal }))
        .collect();
    format!("{}{}", opened.concat(), " }".repeat(last))
}

fn literal(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::String(text) => scalar(text),
        other => serde_json::to_string(other).map_err(|_| "a value that YAML cannot hold")?,
    })
}

/// A text without quotes where every reader takes it for one, else in quotes as JSON has them, which YAML reads.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let is_word = super::scalar::meaning(text, granit_parser::ScalarStyle::DoubleQuoted) != text;
    match starts && text.chars().all(plain) && !is_word {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}
