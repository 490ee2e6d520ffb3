//! Writes a pack as an archive that every host can read: a `.tar.zst` whose bytes depend on the tree alone.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Mutex;

use tar::{EntryType, Header};

use super::Sink;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Digest, Entry, Progress, RelPath, TreeManifest, Work};
use crate::sys::hashing::Hashed;

/// Packs are mostly jars, which hardly shrink any more: a higher level costs minutes and gains a hundredth.
const LEVEL: i32 = 6;
/// 1980-01-01, in seconds since the epoch: the earliest time that a zip archive of the same tree could hold.
const MTIME: u64 = 315_532_800;

/// Passes the content of one file to a sink.
pub type Reading<'a> = dyn FnMut(&RelPath, &Sink<'_>) -> Result<()> + 'a;

/// Writes the tree of a manifest below one top-level folder, in the order of paths, owned by nobody in particular. Two
/// equal trees give the same bytes with the same version of this program. Returns the digest of the bytes.
///
/// # Errors
/// `source` if the content is not what the manifest says; `io` if writing to `out`, which `shown` names, fails; and
/// those of reading.
pub fn write(
    read: &mut Reading<'_>,
    manifest: &TreeManifest,
    top: &str,
    out: impl Write + Send,
    shown: &Path,
    progress: &dyn Progress,
) -> Result<Digest> {
    let failed = |error| Failure::io("write the archive", shown, error);
    let _work = Work::begin(progress, "packing", manifest.total_bytes());
    let out = Hashed::new(out);
    let encoder = zstd::Encoder::new(out, LEVEL).map_err(failed)?;
    let builder = Mutex::new(tar::Builder::new(encoder));
    let top_folder = header(EntryType::Directory, 0o755, 0);
    append(&builder, top_folder, &format!("{top}/"), io::empty()).map_err(failed)?;
    for (path, entry) in &manifest.entries {
        let name = format!("{top}/{path}");
        match entry {
            Entry::Dir { mode } => {
                let header = header(EntryType::Directory, mode.unwrap_or(0o755), 0);
                append(&builder, header, &format!("{name}/"), io::empty()).map_err(failed)?;
            }
            Entry::Symlink { target } => {
                let mut header = header(EntryType::Symlink, 0o777, 0);
                let mut builder = lock(&builder);
                builder.append_link(&mut header, &name, target).map_err(failed)?;
            }
            Entry::File { size, mode, sha256 } => {
                let header = header(EntryType::Regular, mode.unwrap_or(0o644), *size);
                let sink = |path: &RelPath, reader: &mut dyn Read| {
                    let mut seen = Hashed::new(reader);
                    append(&builder, header.clone(), &name, &mut seen).map_err(failed)?;
                    progress.advance(*size);
                    let is_planned = seen.finish() == *sha256;
                    is_planned.then_some(()).ok_or_else(|| changed(path))
                };
                read(path, &sink)?;
            }
        }
    }
    let builder = builder
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let encoder = builder.into_inner().map_err(failed)?;
    let mut out = encoder.finish().map_err(failed)?;
    out.flush().map_err(failed)?;
    Ok(out.finish())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(MTIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn append<W: Write>(
    builder: &Mutex<tar::Builder<W>>,
    mut header: Header,
    name: &str,
    content: impl Read,
) -> io::Result<()> {
    lock(builder).append_data(&mut header, name, content)
}

fn changed(path: &RelPath) -> Failure {
    Failure::new(
        ErrorKind::Source,
        format!("the content of {path} changed while it was packed"),
    )
    .hint("let nothing write to the tree meanwhile, and run again")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests prepare trees with plain calls")]

    use std::collections::BTreeSet;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::config::Limits;
    use crate::model::NoProgress;
    use crate::source::{Source, open};

    fn tree(at: &Path) {
        std::fs::create_dir_all(at.join("bin/empty")).unwrap();
        std::fs::write(at.join("bin/run.sh"), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(at.join("bin/run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let long = "n".repeat(120);
        std::fs::create_dir(at.join(&long)).unwrap();
        std::fs::write(at.join(&long).join("ü ö.txt"), vec![7; 300_000]).unwrap();
        symlink("bin/run.sh", at.join("start")).unwrap();
    }

    fn written(source: &mut dyn Source, manifest: &TreeManifest, out: impl Write + Send) -> Result<Digest> {
        let mut read =
            |path: &RelPath, sink: &Sink<'_>| source.extract(&BTreeSet::from([path.clone()]), sink);
        let shown = Path::new("pack.tar.zst");
        write(&mut read, manifest, "pack-1", out, shown, &NoProgress)
    }

    fn packed(at: &Path, cache: &Path) -> Vec<u8> {
        let mut source = open(at, &Limits::default(), cache, &NoProgress).unwrap();
        let manifest = source.manifest(&NoProgress).unwrap();
        let mut bytes = Vec::new();
        let digest = written(source.as_mut(), &manifest, &mut bytes).unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        bytes
    }

    #[test]
    fn equal_trees_give_equal_archives_that_read_as_the_tree() {
        let place = tempfile::tempdir().unwrap();
        let (first, second) = (place.path().join("first"), place.path().join("second"));
        let cache = place.path().join("cache");
        for dir in [&first, &second] {
            std::fs::create_dir(dir).unwrap();
            tree(dir);
        }
        let bytes = packed(&first, &cache);
        assert!(bytes == packed(&second, &cache));

        let archive = place.path().join("pack.tar.zst");
        std::fs::write(&archive, bytes).unwrap();
        let read = |path: &Path| {
            let mut source = open(path, &Limits::default(), &cache, &NoProgress).unwrap();
            source.manifest(&NoProgress).unwrap()
        };
        assert_eq!(read(&archive).digest(), read(&first).digest());
    }

    #[test]
    fn a_file_that_is_not_as_the_manifest_says_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let (dir, cache) = (place.path().join("tree"), place.path().join("cache"));
        std::fs::create_dir(&dir).unwrap();
        tree(&dir);
        let mut source = open(&dir, &Limits::default(), &cache, &NoProgress).unwrap();
        let mut manifest = source.manifest(&NoProgress).unwrap();
        let script = RelPath::new("bin/run.sh").unwrap();
        if let Some(Entry::File { sha256, .. }) = manifest.entries.get_mut(&script) {
            *sha256 = Digest::of(b"other");
        }
        let refused = written(source.as_mut(), &manifest, io::sink()).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Source);
    }
}
