//! A `HOME` that several instances share for the vendor's tool, a stand-in of it here.

use std::fs;
use std::path::PathBuf;

use crate::common::hotfixes::FIRST;
use crate::common::hotfixes::on;
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
