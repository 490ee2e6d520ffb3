//! Kills pitstop at every kind of effect while it applies a hotfix and while it reverts one.

use crate::common::tooled::{ADDED, API, CORE, LOG4J, TOML, differing};
use crate::common::{Lab, scenario};

/// A run that is killed, and the product with the hotfix and without it.
struct Bench {
    lab: Lab,
    args: Vec<String>,
    /// The paths that differ from the vendor's before the run and after it.
    ends: [Vec<&'static str>; 2],
}

impl Bench {
    fn differs(&self, end: &[&str]) -> bool {
        differing(&self.lab.product(), &self.lab.vendor("0")) == end
    }

    fn kill_everywhere(&self) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let [before, after] = &self.ends;
        assert!(self.differs(before));
        let start = self.lab.save();
        let effects = scenario::effects(&self.lab, &args);
        assert!(self.differs(after));
        let places = scenario::places(&effects);
        assert!(places.len() > 10, "the fault hooks are not compiled in");
        for place in places {
            self.lab.restore(&start);
            let fault = format!("kill-before:{place}");
            let killed = self.lab.run_with(&args, &[("PITSTOP_FAULT", &fault)]);
            let context = format!("{fault} of {}", effects[place - 1]);
            if !scenario::was_killed(&killed, place, effects.len(), &context) {
                assert!(self.differs(after), "{context}");
                continue;
            }
            let stopped = self.lab.run(&["stop", "lab"]);
            assert_eq!(stopped.code, Some(0), "{context}: {:#}", stopped.report);
            assert!(self.differs(before) || self.differs(after), "{context}");
            let left = self.lab.leftovers();
            assert!(
                !left.iter().any(|path| path.starts_with("candidates")),
                "{context}: {left:?}"
            );
            let is_done = self.differs(after);
            if !is_done || self.args[1] == "apply" {
                let again = self.lab.run(&args);
                assert_eq!(again.code, Some(0), "{context}: {:#}", again.report);
            }
            assert!(self.differs(after), "{context}");
            let listed = self.lab.run(&["hotfix", "list", "lab"]);
            let on = listed.report["after"]["hotfixes"].as_array().map_or(0, Vec::len);
            let expected = if self.args[1] == "apply" { 2 } else { 1 };
            assert_eq!(on, expected, "{context}");
            assert!(self.lab.read(TOML).contains("am.example.com"), "{context}");
        }
    }
}

/// A pack with the first of two hotfixes, and an operator's change since; the second hotfix.
fn lab() -> (Lab, String) {
    let lab = Lab::tooled();
    let [first, second] = lab.two_hotfixes();
    lab.apply(&first).expect(0, "hotfix-applied");
    lab.write(TOML, &lab.read(TOML).replace("localhost", "am.example.com"));
    (lab, second.to_str().unwrap().to_owned())
}

const ONE: [&str; 4] = [ADDED, CORE, TOML, LOG4J];
const BOTH: [&str; 5] = [ADDED, API, CORE, TOML, LOG4J];

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_hotfix_killed_while_it_is_applied_converges() {
    let (lab, second) = lab();
    Bench {
        lab,
        args: words(&["hotfix", "apply", "lab", &second]),
        ends: [ONE.to_vec(), BOTH.to_vec()],
    }
    .kill_everywhere();
}

#[test]
fn a_hotfix_killed_while_it_is_reverted_converges() {
    let (lab, second) = lab();
    lab.apply(std::path::Path::new(&second))
        .expect(0, "hotfix-applied");
    Bench {
        lab,
        args: words(&["hotfix", "revert", "lab"]),
        ends: [BOTH.to_vec(), ONE.to_vec()],
    }
    .kill_everywhere();
}
