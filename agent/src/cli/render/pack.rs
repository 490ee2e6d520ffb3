//! Packs, for people.

use crate::api::pack::PackReport;

/// A pack that was built.
pub fn built(report: &PackReport) -> String {
    format!(
        "{}\n  archive   {}\n  sha256    {}\n  manifest  {}\n  tree      {}\n",
        report.message,
        report.archive.display(),
        report.sha256,
        report.manifest.display(),
        report.tree
    )
}
