//! What an archive lists, made safe: every rule about names, links and limits is checked here, before anything of the
//! archive is extracted. Does no I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::path::Path;

use super::refusal::{over_limit, unsafe_entry};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Limits;
use crate::model::path::BadPath;
use crate::model::{Digest, Entry, RelPath, TreeManifest};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File {
        /// Unpacked size in bytes.
        size: u64,
        /// The source's own number for it.
        at: usize,
    },
    /// A directory.
    Dir,
    /// A symbolic link with its text.
    Symlink(String),
}

/// An entry with its permission bits, where the archive records them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) mode: Option<u32>,
}

/// A safe listing, by paths relative to the pack's root.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) items: BTreeMap<RelPath, Item>,
    /// The single top-level folder that was taken off.
    pub(super) top: Option<String>,
}

/// Set-user-ID and set-group-ID bits are never taken over: a pack has no use for them, an attacker has.
const MODE_BITS: u32 = 0o7777 & !0o6000;
/// The folder with the agent's own state in a home.
pub(super) const OWN_FOLDER: &str = ".pitstop";
/// The longest path and the longest component that Linux takes.
const MAX_PATH: usize = 4096;
const MAX_NAME: usize = 255;
/// Below this size a high ratio is no danger and quite normal.
const SMALL: u64 = 1 << 20;

/// The permission bits that are taken over.
pub(super) fn mode_bits(mode: u32) -> u32 {
    mode & MODE_BITS
}

/// The path of an entry's name without a leading `./` and a trailing slash; `None` for the root itself.
pub(super) fn plain_name(name: &[u8]) -> std::result::Result<Option<RelPath>, &'static str> {
    let mut text = std::str::from_utf8(name).map_err(|_| "has a name that is not UTF-8")?;
    if text.contains('\\') {
        return Err("has a backslash in its name");
    }
    if text.contains(char::is_control) {
        return Err("has a control character in its name");
    }
    let drive = |part: &str| matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if text.split('/').any(drive) {
        return Err("has a drive letter in its name");
    }
    if text.len() > MAX_PATH || text.split('/').any(|part| part.len() > MAX_NAME) {
        return Err("has a name that is too long");
    }
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    let text = match text {
        "" | "." => return Ok(None),
        text => text.strip_suffix('/').unwrap_or(text),
    };
    RelPath::new(text).map(Some).map_err(|why| match why {
        BadPath::Absolute => "is absolute",
        BadPath::Climbs => "climbs with `..`",
        BadPath::Empty | BadPath::NotPlain => "is not a plain path",
    })
}

/// Checks that a link cannot lead out of the root. `..` is allowed only in front: behind a name that may itself be a
/// link it would climb from elsewhere than the text says.
pub(super) fn check_target(link: &RelPath, target: &str) -> std::result::Result<(), &'static str> {
    if target.starts_with('/') {
        return Err("is a link to an absolute path");
    }
    if target.is_empty() || target.len() > MAX_PATH || target.contains(char::is_control) {
        return Err("is a link with a target that is no path");
    }
    let mut climbs = 0;
    let mut descended = false;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if descended => return Err("is a link that climbs behind a name"),
            ".." => climbs += 1,
            _ => descended = true,
        }
    }
    if climbs >= link.depth() {
        return Err("is a link that leaves the pack");
    }
    Ok(())
}

