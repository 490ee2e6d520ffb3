//! One instance: what its reports say together.

use super::problem::{Kind, Problem, Weight, cut};
use super::time::{days, seconds};
use super::told::{Told, TransactionTold, ViewTold};

/// How many paths and problems one instance lists.
const LIST_LIMIT: usize = 12;
/// How many transactions one instance lists.
const TRANSACTIONS: usize = 5;

/// What an overview is made by.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// When it is made, in seconds since the epoch.
    pub now: i64,
    /// Days after which a level is overdue.
    pub every: u64,
    /// Days after which an instance that nobody heard of is told.
    pub silent: u64,
}

/// One instance.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of the report")]
pub struct Row {
    pub host: String,
    pub instance: String,
    /// Empty where no report says it.
    pub environment: String,
    pub product: String,
    pub level: String,
    pub home: String,
    pub agent: String,
    /// Seconds since the epoch.
    pub installed_at: Option<i64>,
    /// Seconds since the epoch.
    pub at: Option<i64>,
    pub running: Option<bool>,
    /// How many vendor and config files deviate.
    pub drift: u64,
    /// The first of them.
    pub paths: Vec<String>,
    /// The highest newer level that the source offers.
    pub offered: Option<String>,
    /// The worst first.
    pub problems: Vec<Problem>,
    /// The newest first.
    pub transactions: Vec<Transaction>,
}

/// A change to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the report")]
pub struct Transaction {
    pub id: String,
    pub action: String,
    pub outcome: String,
    pub from: String,
    pub to: String,
    /// Seconds since the epoch.
    pub ended: i64,
    pub stopped_ms: Option<u64>,
    pub reason: Option<String>,
}

impl Transaction {
    /// Whether it went as it was meant to.
    pub fn is_fine(&self) -> bool {
        self.outcome == "done"
    }
}

impl Row {
    /// From all reports of one instance, the newest first.
    pub fn new(reports: &[Told], rule: Rule) -> Self {
        let newest = reports.first().cloned().unwrap_or_default();
        let view = reports.iter().find_map(Told::view).cloned().unwrap_or_default();
        let check = last_check(reports).cloned().unwrap_or_default();
        let mut row = Self {
            host: cut(&newest.host),
            instance: cut(&newest.instance),
            environment: cut(newest.environment.as_deref().unwrap_or_default()),
            product: cut(&view.release.product),
            level: cut(&view.release.level),
            home: cut(&view.home),
            agent: cut(&newest.agent),
            installed_at: view.installed_at.as_deref().and_then(seconds),
            at: newest.at.as_deref().and_then(seconds),
            running: match view.state.as_str() {
                "running" => Some(true),
                "stopped" => Some(false),
                _ => None,
            },
            drift: view.drift.count,
            paths: paths(&view),
            offered: check
                .offers
                .iter()
                .find(|offer| offer.newer)
                .map(|offer| cut(&offer.level)),
            problems: Vec::new(),
            transactions: transactions(reports),
        };
        let mut problems = Vec::from_iter(of_run(&newest));
        problems.extend(reports.iter().find_map(of_clock));
        problems.extend(of_view(&view));
        problems.extend(of_check(&check));
        problems.extend(of_findings(reports));
        problems.extend(row.of_age(&check, rule));
        let left = row.of_last_change(reports, &view);
        problems.extend(left.filter(|left| problems.iter().all(|known| known.kind != left.kind)));
        problems.sort_by_key(|problem| problem.kind);
        problems.dedup_by(|a, b| a.text == b.text);
        problems.truncate(LIST_LIMIT);
        row.problems = problems;
        row
    }

    /// How much its worst problem weighs.
    pub fn weight(&self) -> Option<Weight> {
        self.problems.first().map(|problem| problem.kind.weight())
    }

