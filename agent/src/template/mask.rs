//! What of a file may be shown: the lines that hold secrets, and a diff in which they are hidden.
//!
//! A line is secret if it comes out otherwise when every secret is something else, whatever a template does with it:
//! encoded, cut or joined. Beside that, a line is taken for secret that holds a secret as it is, that was secret when it
//! was written, or whose key sounds like one: what stood there before is nobody's to show either.

use std::collections::{BTreeMap, BTreeSet};

use gix_imara_diff::{Algorithm, Diff, InternedInput, Token, UnifiedDiffConfig, UnifiedDiffPrinter};

use super::spans::spans;
use crate::model::Digest;

/// What stands in a secret's place.
pub const SHOWN: &str = "<secret>";

/// More lines of one file's diff are not shown.
const MOST_LINES: usize = 2000;

/// Something of the same shape as a secret, so that a template does the same with it.
pub fn decoy(secret: &str) -> String {
    let turned =
        |c: char, first: char, by: u8, of: u8| char::from((c as u8 - first as u8 + by) % of + first as u8);
    let other: String = secret
        .chars()
        .map(|c| match c {
            'a'..='z' => turned(c, 'a', 13, 26),
            'A'..='Z' => turned(c, 'A', 13, 26),
            '0'..='9' => turned(c, '0', 5, 10),
            other => other,
        })
        .collect();
    if other == secret { other + "x" } else { other }
}

/// Which lines of a content are secret, and how they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    hidden: BTreeMap<String, String>,
    /// More words in keys whose values are secrets.
    words: Vec<String>,
}

impl Mask {
    /// The mask of a new content. `other` is what it would be with other secrets; `None` if that cannot be told, then
    /// every line is hidden.
    /// `words` are more words in keys whose values are secrets.
    pub fn new(content: &str, other: Option<&str>, secrets: &[String], words: &[String]) -> Self {
        let mut mask = Self {
            words: words.to_vec(),
            ..Self::default()
        };
        if secrets.is_empty() {
            return mask.with_telling(content);
        }
        let others: Option<Vec<&str>> = other.map(|other| other.lines().collect());
        let lines: Vec<&str> = content.lines().collect();
        let others = others.filter(|others| others.len() == lines.len());
        for (at, line) in lines.iter().enumerate() {
            match &others {
                None => mask.hide(line, ""),
                Some(others) if others[at] != *line => mask.hide(line, visible(line, others[at])),
                Some(_) if holds_any(line, secrets) => mask.hide(line, ""),
                Some(_) => {}
            }
        }
        mask.with_telling(content)
    }

    /// The mask of texts that others wrote.
    pub fn of_others<'t>(texts: impl IntoIterator<Item = &'t str>, words: &[String]) -> Self {
        let mask = Self {
            words: words.to_vec(),
            ..Self::default()
        };
        texts.into_iter().fold(mask, Self::with_telling)
    }

    /// Whether a line is secret.
    pub fn hides(&self, line: &str) -> bool {
        self.hidden.contains_key(line)
    }

    /// The digests of the lines that are secret, to know them again when they are replaced.
    pub fn digests(&self) -> BTreeSet<Digest> {
        self.hidden
            .keys()
            .map(|line| Digest::of(line.as_bytes()))
            .collect()
    }

    /// Whether no line is secret.
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Adds the secret lines of what stands there now: those that `written` names, and those that stand in a hidden
    /// line's place.
    fn with_old(mut self, old: &str, secrets: &[String], written: &BTreeSet<Digest>) -> Self {
        let starts: BTreeSet<String> = self
            .hidden
            .values()
            .filter_map(|shown| shown.strip_suffix(SHOWN))
            .filter(|start| !start.trim().is_empty())
            .map(str::to_owned)
            .collect();
        for line in old.lines() {
            let start = starts.iter().find(|start| line.starts_with(start.as_str()));
            match start {
                Some(start) => self.hide(line, start),
                None if holds_any(line, secrets) || written.contains(&Digest::of(line.as_bytes())) => {
                    self.hide(line, "");
                }
                None => {}
            }
        }
        self.with_telling(old)
    }

    fn with_telling(mut self, content: &str) -> Self {
        for span in spans(content, &self.words) {
            let mut at = content[..span.start].rfind('\n').map_or(0, |end| end + 1);
            let end = content[span.end..]
                .find('\n')
                .map_or(content.len(), |end| span.end + end);
            for line in content[at..end].split('\n') {
                let secret = &content[span.start.max(at)..span.end.min(at + line.len())];
                let visible = span.start.saturating_sub(at);
                // Where a text of several lines ends, its quotes may stand alone.
                let is_blank = |c: char| c.is_whitespace() || visible == 0 && matches!(c, '"' | '\'');
                if !secret.trim_matches(is_blank).is_empty() {
                    self.hide(line.strip_suffix('\r').unwrap_or(line), &line[..visible]);
                }
                at += line.len() + 1;
            }
        }
        self
    }

    fn hide(&mut self, line: &str, visible: &str) {
        let indentation = &line[..line.len() - line.trim_start().len()];
        let start = if visible.is_empty() { indentation } else { visible };
        if !line.trim().is_empty() {
            let shown = format!("{start}{SHOWN}");
            self.hidden.entry(line.to_owned()).or_insert(shown);
        }
    }

    fn shown<'l>(&'l self, line: &'l str) -> &'l str {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let bare = line.strip_suffix('\r').unwrap_or(line);
        self.hidden.get(bare).map_or(bare, String::as_str)
    }
}

