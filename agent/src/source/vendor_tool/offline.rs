//! Updates in a file, and lists of levels.

use std::path::Path;

use regex::Regex;

use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Level, LevelOrder};
use crate::product::Profile;
use crate::product::profile::VendorToolRules;

/// What the name of an update in a file says, such as `wso2mi-4.1.0.0-4.1.0.20.zip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offline {
    /// The product as its vendor calls it.
    pub product: String,
    /// The level that it starts at.
    pub from: Level,
    /// The level that it leads to.
    pub to: Level,
}

impl Offline {
    /// What a file's name says; `None` if it is not the name of an update.
    ///
    /// # Errors
    /// `settings`: the profile's pattern is none.
    pub fn named(path: &Path, rules: &VendorToolRules) -> Result<Option<Self>> {
        let (Some(pattern), Some(name)) = (&rules.offline, path.file_name().and_then(|name| name.to_str()))
        else {
            return Ok(None);
        };
        let pattern = names_like("vendor_tool.offline", pattern)?;
        Ok(said_by_name(&pattern, name).map(|said| {
            let level = |last: &str| Level::new(format!("{}.{}", said("version"), said(last)));
            Self {
                product: said("product"),
                from: level("from"),
                to: level("to"),
            }
        }))
    }

    /// Refuses a file for another product: the tool might take it.
    ///
    /// # Errors
    /// `wrong-product`.
    pub fn refuse_other_product(&self, path: &Path, profile: &Profile) -> Result<()> {
        let from = self.from.as_str();
        let version = from.rsplit_once('.').map_or(from, |(version, _)| version);
        if profile.is_called(&self.product, version) {
            return Ok(());
        }
        let message = format!("{} is no update of {}", path.display(), profile.title);
        Err(Failure::new(ErrorKind::WrongProduct, message)
            .at(path)
            .hint("make one with the vendor tool's `create-update` in a pack of this product"))
    }

    /// Refuses a file that does not start at the installed level: the tool might take it.
    ///
    /// # Errors
    /// `level-unavailable`.
    pub fn refuse_other_start(&self, path: &Path, installed: &Level, order: LevelOrder) -> Result<()> {
        if order.compare(&self.from, installed).is_eq() {
            return Ok(());
        }
        let message = format!(
            "{} leads from level {} to {}, and {installed} is installed",
            path.display(),
            self.from,
            self.to
        );
        Err(Failure::new(ErrorKind::LevelUnavailable, message)
            .at(path)
            .hint("make one that starts at the installed level, with the vendor tool's `create-update`"))
    }
}

/// A pattern on names.
///
/// # Errors
/// `settings`: it is none.
pub(super) fn names_like(field: &str, pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let message = format!("{field}: not a regular expression");
        Failure::new(ErrorKind::Settings, message).because(error)
    })
}

/// What the groups of a pattern match in a name, one by one; `None` if it does not match.
pub(super) fn said_by_name<'a>(pattern: &Regex, name: &'a str) -> Option<impl Fn(&str) -> String + use<'a>> {
    let found = pattern.captures(name)?;
    Some(move |group: &str| {
        found
            .name(group)
            .map_or_else(String::new, |group| group.as_str().to_owned())
    })
}

/// The levels above the installed one in what the tool printed, the highest first.
pub(super) fn levels_in(told: &str, installed: &Level, order: LevelOrder) -> Vec<Level> {
    let version = installed
        .as_str()
        .rsplit_once('.')
        .map_or("", |(version, _)| version);
    let mut levels: Vec<Level> = told.lines().filter_map(|line| level_in(line, version)).collect();
    levels.retain(|level| order.compare(level, installed).is_gt());
    levels.sort_by(|a, b| order.compare(b, a));
    levels.dedup();
    levels
}

fn level_in(line: &str, version: &str) -> Option<Level> {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let of_version = |word: &str| {
        let last = word.strip_prefix(version)?.strip_prefix('.')?;
        is_number(last).then(|| Level::new(word))
    };
    let words = || {
        line.split(|c: char| !c.is_ascii_digit() && c != '.')
            .map(|word| word.trim_matches('.'))
    };
    let spelled_out = words().find_map(of_version);
    let alone = || {
        let last = words().rfind(|word| !word.is_empty())?;
        let is_named = words().any(|word| word == version);
        (is_named && is_number(last)).then(|| Level::new(format!("{version}.{last}")))
    };
    spelled_out.or_else(alone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::builtin;

    #[test]
    fn names_tell_product_and_levels() {
        let profile = builtin::find("wso2mi", None).unwrap();
        let rules = profile.vendor_tool.unwrap();
        let named = |name: &str| Offline::named(Path::new(name), &rules).unwrap();
        let offline = named("/srv/wso2mi-4.1.0.0-4.1.0.20.zip").unwrap();
        assert_eq!(offline.product, "wso2mi");
        assert_eq!(
            (offline.from.as_str(), offline.to.as_str()),
            ("4.1.0.0", "4.1.0.20")
        );
        assert_eq!(
            named("wso2am-universal-gw-4.5.0.3-4.5.0.10.zip").unwrap().product,
            "wso2am-universal-gw"
        );
        for other in [
            "wso2mi-4.1.0.zip",
            "wso2mi-4.1.0.0-4.1.0.20.zip.sha256",
            "packs",
            "/",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
        let path = Path::new("x.zip");
        let refused =
            |installed: &str| offline.refuse_other_start(path, &Level::new(installed), LevelOrder::Dotted);
        refused("4.1.0").unwrap();
        assert_eq!(refused("4.1.0.3").unwrap_err().kind, ErrorKind::LevelUnavailable);
    }

    #[test]
    fn lists_of_levels_are_understood_in_the_ways_they_may_be_written() {
        let table = [
            ("wso2am-4.2.0 3\nwso2am-4.2.0 9\n", vec!["4.2.0.9", "4.2.0.3"]),
            ("[x] wso2am 4.2.0: level 3", vec!["4.2.0.3"]),
            ("wso2am-4.2.0.12 (2024-01-01), 4 files", vec!["4.2.0.12"]),
            ("downloaded 3 of 9 MB\nwso2am-4.2.0 0\n4.2.0\n", vec![]),
            ("other-1.0.0 77", vec![]),
        ];
        for (told, expected) in table {
            let found = levels_in(told, &Level::new("4.2.0.1"), LevelOrder::Dotted);
            let found: Vec<_> = found.iter().map(Level::as_str).collect();
            assert_eq!(found, expected, "{told}");
        }
    }
}
