//! Killed anywhere, the next run finishes or undoes: at every effect of an update, of a rollback and of a configuration,
//! the tree is exactly old or exactly new, nothing of ours is left over, and what is replaced is never missing. Needs the
//! feature `faults`.

use std::fs;

use crate::common::Lab;
use crate::common::scenario::{Scenario, lab, updated, was_killed};

fn kill_everywhere(scenario: &Scenario) {
    for number in 1..=scenario.count() {
        for fault in [format!("kill-before:{number}"), format!("kill-after:{number}")] {
            let killed = scenario.faulty(&fault);
            if !was_killed(&killed, number, scenario.count(), &fault) {
                assert!(scenario.is_new(&fault), "{fault}: {:#}", killed.report);
                continue;
            }
            let missing = scenario.ends.missing(&scenario.lab);
            assert_eq!(missing, Vec::<String>::new(), "{fault}: not there for a moment");
            scenario.converges(&fault);
        }
    }
}

fn fail_everywhere(scenario: &Scenario, kind: &str) {
    for number in 1..=scenario.count() {
        let fault = format!("{kind}:{number}");
        let answer = scenario.faulty(&fault);
        if answer.code == Some(0) {
            // An effect that may fail without harm, such as writing a cache; or the newer pack could not be read, and
            // that is said.
            let report = &answer.report;
            let unread = report["status"] == "current" && report["warnings"].to_string().contains("1.1.0");
            assert!(
                scenario.is_new(&fault) || unread,
                "{fault}: reported success but is old: {report:#}"
            );
        } else {
            assert!(
                answer.report["error"]["kind"].is_string(),
                "{fault}: {:#}",
                answer.report
            );
        }
        scenario.converges(&fault);
    }
}

#[test]
fn an_update_killed_at_any_effect_converges() {
    kill_everywhere(&Scenario::new(lab(), &["update", "lab"]));
}

/// A pack of which a script removes a part before every first start, as optimising a node for a profile does.
fn trimmed() -> Lab {
    let lab = lab();
    fs::write(lab.path("packs/1.1.0/lib/unwanted.jar"), "not for this node").unwrap();
    let file = lab.path("products/lab/product.yaml");
    let optional = "ownership:\n  - {class: vendor, optional: true, paths: [lib/unwanted.jar]}\n";
    let text = fs::read_to_string(&file)
        .unwrap()
        .replacen("ownership:\n", optional, 1);
    let hook = "hooks: [{when: after-commit, command: [/bin/rm, -f, '{{ home }}/lib/unwanted.jar']}]\n";
    fs::write(&file, format!("{text}{hook}")).unwrap();
    lab
}

#[test]
fn what_is_owed_before_the_first_start_is_done_wherever_the_update_was_killed() {
    let scenario = Scenario::new(trimmed(), &["update", "lab"]);
    assert!(!scenario.lab.exists("lib/unwanted.jar"), "the hook did nothing");
    let checked = scenario.lab.run(&["check", "lab"]).report;
    let drift = checked["after"]["drift"].to_string();
    assert!(
        !drift.contains("unwanted"),
        "what a script removes is no drift: {drift}"
    );
    for number in 1..=scenario.count() {
        let fault = format!("kill-after:{number}");
        scenario.faulty(&fault);
        let again = scenario.lab.run(&["update", "lab"]);
        assert_eq!(again.code, Some(0), "{fault}: {:#}", again.report);
        assert!(scenario.is_new(&fault), "{fault}: is old");
        assert!(
            !scenario.lab.exists("lib/unwanted.jar"),
            "{fault}: the hook was forgotten"
        );
    }
}

#[test]
fn an_update_survives_a_full_disk_at_any_write() {
    fail_everywhere(&Scenario::new(lab(), &["update", "lab"]), "enospc");
}

#[test]
fn an_update_survives_an_io_error_at_any_effect() {
    fail_everywhere(&Scenario::new(lab(), &["update", "lab"]), "eio");
}

#[test]
fn a_rollback_killed_at_any_effect_converges() {
    kill_everywhere(&Scenario::new(updated(), &["rollback", "lab"]));
}

#[test]
fn a_rollback_survives_a_full_disk_at_any_write() {
    fail_everywhere(&Scenario::new(updated(), &["rollback", "lab"]), "enospc");
}

/// An adopted pack whose instance configures a file that is there and one that is not.
fn configurable() -> Lab {
    let lab = lab();
    lab.instance(&format!(
        "source: {}\nconfig:\n  files:\n    - {{path: conf/server.conf, content: \"port = {{{{ instance.name }}}}\\n\"}}\n    \
         - {{path: conf/deep/added.conf, content: x}}\n",
        lab.path("packs").display()
    ));
    lab
}

#[test]
fn a_configuration_killed_at_any_effect_converges() {
    kill_everywhere(&Scenario::new(configurable(), &["config", "apply", "lab"]));
}

#[test]
fn a_configuration_survives_a_full_disk_at_any_write() {
    fail_everywhere(
        &Scenario::new(configurable(), &["config", "apply", "lab"]),
        "enospc",
    );
}

#[test]
fn a_configuration_taken_back_and_killed_at_any_effect_converges() {
    let lab = configurable();
    lab.run(&["config", "apply", "lab"]).expect(0, "configured");
    kill_everywhere(&Scenario::new(lab, &["rollback", "lab", "--config"]));
}
