//! Templates that were written for other defaults than the vendor has now.

use std::collections::{BTreeMap, BTreeSet};

use super::mask::SHOWN;
use super::telling::{holds_any, looks_secret, sounds_secret};
use crate::api::report::StaleKey;
use crate::config::configuration::Way;
use crate::merge::keys::Said;
use crate::model::Digest;

/// What the keys of a file, or of several, say.
pub type Keys = BTreeMap<String, Said>;

/// The vendor's defaults at one level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Of the file itself.
    pub file: Keys,
    /// Of keys that the file need not name.
    pub others: Keys,
}

/// What the operator's file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Yours {
    /// Its keys.
    pub keys: Keys,
    /// The lines of it that hold secrets.
    pub secret_lines: Vec<String>,
}

impl Yours {
    /// The secret lines of a text, by their digests.
    pub fn secret_lines(text: &str, digests: &BTreeSet<Digest>) -> Vec<String> {
        let lines = text
            .lines()
            .filter(|line| digests.contains(&Digest::of(line.as_bytes())));
        lines.map(str::to_owned).collect()
    }

    /// Whether a line of what a key says stands in a secret line.
    fn is_in_secret_line(&self, said: &Said) -> bool {
        let lines = said.parts.iter().flat_map(|part| part.lines()).map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .any(|line| self.secret_lines.iter().any(|secret| secret.contains(line)))
    }
}

/// The keys whose defaults changed and which the file overrides: it says something else of them, or it is the
/// template's as a whole and does not have them. `words` are more words in keys whose values are secrets.
pub fn stale(way: &Way, old: &Defaults, new: &Defaults, yours: &Yours, words: &[String]) -> Vec<StaleKey> {
    let named: BTreeSet<&String> = old.all().chain(new.all()).map(|(key, _)| key).collect();
    let overrides = |key: &str| match (way, yours.keys.get(key)) {
        (Way::EnsureKeys(keys), _) if !keys.contains_key(&as_named(key)) => false,
        (_, Some(said)) => new.get(key).is_none_or(|default| default.meaning != said.meaning),
        // Only of the file itself: what it does not name has the other defaults, whatever they are.
        (Way::Replace(_) | Way::EnsureKeys(_), None) => {
            old.file.contains_key(key) || new.file.contains_key(key)
        }
        (Way::Merge(_), None) => false,
    };
    let changed =
        |key: &str| old.get(key).map(|said| &said.meaning) != new.get(key).map(|said| &said.meaning);
    let shown = |key: &str, said: &Said, is_secret: bool| {
        let looks_so = sounds_secret(key) || holds_any(key, words) || looks_secret(&said.text, &[]);
        if is_secret || looks_so {
            SHOWN.to_owned()
        } else {
            said.text.clone()
        }
    };
    let own = |key: &str, said: &Said| shown(key, said, yours.is_in_secret_line(said));
    named
        .into_iter()
        .filter(|key| changed(key) && overrides(key))
        .map(|key| StaleKey {
            key: key.clone(),
            from: old.get(key).map(|said| shown(key, said, false)),
            to: new.get(key).map(|said| shown(key, said, false)),
            yours: yours.keys.get(key).map(|said| own(key, said)),
        })
        .collect()
}

/// A key as the settings name it: those of INI files have another name in reports.
fn as_named(key: &str) -> String {
    let parts = key.strip_prefix('[').and_then(|key| key.split_once("] "));
    parts.map_or_else(|| key.to_owned(), |(section, key)| format!("{section}.{key}"))
}

impl Defaults {
    fn all(&self) -> impl Iterator<Item = (&String, &Said)> {
        self.file.iter().chain(&self.others)
    }

