//! The lock: only so many instances of a group are down at once, and a bad level does not get any further by itself.

use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::fleetlock::{self, FleetLock};
use crate::common::ports::free_port;
use crate::common::served::{Server, server};
use crate::common::{Answer, Lab};
use serde_json::Value;

fn told(lines: &[(&str, u16)]) -> Vec<(String, u16)> {
    lines
        .iter()
        .map(|(what, status)| ((*what).to_owned(), *status))
        .collect()
}

/// A running server at 1.0.0 with 1.1.0 on offer, which asks for a slot of the group `is`.
fn locked(lock: &FleetLock, id: &str, traits: &str, more: &str) -> Server {
    server("", &[("1.1.0", traits)], &lock.rollout(id, more)).started()
}

fn held(lab: &Lab) -> Value {
    let text = fs::read_to_string(lab.path("state/instances/lab/state.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["lock"].clone()
}

fn steps(answer: &Answer) -> Vec<String> {
    let steps = answer.report["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["step"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_slot_is_taken_before_the_stop_and_given_back_after_the_verification() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "", "");
    let check = server.run(&["check", "lab"]);
    let view = &check.report["rollout"]["lock"];
    assert_eq!(
        (&view["group"], &view["id"], &view["held"]),
        (&"is".into(), &"h1".into(), &false.into())
    );
    server.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    server.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    assert_eq!(lock.told(), told(&[]), "nobody is asked before the stop");
    let answer = server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(lock.told(), told(&[("pre-reboot", 200), ("steady-state", 200)]));
    let steps = steps(&answer);
    let order = ["lock", "stop", "commit", "start", "verify", "unlock"];
    let places = order.map(|name| steps.iter().position(|step| step == name).unwrap());
    assert!(places.is_sorted(), "{steps:?}");
    assert_eq!(held(&server.lab), Value::Null);
    // Neither going back nor stopping waits for anybody.
    lock.seize("is", "h2");
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    server.run(&["stop", "lab"]).expect(0, "stopped");
}

#[test]
fn a_full_group_leaves_the_server_alone_and_everything_staged() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "", "");
    let pids = server.pids();
    lock.seize("is", "h2");
    let refused = server.run(&["update", "lab"]).refused(6, "lock");
    let message = refused.message();
    assert!(
        message.contains("group `is`") && message.contains("failed_lock") && message.contains("staged"),
        "{message}"
    );
    assert_eq!(server.pids(), pids);
    assert_eq!(held(&server.lab), Value::Null);
    lock.free("is");
    let updated = server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(updated.report["transaction"], refused.report["transaction"]);
    assert_eq!(lock.holders("is"), Vec::<String>::new());
}

#[test]
fn a_slot_is_waited_for() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "", "wait_s: 60");
    lock.seize("is", "h2");
    std::thread::scope(|scope| {
        let update = scope.spawn(|| server.run(&["update", "lab"]));
        lock.until("pre-reboot", 2);
        assert_eq!(server.says().as_deref(), Some("1.0.0"));
        lock.free("is");
        update.join().unwrap().expect(0, "updated");
    });
    assert_eq!(lock.holders("is"), Vec::<String>::new());
}

#[test]
fn a_server_that_is_down_or_refuses_blocks_and_fails_nothing() {
    let port = free_port();
    let server = server("", &[("1.1.0", "")], &fleetlock::rollout(port, "h1", "wait_s: 0")).started();
    let pids = server.pids();
    let refused = server.run(&["update", "lab"]).refused(6, "lock");
    assert!(
        refused
            .message()
            .contains(&format!("cannot ask http://127.0.0.1:{port}")),
        "{}",
        refused.message()
    );
    assert_eq!((server.pids(), held(&server.lab)), (pids.clone(), Value::Null));
    // A group that the server does not know is not waited for.
    let lock = FleetLock::start_at(port, &[("another", 1)]);
    let refused = server.run(&["update", "lab"]).refused(6, "lock");
    assert!(
        refused.message().contains("unknown_group"),
        "{}",
        refused.message()
    );
    assert_eq!(server.pids(), pids);
    assert_eq!(lock.told(), told(&[("pre-reboot", 404)]));
    let goes = ["update", "lab", "--override", "lock"];
    let answer = server.run(&goes).expect(0, "updated");
    assert!(answer.report["warnings"].to_string().contains("--override lock"));
    assert_eq!(lock.told().len(), 1, "nobody was asked");
}

