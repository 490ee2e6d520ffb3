//! What the vendor's tool, a stand-in of it here, would fail for is said before a server is stopped for it.

use std::fs;

use crate::common::Lab;
use crate::common::tooled::GOAL;
use serde_json::json;

const IN_PLACE: &[&str] = &["update", "lab", "--level", GOAL, "--in-place"];

/// Refused in a dry run and, before any step, in a run.
#[track_caller]
fn refused_at_once(lab: &Lab, update: &[&str], code: i32, kind: &str) {
    let before = lab.tree();
    for more in [&["--dry-run"][..], &[]] {
        let refused = lab.run(&[update, more].concat()).refused(code, kind);
        assert_eq!(refused.report["steps"], json!([]), "{kind} {more:?}");
    }
    assert_eq!(crate::common::difference(&before, &lab.tree()), "", "{kind}");
}

#[test]
fn an_update_in_the_home_asks_first_for_login_and_tool() {
    let lab = Lab::tooled();
    for login in ["{}", "{credentials: {env: true}}"] {
        lab.configure(login);
        refused_at_once(&lab, IN_PLACE, 2, "settings");
    }
    lab.configure("{credentials: {file: ../../login.yaml}}");
    fs::remove_file(lab.home().join("bin/wso2update_linux")).unwrap();
    refused_at_once(&lab, IN_PLACE, 1, "vendor-tool");
}

#[test]
fn an_update_in_a_file_is_for_one_product() {
    let lab = Lab::tooled();
    let other = lab.path("wso2is-4.2.0.0-4.2.0.4.zip");
    fs::rename(lab.offline("0", "4"), &other).unwrap();
    for way in [&["--in-place"][..], &[]] {
        let update = ["update", "lab", "--from", other.to_str().unwrap()];
        refused_at_once(&lab, &[&update[..], way].concat(), 1, "wrong-product");
    }
}
