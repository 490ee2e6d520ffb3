//! What must not stop the way back that pitstop takes by itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::common::file;
use crate::common::served::{Server, level, server};

/// A running server whose next level is in place and never healthy, and does this when it is stopped.
fn bad_next(last_act: &str) -> Server {
    let server = server("", &[], "").started();
    let mut next = level("1.1.0", &format!("extra-broken {last_act}"));
    next.insert("web/new/index.html".into(), file("new\n"));
    server.lab.offer("1.1.0", &next);
    server
}

fn back_at_the_old_level(server: &Server) -> Value {
    let report = server.run(&["update", "lab"]).refused(4, "rolled-back").report;
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    assert_eq!(server.lab.read("VERSION"), "1.0.0\n");
    assert_eq!(server.lab.read("bin/traits"), "");
    report
}

#[test]
fn a_file_that_the_failing_server_writes_when_it_is_stopped() {
    let server = bad_next("scribbles");
    let report = back_at_the_old_level(&server);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("planned again"), "{warnings}");
    let kept = server.lab.leftovers();
    assert!(kept.iter().any(|path| path.ends_with("bin/traits")), "{kept:?}");
}

#[test]
fn the_way_back_is_planned_again_once_and_the_server_is_not_left_down() {
    let server = bad_next("");
    let home = server.lab.home();
    server.hooks(&format!(
        "{{when: before-stop, command: [/bin/sh, -c, '! grep -q 1.1.0 {home}/VERSION || echo again >> {home}/bin/traits']}}",
        home = home.display()
    ));
    let refused = server.run(&["update", "lab"]).refused(5, "rollback-unverified");
    assert!(
        refused.message().contains("bin/traits changed"),
        "{}",
        refused.message()
    );
    assert_eq!(server.lab.read("bin/traits").matches("again").count(), 2);
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
}

#[test]
fn a_directory_that_is_not_empty_any_more() {
    let server = bad_next("litters");
    let report = back_at_the_old_level(&server);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("the directory web/new stays"), "{warnings}");
    assert_eq!(server.lab.read("web/new/core"), "dump");
    assert!(!server.lab.exists("web/new/index.html"));
}

#[test]
fn hooks_that_fail() {
    let server = bad_next("");
    let home = server.lab.home();
    server.hooks(&format!(
        "{{when: before-stop, command: [/bin/sh, -c, '! grep -q 1.1.0 {home}/VERSION']}}, {{when: after-start, command: \
         [/bin/false]}}",
        home = home.display()
    ));
    let report = back_at_the_old_level(&server);
    let warnings = report["warnings"].to_string();
    for hook in ["/bin/sh", "/bin/false"] {
        assert!(warnings.contains(&format!("the hook `{hook}`")), "{warnings}");
    }
}

/// What is not the release's fault is not held against it, and is not said to be.
#[test]
fn a_start_command_that_cannot_be_run() {
    let server = server("", &[("1.1.0", "")], "");
    let (home, packs) = (server.lab.home(), server.lab.path("packs"));
    let start = |pack: &Path, mode: u32| {
        let file = pack.join("bin/start");
        fs::write(&file, "#!/bin/sh\nexec python3 \"${0%/*}/server.py\" \"$1\"\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    start(&home, 0o755);
    start(&packs.join("1.0.0"), 0o755);
    start(&packs.join("1.1.0"), 0o644);
    server
        .run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    let command = |name: &str| format!("{}/bin/{name}", home.display());
    let python = format!("/usr/bin/env, python3, {}", command("server.py"));
    server.settings(|text| text.replace(&python, &command("start")));
    let server = server.started();
    let failed = server.run(&["update", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    let hint = failed.report["error"]["hint"].as_str().unwrap();
    assert!(!hint.contains("--release-hold"), "{hint}");
    start(&packs.join("1.1.0"), 0o755);
    server.run(&["update", "lab"]).expect(0, "updated");
}

#[test]
fn what_was_staged_for_later_ends_with_the_way_back_and_that_is_said() {
    let server = server("", &[("1.1.0", "")], "");
    server.run(&["update", "lab"]).expect(0, "updated");
    server.lab.offer("1.2.0", &level("1.2.0", ""));
    server.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    let back = server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    let warnings = back.report["warnings"].to_string();
    assert!(
        warnings.contains("the update to 1.2.0 that was staged"),
        "{warnings}"
    );
    assert_eq!(server.lab.leftovers(), Vec::<String>::new());
}

/// The level that failed does not even start: it is not tried as if nothing were owed.
#[test]
#[cfg(feature = "faults")]
fn a_kill_right_before_the_server_is_stopped() {
    let server = server("", &[("1.1.0", "dies")], "").started();
    // What is restored is staged as a link; then the journal says that the server is about to be stopped.
    let fault = [("PITSTOP_FAULT", "kill-after:link .pitstop/snapshots;append")];
    let killed = server.lab.run_with(&["update", "lab"], &fault);
    assert_eq!(killed.code, None, "{:#}", killed.report);
    let check = server.run(&["check", "lab"]).report;
    assert_eq!(check["before"]["interrupted"]["action"], "rollback", "{check:#}");
    assert_eq!(check["before"]["interrupted"]["phase"], "stopping", "{check:#}");
    server.run(&["start", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    assert_eq!(server.lab.read("VERSION"), "1.0.0\n");
}