/// What both lines begin with, up to the last sign that separates a key from its value.
fn visible<'l>(line: &'l str, other: &str) -> &'l str {
    let same = line
        .char_indices()
        .zip(other.chars())
        .find(|((_, a), b)| a != b)
        .map_or(0, |((at, _), _)| at);
    let end = line[..same].rfind(['=', ':', '>']).map_or(0, |at| at + 1);
    let spaces = line[end..same].len() - line[end..same].trim_start().len();
    &line[..if end == 0 { 0 } else { end + spaces }]
}

/// Whether a line holds a secret, or a line of one. What is short is found too often to tell anything.
fn holds_any(line: &str, secrets: &[String]) -> bool {
    let parts = secrets.iter().flat_map(|secret| secret.lines());
    parts
        .map(str::trim)
        .any(|part| part.len() > 3 && line.contains(part))
}

/// A unified diff with nothing secret in it; empty if there is no difference. `written` are the digests of lines that
/// were secret when the old content was written.
pub fn diff(
    path: &str,
    [old, new]: [&str; 2],
    mask: &Mask,
    secrets: &[String],
    written: &BTreeSet<Digest>,
) -> String {
    if old == new {
        return String::new();
    }
    let mask = mask.clone().with_old(old, secrets, written);
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = Printer {
        mask: &mask,
        input: &input,
    };
    let text = format!(
        "--- {path}\n+++ {path}\n{}",
        diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input)
    );
    match text.match_indices('\n').nth(MOST_LINES - 1) {
        Some((at, _)) => format!("{}\n(more lines follow)\n", &text[..at]),
        None => text,
    }
}

struct Printer<'a> {
    mask: &'a Mask,
    input: &'a InternedInput<&'a str>,
}

impl Printer<'_> {
    fn line(&self, f: &mut impl std::fmt::Write, sign: char, token: Token) -> std::fmt::Result {
        let line = self.input.interner[token];
        writeln!(f, "{sign}{}", self.mask.shown(line))?;
        match line.ends_with('\n') {
            true => Ok(()),
            false => writeln!(f, "\\ no line end at the end of the file"),
        }
    }
}

impl UnifiedDiffPrinter for Printer<'_> {
    fn display_header(
        &self,
        mut f: impl std::fmt::Write,
        start_before: u32,
        start_after: u32,
        len_before: u32,
        len_after: u32,
    ) -> std::fmt::Result {
        // Nothing begins after the line before it.
        let first = |start: u32, len: u32| if len == 0 { start } else { start + 1 };
        let (before, after) = (first(start_before, len_before), first(start_after, len_after));
        writeln!(f, "@@ -{before},{len_before} +{after},{len_after} @@")
    }

    fn display_context_token(&self, mut f: impl std::fmt::Write, token: Token) -> std::fmt::Result {
        self.line(&mut f, ' ', token)
    }

    fn display_hunk(
        &self,
        mut f: impl std::fmt::Write,
        before: &[Token],
        after: &[Token],
    ) -> std::fmt::Result {
        before
            .iter()
            .try_for_each(|token| self.line(&mut f, '-', *token))?;
        after.iter().try_for_each(|token| self.line(&mut f, '+', *token))
    }
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