#[test]
fn a_slot_that_could_not_be_given_back_is_given_back_later() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "", "");
    lock.sick(true);
    let answer = server.run(&["update", "lab"]).expect(0, "updated");
    let warnings = answer.report["warnings"].to_string();
    assert!(
        warnings.contains("failed_unlock") && warnings.contains("pitstop verify lab"),
        "{warnings}"
    );
    assert_eq!(lock.holders("is"), ["h1"]);
    let check = server.run(&["check", "lab"]);
    assert_eq!(check.report["rollout"]["lock"]["held"], true);
    // Still not: the verification is none the worse for it.
    server.run(&["verify", "lab"]).expect(0, "verified");
    lock.sick(false);
    let answer = server.run(&["verify", "lab"]).expect(0, "verified");
    assert!(!answer.changed());
    assert_eq!(lock.holders("is"), Vec::<String>::new());
    assert_eq!(held(&server.lab), Value::Null);

    // Any verb that changes something does it too.
    lock.seize("is", "h1");
    lock.sick(true);
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    server.run(&["update", "lab"]).expect(0, "updated");
    lock.sick(false);
    server.run(&["update", "lab"]).expect(0, "current");
    assert_eq!(lock.holders("is"), Vec::<String>::new());
}

/// Both may have changed since it was taken; the settings say what holds now.
#[test]
fn a_slot_is_given_back_as_the_settings_are_now_and_forgotten_where_they_name_none() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "dies", "");
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    let file = server.lab.path("state/instances/lab/state.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    state["lock"]["lock"]["ca"] = "/gone.pem".into();
    fs::write(&file, state.to_string()).unwrap();
    let release = ["verify", "lab", "--release-lock"];
    server.run(&release).expect(0, "verified");
    assert_eq!((lock.holders("is"), held(&server.lab)), (Vec::new(), Value::Null));

    server
        .run(&["update", "lab", "--release-hold"])
        .refused(4, "rolled-back");
    lock.sick(true);
    server.run(&release).refused(6, "lock");
    server.settings(|text| text.split("rollout:").next().unwrap().to_owned());
    let forgotten = server.run(&release).expect(0, "verified");
    assert!(
        forgotten.report["warnings"]
            .to_string()
            .contains("it is forgotten")
    );
    assert_eq!(held(&server.lab), Value::Null);
    assert_eq!(server.run(&["check", "lab"]).report.get("rollout"), None);
}

#[test]
fn a_level_that_failed_keeps_its_slot_until_a_person_or_a_better_level_comes() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "dies", "");
    let failed = server.run(&["update", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    assert_eq!(failed.report["rollout"]["lock"]["held"], true);
    assert_eq!(
        lock.told(),
        told(&[("pre-reboot", 200)]),
        "going back asks for nothing"
    );
    let check = server.run(&["check", "lab"]);
    let view = &check.report["rollout"]["lock"];
    assert_eq!(view["held"], true);
    assert!(view["kept"].as_str().unwrap().contains("start"), "{view}");

    // Being well is not enough: the group must not go on by itself.
    let verified = server.run(&["verify", "lab"]).expect(0, "verified");
    let warnings = verified.report["warnings"].to_string();
    assert!(warnings.contains("--release-lock"), "{warnings}");
    server.run(&["stop", "lab"]).expect(0, "stopped");
    server.run(&["start", "lab"]).expect(0, "started");
    let other = locked(&lock, "h2", "", "");
    other.run(&["update", "lab"]).refused(6, "lock");
    // Nor does a try that is refused before anything happened.
    server.run(&["update", "lab"]).refused(6, "held");
    assert_eq!(lock.holders("is"), ["h1"]);

    let release = ["verify", "lab", "--release-lock"];
    assert!(server.run(&release).expect(0, "verified").changed());
    assert!(!server.run(&release).expect(0, "verified").changed());
    other.run(&["update", "lab"]).expect(0, "updated");

    // The other way: a better level.
    server
        .run(&["update", "lab", "--release-hold"])
        .refused(4, "rolled-back");
    assert_eq!(lock.holders("is"), ["h1"]);
    server
        .lab
        .offer("1.2.0", &crate::common::served::level("1.2.0", ""));
    server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(lock.holders("is"), Vec::<String>::new());
}

#[test]
fn an_unhealthy_level_in_place_keeps_its_slot_until_somebody_goes_back() {
    let lock = FleetLock::start(&[("is", 1)]);
    let more = format!("policy: {{rollback: false}}\n{}", lock.rollout("h1", ""));
    let server = server("", &[("1.1.0", "dies")], &more).started();
    server.run(&["update", "lab"]).refused(5, "unhealthy");
    server
        .run(&["verify", "lab", "--release-lock"])
        .refused(5, "unhealthy");
    assert_eq!(lock.holders("is"), ["h1"]);
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(lock.holders("is"), Vec::<String>::new());
}

/// Nothing locks an instance while its tests run.
#[test]
fn a_slot_that_a_change_needs_meanwhile_is_not_given_back() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "dies", "");
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    let again = server.lab.line(&["update", "lab", "--release-hold"]);
    let suite = format!("other={again} >/dev/null; true");
    let refused = server
        .run(&["verify", "lab", "--release-lock", "--suite", &suite])
        .refused(6, "stale");
    assert!(refused.message().contains("was changed"), "{}", refused.message());
    assert_eq!(lock.holders("is"), ["h1"]);
    assert!(held(&server.lab)["kept"].is_string());
}

