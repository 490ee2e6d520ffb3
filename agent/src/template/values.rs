//! Values for templates: layers of YAML or JSON that are merged key by key, with references to secrets in them.
//!
//! A secret is a map of the form `{secret: {file: PATH}}`, `{secret: {env: NAME}}` or `{secret: {value: TEXT}}`. It stays
//! a reference until all layers are merged, so that one which is overridden is never read.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::mask::decoy;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::nearest::{did_you_mean, quoted};
use crate::config::yaml;
use crate::merge::edit::line_of;

/// The names that pitstop gives values itself; no layer may use them.
pub const RESERVED: [&str; 2] = ["instance", "vars"];

const SECRET: &str = "secret";
const KINDS: [&str; 3] = ["file", "env", "value"];

/// Where a value stands in a tree: keys, and numbers of list items.
pub type Place = Vec<String>;

/// One file of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Where it stands, for messages.
    pub path: PathBuf,
    text: String,
    tree: Map<String, Value>,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// In a file of its own.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
    /// Among the values themselves.
    Value(String),
}

/// All layers, merged; secrets are references yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    layers: Vec<Layer>,
    tree: Map<String, Value>,
}

/// What templates may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// By name.
    pub tree: Map<String, Value>,
    /// The same with something else in every secret's place: what differs in a result because of it is secret.
    pub decoys: Map<String, Value>,
    /// The secrets themselves.
    pub secrets: Vec<String>,
    layers: Vec<Layer>,
}

impl Layer {
    /// Reads one document, a map. Relative paths of secrets become relative to `path`'s folder.
    ///
    /// # Errors
    /// `settings`: it is not YAML or JSON, not a map, a reserved name is used, or a secret's form is wrong. No message
    /// holds a value.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut document: serde_yaml::Value = yaml::parse(text, path)?;
        let refused =
            |why: &str| Failure::new(ErrorKind::Settings, format!("{}: {why}", path.display())).at(path);
        // An empty file, or one of comments only.
        if document.is_null() {
            document = serde_yaml::Value::Mapping(serde_yaml::Mapping::new());
        }
        if document.apply_merge().is_err() {
            return Err(refused("a `<<` key refers to something that is not a map"));
        }
        let plain = (!is_tagged(&document)).then(|| serde_json::to_value(&document));
        let Some(Ok(Value::Object(mut tree))) = plain else {
            let why = "values are a map of names, without tags";
            return Err(refused(why));
        };
        if let Some(name) = tree.keys().find(|name| RESERVED.contains(&name.as_str())) {
            return Err(refused(&format!("`{name}` is taken; pitstop gives it its value")));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for (name, value) in &mut tree {
            settle_references(value, folder, name).map_err(|why| refused(&why))?;
        }
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tree,
        })
    }

    /// Whether a secret stands in the layer itself, so that nobody else may be able to read it.
    pub fn holds_secrets(&self) -> bool {
        let mut found = Vec::new();
        references(&Value::Object(self.tree.clone()), &mut Vec::new(), &mut found);
        found
            .iter()
            .any(|(_, reference)| matches!(reference, Reference::Value(_)))
    }
}

/// Merges layers: what a later one says wins, key by key; lists are replaced as a whole. `known` are names that pitstop
/// gives values itself.
pub fn merge(layers: Vec<Layer>, known: Map<String, Value>) -> Merged {
    let mut tree = known;
    for layer in &layers {
        overlay(&mut tree, &layer.tree);
    }
    Merged { layers, tree }
}

impl Merged {
    /// Every secret that is needed: its place and where it is.
    pub fn references(&self) -> Vec<(Place, Reference)> {
        let mut found = Vec::new();
        for (name, value) in &self.tree {
            references(value, &mut vec![name.clone()], &mut found);
        }
        found
    }

    /// The file and the line that a value comes from, for messages.
    pub fn origin(&self, place: &[String]) -> String {
        origin(&self.layers, place)
    }

    /// Puts secrets in their references' places, in the order of [`Merged::references`].
    pub fn with_secrets(self, secrets: Vec<String>) -> Values {
        let filled = |texts: Vec<String>| {
            let (mut tree, mut texts) = (self.tree.clone(), texts.into_iter());
            tree.values_mut().for_each(|value| fill_in(value, &mut texts));
            tree
        };
        Values {
            decoys: filled(secrets.iter().map(|secret| decoy(secret)).collect()),
            tree: filled(secrets.clone()),
            secrets,
            layers: self.layers,
        }
    }
}

impl Values {
    /// The value at a place.
    pub fn at(&self, place: &[String]) -> Option<&Value> {
        look(&self.tree, place)
    }

    /// What stands at a place instead of a secret.
    pub fn decoy_at(&self, place: &[String]) -> Option<&Value> {
        look(&self.decoys, place)
    }

    /// The file and the line that a value comes from, for messages.
    pub fn origin(&self, place: &[String]) -> String {
        origin(&self.layers, place)
    }

    /// The places of every single value of the layers from the one of this number on, the earlier layers' left out.
    pub fn leaves_from(&self, layer: usize) -> Vec<Place> {
        let mut found = Vec::new();
        for layer in self.layers.iter().skip(layer) {
            for (name, value) in &layer.tree {
                leaves(value, &mut vec![name.clone()], &mut found);
            }
        }
        found.sort();
        found.dedup();
        // A later layer may have put something else above them.
        found.retain(|place| self.at(place).is_some());
        found
    }

