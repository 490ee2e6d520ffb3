//! Short pieces of foreign output that may stand in a report.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// How many characters an excerpt has at most.
const LIMIT: usize = 200;

/// What carries a secret, as `(before)(secret)`: the second group is replaced.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"(?is)(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?-----END|.*)",
        r"(?i)(://)([^/\s@]+)@",
        r"(?i)\b((?:basic|bearer)\s+)([a-z0-9+/=._~-]+)",
        r#"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|api[_-]?key|private[_-]?key|authorization)[\w.-]*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&]+)"#,
        r"(?i)(--?[\w-]*(?:pass|pwd|secret|token|key)[\w-]*\s+)([^\s-]\S*)",
    ];
    patterns.iter().filter_map(|one| Regex::new(one).ok()).collect()
});

/// The end of a text on one line, at most 200 characters long, with everything that looks like a secret replaced:
/// the end of a program's output says why it failed.
pub fn excerpt(text: &str) -> String {
    let scrubbed = scrub(text);
    let line = scrubbed.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    let surplus = line.chars().count().saturating_sub(LIMIT);
    if surplus == 0 {
        return line;
    }
    let end: String = line.chars().skip(surplus + 1).collect();
    format!("…{end}")
}

fn scrub(text: &str) -> String {
    SECRETS.iter().fold(text.to_owned(), |text, secret| {
        let mask = |found: &Captures<'_>| {
            let before = found.get(1).map_or("", |group| group.as_str());
            let at = if found[0].ends_with('@') { "@" } else { "" };
            format!("{before}***{at}")
        };
        secret.replace_all(&text, mask).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_survive() {
        let table = [
            (
                "login failed: password=hunter2 for bob",
                "login failed: password=*** for bob",
            ),
            (
                r#"{"db_password": "hun ter2", "port": 1}"#,
                r#"{"db_password": ***, "port": 1}"#,
            ),
            ("GET http://bob:hunter2@h/x failed", "GET http://***@h/x failed"),
            ("Authorization: Basic aHVudGVyMg==", "Authorization: *** ***"),
            ("sent Bearer ey.hunter2", "sent Bearer ***"),
            (
                "java -Dkeystore.password.file=hunter2 x",
                "java -Dkeystore.password.file=*** x",
            ),
            ("tool --api-key hunter2 --verbose", "tool --api-key *** --verbose"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA",
                "-----BEGIN RSA PRIVATE KEY-----*** RSA",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nhunter2\n",
                "-----BEGIN PRIVATE KEY-----***",
            ),
            ("Address already in use: 9443", "Address already in use: 9443"),
        ];
        for (text, expected) in table {
            assert_eq!(excerpt(text), expected);
        }
    }

    #[test]
    fn the_end_of_a_long_text_stays_on_one_line() {
        let text = format!("{}\n\tCaused by: ü\u{7}x\n", "y".repeat(5000));
        let short = excerpt(&text);
        assert_eq!(short.chars().count(), LIMIT);
        assert!(
            short.starts_with('…') && short.ends_with("y Caused by: üx"),
            "{short}"
        );
    }

    proptest::proptest! {
        #[test]
        fn an_excerpt_is_short_and_printable(text in ".*{0,400}") {
            let short = excerpt(&text);
            proptest::prop_assert!(short.chars().count() <= LIMIT);
            proptest::prop_assert!(!short.chars().any(char::is_control));
        }
    }
}
