//! What the tool did to the copy: what stands there now, compared with what stood there before it ran. Every write shows in
//! a file's inode, size or times, so that only what changed is read.

use std::collections::BTreeMap;

use super::super::listing::mode_bits;
use super::Order;
use super::candidate::Candidate;
use super::held::Held;
use super::outcome::Change;
use super::pieces::{Content, Piece, Trust, holds_marker};
use crate::api::Result;
use crate::model::{Digest, Entry, Progress, RelPath};
use crate::sys::fs::StatKey;
use crate::sys::hashing::{Wanted, hash_files};
use crate::sys::walk::{Everything, Found, FoundKind, Walked, walk};

/// A marker, and the head of a script, are found in files up to this size.
const LIMIT: u64 = 64 << 20;

/// What stands at a path of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stand {
    kind: FoundKind,
    mode: u32,
    key: StatKey,
}

/// The copy at one moment.
pub(super) type Moment = BTreeMap<RelPath, Stand>;

/// Looks at the whole copy, or at what is held of the home.
pub(super) fn look(candidate: &Candidate, order: &Order<'_>) -> Result<Moment> {
    let tree = candidate.pinned();
    Ok(match order.in_place {
        Some(_) => moment(Held::new(order.known.ownership, order.rules)?.walk(&tree)?),
        None => moment(walk(&tree, &Everything)?),
    })
}

fn moment<T>(walked: Walked<T>) -> Moment {
    let stand = |found: Found<T>| {
        let stand = Stand {
            kind: found.kind,
            mode: mode_bits(found.mode),
            key: found.key,
        };
        (found.path, stand)
    };
    walked.found.into_iter().map(stand).collect()
}

/// The files of a moment.
pub(super) fn files(moment: &Moment) -> std::collections::BTreeSet<RelPath> {
    let is_file = |(path, stand): (&RelPath, &Stand)| (stand.kind == FoundKind::File).then(|| path.clone());
    moment.iter().filter_map(is_file).collect()
}

/// The files that tools leave beside what they cannot merge, which were not there before, or are others now.
pub(super) fn helpers(order: &Order<'_>, before: &Moment, now: &Moment) -> BTreeMap<RelPath, StatKey> {
    let left = now.iter().filter(|(path, stand)| {
        stand.kind == FoundKind::File
            && order.is_helper(path)
            && before.get(*path).is_none_or(|before| before.key != stand.key)
    });
    left.map(|(path, stand)| (path.clone(), stand.key)).collect()
}

/// Files of the state that changed between two moments, but for the tool's own: nobody takes them over.
pub(super) fn lost(order: &Order<'_>, before: &Moment, now: &Moment) -> Result<Vec<RelPath>> {
    let held = Held::new(order.known.ownership, order.rules)?;
    let is_lost = |(path, stand): &(&RelPath, &Stand)| {
        stand.kind == FoundKind::File && !held.holds(path) && before.get(*path) != Some(*stand)
    };
    Ok(now.iter().filter(is_lost).map(|(path, _)| path.clone()).collect())
}

/// What changed between two moments. Of directories only that they came or went.
pub(super) fn changes(
    candidate: &Candidate,
    pieces: &BTreeMap<RelPath, Piece>,
    (before, now): (&Moment, &Moment),
    progress: &dyn Progress,
) -> Result<BTreeMap<RelPath, Change>> {
    let differs = |path: &RelPath| match (before.get(path), now.get(path)) {
        (Some(a), Some(b)) if a.kind == FoundKind::Dir && b.kind == FoundKind::Dir => false,
        (a, b) => a != b,
    };
    let mut paths: Vec<&RelPath> = before
        .keys()
        .chain(now.keys())
        .filter(|path| differs(path))
        .collect();
    paths.sort();
    paths.dedup();
    let digests = digests(candidate, &paths, now, progress)?;
    let mut changes = BTreeMap::new();
    for path in paths {
        let piece = pieces.get(path);
        let after = match now.get(path) {
            Some(stand) => entry(candidate, path, (before.get(path), stand), piece, &digests)?,
            None => None,
        };
        let is_given =
            |piece: &Piece| after.is_some() && after.as_ref().and_then(Entry::sha256) == piece.given();
        let same_mode = |piece: &Piece| {
            after.as_ref().and_then(Entry::mode) == piece.claim.as_ref().and_then(Entry::mode)
        };
        if piece.is_some_and(|piece| is_given(piece) && same_mode(piece)) {
            continue;
        }
        let is_marked = piece.is_some_and(|piece| piece.trust == Trust::Marked);
        let content = match is_marked && after.is_some() {
            true => candidate.read(path, LIMIT)?.unwrap_or_default(),
            false => Vec::new(),
        };
        let change = Change {
            after,
            holds_marker: holds_marker(path, &content),
        };
        changes.insert(path.clone(), change);
    }
    Ok(changes)
}

fn digests(
    candidate: &Candidate,
    paths: &[&RelPath],
    now: &Moment,
    progress: &dyn Progress,
) -> Result<BTreeMap<RelPath, Digest>> {
    let is_file = |path: &&&RelPath| now.get(**path).is_some_and(|stand| stand.kind == FoundKind::File);
    let wanted: Vec<_> = paths
        .iter()
        .filter(is_file)
        .map(|path| Wanted {
            path,
            size: now.get(*path).map_or(0, |stand| stand.key.size),
        })
        .collect();
    let digests = hash_files(&candidate.pinned(), &wanted, progress)?;
    Ok(wanted
        .iter()
        .map(|wanted| wanted.path.clone())
        .zip(digests)
        .collect())
}

fn entry(
    candidate: &Candidate,
    path: &RelPath,
    (before, now): (Option<&Stand>, &Stand),
    piece: Option<&Piece>,
    digests: &BTreeMap<RelPath, Digest>,
) -> Result<Option<Entry>> {
    let claimed = piece.and_then(|piece| piece.claim.as_ref()?.mode());
    let mode = match before {
        // The copy's bits are not those of the vendor's file: its owner may write everything.
        Some(before) if before.mode == now.mode => claimed.or(Some(now.mode)),
        Some(before) if loses_execution(before.mode, now.mode) && is_script(candidate, path)? => {
            claimed.or(Some(before.mode))
        }
        _ => Some(now.mode),
    };
    Ok(match (&now.kind, digests.get(path)) {
        (FoundKind::Dir, _) => Some(Entry::Dir { mode }),
        (FoundKind::Symlink(target), _) => Some(Entry::Symlink {
            target: target.clone(),
        }),
        (FoundKind::File, Some(sha256)) => Some(Entry::File {
            size: now.key.size,
            sha256: *sha256,
            mode,
        }),
        _ => None,
    })
}

/// No vendor takes the right to run from a script; a tool that writes files anew may forget it.
fn loses_execution(before: u32, now: u32) -> bool {
    before & 0o100 != 0 && now & 0o100 == 0
}

fn is_script(candidate: &Candidate, path: &RelPath) -> Result<bool> {
    Ok(candidate
        .read(path, LIMIT)?
        .is_some_and(|content| content.starts_with(b"#!")))
}

impl Piece {
    /// The digest of the content that the tool was given.
    fn given(&self) -> Option<Digest> {
        match &self.content {
            Content::Bytes(bytes) => Some(Digest::of(bytes)),
            Content::Home => self.found,
            Content::Aside(_) => self.claim.as_ref().and_then(Entry::sha256),
            Content::Dir | Content::Link(_) => None,
        }
    }
}
