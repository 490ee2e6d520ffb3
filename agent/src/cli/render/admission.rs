//! Who signed a release, what it brings, and what is missing.

use super::Text;
use crate::api::report::Report;

pub(super) fn admission(text: &mut Text, report: &Report) {
    if !report.signed_by.is_empty() {
        text.line(format!("  signed by  {}", report.signed_by.join(", ")));
    }
    for one in &report.evidence {
        let soaked = one
            .soaked
            .as_ref()
            .map_or_else(String::new, |at| format!(", soaked at {at}"));
        text.line(format!(
            "  evidence   {}: {} of {} hosts{soaked}",
            one.environment,
            one.hosts.len(),
            one.needed
        ));
    }
    for one in &report.missing {
        text.line(format!("  missing    {one}"));
    }
    if let Some(one) = &report.overridden_by {
        text.line(format!(
            "  overridden by {} until {}: {}",
            one.by.join(", "),
            one.expires,
            one.reason
        ));
    }
}
