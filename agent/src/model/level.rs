//! Levels of a product and their order.

use std::cmp::Ordering;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Digest;

/// Product version and update level as one text, such as `1.20.5` or `4.2.0.135`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Level(String);

impl Level {
    /// Takes a text as a level.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The level as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first parts between dots, as text.
    pub fn line(&self, parts: usize) -> &str {
        let end = self.0.match_indices('.').nth(parts.saturating_sub(1));
        end.map_or(&self.0, |(at, _)| &self.0[..at])
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the levels of a product compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelOrder {
    /// Part by part between dots: numbers by value, anything else by text, a number before a text, and a missing part
    /// counts as 0. A part after `-` (as in `1.2.0-rc1`) comes before the same level without one.
    #[default]
    Dotted,
}

impl LevelOrder {
    /// Compares two levels.
    pub fn compare(self, a: &Level, b: &Level) -> Ordering {
        match self {
            LevelOrder::Dotted => compare_dotted(a.as_str(), b.as_str()),
        }
    }
}

fn compare_dotted(a: &str, b: &str) -> Ordering {
    let (a_main, a_pre) = split_pre_release(a);
    let (b_main, b_pre) = split_pre_release(b);
    compare_parts(a_main, b_main).then_with(|| match (a_pre, b_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => compare_parts(a, b),
    })
}

fn split_pre_release(level: &str) -> (&str, Option<&str>) {
    match level.split_once('-') {
        Some((main, pre)) => (main, Some(pre)),
        None => (level, None),
    }
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => compare_part(a.unwrap_or("0"), b.unwrap_or("0")),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_part(a: &str, b: &str) -> Ordering {
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// One exact release of a product: what it is called, and which tree it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// The product's name, such as `flink`.
    pub product: String,
    /// The level.
    pub level: Level,
    /// The digest of the pristine tree manifest; absent while the pristine tree has not been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Digest>,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn levels_compare_by_value_part_by_part() {
        use Ordering::{Equal, Greater, Less};
        let table = [
            ("1.20.5", "1.20.10", Less),
            ("4.2.0.9", "4.2.0.135", Less),
            ("4.2.0", "4.2.0.0", Equal),
            ("4.2.0.1", "4.2.0", Greater),
            ("1.2.0-rc1", "1.2.0", Less),
            ("1.2.0-rc1", "1.2.0-rc2", Less),
            ("1.2.0", "1.2.x", Less),
            ("7", "7", Equal),
        ];
        for (a, b, expected) in table {
            assert_eq!(compare_dotted(a, b), expected, "{a} {b}");
            assert_eq!(compare_dotted(b, a), expected.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn a_line_is_the_first_parts() {
        for (level, parts, line) in [
            ("7.1.0.41", 3, "7.1.0"),
            ("7.1", 3, "7.1"),
            ("7.1.0", 1, "7"),
            ("7", 1, "7"),
        ] {
            assert_eq!(Level::new(level).line(parts), line, "{level}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-9a-c.-]{0,6}", b in "[0-9a-c.-]{0,6}", c in "[0-9a-c.-]{0,6}") {
            prop_assert_eq!(compare_dotted(&a, &b), compare_dotted(&b, &a).reverse());
            if compare_dotted(&a, &b).is_le() && compare_dotted(&b, &c).is_le() {
                prop_assert!(compare_dotted(&a, &c).is_le());
            }
        }
    }
}
