//! `report`: pages and counts.

use std::fmt::Write;

use crate::api::fleet::FleetReport;
use crate::api::{ErrorKind, Failure, Result};
use crate::verb;

use super::args::Args;
use super::report_args::ReportArgs;
use super::{print_json, print_text};

/// Makes the pages. One on standard output leaves no place for the counts.
pub fn report(args: &Args, options: &ReportArgs) -> Result<u8> {
    if options.is_ambiguous() {
        let message = "only one page can go to standard output";
        return Err(Failure::new(ErrorKind::Usage, message).hint("name a file for the other"));
    }
    let made = verb::report::report(&options.clone().into(), std::io::stdin().lock())?;
    made.report
        .warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    match &made.printed {
        Some(page) => print_text(page)?,
        None if args.wants_json() => print_json(&made.report)?,
        None => print_text(&text(&made.report))?,
    }
    Ok(0)
}

fn text(report: &FleetReport) -> String {
    let mut text = format!("{}\n", report.message);
    // Writing to a String cannot fail.
    for (kind, count) in &report.problems {
        let _ = writeln!(text, "  {kind:<16} {count}");
    }
    for page in report.html.iter().chain(&report.markdown) {
        let _ = writeln!(text, "  written          {}", page.display());
    }
    text
}
