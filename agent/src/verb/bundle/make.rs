//! The content of a bundle in the making: what is new, how each of it travels, and the index of it all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::index::{
    Content, Delta, EXTRA_BYTES, Extra, ExtraKind, From, Index, Piece, is_extra_name,
};
use crate::bundle::pack::{Group, Groups, Packed, Packer};
use crate::config::Limits;
use crate::model::{Class, Digest, Entry, Progress, RelPath, TreeManifest, Work};
use crate::product::Ownership;
use crate::store::texts::may_be_text;
use crate::sys::fs;
use crate::sys::hashing::map_on_all_cores;

use super::bases::Bases;
use super::create::Pack;
use super::scratch::Scratch;

/// Below this size a content travels as a whole: packed with others like it, hardly anything of it is left.
const SMALL: u64 = 16 << 10;

/// A bundle in the making.
pub(super) struct Maker<'a, 'p> {
    pub to: &'a mut Pack<'p>,
    pub from: &'a mut [Pack<'p>],
    pub is_whole: &'a (dyn Fn(&RelPath) -> bool + Sync),
    pub ownership: &'a Ownership,
    pub packer: Packer,
    pub folder: &'a Path,
    pub progress: &'a dyn Progress,
}

/// How one content travels, and where it is.
type Contents = BTreeMap<Digest, Content>;

impl Maker<'_, '_> {
    pub fn make(&mut self, extras: &[(ExtraKind, PathBuf)], limits: &Limits) -> Result<Index> {
        let held = digests_everywhere(self.from);
        let news = contents_of(&self.to.manifest, |path, entry| {
            entry.sha256().is_none_or(|digest| !held.contains(&digest)) || (self.is_whole)(path)
        });
        let scratch = Scratch::fill(self.folder, self.to.source.as_mut(), &news, self.progress)?;
        let mut bases = Vec::new();
        for pack in self.from.iter_mut() {
            bases.push(Bases::of(
                self.folder,
                pack.source.as_mut(),
                &pack.manifest,
                &self.to.manifest,
                self.progress,
            )?);
        }
        let mut contents = Contents::new();
        let mut groups = Groups::default();
        self.texts(&scratch, &news, &mut groups, &mut contents)?;
        let large: Vec<_> = news
            .iter()
            .filter(|(digest, _)| !contents.contains_key(*digest))
            .map(|(digest, (path, size))| (*digest, path.clone(), *size))
            .collect();
        self.pack_large(&large, &scratch, &bases, &mut contents)?;
        let manifests = self.manifests(&mut groups);
        let extras = self.extras(extras, limits, &mut groups)?;
        let pieces = self.add_groups(groups)?;
        let piece = |digest: &Digest| -> Result<Piece> {
            pieces
                .get(digest)
                .copied()
                .ok_or_else(|| Failure::new(ErrorKind::Internal, format!("{digest} was not packed")))
        };
        for content in contents.values_mut() {
            if let Some(found) = pieces.get(&content.sha256) {
                content.whole = Some(*found);
            }
        }
        let mut index = Index::of(&self.packer, piece(&manifests[0])?);
        for tree in &manifests[1..] {
            index.from.push(From {
                tree: *tree,
                manifest: piece(tree)?,
            });
        }
        index.contents = contents.into_values().collect();
        for (kind, name, sha256) in extras {
            index.extras.push(Extra {
                kind,
                name,
                sha256,
                piece: piece(&sha256)?,
            });
        }
        Ok(index)
    }

    /// Small contents, and the texts that a merge may need: those of the start that the target changes or lacks. Both sides
    /// of a text lie beside each other, which packs best.
    fn texts(
        &mut self,
        scratch: &Scratch,
        news: &News,
        groups: &mut Groups,
        contents: &mut Contents,
    ) -> Result<()> {
        let mut small: BTreeMap<(RelPath, usize), (Digest, Vec<u8>)> = BTreeMap::new();
        for (digest, (path, size)) in news {
            if *size < SMALL {
                small.insert((path.clone(), usize::MAX), (*digest, scratch.bytes(digest)?));
            }
        }
        for (number, pack) in self.from.iter_mut().enumerate() {
            let changed = |path: &RelPath, entry: &Entry| {
                may_be_text(path, entry.size())
                    && matches!(self.ownership.class_of(path), Class::Vendor | Class::Config)
                    && !Entry::same(Some(entry), self.to.manifest.entries.get(path))
            };
            let wanted = contents_of(&pack.manifest, changed);
            let texts = Scratch::fill(self.folder, pack.source.as_mut(), &wanted, self.progress)?;
            for (digest, (path, _)) in &wanted {
                small.insert((path.clone(), number), (*digest, texts.bytes(digest)?));
            }
        }
        for (digest, bytes) in small.into_values() {
            contents.entry(digest).or_insert_with(|| {
                groups.add(digest, &bytes);
                described(digest, bytes.len() as u64)
            });
        }
        Ok(())
    }

