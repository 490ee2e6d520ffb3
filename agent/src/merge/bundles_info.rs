//! OSGi's `bundles.info`: a set of bundles, known by symbolic name and version. A line is
//! `name,version,location,start level,started`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::node::{Key, Node, Part, Value};
use super::value::Data;
use super::{ParseError, lines};

/// Reads the lines as bundles. Comments belong to the bundle after them.
///
/// # Errors
/// If a line is no bundle.
pub fn parse(text: &str) -> Result<Node<'_>, ParseError> {
    let mut nodes = Vec::new();
    let mut lead = 0;
    for bundle in read(text)? {
        let key = format!("{} {}", bundle.name, bundle.version);
        let start = bundle.at + bundle.name.len() + bundle.version.len() + 2;
        nodes.push(Node {
            key: Key::Named(key.clone()),
            label: key,
            lead: &text[lead..bundle.at],
            parts: vec![
                Part::Syntax(&text[bundle.at..start]),
                Part::Value(Value {
                    text: bundle.rest,
                    meaning: Cow::Borrowed(bundle.rest.trim_end()),
                    verbatim: true,
                }),
            ],
            separator: "",
            trail: &text[start + bundle.rest.len()..bundle.end],
        });
        lead = bundle.end;
    }
    Ok(lines::document(nodes, &text[lead..]))
}

/// The bundles.
///
/// # Errors
/// As [`parse`], and if a bundle is there twice.
pub fn data(text: &str) -> Result<Data, ParseError> {
    let mut map = BTreeMap::new();
    for bundle in read(text)? {
        let key = format!("{} {}", bundle.name, bundle.version);
        let value = Data::Scalar(bundle.rest.trim_end().to_owned());
        if map.insert(key, value).is_some() {
            return Err(ParseError::new(bundle.at, "a bundle that is there twice"));
        }
    }
    Ok(Data::Map(map))
}

struct Bundle<'s> {
    at: usize,
    end: usize,
    name: &'s str,
    version: &'s str,
    rest: &'s str,
}

fn read(text: &str) -> Result<Vec<Bundle<'_>>, ParseError> {
    lines::refuse_nul(text)?;
    let mut bundles = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut parts = line.trim_end_matches(['\n', '\r']).splitn(3, ',');
        let (Some(name), Some(version), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ParseError::new(start, "no bundle"));
        };
        bundles.push(Bundle {
            at: start,
            end,
            name,
            version,
            rest,
        });
    }
    Ok(bundles)
}
