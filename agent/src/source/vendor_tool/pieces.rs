//! What the tool gets to see of a pack, decided path by path.
//!
//! Where the vendor's own file is known, the tool gets that, whatever the operator made of it: then the tool finds nothing
//! to merge, what it leaves is the vendor's, and the merge is pitstop's. Where it is not known, a text is replaced by a
//! [marker](marker) that no merge can bring together with anything: the tool then has to show both sides of the vendor's
//! change (`.original`, `.new`) or to replace the text, and can never pass off its own merge as the vendor's file. What is
//! not text the tool replaces as a whole; of that it gets what is there.

use std::collections::BTreeMap;

use super::super::listing::check_target;
use crate::api::Result;
use crate::model::{Class, Digest, Entry, Inventory, RelPath, TreeManifest};
use crate::product::Ownership;

/// One path of the copy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Piece {
    /// Where its content comes from.
    pub content: Content,
    /// Its permission bits.
    pub mode: u32,
    /// How much it tells about the vendor's own file.
    pub trust: Trust,
    /// The vendor's file at the installed level, as far as it is known; else what is there.
    pub claim: Option<Entry>,
    /// The digest of what is there.
    pub found: Option<Digest>,
}

/// Where a piece's content comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Content {
    /// It is a directory.
    #[default]
    Dir,
    /// It is a link with this text.
    Link(String),
    /// What stands at the same path of the home.
    Home,
    /// What stands at another path of the home, where it was put aside.
    Aside(RelPath),
    /// This.
    Bytes(Vec<u8>),
}

/// How much a piece tells about the vendor's own file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// It is the vendor's.
    Pristine,
    /// It is what was found.
    #[default]
    AsFound,
    /// It is the marker: the text that was found may be anybody's.
    Marked,
}

/// What is known of a pack.
pub struct Known<'a> {
    /// The pristine tree at the installed level, if it is known.
    pub base: Option<&'a TreeManifest>,
    /// What is there.
    pub inventory: &'a Inventory,
    /// Who owns what.
    pub ownership: &'a Ownership,
    /// A kept pristine text.
    pub text: &'a dyn Fn(&Digest) -> Result<Option<Vec<u8>>>,
    /// Where in the home a file of the vendor's lies that something else has taken the place of.
    pub aside: &'a dyn Fn(&Digest) -> Option<RelPath>,
    /// Whether a file of the home is a text.
    pub is_text: &'a dyn Fn(&RelPath, u64) -> Result<bool>,
}

impl Known<'_> {
    /// Who owns a path: of what is there, the inventory says it.
    pub(super) fn class_of(&self, path: &RelPath) -> Class {
        let seen = self.inventory.entries.get(path);
        seen.map_or_else(|| self.ownership.class_of(path), |seen| seen.class)
    }
}

/// The pieces of a copy: the vendor's, configuration and generated files; neither state nor what customers own.
pub fn pieces(known: &Known<'_>) -> Result<BTreeMap<RelPath, Piece>> {
    let mut pieces = BTreeMap::new();
    let found = known
        .inventory
        .entries
        .iter()
        .map(|(path, seen)| (path, &seen.entry));
    let entries: Vec<_> = match known.base {
        Some(base) => base.entries.iter().collect(),
        None => found.collect(),
    };
    for (path, entry) in entries {
        if let Some(piece) = piece(known, path, entry)? {
            pieces.insert(path.clone(), piece);
        }
    }
    Ok(pieces)
}

fn piece(known: &Known<'_>, path: &RelPath, entry: &Entry) -> Result<Option<Piece>> {
    let class = known.class_of(path);
    if !matches!(class, Class::Vendor | Class::Config | Class::Generated) {
        return Ok(None);
    }
    let piece = |content, mode: Option<u32>, trust| {
        Some(Piece {
            content,
            mode: mode.unwrap_or(0o644),
            trust,
            claim: Some(entry.clone()),
            found: known.inventory.entry(path).and_then(Entry::sha256),
        })
    };
    Ok(match entry {
        Entry::Dir { mode } => piece(Content::Dir, mode.or(Some(0o755)), Trust::Pristine),
        // Through a link that leads out of the copy, the tool could write to what is no copy.
        Entry::Symlink { target } if check_target(path, target).is_err() => None,
        Entry::Symlink { target } => piece(Content::Link(target.clone()), None, Trust::Pristine),
        Entry::File { mode, sha256, size } => match content(known, path, class, (sha256, *size))? {
            Some((content, trust)) => piece(content, *mode, trust),
            None => None,
        },
    })
}

fn content(
    known: &Known<'_>,
    path: &RelPath,
    class: Class,
    (sha256, size): (&Digest, u64),
) -> Result<Option<(Content, Trust)>> {
    let found = known.inventory.entry(path);
    if known.base.is_some() {
        if found.and_then(Entry::sha256) == Some(*sha256) {
            return Ok(Some((Content::Home, Trust::Pristine)));
        }
        if let Some(text) = (known.text)(sha256)? {
            return Ok(Some((Content::Bytes(text), Trust::Pristine)));
        }
        if let Some(place) = (known.aside)(sha256) {
            return Ok(Some((Content::Aside(place), Trust::Pristine)));
        }
    }
    if !matches!(found, Some(Entry::File { .. })) {
        return Ok(None);
    }
    // What the server writes anew is nobody's customisation, and the tool has to see what it adds to.
    Ok(Some(
        if class != Class::Generated && (known.is_text)(path, size)? {
            (Content::Bytes(marker(path)), Trust::Marked)
        } else {
            (Content::Home, Trust::AsFound)
        },
    ))
}

