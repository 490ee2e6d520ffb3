//! Every file is in place and that cannot be written down: the server does not stay down for it.

use std::fs;

use crate::common::served::server;

/// The first write of the state after the commit, one in the middle, and the last.
const FAILS: [&str; 3] = [
    "eio:/snapshots/000001",
    "eio:rename .pitstop/tx;state.json",
    "eio:rename .pitstop/tx;state.json;journal.jsonl",
];

#[test]
fn a_server_whose_change_cannot_be_written_down_runs_and_the_next_run_does_the_rest() {
    for fault in FAILS {
        let server = server("", &[("1.1.0", "")], "").started();
        let refused = server
            .lab
            .run_with(&["update", "lab"], &[("PITSTOP_FAULT", fault)]);
        let refused = refused.refused(1, "interrupted");
        assert!(
            refused.message().contains("runs on it"),
            "{fault}: {}",
            refused.message()
        );
        assert!(refused.changed(), "{fault}");
        assert_eq!(server.says().as_deref(), Some("1.1.0"), "{fault}");
        server.run(&["check", "lab"]).expect(0, "interrupted");
        let pids = server.pids();
        let next = server.run(&["update", "lab"]).expect(0, "current");
        assert!(
            next.changed() && next.report["after"]["verified"] == true,
            "{fault}: {:#}",
            next.report
        );
        assert_eq!(server.pids(), pids, "{fault}: it need not be started twice");
        server.run(&["rollback", "lab"]).expect(0, "rolled-back");
        assert_eq!(server.says().as_deref(), Some("1.0.0"), "{fault}");
    }
}

/// Killed after the commit, so that the recovery is what cannot write: once, and then again.
#[test]
fn nor_does_it_stay_down_where_a_recovery_cannot_write_it_down() {
    let server = server("", &[("1.1.0", "")], "").started();
    let killed = [("PITSTOP_FAULT", "kill-before:/snapshots/000001")];
    assert_eq!(server.lab.run_with(&["update", "lab"], &killed).code, None);
    assert_eq!(server.says(), None);
    // Nor is a receipt given of what is in the middle of a change.
    let [key, out] = ["receipt.key", "receipt.json"].map(|name| server.lab.path(name));
    server.run(&["trust", "keygen", key.to_str().unwrap()]);
    let receipt = server.run(&[
        "receipt",
        "lab",
        "-o",
        out.to_str().unwrap(),
        "--sign",
        key.to_str().unwrap(),
    ]);
    assert!(
        receipt.code == Some(2) && receipt.report["error"].to_string().contains("was interrupted"),
        "{}",
        receipt.report
    );
    for _ in 0..2 {
        let fails = [("PITSTOP_FAULT", "eio:/snapshots/000001")];
        server
            .lab
            .run_with(&["start", "lab"], &fails)
            .refused(1, "interrupted");
        assert_eq!(server.says().as_deref(), Some("1.1.0"));
    }
    server.run(&["start", "lab"]).expect(0, "started");
    server.run(&["verify", "lab"]).expect(0, "verified");
}

/// What comes before the first start comes before this one as well, and again with the server down.
#[test]
fn what_is_owed_before_the_first_start_is_done_with_the_server_down() {
    let server = server("", &[("1.1.0", "")], "").started();
    let log = server.lab.path("hooks");
    let hook = format!(
        "pgrep -f {}/[b]in/server.py >/dev/null && echo up >>{1} || echo down >>{1}",
        server.lab.home().display(),
        log.display()
    );
    server.hooks(&format!(
        "{{when: after-commit, command: [/bin/sh, -c, '{hook}']}}"
    ));
    let refused = server
        .lab
        .run_with(&["update", "lab"], &[("PITSTOP_FAULT", FAILS[0])]);
    assert!(refused.refused(1, "interrupted").message().contains("runs on it"));
    let pids = server.pids();
    server.run(&["update", "lab"]).expect(0, "current");
    assert_eq!(fs::read_to_string(log).unwrap(), "down\ndown\n");
    assert_ne!(server.pids(), pids);
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
}

/// A server that does not come up either is told, and taken back once the state can be written.
#[test]
fn a_level_that_does_not_start_is_taken_back_by_the_next_run() {
    let server = server("", &[("1.1.0", "dies")], "").started();
    let refused = server
        .lab
        .run_with(&["update", "lab"], &[("PITSTOP_FAULT", FAILS[0])]);
    let refused = refused.refused(1, "interrupted");
    assert!(
        refused.message().contains("could not be started"),
        "{}",
        refused.message()
    );
    server.run(&["start", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
}
