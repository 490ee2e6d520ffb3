//! Which calls of `systemctl` are made, and in which order: a stand-in records them and changes what it shows. That
//! the real systemd does what is expected of it is shown on booted hosts.

use std::path::PathBuf;

use super::super::{Guard, Outcome, Service, is_down};
use super::demo::Demo;
use crate::api::ErrorKind;
use crate::config::ServiceControl;
use crate::health::tests::support::{open_to_all, write};
use crate::observe::unit::Systemd;
use crate::sys::fs;

/// `show` prints the file `state`; other verbs are recorded and switch the state as systemd would. Files make it behave otherwise: a
/// start waits for that of another unit (`queued`), a condition holds it off (`refused`), a second one is refused until the count is
/// reset (`limit`), which is itself refused (`forgotten`); a stop takes too long (`slow`).
const STAND_IN: &str = r#"#!/bin/sh
cd DIR
state() {
    printf 'Id=is.service\nLoadState=loaded\nActiveState=%s\nSubState=%s\nResult=%s\n' "$1" "$2" "${result:-exit-code}" >state.new
    printf "$3" >>state.new
    mv state.new state
}
run_server() { setsid sh -c 'cd HOME; exec SERVER' >/dev/null 2>&1; }
pkill_server() {
    for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -qx 'SERVER ' && kill ${p#/proc/}; done
}
test "$1" = show && exec cat state
echo "$*" >>calls
test -e fail && { echo 'Access denied' >&2; exit 4; }
case "$1" in
start | restart)
    test -e limit && { test -e starts && { state failed failed; exit; }; touch starts; }
    test -e refused && { state inactive dead 'ConditionResult=no\n'; exit; }
    test -e queued && {
        state inactive dead 'ConditionResult=no\nJob=77\n'
        (sleep 3; run_server & state active running) >/dev/null 2>&1 &
        exit
    }
    run_server & state active running;;
stop) pkill_server; test -e slow && result=timeout; state inactive dead;;
reset-failed)
    test -e forgotten && { echo 'Unit is.service not loaded.' >&2; exit 1; }
    rm -f starts
    grep -q =failed state && state inactive dead;;
esac
"#;

struct Host {
    demo: Demo,
    systemd: Systemd,
}

impl Host {
    fn new(active: &str, sub: &str) -> Self {
        let mut demo = Demo::new();
        demo.settings.service = ServiceControl::Unit("is".to_owned());
        let dir = demo.beside("").display().to_string();
        let server = format!("python3 {}/server.py {}", demo.home().display(), demo.port);
        let script = STAND_IN
            .replace("DIR", &dir)
            .replace("HOME", &demo.home().display().to_string())
            .replace("SERVER", &server);
        let systemd = Systemd {
            systemctl: demo.beside("systemctl"),
            units: demo.beside("units"),
            user: None,
        };
        write(&systemd.systemctl, &script);
        open_to_all(&systemd.systemctl);
        let host = Self { demo, systemd };
        host.shows(active, sub);
        host
    }

    fn shows(&self, active: &str, sub: &str) {
        let text = format!(
            "Id=is.service\nLoadState=loaded\nActiveState={active}\nSubState={sub}\nResult=exit-code\n"
        );
        write(&self.demo.beside("state"), &text);
    }

    fn service(&self) -> Service<'_> {
        Service::with_systemd(&self.demo.settings, self.systemd.clone())
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_text_if_exists(&self.demo.beside("calls"))
            .unwrap()
            .unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn guard(&self) -> (Guard<'_>, PathBuf, PathBuf) {
        let file = self.demo.beside("state dir 100%/guard");
        let drop_in = self
            .systemd
            .units
            .join("is.service.d/90-pitstop-transaction.conf");
        (Guard::new(&self.systemd, "is", &file).unwrap(), file, drop_in)
    }
}

#[test]
fn a_unit_that_is_down_is_only_looked_at() {
    for state in [("inactive", "dead"), ("failed", "failed")] {
        let host = Host::new(state.0, state.1);
        assert!(!host.service().stop().unwrap().changed);
        assert_eq!(host.calls(), [""; 0]);
    }
}

