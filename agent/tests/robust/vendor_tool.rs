//! Kills pitstop at every kind of effect while the vendor's update tool is its source: before and after the tool runs.

use std::collections::BTreeSet;

use crate::common::tooled::{GOAL, LOG4J, differing};
use crate::common::{Lab, difference, scenario, settled};

const UPDATE: &[&str] = &["update", "lab", "--level", GOAL];

/// How many places in between are tried besides the first and the last of each kind.
const SOME: usize = 40;
const IN_PLACE: &[&str] = &["update", "lab", "--level", GOAL, "--in-place"];

#[test]
fn killed_anywhere_the_pack_is_old_or_new_and_nothing_is_left() {
    killed_anywhere(UPDATE);
}

/// Also between the snapshot and the way back from it.
#[test]
fn killed_anywhere_the_home_in_which_the_tool_works_is_old_or_new() {
    killed_anywhere(IN_PLACE);
}

fn killed_anywhere(update: &[&str]) {
    let lab = Lab::tooled();
    lab.log_to_file();
    let (start, before) = (lab.save(), settled(&lab.tree(), &[]));
    let effects = scenario::effects(&lab, update);
    let new = lab.vendor("4");
    let is = |product: &crate::common::tooled::Product| differing(&lab.product(), product) == [LOG4J];
    assert!(is(&new), "{:?}", differing(&lab.product(), &new));
    assert!(
        effects.iter().any(|line| line.contains("/candidates/")),
        "the fault hooks are not compiled in"
    );
    let between = (1..=effects.len()).step_by(effects.len().div_ceil(SOME));
    let places: BTreeSet<usize> = scenario::places(&effects).into_iter().chain(between).collect();
    for place in places {
        lab.restore(&start);
        let fault = format!("kill-before:{place}");
        let killed = lab.run_with(update, &[("PITSTOP_FAULT", &fault)]);
        let context = format!("{fault} of {}", effects[place - 1]);
        if !scenario::was_killed(&killed, place, effects.len(), &context) {
            assert!(is(&new), "{context}");
            continue;
        }
        let stopped = lab.run(&["stop", "lab"]);
        assert_eq!(stopped.code, Some(0), "{fault}: {:#}", stopped.report);
        if !is(&new) {
            let found = difference(&before, &settled(&lab.tree(), &[]));
            assert_eq!(found, "", "{context}");
        }
        let left: Vec<_> = lab
            .leftovers()
            .into_iter()
            .filter(|path| path.starts_with("candidates"))
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{fault}");
        let again = lab.run(update);
        assert_eq!(again.code, Some(0), "{fault}: {:#}", again.report);
        assert!(is(&new) && lab.read(LOG4J).contains("appender = file"), "{fault}");
    }
}
