use serde_json::{Value, json};

use super::super::Collection;
use super::super::read::Heard;
use super::*;

const NOW: &str = "2026-11-26T12:00:00Z";

fn rule() -> Rule {
    Rule {
        now: seconds(NOW).unwrap(),
        every: 14,
        silent: 2,
    }
}

/// A check of an instance that is well, with some fields otherwise; a dotted name reaches into `after`.
fn check(fields: Value) -> Told {
    let mut report = json!({
        "schema": "pitstop/report/v1", "action": "check", "host": "h", "instance": "i", "ok": true, "at": NOW,
        "environment": "production",
        "after": {
            "home": "/opt/x", "release": {"product": "flink", "level": "1.20.0"}, "adopted": true, "state": "running",
            "installed_at": "2026-11-20T12:00:00Z", "drift": {"count": 0, "paths": []},
        },
    });
    for (name, value) in fields.as_object().unwrap() {
        match name.strip_prefix("after.") {
            Some(name) => report["after"][name] = value.clone(),
            None => report[name] = value.clone(),
        }
    }
    serde_json::from_value(report).unwrap()
}

fn codes(row: &Row) -> Vec<&'static str> {
    row.problems.iter().map(|problem| problem.kind.code()).collect()
}

#[test]
fn what_a_report_says_becomes_a_problem() {
    let error =
        |kind: &str, exit: u8| json!({"ok": false, "error": {"kind": kind, "message": "m", "exit": exit}});
    let table = [
        (json!({}), vec![]),
        (
            json!({"later": {"than": "this version"}, "status": "never-heard-of"}),
            vec![],
        ),
        (error("home-missing", 1), vec!["failed"]),
        (error("settings", 2), vec!["failed"]),
        (error("conflicts", 3), vec!["conflicts"]),
        (error("rolled-back", 4), vec!["rolled-back"]),
        (error("unhealthy", 5), vec!["unhealthy"]),
        (error("locked", 6), vec!["blocked"]),
        (error("a-later-kind", 77), vec!["failed"]),
        (
            json!({"after.interrupted": {"transaction": "1", "remedy": "r"}}),
            vec!["interrupted"],
        ),
        (json!({"after.state": "stopped"}), vec!["stopped"]),
        (json!({"after.state": "unknown"}), vec![]),
        (
            json!({"waiting": {"level": "2", "open": 2, "command": "c"}, "conflicts": [{}]}),
            vec!["conflicts"],
        ),
        (json!({"conflicts": [{}, {}]}), vec!["conflicts-ahead"]),
        (
            json!({"blockers": [{"kind": "wave", "message": "not before"}, {"kind": "window", "message": "at night"}]}),
            vec!["waits", "waits"],
        ),
        (
            json!({"blockers": [{"kind": "space", "message": "no room"}]}),
            vec!["blocked"],
        ),
        (
            json!({"after.holds": [{"release": {"level": "2"}, "since": "s", "reason": "r"}]}),
            vec!["held"],
        ),
        (json!({"after.config": {"held": "since s: r"}}), vec!["held"]),
        (
            json!({"findings": [{"severity": "required", "message": "a"}]}),
            vec!["finding"],
        ),
        (
            json!({"findings": [{"severity": "wanted", "message": "a"}]}),
            vec!["warning"],
        ),
        (json!({"stale": [{"path": "conf/a"}]}), vec!["stale-template"]),
        (json!({"after.adopted": false}), vec!["not-adopted"]),
        (json!({"at": "2026-11-24T12:00:00Z"}), vec!["silent"]),
        (json!({"at": "2026-11-24T12:00:01Z"}), vec![]),
        (json!({"after.installed_at": "2026-11-12T12:00:00Z"}), vec![]),
        (
            json!({"after.installed_at": "2026-11-11T12:00:00Z"}),
            vec!["overdue"],
        ),
        (
            json!({"after.installed_at": "2026-11-11T12:00:00Z", "offers": [{"level": "1.20.0", "newer": false}]}),
            vec!["nothing-newer"],
        ),
        (
            json!({"after.installed_at": "2026-11-11T12:00:00Z", "offers": [{"level": "1.20.1", "newer": true}]}),
            vec!["overdue"],
        ),
        (
            json!({"after.drift": {"count": 2, "paths": [
                {"path": "bin/a", "class": "vendor", "change": "modified"},
                {"path": "conf/b", "class": "config", "change": "modified"}]}}),
            vec!["drift"],
        ),
        (
            json!({"after.drift": {"count": 1, "paths": [
                {"path": "bin/a", "class": "vendor", "change": "modified", "configured": true}]}}),
            vec![],
        ),
        (
            json!({"after.state": "stopped", "blockers": [{"kind": "space", "message": "b"}], "ok": false,
                "error": {"kind": "io", "message": "m", "exit": 1}}),
            vec!["failed", "stopped", "blocked"],
        ),
    ];
    for (fields, expected) in table {
        let row = Row::new(&[check(fields.clone())], rule());
        assert_eq!(codes(&row), expected, "{fields}");
    }
}

