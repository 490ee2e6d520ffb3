//! What the keys of a file say, by what a person calls them: for comparing two versions of a vendor's defaults.

use std::collections::BTreeMap;

use super::Format;
use super::layout::Layout;
use super::node::{Key, List, Node, Part};

/// What a key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In a form that is equal exactly for values of the same meaning.
    pub meaning: String,
    /// As it is written.
    pub text: String,
    /// The pieces that the text is put together from, such as the items of a list.
    pub parts: Vec<String>,
}

/// Every key with its value; `None` if the file has no keys, or cannot be read. A list of plain values is one value.
pub fn keys(name: &str, content: &[u8]) -> Option<BTreeMap<String, Said>> {
    let layout = Layout::of([content, content, content]);
    let text = &layout.texts[1];
    let structures = Format::candidates(name, text)
        .into_iter()
        .filter_map(Format::structure);
    let document = structures
        .into_iter()
        .find_map(|structure| (structure.parse)(text).ok())?;
    let mut found = BTreeMap::new();
    add(&document, &mut found);
    Some(found)
}

fn add(node: &Node<'_>, found: &mut BTreeMap<String, Said>) {
    let mut lists = node.parts.iter().filter_map(|part| match part {
        Part::List(list) => Some(list),
        _ => None,
    });
    match lists.next() {
        Some(list) if !is_plain(list) => {
            list.nodes.iter().for_each(|node| add(node, found));
            lists
                .flat_map(|list| &list.nodes)
                .for_each(|node| add(node, found));
        }
        list => {
            let mut meaning = String::new();
            note_values(node, &mut meaning);
            let parts: Vec<&str> = match list {
                Some(list) => list.nodes.iter().flat_map(values).collect(),
                None => values(node),
            };
            let said = Said {
                meaning,
                text: match list {
                    Some(_) => format!("[{}]", parts.join(", ")),
                    None => parts.concat(),
                },
                parts: parts.into_iter().map(str::to_owned).collect(),
            };
            found.insert(node.label.clone(), said);
        }
    }
}

/// Whether a list holds nothing but plain values without names.
fn is_plain(list: &List<'_>) -> bool {
    let plain = |node: &Node<'_>| {
        node.key == Key::Item && node.parts.iter().all(|part| !matches!(part, Part::List(_)))
    };
    !list.nodes.is_empty() && list.nodes.iter().all(plain)
}

fn values<'n>(node: &'n Node<'_>) -> Vec<&'n str> {
    let value = |part: &'n Part<'_>| match part {
        Part::Value(value) => Some(value.text),
        _ => None,
    };
    node.parts.iter().filter_map(value).collect()
}

fn note_values(node: &Node<'_>, meaning: &mut String) {
    for part in &node.parts {
        match part {
            Part::Value(value) => {
                meaning.push_str(&value.meaning);
                meaning.push('\n');
            }
            Part::List(list) => list.nodes.iter().for_each(|node| note_values(node, meaning)),
            Part::Syntax(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, content: &str) -> Vec<(String, String)> {
        let keys = keys(name, content.as_bytes()).unwrap();
        keys.into_iter().map(|(key, said)| (key, said.text)).collect()
    }

    #[test]
    fn keys_are_called_as_people_call_them() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
                .collect()
        };
        assert_eq!(
            shown(
                "default.json",
                "{\"a.b\": 1, \"c\": {\"d\": \"x\"}, \"l\": [1,\n 2]}"
            ),
            pairs(&[("a.b", "1"), ("c.d", "\"x\""), ("l", "[1, 2]")])
        );
        assert_eq!(
            shown("a.properties", "a.b = 1\n# no\nc:2\n"),
            pairs(&[("a.b", "1"), ("c", "2")])
        );
        assert_eq!(keys("a.sh", b"a=1\n"), None);
        assert_eq!(keys("a.json", b"{"), None);
    }
}
