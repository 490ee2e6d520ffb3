//! What a probe is. How it is run is `health`'s business.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// One check of a server, written the same way in profiles and instances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Names it in reports; unique within an instance.
    pub name: String,
    /// Whether it must pass (`true`) or only warns.
    #[serde(default = "yes")]
    pub required: bool,
    /// Seconds that one try may take.
    #[serde(default = "five")]
    pub timeout_s: u64,
    /// Seconds between tries.
    #[serde(default = "one")]
    pub interval_s: u64,
    /// Seconds from the start of the probe until its last try begins, when the server is expected to be up already.
    /// After a start the service's start timeout is the deadline.
    #[serde(default = "ten")]
    pub deadline_s: u64,
    /// Ask over HTTP or HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// Connect to a port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Tcp>,
    /// Look for a line in a log, written since this start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Run a program; exit code 0 passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
}

/// The one thing a probe does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ProbeKind<'a> {
    /// See [`Http`].
    Http(&'a Http),
    /// See [`Tcp`].
    Tcp(&'a Tcp),
    /// See [`Log`].
    Log(&'a Log),
    /// Program and arguments.
    Command(&'a [String]),
}

/// An HTTP request and what its answer must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// `http://…` or `https://…`. Redirects are not followed.
    pub url: String,
    /// The status that passes.
    #[serde(default = "ok_status")]
    pub status: u16,
    /// A regular expression that the body must match. The body is read up to 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// JSON pointer (RFC 6901) → the value that must stand there. `null` as value demands only that it exists.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// PEM file with the only authorities to trust; the platform's store without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// Host name or address.
    #[serde(default = "loopback")]
    pub host: String,
    /// Port, as a number or a template that gives one.
    pub port: PortText,
}

/// A port number in settings: a number, or a text (after rendering) that is one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PortText {
    /// As it is.
    Number(u16),
    /// A template such as `{{ rest_port }}`.
    Text(String),
}

/// A log file and the line that must appear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Path, relative to the home or absolute; the last component may be a glob with `*`, the newest match counts.
    pub file: String,
    /// A regular expression that one line written since this start must match.
    pub pattern: String,
    /// A regular expression that no such line may match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forbid: Option<String>,
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}

fn five() -> u64 {
    5
}

fn ten() -> u64 {
    10
}

fn ok_status() -> u16 {
    200
}

fn loopback() -> String {
    "127.0.0.1".to_owned()
}

impl Probe {
    /// The one thing this probe does; `None` if it does nothing or more than one thing.
    pub fn kind(&self) -> Option<ProbeKind<'_>> {
        match (&self.http, &self.tcp, &self.log, &self.command) {
            (Some(http), None, None, None) => Some(ProbeKind::Http(http)),
            (None, Some(tcp), None, None) => Some(ProbeKind::Tcp(tcp)),
            (None, None, Some(log), None) => Some(ProbeKind::Log(log)),
            (None, None, None, Some(command)) if !command.is_empty() => Some(ProbeKind::Command(command)),
            _ => None,
        }
    }
}

impl PortText {
    /// The number, if it is a port: 1 to 65535.
    pub fn number(&self) -> Option<u16> {
        let number = match self {
            PortText::Number(number) => Some(*number),
            PortText::Text(text) => text.trim().parse().ok(),
        };
        number.filter(|number| *number != 0)
    }
}

impl<'de> Deserialize<'de> for PortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortVisitor)
    }
}

/// By hand, because an untagged enum's error says nothing of ports.
struct PortVisitor;

impl Visitor<'_> for PortVisitor {
    type Value = PortText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port from 1 to 65535 or a template such as `{{ port }}`")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<PortText, E> {
        match u16::try_from(number) {
            Ok(port) if port != 0 => Ok(PortText::Number(port)),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PortText, E> {
        Ok(PortText::Text(text.to_owned()))
    }
}
