//! Reports as metrics for Prometheus, in its text format.

use std::fmt::{self, Write};

use super::time::seconds;
use crate::api::report::{InstanceView, Report, ReportList, RunState, Severity, TransactionView};

/// A metric's name and what it says.
type Metric = (&'static str, &'static str);

/// What a scrape finds of every instance, in the order in which it is written.
const INFO: Metric = (
    "instance_info",
    "Product, level and environment of an instance; always 1.",
);
const RUNNING: Metric = (
    "running",
    "Whether a process of the server lives; absent where it cannot be told.",
);
const VERIFIED: Metric = (
    "level_verified",
    "Whether the installed level passed its verification.",
);
const INSTALLED: Metric = (
    "level_installed_timestamp_seconds",
    "Since when the level is installed.",
);
const DRIFT: Metric = (
    "drift_files",
    "Vendor and configuration files that deviate from the vendor's.",
);
const FINDINGS: Metric = ("findings", "What is wrong with a pack as a whole or around it.");
const OFFERED: Metric = (
    "update_available",
    "Whether the source offers a higher level; absent where it was not read.",
);
const WAITING: Metric = (
    "conflicts_waiting",
    "Decisions that a waiting update needs from a person.",
);
const BLOCKED: Metric = ("blocked", "What stops the next update, by the kind of the error.");
const HELD: Metric = (
    "held",
    "Releases and configurations that failed here and are held.",
);
const INTERRUPTED: Metric = ("interrupted", "Whether a transaction was interrupted.");
const LAST: Metric = (
    "last_transaction_timestamp_seconds",
    "When the last transaction ended.",
);
const LAST_STOPPED: Metric = (
    "last_transaction_stopped_seconds",
    "For how long the last transaction stopped the server.",
);
const LAST_OK: Metric = (
    "last_transaction_ok",
    "Whether the last transaction went as it was meant to.",
);
const CHECKED: Metric = ("check_timestamp_seconds", "When the instance was checked.");
const ERROR: Metric = (
    "check_error",
    "An instance that could not be checked, or with no name all of them; always 1.",
);

const ALL: [Metric; 16] = [
    INFO,
    RUNNING,
    VERIFIED,
    INSTALLED,
    DRIFT,
    FINDINGS,
    OFFERED,
    WAITING,
    BLOCKED,
    HELD,
    INTERRUPTED,
    LAST,
    LAST_STOPPED,
    LAST_OK,
    CHECKED,
    ERROR,
];

/// What the checks of all instances tell. The label of an instance is `name`: Prometheus itself calls the scraped host
/// `instance`.
pub fn metrics(checked: &ReportList) -> String {
    let mut samples = Samples::default();
    checked.reports.iter().for_each(|report| samples.report(report));
    if let Some(error) = &checked.error {
        samples.add(ERROR, &[("name", ""), ("kind", error.kind.code())], 1);
    }
    samples.to_string()
}

/// Samples in the order in which they were told.
#[derive(Default)]
struct Samples(Vec<(Metric, String)>);

impl Samples {
    fn add(&mut self, metric: Metric, labels: &[(&str, &str)], value: impl fmt::Display) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", Label(value)))
            .collect();
        self.0.push((metric, format!("{{{}}} {value}", labels.join(","))));
    }

    fn report(&mut self, report: &Report) {
        let name = ("name", report.instance.as_str());
        if let Some(at) = report.at.as_deref().and_then(seconds) {
            self.add(CHECKED, &[name], at);
        }
        if let Some(error) = &report.error {
            self.add(ERROR, &[name, ("kind", error.kind.code())], 1);
        }
        let Some(view) = &report.after else { return };
        let environment = report.environment.as_deref().unwrap_or_default();
        self.view(name, view, environment);
        for (severity, label) in [(Severity::Required, "required"), (Severity::Wanted, "wanted")] {
            let count = report
                .findings
                .iter()
                .filter(|one| one.severity == severity)
                .count();
            self.add(FINDINGS, &[name, ("severity", label)], count);
        }
        if report.source_read {
            let is_newer = report.offers.iter().any(|offer| offer.newer);
            self.add(OFFERED, &[name], u8::from(is_newer));
        }
        self.add(
            WAITING,
            &[name],
            report.waiting.as_ref().map_or(0, |waiting| waiting.open),
        );
        let mut kinds: Vec<_> = report
            .blockers
            .iter()
            .map(|blocker| blocker.kind.code())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            self.add(BLOCKED, &[name, ("kind", kind)], 1);
        }
        self.last(name, report);
    }

    fn view(&mut self, name: (&str, &str), view: &InstanceView, environment: &str) {
        let (product, level) = (view.release.product.as_str(), view.release.level.as_str());
        self.add(
            INFO,
            &[
                name,
                ("product", product),
                ("level", level),
                ("environment", environment),
            ],
            1,
        );
        if view.state != RunState::Unknown {
            self.add(RUNNING, &[name], u8::from(view.state == RunState::Running));
        }
        self.add(VERIFIED, &[name], u8::from(view.verified));
        if let Some(since) = view.installed_at.as_deref().and_then(seconds) {
            self.add(INSTALLED, &[name], since);
        }
        self.add(DRIFT, &[name], view.drift.count);
        let config = view.config.as_ref().is_some_and(|config| config.held.is_some());
        self.add(HELD, &[name], view.holds.len() + usize::from(config));
        self.add(INTERRUPTED, &[name], u8::from(view.interrupted.is_some()));
    }

    fn last(&mut self, name: (&str, &str), report: &Report) {
        let Some(last) = TransactionView::newest_change(&report.transactions) else {
            return;
        };
        if let Some(ended) = seconds(&last.ended) {
            self.add(LAST, &[name], ended);
        }
        if let Some(ms) = last.stopped_ms {
            self.add(
                LAST_STOPPED,
                &[name],
                format_args!("{}.{:03}", ms / 1000, ms % 1000),
            );
        }
        let is_fine = last.outcome == crate::api::report::Outcome::Done;
        self.add(LAST_OK, &[name], u8::from(is_fine));
    }
}

/// One group per metric, as the format demands it.
impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for metric in ALL {
            let (name, help) = metric;
            let mut of_it = self.0.iter().filter(|(of, _)| *of == metric).peekable();
            if of_it.peek().is_none() {
                continue;
            }
            writeln!(f, "# HELP pitstop_{name} {help}\n# TYPE pitstop_{name} gauge")?;
            for (_, sample) in of_it {
                writeln!(f, "pitstop_{name}{sample}")?;
            }
        }
        Ok(())
    }
}

/// A label's value, which may hold anything.
struct Label<'a>(&'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
