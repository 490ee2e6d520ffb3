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
//! so `\r` must be taken as white space). Add the pair to [`Format::structure`] in [`format`], where the names
//! are too.
//! What a node says must be in its key or in a [`node::Value`]; the rest of its text is layout, of which the operator's
//! wins. [`lines`] and [`json`] are the examples. Where only the three sides together say which parts are the same one, a
//! format also has a [`format::Pairing`].

pub mod align;
mod at_once;
pub mod bundles_info;
pub mod chunk;
pub mod edit;
pub mod format;
mod identity;
pub mod ini;
pub mod json;
pub mod keys;
mod layout;
pub mod lines;
pub mod node;
pub mod normal;
pub mod properties;
pub mod settle;
mod similar;
pub mod text;
pub mod toml;
pub mod tree;
pub mod value;
pub mod xml;
pub mod yaml;

use std::borrow::Cow;
use std::cell::LazyCell;

use chunk::{Chunks, Conflict};
pub use format::{Format, Structure};
use layout::Layout;
use settle::Undecided;
use text::refine;
use value::{Clash, Data, Prefer};

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

/// How a merge is done.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The format; found by name and content without it.
    pub format: Option<Format>,
    /// How many characters a conflict marker has.
    pub marker_size: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: None,
            marker_size: MARKER_SIZE,
        }
    }
}

/// How many characters a conflict marker has, as in git.
pub const MARKER_SIZE: usize = 7;

/// Merges three versions of a file. `current` is the operator's side, `new` the vendor's.
pub fn merge(name: &str, options: Options, sides: [&[u8]; 3]) -> Merged {
    merge_and_tell(name, options, sides).0
}

/// As [`merge`], with the format that the files were read as; [`Format::Text`] where there was nothing to read.
pub fn merge_and_tell(name: &str, options: Options, sides: [&[u8]; 3]) -> (Merged, Format) {
    match open(name, options, sides) {
        (Opened::Clean(merged), format) => (Merged::Clean(merged), format),
        (Opened::NotText, format) => (Merged::NotText, format),
        (Opened::Undecided(open), format) => {
            let conflicts = Conflicts {
                text: open.marked(&[], options.marker_size),
                conflicts: open.conflicts().cloned().collect(),
            };
            (Merged::Conflicts(conflicts), format)
        }
    }
}

/// What came of a merge whose conflicts can still be decided one by one.
#[derive(Debug)]
pub enum Opened {
    /// Both sides' changes, together.
    Clean(Vec<u8>),
    /// Both sides changed the same things.
    Undecided(Box<Undecided>),
    /// A side is not text, or too large.
    NotText,
}

/// As [`merge_and_tell`]; what is in conflict stays open for decisions.
pub fn open(name: &str, options: Options, [base, current, new]: [&[u8]; 3]) -> (Opened, Format) {
    if current == new || base == new {
        return (Opened::Clean(current.to_vec()), Format::Text);
    }
    if base == current {
        return (Opened::Clean(new.to_vec()), Format::Text);
    }
    let by_lines = match text::merge(base, current, new) {
        text::Merged::NotText => return (Opened::NotText, Format::Text),
        text::Merged::Clean(merged) => Some(merged),
        text::Merged::Conflicts(_) => None,
    };
    let layout = Layout::of([base, current, new]);
    let formats = match options.format {
        Some(format) => vec![format],
        None => Format::candidates(name, &layout.texts[1]),
    };
    let read = |format: &Format| Some((*format, Known::new(format.structure()?, &layout)?));
    let found = formats.iter().find_map(read);
    let format = found.as_ref().map_or(Format::Text, |(format, _)| *format);
    let known = found.map(|(_, known)| known);
    let result = match &known {
        Some(known) => Judge {
            known,
            layout: &layout,
        }
        .merge(by_lines),
        None => lines(&formats, &layout, by_lines),
    };
    let opened = match result {
        Ok(merged) => match left_conflict(&layout) {
            Some(left) => Opened::Undecided(Box::new(Undecided::left(left, merged))),
            None => Opened::Clean(merged),
        },
        Err(chunks) => {
            let reads = reads(&formats, &layout);
            let chunks = chunks.whole_lines();
            Opened::Undecided(Box::new(Undecided::new(format, chunks, layout, known, reads)))
        }
    };
    (opened, format)
}

/// A conflict that the operator left in the file: nothing that has it is merged.
fn left_conflict(layout: &Layout) -> Option<Conflict> {
    let [base, current, new] = &layout.texts;
    let marker = |text: &str| {
        let is_marker = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
        text.lines().position(is_marker)
    };
    let line = marker(current).filter(|_| marker(base).is_none() && marker(new).is_none())?;
    let text = current.lines().nth(line).map(str::to_owned);
    Some(Conflict {
        path: String::new(),
        line: Some(line + 1),
        values: [None, text, None],
        texts: Default::default(),
    })
}

/// The merged file, or the pieces of a merge with conflicts.
type Outcome = Result<Vec<u8>, Chunks>;

/// Merges by lines alone. Where both sides can be read and only base cannot, so must the result, unless it is too much.
fn lines(formats: &[Format], layout: &Layout, by_lines: Option<Vec<u8>>) -> Outcome {
    let [base, current, new] = &layout.texts;
    let reads = reads(formats, layout);
    let is_right = |text: &str| reads.is_none_or(|reads| reads(text).is_ok());
    if let Some(merged) = by_lines.filter(|merged| is_right(&layout.plain(merged))) {
        return Ok(merged);
    }
    let chunks = refine::merge(base, current, new);
    match chunks.clean() {
        Some(text) if is_right(&text) => Ok(layout.restore(&text)),
        Some(_) => Err(refine::differences(current, new)),
        None => Err(chunks),
    }
}

