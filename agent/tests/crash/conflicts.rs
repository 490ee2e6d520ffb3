//! Killed anywhere while a person decides, nothing is half decided and the next run goes on. Needs the feature `faults`.

use std::fs;

use crate::common::Lab;
use crate::common::conflicts::{
    APP, decided, edit, exported, in_conflict, read, remembered, resolve, waiting,
};
use crate::common::scenario::{effects, was_killed};

/// Runs the command from the same start with a kill before and after each of its effects, and hands what is left to
/// `judge`.
fn kill_everywhere(lab: &Lab, args: &[&str], judge: impl Fn(&str)) {
    let start = lab.save();
    let count = effects(lab, args).len();
    assert!(count > 0, "the fault hooks are not compiled in");
    for number in 1..=count {
        for fault in [format!("kill-before:{number}"), format!("kill-after:{number}")] {
            lab.restore(&start);
            let killed = lab.run_with(args, &[("PITSTOP_FAULT", &fault)]);
            if was_killed(&killed, number, count, &fault) {
                judge(&fault);
            }
        }
    }
}

#[test]
fn a_decision_killed_at_any_effect_is_taken_again() {
    let lab = in_conflict();
    waiting(&lab, "lab");
    let before = lab.tree();
    let port = resolve("lab", "server.port", ["--take", "ours"]);
    kill_everywhere(&lab, &port, |fault| {
        assert!(
            crate::common::settled(&lab.tree(), &[]) == crate::common::settled(&before, &[]),
            "{fault}"
        );
        lab.run(&["conflicts", "list", "lab"]).expect(0, "conflicts");
        lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
        decided(&lab, "lab");
        let text = read(&lab, "lab", APP);
        assert!(
            text.contains("port: 9443") && text.contains("log: error"),
            "{fault}: {text}"
        );
        assert_eq!(remembered(&lab).len(), 2, "{fault}");
    });
}

#[test]
fn what_was_written_by_hand_outlives_a_kill() {
    let lab = in_conflict();
    waiting(&lab, "lab");
    let written = lab.home().join(format!(".pitstop/conflicts/{APP}.final"));
    fs::write(&written, "a: 1\n").unwrap();
    edit(&lab, "lab", APP, &[("9443", "9444")]);
    kill_everywhere(&lab, &["update", "lab"], |fault| {
        waiting(&lab, "lab");
        let aside = written.with_extension("final.old");
        assert_eq!(fs::read_to_string(aside).unwrap(), "a: 1\n", "{fault}");
    });
}

#[test]
fn an_import_killed_at_any_effect_leaves_whole_decisions() {
    let here = in_conflict();
    decided(&here, "lab");
    let document = exported(&here);
    let there = in_conflict();
    let file = there.path("decisions.json");
    fs::write(&file, serde_json::to_vec(&document).unwrap()).unwrap();
    let import = ["conflicts", "import", file.to_str().unwrap()];
    let all = remembered(&here);
    kill_everywhere(&there, &import, |fault| {
        for one in remembered(&there) {
            assert!(all.contains(&one), "{fault}: {one:#}");
        }
        let again = there.run(&import);
        assert_eq!(again.code, Some(0), "{fault}: {:#}", again.report);
        assert_eq!(remembered(&there), all, "{fault}");
        there.run(&["update", "lab"]).expect(0, "updated");
    });
}
