//! Short pieces of foreign output that may stand in a report.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::template::spans::{replaced, spans};
use crate::template::telling::WORDS;

/// How many characters an excerpt has at most.
const LIMIT: usize = 200;
const HIDDEN: &str = "***";

/// What carries a secret in what a program says, beside what carries one anywhere, as `(before)(secret)`: the second group
/// is replaced.
static SAID: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"(?i)\b((?:basic|bearer)\s+)([a-z0-9+/=._~-]+)".to_owned(),
        // Here the word need not be the end of the key.
        format!(r#"(?i)((?:{WORDS}|pass)[\w.-]*["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&]+)"#),
        r"(?i)(--?[\w-]*(?:pass|pwd|secret|token|key)[\w-]*\s+)([^\s-]\S*)".to_owned(),
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
    let known = replaced(text, spans(text, &[]), HIDDEN);
    SAID.iter().fold(known, |text, secret| {
        let mask = |found: &Captures<'_>| match &found[2] {
            done if done.starts_with(HIDDEN) => found[0].to_owned(),
            _ => format!("{}{HIDDEN}", &found[1]),
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
            (
                r#"{"password": "a\"hunter2", "port": 1}"#,
                r#"{"password": ***, "port": 1}"#,
            ),
            (
                r#"{"token":"hunter2","secret":"hunter2"}"#,
                r#"{"token":***,"secret":***}"#,
            ),
            ("GET http://u:p@hunter2@h/x failed", "GET http://***@h/x failed"),
            (
                "bad <Password>hunter2</Password> here",
                "bad <Password>***</Password> here",
            ),
            (
                "<Password><![CDATA[hun<ter2]]></Password>",
                "<Password>***</Password>",
            ),
            (
                r#"no <property name="password" value="hunter2"/> here"#,
                r#"no <property name="password" value=***/> here"#,
            ),
            (
                r#"<property name="db.password" locked="true">hunter2</property>"#,
                r#"<property name="db.password" locked="true">***</property>"#,
            ),
            (
                r#"<p value="hunter2" name="password"/>"#,
                r#"<p value=*** name="password"/>"#,
            ),
            ("storepass = hun ter2\nat line 7", "storepass = *** at line 7"),
            ("password: |\n  hunter2\nat line 7", "password: *** at line 7"),
            ("Authorization: Basic aHVudGVyMg==", "Authorization: ***"),
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
