//! Words by which secrets are known where nobody said that they are any.

use std::sync::LazyLock;

use regex::Regex;

/// Words that are never a part of a harmless one.
pub const WORDS: &str = "password|passwd|passphrase|pwd|secret|token|credentials?|authorization|(?:api|private|encryption)[_.-]?key";

/// The end of a key that is short for password: `bypass` and `compass` are not, `db.pass`, `dbPass` and keytool's
/// `storepass` are.
const SHORT: &str = "(?:^|[^a-z]|user|admin|db|key|store)pass|(?-i:[a-z0-9]Pass)";

/// The ways in which a key can stand before its value.
struct Telling {
    /// `key = `, `"key": `, `<key>`, `name="key">`.
    key: Regex,
    /// The pair of attributes, or keys, `name="key" value=`, and `<key other="x">`.
    pair: Regex,
    /// The same pair the other way round; the group is the value.
    value_first: Regex,
}

static ALWAYS: LazyLock<Option<Telling>> = LazyLock::new(|| Telling::new(&[]));

/// Anything that looks secret, in keys and in text.
static ANYWHERE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i){WORDS}|(?:{SHORT})(?:[^a-z]|$)|BEGIN [A-Z ]*KEY|://[^/\s@]+@"
    ))
    .ok()
});

impl Telling {
    /// `more` are words that may stand anywhere in a key.
    fn new(more: &[String]) -> Option<Self> {
        let more = more
            .iter()
            .map(|word| format!(r#"|{}[^\s=:<>"']*"#, regex::escape(word)));
        let key = format!("(?:{WORDS}|{SHORT}{})", more.collect::<String>());
        let attribute = r#"\s+[\w.:-]+\s*=\s*(?:"[^"]*"|'[^']*')"#;
        let regex = |pattern: &str| Regex::new(&format!("(?i){pattern}")).ok();
        Some(Self {
            key: regex(&format!(r#"{key}(?:\\*["'])?[ \t]*[=:>]+[ \t]*"#))?,
            pair: regex(&format!(
                r#"{key}["']?(?:{attribute})*?(?:\s*[\s,]\s*["']?value["']?\s*[=:]\s*|\s*>)"#
            ))?,
            value_first: regex(&format!(
                r#"\bvalue\s*=\s*("[^"]*"|'[^']*')[^<>]*\s(?:name|key)\s*=\s*["'][^"'<>]*{key}["']"#
            ))?,
        })
    }

    fn value_starts(&self, text: &str) -> Vec<usize> {
        let keys = [&self.key, &self.pair]
            .into_iter()
            .flat_map(|regex| regex.find_iter(text));
        let first = self.value_first.captures_iter(text);
        let first = first.filter_map(|found| Some(found.get(1)?.start()));
        let mut starts: Vec<usize> = keys.map(|found| found.end()).chain(first).collect();
        starts.sort_unstable();
        starts
    }
}

/// Where values begin whose keys sound like a secret, or hold one of `more`, in order.
pub(super) fn value_starts(text: &str, more: &[String]) -> Vec<usize> {
    let own = (!more.is_empty()).then(|| Telling::new(more)).flatten();
    let telling = own.as_ref().or(ALWAYS.as_ref());
    telling.map_or_else(Vec::new, |telling| telling.value_starts(text))
}

/// Whether a key sounds like a secret.
pub fn sounds_secret(key: &str) -> bool {
    !value_starts(&format!("{key}="), &[]).is_empty()
}

/// Whether a key, or lines, look as if they held a secret, or hold one of `more`.
pub fn looks_secret(text: &str, more: &[String]) -> bool {
    // Without the expression nothing is known to be harmless.
    ANYWHERE.as_ref().is_none_or(|secret| secret.is_match(text)) || holds_any(text, more)
}

/// Whether one of these words stands in a text.
pub fn holds_any(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(&word.to_lowercase()))
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
            (r#"<property name="password" type="text">"#, "x"),
            (r#"<property value="#, r#""x" name="password"/>"#),
            (r#"<property value = "#, r#""x" name="password"/>"#),
            (r#"<property value="#, r#""x" name="password">"#),
        ];
        for (visible, hidden) in table {
            let line = format!("{visible}{hidden}");
            assert_eq!(value_starts(&line, &[]).first(), Some(&visible.len()), "{line}");
            assert!(looks_secret(&line, &[]), "{line}");
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
            assert_eq!(value_starts(line, &[]), [0; 0], "{line}");
            assert!(!looks_secret(line, &[]), "{line}");
        }
    }
}
