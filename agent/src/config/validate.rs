//! Rules that settings must keep. Pure: whether a path exists is not asked here.

use regex::Regex;

use super::probe::{Http, Log, PortText, Probe, ProbeKind, Tcp};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::RelPath;
use crate::product::Profile;
use crate::product::glob::is_glob;

/// A name that can be a folder's name and a word on a command line: letters, digits, `.`, `_`, `-`, at most 64, and a
/// letter or digit first.
///
/// # Errors
/// `settings`, as everywhere in this module.
pub fn plain_name(field: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain) && name.len() <= 64 {
        return Ok(());
    }
    bad(format!(
        "{field}: `{name}` is not a name: use up to 64 letters, digits, `.`, `_`, `-`, a letter or digit first"
    ))
}

/// A user's name, as far as its text can tell.
pub fn user(name: &str) -> Result<()> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || ":/".contains(c);
    match name.is_empty() || name.starts_with('-') || name.contains(odd) {
        true => bad(format!("user: `{name}` is not a user's name")),
        false => Ok(()),
    }
}

/// The name of a systemd service.
pub fn unit(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.@\\".contains(c);
    if name.is_empty() || name.starts_with('-') || name.len() > 255 || !name.chars().all(plain) {
        return bad(format!("service.unit: `{name}` is not a unit's name"));
    }
    const OTHERS: [&str; 7] = ["socket", "target", "timer", "mount", "path", "slice", "scope"];
    match name.rsplit_once('.') {
        Some((_, kind)) if OTHERS.contains(&kind) => bad(format!(
            "service.unit: `{name}` is a {kind}; only services can be controlled"
        )),
        _ => Ok(()),
    }
}

/// What a rendered profile says about service, probes and hooks.
pub fn profile_texts(profile: &Profile) -> Result<()> {
    let service = &profile.service;
    for (field, command) in [
        ("start", &service.start),
        ("stop", &service.stop),
        ("foreground", &service.foreground),
    ] {
        if let Some(command) = command {
            program(&format!("service.{field}"), command)?;
        }
    }
    if service.stop.is_some() && service.start.is_none() {
        return bad("service.stop without service.start: the server could be stopped but not started again");
    }
    for (field, seconds) in [
        ("stop_timeout_s", service.stop_timeout_s),
        ("start_timeout_s", service.start_timeout_s),
    ] {
        at_least_one(&format!("service.{field}"), seconds)?;
    }
    if let Some(name) = service.env.keys().find(|name| !is_env_name(name)) {
        return bad(format!("service.env: `{name}` is not a variable's name"));
    }
    ports(&service.ports)?;
    for (at, hook) in profile.hooks.iter().enumerate() {
        program(&format!("hooks[{at}].command"), &hook.command)?;
        at_least_one(&format!("hooks[{at}].timeout_s"), Some(hook.timeout_s))?;
    }
    probes(&profile.probes)
}

/// The numbers of ports.
pub fn ports(ports: &[PortText]) -> Result<Vec<u16>> {
    let numbered = ports.iter().enumerate();
    numbered
        .map(|(at, text)| port(&format!("service.ports[{at}]"), text))
        .collect()
}

fn port(field: &str, text: &PortText) -> Result<u16> {
    text.number().ok_or_else(|| {
        let shown = match text {
            PortText::Number(number) => number.to_string(),
            PortText::Text(text) => text.clone(),
        };
        failure(format!("{field}: `{shown}` is not a port from 1 to 65535"))
    })
}

/// Probes have different names, and each does one thing.
pub fn probes(probes: &[Probe]) -> Result<()> {
    for (at, one) in probes.iter().enumerate() {
        if probes[..at].iter().any(|earlier| earlier.name == one.name) {
            return bad(format!("probes: two are named `{}`", one.name));
        }
        probe(one)?;
    }
    Ok(())
}

fn probe(probe: &Probe) -> Result<()> {
    plain_name("probes.name", &probe.name)?;
    let field = format!("probes.{}", probe.name);
    at_least_one(&format!("{field}.timeout_s"), Some(probe.timeout_s))?;
    match probe.kind() {
        None => bad(format!(
            "{field}: exactly one of `http`, `tcp`, `log` and `command` is needed"
        )),
        Some(ProbeKind::Http(http)) => http_probe(&field, http),
        Some(ProbeKind::Tcp(tcp)) => tcp_probe(&field, tcp),
        Some(ProbeKind::Log(log)) => log_probe(&field, log),
        Some(ProbeKind::Command(command)) => program(&format!("{field}.command"), command),
    }
}

fn http_probe(field: &str, http: &Http) -> Result<()> {
    let host = ["http://", "https://"]
        .iter()
        .find_map(|scheme| http.url.strip_prefix(scheme));
    if host.is_none_or(|host| host.is_empty() || host.starts_with(['/', ':'])) {
        return bad(format!(
            "{field}.http.url: `{}` is not an http or https address",
            http.url
        ));
    }
    if !(100..=599).contains(&http.status) {
        return bad(format!("{field}.http.status: {} is not a status", http.status));
    }
    if let Some(ca) = http.ca.as_ref().filter(|ca| !ca.is_absolute()) {
        return bad(format!(
            "{field}.http.ca: `{}` is not an absolute path",
            ca.display()
        ));
    }
    for pointer in http.json.keys() {
        json_pointer(&format!("{field}.http.json"), pointer)?;
    }
    pattern(&format!("{field}.http.body"), http.body.as_deref())
}

fn tcp_probe(field: &str, tcp: &Tcp) -> Result<()> {
    if tcp.host.trim().is_empty() {
        return bad(format!("{field}.tcp.host is empty"));
    }
    port(&format!("{field}.tcp.port"), &tcp.port).map(drop)
}

