//! What time it is where others date what they sign.

use std::fs;

use crate::common::bundles::create;
use crate::common::gated::{TRUST, demanding, evidence, missing, scan, staging, warned};
use crate::common::trusted::{policy, say, shipped, statement};
use serde_json::{Value, json};

#[test]
fn soaking_takes_its_time_whatever_the_clock_says() {
    let (lab, _) = demanding("default:\n  evidence: [{environment: staging, soak: 24h}]\n");
    let staging = staging(&lab);
    evidence(&staging, &lab, "s", &[]).expect(0, "verified");
    let refused = lab.run(&["update", "lab"]).refused(6, "evidence");
    assert_eq!(
        missing(&refused),
        ["needs evidence from staging: 1 of 1 host, soak ends in 24 h"]
    );
    let mut said = statement(&shipped(&lab, "e.json"));
    let mut say_made = |name: &str, at: jiff::Timestamp| {
        said["predicate"]["pitstop"]["at"] = Value::String(at.to_string());
        say(&lab, "s", name, &said);
    };
    let present = jiff::Timestamp::now();
    let hours = jiff::SignedDuration::from_hours;
    say_made("e.json", present - hours(30));
    assert_eq!(lab.run(&["check", "lab"]).report["blockers"], json!([]));
    // Nobody's date moves a clock that can be right.
    say_made("e.json", present - hours(10));
    say_made("ahead.json", present + hours(20));
    let refused = lab.run(&["update", "lab"]).refused(6, "evidence");
    let soaking = "needs evidence from staging: 1 of 1 host, soak ends in 14 h";
    assert_eq!(missing(&refused), [soaking]);
    assert!(
        warned(&refused, "ahead.json does not count"),
        "{}",
        refused.report["warnings"]
    );
    let clock = lab.path("state/trust/clock.json");
    assert!(!clock.exists());
    // One that is behind what was believed before cannot be right: the words of who soaks move it.
    let known = json!({"latest": present + hours(2)}).to_string();
    fs::create_dir_all(clock.parent().unwrap()).unwrap();
    fs::write(&clock, &known).unwrap();
    let soak = fs::read_to_string(lab.path("config/policy.yaml")).unwrap();
    policy(&lab, &format!("{soak}  hold: [1.1.0]\n"));
    lab.run(&["update", "lab"]).refused(6, "policy");
    assert_eq!(fs::read_to_string(&clock).unwrap(), known);
    policy(&lab, &soak);
    lab.run(&["update", "lab"]).expect(0, "updated");
    let shown = lab.run(&["trust", "show"]).report["now"].clone();
    let (shown, ahead) = (shown.as_str().unwrap(), (present + hours(20)).to_string());
    assert_eq!(shown[..19], ahead[..19]);
}

#[test]
fn what_has_ended_by_what_is_read_lets_nothing_in() {
    let (lab, tree) = demanding("default: {scan: {max_severity: high}}\n");
    say(&lab, "scanner", "scan.json", &scan(&tree, "low"));
    // The clock cannot be right, so what is read moves the present on.
    let clock = lab.path("state/trust/clock.json");
    fs::create_dir_all(clock.parent().unwrap()).unwrap();
    let (seen, before) = ("2199-01-01T00:00:00Z", "2199-06-01T00:00:00Z");
    fs::write(&clock, json!({ "latest": seen }).to_string()).unwrap();
    let (bundle, key) = (lab.path("b.pitstop"), lab.path("r.key"));
    let more = ["--sign", key.to_str().unwrap(), "--expires", before];
    create(&lab, &["1.0.0"], "1.1.0", &bundle, &more);
    let dry = || lab.run(&["update", "lab", "--dry-run", "--from", bundle.to_str().unwrap()]);
    dry().expect(0, "planned");
    let mut later = scan(&tree, "low");
    later["predicate"]["metadata"]["scanFinishedOn"] = json!("2199-07-01T00:00:00Z");
    say(&lab, "scanner", "scan.json", &later);
    let refused = dry().refused(6, "policy");
    assert!(
        refused.message().contains("until 2199-06-01"),
        "{}",
        refused.message()
    );
    let file = lab.path("config/trust/trust.yaml");
    fs::write(&file, format!("{TRUST}expires: {before}\n")).unwrap();
    lab.run(&["update", "lab", "--dry-run"]).refused(6, "trust");
}
