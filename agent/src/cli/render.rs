//! A report as text for people.

mod admission;
pub mod bundle;
pub mod pack;

use std::fmt::Write;

use crate::api::memory::MemoryReport;
use crate::api::merge::MergeReport;
use crate::api::plan::{AnswerView, FileOp, FileStep, HotfixOp, KeyConflict, Plan, Taken};
use crate::api::report::{
    DriftKind, DriftView, ErrorView, Finding, InstanceView, ProbeView, Report, RolloutView, RunState,
    Severity, StaleView,
};

/// How many paths of a kind are listed unless more is asked for.
const SHORT_LIST: usize = 12;

/// The whole report; `verbose` lists every path.
pub fn report(report: &Report, verbose: u8) -> String {
    let mut text = Text(String::new());
    let mark = if report.ok { "ok" } else { "FAILED" };
    text.line(format!(
        "{mark}  {} {}: {}",
        report.action.name(),
        report.instance,
        report.message
    ));
    if let Some(hint) = report.error.as_ref().and_then(|error| error.hint.as_ref()) {
        text.line(format!("    {hint}"));
    }
    if let Some(view) = report.after.as_ref().or(report.before.as_ref()) {
        instance(&mut text, view, verbose);
    }
    if let Some(found) = &report.comparison {
        let limit = if verbose > 0 { usize::MAX } else { SHORT_LIST };
        text.drifts("differs", &found.paths, found.count, limit);
    }
    if let Some(view) = &report.rollout {
        rollout(&mut text, view);
    }
    offers(&mut text, report);
    admission::admission(&mut text, report);
    if let Some(one) = report
        .plan
        .as_ref()
        .filter(|_| report.dry_run || verbose > 0 || !report.ok)
    {
        plan(&mut text, one, verbose);
    }
    if report.dry_run || verbose > 0 || !report.ok {
        for line in report.diffs.iter().flat_map(|one| one.diff.lines()) {
            text.line(format!("    {}", line.replace('\t', "    ")));
        }
    }
    for one in &report.stale {
        stale(&mut text, one);
    }
    for conflict in &report.conflicts {
        text.line(format!(
            "  conflict   {}: {}",
            conflict.conflict.path, conflict.conflict.message
        ));
        conflict
            .conflict
            .keys
            .iter()
            .for_each(|key| text.key(key, "             "));
        if let Some(answer) = &conflict.answer {
            text.line(format!("             {}", decided(answer)));
        } else if let Some(file) = &conflict.final_file {
            text.line(format!("             write {}", file.display()));
        }
    }
    for one in report
        .probes
        .iter()
        .filter(|probe| verbose > 0 || !probe.ok || probe.baseline_ok == Some(false))
    {
        probe(&mut text, one);
    }
    for one in &report.findings {
        finding(&mut text, one);
    }
    for blocker in &report.blockers {
        text.line(format!("  blocked    {}", blocker.message));
    }
    for warning in &report.warnings {
        text.line(format!("  note       {warning}"));
    }
    if let Some(transaction) = &report.transaction {
        let timing = &report.timing;
        text.line(format!(
            "  timing     {} ms in all, stopped {} ms, commit {} ms; transaction {transaction}",
            timing.total_ms, timing.stopped_ms, timing.commit_ms
        ));
    }
    text.0
}

fn rollout(text: &mut Text, view: &RolloutView) {
    let opens = view.wave_opens.as_deref().unwrap_or("never");
    if let Some(open) = view.wave_open {
        let state = if open { "open since" } else { "opens" };
        text.line(format!(
            "  wave       {state} {opens}; the host has place {:.2} %",
            view.percent
        ));
    }
    if let Some(open) = view.window_open {
        let (state, moment) = match open {
            true => ("open until", &view.window_ends),
            false => ("opens", &view.window_next),
        };
        text.line(format!(
            "  window     {state} {}",
            moment.as_deref().unwrap_or("further notice")
        ));
    }
    if let Some(lock) = view.lock.as_ref().filter(|lock| lock.held) {
        let why = lock
            .kept
            .as_ref()
            .map_or_else(String::new, |why| format!(", kept: {why}"));
        let since = lock.since.as_deref().unwrap_or_default();
        text.line(format!(
            "  lock       a slot of {} since {since}{why}",
            lock.group
        ));
    }
}

