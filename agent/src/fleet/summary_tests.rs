use serde_json::{Value, json};

use super::super::{read, time};
use super::*;

fn fleet(reports: &[Value]) -> Fleet {
    let mut collection = Collection::default();
    let text: String = reports.iter().map(|one| format!("{one}\n")).collect();
    collection.add("f.jsonl", read::read(text.as_bytes()).unwrap());
    let now = time::seconds("2026-11-26T12:00:00Z").unwrap();
    Fleet::new(
        collection,
        "Fleet",
        Rule {
            now,
            every: 14,
            silent: 2,
        },
    )
}

fn report(host: &str, environment: &str, level: &str, installed: &str, fields: Value) -> Value {
    let mut report = json!({
        "schema": "pitstop/report/v1", "action": "check", "host": host, "instance": "i", "environment": environment,
        "ok": true, "at": "2026-11-26T11:00:00Z", "after": {
            "release": {"product": "flink", "level": level}, "adopted": true, "state": "running",
            "installed_at": format!("2026-11-{installed}T00:00:00Z"),
        },
    });
    report
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    report
}

#[test]
fn instances_are_counted_by_their_worst_problem_and_the_worst_come_first() {
    let broken = json!({"ok": false, "error": {"kind": "io", "message": "m", "exit": 1}});
    let blocked = json!({"blockers": [{"kind": "space", "message": "m"}]});
    let fleet = fleet(&[
        report("a", "dev", "1", "20", json!({})),
        report("b", "dev", "1", "01", json!({})),
        report("c", "dev", "1", "20", blocked),
        report("d", "dev", "1", "01", broken),
    ]);
    assert_eq!(
        (fleet.instances, fleet.failing, fleet.attention, fleet.fine),
        (4, 1, 2, 1)
    );
    let hosts: Vec<_> = fleet.rows.iter().map(|row| row.host.as_str()).collect();
    assert_eq!(hosts, ["d", "c", "b", "a"]);
    let kinds: Vec<_> = fleet.kinds.iter().map(|kind| (kind.code, kind.count)).collect();
    assert_eq!(kinds, [("failed", 1), ("blocked", 1), ("overdue", 2)]);
}

#[test]
fn of_one_instance_the_newest_report_counts_whatever_came_first() {
    let at = |at: &str, level: &str| report("a", "dev", level, "20", json!({"at": at}));
    let (old, new) = (at("2026-11-25T00:00:00Z", "1"), at("2026-11-26T00:00:00Z", "2"));
    for reports in [[old.clone(), new.clone()], [new.clone(), old]] {
        let fleet = fleet(&reports);
        assert_eq!(
            (fleet.instances, fleet.reports, fleet.rows[0].level.as_str()),
            (1, 2, "2")
        );
    }
    // Reports of an older agent do not say when; then the one that was read last counts.
    let (first, last) = (at("", "1"), at("", "2"));
    assert_eq!(fleet(&[first, last]).rows[0].level, "2");
}

#[test]
fn an_instance_that_its_host_does_not_list_any_more_is_left_out_and_told() {
    let one = |host: &str, name: &str, at: &str| {
        let at = format!("2026-11-{at}T00:00:00Z");
        report(host, "dev", "1", "20", json!({"instance": name, "at": at}))
    };
    let list = |reports: &[Value]| json!({"schema": "pitstop/report-list/v1", "reports": reports});
    let broken = json!({"ok": false, "error": {"kind": "io", "message": "m", "exit": 1}});
    let mut gone = one("a", "gone", "24");
    gone.as_object_mut()
        .unwrap()
        .extend(broken.as_object().unwrap().clone());
    let of_a = list(&[one("a", "i", "25"), one("a", "j", "26")]);
    let table = [
        (vec![gone.clone(), of_a.clone()], 2, 0, 1),
        (vec![of_a.clone(), gone.clone()], 2, 0, 1),
        // What an older list says, or that of another host, or one that mixes hosts, says nothing of it.
        (vec![gone.clone(), list(&[one("a", "i", "23")])], 2, 1, 0),
        (vec![gone.clone(), list(&[one("b", "i", "25")])], 2, 1, 0),
        (
            vec![gone.clone(), list(&[one("a", "i", "25"), one("b", "i", "25")])],
            3,
            1,
            0,
        ),
        // It came back, or the list was begun before it was there.
        (vec![gone, of_a.clone(), one("a", "gone", "26")], 3, 0, 0),
        (vec![of_a, one("a", "new", "25")], 3, 0, 0),
    ];
    for (at, (reports, instances, failing, told)) in table.into_iter().enumerate() {
        let fleet = fleet(&reports);
        let found = (fleet.instances, fleet.failing, fleet.unread.len());
        assert_eq!(found, (instances, failing, told), "{at}");
    }
}

