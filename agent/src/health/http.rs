//! Asking over HTTP and HTTPS.

use std::io::Read;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use crate::config::probe::Http;
use crate::sys::http as sys_http;

use super::answer::Answer;
use super::excerpt::excerpt;

/// How much of a body is looked at.
const BODY_LIMIT: u64 = 1 << 20;

/// Asks once. The answer's body never appears in the result.
pub(super) fn ask(http: &Http, timeout: Duration) -> Answer {
    match request(http, timeout) {
        Ok(passed) => Answer::pass(passed),
        Err(failed) => Answer::fail(failed),
    }
}

fn request(http: &Http, timeout: Duration) -> Result<String, String> {
    let agent = sys_http::agent(http.ca.as_deref(), timeout, None)?;
    let mut response = agent.get(&http.url).call().map_err(|error| no_answer(&error))?;
    let status = response.status().as_u16();
    if status != http.status {
        return Err(format!("status {status}, expected {}", http.status));
    }
    if http.body.is_none() && http.json.is_empty() {
        return Ok(format!("status {status}"));
    }
    let mut body = Vec::new();
    let read = response
        .body_mut()
        .as_reader()
        .take(BODY_LIMIT)
        .read_to_end(&mut body);
    read.map_err(|error| {
        format!(
            "status {status}, but the body broke off: {}",
            excerpt(&error.to_string())
        )
    })?;
    expectations(http, &body).map_err(|failed| format!("status {status}, but {failed}"))?;
    Ok(format!("status {status}, the body is as expected"))
}

/// Why there was no answer.
pub(crate) fn no_answer(error: &ureq::Error) -> String {
    let text = excerpt(&error.to_string());
    let hint = sys_http::remedy(&text);
    format!("no answer: {text}{hint}")
}

/// `Err` names the first expectation that is not met, as the settings have it, not the body.
fn expectations(http: &Http, body: &[u8]) -> Result<(), String> {
    if let Some(pattern) = &http.body {
        let regex = Regex::new(pattern).map_err(|_| format!("`{pattern}` is not a regular expression"))?;
        if !regex.is_match(&String::from_utf8_lossy(body)) {
            return Err(format!("the body does not match `{pattern}`"));
        }
    }
    if http.json.is_empty() {
        return Ok(());
    }
    let document: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON".to_owned())?;
    for (pointer, expected) in &http.json {
        match document.pointer(pointer) {
            None => return Err(format!("`{pointer}` is not in the JSON body")),
            Some(actual) if expected.is_null() || actual == expected => {}
            Some(_) => return Err(format!("`{pointer}` in the JSON body is not {expected}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expecting(body: Option<&str>, json: &[(&str, Value)]) -> Http {
        Http {
            url: String::new(),
            status: 200,
            body: body.map(str::to_owned),
            json: json
                .iter()
                .map(|(at, value)| ((*at).to_owned(), value.clone()))
                .collect(),
            ca: None,
        }
    }

    #[test]
    fn every_expectation_must_be_met() {
        let ready = serde_json::json!("ready");
        let both = [("/status", ready.clone()), ("/health/0", Value::Null)];
        type Row<'a> = (&'a str, Option<&'a str>, &'a [(&'a str, Value)], Option<&'a str>);
        let table: [Row<'_>; 8] = [
            ("", None, &[], None),
            ("all ready", Some("^all r"), &[], None),
            ("not so", Some("ready"), &[], Some("does not match `ready`")),
            ("x", Some("("), &[], Some("not a regular expression")),
            (r#"{"status":"ready","health":[{}]}"#, None, &both, None),
            (
                r#"{"status":"ready","health":[]}"#,
                None,
                &both,
                Some("`/health/0` is not in"),
            ),
            (
                r#"{"status":"hunter2"}"#,
                None,
                &both[..1],
                Some(r#"`/status` in the JSON body is not "ready""#),
            ),
            // What a disabled health API answers.
            ("", None, &both, Some("not JSON")),
        ];
        for (text, body, json, wrong) in table {
            let result = expectations(&expecting(body, json), text.as_bytes());
            match wrong {
                None => assert_eq!(result, Ok(()), "{text}"),
                Some(part) => assert!(result.unwrap_err().contains(part), "{text}"),
            }
        }
    }
}
