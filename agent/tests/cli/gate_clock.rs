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

#[test]
fn a_release_tells_a_host_whose_clock_cannot_be_right_what_time_it_is() {
    let (lab, _) = demanding("default: {unsigned: refuse}\n");
    let clock = lab.path("state/trust/clock.json");
    fs::create_dir_all(clock.parent().unwrap()).unwrap();
    let bundle = |name: &str, key: &str, dates: &[&str]| {
        let (path, key) = (lab.path(name), lab.path(key));
        let sign = ["--sign", key.to_str().unwrap()];
        create(&lab, &["1.0.0"], "1.1.0", &path, &[&sign, dates].concat());
        path.to_str().unwrap().to_owned()
    };
    let (made, end) = ("2199-07-01T00:00:00Z", "2199-06-01T00:00:00Z");
    let ending = bundle("ending.pitstop", "r.key", &["--expires", end]);
    let (dated, other) = (
        bundle("dated.pitstop", "r.key", &["--made", made]),
        bundle("other.pitstop", "s.key", &["--made", made]),
    );
    assert_eq!(lab.run(&["bundle", "inspect", &dated]).report["made"], made);
    // Nobody's date moves a clock that can be right.
    let shown = lab
        .run(&["update", "lab", "--dry-run", "--from", &dated])
        .expect(0, "planned");
    assert!(
        warned(&shown, "it was made at 2199-07-01"),
        "{}",
        shown.report["warnings"]
    );
    // One that is behind what was believed before cannot be.
    let known = json!({"latest": "2199-01-01T00:00:00Z"}).to_string();
    fs::write(&clock, &known).unwrap();
    assert_eq!(lab.run(&["bundle", "verify", &ending]).code, Some(0));
    lab.run(&["update", "lab", "--from", &other])
        .refused(6, "signature");
    lab.run(&["update", "lab", "--dry-run", "--from", &dated])
        .expect(0, "planned");
    assert_eq!(fs::read_to_string(&clock).unwrap(), known, "it moved too early");
    lab.run(&["update", "lab", "--from", &dated]).expect(0, "updated");
    let now = lab.run(&["trust", "show"]).report["now"].clone();
    assert_eq!(now.as_str().unwrap()[..10], made[..10]);
    lab.run(&["bundle", "verify", &ending]).refused(6, "policy");
}

#[test]
fn no_bundle_is_made_that_ends_before_it_is_made() {
    let (lab, _) = demanding("default: {unsigned: refuse}\n");
    let (to, out) = (lab.path("packs/1.1.0"), lab.path("never.pitstop"));
    let made = |made: &str| {
        let dates = ["--made", made, "--expires", "2199-06-01T00:00:00Z"];
        let args = [
            "bundle",
            "create",
            "--full",
            "--to",
            to.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ];
        lab.run(&[&args[..], &dates].concat())
    };
    made("2199-06-01T00:00:00Z").refused(2, "usage");
    assert!(!out.exists());
}
