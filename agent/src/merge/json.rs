//! JSON, with comments and trailing commas tolerated.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::ParseError;
use super::node::{self, Key, List, Node, Order, Part, Value};
use super::value::{Data, Item};

const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads one value with what stands around it.
///
/// # Errors
/// If it is not JSON.
pub fn parse(text: &str) -> Result<Node<'_>, ParseError> {
    let value = read(text)?;
    let mut reader = Reader { text, at: 0 };
    let range = value.range();
    let lead = reader.until(range.start);
    let parts = reader.value(&value, "", 0)?;
    Ok(Node {
        key: Key::Item,
        label: String::new(),
        lead,
        parts,
        separator: "",
        trail: reader.until(text.len()),
    })
}

/// What it says.
///
/// # Errors
/// If it is not JSON, or has a key twice.
pub fn data(text: &str) -> Result<Data, ParseError> {
    plain(&read(text)?)
}

/// Whether it is JSON as the standard has it, without comments and trailing commas.
pub fn is_strict(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn read(text: &str) -> Result<ast::Value<'_>, ParseError> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &OPTIONS)
        .map_err(|error| ParseError::new(error.range().start, "not JSON"))?;
    parsed
        .value
        .ok_or_else(|| ParseError::new(text.len(), "no value"))
}

fn plain(value: &ast::Value<'_>) -> Result<Data, ParseError> {
    Ok(match value {
        ast::Value::Object(object) => {
            let mut map = BTreeMap::new();
            for property in &object.properties {
                let name = property.name.as_str().to_owned();
                if map.insert(name, plain(&property.value)?).is_some() {
                    return Err(ParseError::new(property.range.start, "a key that is there twice"));
                }
            }
            Data::Map(map)
        }
        ast::Value::Array(array) => {
            let items = array.elements.iter().map(|value| plain(value).map(Item::from));
            Data::List(items.collect::<Result<_, _>>()?)
        }
        other => Data::Scalar(meaning(other).into_owned()),
    })
}

/// A plain value with its type.
fn meaning<'a>(value: &ast::Value<'a>) -> Cow<'a, str> {
    match value {
        ast::Value::StringLit(text) => Cow::Owned(format!("s:{}", text.value)),
        ast::Value::NumberLit(number) => Cow::Borrowed(number.value),
        ast::Value::BooleanLit(truth) => Cow::Borrowed(if truth.value { "true" } else { "false" }),
        _ => Cow::Borrowed("null"),
    }
}

struct Reader<'s> {
    text: &'s str,
    at: usize,
}

impl<'s> Reader<'s> {
    /// The text from where it is to there.
    fn until(&mut self, end: usize) -> &'s str {
        let text = self.text.get(self.at..end).unwrap_or_default();
        self.at = end.max(self.at);
        text
    }

    fn value(
        &mut self,
        value: &ast::Value<'_>,
        label: &str,
        depth: usize,
    ) -> Result<Vec<Part<'s>>, ParseError> {
        if depth > node::DEPTH {
            return Err(ParseError::new(self.at, "nested too deeply"));
        }
        match value {
            ast::Value::Object(object) => {
                let open = self.open(
                    object.range,
                    object.properties.first().map(|first| first.range.start),
                );
                let mut nodes = Vec::with_capacity(object.properties.len());
                for (number, property) in object.properties.iter().enumerate() {
                    let next = object.properties.get(number + 1).map(|next| next.range.start);
                    let end = next.unwrap_or(object.range.end - 1);
                    nodes.push(self.property(property, label, end, depth)?);
                }
                Ok(self.close(open, Order::Free, nodes, object.range))
            }
            ast::Value::Array(array) => {
                let open = self.open(
                    array.range,
                    array.elements.first().map(|first| first.range().start),
                );
                let mut nodes = Vec::with_capacity(array.elements.len());
                for (number, element) in array.elements.iter().enumerate() {
                    let next = array.elements.get(number + 1).map(|next| next.range().start);
                    let end = next.unwrap_or(array.range.end - 1);
                    nodes.push(self.element(element, &format!("{label}[{number}]"), end, depth)?);
                }
                Ok(self.close(open, Order::Kept, nodes, array.range))
            }
            other => {
                let text = self.until(other.range().end);
                let meaning = Cow::Owned(meaning(other).into_owned());
                Ok(vec![Part::Value(Value {
                    text,
                    meaning,
                    verbatim: false,
                })])
            }
        }
    }

    /// The bracket, with the rest of its line if nothing else stands there.
    fn open(&mut self, range: Range, first: Option<usize>) -> &'s str {
        let gap = self
            .text
            .get(range.start + 1..first.unwrap_or(range.end - 1))
            .unwrap_or_default();
        self.until(range.start + 1 + rest_of_line(gap))
    }

    fn close(&mut self, open: &'s str, order: Order, nodes: Vec<Node<'s>>, range: Range) -> Vec<Part<'s>> {
        let list = List {
            order,
            separator: ",",
            nodes,
            close: self.until(range.end - 1),
        };
        vec![
            Part::Syntax(open),
            Part::List(list),
            Part::Syntax(self.until(range.end)),
        ]
    }

    fn property(
        &mut self,
        property: &ast::ObjectProp<'_>,
        label: &str,
        end: usize,
        depth: usize,
    ) -> Result<Node<'s>, ParseError> {
        let lead = self.until(property.range.start);
        let name = match &property.name {
            ObjectPropName::String(text) => text.value.to_string(),
            ObjectPropName::Word(word) => word.value.to_owned(),
        };
        let label = if label.is_empty() {
            name.clone()
        } else {
            format!("{label}.{name}")
        };
        let mut parts = vec![Part::Syntax(self.until(property.value.range().start))];
        parts.extend(self.value(&property.value, &label, depth + 1)?);
        Ok(self.end(Key::Named(name), label, lead, parts, end))
    }

    fn element(
        &mut self,
        element: &ast::Value<'_>,
        label: &str,
        end: usize,
        depth: usize,
    ) -> Result<Node<'s>, ParseError> {
        let lead = self.until(element.range().start);
        let parts = self.value(element, label, depth + 1)?;
        Ok(self.end(Key::Item, label.to_owned(), lead, parts, end))
    }

    /// The comma after a child, and the rest of its line.
    fn end(&mut self, key: Key, label: String, lead: &'s str, parts: Vec<Part<'s>>, end: usize) -> Node<'s> {
        let gap = self.text.get(self.at..end).unwrap_or_default();
        let comma = self.at + after_comma(gap);
        let separator = self.until(comma);
        let gap = self.text.get(self.at..end).unwrap_or_default();
        let line = self.at + rest_of_line(gap);
        Node {
            key,
            label,
            lead,
            parts,
            separator,
            trail: self.until(line),
        }
    }
}

/// How far a gap between tokens goes on the same line, if it holds the line's end; 0 if not.
fn rest_of_line(gap: &str) -> usize {
    pieces(gap)
        .find(|(_, piece)| *piece == "\n")
        .map_or(0, |(at, _)| at + 1)
}

/// Where the comma of a gap ends; 0 without one.
fn after_comma(gap: &str) -> usize {
    pieces(gap)
        .find(|(_, piece)| *piece == ",")
        .map_or(0, |(at, _)| at + 1)
}

/// The comments and single characters of a gap.
fn pieces(gap: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = gap.get(at..).filter(|rest| !rest.is_empty())?;
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += length;
        Some((at - length, rest.get(..length)?))
    })
}
