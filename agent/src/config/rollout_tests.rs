use std::path::Path;

use super::*;
use crate::config::fragment::AgentFragment;
use crate::config::yaml;

fn fragment(text: &str) -> Result<RolloutFragment> {
    let agent: AgentFragment = yaml::parse(&format!("rollout: {text}\n"), Path::new("pitstop.yaml"))?;
    Ok(agent.rollout.unwrap())
}

fn settled(text: &str) -> Result<Rollout> {
    settle([Some(&fragment(text)?), None])
}

#[test]
fn what_is_not_said_does_not_hold_anybody_up() {
    assert_eq!(settle([None, None]).unwrap(), Rollout::default());
    assert_eq!(settled("{}").unwrap(), Rollout::default());
}

#[test]
fn everything_can_be_said() {
    let rollout = settled(
        "{waves: [{percent: 1, opens: 2026-12-01T08:00:00Z}, {percent: 25.5, opens: '2026-12-02T09:00:00+01:00'},
          {percent: 100, opens: 2026-12-04T08:00:00Z}], seed: is-41,
          windows: [{days: [sat, sun], from: \"22:00\", to: 04:00}],
          lock: {fleetlock: https://lock.example.com/, ca: x.pem, token_file: /t, wait_s: 600, after_rollback: release}}",
    )
    .unwrap();
    let shares: Vec<u16> = rollout.waves.iter().map(|wave| wave.share).collect();
    assert_eq!(
        (shares, rollout.seed.as_str()),
        (vec![100, 2550, 10_000], "is-41")
    );
    assert_eq!(rollout.waves[1].opens.to_string(), "2026-12-02T08:00:00Z");
    let window = &rollout.windows[0];
    assert_eq!(window.days, [Weekday::Saturday, Weekday::Sunday]);
    assert_eq!((window.from.hour(), window.to.hour()), (22, 4));
    let lock = rollout.lock.unwrap();
    assert_eq!(
        (lock.lock.server.as_str(), lock.lock.group.as_str()),
        ("https://lock.example.com", "default")
    );
    assert_eq!((lock.wait_s, lock.keep, lock.lock.id), (600, false, None));
}

/// Settings are read by what goes back, too.
#[test]
fn a_zone_that_is_not_known_spoils_no_settings() {
    for (zone, is_known) in [("UTC", true), ("Mars/Base", false), ("../../etc/passwd", false)] {
        let text = format!("{{windows: [{{from: '02:00', to: '01:00', zone: {zone}}}]}}");
        let found = settled(&text).unwrap().windows.remove(0).zone;
        assert_eq!(
            found.map_err(|name| name == zone),
            if is_known { Ok(TimeZone::UTC) } else { Err(true) }
        );
    }
}

#[test]
fn the_instance_wins_key_by_key() {
    let mut own = fragment("{windows: [], lock: {group: own, ca: ca.pem}}").unwrap();
    own.resolve(Path::new("/etc/pitstop/instances.d"));
    let all = fragment(
        "{seed: s, windows: [{from: '01:00', to: '02:00'}], lock: {fleetlock: 'http://l', group: all, wait_s: 5}}",
    );
    let merged = settle([Some(&own), Some(&all.unwrap())]).unwrap();
    let lock = merged.lock.unwrap();
    assert_eq!((merged.seed.as_str(), merged.windows.len()), ("s", 0));
    assert_eq!(
        (lock.lock.group.as_str(), lock.lock.server.as_str(), lock.wait_s),
        ("own", "http://l", 5)
    );
    assert_eq!(
        lock.lock.ca.as_deref(),
        Some(Path::new("/etc/pitstop/instances.d/ca.pem"))
    );
}

#[test]
fn what_makes_no_sense_is_named_with_its_place() {
    let opens = "opens: 2026-12-01T08:00:00Z";
    let two = |first: &str, second: &str| format!("{{waves: [{{{first}}}, {{{second}}}]}}");
    let table = [
        (
            "{wave: []}".to_owned(),
            "unknown key `wave`; did you mean `waves`?",
        ),
        (
            format!("{{waves: [{{percent: 0, {opens}}}]}}"),
            "waves[0].percent: `0` is not a share",
        ),
        (
            format!("{{waves: [{{percent: 100.01, {opens}}}]}}"),
            "is not a share",
        ),
        (
            format!("{{waves: [{{percent: 1.001, {opens}}}]}}"),
            "is not a share",
        ),
        (
            format!("{{waves: [{{percent: .nan, {opens}}}]}}"),
            "is not a share",
        ),
        (
            "{waves: [{percent: 1, opens: tomorrow}]}".to_owned(),
            "waves[0].opens: `tomorrow` is not a moment",
        ),
        (
            "{waves: [{percent: 1, opens: '2026-12-01T08:00:00'}]}".to_owned(),
            "is not a moment",
        ),
        (
            two(&format!("percent: 5, {opens}"), &format!("percent: 5, {opens}")),
            "shares must rise",
        ),
        (
            two(
                &format!("percent: 5, {opens}"),
                "percent: 6, opens: 2026-11-01T08:00:00Z",
            ),
            "cannot open before a smaller one",
        ),
        ("{windows: [{from: '22:00'}]}".to_owned(), "to"),
        (
            "{windows: [{from: '24:00', to: '01:00'}]}".to_owned(),
            "windows[0].from: `24:00`",
        ),
        (
            "{windows: [{from: '2:00', to: '01:00'}]}".to_owned(),
            "windows[0].from: `2:00`",
        ),
        (
            "{windows: [{from: '02:00', to: '01:60'}]}".to_owned(),
            "windows[0].to: `01:60`",
        ),
        (
            "{windows: [{days: [], from: '02:00', to: '01:00'}]}".to_owned(),
            "windows[0].days: no day",
        ),
        (
            "{windows: [{days: [saturday], from: '02:00', to: '01:00'}]}".to_owned(),
            "unknown value `saturday`",
        ),
        ("{lock: {group: is}}".to_owned(), "lock.fleetlock: the address"),
        (
            "{lock: {fleetlock: lock.example.com}}".to_owned(),
            "lock.fleetlock: not an address",
        ),
        (
            "{lock: {fleetlock: 'https://'}}".to_owned(),
            "lock.fleetlock: not an address",
        ),
        (
            "{lock: {fleetlock: 'https://l', group: 'a/b'}}".to_owned(),
            "lock.group: `a/b`",
        ),
        ("{lock: {fleetlock: 'https://l', id: ''}}".to_owned(), "lock.id"),
        (
            "{lock: {fleetlock: 'http://l', token_file: /t}}".to_owned(),
            "lock.token_file: a token needs https",
        ),
        (
            "{lock: {fleetlock: 'https://l', after_rollback: never}}".to_owned(),
            "unknown value `never`",
        ),
    ];
    for (text, expected) in table {
        let failure = settled(&text).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings, "{text}");
        assert!(failure.message.contains(expected), "{text}: {failure}");
    }
    let failure = settled("{lock: {fleetlock: 'https://bob:hunter2@l'}}").unwrap_err();
    assert!(!failure.full_message().contains("hunter2"), "{failure}");
}
