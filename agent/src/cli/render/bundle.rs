//! Bundles, for people.

use super::Text;
use crate::api::bundle::{BundleReport, BundlesReport};

/// Bundles that are listed.
pub fn all(report: &BundlesReport) -> String {
    let mut text = Text::headed(&report.message);
    for one in &report.bundles {
        let what = format!("{} {}", one.product, one.level);
        text.line(format!(
            "  {what}  {} ({} bytes)",
            one.bundle.display(),
            one.bytes
        ));
    }
    text.0
}

/// A bundle.
pub fn one(report: &BundleReport) -> String {
    let mut text = Text::headed(&report.message);
    let from: Vec<&str> = report.from.iter().map(|tree| tree.level.as_str()).collect();
    let from = if from.is_empty() {
        "anywhere".to_owned()
    } else {
        from.join(", ")
    };
    text.line(format!(
        "  bundle    {} ({} bytes)",
        report.bundle.display(),
        report.bytes
    ));
    text.line(format!("  sha256    {}", report.sha256));
    text.line(format!("  leads     from {from} to {}", report.to.level));
    text.line(format!("  tree      {}", report.to.tree));
    if let Some(made) = &report.made {
        text.line(format!("  made      {made}"));
    }
    if let Some(expires) = &report.expires {
        text.line(format!("  expires   {expires}"));
    }
    let trusted = if report.trusted {
        "trusted"
    } else {
        "not proven here"
    };
    match report.signed_by.as_slice() {
        [] => text.line("  signed    by nobody"),
        keys => keys
            .iter()
            .for_each(|key| text.line(format!("  signed    by {key}, {trusted}"))),
    }
    let held = &report.contents;
    text.line(format!(
        "  contents  {}: {} whole, {} as deltas; {} bytes, {} unpacked",
        held.contents, held.whole, held.deltas, held.stored, held.unpacked
    ));
    for one in &report.attached {
        text.line(format!(
            "  attached  {} by {}",
            one.predicate_type,
            one.key_ids.join(", ")
        ));
    }
    for extra in &report.extras {
        text.line(format!(
            "  carries   {} {} ({} bytes)",
            extra.kind, extra.name, extra.bytes
        ));
    }
    for part in &report.parts {
        text.line(format!("  part      {}", part.display()));
    }
    text.0
}
