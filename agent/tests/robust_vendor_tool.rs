//! Kills pitstop at every kind of effect while the vendor's update tool is its source: before and after the tool runs.
#![cfg(feature = "faults")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod common;

use common::tooled::{GOAL, LOG4J, differing};
use common::{Lab, scenario};

const UPDATE: &[&str] = &["update", "lab", "--level", GOAL];

#[test]
fn killed_anywhere_the_pack_is_old_or_new_and_nothing_is_left() {
    let lab = Lab::tooled();
    lab.write(
        LOG4J,
        &lab.read(LOG4J).replace("appender = console", "appender = file"),
    );
    let start = lab.save();
    let effects = scenario::effects(&lab, UPDATE);
    let (old, new) = (lab.vendor("0"), lab.vendor("4"));
    let is = |product: &common::tooled::Product| differing(&lab.product(), product) == [LOG4J];
    assert!(is(&new), "{:?}", differing(&lab.product(), &new));
    assert!(
        effects.iter().any(|line| line.contains("/candidates/")),
        "the fault hooks are not compiled in"
    );
    for place in scenario::places(&effects) {
        lab.restore(&start);
        let fault = format!("kill-before:{place}");
        let killed = lab.run_with(UPDATE, &[("PITSTOP_FAULT", &fault)]);
        assert_eq!(killed.code, None, "{fault} of {}", effects[place - 1]);
        let stopped = lab.run(&["stop", "lab"]);
        assert_eq!(stopped.code, Some(0), "{fault}: {:#}", stopped.report);
        assert!(is(&old) || is(&new), "{fault} of {}", effects[place - 1]);
        let left: Vec<_> = lab
            .leftovers()
            .into_iter()
            .filter(|path| path.starts_with("candidates"))
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{fault}");
        let again = lab.run(UPDATE);
        assert_eq!(again.code, Some(0), "{fault}: {:#}", again.report);
        assert!(is(&new) && lab.read(LOG4J).contains("appender = file"), "{fault}");
    }
}
