//! What many reports say together: one row per instance, counts, and pages made of them. Pure: reports come from a reader
//! that the caller opens, the time from the caller's clock.
//!
//! Everything in a report may come from a host that somebody else controls. Texts are cut and cleaned when they are taken
//! over ([`problem::cut`]) and escaped where they are put into a page.

pub mod listed;
pub mod markdown;
pub mod metrics;
pub mod page;
pub mod problem;
pub mod read;
pub mod row;
pub mod summary;
pub mod time;
pub mod told;

use std::collections::HashMap;

pub use row::{Row, Rule, Transaction};
pub use summary::Fleet;

use listed::Lists;
use read::Heard;
use told::Told;

/// How many things that are no reports are listed.
const UNREAD_AT_MOST: usize = 200;

/// Reports as they come.
#[derive(Debug, Default)]
pub struct Collection {
    /// By host and instance.
    instances: HashMap<(String, String), Vec<Told>>,
    lists: Lists,
    reports: u64,
    unread: Vec<Unread>,
    more_unread: u64,
}

/// Something that is no report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unread {
    /// The file.
    pub file: String,
    /// Why.
    pub why: String,
}

impl Collection {
    /// Takes in what a file held.
    pub fn add(&mut self, file: &str, heard: Heard) {
        for told in heard.reports {
            self.reports += 1;
            let key = (told.host.clone(), told.instance.clone());
            self.instances.entry(key).or_default().push(told);
        }
        heard.lists.into_iter().for_each(|list| self.lists.add(list));
        heard.unread.into_iter().for_each(|why| self.miss(file, &why));
    }

    /// Notes what could not be read.
    pub fn miss(&mut self, file: &str, why: &str) {
        if self.unread.len() == UNREAD_AT_MOST {
            self.more_unread += 1;
            return;
        }
        self.unread.push(Unread {
            file: problem::cut(file),
            why: problem::cut(why),
        });
    }

    /// How many reports there are.
    pub fn reports(&self) -> u64 {
        self.reports
    }

    /// What could not be read.
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// One row per instance, the worst first. Those that their hosts do not have any more are left out, which is noted.
    pub fn rows(&mut self, rule: Rule) -> Vec<Row> {
        let told = std::mem::take(&mut self.instances);
        let rows = told.into_values().map(|mut reports| {
            // Of two of one moment, and of those that do not tell theirs, the later read counts.
            reports.reverse();
            reports.iter_mut().for_each(|one| one.at_most(rule.now));
            reports.sort_by_key(|one| std::cmp::Reverse(one.at.as_deref().and_then(time::seconds)));
            (
                reports[0].host.clone(),
                reports[0].instance.clone(),
                Row::new(&reports, rule),
            )
        });
        let is_gone =
            |(host, instance, row): &(String, String, Row)| self.lists.lack(host, instance, row.at, rule.now);
        let (mut gone, there): (Vec<_>, Vec<_>) = rows.partition(is_gone);
        gone.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        for (host, instance, _) in gone {
            let why = "left out, since the host does not have it any more; remove its reports";
            self.miss(&format!("{instance} of {host}"), why);
        }
        let mut rows: Vec<Row> = there.into_iter().map(|(_, _, row)| row).collect();
        rows.sort_by(|a, b| {
            let key = |row: &Row| {
                let worst = row
                    .problems
                    .first()
                    .map_or(usize::MAX, |problem| problem.kind as usize);
                (worst, usize::MAX - row.problems.len())
            };
            key(a)
                .cmp(&key(b))
                .then_with(|| (&a.host, &a.instance).cmp(&(&b.host, &b.instance)))
        });
        rows
    }
}