#[test]
fn the_settings_can_let_the_group_go_on_after_a_rollback() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "dies", "after_rollback: release");
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    assert_eq!(lock.told(), told(&[("pre-reboot", 200), ("steady-state", 200)]));
    assert_eq!(held(&server.lab), Value::Null);
}

#[test]
fn a_slot_at_a_server_that_is_not_used_any_more_is_forgotten() {
    let (old, new) = (FleetLock::start(&[("is", 1)]), FleetLock::start(&[("is", 1)]));
    let server = locked(&old, "h1", "dies", "");
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    let file = server.lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace(&old.port().to_string(), &new.port().to_string()),
    )
    .unwrap();
    server
        .lab
        .offer("1.2.0", &crate::common::served::level("1.2.0", ""));
    server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(
        (old.holders("is"), new.holders("is")),
        (Vec::new(), Vec::<String>::new())
    );
    assert_eq!(new.told(), told(&[("pre-reboot", 200), ("steady-state", 200)]));
}

/// Killed while it waits for a slot, and while it holds one.
#[test]
fn a_kill_forgets_no_slot() {
    let lock = FleetLock::start(&[("is", 1)]);
    let server = locked(&lock, "h1", "", "wait_s: 60");
    lock.seize("is", "h2");
    let mut update = server
        .lab
        .command(&["update", "lab"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    lock.until("pre-reboot", 1);
    assert_eq!(
        held(&server.lab)["id"],
        "h1",
        "written down before it is asked for"
    );
    update.kill().unwrap();
    update.wait().unwrap();
    lock.free("is");
    // A slot that the server gave while nobody listened any more.
    lock.seize("is", "h1");
    let started = server.run(&["start", "lab"]).expect(0, "started");
    assert_eq!(steps(&started), ["recover", "unlock", "start"]);
    assert_eq!(lock.holders("is"), Vec::<String>::new());
    assert_eq!(held(&server.lab), Value::Null);
}

#[test]
#[cfg(feature = "faults")]
fn a_slot_is_given_back_only_once_the_server_is_well_again() {
    let points = [
        ("kill-after:mkdir .pitstop;lab/state.json;append", "1.0.0"),
        ("kill-before:link VERSION", "1.1.0"),
        ("kill-after:link VERSION;unlink", "1.1.0"),
    ];
    for (fault, level) in points {
        let lock = FleetLock::start(&[("is", 1)]);
        let server = locked(&lock, "h1", "", "");
        let killed = server
            .lab
            .run_with(&["update", "lab"], &[("PITSTOP_FAULT", fault)]);
        assert_eq!(killed.code, None, "{fault}: {:#}", killed.report);
        assert_eq!(lock.holders("is"), ["h1"], "{fault}");
        // Files are made whole; whether the server is well is not known yet.
        server.run(&["stop", "lab"]).expect(0, "stopped");
        assert_eq!(lock.holders("is"), ["h1"], "{fault}");
        server.run(&["start", "lab"]).expect(0, "started");
        assert_eq!(lock.holders("is"), Vec::<String>::new(), "{fault}");
        assert_eq!(server.says().as_deref(), Some(level), "{fault}");
        assert_eq!(held(&server.lab), Value::Null, "{fault}");
    }
}

/// Two servers, one slot: by the lock's log and by asking both all the time.
#[test]
fn two_that_share_a_slot_are_never_down_at_once() {
    let lock = FleetLock::start(&[("is", 1)]);
    let pair = ["h1", "h2"].map(|id| locked(&lock, id, "", "wait_s: 120"));
    let over = AtomicBool::new(false);
    let (mut seen, mut both) = ([0_u32; 2], 0_u32);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let (mut down, mut both) = ([0_u32; 2], 0_u32);
            while !over.load(Ordering::SeqCst) {
                let up = [pair[0].says().is_some(), pair[1].says().is_some()];
                for (count, up) in down.iter_mut().zip(up) {
                    *count += u32::from(!up);
                }
                both += u32::from(up == [false, false]);
            }
            (down, both)
        });
        let updates = pair
            .each_ref()
            .map(|server| scope.spawn(|| server.run(&["update", "lab"])));
        for update in updates {
            update.join().unwrap().expect(0, "updated");
        }
        over.store(true, Ordering::SeqCst);
        (seen, both) = watch.join().unwrap();
    });
    assert!(
        seen.iter().all(|count| *count > 0),
        "the watch saw nobody down: {seen:?}"
    );
    assert_eq!(both, 0, "down {seen:?} times, both at once {both} times");
    let log = lock.log();
    let mut holder: Option<&str> = None;
    for asked in log.iter().filter(|asked| asked.status == 200) {
        let free = match asked.what.as_str() {
            "pre-reboot" => holder.replace(&asked.id).is_none(),
            _ => holder.take() == Some(&asked.id),
        };
        assert!(free, "{log:#?}");
    }
    assert_eq!(holder, None);
}