/// A text that stands for one whose vendor's version is not known. No other text has a line of it.
pub fn marker(path: &RelPath) -> Vec<u8> {
    let name = Digest::of(path.as_str().as_bytes());
    format!("pitstop-{name}: the vendor's text of this file is not known here\n").into_bytes()
}

/// Whether something of a marker is in a content.
pub fn holds_marker(path: &RelPath, content: &[u8]) -> bool {
    let name = format!("pitstop-{}", Digest::of(path.as_str().as_bytes()));
    content
        .windows(name.len())
        .any(|window| window == name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::plan::Owner;
    use crate::model::inventory::Seen;
    use crate::product::profile::OwnershipRule;

    fn file(content: &str) -> Entry {
        Entry::File {
            size: 1,
            sha256: Digest::of(content.as_bytes()),
            mode: Some(0o640),
        }
    }

    fn ownership() -> Ownership {
        let rule = |class, path: &str| OwnershipRule::new(class, vec![path.to_owned()]);
        Ownership::new(&[
            rule(Class::Vendor, "bin/**"),
            rule(Class::Config, "conf/**"),
            rule(Class::Generated, "gen/**"),
            rule(Class::State, "log/**"),
        ])
        .unwrap()
    }

    /// Letters: the vendor's content (`?`: the tree is not known), and what is there (`.`: nothing). A text is kept of `a`.
    fn decided(path: &str, sides: &str) -> Option<(Content, Trust)> {
        let path = RelPath::new(path).unwrap();
        let ownership = ownership();
        let mut inventory = Inventory::default();
        let (base, found) = sides.split_at(1);
        if found != "." {
            let seen = Seen {
                entry: match found {
                    "l" => Entry::Symlink {
                        target: "/etc/passwd".to_owned(),
                    },
                    content => file(content),
                },
                class: ownership.class_of(&path),
                owner: Owner { uid: 0, gid: 0 },
            };
            inventory.entries.insert(path.clone(), seen);
        }
        let base = (base != "?").then(|| TreeManifest {
            entries: [(path.clone(), file(base))].into(),
        });
        let known = Known {
            base: base.as_ref(),
            inventory: &inventory,
            ownership: &ownership,
            text: &|digest| Ok((*digest == Digest::of(b"a")).then(|| b"a".to_vec())),
            aside: &|digest| (*digest == Digest::of(b"k")).then(|| RelPath::new("aside/k").unwrap()),
            is_text: &|path, _| Ok(!path.as_str().ends_with(".jar")),
        };
        let piece = pieces(&known).unwrap().remove(&path)?;
        Some((piece.content, piece.trust))
    }

    #[test]
    fn the_tool_gets_the_vendors_files_and_never_a_text_of_unknown_origin() {
        let pristine = |content| Some((content, Trust::Pristine));
        let found = Some((Content::Home, Trust::AsFound));
        let marked = |path: &str| {
            let path = RelPath::new(path).unwrap();
            Some((Content::Bytes(marker(&path)), Trust::Marked))
        };
        let kept = || Content::Bytes(b"a".to_vec());
        let table = [
            ("conf/x", "bb", pristine(Content::Home)),
            ("conf/x", "ab", pristine(kept())),
            ("conf/x", "a.", pristine(kept())),
            ("conf/x", "al", pristine(kept())),
            ("conf/x", "bc", marked("conf/x")),
            ("conf/x", "b.", None),
            ("conf/x", "bl", None),
            ("conf/x", "?c", marked("conf/x")),
            ("conf/x", "?l", None),
            ("bin/x.jar", "bb", pristine(Content::Home)),
            ("bin/x.jar", "bc", found.clone()),
            ("bin/x.jar", "?c", found.clone()),
            (
                "bin/x.jar",
                "kc",
                pristine(Content::Aside(RelPath::new("aside/k").unwrap())),
            ),
            (
                "bin/x.jar",
                "k.",
                pristine(Content::Aside(RelPath::new("aside/k").unwrap())),
            ),
            ("gen/x", "bc", found.clone()),
            ("gen/x", "ac", pristine(kept())),
            ("gen/x", "?c", found),
            ("log/x", "bb", None),
            ("keys/x.jks", "bb", None),
            ("keys/x.jks", "?c", None),
        ];
        for (path, sides, expected) in table {
            assert_eq!(decided(path, sides), expected, "{path} {sides}");
        }
    }

    #[test]
    fn a_marker_is_found_wherever_it_went() {
        let path = RelPath::new("conf/x").unwrap();
        let merged = [b"new\n".to_vec(), marker(&path), b"more\n".to_vec()].concat();
        assert!(holds_marker(&path, &merged));
        assert!(!holds_marker(&RelPath::new("conf/y").unwrap(), &merged));
    }
}