/// A failure for which there is no report.
pub fn error(error: &ErrorView) -> String {
    let mut text = Text::headed(format!("pitstop: {}", error.message));
    if let Some(hint) = &error.hint {
        text.line(format!("  {hint}"));
    }
    text.0
}

/// What merging three files left for a person.
pub fn merge(report: &MergeReport) -> String {
    let mut text = Text::headed(format!("pitstop: {} in {}", report.message, report.out.display()));
    report.conflicts.iter().for_each(|key| text.key(key, "  "));
    text.0
}

struct Text(String);

impl Text {
    fn headed(line: impl AsRef<str>) -> Self {
        let mut text = Self(String::new());
        text.line(line);
        text
    }

    fn key(&mut self, key: &KeyConflict, indent: &str) {
        let name = match (&key.key, key.line) {
            (Some(name), _) => name.clone(),
            (None, Some(line)) => format!("line {line}"),
            (None, None) => "lines".to_owned(),
        };
        let side = |value: &Option<String>| value.as_deref().map_or("absent".to_owned(), one_line);
        let (base, current, new) = (side(&key.base), side(&key.current), side(&key.new));
        self.line(format!("{indent}{name}: {}", key.message));
        self.line(format!(
            "{indent}  was {base}; yours {current}; the vendor's {new}"
        ));
        if let Some(answer) = &key.answer {
            self.line(format!("{indent}  {}", decided(answer)));
        }
    }

    fn line(&mut self, line: impl AsRef<str>) {
        // Writing to a String cannot fail. Control characters in names must not reach a terminal.
        let clean = line.as_ref().replace(char::is_control, "?");
        let _ = writeln!(self.0, "{clean}");
    }
}

/// What was decided, by whom and when.
fn decided(answer: &AnswerView) -> String {
    let what = match (answer.take, &answer.value) {
        (Taken::Ours, _) => "decided: yours".to_owned(),
        (Taken::Theirs, _) => "decided: the vendor's".to_owned(),
        (Taken::Value, Some(value)) => format!("decided: {}", one_line(value)),
        (Taken::Value, None) => "decided: a value".to_owned(),
        (Taken::Final, _) => "decided: a file of its own".to_owned(),
        (Taken::Deleted, _) => "decided: not there".to_owned(),
    };
    let by = format!("{what}, by {} on {}", answer.by, answer.decided);
    let whence = match (&answer.file, &answer.instance) {
        (Some(file), _) => format!(", shipped in {}", file.display()),
        (None, Some(instance)) => format!(" for {instance}"),
        (None, None) => String::new(),
    };
    let remembered = if answer.remembered { ", remembered" } else { "" };
    format!("{by}{whence}{remembered}")
}

/// What was done to the memory of decisions.
pub fn memory(report: &MemoryReport) -> String {
    let mut text = Text(String::new());
    let file = report.file.as_ref().map(|file| format!(" ({})", file.display()));
    text.line(format!("ok  {}{}", report.message, file.unwrap_or_default()));
    for warning in &report.warnings {
        text.line(format!("  note       {warning}"));
    }
    text.0
}

/// How many characters of a value are shown.
const SHOWN: usize = 60;

fn one_line(value: &str) -> String {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("`{}…`", line.get(..at).unwrap_or_default()),
        None => format!("`{line}`"),
    }
}

fn instance(text: &mut Text, view: &InstanceView, verbose: u8) {
    let state = match view.state {
        RunState::Running => "running",
        RunState::Stopped => "stopped",
        RunState::Unknown => "state unknown",
    };
    let verified = if view.verified { ", verified" } else { "" };
    let adopted = if view.adopted { "" } else { ", not adopted" };
    text.line(format!(
        "  installed  {} in {}, {state}{verified}{adopted}",
        view.release,
        view.home.display()
    ));
    for process in &view.processes {
        text.line(format!(
            "  process    {} {} ({})",
            process.pid, process.program, process.evidence
        ));
    }
    let limit = if verbose > 0 { usize::MAX } else { SHORT_LIST };
    text.drifts("drift", &view.drift.paths, view.drift.count, limit);
    if let Some(open) = &view.interrupted {
        text.line(format!(
            "  open       transaction {}: {}",
            open.transaction, open.remedy
        ));
    }
    for hold in &view.holds {
        text.line(format!(
            "  held       {} since {}: {}",
            hold.release, hold.since, hold.reason
        ));
    }
    for hotfix in &view.hotfixes {
        text.line(format!(
            "  hotfix     {} of {}, {} paths",
            hotfix.name,
            hotfix.applied,
            hotfix.paths.len()
        ));
    }
    for snapshot in &view.snapshots {
        text.line(format!(
            "  snapshot   {} of {}",
            snapshot.release.level, snapshot.taken
        ));
    }
}