    /// Whether it has a problem of a kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.problems.iter().any(|problem| problem.kind == kind)
    }

    /// Since how many days the level is installed.
    pub fn age(&self, rule: Rule) -> Option<u64> {
        self.installed_at.map(|since| days(since, rule.now))
    }

    /// What the newest change left, which no run after it says of itself, unless all was found well since.
    fn of_last_change(&self, reports: &[Told], view: &ViewTold) -> Option<Problem> {
        let last = self.newest_change()?;
        let (kind, excused) = match last.outcome.as_str() {
            "unhealthy" => (Kind::Unhealthy, view.verified),
            // What runs now is the level before, which was verified on the way back.
            "taken-back" => (Kind::RolledBack, false),
            _ => return None,
        };
        let is_newer = |one: &Told| {
            let at = one.at.as_deref().and_then(seconds);
            at.is_some_and(|at| at >= last.ended)
        };
        let mut verified = reports.iter().filter(|one| one.action == "verify" && one.ok);
        if excused || verified.any(is_newer) {
            return None;
        }
        let why = last.reason.as_deref().unwrap_or("nobody knows why");
        let text = format!("{} to {}: {why}", last.action, last.to);
        let hint = "mend the cause, and `pitstop verify` says so";
        Some(Problem::new(kind, text).hint(Some(hint)))
    }

    /// A way back that the agent went by itself is a part of the change that it took back.
    fn newest_change(&self) -> Option<&Transaction> {
        let taken = self.transactions.get(1).filter(|one| one.outcome == "taken-back");
        self.transactions.first().map(|last| match taken {
            Some(taken) if last.action == "rollback" && last.is_fine() && last.ended == taken.ended => taken,
            _ => last,
        })
    }

    fn of_age(&self, check: &Told, rule: Rule) -> Vec<Problem> {
        let mut found = Vec::new();
        if let Some(age) = self.age(rule).filter(|age| *age > rule.every) {
            let text = format!("{age} days at this level, the rule says {}", rule.every);
            let nothing_newer = !check.offers.is_empty() && self.offered.is_none();
            found.push(match nothing_newer {
                true => Problem::new(Kind::NothingNewer, text + "; its source has nothing newer"),
                false => Problem::new(Kind::Overdue, text),
            });
        }
        if let Some(quiet) = self
            .at
            .map(|at| days(at, rule.now))
            .filter(|quiet| *quiet >= rule.silent)
        {
            let text = format!("the last report is {quiet} days old");
            found.push(
                Problem::new(Kind::Silent, text).hint(Some("see whether the host is there and reports")),
            );
        }
        found
    }
}

/// The newest check, unless something was changed since.
fn last_check(reports: &[Told]) -> Option<&Told> {
    let mut until_change = reports.iter().take_while(|one| one.dry_run || !one.changed);
    until_change.find(|one| one.action == "check")
}

fn paths(view: &ViewTold) -> Vec<String> {
    let paths = view.drift.paths.iter().take(LIST_LIMIT);
    paths
        .map(|one| cut(&format!("{} {}", one.change, one.path)))
        .collect()
}

/// What the last run ended with.
fn of_run(newest: &Told) -> Option<Problem> {
    let error = newest.error.as_ref()?;
    let kind = match error.exit {
        3 => Kind::Conflicts,
        4 => Kind::RolledBack,
        5 => Kind::Unhealthy,
        6 => blocked(&error.kind),
        _ => Kind::Failed,
    };
    let text = format!("{}: {}", newest.action, error.message);
    Some(
        Problem::new(kind, text)
            .hint(error.hint.as_ref())
            .error(&error.kind),
    )
}

fn of_clock(told: &Told) -> Option<Problem> {
    let text = format!(
        "a report says that it was made at {}, which is still to come",
        told.ahead.as_ref()?
    );
    let hint = "set the clock of its host, and remove the report where reports are kept";
    Some(Problem::new(Kind::Warning, text).hint(Some(hint)))
}

/// What lets a host go when it is its turn needs nobody.
fn blocked(kind: &str) -> Kind {
    match kind {
        "wave" | "window" | "lock" => Kind::Waits,
        _ => Kind::Blocked,
    }
}

fn of_view(view: &ViewTold) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(open) = &view.interrupted {
        let text = format!(
            "transaction {} was interrupted: {}",
            open.transaction, open.remedy
        );
        found.push(Problem::new(Kind::Interrupted, text));
    }
    if view.state == "stopped" {
        found.push(Problem::new(Kind::Stopped, "the server does not run"));
    }
    for hold in &view.holds {
        let text = format!(
            "{} is held since {}: {}",
            hold.release.level, hold.since, hold.reason
        );
        let hint = "give a newer level, or --release-hold once the cause is gone";
        found.push(Problem::new(Kind::Held, text).hint(Some(hint)));
    }
    if let Some(held) = view.config.as_ref().and_then(|config| config.held.as_ref()) {
        found.push(Problem::new(
            Kind::Held,
            format!("the configuration is held {held}"),
        ));
    }
    let vendor = view
        .drift
        .paths
        .iter()
        .filter(|one| one.class == "vendor" && !one.configured);
    if let Some((first, more)) = first_and_more(vendor) {
        let text = format!("{} of the vendor's is {}{more}", first.path, first.change);
        found.push(Problem::new(Kind::Drift, text));
    }
    if !view.adopted && !view.release.product.is_empty() {
        found.push(Problem::new(Kind::NotAdopted, "nobody has taken the pack over"));
    }
    found
}

