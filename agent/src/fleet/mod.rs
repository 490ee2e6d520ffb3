//! What many reports say together: one row per instance, counts, and pages made of them. Pure: reports come from a reader
//! that the caller opens, the time from the caller's clock.
//!
//! Everything in a report may come from a host that somebody else controls. Texts are cut and cleaned when they are taken
//! over ([`problem::cut`]) and escaped where they are put into a page.

mod environment;
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

use environment::Environments;
use listed::{Listed, Lists};
use read::Heard;
use told::Told;

/// How many things that are no reports are listed.
const UNREAD_AT_MOST: usize = 200;

/// Reports as they come.
#[derive(Debug, Default)]
pub struct Collection {
    told: Vec<Told>,
    lists: Vec<Listed>,
    reports: u64,
    unread: Vec<Unread>,
    more_unread: u64,
}

/// Which instance it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The name of its host.
    pub host: String,
    /// Its own name.
    pub instance: String,
    /// The environment that its host is in.
    pub environment: String,
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
        self.reports += heard.reports.len() as u64;
        self.told.extend(heard.reports);
        self.lists.extend(heard.lists);
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
        let (instances, lists) = self.by_instance();
        let rows = instances.into_iter().map(|(key, mut reports)| {
            // Of two of one moment, and of those that do not tell theirs, the later read counts.
            reports.reverse();
            reports.iter_mut().for_each(|one| one.at_most(rule.now));
            reports.sort_by_key(|one| std::cmp::Reverse(one.at.as_deref().and_then(time::seconds)));
            (key, Row::new(&reports, rule))
        });
        let is_gone = |(key, row): &(Key, Row)| lists.lack(key, row.at, rule.now);
        let (mut gone, there): (Vec<_>, Vec<_>) = rows.partition(is_gone);
        gone.sort_by(|a, b| a.0.cmp(&b.0));
        for (Key { host, instance, .. }, _) in gone {
            let why = "left out, since the host does not have it any more; remove its reports";
            self.miss(&format!("{instance} of {host}"), why);
        }
        let mut rows: Vec<Row> = there.into_iter().map(|(_, row)| row).collect();
        rows.sort_by(|a, b| {
            let key = |row: &Row| {
                let worst = row
                    .problems
                    .first()
                    .map_or(usize::MAX, |problem| problem.kind as usize);
                (worst, usize::MAX - row.problems.len())
            };
            key(a).cmp(&key(b)).then_with(|| {
                (&a.host, &a.instance, &a.environment).cmp(&(&b.host, &b.instance, &b.environment))
            })
        });
        rows
    }

    /// What was told of each instance, in the order in which it was read, and the newest list of each host.
    fn by_instance(&mut self) -> (HashMap<Key, Vec<Told>>, Lists) {
        let told = std::mem::take(&mut self.told);
        let environments = Environments::of(&told);
        let mut lists = Lists::default();
        for list in std::mem::take(&mut self.lists) {
            lists.add(
                environments.of_host(list.environment.as_deref(), &list.host),
                list,
            );
        }
        let mut instances: HashMap<Key, Vec<Told>> = HashMap::new();
        for mut one in told {
            let environment = environments.of_host(one.environment.as_deref(), &one.host);
            one.environment = Some(environment.clone());
            let key = Key {
                host: one.host.clone(),
                instance: one.instance.clone(),
                environment,
            };
            instances.entry(key).or_default().push(one);
        }
        (instances, lists)
    }
}