/// How a text is read.
type Reader = fn(&str) -> Result<Data, ParseError>;

/// What reads both sides, and therefore must read the result.
fn reads(formats: &[Format], layout: &Layout) -> Option<Reader> {
    let [_, current, new] = &layout.texts;
    let structures = formats.iter().filter_map(|format| format.structure());
    let structures = structures.filter(|_| ![current, new].into_iter().any(|text| is_too_much(text)));
    let mut readable = structures.filter(|one| (one.data)(current).is_ok() && (one.data)(new).is_ok());
    readable.next().map(|structure| structure.data)
}

/// How many signs that may begin or end something a structured file may have: what it is read into takes far more memory
/// than its text.
const MOST_SIGNS: usize = 300_000;

fn is_too_much(text: &str) -> bool {
    let is_sign = |byte: &u8| b"\n,:=<{[".contains(byte);
    text.len() > MOST_SIGNS && text.bytes().filter(|byte| is_sign(byte)).count() > MOST_SIGNS
}

/// What three files say that can be read.
#[derive(Debug)]
struct Known {
    structure: &'static Structure,
    data: [Data; 3],
    strict: bool,
}

impl Known {
    /// `None` if a side cannot be read.
    fn new(structure: &'static Structure, layout: &Layout) -> Option<Self> {
        let texts = layout.texts.each_ref().map(String::as_str);
        if texts.into_iter().any(is_too_much) {
            return None;
        }
        let [base, current, new] = at_once::each(texts, |side| (structure.data)(texts[side]).ok());
        let mut data = [base?, current?, new?];
        if let Some(pairing) = &structure.pairing {
            (pairing.data)(data.each_mut());
        }
        Some(Self {
            structure,
            data,
            strict: texts.into_iter().skip(1).all(structure.is_strict),
        })
    }

    fn wanted(&self, prefer: Prefer) -> Result<Data, Clash> {
        let [base, current, new] = &self.data;
        value::merge(base, current, new, prefer)
    }

    /// What a text says; `None` if it may not be a result.
    fn read(&self, text: &str) -> Option<Data> {
        let Structure { data, is_strict, .. } = self.structure;
        (!self.strict || is_strict(text))
            .then(|| data(text).ok())
            .flatten()
    }

    /// Whether a text says one of these.
    fn says(&self, text: &str, wanted: &[Data]) -> bool {
        !wanted.is_empty() && self.read(text).is_some_and(|data| wanted.contains(&data))
    }
}

/// Merges files that can be read, and judges results by what they say.
struct Judge<'a> {
    known: &'a Known,
    layout: &'a Layout,
}

impl Judge<'_> {
    fn merge(&self, by_lines: Option<Vec<u8>>) -> Outcome {
        // Only made when a clean text asks for it: a conflict of keys is found without.
        let wanted = LazyCell::new(|| self.acceptable());
        let is_right = |text: &str| self.known.says(text, &wanted);
        let plain = by_lines.as_deref().map(|merged| self.layout.plain(merged));
        if let Some(merged) = by_lines
            && plain.as_deref().is_some_and(is_right)
        {
            return Ok(merged);
        }
        let [base, current, new] = &self.layout.texts;
        let by_lines = refine::merge(base, current, new);
        let clean = |chunks: &Chunks| {
            chunks
                .clean()
                .filter(|text| plain.as_ref() != Some(text) && is_right(text))
        };
        if let Some(text) = clean(&by_lines) {
            return Ok(self.layout.restore(&text));
        }
        let by_tree = self.tree();
        if let Some(text) = by_tree.as_ref().and_then(clean) {
            return Ok(self.layout.restore(&text));
        }
        let conflicts = by_tree.into_iter().chain([by_lines]);
        let conflicts = conflicts.filter(|chunks| chunks.conflicts().next().is_some());
        Err(self
            .resolvable(conflicts)
            .unwrap_or_else(|| refine::differences(current, new)))
    }

    /// What a clean result may say. Where both sides added to a list, its items may stand apart in the file (the elements of
    /// an array of tables in TOML): then their places there decide which come first.
    fn acceptable(&self) -> Vec<Data> {
        match self.known.wanted(Prefer::Neither) {
            Ok(wanted) => vec![wanted],
            Err(Clash::Changes) => Vec::new(),
            Err(Clash::Additions) => {
                let orders = [Prefer::CurrentFirst, Prefer::NewFirst].into_iter();
                orders.filter_map(|order| self.known.wanted(order).ok()).collect()
            }
        }
    }

    fn tree(&self) -> Option<Chunks> {
        let parse = self.known.structure.parse;
        let texts = self.layout.texts.each_ref().map(String::as_str);
        let [base, current, new] = at_once::each(texts, |side| parse(texts[side]).ok());
        let mut trees = [base?, current?, new?];
        if let Some(pairing) = &self.known.structure.pairing {
            trees
                .iter_mut()
                .zip(&self.known.data)
                .for_each(|(tree, data)| (pairing.nodes)(tree, data));
        }
        let [base, current, new] = &trees;
        Some(tree::merge(base, current, new))
    }

    /// The first in which taking either side in every conflict gives what that side means.
    fn resolvable(&self, mut merges: impl Iterator<Item = Chunks>) -> Option<Chunks> {
        let sides = [Prefer::Current, Prefer::New].map(|prefer| self.known.wanted(prefer).ok());
        let [Some(current), Some(new)] = sides else {
            return None;
        };
        let wanted = [[current], [new]];
        merges.find(|chunks| {
            let texts = [chunks.side(1), chunks.side(2)];
            let texts = texts.each_ref().map(String::as_str);
            at_once::each(texts, |side| self.known.says(texts[side], &wanted[side])) == [true; 2]
        })
    }
}

#[cfg(test)]
mod tests;
