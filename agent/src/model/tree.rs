//! Tree manifests: what a tree consists of, independent of where it lies.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Digest, RelPath};

/// What stands at one path. Modes are the permission bits (`0o7777`); absent where the archive did not record them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Entry {
    /// A regular file.
    File {
        /// Size in bytes.
        size: u64,
        /// SHA-256 of the content.
        sha256: Digest,
        /// Permission bits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
    /// A directory.
    Dir {
        /// Permission bits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
    },
    /// A symbolic link.
    Symlink {
        /// The link's text, as it stands.
        target: String,
    },
}

impl Entry {
    /// Whether both are of one kind with the same content, whatever their modes.
    pub fn same_content(&self, other: &Entry) -> bool {
        match (self, other) {
            (Entry::File { sha256: a, .. }, Entry::File { sha256: b, .. }) => a == b,
            (Entry::Dir { .. }, Entry::Dir { .. }) => true,
            (Entry::Symlink { target: a }, Entry::Symlink { target: b }) => a == b,
            _ => false,
        }
    }

    /// As [`Entry::same_content`], where either may be missing.
    pub fn same(a: Option<&Entry>, b: Option<&Entry>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => a.same_content(b),
            _ => false,
        }
    }

    /// The permission bits, where they are known.
    pub fn mode(&self) -> Option<u32> {
        match self {
            Entry::File { mode, .. } | Entry::Dir { mode } => *mode,
            Entry::Symlink { .. } => None,
        }
    }

    /// The same entry with other permission bits; links have none.
    #[must_use]
    pub fn with_mode(mut self, to: Option<u32>) -> Self {
        match &mut self {
            Entry::File { mode, .. } | Entry::Dir { mode } => *mode = to,
            Entry::Symlink { .. } => {}
        }
        self
    }

    /// The content's size in bytes; 0 for what is not a file.
    pub fn size(&self) -> u64 {
        match self {
            Entry::File { size, .. } => *size,
            _ => 0,
        }
    }

    /// The digest of a file's content.
    pub fn sha256(&self) -> Option<Digest> {
        match self {
            Entry::File { sha256, .. } => Some(*sha256),
            _ => None,
        }
    }
}

/// Path → entry of a whole tree. Its canonical digest names the tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeManifest {
    /// Every path of the tree, the root excluded.
    pub entries: BTreeMap<RelPath, Entry>,
}

/// A line of a stored manifest that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the manifest is not `kind mode size digest path`")]
pub struct ParseManifestError {
    /// The line's number, from 1.
    pub line: usize,
}

const HEADER: &str = "pitstop-manifest 1";

impl TreeManifest {
    /// The files below a directory.
    pub fn files_below<'a>(&'a self, dir: &'a RelPath) -> impl Iterator<Item = &'a RelPath> {
        let below = self
            .entries
            .iter()
            .filter(move |(path, _)| path.is_at_or_below(dir));
        below
            .filter(|(_, entry)| matches!(entry, Entry::File { .. }))
            .map(|(path, _)| path)
    }

    /// The digest that names the tree: SHA-256 of [`TreeManifest::encode`].
    pub fn digest(&self) -> Digest {
        Digest::of(self.encode().as_bytes())
    }

    /// Sum of all file sizes in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.entries.values().map(Entry::size).sum()
    }

    /// The canonical text: a header, then one line `kind mode size digest path` per entry in path order. Paths and
    /// link targets are escaped so that a line feed cannot break a line.
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(64 + self.entries.len() * 128);
        text.push_str(HEADER);
        text.push('\n');
        for (path, entry) in &self.entries {
            encode_entry(&mut text, path, entry);
        }
        text
    }

    /// Reads [`TreeManifest::encode`]'s text.
    ///
    /// # Errors
    /// The first line that cannot be understood.
    pub fn parse(text: &str) -> Result<Self, ParseManifestError> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(ParseManifestError { line: 1 });
        }
        let entries = lines
            .enumerate()
            .map(|(at, line)| parse_entry(line).ok_or(ParseManifestError { line: at + 2 }))
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }
}

fn encode_entry(text: &mut String, path: &RelPath, entry: &Entry) {
    let mode = entry
        .mode()
        .map_or_else(|| "-".to_owned(), |mode| format!("{mode:o}"));
    // Writing to a String cannot fail.
    let _ = match entry {
        Entry::File { size, sha256, .. } => {
            writeln!(text, "f {mode} {size} {sha256} {}", escape(path.as_str()))
        }
        Entry::Dir { .. } => writeln!(text, "d {mode} - - {}", escape(path.as_str())),
        Entry::Symlink { target } => {
            writeln!(
                text,
                "l {mode} - {} {}",
                escape(target).replace(' ', "\\s"),
                escape(path.as_str())
            )
        }
    };
}

fn parse_entry(line: &str) -> Option<(RelPath, Entry)> {
    let mut fields = line.splitn(5, ' ');
    let (kind, mode, size, content) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let path = RelPath::new(&unescape(fields.next()?)?).ok()?;
    let mode = match mode {
        "-" => None,
        octal => Some(u32::from_str_radix(octal, 8).ok()?),
    };
    let entry = match kind {
        "f" => Entry::File {
            size: size.parse().ok()?,
            sha256: content.parse().ok()?,
            mode,
        },
        "d" => Entry::Dir { mode },
        "l" => Entry::Symlink {
            target: unescape(content)?.into_owned(),
        },
        _ => return None,
    };
    Some((path, entry))
}

fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['\\', '\n', '\r']) {
        text.replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('\r', "\\r")
            .into()
    } else {
        text.into()
    }
}

fn unescape(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(text.into());
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                's' => ' ',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_entry() -> impl Strategy<Value = Entry> {
        let mode = proptest::option::of(0_u32..0o10000);
        prop_oneof![
            (any::<u64>(), any::<[u8; 32]>(), mode.clone()).prop_map(|(size, sha, mode)| Entry::File {
                size,
                sha256: Digest(sha),
                mode
            }),
            mode.prop_map(|mode| Entry::Dir { mode }),
            "[a-z/ \\\\\n.]{1,12}".prop_map(|target| Entry::Symlink { target }),
        ]
    }

    proptest! {
        #[test]
        fn encode_and_parse_round_trip(raw in proptest::collection::btree_map("[a-zü \\\\\n\r]{1,8}", any_entry(), 0..8)) {
            let entries = raw.into_iter().filter_map(|(p, e)| Some((RelPath::new(&p).ok()?, e))).collect();
            let manifest = TreeManifest { entries };
            prop_assert_eq!(TreeManifest::parse(&manifest.encode()).unwrap(), manifest);
        }
    }

    #[test]
    fn a_damaged_line_is_named() {
        let text = format!("{HEADER}\nd 755 - - bin\nf 644 x y bin/a\n");
        assert_eq!(TreeManifest::parse(&text).unwrap_err().line, 3);
        assert_eq!(TreeManifest::parse("").unwrap_err().line, 1);
    }
}
