//! Every switch of the stand-in of the vendor's update tool × what is asked of pitstop: each run ends exactly old, exactly
//! new, or in a clear stop that leaves the old.

use std::process::Command;

use crate::common::Lab;
use crate::common::switches::{BUNDLES, Bench, End, New, NewBut, OLD, Stop, UPDATE, faults, hold, unknowns};
use crate::common::tooled::{LOG4J, PAGE, PASSWORD, TOML, differing};
use serde_json::{Value, json};

/// The same again where the vendor's originals are not known and every text comes back by the tool's conflicts; and what is
/// only asked of the tool then.
fn only_without_originals() -> Vec<(Value, End)> {
    vec![
        (json!({"second_wave": true}), NewBut(&["bin/api-manager.sh"])),
        (json!({"bundles_info": "conflict"}), NewBut(&[BUNDLES])),
        (json!({"bundles_info": "replace"}), NewBut(&[BUNDLES])),
        (json!({"removed_but_changed": "conflict"}), New),
        (json!({"removed_but_changed": "keep"}), NewBut(&[OLD])),
    ]
}

#[test]
fn with_the_vendors_originals() {
    let bench = Bench::new(Lab::tooled(), &[LOG4J, TOML]);
    // Without conflicts there is no second run that would end well.
    let only_here = vec![(json!({"exit1_applied": true}), Stop("exit code 1"))];
    hold(&bench, [unknowns(), faults(), only_here].concat());
}

#[test]
fn without_the_vendors_originals() {
    let lab = Lab::unadopted(&["1.5.0"]);
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    let bench = Bench::new(lab, &[LOG4J, TOML, BUNDLES]);
    hold(&bench, [unknowns(), only_without_originals(), faults()].concat());
}

#[test]
fn with_a_tool_that_updates_itself_first() {
    let bench = Bench::new(Lab::tooled_by(&["1.5.0", "1.6.0"]), &[]);
    let rows = vec![
        (json!({}), New),
        (json!({"self_update_order": "before-login"}), New),
        (json!({"self_update_mode": "x-lost"}), New),
        (json!({"exit2_twice": true}), Stop("a second time")),
        (
            json!({"self_update_race": "error"}),
            Stop("Error while extracting"),
        ),
        (
            json!({"self_update_race": "half-binary"}),
            Stop("Error while extracting"),
        ),
        (json!({"exit2_unchanged": true}), Stop("as when it crashes")),
    ];
    hold(&bench, rows);
}

#[test]
fn a_tool_that_hangs_is_ended_when_its_time_is_over() {
    let lab = Lab::tooled();
    lab.configure("{credentials: {file: ../../login.yaml}, timeout_s: 2}");
    let bench = Bench::new(lab, &[]);
    let rows = vec![
        (
            json!({"hang_at": "download"}),
            Stop("did not end within its time"),
        ),
        (json!({"hang_at": "files"}), Stop("did not end within its time")),
        (
            json!({"env_credentials": "ignored", "hang_on_prompt": true}),
            Stop("did not end within its time"),
        ),
        (
            json!({"output_pause": "silent"}),
            Stop("did not end within its time"),
        ),
    ];
    hold(&bench, rows);
}

/// A driver that believes exit code 0 would take each of these for an update. Here the tool itself says so, in place, and
/// leaves what is not the vendor's tree or says another level; pitstop stops.
#[test]
fn the_exit_code_alone_proves_nothing() {
    let lab = Lab::tooled();
    let start = lab.save();
    let lies = [
        (json!({"level_unchanged": true}), "4", "the level is the old one"),
        (json!({"level_wrong": 3}), "4", "which was not asked for"),
        (json!({"duplicate_jar": true}), "4", "beside"),
        (json!({"config_broken": "empty"}), "4", "the level is gone"),
        (json!({"product_rewritten": true}), "4", "the level is gone"),
        // A level that must not be jumped over.
        (json!({}), "9", "which is not there"),
    ];
    for (switches, level, words) in lies {
        lab.restore(&start);
        lab.knobs(&switches);
        let goal = format!("4.2.0.{level}");
        let tool = Command::new(lab.home().join("bin/wso2update_linux"))
            .args(["--level", level, "--no-backup"])
            .current_dir(lab.home().join("bin"))
            .env("HOME", lab.dir.path())
            .env("UPDATE_TOOL_USERNAME", "user@example.com")
            .env("UPDATE_TOOL_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert_eq!(
            tool.status.code(),
            Some(0),
            "{switches}: the tool calls it a success"
        );
        let differs = !differing(&lab.product(), &lab.vendor(level)).is_empty();
        assert!(
            differs || lab.config_json()["update-level"] != level,
            "{switches}: and is wrong"
        );
        lab.restore(&start);
        let answer = lab
            .run(&["update", "lab", "--level", &goal])
            .refused(1, "vendor-tool");
        assert!(
            answer.message().contains(words),
            "{switches}: {}",
            answer.message()
        );
        assert_eq!(differing(&lab.product(), &lab.vendor("0")), Vec::<String>::new());
    }
}

#[test]
fn the_page_that_both_changed_needs_a_person_whatever_the_tool_makes_of_it() {
    for (pristine, switches) in [
        (true, json!({})),
        (false, json!({})),
        (false, json!({"text_merge": "never"})),
    ] {
        let lab = if pristine {
            Lab::tooled()
        } else {
            Lab::unadopted(&["1.5.0"])
        };
        lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
        if !pristine {
            lab.run(&["adopt", "lab"]).expect(0, "adopted");
        }
        lab.knobs(&switches);
        let answer = lab.run(UPDATE).refused(3, "conflicts");
        assert_eq!(
            answer.report["conflicts"].as_array().unwrap().len(),
            1,
            "{switches}"
        );
        assert!(lab.read(PAGE).contains("our text"));
    }
}