#[test]
fn the_newest_report_tells_the_state_and_older_ones_what_it_does_not() {
    let old = check(json!({
        "offers": [{"level": "1.20.1", "newer": true}], "blockers": [{"kind": "policy", "message": "no"}],
    }));
    // A run that was refused before it looked at anything.
    let refused = check(json!({"action": "update", "after": null, "ok": false,
        "error": {"kind": "locked", "message": "in use", "exit": 6}}));
    let row = Row::new(&[refused, old.clone()], rule());
    assert_eq!(
        (row.level.as_str(), row.offered.as_deref()),
        ("1.20.0", Some("1.20.1"))
    );
    assert_eq!(codes(&row), ["blocked", "blocked"]);
    // A verify changes nothing, so that what the check said of the next update still holds.
    let verify = check(json!({"action": "verify"}));
    assert_eq!(codes(&Row::new(&[verify, old.clone()], rule())), ["blocked"]);
    let update = check(json!({"action": "update", "changed": true,
        "after.release": {"product": "flink", "level": "1.20.1"}}));
    let row = Row::new(&[update, old.clone()], rule());
    assert_eq!((row.level.as_str(), row.offered), ("1.20.1", None));
    assert_eq!(row.problems, []);
    let dry = check(json!({"action": "update", "changed": true, "dry_run": true}));
    assert_eq!(codes(&Row::new(&[dry, old], rule())), ["blocked"]);
}

#[test]
fn transactions_come_from_every_report_and_each_is_there_once() {
    let line = |id: u32, outcome: &str| {
        json!({"transaction": id.to_string(), "action": "update", "outcome": outcome, "from": {"level": "1"},
            "to": {"level": "2"}, "ended": format!("2026-11-{id:02}T00:00:00Z"), "stopped_ms": 1500})
    };
    let update = check(json!({
        "action": "update", "status": "rolled-back", "ok": false, "transaction": "20", "at": "2026-11-20T00:00:00Z",
        "plan": {"from": {"level": "2"}, "to": {"level": "3"}}, "timing": {"stopped_ms": 7},
        "error": {"kind": "rolled-back", "message": "why", "exit": 4},
    }));
    let older = check(json!({"transactions": [line(9, "done"), line(8, "taken-back")]}));
    let newer = check(json!({"transactions": [line(11, "done"), line(9, "done")]}));
    let row = Row::new(&[newer, update, older], rule());
    let told: Vec<_> = row
        .transactions
        .iter()
        .map(|one| (one.id.as_str(), one.outcome.as_str(), one.stopped_ms))
        .collect();
    let expected = [
        ("20", "taken-back", Some(7)),
        ("11", "done", Some(1500)),
        ("9", "done", Some(1500)),
        ("8", "taken-back", Some(1500)),
    ];
    assert_eq!(told, expected);
    assert_eq!(row.transactions[0].reason.as_deref(), Some("why"));
}