#[test]
fn levels_are_in_their_own_order_by_environment_with_their_age() {
    let fleet = fleet(&[
        report("a", "dev", "1.9", "24", json!({})),
        report("b", "production", "1.10", "01", json!({})),
        report("c", "production", "1.10", "22", json!({})),
        report("d", "", "1.9", "24", json!({})),
    ]);
    let [flink] = &fleet.products[..] else {
        panic!("one product")
    };
    assert_eq!(flink.environments, ["", "dev", "production"]);
    let levels: Vec<_> = flink
        .levels
        .iter()
        .map(|one| {
            (
                one.level.as_str(),
                one.cells.clone(),
                one.age.as_str(),
                one.overdue,
            )
        })
        .collect();
    assert_eq!(
        levels,
        [
            ("1.10", vec![0, 0, 2], "4 – 25", 1),
            ("1.9", vec![1, 1, 0], "2", 0)
        ]
    );
    assert_eq!(flink.levels[0].link, "product=flink&level=1%2E10");
}

#[test]
fn blockers_of_one_cause_are_one_line() {
    let blocked = |host: &str, kind: &str, message: &str| {
        report(
            host,
            "dev",
            "1",
            "20",
            json!({"blockers": [{"kind": kind, "message": message, "hint": "do"}]}),
        )
    };
    let fleet = fleet(&[
        blocked("a", "space", "needs 2 GB on /opt/a and there is 1 GB"),
        blocked("b", "space", "needs 3 GB on /opt/b and there is 2 GB"),
        blocked("c", "policy", "no evidence from staging"),
    ]);
    let told: Vec<_> = fleet
        .blockers
        .iter()
        .map(|one| (one.kind.as_str(), one.count, one.who.join(",")))
        .collect();
    assert_eq!(
        told,
        [
            ("space", 2, "a i,b i".to_owned()),
            ("policy", 1, "c i".to_owned())
        ]
    );
}

#[test]
fn what_went_wrong_lately_comes_first_and_time_stopped_is_told() {
    let line = |id: &str, outcome: &str, ended: &str, stopped: u64| {
        json!({"transaction": id, "action": "update", "outcome": outcome, "from": {"level": "1"}, "to": {"level": "2"},
            "ended": format!("2026-{ended}T00:00:00Z"), "stopped_ms": stopped})
    };
    let history = json!({"transactions": [
        line("1", "done", "11-25", 20_000),
        line("2", "taken-back", "11-20", 90_000),
        line("3", "taken-back", "01-20", 10),
        line("4", "done", "11-10", 30_000),
        line("5", "done", "11-01", 0),
    ]});
    let fleet = fleet(&[report("a", "dev", "1", "20", history)]);
    let ended: Vec<_> = fleet.transactions.iter().map(|one| &one.ended[5..10]).collect();
    assert_eq!(ended, ["11-20", "11-25", "11-10", "11-01", "01-20"]);
    let down = fleet.down.unwrap();
    assert_eq!(
        (down.count, down.median.as_str(), down.longest.as_str()),
        (2, "30.0 s", "30.0 s")
    );
}