    /// Larger contents: each as a delta or as a whole, whichever is smaller, or both where it is asked for.
    fn pack_large(
        &mut self,
        large: &[(Digest, RelPath, u64)],
        scratch: &Scratch,
        bases: &[Bases],
        contents: &mut Contents,
    ) -> Result<()> {
        let total = large.iter().map(|(_, _, size)| *size).sum();
        let _work = Work::begin(self.progress, "packing", total);
        let is_whole = self.is_whole;
        let work = |(digest, path, size): &(Digest, RelPath, u64)| -> Result<Ways> {
            let mut deltas: Vec<(Digest, Packed)> = Vec::new();
            for bases in bases {
                let delta = bases.delta(path, &scratch.base(digest)?)?;
                let is_new = |base: &Digest| deltas.iter().all(|(known, _)| known != base);
                if let Some((base, packed)) = delta.filter(|(base, _)| is_new(base)) {
                    deltas.push((base, packed));
                }
            }
            let smallest = deltas.iter().map(|(_, packed)| packed.len() as u64).min();
            // Whether the whole would be smaller is only worth to be found out where it can be.
            let is_settled = deltas.len() == bases.len() && smallest.is_some_and(|delta| delta < size / 4);
            let mut whole = None;
            if !is_settled || is_whole(path) {
                let packed = Packed::plain(scratch.bytes(digest)?)
                    .map_err(|error| Failure::io("pack", path.as_str(), error))?;
                deltas.retain(|(_, delta)| delta.len() < packed.len());
                if is_whole(path) || deltas.len() < bases.len() || bases.is_empty() {
                    whole = Some(packed);
                }
            }
            self.progress.advance(*size);
            Ok(Ways { whole, deltas })
        };
        for batch in large.chunks(BATCH) {
            for ((digest, _, size), ways) in batch.iter().zip(map_on_all_cores(batch, work)?) {
                let mut content = described(*digest, *size);
                if let Some(whole) = ways.whole {
                    let stream = self.packer.add(&whole)?;
                    content.whole = Some(Piece {
                        stream,
                        at: 0,
                        size: *size,
                    });
                }
                for (base, delta) in ways.deltas {
                    let stream = self.packer.add(&delta)?;
                    content.deltas.push(Delta { base, stream });
                }
                contents.insert(*digest, content);
            }
        }
        Ok(())
    }

    /// The target's manifest and those of the starts; returns their digests, in this order.
    fn manifests(&self, groups: &mut Groups) -> Vec<Digest> {
        let packs = std::iter::once(&*self.to).chain(&*self.from);
        let add = |pack: &Pack<'_>| {
            groups.add(pack.tree, pack.manifest.encode().as_bytes());
            pack.tree
        };
        packs.map(add).collect()
    }

    fn extras(
        &self,
        wanted: &[(ExtraKind, PathBuf)],
        limits: &Limits,
        groups: &mut Groups,
    ) -> Result<Vec<(ExtraKind, String, Digest)>> {
        let mut extras = Vec::new();
        for (kind, path) in wanted {
            let bytes = fs::read(path, limits.file_bytes.min(EXTRA_BYTES))
                .map_err(|error| Failure::io("read", path, error))?;
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let is_taken =
                |(other, known, _): &(ExtraKind, String, Digest)| *other == *kind && *known == name;
            if !is_extra_name(&name) || extras.iter().any(is_taken) {
                let message = format!(
                    "{} cannot travel under its name, or another one does",
                    path.display()
                );
                return Err(Failure::new(ErrorKind::Usage, message)
                    .at(path)
                    .hint("rename it: letters, digits and `._-+` only, and no name twice"));
            }
            let sha256 = Digest::of(&bytes);
            if extras.iter().all(|(_, _, known)| *known != sha256) {
                groups.add(sha256, &bytes);
            }
            extras.push((*kind, name, sha256));
        }
        Ok(extras)
    }

    fn add_groups(&mut self, groups: Groups) -> Result<BTreeMap<Digest, Piece>> {
        let groups = groups.finish();
        let pack = |group: &Group| {
            Packed::plain(group.bytes.clone())
                .map_err(|error| Failure::io("pack a group in", self.folder, error))
        };
        let mut pieces = BTreeMap::new();
        for batch in groups.chunks(BATCH) {
            for (group, packed) in batch.iter().zip(map_on_all_cores(batch, pack)?) {
                let stream = self.packer.add(&packed)?;
                pieces.extend(group.pieces(stream));
            }
        }
        Ok(pieces)
    }
}

/// What is in memory at a time, packed.
const BATCH: usize = 16;

struct Ways {
    whole: Option<Packed>,
    deltas: Vec<(Digest, Packed)>,
}

fn described(sha256: Digest, size: u64) -> Content {
    Content {
        sha256,
        size,
        whole: None,
        deltas: Vec::new(),
    }
}

/// Contents by digest, each with one of its paths and its size.
pub(super) type News = BTreeMap<Digest, (RelPath, u64)>;

pub(super) fn contents_of(manifest: &TreeManifest, wanted: impl Fn(&RelPath, &Entry) -> bool) -> News {
    let mut news = News::new();
    for (path, entry) in &manifest.entries {
        if let Entry::File { size, sha256, .. } = entry
            && wanted(path, entry)
        {
            news.entry(*sha256).or_insert((path.clone(), *size));
        }
    }
    news
}

/// The contents that every start has.
fn digests_everywhere(from: &[Pack<'_>]) -> BTreeSet<Digest> {
    let of = |pack: &Pack<'_>| -> BTreeSet<Digest> {
        pack.manifest.entries.values().filter_map(Entry::sha256).collect()
    };
    let mut packs = from.iter();
    let first = packs.next().map(of).unwrap_or_default();
    packs.fold(first, |known, pack| {
        known.intersection(&of(pack)).copied().collect()
    })
}
