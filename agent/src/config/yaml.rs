//! YAML text into fragments, with errors that say the line and the nearest known key.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::nearest::{did_you_mean, quoted};
use crate::api::{ErrorKind, Failure, Result};

/// Reads one YAML document. `file` is only named in errors.
///
/// # Errors
/// `settings`: the text is not YAML, or does not say what `T` needs; the message gives file, line and column.
pub fn parse<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T> {
    serde_yaml::from_str(text).map_err(|error| explain(&error, file))
}

fn explain(error: &serde_yaml::Error, file: &Path) -> Failure {
    let place = error.location().map_or_else(String::new, |at| {
        format!(", line {}, column {}", at.line(), at.column())
    });
    let text = error.to_string();
    let text = without_place(&text);
    let unknown = UnknownKey::parse(text);
    let what = match &unknown {
        Some(unknown) => unknown.message(),
        None => text.to_owned(),
    };
    let failure = Failure::new(ErrorKind::Settings, format!("{}{place}: {what}", file.display())).at(file);
    match unknown {
        Some(unknown) if !unknown.known.is_empty() => {
            failure.hint(format!("known here: {}", quoted(unknown.known)))
        }
        _ => failure,
    }
}

/// The library's message without the place at its end, which is said in front.
fn without_place(text: &str) -> &str {
    match text.rfind(" at line ") {
        Some(at) if text[at..].chars().all(|c| c.is_ascii_alphanumeric() || c == ' ') => &text[..at],
        _ => text,
    }
}

/// What serde's message on an unknown field or variant says.
struct UnknownKey<'a> {
    /// Where: `service: `, `probes[0].http: ` or nothing.
    within: &'a str,
    is_key: bool,
    word: &'a str,
    known: Vec<&'a str>,
}

impl<'a> UnknownKey<'a> {
    /// Understands "service: unknown field `untt`, expected one of `unit`, `start`".
    fn parse(text: &'a str) -> Option<Self> {
        let (at, label, is_key) = match (text.find("unknown field `"), text.find("unknown variant `")) {
            (Some(at), _) => (at, "unknown field `", true),
            (None, Some(at)) => (at, "unknown variant `", false),
            (None, None) => return None,
        };
        let (word, rest) = text[at + label.len()..].split_once('`')?;
        Some(Self {
            within: &text[..at],
            is_key,
            word,
            known: rest.split('`').skip(1).step_by(2).collect(),
        })
    }

    fn message(&self) -> String {
        let what = if self.is_key { "key" } else { "value" };
        let suggestion = did_you_mean(self.word, self.known.iter().copied());
        format!("{}unknown {what} `{}`{suggestion}", self.within, self.word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fragment::{AgentFragment, InstanceFragment};

    const FILE: &str = "/etc/pitstop/instances.d/am-1.yaml";

    fn refusal(text: &str) -> Failure {
        parse::<InstanceFragment>(text, Path::new(FILE)).unwrap_err()
    }

    #[test]
    fn errors_name_file_line_column_and_the_nearest_key() {
        let head = "name: am-1\nproduct: flink\nhome: /opt/flink\n";
        let table = [
            (
                "name: am-1\nprodct: flink\nhome: /x\n".to_owned(),
                "line 2, column 1: unknown key `prodct`; did you mean `product`?",
            ),
            (
                format!("{head}service:\n  untt: am.service\n"),
                "line 5, column 3: service: unknown key `untt`; did you mean `unit`?",
            ),
            (
                format!("{head}probes:\n  - name: up\n    http:\n      urll: http://h\n"),
                "line 7, column 7: probes[0].http: unknown key `urll`; did you mean `url`?",
            ),
            (
                format!("{head}policy: {{binary: take_new}}\n"),
                "unknown value `take_new`; did you mean `take-new`?",
            ),
            (
                format!("{head}schedule: nightly\n"),
                "line 4, column 1: unknown key `schedule`",
            ),
            (format!("{head}name: again\n"), "duplicate"),
            ("product: flink\nhome: /x\n".to_owned(), "missing field `name`"),
            ("name: \"am-1\n".to_owned(), "line 2, column 1: "),
            ("name: am-1\n\tproduct: x\n".to_owned(), "line 2, column 1: "),
            (
                format!("{head}service: {{ports: [99999]}}\n"),
                "a port from 1 to 65535",
            ),
            (String::new(), "missing field `name`"),
        ];
        for (text, expected) in table {
            let failure = refusal(&text);
            assert_eq!(failure.kind, ErrorKind::Settings);
            assert!(failure.message.starts_with(FILE), "{failure}");
            assert!(
                failure.message.contains(expected),
                "expected {expected:?} in {:?}",
                failure.message
            );
        }
    }

    #[test]
    fn the_hint_lists_what_is_known() {
        let failure = parse::<AgentFragment>("limit: {}\n", Path::new("p.yaml")).unwrap_err();
        assert_eq!(
            failure.hint.as_deref(),
            Some("known here: `environment`, `limits`, `policy`, `rollout`, `products`")
        );
    }
}
