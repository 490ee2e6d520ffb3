//! Three-way merges: bytes × 3 → merged bytes or conflicts. Pure.
//!
//! A file is merged by lines first. If that is clean and reads as exactly the key-level merge of what the three files say
//! ([`value`]), it is the most faithful result there is. Otherwise the three files are merged as trees ([`tree`]), and that
//! is judged in the same way. What cannot be merged is a conflict, of keys where the tree knows them, else of lines.
//!
//! # Plugging in a format
//!
//! A structured format is two functions that know nothing of each other, in a [`Structure`]:
//! - `parse`: the text into a lossless tree of spans ([`node::Node`]); fails for anything it does not fully understand,
//!   and for what is nested deeper than [`node::DEPTH`];
//! - `data`: the text into plain data ([`value::Data`]), by an independent library where there is one; fails for what a
//!   reader of the format would refuse, such as a key that is there twice.
//!
//! Both get text without byte order mark, with `\n` at the end of every line including the last (mixed line ends excepted,
//! so `\r` must be taken as white space). Add the pair to [`Format::structure`] and the names to [`Format::of_name`].
//! What a node says must be in its key or in a [`node::Value`]; the rest of its text is layout, of which the operator's
//! wins. [`lines`] and [`json`] are the examples.

pub mod align;
pub mod chunk;
mod identity;
pub mod ini;
pub mod json;
pub mod lines;
pub mod node;
pub mod properties;
pub mod text;
pub mod tree;
pub mod value;

use std::borrow::Cow;

use chunk::{Chunk, Conflict};
use node::Node;
use value::Data;

/// Why a text is not what its format says. Never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The byte that it was found at.
    pub at: usize,
    /// What was found.
    pub reason: Cow<'static, str>,
}

impl ParseError {
    /// An error at a byte.
    pub fn new(at: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at,
            reason: reason.into(),
        }
    }
}

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON, with comments tolerated.
    Json,
    /// YAML.
    Yaml,
    /// XML.
    Xml,
    /// Java properties.
    Properties,
    /// INI and the like.
    Ini,
    /// OSGi's `bundles.info`.
    BundlesInfo,
    /// Anything else, by lines.
    Text,
}

/// How a structured format is read.
#[derive(Debug)]
pub struct Structure {
    /// The text as a tree of spans.
    pub parse: for<'s> fn(&'s str) -> Result<Node<'s>, ParseError>,
    /// What the text says.
    pub data: fn(&str) -> Result<Data, ParseError>,
    /// Whether the text keeps to the strict form of the format; if the sides do, the result must.
    pub is_strict: fn(&str) -> bool,
}

impl Format {
    /// How it is read; `None` if it has no structure.
    pub fn structure(self) -> Option<&'static Structure> {
        match self {
            Self::Json => Some(&Structure {
                parse: json::parse,
                data: json::data,
                is_strict: json::is_strict,
            }),
            Self::Properties => Some(&Structure {
                parse: properties::parse,
                data: properties::data,
                is_strict: |_| true,
            }),
            Self::Ini => Some(&Structure {
                parse: ini::parse,
                data: ini::data,
                is_strict: |_| true,
            }),
            Self::Toml | Self::Yaml | Self::Xml | Self::BundlesInfo | Self::Text => None,
        }
    }

    /// The format that a file's name says.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name == "bundles.info" {
            return Some(Self::BundlesInfo);
        }
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "toml" => Self::Toml,
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            "xml" | "xsd" | "wsdl" | "config" | "csproj" | "props" | "targets" => Self::Xml,
            "properties" => Self::Properties,
            "ini" | "conf" | "cfg" | "cnf" => Self::Ini,
            "sh" | "bash" | "bat" | "env" => Self::Text,
            _ => return None,
        })
    }
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Both sides' changes, together.
    Clean(Vec<u8>),
    /// Both sides changed the same things.
    Conflicts(Conflicts),
    /// A side is not text, or too large.
    NotText,
}

/// A result that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// The text with conflict markers.
    pub text: Vec<u8>,
    /// What each is about.
    pub conflicts: Vec<Conflict>,
}

/// How many characters a conflict marker has, as in git.
pub const MARKER_SIZE: usize = 7;

