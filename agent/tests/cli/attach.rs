//! Runs that outlive their connection, and those who look for them afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::common::Lab;
use crate::common::host::eventually;
use crate::common::scenario::lab;
use crate::common::served::{level, server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

/// Where a run is held: `before-stop` runs while the server serves, `after-commit` when the new files are in place.
struct Held {
    lab: Lab,
    reached: PathBuf,
    go_on: PathBuf,
}

fn held(when: &str) -> Held {
    let lab = lab();
    let (reached, go_on) = (lab.path("reached"), lab.path("go-on"));
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    let wait = wait(&reached, &go_on);
    let hook = format!("hooks: [{{when: {when}, command: [/bin/sh, -c, '{wait}']}}]\n");
    fs::write(&profile, text + &hook).unwrap();
    Held { lab, reached, go_on }
}

fn wait(reached: &Path, go_on: &Path) -> String {
    format!(
        "touch {}; while ! test -e {}; do sleep 0.02; done",
        reached.display(),
        go_on.display()
    )
}

impl Held {
    fn start(&self, args: &[&str]) -> Child {
        let child = self.lab.spawn(args);
        self.until_reached();
        child
    }

    fn until_reached(&self) {
        eventually("the run gets to its hook", || self.reached.exists());
    }

    fn release(&self) {
        fs::write(&self.go_on, "").unwrap();
    }

    fn last_report(&self) -> PathBuf {
        self.lab.path("state/instances/lab/last-report.json")
    }
}

fn output(mut child: Child) -> (Option<i32>, Value) {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    (
        child.wait().unwrap().code(),
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

#[test]
fn a_run_is_followed_to_its_end_and_its_report_is_kept() {
    let held = held("after-commit");
    let update = held.start(&["update", "lab"]);
    let mut attach = held.lab.spawn(&["attach", "lab"]);
    let mut told = BufReader::new(attach.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(told.next().unwrap().contains("`pitstop update` is under way"));
    assert!(
        told.any(|line| line.contains("commit")),
        "the steps so far are told"
    );
    // Following is in nobody's way, and the one who is refused is told of it.
    let refused = held.lab.run(&["update", "lab"]).refused(6, "locked");
    let hint = refused.report["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("pitstop attach lab"), "{hint}");
    held.release();
    let (code, report) = output(update);
    let (seen_code, seen) = output(attach);
    assert_eq!((code, report["status"].as_str()), (Some(0), Some("updated")));
    assert_eq!((seen_code, &seen), (code, &report));
    assert!(told.any(|line| line.contains("ended at")));

    // Later it is what the last run left, refusals of others notwithstanding.
    let later = held.lab.run(&["attach", "lab"]);
    assert_eq!((later.code, &later.report), (Some(0), &report));
    assert!(
        later.stderr.contains("`pitstop update` ended at 2"),
        "{}",
        later.stderr
    );
    let mode = fs::metadata(held.last_report()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_failed_run_is_followed_with_its_exit_code() {
    let lab = lab();
    lab.run(&["rollback", "lab"]).refused(6, "no-snapshot");
    let seen = lab.run(&["attach", "lab"]).refused(6, "no-snapshot");
    assert_eq!(seen.report["action"], "rollback");
    // Looking and trying leave nothing.
    lab.run(&["check", "lab"]);
    lab.run(&["verify", "lab"]);
    lab.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    lab.run(&["adopt", "lab", "--dry-run"]).expect(0, "planned");
    assert_eq!(lab.run(&["attach", "lab"]).report, seen.report);
}

#[test]
fn a_run_under_way_is_not_an_interrupted_one() {
    let held = held("after-commit");
    let update = held.start(&["update", "lab"]);
    let check = held.lab.run(&["check", "lab"]).expect(0, "in-use");
    assert_eq!(check.report["before"].get("interrupted"), None);
    assert_eq!(check.report["blockers"][0]["kind"], "locked");
    for looks in [&["update", "lab", "--dry-run"][..], &["verify", "lab"]] {
        held.lab.run(looks).refused(6, "locked");
    }
    held.release();
    assert_eq!(output(update).0, Some(0));
    held.lab.run(&["check", "lab"]).expect(0, "current");
}

#[test]
fn there_is_nothing_to_follow_before_the_first_run() {
    let lab = Lab::new(&crate::common::scenario::old());
    lab.run(&["attach", "lab"]).refused(2, "usage");
    lab.run(&["attach", "nobody"]).refused(2, "unknown-instance");
}

#[test]
fn a_killed_run_is_told_with_what_it_left() {
    let held = held("before-stop");
    fs::write(
        held.lab.path("config/instances.d/lab.yaml"),
        instance_with_server(&held.lab),
    )
    .unwrap();
    held.lab.run(&["start", "lab"]).expect(0, "started");
    let mut update = held.start(&["update", "lab"]);
    let attach = held.lab.spawn(&["attach", "lab"]);
    update.kill().unwrap();
    update.wait().unwrap();
    held.release();
    for seen in [attach, held.lab.spawn(&["attach", "lab"])] {
        let (code, report) = output(seen);
        assert_eq!(
            (code, &report["error"]["kind"]),
            (Some(1), &"interrupted".into()),
            "{report:#}"
        );
        let message = report["message"].as_str().unwrap();
        assert!(
            message.contains("killed") && message.contains("the next run undoes it"),
            "{message}"
        );
        assert_eq!(report["before"]["interrupted"]["action"], "update");
    }
    held.lab.run(&["update", "lab"]).expect(0, "updated");
    held.lab.run(&["attach", "lab"]).expect(0, "updated");
    held.lab.run(&["stop", "lab"]).expect(0, "stopped");
}

/// A server that only sleeps, so that hooks around it run.
fn instance_with_server(lab: &Lab) -> String {
    let server = "trap 'exit 0' TERM; while :; do sleep 0.05; done";
    let program = lab.home().join("custom/server");
    fs::write(&program, format!("#!/bin/sh\n{server}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, format!("{text}process: {{main: [custom/server]}}\n")).unwrap();
    format!(
        "name: lab\nproduct: lab\nhome: {}\nsource: {}\nservice: {{start: [{}]}}\nprobes: [{{name: up, command: [/bin/true]}}]\n",
        lab.home().display(),
        lab.path("packs").display(),
        program.display()
    )
}

/// Whoever read the output is gone, and so is the terminal: the work goes on, and `attach` tells how it ended.
#[test]
fn the_end_of_the_connection_ends_nothing() {
    for signal in [None, Some(Signal::SIGHUP)] {
        let held = held("after-commit");
        let mut update = held.start(&["-vv", "update", "lab"]);
        drop((update.stdout.take(), update.stderr.take()));
        if let Some(signal) = signal {
            kill(pid(&update), signal).unwrap();
        }
        held.release();
        assert_eq!(update.wait().unwrap().code(), Some(0), "{signal:?}");
        held.lab.run(&["attach", "lab"]).expect(0, "updated");
    }
}

/// On a real terminal that is hung up, with what it says on it.
#[test]
fn a_terminal_that_hangs_up_ends_nothing() {
    let held = held("after-commit");
    let line = format!("exec {} -vv update lab", env!("CARGO_BIN_EXE_pitstop"));
    let mut terminal = held.lab.spawn_on_terminal(&[], &line);
    held.until_reached();
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    held.release();
    eventually("the run leaves its report", || {
        held.lab.run(&["attach", "lab"]).report["status"] == "updated"
    });
}

/// Runs that wait for a slot of a group that is full, and are told to stop.
fn waiting(args: &[&str], lock: &crate::common::fleetlock::FleetLock, lab: &Lab) -> Child {
    let source = lab.path("packs");
    lab.instance(&format!(
        "source: {}\n{}",
        source.display(),
        lock.rollout("h1", "wait_s: 600")
    ));
    lock.seize("is", "h2");
    let asked = lock.told().len();
    let child = lab.spawn(args);
    eventually("the run asks for a slot", || lock.told().len() > asked);
    child
}

#[test]
fn before_the_stop_a_signal_leaves_nothing() {
    let lock = crate::common::fleetlock::FleetLock::start(&[("is", 1)]);
    let stop = ["--on-disconnect", "stop", "update", "lab"];
    type Ask = fn(&mut Child);
    let term: Ask = |child| kill(pid(child), Signal::SIGTERM).unwrap();
    let hang_up: Ask = |child| kill(pid(child), Signal::SIGHUP).unwrap();
    let no_reader: Ask = |child| drop(child.stdout.take());
    for (args, ask) in [(&stop[2..], term), (&stop[..], hang_up), (&stop[..], no_reader)] {
        let lab = lab();
        let before = lab.tree();
        let mut update = waiting(args, &lock, &lab);
        ask(&mut update);
        assert_eq!(update.wait().unwrap().code(), Some(1));
        lab.run(&["attach", "lab"]).refused(1, "cancelled");
        assert_eq!(lab.tree(), before);
        assert_eq!(lab.leftovers(), Vec::<String>::new());
        assert_eq!(
            lab.run(&["check", "lab"]).report["before"].get("interrupted"),
            None
        );
        assert_eq!(lock.holders("is"), ["h2"]);
        lock.free("is");
        lab.run(&["update", "lab"]).expect(0, "updated");
    }
}

#[test]
fn after_the_stop_it_goes_on_and_a_second_signal_ends_it_at_once() {
    let held = held("after-commit");
    let update = held.start(&["--on-disconnect", "stop", "update", "lab"]);
    for signal in [Signal::SIGHUP, Signal::SIGTERM] {
        kill(pid(&update), signal).unwrap();
    }
    held.release();
    let (code, report) = output(update);
    assert_eq!((code, report["status"].as_str()), (Some(0), Some("updated")));

    let held = self::held("after-commit");
    let mut update = held.start(&["update", "lab"]);
    // Two that come at the same moment are one.
    let began = Instant::now();
    let code = loop {
        kill(pid(&update), Signal::SIGINT).unwrap();
        if let Some(status) = update.try_wait().unwrap() {
            break status.code();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(code, None, "not by itself");
    held.release();
    held.lab.run(&["attach", "lab"]).refused(1, "interrupted");
    held.lab.run(&["update", "lab"]).expect(0, "current");
    held.lab.run(&["verify", "lab"]).expect(0, "verified");
}

#[test]
fn of_all_instances_a_signal_leaves_those_alone_whose_turn_did_not_come() {
    let server = server("", &[], "").started();
    let lab = &server.lab;
    let (reached, go_on) = (lab.path("reached"), lab.path("go-on"));
    let stop = format!("{}; kill {}", wait(&reached, &go_on), server.pids()[0]);
    server.settings(|text| {
        text.replace(
            "service:\n",
            &format!("service:\n  stop: [/bin/sh, -c, '{stop}']\n"),
        )
    });
    let other = lab.path("other");
    crate::common::write_pack(&other, &level("1.0.0", ""));
    let text = format!("name: other\nproduct: lab\nhome: {}\n", other.display());
    fs::write(lab.path("config/instances.d/other.yaml"), text).unwrap();
    let all = lab.spawn(&["stop", "--all"]);
    eventually("the first is stopped", || reached.exists());
    kill(pid(&all), Signal::SIGINT).unwrap();
    fs::write(&go_on, "").unwrap();
    let (code, list) = output(all);
    let kinds = ["status", "error"].map(|part| &list["reports"][0][part]);
    assert_eq!(
        (kinds[0].as_str(), kinds[1]),
        (Some("stopped"), &Value::Null),
        "{list:#}"
    );
    assert_eq!(
        (code, list["reports"][1]["error"]["kind"].as_str()),
        (Some(1), Some("cancelled")),
        "{list:#}"
    );
}

/// Looking at something ends at once, as everywhere.
#[test]
fn what_changes_nothing_ends_at_the_first_signal() {
    let held = held("after-commit");
    let update = held.start(&["update", "lab"]);
    let mut attach = held.lab.spawn(&["attach", "lab"]);
    let mut told = BufReader::new(attach.stderr.take().unwrap()).lines();
    assert!(told.next().unwrap().unwrap().contains("is under way"));
    kill(pid(&attach), Signal::SIGINT).unwrap();
    assert_eq!(attach.wait().unwrap().code(), None);
    held.release();
    assert_eq!(output(update).0, Some(0));
}
