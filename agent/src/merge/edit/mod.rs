//! Sets or removes named keys in a file and leaves every other byte to its owner.
//!
//! Each format changes its text in its own way; whatever it did, the result is only taken if the format's own reader finds
//! exactly the named keys changed: see [`ensure`].

mod json;
mod lined;
mod path;
mod toml;
mod xml;

use serde_json::Value;

use super::layout::Layout;
use super::value::Data;
use super::{Format, yaml};

pub use super::yaml::edit::line_of;
pub use path::Step;
pub use xml::escape as escape_xml;

/// A key and what it shall be; `None` removes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// As a person writes it, for messages.
    pub key: String,
    /// The same, read.
    pub path: Vec<Step>,
    /// The value.
    pub value: Option<Value>,
}

impl Edit {
    /// An edit of a key in a file of this format.
    ///
    /// # Errors
    /// Why the text names no key.
    pub fn new(key: &str, value: Option<Value>, format: Format) -> Result<Self, String> {
        let path = path::parse(key, format).map_err(|why| format!("`{key}`: {why}"))?;
        Ok(Self {
            key: key.to_owned(),
            path,
            value,
        })
    }

    fn is_ascii(&self) -> bool {
        let value = self.value.as_ref().map(Value::to_string);
        self.key.is_ascii() && value.is_none_or(|value| value.is_ascii())
    }
}

/// The format in which the keys of a file can be named; `None` if there is none. Of several that its name allows, the
/// first that can read it.
pub fn format_of(name: &str, content: &[u8]) -> Option<Format> {
    let layout = Layout::of([content, content, content]);
    let text = &layout.texts[1];
    let formats: Vec<Format> = Format::candidates(name, text)
        .into_iter()
        .filter(|format| change_in(*format).is_some())
        .collect();
    let reads = |format: &&Format| rest(text, text, **format, &[]).is_ok();
    formats.iter().find(reads).or(formats.first()).copied()
}

/// How one key is changed in a text.
type Change = fn(&str, &Edit) -> Result<String, String>;

fn change_in(format: Format) -> Option<Change> {
    match format {
        Format::Toml => Some(toml::change),
        Format::Json => Some(json::change),
        Format::Properties => Some(lined::change_properties),
        Format::Ini => Some(lined::change_ini),
        Format::Xml => Some(xml::change),
        Format::Yaml => Some(yaml::edit::change),
        Format::BundlesInfo | Format::Text => None,
    }
}

/// Sets and removes keys. What is so already stays as it is, byte for byte.
///
/// # Errors
/// Why the keys cannot be set: the file cannot be read, a part of a key's path is no map, or has no such item. Never holds
/// a value.
pub fn ensure(content: &[u8], format: Format, edits: &[Edit]) -> Result<Vec<u8>, String> {
    let layout = Layout::of([content, content, content]);
    let before = &layout.texts[1];
    let unknown = "keys cannot be named in a file of this format";
    let change = change_in(format).ok_or(unknown)?;
    let change = |text: &str, edit: &Edit| match change(text, edit) {
        // What is not there need not be removed.
        Err(why) if why == NO_ITEM && edit.value.is_none() => Ok(text.to_owned()),
        changed => changed.map_err(|why| format!("`{}`: {why}", edit.key)),
    };
    if let Some(edit) = edits.iter().find(|edit| layout.bytes && !edit.is_ascii()) {
        return Err(format!("`{}`: {NOT_UTF8}", edit.key));
    }
    let said = rest(before, before, format, edits)?;
    let mut text = before.clone();
    for edit in edits {
        text = change(&text, edit)?;
    }
    if text == *before {
        return Ok(content.to_vec());
    }
    let says = rest(before, &text, format, edits).map_err(|_| "the result could not be read")?;
    if said != says {
        return Err("more than the named keys would change".to_owned());
    }
    for edit in edits {
        if change(&text, edit)? != text {
            return Err(format!("`{}`: it could not be set", edit.key));
        }
    }
    Ok(layout.restore(&text))
}

/// What a file says besides the named keys. `before` is how it was.
fn rest(before: &str, text: &str, format: Format, edits: &[Edit]) -> Result<Data, String> {
    if format == Format::Xml {
        return xml::rest(before, text, edits);
    }
    let structure = format.structure().ok_or("not a format of keys")?;
    let data = (structure.data)(text).map_err(|error| error.reason.into_owned())?;
    Ok(without(data, edits, format))
}

/// What a file says, less the named keys and maps that have nothing left in them.
fn without(data: Data, edits: &[Edit], format: Format) -> Data {
    edits.iter().fold(data, |data, edit| {
        let steps = match format {
            Format::Ini => lined::ini_steps(&edit.path),
            // The first document.
            Format::Yaml => [Step::At(0), Step::Key("document".to_owned())]
                .into_iter()
                .chain(edit.path.iter().cloned())
                .collect(),
            _ => edit.path.clone(),
        };
        prune(data, &steps).unwrap_or_else(Data::empty)
    })
}

fn prune(data: Data, steps: &[Step]) -> Option<Data> {
    let (step, rest) = steps.split_first()?;
    match (data, step) {
        (Data::Map(mut map), Step::Key(key)) => {
            if let Some(below) = map.remove(key)
                && let Some(left) = prune(below, rest)
            {
                map.insert(key.clone(), left);
            }
            (!map.is_empty()).then_some(Data::Map(map))
        }
        (Data::List(mut list), Step::At(at)) if *at < list.len() => {
            let item = list.remove(*at);
            if let Some(data) = prune(item.data, rest) {
                list.insert(*at, super::value::Item { data, ..item });
            }
            Some(Data::List(list))
        }
        (Data::List(list), Step::With(key, value)) => {
            let wanted = |data: &Data| match data {
                Data::Map(map) => matches!(map.get(key), Some(Data::Scalar(text)) if ends_with(text, value)),
                _ => false,
            };
            let pruned = list.into_iter().filter_map(|item| match wanted(&item.data) {
                true => prune(item.data, rest).map(|data| super::value::Item { id: item.id, data }),
                false => Some(item),
            });
            Some(Data::List(pruned.collect()))
        }
        // A key without a value becomes a map when one is set below it.
        (Data::Scalar(text), Step::Key(_)) if text == "null" => None,
        (data, _) => Some(data),
    }
}

/// Whether a scalar means a text; before it, its type may stand.
fn ends_with(scalar: &str, text: &str) -> bool {
    scalar == text || scalar.strip_suffix(text).is_some_and(|kind| kind.ends_with(':'))
}

/// A plain value as a text; `None` for lists and maps.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) const NO_MAP: &str = "what stands above it is no map";
pub(super) const NO_ITEM: &str = "there is no such item in the list";
pub(super) const NOT_UTF8: &str = "the file is not in UTF-8, so only ASCII can be set in it";
const NOT_PLAIN: &str = "a list or a map cannot be written here";

#[cfg(test)]
mod tests;
