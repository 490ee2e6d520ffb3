//! `recover`: what a boot runs after a power cut, and what it costs after an ordinary end.

use std::fs;

use crate::common::fleetlock::FleetLock;
use crate::common::host::eventually;
use crate::common::served::{Server, server};

#[test]
fn without_anything_to_recover_not_even_the_home_is_looked_at() {
    let server = server("", &[("1.1.0", "")], "").started();
    server.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    let pids = server.pids();
    assert!(!server.run(&["recover", "lab"]).expect(0, "current").changed());
    assert_eq!(server.pids(), pids);
    let (home, away) = (server.lab.home(), server.lab.path("away"));
    fs::rename(&home, &away).unwrap();
    let all = server.run(&["recover", "--all"]);
    fs::rename(&away, &home).unwrap();
    let status = &all.report["reports"][0]["status"];
    assert_eq!((all.code, status), (Some(0), &"current".into()));
    let updated = server.run(&["update", "lab"]).expect(0, "updated");
    let steps = updated.report["steps"].as_array().unwrap();
    let is_staged_anew = steps.iter().any(|step| step["step"] == "stage");
    assert!(!is_staged_anew, "what was staged was thrown away");
}

/// Killed in the commit, which keeps the server down until somebody goes on.
#[cfg(feature = "faults")]
fn killed(server: &Server) {
    let fault = [("PITSTOP_FAULT", "kill-before:link VERSION")];
    let killed = server.lab.run_with(&["update", "lab"], &fault);
    assert_eq!(killed.code, None, "{:#}", killed.report);
    assert_eq!(server.says(), None);
}

#[test]
#[cfg(feature = "faults")]
fn a_server_that_ran_runs_again_and_one_that_did_not_stays_down() {
    let server = server("", &[("1.1.0", "")], "").started();
    killed(&server);
    let all = server.run(&["recover", "--all"]);
    assert_eq!(all.code, Some(0), "{:#}", all.report);
    let report = &all.report["reports"][0];
    assert_eq!(
        (&report["status"], &report["changed"]),
        (&"recovered".into(), &true.into())
    );
    assert_eq!(report["after"]["verified"], true);
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
    assert!(!server.run(&["recover", "lab"]).expect(0, "current").changed());

    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    server.run(&["stop", "lab"]).expect(0, "stopped");
    killed(&server);
    server.run(&["recover", "lab"]).expect(0, "recovered");
    assert_eq!(server.says(), None);
    assert_eq!(server.lab.read("VERSION"), "1.1.0\n");
}

/// Killed while the server starts, which takes longer than a probe of a server that is up may take.
#[test]
fn a_server_that_is_still_starting_has_the_rest_of_its_time() {
    let server = server("", &[("1.1.0", "extra-late")], "").started();
    let mut update = server.lab.spawn(&["update", "lab"]);
    eventually("the new level answers", || {
        server.says().as_deref() == Some("1.1.0")
    });
    update.kill().unwrap();
    update.wait().unwrap();
    let pids = server.pids();
    let recovered = server.run(&["recover", "lab"]).expect(0, "recovered");
    assert_eq!(recovered.report["after"]["verified"], true);
    assert_eq!(server.pids(), pids, "it is neither stopped nor started again");
}

/// A boot starts the server as soon as nothing keeps it down: hooks that are done must not come again then.
#[test]
#[cfg(feature = "faults")]
fn what_was_done_before_the_first_start_is_not_done_again() {
    let server = server("", &[("1.1.0", "")], "").started();
    let log = server.lab.path("hooks.log");
    server.hooks(&format!(
        "{{when: after-commit, command: [/bin/sh, -c, 'echo once >> {}']}}",
        log.display()
    ));
    let fault = [("PITSTOP_FAULT", "kill-before:start.log")];
    assert_eq!(server.lab.run_with(&["update", "lab"], &fault).code, None);
    assert_eq!(fs::read_to_string(&log).unwrap(), "once\n");
    server.start_by_hand();
    server.run(&["recover", "lab"]).expect(0, "recovered");
    assert_eq!(fs::read_to_string(&log).unwrap(), "once\n");
}

#[test]
#[cfg(feature = "faults")]
fn a_level_that_was_never_verified_is_and_leads_back_if_it_is_bad() {
    let server = server("", &[("1.1.0", "extra-broken")], "").started();
    killed(&server);
    server.run(&["recover", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    server.run(&["recover", "lab"]).expect(0, "current");
}

/// A run may have died before it could give it back, and the group waits for it.
#[test]
fn a_slot_that_nothing_needs_any_more_is_given_back() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = server("", &[("1.1.0", "")], &lock.rollout("h1", "")).started();
    lock.sick(true);
    server.run(&["update", "lab"]).expect(0, "updated");
    assert!(!server.run(&["recover", "lab"]).expect(0, "current").changed());
    assert_eq!(lock.holders("is"), ["h1"]);
    lock.sick(false);
    assert!(server.run(&["recover", "lab"]).expect(0, "current").changed());
    assert_eq!(lock.holders("is"), Vec::<String>::new());
}

/// A server that ends slowly, and an update of it that was killed while it does.
fn killed_in_the_stop() -> Server {
    let server = server("lingers", &[("1.1.0", "")], "").started();
    let mut update = server.lab.spawn(&["update", "lab"]);
    let asked = server.lab.home().join("log/asked");
    eventually("the server is not asked to end", || asked.exists());
    update.kill().unwrap();
    update.wait().unwrap();
    server
}

#[test]
fn a_server_that_was_about_to_end_is_not_taken_for_one_that_runs() {
    let server = killed_in_the_stop();
    let ending = server.pids();
    assert_eq!(ending.len(), 1);
    server.run(&["recover", "lab"]).expect(0, "recovered");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    assert_ne!(server.pids(), ending);
    server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
}

#[test]
fn a_start_that_could_not_be_tried_stays_owed_until_somebody_stops_the_server() {
    let server = killed_in_the_stop();
    let in_the_way = server.lab.path("state/instances/lab/start.log");
    fs::remove_file(&in_the_way).unwrap();
    fs::create_dir(&in_the_way).unwrap();
    let refused = server.run(&["recover", "lab"]).refused(1, "io");
    let warnings = refused.report["warnings"].to_string();
    assert!(warnings.contains("the next run tries again"), "{warnings}");
    let interrupted = server.lab.save();
    server.run(&["stop", "lab"]).expect(0, "stopped");
    server.run(&["recover", "lab"]).expect(0, "current");
    server.lab.restore(&interrupted);
    fs::remove_dir(&in_the_way).unwrap();
    server.run(&["recover", "lab"]).expect(0, "recovered");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
}

/// Nobody is kept from a level that mends it.
#[test]
fn a_server_that_does_not_come_up_is_told_of_once() {
    let server = killed_in_the_stop();
    server.lab.write("bin/traits", "dies");
    server.run(&["recover", "lab"]).refused(5, "start-failed");
    server.run(&["recover", "lab"]).expect(0, "current");
}