fn of_check(check: &Told) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(waiting) = &check.waiting {
        let text = match waiting.open {
            0 => format!("the update to {} waits: every conflict is decided", waiting.level),
            open => format!("the update to {} waits for {open} decisions", waiting.level),
        };
        found.push(Problem::new(Kind::Conflicts, text).hint(Some(&waiting.command)));
    } else if !check.conflicts.is_empty() {
        let text = format!(
            "an update would bring conflicts in {} paths",
            check.conflicts.len()
        );
        found.push(Problem::new(Kind::Ahead, text));
    }
    for blocker in &check.blockers {
        let problem = Problem::new(blocked(&blocker.kind), &blocker.message);
        found.push(problem.hint(blocker.hint.as_ref()).error(&blocker.kind));
    }
    if let Some((first, more)) = first_and_more(check.stale.iter()) {
        let text = format!(
            "the template of {}{more} overrides what the vendor changed",
            first.path
        );
        found.push(Problem::new(Kind::Stale, text));
    }
    found
}

/// What the newest run that looks for it found.
fn of_findings(reports: &[Told]) -> Vec<Problem> {
    let looked = reports
        .iter()
        .find(|one| matches!(one.action.as_str(), "check" | "verify"));
    let problem = |one: &super::told::FindingTold| {
        let kind = if one.severity == "required" {
            Kind::Finding
        } else {
            Kind::Warning
        };
        Problem::new(kind, &one.message).hint(one.hint.as_ref())
    };
    looked.map_or_else(Vec::new, |one| one.findings.iter().map(problem).collect())
}

fn first_and_more<T>(mut items: impl Iterator<Item = T>) -> Option<(T, String)> {
    let first = items.next()?;
    let more = items.count();
    Some((
        first,
        if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        },
    ))
}

/// From every report, the newest first, each once.
fn transactions(reports: &[Told]) -> Vec<Transaction> {
    let mut found: Vec<Transaction> = Vec::new();
    let told = reports
        .iter()
        .flat_map(|one| one.transactions.iter().filter_map(of_history));
    for one in told.chain(reports.iter().filter_map(of_report)) {
        if !found.iter().any(|known| known.id == one.id) {
            found.push(one);
        }
    }
    found.sort_by(|a, b| (b.ended, &b.id).cmp(&(a.ended, &a.id)));
    found.truncate(TRANSACTIONS);
    found
}

fn of_history(told: &TransactionTold) -> Option<Transaction> {
    Some(Transaction {
        id: cut(&told.transaction),
        action: cut(&told.action),
        outcome: cut(&told.outcome),
        from: cut(&told.from.level),
        to: cut(&told.to.level),
        ended: seconds(&told.ended)?,
        stopped_ms: told.stopped_ms,
        reason: told.reason.as_deref().map(cut),
    })
}

/// The report of the run itself, where no later check tells the history.
fn of_report(told: &Told) -> Option<Transaction> {
    let (id, plan) = (told.transaction.as_ref()?, told.plan.as_ref()?);
    let outcome = match told.status.as_str() {
        "updated" | "configured" | "hotfix-applied" | "hotfix-reverted" => "done",
        "rolled-back" if told.ok => "done",
        "rolled-back" => "taken-back",
        "unhealthy" => "unhealthy",
        _ => return None,
    };
    Some(Transaction {
        id: cut(id),
        action: cut(&told.action),
        outcome: outcome.to_owned(),
        from: cut(&plan.from.level),
        to: cut(&plan.to.level),
        ended: seconds(told.at.as_ref()?)?,
        stopped_ms: Some(told.timing.stopped_ms),
        reason: told.error.as_ref().map(|error| cut(&error.message)),
    })
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
