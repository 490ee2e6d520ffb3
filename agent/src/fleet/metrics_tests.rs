use serde_json::json;

use super::*;
use crate::api::report::Action;
use crate::api::{ErrorKind, Failure};

fn report() -> Report {
    let mut report = Report::new(Action::Check, "is-1", "h");
    report.at = Some("2026-11-26T00:00:00Z".to_owned());
    report.environment = Some("a\"b\\c\nd".to_owned());
    let view = json!({
        "home": "/opt/is", "release": {"product": "wso2is", "level": "7.1.0.41"}, "adopted": true, "pristine_known": true,
        "verified": true, "installed_at": "2026-11-20T00:00:00Z", "state": "running", "processes": [],
        "drift": {"count": 3, "paths": []}, "holds": [], "snapshots": [], "free_bytes": 1,
    });
    report.after = serde_json::from_value(view).unwrap();
    let last = json!([{
        "transaction": "1", "action": "update", "outcome": "done", "from": {"product": "wso2is", "level": "7.1.0.38"},
        "to": {"product": "wso2is", "level": "7.1.0.41"}, "began": "", "ended": "2026-11-20T00:00:00Z", "stopped_ms": 21_045,
        "agent": "0.1.0",
    }]);
    report.transactions = serde_json::from_value(last).unwrap();
    report
}

#[test]
fn each_metric_is_one_group_and_labels_are_escaped() {
    let mut second = Report::new(Action::Check, "is-2", "h");
    second.fail(&Failure::new(ErrorKind::HomeMissing, "gone"));
    let text = metrics(&ReportList::new(vec![report(), second]));
    for line in [
        r#"pitstop_instance_info{name="is-1",product="wso2is",level="7.1.0.41",environment="a\"b\\c\nd"} 1"#,
        r#"pitstop_running{name="is-1"} 1"#,
        r#"pitstop_drift_files{name="is-1"} 3"#,
        r#"pitstop_findings{name="is-1",severity="required"} 0"#,
        r#"pitstop_last_transaction_stopped_seconds{name="is-1"} 21.045"#,
        r#"pitstop_last_transaction_ok{name="is-1"} 1"#,
        r#"pitstop_level_installed_timestamp_seconds{name="is-1"} 1795132800"#,
        r#"pitstop_check_timestamp_seconds{name="is-1"} 1795651200"#,
        r#"pitstop_check_error{name="is-2",kind="home-missing"} 1"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
    }
    let groups: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    let names: std::collections::BTreeSet<_> = groups.iter().collect();
    assert_eq!(names.len(), groups.len(), "{groups:?}");
    assert!(
        !text.contains(r#"pitstop_running{name="is-2"}"#),
        "what was not found out is not told"
    );
    assert!(
        !text.contains("pitstop_update_available{"),
        "nobody asked the source"
    );
    let read = Report {
        source_read: true,
        ..report()
    };
    let text = metrics(&ReportList::new(vec![read]));
    assert!(
        text.contains("pitstop_update_available{name=\"is-1\"} 0\n"),
        "{text}"
    );
}

#[test]
fn an_update_that_was_taken_back_did_not_go_well() {
    let mut report = report();
    let mut taken = report.transactions[0].clone();
    taken.outcome = crate::api::report::Outcome::TakenBack;
    let back = crate::api::history::TransactionView {
        transaction: "2".to_owned(),
        action: Action::Rollback,
        stopped_ms: Some(1_000),
        ..report.transactions[0].clone()
    };
    report.transactions = vec![back, taken];
    let text = metrics(&ReportList::new(vec![report]));
    for line in [
        r#"pitstop_last_transaction_stopped_seconds{name="is-1"} 22.045"#,
        r#"pitstop_last_transaction_ok{name="is-1"} 0"#,
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
    }
}

#[test]
fn that_nothing_could_be_checked_is_told() {
    let failure = Failure::new(ErrorKind::Settings, "bad");
    let list = ReportList {
        error: Some((&failure).into()),
        ..ReportList::new(Vec::new())
    };
    assert!(metrics(&list).ends_with("pitstop_check_error{name=\"\",kind=\"settings\"} 1\n"));
}
