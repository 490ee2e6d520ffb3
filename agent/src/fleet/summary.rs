//! Counts over all rows: what the top of a page says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::Serialize;

use super::problem::{Kind, Weight};
use super::time::{days, lasted, minute};
use super::{Collection, Row, Rule, Transaction, Unread};
use crate::model::{Level, LevelOrder};

/// How many levels of one product, blockers, hosts of one blocker, and transactions are listed.
const LEVELS: usize = 40;
const BLOCKERS: usize = 30;
const HOSTS: usize = 8;
const TRANSACTIONS: usize = 40;

/// A fleet at one moment, ready for a page.
#[derive(Debug, Clone, Serialize)]
pub struct Fleet {
    /// The page's title.
    pub title: String,
    /// When it was made, in UTC.
    pub made: String,
    /// Days after which a level is overdue.
    pub every: u64,
    /// Reports that were read.
    pub reports: u64,
    /// Instances, and the hosts that they are on.
    pub instances: usize,
    /// See `instances`.
    pub hosts: usize,
    /// Instances by their worst problem.
    pub failing: usize,
    /// See `failing`.
    pub attention: usize,
    /// See `failing`: those with no more than notes.
    pub fine: usize,
    /// How many instances have a problem of a kind, the worst first; only kinds that there are.
    pub kinds: Vec<KindCount>,
    /// Levels by product and environment.
    pub products: Vec<Product>,
    /// Who is blocked by what.
    pub blockers: Vec<Blocker>,
    /// The last transactions, those that went wrong lately first.
    pub transactions: Vec<Change>,
    /// How many more there are.
    pub more_transactions: usize,
    /// How long servers were down for changes.
    pub down: Option<Down>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// How many more there are.
    pub more_unread: u64,
    /// The instances.
    #[serde(skip)]
    pub rows: Vec<Row>,
    /// What it was made by.
    #[serde(skip)]
    pub rule: Rule,
}

/// How many instances have a problem of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "as the kind's")]
pub struct KindCount {
    pub code: &'static str,
    pub label: &'static str,
    pub weight: Weight,
    pub count: usize,
}

/// The levels of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Product {
    /// Its name.
    pub name: String,
    /// The environments that it is in, in the order of the columns.
    pub environments: Vec<String>,
    /// The levels, the newest first.
    pub levels: Vec<LevelCount>,
    /// How many levels are not listed.
    pub more: usize,
}

/// One level of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelCount {
    /// The level.
    pub level: String,
    /// What leads to its instances on the page.
    pub link: String,
    /// Instances in each environment.
    pub cells: Vec<usize>,
    /// In all.
    pub total: usize,
    /// Days since the newest and since the oldest of its installations, such as `3 – 21`; empty if nobody knows.
    pub age: String,
    /// Instances that have it for longer than the rule says.
    pub overdue: usize,
}

/// What stops the next update somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// The error kind.
    pub kind: String,
    /// What it says on the first instance.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How many instances.
    pub count: usize,
    /// The first of them.
    pub who: Vec<String>,
    /// How many more.
    pub more: usize,
}

/// A transaction in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "as the transaction's")]
pub struct Change {
    pub host: String,
    pub instance: String,
    pub environment: String,
    pub action: String,
    pub outcome: String,
    pub from: String,
    pub to: String,
    pub ended: String,
    pub stopped: String,
    pub reason: String,
    pub is_fine: bool,
}

/// How long servers were down for changes that went well and stopped them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Down {
    pub count: usize,
    pub median: String,
    pub longest: String,
}

impl Fleet {
    /// Everything that is to be said of a collection.
    pub fn new(mut collection: Collection, title: &str, rule: Rule) -> Self {
        let rows = collection.rows(rule);
        let count = |weight| rows.iter().filter(|row| row.weight() == Some(weight)).count();
        let (failing, attention) = (count(Weight::Failing), count(Weight::Attention));
        let changes = changes(&rows, rule);
        Self {
            title: title.to_owned(),
            made: minute(rule.now),
            every: rule.every,
            reports: collection.reports,
            instances: rows.len(),
            hosts: rows.iter().map(|row| &row.host).collect::<BTreeSet<_>>().len(),
            failing,
            attention,
            fine: rows.len() - failing - attention,
            kinds: kinds(&rows),
            products: products(&rows, rule),
            blockers: blockers(&rows),
            more_transactions: changes.len().saturating_sub(TRANSACTIONS),
            down: down(&changes),
            transactions: changes.iter().take(TRANSACTIONS).map(change).collect(),
            unread: collection.unread,
            more_unread: collection.more_unread,
            rows,
            rule,
        }
    }
}

fn kinds(rows: &[Row]) -> Vec<KindCount> {
    let counted = Kind::ALL.iter().map(|kind| KindCount {
        code: kind.code(),
        label: kind.label(),
        weight: kind.weight(),
        count: rows.iter().filter(|row| row.has(*kind)).count(),
    });
    counted.filter(|one| one.count > 0).collect()
}