impl Text {
    fn drifts(&mut self, label: &str, paths: &[DriftView], count: u64, limit: usize) {
        for drift in paths.iter().take(limit) {
            let change = match drift.change {
                _ if drift.configured => "configured",
                DriftKind::Modified => "modified",
                DriftKind::Missing => "missing",
                DriftKind::Extra => "extra",
                DriftKind::Mode => "mode",
            };
            self.line(format!("  {label:<10} {change} {}", drift.path));
        }
        self.more(label, count, limit);
    }

    fn more(&mut self, label: &str, count: u64, limit: usize) {
        let rest = count.saturating_sub(limit as u64);
        if rest > 0 {
            self.line(format!("  {label:<10} and {rest} more (-v lists them)"));
        }
    }
}

fn offers(text: &mut Text, report: &Report) {
    for offer in report
        .offers
        .iter()
        .filter(|offer| offer.newer || offer.migration)
    {
        let what = match offer.migration {
            true => ", of another product version: a migration, not an update",
            false => "",
        };
        text.line(format!(
            "  offered    {} in {}{what}",
            offer.level,
            offer.path.display()
        ));
    }
}

fn plan(text: &mut Text, plan: &Plan, verbose: u8) {
    text.line(format!(
        "  plan       {} from {} to {}, {} paths",
        plan.id,
        plan.from.level,
        plan.to.level,
        plan.files.len()
    ));
    let limit = if verbose > 0 { usize::MAX } else { SHORT_LIST };
    for step in plan.files.iter().take(limit) {
        text.line(format!("  {:<10} {}", verb(step), step.path));
    }
    text.more("", plan.files.len() as u64, limit);
    for one in &plan.hotfixes {
        let what = match one.op {
            HotfixOp::Apply => "applied",
            HotfixOp::End => "ends",
            HotfixOp::Return => "comes back",
        };
        text.line(format!("  hotfix     {} {what}", one.name));
    }
    for one in &plan.remembered {
        let what = match (&one.key, one.line) {
            (Some(key), _) => format!(" {key}"),
            (None, Some(line)) => format!(" line {line}"),
            (None, None) => String::new(),
        };
        text.line(format!(
            "  remembered {}{what}: {}",
            one.path,
            decided(&one.answer)
        ));
    }
}

fn verb(step: &FileStep) -> &'static str {
    use crate::api::plan::Why;
    match (step.op, step.why, &step.old) {
        (FileOp::Put, Why::Merged, _) => "merge",
        (FileOp::Put, Why::Resolved | Why::Remembered, _) => "resolve",
        (FileOp::Put, Why::Restored, _) => "restore",
        (FileOp::Put, Why::Configured, _) => "configure",
        (FileOp::Put, _, None) => "add",
        (FileOp::Put, ..) => "replace",
        (FileOp::Remove | FileOp::RemoveDir, ..) => "remove",
        (FileOp::MakeDir, ..) => "make dir",
        (FileOp::SetMode, ..) => "set mode",
    }
}

fn stale(text: &mut Text, stale: &StaleView) {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    for key in &stale.keys {
        let (from, to, yours) = (shown(&key.from), shown(&key.to), shown(&key.yours));
        text.line(format!(
            "  stale      {} {}: {from} -> {to}, yours is {yours}",
            stale.path, key.key
        ));
    }
}

fn finding(text: &mut Text, finding: &Finding) {
    let weight = match finding.severity {
        Severity::Required => "",
        Severity::Wanted => " (only a warning)",
    };
    text.line(format!("  finding    {}{weight}", finding.message));
    for line in finding.hint.iter().flat_map(|hint| hint.lines()) {
        text.line(format!("             {line}"));
    }
}

fn probe(text: &mut Text, probe: &ProbeView) {
    let state = if probe.ok { "passes" } else { "fails" };
    let weight = if probe.required { "" } else { " (only a warning)" };
    let before = if probe.baseline_ok == Some(false) {
        " (as before the update)"
    } else {
        ""
    };
    text.line(format!(
        "  probe      {} {state}{weight}{before}: {}",
        probe.name, probe.detail
    ));
}