/// Collects the entries of an archive in its own order.
pub(super) struct Collector<'a> {
    source: &'a Path,
    limits: Limits,
    entries: u64,
    bytes: u64,
    items: BTreeMap<RelPath, Item>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(source: &'a Path, limits: &Limits) -> Self {
        Self {
            source,
            limits: *limits,
            entries: 0,
            bytes: 0,
            items: BTreeMap::new(),
        }
    }

    /// Takes in an entry. `packed` is its size in the archive, where entries are packed one by one.
    pub(super) fn add(&mut self, name: &[u8], item: Item, packed: Option<u64>) -> Result<()> {
        let lossy = String::from_utf8_lossy(name);
        let refuse = |why| unsafe_entry(self.source, &lossy, why);
        self.entries += 1;
        if self.entries > self.limits.entries {
            let what = format!("it has more than {} entries", self.limits.entries);
            return Err(over_limit(self.source, &what));
        }
        if let Kind::File { size, .. } = item.kind {
            self.check_size(&lossy, size, packed)?;
        }
        let Some(path) = plain_name(name).map_err(refuse)? else {
            return Ok(());
        };
        match self.items.insert(path, item.clone()) {
            // Some tools list a folder again for every run; only if it says the same is it no contradiction.
            Some(earlier) if earlier == item && item.kind == Kind::Dir => Ok(()),
            Some(_) => Err(refuse("is there twice")),
            None => Ok(()),
        }
    }

    fn check_size(&mut self, entry: &str, size: u64, packed: Option<u64>) -> Result<()> {
        let entry = entry.escape_debug();
        self.bytes = self.bytes.saturating_add(size);
        let Limits {
            file_bytes,
            total_bytes,
            ratio,
            ..
        } = self.limits;
        let what = if size > file_bytes {
            format!("the entry `{entry}` unpacks to {size} bytes, more than {file_bytes}")
        } else if self.bytes > total_bytes {
            format!("it unpacks to more than {total_bytes} bytes")
        } else if packed.is_some_and(|packed| size > SMALL && size / ratio.max(1) > packed) {
            format!("the entry `{entry}` unpacks to more than {ratio} times its size, as a zip bomb does")
        } else {
            return Ok(());
        };
        Err(over_limit(self.source, &what))
    }

    /// Checks the entries against each other, adds the folders that are only implied and takes off a single
    /// top-level one.
    pub(super) fn finish(mut self) -> Result<Listing> {
        self.imply_folders()?;
        let top = self.take_off_top()?;
        self.settled(top)
    }

    /// The same for paths that are relative to the pack's root already: a single top-level folder stays.
    pub(super) fn finish_at_root(mut self) -> Result<Listing> {
        self.imply_folders()?;
        self.settled(None)
    }

    fn settled(self, top: Option<String>) -> Result<Listing> {
        self.check_paths()?;
        if self.items.is_empty() {
            let message = format!("{} is an archive without any content", self.source.display());
            return Err(Failure::new(ErrorKind::NotAPack, message)
                .at(self.source)
                .hint("pass the archive of a pack"));
        }
        Ok(Listing {
            items: self.items,
            top,
        })
    }

    fn imply_folders(&mut self) -> Result<()> {
        let mut implied = BTreeSet::new();
        for path in self.items.keys() {
            let mut above = path.parent();
            while let Some(folder) = above {
                match self.items.get(&folder).map(|item| &item.kind) {
                    Some(Kind::Dir) => break,
                    Some(Kind::File { .. }) => {
                        return Err(unsafe_entry(
                            self.source,
                            folder.as_str(),
                            "is a file and a folder",
                        ));
                    }
                    Some(Kind::Symlink(_)) => {
                        return Err(unsafe_entry(self.source, path.as_str(), "lies below a link"));
                    }
                    None if implied.contains(&folder) => break,
                    None => {
                        above = folder.parent();
                        implied.insert(folder);
                    }
                }
            }
        }
        let folder = Item {
            kind: Kind::Dir,
            mode: None,
        };
        self.items
            .extend(implied.into_iter().map(|path| (path, folder.clone())));
        Ok(())
    }

    fn take_off_top(&mut self) -> Result<Option<String>> {
        let mut tops = self.items.iter().filter(|(path, _)| path.depth() == 1);
        let top = match (tops.next(), tops.next()) {
            (Some((top, item)), None) if item.kind == Kind::Dir => top.clone(),
            _ => return Ok(None),
        };
        let items = std::mem::take(&mut self.items);
        for (path, item) in items {
            let below = path
                .as_str()
                .strip_prefix(top.as_str())
                .and_then(|rest| rest.strip_prefix('/'));
            if let Some(below) = below {
                let below = RelPath::new(below)
                    .map_err(|_| unsafe_entry(self.source, path.as_str(), "is not a plain path"))?;
                self.items.insert(below, item);
            }
        }
        Ok(Some(top.as_str().to_owned()))
    }

    fn check_paths(&self) -> Result<()> {
        let mut folded: HashMap<String, &RelPath> = HashMap::with_capacity(self.items.len());
        for (path, item) in &self.items {
            let refuse = |why: &str| Err(unsafe_entry(self.source, path.as_str(), why));
            if let Some(other) = folded.insert(path.as_str().to_lowercase(), path) {
                return refuse(&format!("differs from `{other}` only in upper and lower case"));
            }
            if path.as_str().split('/').next() == Some(OWN_FOLDER) {
                return refuse("lies in the folder of pitstop's own state");
            }
            if let Kind::Symlink(target) = &item.kind
                && let Err(why) = check_target(path, target)
            {
                return refuse(why);
            }
        }
        Ok(())
    }
}

impl Listing {
    /// The number and size of a file.
    pub(super) fn file(&self, path: &RelPath) -> Option<(usize, u64)> {
        match self.items.get(path)?.kind {
            Kind::File { size, at } => Some((at, size)),
            _ => None,
        }
    }

    /// The manifest, with the digests of files by their numbers.
    pub(super) fn manifest(&self, digest: impl Fn(usize) -> Option<Digest>) -> Option<TreeManifest> {
        let entry = |item: &Item| {
            Some(match &item.kind {
                Kind::File { size, at } => Entry::File {
                    size: *size,
                    sha256: digest(*at)?,
                    mode: item.mode,
                },
                Kind::Dir => Entry::Dir { mode: item.mode },
                Kind::Symlink(target) => Entry::Symlink {
                    target: target.clone(),
                },
            })
        };
        let entries = self
            .items
            .iter()
            .map(|(path, item)| Some((path.clone(), entry(item)?)))
            .collect::<Option<_>>()?;
        Some(TreeManifest { entries })
    }
}

/// The names directly in a directory (`""` is the root) of a tree that is known by its paths.
pub(super) fn names_in<T>(paths: &BTreeMap<RelPath, T>, dir: &str) -> Vec<String> {
    let prefix = match dir {
        "" => String::new(),
        dir => format!("{dir}/"),
    };
    paths
        .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
        .map(|(path, _)| path.as_str())
        .take_while(|path| path.starts_with(&prefix))
        .map(|path| &path[prefix.len()..])
        .filter(|name| !name.is_empty() && !name.contains('/'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
#[path = "listing/tests.rs"]
mod tests;
