//! A `HOME` that several instances share for the vendor's tool, a stand-in of it here.

use std::fs::{self, File};
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};

use crate::common::hotfixes::{FIRST, on};
use crate::common::tooled::GOAL;
use crate::common::{Lab, tree};

/// The tool has it and so long for a run.
fn shared(lab: &Lab, timeout_s: u32) -> PathBuf {
    let home = lab.path("tool");
    fs::create_dir_all(&home).unwrap();
    lab.configure(&format!(
        "{{credentials: {{file: ../../login.yaml}}, home: {}, timeout_s: {timeout_s}}}",
        home.display()
    ));
    home
}

#[test]
fn an_update_leaves_what_it_downloads_there_and_a_hotfix_nothing() {
    let lab = Lab::tooled();
    let home = shared(&lab, 60);
    let [first, _] = lab.two_hotfixes();
    assert_eq!(on(&lab.apply(&first).expect(0, "hotfix-applied")), [FIRST]);
    assert_eq!(tree(&home).len(), 0, "{:?}", tree(&home).keys());
    lab.run(&["update", "lab", "--level", GOAL]).expect(0, "updated");
    assert!(!tree(&home).is_empty());
}

#[test]
fn one_tool_at_a_time_works_with_it() {
    let lab = Lab::tooled();
    let home = shared(&lab, 1);
    let other = Flock::lock(File::open(&home).unwrap(), FlockArg::LockExclusive).unwrap();
    let update = ["update", "lab", "--level", GOAL];
    let refused = lab.run(&update).refused(6, "locked");
    assert!(refused.message().contains("HOME"), "{}", refused.message());
    let in_place = lab
        .run(&[&update[..], &["--in-place"]].concat())
        .refused(6, "locked");
    assert_eq!(in_place.report["steps"], serde_json::json!([]));

    shared(&lab, 60);
    let waits = lab.spawn(&update);
    drop(other);
    assert!(waits.wait_with_output().unwrap().status.success());
}