    /// A text in which every secret is replaced. Secrets of a letter or three are too common to be found that way.
    pub fn scrub(&self, text: &str) -> String {
        super::scrub::scrub(text, &self.secrets)
    }
}

fn is_tagged(value: &serde_yaml::Value) -> bool {
    match value {
        serde_yaml::Value::Tagged(_) => true,
        serde_yaml::Value::Sequence(list) => list.iter().any(is_tagged),
        serde_yaml::Value::Mapping(map) => map.iter().any(|(key, value)| is_tagged(key) || is_tagged(value)),
        _ => false,
    }
}

fn look<'t>(tree: &'t Map<String, Value>, place: &[String]) -> Option<&'t Value> {
    let (first, rest) = place.split_first()?;
    rest.iter().try_fold(tree.get(first)?, |value, key| match value {
        Value::Object(map) => map.get(key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

fn origin(layers: &[Layer], place: &[String]) -> String {
    let layer = layers
        .iter()
        .rev()
        .find(|layer| look(&layer.tree, place).is_some());
    let Some(layer) = layer else {
        return "the values".to_owned();
    };
    let path = layer.path.display();
    match line_of(&layer.text, place) {
        Some(line) => format!("{path}, line {line}"),
        None => path.to_string(),
    }
}

fn overlay(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above))
                if reference(below).is_none() && reference(above).is_none() =>
            {
                overlay(below, above);
            }
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The reference that a map is, if it is one. Its form was checked when the layer was read.
fn reference(map: &Map<String, Value>) -> Option<Reference> {
    let Some((SECRET, Value::Object(inner))) = only_entry(map) else {
        return None;
    };
    match only_entry(inner)? {
        ("file", Value::String(path)) => Some(Reference::File(path.into())),
        ("env", Value::String(name)) => Some(Reference::Env(name.clone())),
        ("value", Value::String(text)) => Some(Reference::Value(text.clone())),
        _ => None,
    }
}

fn only_entry(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, value) = map.iter().next().filter(|_| map.len() == 1)?;
    Some((key, value))
}

/// Checks the form of every reference and makes the paths of files absolute.
fn settle_references(value: &mut Value, folder: &Path, at: &str) -> std::result::Result<(), String> {
    match value {
        Value::Array(list) => list
            .iter_mut()
            .enumerate()
            .try_for_each(|(number, item)| settle_references(item, folder, &format!("{at}[{number}]"))),
        Value::Object(map) => {
            let looks_like_one = matches!(
                only_entry(map),
                Some((SECRET, Value::Object(inner))) if reference(inner).is_none()
            );
            if looks_like_one {
                return settle_reference(map, folder, at);
            }
            map.iter_mut()
                .try_for_each(|(key, below)| settle_references(below, folder, &format!("{at}.{key}")))
        }
        _ => Ok(()),
    }
}

fn settle_reference(
    map: &mut Map<String, Value>,
    folder: &Path,
    at: &str,
) -> std::result::Result<(), String> {
    let Some(Value::Object(inner)) = map.get_mut(SECRET) else {
        return Ok(());
    };
    let expected = || format!("a secret is given by one of {}", quoted(KINDS));
    let mut keys = inner.keys();
    let kind = match (keys.next().cloned(), keys.next()) {
        (Some(kind), None) => kind,
        _ => return Err(format!("{at}: {}", expected())),
    };
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!(
            "{at}: unknown `{kind}`{}; {}",
            did_you_mean(&kind, KINDS),
            expected()
        ));
    }
    match inner.get_mut(&kind) {
        Some(Value::String(text)) if text.is_empty() => Err(format!("{at}: `{kind}` of a secret is empty")),
        Some(Value::String(path)) if kind == "file" => {
            *path = folder.join(&path).to_string_lossy().into_owned();
            Ok(())
        }
        Some(Value::String(_)) => Ok(()),
        _ => Err(format!("{at}: `{kind}` of a secret must be a text")),
    }
}

fn references(value: &Value, place: &mut Place, found: &mut Vec<(Place, Reference)>) {
    match value {
        Value::Object(map) => match reference(map) {
            Some(reference) => found.push((place.clone(), reference)),
            None => each_below(value, place, |below, place| references(below, place, found)),
        },
        _ => each_below(value, place, |below, place| references(below, place, found)),
    }
}

/// The same walk as [`references`]: the order is what connects a secret with its place.
fn fill_in(value: &mut Value, texts: &mut impl Iterator<Item = String>) {
    match value {
        Value::Object(map) if reference(map).is_some() => {
            *value = texts.next().map_or(Value::Null, Value::String);
        }
        Value::Object(map) => map.values_mut().for_each(|below| fill_in(below, texts)),
        Value::Array(list) => list.iter_mut().for_each(|below| fill_in(below, texts)),
        _ => {}
    }
}

fn leaves(value: &Value, place: &mut Place, found: &mut Vec<Place>) {
    let is_leaf = match value {
        Value::Object(map) => map.is_empty() || reference(map).is_some(),
        Value::Array(list) => list.is_empty(),
        _ => true,
    };
    if is_leaf {
        found.push(place.clone());
    } else {
        each_below(value, place, |below, place| leaves(below, place, found));
    }
}

fn each_below(value: &Value, place: &mut Place, mut work: impl FnMut(&Value, &mut Place)) {
    let mut step = |key: String, below: &Value| {
        place.push(key);
        work(below, place);
        place.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, below)| step(key.clone(), below)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(at, below)| step(at.to_string(), below)),
        _ => {}
    }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
