//! `conflicts export`, `import` and `forget`: the memory of decisions, whichever instances they were made for.

use std::path::Path;

use crate::api::memory::{MemoryAction, MemoryReport};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::MemoryDirs;
use crate::memory::Remembered;
use crate::memory::document::{Document, LIMIT, parse};
use crate::model::RelPath;
use crate::store::MemoryStore;
use crate::sys::fs;
use crate::verb::key_conflicts;

/// Which decisions.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Only of this product.
    pub product: Option<String>,
    /// Only about this path.
    pub path: Option<RelPath>,
    /// Only about this key.
    pub key: Option<String>,
}

impl Which {
    fn is(&self, one: &Remembered) -> bool {
        self.product
            .as_ref()
            .is_none_or(|product| one.product == *product)
            && self.path.as_ref().is_none_or(|path| one.path == *path)
            && self.key.as_ref().is_none_or(|key| one.key.as_ref() == Some(key))
    }
}

/// The decisions as one document, and a report. What looks secret stays on this host.
///
/// # Errors
/// `usage` if no host would take the document.
pub fn export(dirs: &MemoryDirs, which: &Which) -> Result<(Vec<u8>, MemoryReport)> {
    let (memory, warnings) = MemoryStore::new(dirs).load();
    let mut report = MemoryReport::new(MemoryAction::Export);
    report.warnings = warnings;
    let wanted = memory.iter().map(|(_, one, _)| one).filter(|one| which.is(one));
    let (secret, open): (Vec<&Remembered>, Vec<&Remembered>) = wanted.partition(|one| {
        // Also what was remembered when only the sides were looked at.
        one.secret || key_conflicts::is_secret_decision(&one.decision, &[])
    });
    report.left_out = secret.len() as u64;
    if report.left_out > 0 {
        report.warnings.push(format!(
            "{} decisions about what looks secret are left out: elsewhere nobody can tell whether they apply",
            report.left_out
        ));
    }
    report.exported = open.len() as u64;
    report.message = format!("{} decisions exported", report.exported);
    let document = Document::new(open.into_iter().cloned().collect());
    let mut bytes = serde_json::to_vec_pretty(&document).map_err(|error| {
        Failure::new(ErrorKind::Internal, "cannot write down the decisions").because(error)
    })?;
    bytes.push(b'\n');
    parse(&bytes).map_err(|why| {
        let message = format!(
            "cannot export {} decisions as one document: {why}, and no host would import it",
            report.exported
        );
        Failure::new(ErrorKind::Usage, message)
            .hint("export them in parts with --product, --path and --key, each into a file of its own")
    })?;
    Ok((bytes, report))
}

/// Writes an exported document; a kill leaves the old file or the new one. Readable for its owner only.
///
/// # Errors
/// Writing failed.
pub fn write(path: &Path, bytes: &[u8], report: &mut MemoryReport) -> Result<()> {
    report.file = Some(path.to_owned());
    let there = fs::read(path, LIMIT).ok();
    if there.as_deref() == Some(bytes) {
        return Ok(());
    }
    report.changed = true;
    fs::write_atomic(path, bytes).map_err(|error| Failure::io("write the decisions into", path, error))
}

/// Takes decisions over. Those about the same conflict replace what was remembered.
///
/// # Errors
/// `settings` if the document is refused; nothing of it is taken then.
pub fn import(dirs: &MemoryDirs, bytes: &[u8], from: Option<&Path>) -> Result<MemoryReport> {
    let shown = from.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    let refuse = |why: &str| {
        Failure::new(
            ErrorKind::Settings,
            format!("cannot import the decisions in {shown}: {why}"),
        )
        .hint("give a file that `pitstop conflicts export` wrote")
    };
    let entries = parse(bytes).map_err(|why| refuse(&why))?;
    if entries.iter().any(|one| one.secret) {
        return Err(refuse(
            "it holds one about a secret, which only the host that made it can use",
        ));
    }
    let kept = MemoryStore::new(dirs).remember(&entries)?;
    let mut report = MemoryReport::new(MemoryAction::Import);
    report.file = from.map(Path::to_owned);
    (report.new, report.known, report.replaced) = (kept.new, kept.known, kept.replaced);
    report.changed = kept.new + kept.replaced > 0;
    report.message = format!(
        "{} new decisions, {} known already, {} replaced",
        kept.new, kept.known, kept.replaced
    );
    Ok(report)
}

/// What a file with decisions holds.
///
/// # Errors
/// It cannot be read, or is too large.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path, LIMIT).map_err(|error| Failure::io("read the decisions in", path, error))
}

/// Forgets this host's own decisions. What was shipped stays.
///
/// # Errors
/// Removing failed.
pub fn forget(dirs: &MemoryDirs, which: &Which) -> Result<MemoryReport> {
    let store = MemoryStore::new(dirs);
    let (memory, warnings) = store.load();
    let mut report = MemoryReport::new(MemoryAction::Forget);
    report.warnings = warnings;
    let wanted = memory.iter().filter(|(_, one, _)| which.is(one));
    let (own, shipped): (Vec<_>, Vec<_>) = wanted.partition(|(_, _, file)| file.is_none());
    let own: Vec<&Remembered> = own.into_iter().map(|(_, one, _)| one).collect();
    report.forgotten = store.forget(&own)?;
    report.changed = report.forgotten > 0;
    report.message = format!("{} decisions forgotten", report.forgotten);
    if let Some((_, _, Some(file))) = shipped.first() {
        report.warnings.push(format!(
            "{} decisions that were shipped stay, the first in {}",
            shipped.len(),
            file.display()
        ));
    }
    Ok(report)
}
