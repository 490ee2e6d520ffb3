//! Takes secrets out of a text that somebody else wrote.

use super::mask::SHOWN;
use super::spans::replaced;
use crate::merge::edit::escape_xml;

/// What is shorter stands in any text.
const SHORTEST: usize = 4;

/// Replaces every secret, every line of one, and both as XML and JSON write them.
pub(super) fn scrub(text: &str, secrets: &[String]) -> String {
    let forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let found = forms.iter().flat_map(|form| {
        let starts = text.match_indices(form.as_str());
        starts.map(|(at, found)| at..at + found.len())
    });
    replaced(text, found.collect(), SHOWN)
}

fn forms(secret: &str) -> Vec<String> {
    let parts = std::iter::once(secret).chain(secret.lines().map(str::trim));
    parts
        .filter(|part| part.trim().len() >= SHORTEST)
        .flat_map(|part| [part.to_owned(), escape_xml(part), escape_json(part)])
        .collect()
}

fn escape_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_left() {
        let table: [(&[&str], &str, &str); 8] = [
            (
                &["wso2carbon", "wso2carbon123"],
                "pw wso2carbon123!",
                "pw <secret>!",
            ),
            (&["wso2carbon", "carbon123"], "pw wso2carbon123!", "pw <secret>!"),
            (
                &["first-line\n  second-line\n"],
                "bad: second-line, first-line",
                "bad: <secret>, <secret>",
            ),
            (
                &["a<b>&c"],
                "<p>a&lt;b&gt;&amp;c</p> a<b>&c",
                "<p><secret></p> <secret>",
            ),
            (
                &["say \"it\"\tnow"],
                r#"{"p": "say \"it\"\tnow"}"#,
                r#"{"p": "<secret>"}"#,
            ),
            (&["secret", "hunter2"], "secret hunter2", "<secret> <secret>"),
            (&["hunter2"], "hunter2hunter2", "<secret><secret>"),
            (&["abc", "", "<", " \n}\n"], "abc } &lt;", "abc } &lt;"),
        ];
        for (secrets, text, expected) in table {
            let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
            assert_eq!(scrub(text, &secrets), expected, "{secrets:?}");
        }
    }
}
