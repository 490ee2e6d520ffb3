//! Hosts of one name in several environments are several hosts.

use std::collections::HashMap;

use super::told::Told;

/// The environment of each host whose name is in one only; `None` for a name that is in several.
pub struct Environments(HashMap<String, Option<String>>);

impl Environments {
    /// What reports say.
    pub fn of(told: &[Told]) -> Self {
        let mut only: HashMap<String, Option<String>> = HashMap::new();
        for one in told {
            let Some(environment) = said(one.environment.as_deref()) else {
                continue;
            };
            let known = only
                .entry(one.host.clone())
                .or_insert_with(|| Some(environment.to_owned()));
            if known.as_deref() != Some(environment) {
                *known = None;
            }
        }
        Self(only)
    }

    /// The environment that a host is in: what it said, or where it could not say it the only one of its name. Empty if
    /// neither is known.
    pub fn of_host(&self, environment: Option<&str>, host: &str) -> String {
        let only = || self.0.get(host)?.as_deref();
        said(environment).or_else(only).unwrap_or_default().to_owned()
    }
}

fn said(environment: Option<&str>) -> Option<&str> {
    environment.filter(|name| !name.is_empty())
}
