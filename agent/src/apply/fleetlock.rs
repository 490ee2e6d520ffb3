//! The FleetLock protocol: a server counts how many of a group are down. Asking for a slot that one holds, and giving back
//! one that one does not hold, succeed as well, so that both may be repeated.

use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Result;
use crate::config::rollout::FleetLock;
use crate::health::excerpt;
use crate::health::http::no_answer;
use crate::source::secret;
use crate::sys::http;

const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is looked at.
const BODY_LIMIT: u64 = 64 << 10;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Yes,
    /// The server says no, and why; whether asking again may help.
    No(String, bool),
    /// There was no answer, and why; whether the server may have done it nevertheless.
    None(String, bool),
}

/// Asks for a slot.
///
/// # Errors
/// The file with the token cannot be used.
pub fn take(lock: &FleetLock, id: &str) -> Result<Answer> {
    ask(lock, id, "pre-reboot")
}

/// Gives a slot back.
///
/// # Errors
/// As [`take`].
pub fn release(lock: &FleetLock, id: &str) -> Result<Answer> {
    ask(lock, id, "steady-state")
}

fn ask(lock: &FleetLock, id: &str, what: &str) -> Result<Answer> {
    let agent = match http::agent(lock.ca.as_deref(), TIMEOUT, None) {
        Ok(agent) => agent,
        Err(why) => return Ok(Answer::None(why, false)),
    };
    let body = json!({"client_params": {"id": id, "group": lock.group}}).to_string();
    let mut request = agent
        .post(format!("{}/v1/{what}", lock.server))
        .header("fleet-lock-protocol", "true")
        .content_type("application/json");
    if let Some(token) = token(lock)? {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = match request.send(&body) {
        Ok(response) => response,
        Err(error) => return Ok(Answer::None(no_answer(&error), may_have_arrived(&error))),
    };
    let status = response.status().as_u16();
    if status == 200 {
        return Ok(Answer::Yes);
    }
    let mut text = Vec::new();
    // The status is the answer; the text only says more of it.
    let _ = response
        .body_mut()
        .as_reader()
        .take(BODY_LIMIT)
        .read_to_end(&mut text);
    let is_final = matches!(status, 300..=405);
    Ok(Answer::No(reason(status, &text), !is_final))
}

/// Without a connection nothing was asked.
fn may_have_arrived(error: &ureq::Error) -> bool {
    use std::io::ErrorKind as Io;
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::Tls(_) => false,
        ureq::Error::Io(error) => !matches!(
            error.kind(),
            Io::ConnectionRefused | Io::HostUnreachable | Io::NetworkUnreachable
        ),
        _ => true,
    }
}

/// What the server says, without what it may quote.
fn reason(status: u16, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body[key].as_str().map(excerpt).filter(|text| !text.is_empty());
    let parts = [text("kind"), text("value")];
    let said: Vec<String> = parts.into_iter().flatten().collect();
    match said.is_empty() {
        true => format!("status {status}"),
        false => format!("status {status}, {}", said.join(": ")),
    }
}

fn token(lock: &FleetLock) -> Result<Option<String>> {
    lock.token.as_deref().map(secret::token).transpose()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use super::*;
    use crate::api::ErrorKind;

    fn lock(port: u16, token: Option<&Path>) -> FleetLock {
        FleetLock {
            server: format!("http://127.0.0.1:{port}/base"),
            group: "is".to_owned(),
            id: None,
            ca: None,
            token: token.map(Path::to_owned),
        }
    }

    /// Answers one question, and returns it.
    fn once(
        answer: &'static str,
        ask: impl FnOnce(u16) -> Result<Answer> + Send + 'static,
    ) -> (Answer, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = std::thread::spawn(move || ask(port).unwrap());
        let mut stream = listener.accept().unwrap().0;
        let mut text = String::new();
        while !text.contains("}}") {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        stream.write_all(answer.as_bytes()).unwrap();
        drop(stream);
        (asked.join().unwrap(), text.to_ascii_lowercase())
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "makes the file of a person")]
    fn the_protocol_is_spoken_and_the_token_comes_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.write(true).create(true).mode(0o600).open(&path).unwrap();
        file.write_all(b"hunter2\n").unwrap();
        let with_token = path.clone();
        let (answer, text) = once("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", move |port| {
            take(&lock(port, Some(&with_token)), "h1/is-1")
        });
        assert_eq!(answer, Answer::Yes);
        for part in [
            "post /base/v1/pre-reboot ",
            "fleet-lock-protocol: true\r\n",
            "authorization: bearer hunter2\r\n",
            "{\"client_params\":{\"group\":\"is\",\"id\":\"h1/is-1\"}}",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let (answer, text) = once(
            "HTTP/1.1 409 Full\r\nContent-Length: 46\r\n\r\n{\"kind\":\"failed_lock\",\"value\":\"token=hunter2\"}",
            |port| release(&lock(port, None), "h1/is-1"),
        );
        assert_eq!(
            answer,
            Answer::No("status 409, failed_lock: token=***".to_owned(), true)
        );
        assert!(
            text.contains("post /base/v1/steady-state ") && !text.contains("authorization"),
            "{text}"
        );
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let refused = take(&lock(1, Some(&path)), "h1").unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Settings);
        assert!(!refused.full_message().contains("hunter2"), "{refused}");
    }

    #[test]
    fn answers_that_are_none_say_whether_the_question_arrived() {
        let table = [
            (
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                "status 302",
                false,
            ),
            (
                "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n<>",
                "status 404",
                false,
            ),
            ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status 500", true),
        ];
        for (answer, why, again) in table {
            let (answer, _) = once(answer, |port| take(&lock(port, None), "h1"));
            assert_eq!(answer, Answer::No(why.to_owned(), again));
        }
        let (lost, _) = once("", |port| take(&lock(port, None), "h1"));
        assert!(matches!(lost, Answer::None(_, true)), "{lost:?}");
        let refused = take(&lock(1, None), "h1").unwrap();
        assert!(matches!(refused, Answer::None(_, false)), "{refused:?}");
    }
}