#[test]
fn a_unit_is_started_and_stopped_through_systemd() {
    let host = Host::new("failed", "failed");
    let started = host.service().start(&mut Vec::new()).unwrap();
    assert!(
        started.changed && started.detail.contains("the unit is"),
        "{started:?}"
    );
    assert!(!host.service().start(&mut Vec::new()).unwrap().changed);
    assert_eq!(host.calls(), ["reset-failed is", "start --no-block is"]);
    assert!(host.service().stop().unwrap().changed);
    assert_eq!(host.calls()[2..], ["stop --no-block is"]);
}

#[test]
fn starts_that_were_asked_for_do_not_use_up_the_start_limit() {
    let host = Host::new("inactive", "dead");
    write(&host.demo.beside("limit"), "");
    for _ in 0..2 {
        assert!(host.service().start(&mut Vec::new()).unwrap().changed);
        assert!(host.service().stop().unwrap().changed);
    }
    write(&host.demo.beside("forgotten"), "");
    fs::remove_if_exists(&host.demo.beside("limit")).unwrap();
    assert!(host.service().start(&mut Vec::new()).unwrap().changed);
}

/// As those of init scripts do.
#[test]
fn a_unit_that_stays_active_without_its_server_is_started_and_stopped() {
    let host = Host::new("active", "exited");
    assert!(host.service().start(&mut Vec::new()).unwrap().changed);
    assert_eq!(host.calls().last().unwrap(), "restart --no-block is");
    assert!(host.service().stop().unwrap().changed);
    host.shows("active", "exited");
    assert!(host.service().stop().unwrap().changed);
}

#[test]
fn what_a_stop_would_do_is_told_before() {
    let table = [
        ("inactive", "dead", true),
        ("failed", "failed", true),
        ("active", "exited", false),
        ("activating", "auto-restart", false),
        ("deactivating", "stop-post", false),
    ];
    for (active, sub, down) in table {
        let host = Host::new(active, sub);
        let service = host.service();
        let observed = service.observe(false).unwrap();
        assert_eq!(
            is_down(service.unit().unwrap().as_ref(), &observed),
            down,
            "{sub}"
        );
        assert_eq!(service.stop().unwrap().changed, !down, "{sub}");
    }
}

/// systemd shows conditions that it never looked at as if they did not hold.
#[test]
fn a_start_that_waits_for_another_unit_is_waited_for() {
    let host = Host::new("inactive", "dead");
    write(&host.demo.beside("queued"), "");
    assert!(host.service().start(&mut Vec::new()).unwrap().changed);
}

#[test]
fn a_start_that_waits_for_another_unit_is_called_off_by_a_stop() {
    let host = Host::new("inactive", "dead");
    write(
        &host.demo.beside("state"),
        "Id=is.service\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nJob=77\n",
    );
    assert!(host.service().stop().unwrap().changed);
    assert_eq!(host.calls(), ["stop --no-block is"]);
}

#[test]
fn a_unit_whose_condition_does_not_hold_is_not_waited_for() {
    let host = Host::new("inactive", "dead");
    write(&host.demo.beside("refused"), "");
    let failure = host.service().start(&mut Vec::new()).unwrap_err();
    assert!(
        failure.message.contains("a condition of it does not hold"),
        "{failure}"
    );
}

/// It passes every probe until it is gone.
#[test]
fn a_unit_on_its_way_down_is_started_once_it_is_down() {
    let host = Host::new("deactivating", "stop-sigterm");
    let ending = host.demo.start_by_hand(&[]);
    assert!(host.service().start(&mut Vec::new()).unwrap().changed);
    assert_eq!(
        host.calls(),
        ["stop --no-block is", "reset-failed is", "start --no-block is"]
    );
    assert!(!ending.lives() && host.service().stop().unwrap().changed);
}

/// What it says of an earlier end is not about this one.
#[test]
fn a_server_that_systemd_killed_is_not_said_to_have_stopped_by_itself() {
    let host = Host::new("active", "running");
    write(&host.demo.beside("slow"), "");
    let killed = |stopped: Outcome| {
        stopped
            .warnings
            .iter()
            .any(|said| said.contains("systemd killed it"))
    };
    assert!(killed(host.service().stop().unwrap()));
    let _by_hand = host.demo.start_by_hand(&[]);
    assert!(!killed(host.service().stop().unwrap()));
}