fn products(rows: &[Row], rule: Rule) -> Vec<Product> {
    let mut by_product: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.product.is_empty()) {
        by_product.entry(&row.product).or_default().push(row);
    }
    let product = |(name, rows): (&str, Vec<&Row>)| {
        let environments: BTreeSet<&str> = rows.iter().map(|row| row.environment.as_str()).collect();
        let mut by_level: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in &rows {
            by_level.entry(&row.level).or_default().push(row);
        }
        let mut levels: Vec<_> = by_level.into_iter().collect();
        levels.sort_by(|(a, _), (b, _)| LevelOrder::Dotted.compare(&Level::new(*b), &Level::new(*a)));
        let counted = levels.iter().map(|(level, rows)| LevelCount {
            level: (*level).to_owned(),
            link: format!("product={}&level={}", encoded(name), encoded(level)),
            cells: environments
                .iter()
                .map(|name| rows.iter().filter(|row| row.environment == *name).count())
                .collect(),
            total: rows.len(),
            age: ages(rows, rule),
            overdue: rows.iter().filter(|row| row.has(Kind::Overdue)).count(),
        });
        Product {
            name: name.to_owned(),
            levels: counted.take(LEVELS).collect(),
            more: levels.len().saturating_sub(LEVELS),
            environments: environments.into_iter().map(str::to_owned).collect(),
        }
    };
    by_product.into_iter().map(product).collect()
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

fn ages(rows: &[&Row], rule: Rule) -> String {
    let ages = || rows.iter().filter_map(|row| row.age(rule));
    match (ages().min(), ages().max()) {
        (Some(youngest), Some(oldest)) if youngest < oldest => format!("{youngest} – {oldest}"),
        (Some(only), _) => only.to_string(),
        _ => String::new(),
    }
}

/// Grouped by the error's kind and, within it, by its words without what differs between hosts.
fn blockers(rows: &[Row]) -> Vec<Blocker> {
    let mut groups: BTreeMap<(String, String), Blocker> = BTreeMap::new();
    for row in rows {
        let blocked = row
            .problems
            .iter()
            .filter(|problem| matches!(problem.kind, Kind::Blocked | Kind::Waits));
        for problem in blocked {
            let kind = problem.error.clone().unwrap_or_default();
            let who = format!("{} {}", row.host, row.instance);
            let group = groups
                .entry((kind.clone(), likeness(&problem.text)))
                .or_insert_with(|| Blocker {
                    kind,
                    text: problem.text.clone(),
                    hint: problem.hint.clone(),
                    count: 0,
                    who: Vec::new(),
                    more: 0,
                });
            group.count += 1;
            match group.who.len() < HOSTS {
                true => group.who.push(who),
                false => group.more += 1,
            }
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    groups.truncate(BLOCKERS);
    groups
}

/// What two messages of one cause have in common: no digits, no paths, no names of instances after `of`.
fn likeness(text: &str) -> String {
    let words = text
        .split(' ')
        .filter(|word| !word.contains(|c: char| c.is_ascii_digit() || c == '/'));
    words.take(12).collect::<Vec<_>>().join(" ")
}

type Seen<'a> = (&'a Row, &'a Transaction);

/// Those that went wrong in the rule's time first, then the newest.
fn changes(rows: &[Row], rule: Rule) -> Vec<Seen<'_>> {
    let mut all: Vec<Seen<'_>> = rows
        .iter()
        .flat_map(|row| row.transactions.iter().map(move |one| (row, one)))
        .collect();
    let later = |one: &Transaction| one.is_fine() || days(one.ended, rule.now) > rule.every;
    all.sort_by_key(|(row, one)| (later(one), Reverse(one.ended), &row.host, &one.id));
    all
}

fn change((row, one): &Seen<'_>) -> Change {
    Change {
        host: row.host.clone(),
        instance: row.instance.clone(),
        environment: row.environment.clone(),
        action: one.action.clone(),
        outcome: one.outcome.replace('-', " "),
        from: one.from.clone(),
        to: one.to.clone(),
        ended: minute(one.ended),
        stopped: one.stopped_ms.map(lasted).unwrap_or_default(),
        reason: one.reason.clone().unwrap_or_default(),
        is_fine: one.is_fine(),
    }
}

fn down(changes: &[Seen<'_>]) -> Option<Down> {
    let fine = changes.iter().filter(|(_, one)| one.is_fine());
    let mut times: Vec<u64> = fine
        .filter_map(|(_, one)| one.stopped_ms)
        .filter(|ms| *ms > 0)
        .collect();
    times.sort_unstable();
    Some(Down {
        count: times.len(),
        median: lasted(*times.get(times.len() / 2)?),
        longest: lasted(*times.last()?),
    })
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