#[test]
fn what_the_last_change_left_is_a_problem_until_all_is_found_well() {
    let line = |outcome: &str, hour: u32| {
        json!([{"transaction": "7", "action": "rollback", "outcome": outcome, "from": {"level": "2"}, "to": {"level": "1"},
            "ended": format!("2026-11-26T{hour:02}:00:00Z"), "reason": "no answer"}])
    };
    let verify = |hour: u32, ok: bool| {
        check(json!({"action": "verify", "ok": ok, "at": format!("2026-11-26T{hour:02}:00:00Z")}))
    };
    let after = |outcome: &str| check(json!({"transactions": line(outcome, 10)}));
    let left = |reports: &[Told]| codes(&Row::new(reports, rule()));
    assert_eq!(left(&[after("unhealthy")]), ["unhealthy"]);
    assert_eq!(left(&[after("taken-back")]), ["rolled-back"]);
    assert_eq!(left(&[after("done")]), [""; 0]);
    let row = Row::new(&[after("unhealthy")], rule());
    assert_eq!(row.problems[0].text, "rollback to 1: no answer");
    assert_eq!(left(&[after("unhealthy"), verify(11, true)]), [""; 0]);
    assert_eq!(left(&[after("unhealthy"), verify(11, false)]), ["unhealthy"]);
    assert_eq!(left(&[after("unhealthy"), verify(9, true)]), ["unhealthy"]);
    let mut way_back = line("done", 10);
    way_back[0]["transaction"] = json!("8");
    way_back
        .as_array_mut()
        .unwrap()
        .extend(line("taken-back", 10).as_array().unwrap().clone());
    let back = check(json!({"transactions": way_back, "after.verified": true}));
    assert_eq!(left(std::slice::from_ref(&back)), ["rolled-back"]);
    assert_eq!(left(&[verify(11, true), back]), [""; 0]);
    let verified = check(json!({"transactions": line("unhealthy", 10), "after.verified": true}));
    assert_eq!(left(&[verified]), [""; 0]);
    // The run that failed says so itself.
    let failed = check(
        json!({"action": "rollback", "transactions": line("unhealthy", 10), "ok": false,
        "error": {"kind": "rollback-unverified", "message": "m", "exit": 5}}),
    );
    assert_eq!(left(&[failed]), ["unhealthy"]);
}

#[test]
fn a_report_from_the_future_is_not_the_newest_and_is_told() {
    let level = |level: &str, at: &str| {
        check(json!({"at": at, "after.release": {"product": "flink", "level": level}}))
    };
    let shown = |at: &str| {
        let mut collection = Collection::default();
        let reports = vec![level("1.20.0", at), level("1.20.1", NOW)];
        collection.add(
            "f",
            Heard {
                reports,
                ..Heard::default()
            },
        );
        let row = collection.rows(rule()).remove(0);
        (row.level.clone(), codes(&row).join(" "), row.at)
    };
    let now = seconds(NOW);
    assert_eq!(
        shown("2027-11-26T12:00:00Z"),
        ("1.20.1".into(), "warning".into(), now)
    );
    let ahead = "2026-11-27T12:00:00Z";
    assert_eq!(shown(ahead), ("1.20.0".into(), String::new(), seconds(ahead)));
}

#[test]
fn hosts_of_one_name_in_two_environments_are_two() {
    let of = |environment: Value, level: &str| {
        check(json!({"environment": environment, "after.release": {"product": "flink", "level": level}}))
    };
    let rows = |reports: Vec<Told>| -> Vec<(String, String)> {
        let mut collection = Collection::default();
        collection.add(
            "f",
            Heard {
                reports,
                ..Heard::default()
            },
        );
        let rows = collection.rows(rule()).into_iter();
        rows.map(|row| (row.environment, row.level)).collect()
    };
    let row = |environment: &str, level: &str| (environment.to_owned(), level.to_owned());
    let two = vec![of("dev".into(), "1.21.0"), of("production".into(), "1.20.0")];
    assert_eq!(
        rows(two.clone()),
        [row("dev", "1.21.0"), row("production", "1.20.0")]
    );
    // One that could not read where it belongs to is the only one of its name, if there is only one.
    let nameless = of(Value::Null, "1.22.0");
    assert_eq!(
        rows(vec![two[0].clone(), nameless.clone()]),
        [row("dev", "1.22.0")]
    );
    assert_eq!(rows([two, vec![nameless]].concat()).len(), 3);
}
