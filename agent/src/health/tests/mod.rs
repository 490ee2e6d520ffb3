pub(crate) mod support;

mod logs;
mod network;

use std::time::Duration;

use crate::config::Probe;
use crate::config::Settings;
use crate::sys::clock::{Deadline, Stopwatch};
use crate::sys::process::User;

use super::*;
use support::{dir, probe, settings};

fn prober(settings: &Settings) -> Prober<'_> {
    Prober {
        settings,
        user: User::current().unwrap(),
        marks: None,
        up: Up::default(),
    }
}

fn ask(settings: &Settings, probe: &Probe) -> Answer {
    prober(settings).ask(probe, Duration::from_secs(20))
}

#[test]
fn a_command_passes_by_its_exit_code_and_its_output_is_short_and_scrubbed() {
    let home = dir();
    let settings = settings(home.path());
    let table = [
        (
            "[/bin/sh, -c, 'test \"$PWD\" = \"$(pwd -P)\" && pwd >&2']",
            true,
            "exit code 0".to_owned(),
        ),
        (
            "[/bin/sh, -c, 'echo password=hunter2 >&2; exit 3']",
            false,
            "exit code 3: password=***".to_owned(),
        ),
        (
            "[/bin/sh, -c, 'echo out; exit 1']",
            false,
            "exit code 1: out".to_owned(),
        ),
        (
            "[/bin/sh, -c, 'test \"$FROM_SERVICE\" = yes']",
            true,
            "exit code 0".to_owned(),
        ),
    ];
    for (command, ok, detail) in table {
        let answer = ask(&settings, &probe(&format!("command: {command}")));
        assert_eq!(answer, Answer { ok, detail }, "{command}");
    }
    let missing = ask(&settings, &probe("command: [/no/such/program]"));
    assert!(
        !missing.ok && missing.detail.contains("/no/such/program"),
        "{missing:?}"
    );
    let slow = ask(&settings, &probe("timeout_s: 1\ncommand: [/bin/sleep, '60']"));
    assert!(
        !slow.ok && slow.detail.starts_with("no end within its time"),
        "{slow:?}"
    );
}

#[test]
fn a_command_runs_as_the_user_of_the_pack() {
    if !support::root_or_skip("run a probe as another user") {
        return;
    }
    let home = dir();
    let settings = settings(home.path());
    let mut prober = prober(&settings);
    prober.user = User::find("nobody").unwrap().unwrap();
    let asked = probe("command: [/bin/sh, -c, 'test \"$(id -un)\" = nobody']");
    support::open_to_all(home.path());
    let answer = prober.ask(&asked, Duration::from_secs(20));
    assert!(answer.ok, "{answer:?}");
}

#[test]
fn a_probe_is_asked_until_it_passes_and_not_again() {
    let home = dir();
    let mut settings = settings(home.path());
    // Passes at the third try, and would fail at the fourth.
    let script = "echo x >> tries; test $(wc -l < tries) -eq 3";
    settings.probes = vec![probe(&format!(
        "interval_s: 0\ndeadline_s: 60\ncommand: [/bin/sh, -c, '{script}']"
    ))];
    let views = run_all(prober(&settings), Waiting::Own);
    assert_eq!(
        (views[0].ok, views[0].attempts, views[0].kind.as_str()),
        (true, 3, "command")
    );
    assert_eq!(judge(&views), Verdict::Healthy);
}

#[test]
fn a_probe_that_never_passes_ends_with_its_time_and_at_least_one_try() {
    let home = dir();
    let mut settings = settings(home.path());
    settings.probes = vec![
        probe("name: a\ninterval_s: 1\ndeadline_s: 1\ncommand: [/bin/false]"),
        probe("name: b\ninterval_s: 60\ndeadline_s: 0\nrequired: false\ncommand: [/bin/false]"),
    ];
    let watch = Stopwatch::start();
    let views = run_all(prober(&settings), Waiting::Own);
    assert!(watch.elapsed() < Duration::from_secs(30));
    assert!(views[0].attempts >= 1 && !views[0].ok);
    assert_eq!((views[1].attempts, views[1].ok), (1, false));
    assert_eq!(judge(&views), Verdict::Broken(vec!["a".to_owned()]));

    let over = Waiting::Until(Deadline::after(Duration::ZERO));
    let views = run_all(prober(&settings), over);
    assert_eq!((views[0].attempts, views[1].attempts), (1, 1));
}

#[test]
fn a_probe_has_its_own_time_or_that_of_a_server_that_is_starting() {
    let home = dir();
    let mut settings = settings(home.path());
    // Passes at the second try, for which there is no time but the longer of the two.
    let script = "echo x >> tries; test $(wc -l < tries) -ge 2";
    for (own, starting, passes) in [(0, 60, true), (60, 0, true), (0, 0, false)] {
        settings.probes = vec![probe(&format!(
            "interval_s: 0\ndeadline_s: {own}\ncommand: [/bin/sh, -c, '{script}']"
        ))];
        let until = Waiting::OwnOrLater(Deadline::after(Duration::from_secs(starting)));
        let views = run_all(prober(&settings), until);
        assert_eq!(views[0].ok, passes, "{own} {starting}");
        let _ = crate::sys::fs::remove_if_exists(&home.path().join("tries"));
    }
}

#[test]
fn without_probes_there_is_no_evidence() {
    let home = dir();
    let settings = settings(home.path());
    let views = run_all(prober(&settings), Waiting::Own);
    assert_eq!((views.len(), judge(&views)), (0, Verdict::NoEvidence));
}
