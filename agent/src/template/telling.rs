//! Words by which secrets are known where nobody said that they are any.

use std::sync::LazyLock;

use regex::Regex;

/// Words that are never a part of a harmless one.
const WORDS: &str = "password|passwd|passphrase|pwd|secret|token|credentials?|authorization|(?:api|private|encryption)[_.-]?key";

/// The end of a key that is short for password: `bypass` and `compass` are not, `db.pass`, `dbPass` and keytool's
/// `storepass` are.
const SHORT: &str = "(?:^|[^a-z]|user|admin|db|key|store)pass|(?-i:[a-z0-9]Pass)";

/// A key up to where its value begins: `key = `, `<key>`, or the pair of attributes `name="key" value=`.
static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let attribute = r#"\s+[\w.:-]+\s*=\s*(?:"[^"]*"|'[^']*')"#;
    Regex::new(&format!(
        r#"(?i)(?:{WORDS}|{SHORT})(?:["']?\s*[=:>]\s*|["'](?:{attribute})*?\s+value\s*=\s*)"#
    ))
    .ok()
});

/// The same pair the other way round.
static VALUE_FIRST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r#"(?i)\bvalue\s*=\s*(?:"[^"]*"|'[^']*')[^<>]*\s(?:name|key)\s*=\s*["'][^"'<>]*(?:{WORDS}|{SHORT})["']"#
    ))
    .ok()
});

/// Anything that looks secret, in keys and in text.
static ANYWHERE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i){WORDS}|(?:{SHORT})(?:[^a-z]|$)|BEGIN [A-Z ]*KEY|://[^/\s@]+@"
    ))
    .ok()
});

/// Where the value begins in a line whose key sounds like a secret.
pub(super) fn value_start(line: &str) -> Option<usize> {
    let key = KEY
        .as_ref()
        .and_then(|key| key.find(line))
        .map(|found| found.end());
    let pair = VALUE_FIRST.as_ref().and_then(|pair| pair.find(line));
    let pair = pair.map(|found| found.start() + "value=".len());
    [key, pair].into_iter().flatten().min()
}

/// Whether a key sounds like a secret.
pub fn sounds_secret(key: &str) -> bool {
    KEY.as_ref()
        .is_some_and(|telling| telling.is_match(&format!("{key}=")))
}

/// Whether a key, or lines, look as if they held a secret.
pub fn looks_secret(text: &str) -> bool {
    // Without the expression nothing is known to be harmless.
    ANYWHERE.as_ref().is_none_or(|secret| secret.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_pairs_of_attributes_tell_where_a_secret_begins() {
        let table = [
            ("db.pwd = ", "x"),
            ("dbPass=", "x"),
            ("pass: ", "x"),
            ("-storepass=", "x"),
            ("<Pass>", "x</Pass>"),
            (r#"<property name="password" value="#, r#""x"/>"#),
            ("<property name='db.password' type=\"text\" value = ", "'x'/>"),
            (r#"<property value="#, r#""x" name="password"/>"#),
            (r#"<property value="#, r#""x" name="password">"#),
        ];
        for (visible, hidden) in table {
            let line = format!("{visible}{hidden}");
            assert_eq!(value_start(&line), Some(visible.len()), "{line}");
            assert!(looks_secret(&line), "{line}");
        }
    }

    #[test]
    fn plain_words_are_no_secrets() {
        for line in [
            "bypass=x",
            "passive: x",
            "compass = x",
            "passThrough: x",
            "<Compass>x",
            r#"<p name="bypass" value="x"/>"#,
        ] {
            assert_eq!(value_start(line), None, "{line}");
            assert!(!looks_secret(line), "{line}");
        }
    }
}