    fn get(&self, key: &str) -> Option<&Said> {
        self.file.get(key).or_else(|| self.others.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::configuration::Text;
    use crate::merge::keys::keys;

    fn found(way: &Way, old: [&str; 2], new: [&str; 2], own: &str) -> Vec<String> {
        found_in("x.properties", way, old, new, own)
    }

    fn found_in(name: &str, way: &Way, old: [&str; 2], new: [&str; 2], own: &str) -> Vec<String> {
        let of = |text: &str| keys(name, text.as_bytes()).unwrap_or_default();
        let defaults = |[file, others]: [&str; 2]| Defaults {
            file: of(file),
            others: of(others),
        };
        let digests = own
            .lines()
            .filter(|line| line.contains("hidden"))
            .map(|line| Digest::of(line.as_bytes()));
        let yours = Yours {
            keys: of(own),
            secret_lines: Yours::secret_lines(own, &digests.collect()),
        };
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        stale(way, &defaults(old), &defaults(new), &yours, &["Pin".to_owned()])
            .iter()
            .map(|key| {
                format!(
                    "{}: {} {} {}",
                    key.key,
                    part(&key.from),
                    part(&key.to),
                    part(&key.yours)
                )
            })
            .collect()
    }

    #[test]
    fn only_what_changed_and_is_overridden_counts() {
        let replace = Way::Replace(Text::Inline(String::new()));
        let old = [
            "same=1\nchanged=1\nfollowed=1\ndropped=1\ngone=1\n",
            "far=1\nunnamed=1\n",
        ];
        let new = [
            "same=1\nchanged=2\nfollowed=2\ndropped=2\nadded=1\n",
            "far=2\nunnamed=2\n",
        ];
        let own = "same=9\nchanged=9\nfollowed=2\ngone=9\nfar=9\n";
        let expected = [
            "added: - 1 -",
            "changed: 1 2 9",
            "dropped: 1 2 -",
            "far: 1 2 9",
            "gone: 1 - 9",
        ];
        assert_eq!(found(&replace, old, new, own), expected);
        let merge = Way::Merge(Text::Inline(String::new()));
        assert_eq!(
            found(&merge, old, new, own),
            ["changed: 1 2 9", "far: 1 2 9", "gone: 1 - 9"]
        );
        let keys =
            Way::EnsureKeys([("changed".to_owned(), 9.into()), ("dropped".to_owned(), 1.into())].into());
        assert_eq!(found(&keys, old, new, own), ["changed: 1 2 9", "dropped: 1 2 -"]);
        assert!(found(&replace, old, old, own).is_empty());
    }

    #[test]
    fn no_secret_is_shown() {
        // What is in the line that holds `hidden` is a secret that a template put there.
        let table = [
            ("x.properties", "db.password=", "1", "mine"),
            ("x.properties", "plain=", "1", "hidden"),
            ("x.properties", "node.pin=", "1", "mine"),
            ("x.properties", "url=", "jdbc:h2:1", "jdbc:h2:a;password=mine"),
            ("x.properties", "url=", "http://h1", "http://u:mine@h"),
            (
                "x.toml",
                "list = ",
                "[1, 2]",
                "[\n  \"mine\",\n  \"mine-hidden\",\n]",
            ),
            ("x.toml", "text = ", "\"1\"", "\"\"\"\nmine\nmine-hidden\n\"\"\""),
            ("x.yaml", "text: ", "1", "|\n  mine\n  mine-hidden\n"),
            ("x.xml", "", "<a>1</a>", "<a><![CDATA[mine\nmine-hidden]]></a>"),
        ];
        let replace = Way::Replace(Text::Inline(String::new()));
        for (name, key, vendor, own) in table {
            let text = |value: &str| format!("{key}{value}\n");
            let shown = found_in(
                name,
                &replace,
                [&text(vendor), ""],
                [&text(&vendor.replace('1', "3")), ""],
                &text(own),
            );
            assert!(!shown.is_empty(), "{name} {key}");
            let shown = shown.join("\n");
            assert!(
                shown.contains(SHOWN) && !shown.contains("mine") && !shown.contains("hidden"),
                "{shown}"
            );
        }
    }
}