fn log_probe(field: &str, log: &Log) -> Result<()> {
    let relative = log.file.strip_prefix('/').unwrap_or(&log.file);
    let dir = relative.rsplit_once('/').map_or("", |(dir, _)| dir);
    if RelPath::new(relative).is_err() || is_glob(dir) {
        return bad(format!(
            "{field}.log.file: `{}` is not a path whose last component may be a glob",
            log.file
        ));
    }
    pattern(&format!("{field}.log.pattern"), Some(&log.pattern))?;
    pattern(&format!("{field}.log.forbid"), log.forbid.as_deref())
}

fn pattern(field: &str, regex: Option<&str>) -> Result<()> {
    let Some(regex) = regex else { return Ok(()) };
    Regex::new(regex)
        .map(drop)
        .map_err(|error| failure(format!("{field}: `{regex}` is not a regular expression")).because(error))
}

/// A JSON pointer (RFC 6901).
pub fn json_pointer(field: &str, pointer: &str) -> Result<()> {
    match pointer.is_empty() || pointer.starts_with('/') {
        true => Ok(()),
        false => bad(format!(
            "{field}: `{pointer}` is not a JSON pointer; it starts with `/`"
        )),
    }
}

/// A program is an absolute path, or a name to be found in `PATH`: what a relative path is relative to would depend
/// on where pitstop was called.
pub fn program(field: &str, command: &[String]) -> Result<()> {
    match command.first().map(String::as_str) {
        None | Some("") => bad(format!("{field}: no program is given")),
        Some(path) if path.contains('/') && !path.starts_with('/') => Err(failure(format!(
            "{field}: `{path}` is a relative path"
        ))
        .hint(format!(
            "write `{{{{ home }}}}/{}`",
            path.trim_start_matches("./")
        ))),
        Some(_) if command.iter().any(|text| text.contains('\0')) => bad(format!("{field}: a NUL byte")),
        Some(_) => Ok(()),
    }
}

fn is_env_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(plain)
}

/// A count or a number of seconds that may not be 0.
pub fn at_least_one(field: &str, value: Option<u64>) -> Result<()> {
    match value {
        Some(0) => bad(format!("{field} must be at least 1")),
        _ => Ok(()),
    }
}

fn failure(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Settings, message)
}

fn bad<T>(message: impl Into<String>) -> Result<T> {
    Err(failure(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe_of(text: &str) -> Probe {
        serde_yaml::from_str(&format!("name: up\n{text}")).unwrap()
    }

    #[test]
    fn probes_that_make_sense() {
        for text in [
            "http: {url: 'https://h/x', body: 'a|b', json: {/a/b: null}, ca: /etc/ca.pem}",
            "tcp: {port: 80}",
            "log: {file: log/*.log, pattern: started}",
            "log: {file: /var/log/x.log, pattern: started, forbid: ERROR}",
            "command: [curl, -f, http://h]",
        ] {
            probe(&probe_of(text)).unwrap();
        }
    }

    #[test]
    fn probes_that_make_none_are_named_with_their_field() {
        let table = [
            ("required: true", "probes.up: exactly one of"),
            ("tcp: {port: 1}\ncommand: [x]", "probes.up: exactly one of"),
            ("command: []", "probes.up: exactly one of"),
            ("http: {url: 'ftp://h/'}", "probes.up.http.url"),
            ("http: {url: 'http://'}", "probes.up.http.url"),
            ("http: {url: 'http://h', status: 99}", "probes.up.http.status"),
            (
                "http: {url: 'http://h', body: '('}",
                "probes.up.http.body: `(` is not a regular expression",
            ),
            ("http: {url: 'http://h', json: {a: 1}}", "JSON pointer"),
            ("http: {url: 'http://h', ca: ca.pem}", "absolute"),
            ("tcp: {port: 'abc'}", "probes.up.tcp.port: `abc` is not a port"),
            ("tcp: {port: '0'}", "is not a port"),
            ("tcp: {port: '65536'}", "is not a port"),
            ("log: {file: ../x, pattern: a}", "probes.up.log.file"),
            ("log: {file: '*/x', pattern: a}", "probes.up.log.file"),
            ("log: {file: x, pattern: '['}", "probes.up.log.pattern"),
            ("log: {file: x, pattern: a, forbid: '['}", "probes.up.log.forbid"),
            ("command: [bin/check]", "relative path"),
            (
                "timeout_s: 0\ncommand: [x]",
                "probes.up.timeout_s must be at least 1",
            ),
        ];
        for (text, expected) in table {
            let failure = probe(&probe_of(text)).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Settings);
            assert!(failure.message.contains(expected), "{expected} in {failure}");
        }
        let twice = [probe_of("command: [x]"), probe_of("command: [y]")];
        assert!(probes(&twice).unwrap_err().message.contains("two are named `up`"));
    }

    #[test]
    fn names_units_and_users() {
        for good in ["am-1", "a", "1.2_x"] {
            plain_name("name", good).unwrap();
        }
        for bad in ["", ".", "..", "-a", "a b", "a/b", "ü", &"x".repeat(65)] {
            assert!(plain_name("name", bad).is_err(), "{bad}");
        }
        for good in ["wso2am", "wso2am.service", "wso2am@1.service", "a\\x2db.service"] {
            unit(good).unwrap();
        }
        for bad in [
            "",
            "-a",
            "a b",
            "a/b.service",
            "am.socket",
            "am;reboot",
            "multi-user.target",
        ] {
            assert!(unit(bad).is_err(), "{bad}");
        }
        user("wso2carbon").unwrap();
        for bad in ["", "-x", "a b", "a:b", "../x"] {
            assert!(user(bad).is_err(), "{bad}");
        }
    }
}
