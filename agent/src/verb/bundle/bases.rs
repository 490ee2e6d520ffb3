//! What deltas build on: the contents of a start that the target changes or lacks.

use std::path::Path;

use crate::api::{Failure, Result};
use crate::bundle::delta::{self, Base, Sketch};
use crate::bundle::pack::Packed;
use crate::model::{Digest, Entry, Progress, RelPath, TreeManifest};
use crate::source::Source;

use super::make::contents_of;
use super::scratch::Scratch;

/// Below this size a content is no base.
const SMALL: u64 = 4 << 10;

/// See the module.
pub(super) struct Bases {
    scratch: Scratch,
    candidates: Vec<Candidate>,
}

struct Candidate {
    path: RelPath,
    digest: Digest,
    sketch: Sketch,
}

impl Bases {
    pub(super) fn of(
        folder: &Path,
        source: &mut dyn Source,
        manifest: &TreeManifest,
        to: &TreeManifest,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let wanted = contents_of(manifest, |path, entry| {
            entry.size() >= SMALL && !Entry::same(Some(entry), to.entries.get(path))
        });
        let scratch = Scratch::fill(folder, source, &wanted, progress)?;
        let mut candidates = Vec::new();
        for (digest, (path, _)) in wanted {
            let sketch = Sketch::of(&scratch.base(&digest)?);
            candidates.push(Candidate {
                sketch: sketch.map_err(|error| Failure::io("look into", path.as_str(), error))?,
                path,
                digest,
            });
        }
        Ok(Self { scratch, candidates })
    }

    /// A delta that makes a content, and what it builds on: what stood at the same path, else what is most like it.
    pub(super) fn delta(&self, path: &RelPath, target: &dyn Base) -> Result<Option<(Digest, Packed)>> {
        let failed = |error| Failure::io("compare", path.as_str(), error);
        let same_path = || self.candidates.iter().find(|candidate| candidate.path == *path);
        let name = path.without_version();
        let alike = || -> Result<Option<&Candidate>> {
            let sketch = Sketch::of(target).map_err(failed)?;
            let likeness = |candidate: &'_ Candidate| {
                let is_namesake = candidate.path.without_version() == name;
                (candidate.sketch.shared(&sketch), is_namesake)
            };
            let all = self
                .candidates
                .iter()
                .map(|candidate| (likeness(candidate), candidate));
            let best = all.max_by(|(a, one), (b, other)| a.cmp(b).then_with(|| other.path.cmp(&one.path)));
            Ok(best
                .filter(|(likeness, _)| *likeness > (0, false))
                .map(|(_, candidate)| candidate))
        };
        let base = match same_path() {
            Some(base) => Some(base),
            None => alike()?,
        };
        let Some(base) = base else {
            return Ok(None);
        };
        let delta = delta::encode(&self.scratch.base(&base.digest)?, target).map_err(failed)?;
        Ok(delta.map(|bytes| (base.digest, Packed::delta(bytes, target.len()))))
    }
}
