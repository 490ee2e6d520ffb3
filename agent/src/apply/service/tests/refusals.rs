//! Starts and stops that must fail, early and with a reason.

use std::net::TcpListener;

use super::demo::{Demo, http_probe};
use crate::api::ErrorKind;
use crate::api::report::RunState;
use crate::config::ServiceControl;
use crate::health::tests::support::{eventually, free_port, write};
use crate::sys::clock::Stopwatch;

#[test]
fn a_supervisor_that_starts_the_server_again_is_named() {
    let demo = Demo::new();
    let supervisor = demo.beside("keepalive.sh");
    let server = demo.home().join("server.py").display().to_string();
    let script = format!(
        "cd '{}'; while :; do python3 {server} {}; done",
        demo.home().display(),
        demo.port
    );
    write(&supervisor, &script);
    let supervisor = demo.run_beside(&demo.beside(""), &["/bin/sh", &supervisor.display().to_string()]);
    eventually("the server runs", || demo.observe().state == RunState::Running);
    let watch = Stopwatch::start();
    let failure = demo.stop().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::StopFailed);
    let name = format!("process {} (sh) started it again", supervisor.pid());
    assert!(failure.message.contains(&name), "{failure}");
    assert!(failure.hint.unwrap().contains("stop or pause"));
    assert!(watch.ms() < 20_000, "it does not wait for the whole time");
    assert!(supervisor.lives(), "what is not ours is not signalled");
}

#[test]
fn a_start_command_that_fails_ends_the_start_at_once_with_its_words() {
    let mut demo = Demo::new();
    let table = [
        (
            "echo starting; echo 'JAVA_HOME is not set, password=hunter2' >&2; exit 1\n",
            "exit code 1",
        ),
        ("echo 'JAVA_HOME is not set'; kill -9 $$\n", "signal 9"),
        (
            "head -c 2000000 /dev/zero | tr '\\0' '\\n'; echo 'JAVA_HOME is not set'; exit 1\n",
            "exit code 1",
        ),
    ];
    for (script, end) in table {
        demo.starts_by_script(script);
        let watch = Stopwatch::start();
        let failure = demo.start_failure();
        assert_eq!(failure.kind, ErrorKind::StartFailed);
        assert!(
            failure.message.contains(end) && failure.message.contains("JAVA_HOME is not set"),
            "{failure}"
        );
        assert!(!failure.message.contains("hunter2"), "{failure}");
        assert!(watch.ms() < 20_000);
    }
}

#[test]
fn a_server_that_ends_again_fails_the_start_early() {
    let mut demo = Demo::new();
    demo.settings.probes = vec![http_probe(free_port())];
    demo.starts_with(&["say", "cannot bind", "die-after", "0.5"]);
    let watch = Stopwatch::start();
    let failure = demo.start_failure();
    assert!(
        failure.message.contains("ended") && failure.message.contains("cannot bind"),
        "{failure}"
    );
    assert!(watch.ms() < 30_000, "not the whole minute");

    demo.starts_by_script("(setsid SERVER die-after 1 >/dev/null 2>&1 &)\n");
    let failure = demo.start_failure();
    assert!(failure.message.contains("the server ended again"), "{failure}");
}

#[test]
fn a_server_that_is_never_ready_or_never_there_fails_at_the_limit() {
    let mut demo = Demo::new();
    demo.settings.start_timeout_s = 2;
    demo.settings.probes = vec![http_probe(free_port())];
    let (failed, views) = demo.start_with_views();
    let failure = failed.unwrap_err();
    assert!(
        failure
            .message
            .contains("not ready after 2 s: probe http fails (no answer"),
        "{failure}"
    );
    assert!(!views[0].ok && views[0].attempts > 1);
    demo.stop().unwrap();

    // Shorter than what makes a script that was seen for a moment a server that ended again.
    demo.settings.start_timeout_s = 1;
    demo.settings.probes.clear();
    demo.starts_by_script("exit 0\n");
    let failure = demo.start_failure();
    assert!(
        failure.message.contains("no process of the server is there"),
        "zero evidence: {failure}"
    );
}

#[test]
fn a_running_server_that_is_not_well_is_no_success() {
    let mut demo = Demo::new();
    demo.start().unwrap();
    let pids = demo.main_pids();
    demo.settings.probes = vec![http_probe(free_port())];
    demo.settings.probes[0].deadline_s = 1;
    demo.settings.start_timeout_s = 1;
    let failure = demo.start_failure();
    assert_eq!(failure.kind, ErrorKind::Unhealthy);
    assert!(
        failure.message.contains("runs already, but probe http fails"),
        "{failure}"
    );
    assert_eq!(demo.main_pids(), pids);
}

#[test]
fn a_port_that_somebody_else_holds_is_named() {
    let demo = Demo::new();
    let other = TcpListener::bind(("127.0.0.1", demo.port)).unwrap();
    let me = format!("port {} is held by process {}", demo.port, std::process::id());
    let failure = demo.start_failure();
    assert_eq!(failure.kind, ErrorKind::StartFailed);
    assert!(failure.message.contains(&me), "{failure}");
    let stopped = demo.stop().unwrap();
    assert!(
        !stopped.changed && stopped.warnings[0].contains(&me),
        "another server may use it: {stopped:?}"
    );
    drop(other);
    assert!(demo.start().unwrap().changed);
}

#[test]
fn a_port_that_stays_taken_after_the_stop_fails_it() {
    let mut demo = Demo::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    demo.start().unwrap();
    demo.settings.ports.push(other.local_addr().unwrap().port());
    let failure = demo.stop().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::StopFailed);
    assert!(
        failure
            .message
            .contains(&format!("held by process {}", std::process::id())),
        "{failure}"
    );
}

#[test]
fn an_instance_without_control_is_left_to_a_person() {
    let mut demo = Demo::new();
    demo.settings.service = ServiceControl::None;
    assert_eq!(demo.start_failure().kind, ErrorKind::StartFailed);
    assert!(!demo.stop().unwrap().changed);
    let server = demo.start_by_hand(&[]);
    let failure = demo.stop().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::StopFailed);
    assert!(server.lives());
    assert!(!demo.start().unwrap().changed);
}

#[test]
fn an_unknown_user_is_a_mistake_in_the_settings() {
    let mut demo = Demo::new();
    demo.settings.user = Some("no-such-user".to_owned());
    assert_eq!(demo.start_failure().kind, ErrorKind::Settings);
    assert_eq!(demo.stop().unwrap_err().kind, ErrorKind::Settings);
}
