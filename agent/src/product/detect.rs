//! Which product a tree is, and at which level.

use regex::Regex;

use super::Profile;
use super::glob::{Glob, is_glob};
use super::profile::{DetectRule, LevelPart};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Level, RelPath};

/// The little that detection reads of a tree: a home, an unpacked directory or an archive.
pub trait TreeView {
    /// The names of the files and directories directly in a directory (`""` is the root), in any order; empty if it
    /// does not exist.
    fn names_in(&self, dir: &str) -> Result<Vec<String>>;

    /// The first MiB of a file; `None` if it does not exist or is not a regular file.
    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>>;
}

/// What detection found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// The product's name.
    pub product: String,
    /// The level; `None` if the product matches but its level cannot be read.
    pub level: Option<Level>,
}

/// Whether a tree is a pack of this profile's product, and at which level.
///
/// # Errors
/// Reading failed, a regular expression of the profile is not one (`settings`), or the tree contradicts itself: a part
/// of the level has two values or one that is not a level (`not-a-pack`).
pub fn detect(profile: &Profile, tree: &dyn TreeView) -> Result<Option<Detected>> {
    for rule in &profile.detect {
        if !rule_holds(&profile.name, rule, tree)? {
            return Ok(None);
        }
    }
    let parts = profile.level.parts.iter();
    let parts: Option<Vec<String>> = parts
        .map(|part| value_of_part(&profile.name, part, tree))
        .collect::<Result<_>>()?;
    Ok(Some(Detected {
        product: profile.name.clone(),
        level: parts.map(|parts| Level::new(parts.join("."))),
    }))
}

fn rule_holds(product: &str, rule: &DetectRule, tree: &dyn TreeView) -> Result<bool> {
    let found = matching_paths(product, &rule.file, tree)?;
    let Some(regex) = &rule.regex else {
        return Ok(!found.is_empty());
    };
    let regex = compile(product, &rule.file, regex)?;
    for path in found {
        if text_of(&path, tree)?.is_some_and(|text| regex.is_match(&text)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The paths of a tree that a rule's `file` means, sorted. Its last component may be a glob.
///
/// # Errors
/// Reading failed, or another component is a glob (`settings`).
pub fn matching_paths(product: &str, file: &str, tree: &dyn TreeView) -> Result<Vec<RelPath>> {
    let (dir, last) = file.rsplit_once('/').unwrap_or(("", file));
    let bad = |why: &dyn std::fmt::Display| bad_profile(product, file, why);
    if is_glob(dir) {
        return Err(bad(&"only the last component may be a glob"));
    }
    let glob = Glob::new(last).map_err(|why| bad(&why))?;
    let mut paths = Vec::new();
    for name in tree.names_in(dir)?.iter().filter(|name| glob.matches(name)) {
        let path = if dir.is_empty() {
            RelPath::new(name)
        } else {
            RelPath::new(&format!("{dir}/{name}"))
        };
        paths.push(path.map_err(|why| bad(&why))?);
    }
    paths.sort();
    Ok(paths)
}

/// The value of one part of the level; `None` if it is not known.
fn value_of_part(product: &str, part: &LevelPart, tree: &dyn TreeView) -> Result<Option<String>> {
    let reader = PartReader::new(product, part)?;
    let mut found: Option<(String, RelPath)> = None;
    for path in matching_paths(product, &part.file, tree)? {
        let Some(value) = reader.read(&path, tree)? else {
            continue;
        };
        match &found {
            Some((first, at)) if *first != value => {
                return Err(two_levels(product, (first, at), (&value, &path)));
            }
            Some(_) => {}
            None => found = Some((value, path)),
        }
    }
    let Some((value, path)) = found.filter(|(value, _)| !part.unset.contains(value)) else {
        return Ok(part.default.clone());
    };
    if is_level_part(&value) {
        return Ok(Some(value));
    }
    let message =
        format!("cannot read the level of {product}: `{path}` gives `{value}`, which is not a level");
    Err(Failure::new(ErrorKind::NotAPack, message)
        .at(path.as_ref())
        .hint("a level consists of letters, digits, `.`, `_`, `+` and `-`; repair the file"))
}

/// Reads one part of a level out of one file.
enum PartReader<'a> {
    Name(Regex),
    Content(Regex),
    Json { product: &'a str, pointer: &'a str },
}

impl<'a> PartReader<'a> {
    fn new(product: &'a str, part: &'a LevelPart) -> Result<Self> {
        match (&part.name, &part.regex, &part.json) {
            (Some(name), None, None) => compile(product, &part.file, name).map(Self::Name),
            (None, Some(regex), None) => compile(product, &part.file, regex).map(Self::Content),
            (None, None, Some(pointer)) => Ok(Self::Json { product, pointer }),
            _ => Err(bad_profile(
                product,
                &part.file,
                &"a part of the level has exactly one of `name`, `regex` and `json`",
            )),
        }
    }

    fn read(&self, path: &RelPath, tree: &dyn TreeView) -> Result<Option<String>> {
        match self {
            Self::Name(regex) => Ok(first_group(regex, path.file_name())),
            Self::Content(regex) => Ok(text_of(path, tree)?.and_then(|text| first_group(regex, &text))),
            Self::Json { product, pointer } => match text_of(path, tree)? {
                Some(text) => json_value(product, pointer, path, &text),
                None => Ok(None),
            },
        }
    }
}

fn first_group(regex: &Regex, text: &str) -> Option<String> {
    regex
        .captures(text)?
        .get(1)
        .map(|group| group.as_str().trim().to_owned())
}

fn json_value(product: &str, pointer: &str, path: &RelPath, text: &str) -> Result<Option<String>> {
    let unreadable = |why: String| {
        let message = format!("cannot read the level of {product} from `{path}`: {why}");
        Failure::new(ErrorKind::NotAPack, message).at(path.as_ref())
    };
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| unreadable("it is not JSON".to_owned()).because(error))?;
    match json.pointer(pointer) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text.trim().to_owned())),
        Some(serde_json::Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(unreadable(format!("`{pointer}` is neither a text nor a number"))),
    }
}

fn text_of(path: &RelPath, tree: &dyn TreeView) -> Result<Option<String>> {
    let bytes = tree.head_of(path)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Levels become names of folders and words on command lines.
fn is_level_part(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    value.starts_with(|c: char| c.is_ascii_alphanumeric()) && value.chars().all(plain)
}

fn two_levels(product: &str, first: (&str, &RelPath), second: (&str, &RelPath)) -> Failure {
    let message = format!(
        "cannot tell the level of {product}: two levels at once, `{}` gives {} and `{}` gives {}",
        first.1, first.0, second.1, second.0
    );
    Failure::new(ErrorKind::NotAPack, message)
        .at(second.1.as_ref())
        .hint("remove the file that does not belong to this pack")
}

fn compile(product: &str, file: &str, regex: &str) -> Result<Regex> {
    Regex::new(regex).map_err(|error| {
        let why = format!("`{regex}` is not a regular expression");
        bad_profile(product, file, &why).because(error)
    })
}

fn bad_profile(product: &str, file: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        ErrorKind::Settings,
        format!("the profile {product} is not valid: the rule on `{file}`: {why}"),
    )
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
