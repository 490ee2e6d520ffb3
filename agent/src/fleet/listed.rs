//! Which instances a host has, by its own list of all: an instance that a later list does not name is gone.

use std::collections::{BTreeSet, HashMap};

use super::Key;
use super::time::{is_ahead, seconds};
use super::told::Told;

/// A list of all reports of a host (`--all`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub(super) host: String,
    pub(super) environment: Option<String>,
    instances: BTreeSet<String>,
    /// When it was begun, in seconds since the epoch.
    at: i64,
}

impl Listed {
    /// What a list says; `None` if it does not say whose it is, or since when.
    pub fn new(reports: &[Told]) -> Option<Self> {
        let host = &reports.first()?.host;
        let at = |one: &Told| one.at.as_deref().and_then(seconds).filter(|_| one.host == *host);
        let times: Option<Vec<i64>> = reports.iter().map(at).collect();
        Some(Self {
            host: host.clone(),
            environment: reports.iter().find_map(|one| one.environment.clone()),
            instances: reports.iter().map(|one| one.instance.clone()).collect(),
            at: times?.into_iter().min()?,
        })
    }
}

/// The newest list of each host, by its environment and its name.
#[derive(Debug, Default)]
pub struct Lists(HashMap<(String, String), Listed>);

impl Lists {
    /// Takes in one of a host in an environment.
    pub fn add(&mut self, environment: String, list: Listed) {
        let key = (environment, list.host.clone());
        let newest = self.0.entry(key).or_insert_with(|| list.clone());
        if newest.at < list.at {
            *newest = list;
        }
    }

    /// Whether a host does not have the instance any more that it reported last at a moment. A list whose time is still to
    /// come says nothing.
    pub fn lack(&self, key: &Key, at: Option<i64>, now: i64) -> bool {
        let newest = self.0.get(&(key.environment.clone(), key.host.clone()));
        let newest = newest.filter(|list| !is_ahead(list.at, now)).zip(at);
        newest.is_some_and(|(list, at)| at < list.at && !list.instances.contains(&key.instance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_gone_once_a_later_list_does_not_name_it() {
        let now = 1_000_000;
        // When the list was made, when the instance reported last, and whether it is gone.
        let table = [
            (now - 10, Some(now - 20), true),
            (now - 10, Some(now - 5), false),
            (now - 10, None, false),
            (now + 10, Some(now - 20), true),
            (now + 90_000, Some(now - 20), false),
        ];
        for (list, reported, gone) in table {
            let mut lists = Lists::default();
            let dev = || "dev".to_owned();
            let list = Listed {
                host: "h".to_owned(),
                environment: Some(dev()),
                instances: ["other".to_owned()].into(),
                at: list,
            };
            lists.add(dev(), list);
            let lack = |instance: &str, environment: &str| {
                let key = Key {
                    host: "h".to_owned(),
                    instance: instance.to_owned(),
                    environment: environment.to_owned(),
                };
                lists.lack(&key, reported, now)
            };
            assert_eq!(lack("shop", "dev"), gone, "{reported:?}");
            assert!(!lack("other", "dev") && !lack("shop", "test"), "{reported:?}");
        }
    }
}