/// Merges three versions of a file. `current` is the operator's side, `new` the vendor's. Without a format it is found by
/// the name.
pub fn merge(name: &str, format: Option<Format>, [base, current, new]: [&[u8]; 3]) -> Merged {
    if current == new || base == new {
        return Merged::Clean(current.to_vec());
    }
    if base == current {
        return Merged::Clean(new.to_vec());
    }
    let format = format.or_else(|| Format::of_name(name)).unwrap_or(Format::Text);
    let by_lines = match text::merge(base, current, new) {
        text::Merged::NotText => return Merged::NotText,
        text::Merged::Clean(merged) => Some(merged),
        text::Merged::Conflicts(_) => None,
    };
    let structured = format
        .structure()
        .and_then(|structure| structured(structure, [base, current, new], by_lines.as_deref()));
    match (structured, by_lines) {
        (Some(merged), _) => merged,
        (None, Some(merged)) => Merged::Clean(merged),
        (None, None) => Merged::Conflicts(Conflicts {
            text: text::marked(base, current, new, MARKER_SIZE),
            conflicts: Vec::new(),
        }),
    }
}

/// `None` if a side cannot be read.
fn structured(structure: &Structure, sides: [&[u8]; 3], by_lines: Option<&[u8]>) -> Option<Merged> {
    let layout = Layout::of(sides)?;
    let texts = layout.texts.each_ref().map(String::as_str);
    let [base, current, new] = texts.map(structure.data);
    let (base, current, new) = (base.ok()?, current.ok()?, new.ok()?);
    let strict = texts.into_iter().skip(1).all(structure.is_strict);
    let wanted = value::merge(&base, &current, &new);
    let is_right = |text: &str| {
        (!strict || (structure.is_strict)(text))
            && wanted
                .as_ref()
                .is_ok_and(|wanted| (structure.data)(text).as_ref() == Ok(wanted))
    };
    let plain = by_lines.and_then(|bytes| layout.plain(bytes));
    if let (Some(bytes), Some(text)) = (by_lines, &plain)
        && is_right(text)
    {
        return Some(Merged::Clean(bytes.to_vec()));
    }
    let [base, current, new] = texts.map(structure.parse);
    let chunks = tree::merge(&base.ok()?, &current.ok()?, &new.ok()?);
    match chunks.clean() {
        Some(text) if is_right(&text) => Some(Merged::Clean(layout.restore(&text).into_bytes())),
        Some(_) => Some(Merged::Conflicts(Conflicts {
            text: text::marked(sides[0], sides[1], sides[2], MARKER_SIZE),
            conflicts: Vec::new(),
        })),
        None => {
            let chunks = chunks.whole_lines();
            let text = layout.restore(&chunks.marked(MARKER_SIZE, "\n"));
            let conflicts = chunks.conflicts().cloned().collect();
            Some(Merged::Conflicts(Conflicts {
                text: text.into_bytes(),
                conflicts,
            }))
        }
    }
}

/// What all sides are freed of before they are read, and how it comes back.
struct Layout {
    texts: [String; 3],
    bom: bool,
    crlf: bool,
    final_newline: bool,
}

const BOM: char = '\u{feff}';

impl Layout {
    fn of(sides: [&[u8]; 3]) -> Option<Self> {
        let [base, current, new] = sides.map(|side| std::str::from_utf8(side).ok());
        let texts = [base?, current?, new?];
        let bare = texts.map(|text| text.strip_prefix(BOM).unwrap_or(text));
        let is_crlf =
            |text: &str| text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
        let is_uniform = |text: &str| {
            !text.contains('\r') || is_crlf(text) && text.matches('\r').count() == text.matches('\n').count()
        };
        let normal = bare.iter().all(|text| is_uniform(text));
        let plain = bare.map(|text| {
            let mut text = if normal {
                text.replace("\r\n", "\n")
            } else {
                text.to_owned()
            };
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text
        });
        let ends = bare.map(|text| text.is_empty() || text.ends_with('\n'));
        Some(Self {
            texts: plain,
            bom: texts[1].starts_with(BOM),
            crlf: normal && is_crlf(bare[1]),
            final_newline: if ends[0] == ends[1] { ends[2] } else { ends[1] },
        })
    }

    /// A result as it is read.
    fn plain(&self, bytes: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let mut text = text.replace("\r\n", "\n");
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Some(text)
    }

    /// A result as the operator has it.
    fn restore(&self, text: &str) -> String {
        let text = if self.final_newline {
            text
        } else {
            text.strip_suffix('\n').unwrap_or(text)
        };
        let text = if self.crlf {
            text.replace('\n', "\r\n")
        } else {
            text.to_owned()
        };
        if self.bom { format!("{BOM}{text}") } else { text }
    }
}

impl Chunk {
    /// Whether it is a conflict.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}
