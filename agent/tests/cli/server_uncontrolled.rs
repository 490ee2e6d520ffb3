//! A server that nothing says how to stop: its pack is not replaced while it runs.

use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[cfg(feature = "faults")]
use crate::common::host::Held;
use crate::common::host::eventually;
use crate::common::served::{Server, server};

/// A server that its instance's file says nothing of, until this is dropped.
struct Uncontrolled {
    controlled: String,
    server: Server,
}

fn uncontrolled() -> Uncontrolled {
    let server = server("", &[("1.1.0", "")], "");
    let controlled = std::fs::read_to_string(server.lab.path("config/instances.d/lab.yaml")).unwrap();
    server
        .lab
        .instance(&format!("source: {}\n", server.lab.path("packs").display()));
    Uncontrolled { controlled, server }
}

impl Uncontrolled {
    fn stop_by_hand(&self) {
        for pid in self.server.pids() {
            kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGTERM).unwrap();
        }
        eventually("it does not end", || self.server.pids().is_empty());
    }
}

impl Drop for Uncontrolled {
    fn drop(&mut self) {
        let file = self.server.lab.path("config/instances.d/lab.yaml");
        let _ = std::fs::write(file, &self.controlled);
    }
}

#[test]
fn no_pack_is_replaced_under_a_server_that_nothing_says_how_to_stop() {
    let pitstop = uncontrolled();
    let server = &pitstop.server;
    server.start_by_hand();
    for args in [&["update", "lab", "--dry-run"][..], &["update", "lab"]] {
        let refused = server.run(args).refused(1, "stop-failed");
        let error = refused.report["error"].to_string();
        assert!(
            error.contains("(python3)") && error.contains("service"),
            "{error}"
        );
    }
    let blockers = server.run(&["check", "lab"]).report["blockers"].to_string();
    assert!(blockers.contains("stop-failed"), "{blockers}");
    server.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    server.run(&["update", "lab"]).refused(1, "stop-failed");
    assert_eq!(server.lab.read("VERSION"), "1.0.0\n");
    pitstop.stop_by_hand();
    let updated = server.run(&["update", "lab"]).expect(0, "updated");
    assert!(
        updated.message().contains("was not running"),
        "{}",
        updated.message()
    );
    server.start_by_hand();
    server.run(&["rollback", "lab"]).refused(1, "stop-failed");
    assert_eq!(server.lab.read("VERSION"), "1.1.0\n");
    pitstop.stop_by_hand();
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
}

#[test]
fn who_only_reads_a_log_is_in_nobodys_way() {
    let pitstop = uncontrolled();
    let lab = &pitstop.server.lab;
    lab.write("log/x.log", "line\n");
    let mut reader = Command::new("python3")
        .args(["-c", "import signal; signal.pause()"])
        .arg(lab.home().join("log/x.log"))
        .spawn()
        .unwrap();
    let updated = lab.run(&["update", "lab"]);
    reader.kill().unwrap();
    reader.wait().unwrap();
    updated.expect(0, "updated");
}

#[test]
#[cfg(feature = "faults")]
fn a_server_that_was_started_while_its_pack_was_staged_is_in_the_way() {
    let pitstop = uncontrolled();
    let server = &pitstop.server;
    let mut held = Held::start(&server.lab, &["update", "lab"], "stop-before:mkdir .pitstop");
    assert!(held.wait().is_none(), "it was to be held");
    server.start_by_hand();
    held.go_on().unwrap().refused(1, "stop-failed");
    assert_eq!(server.lab.read("VERSION"), "1.0.0\n");
    assert_eq!(server.lab.leftovers(), Vec::<String>::new());
}

#[test]
#[cfg(feature = "faults")]
fn no_half_replaced_pack_is_finished_under_a_server_that_nothing_says_how_to_stop() {
    let pitstop = uncontrolled();
    let server = &pitstop.server;
    let fault = [("PITSTOP_FAULT", "kill-before:link VERSION")];
    let killed = server.lab.run_with(&["update", "lab"], &fault);
    assert_eq!(killed.code, None);
    server.start_by_hand();
    server.run(&["update", "lab"]).refused(1, "stop-failed");
    assert_eq!(server.run(&["check", "lab"]).report["status"], "interrupted");
    pitstop.stop_by_hand();
    server.run(&["update", "lab"]).expect(0, "current");
    assert_eq!(server.lab.read("VERSION"), "1.1.0\n");
}