#[test]
fn a_server_that_was_started_beside_its_unit_is_stopped_too() {
    let host = Host::new("inactive", "dead");
    let by_hand = host.demo.start_by_hand(&[]);
    let stopped = host.service().stop().unwrap();
    assert!(stopped.changed && !by_hand.lives(), "{stopped:?}");
}

#[test]
fn a_unit_waiting_for_its_restart_is_stopped() {
    let host = Host::new("activating", "auto-restart");
    assert!(host.service().stop().unwrap().changed);
    assert_eq!(host.calls(), ["stop --no-block is"]);
}

#[test]
fn what_systemctl_says_against_it_is_passed_on() {
    let host = Host::new("active", "running");
    write(&host.demo.beside("fail"), "");
    let failure = host.service().stop().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::StopFailed);
    assert!(failure.message.contains("Access denied"), "{failure}");
    write(
        &host.demo.beside("state"),
        "Id=is.service\nLoadState=not-found\nActiveState=inactive\n",
    );
    let failure = host.service().stop().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Settings);
    assert!(failure.hint.unwrap().contains("install is.service"));
}

#[test]
fn a_guard_keeps_the_unit_down_until_it_is_lifted() {
    let host = Host::new("inactive", "dead");
    let (guard, file, drop_in) = host.guard();
    for _ in 0..2 {
        guard.raise().unwrap();
        assert!(fs::symlink_metadata(&file).is_ok());
        let text = fs::read_text_if_exists(&drop_in).unwrap().unwrap();
        let escaped = file.display().to_string().replace('%', "%%");
        assert!(
            text.contains(&format!("\n[Unit]\nConditionPathExists=!{escaped}\n")),
            "{text}"
        );
    }
    assert_eq!(host.calls(), ["daemon-reload"; 2]);
    for _ in 0..2 {
        guard.lift().unwrap();
        assert!(fs::symlink_metadata(&file).is_err() && fs::symlink_metadata(&drop_in).is_ok());
    }
    for _ in 0..2 {
        guard.remove().unwrap();
        assert!(
            fs::symlink_metadata(drop_in.parent().unwrap()).is_err(),
            "nothing of ours is left"
        );
    }
    assert_eq!(
        host.calls(),
        ["daemon-reload"; 3],
        "a second removal has nothing to do"
    );
}

#[test]
fn a_guard_leaves_other_drop_ins_alone_and_can_be_taken_away_half_raised() {
    let host = Host::new("inactive", "dead");
    let (guard, file, drop_in) = host.guard();
    guard.remove().unwrap();
    assert_eq!(host.calls(), [""; 0], "there never was one");
    guard.raise().unwrap();
    let theirs = drop_in.with_file_name("10-limits.conf");
    write(&theirs, "[Service]\nLimitNOFILE=65536\n");
    fs::remove_if_exists(&file).unwrap();
    guard.remove().unwrap();
    assert!(fs::symlink_metadata(&theirs).is_ok() && fs::symlink_metadata(&drop_in).is_err());
}

#[test]
fn a_removal_of_a_guard_that_was_cut_short_is_finished() {
    let host = Host::new("inactive", "dead");
    let (guard, file, drop_in) = host.guard();
    guard.raise().unwrap();
    fs::remove_if_exists(&drop_in).unwrap();
    guard.remove().unwrap();
    assert!(fs::symlink_metadata(&file).is_err() && fs::symlink_metadata(drop_in.parent().unwrap()).is_err());
    assert_eq!(host.calls(), ["daemon-reload"; 2], "systemd forgets it, too");
}

#[test]
fn a_guard_that_systemd_does_not_take_is_a_failure() {
    let host = Host::new("inactive", "dead");
    write(&host.demo.beside("fail"), "");
    let (guard, ..) = host.guard();
    assert_eq!(guard.raise().unwrap_err().kind, ErrorKind::StopFailed);
    for bad in ["relative/guard", "/x/new\nline", "/x/space "] {
        let failure = Guard::new(&host.systemd, "is", bad.as_ref()).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings, "{bad:?}");
    }
}
