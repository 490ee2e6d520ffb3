//! What the vendor's tool, a stand-in of it here, would fail for is said before a server is stopped for it.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use crate::common::Lab;
use crate::common::host::{open_to_all, skipped};
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

#[test]
fn a_tool_that_may_not_write_the_home_gets_a_copy_or_nothing() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("only root can become another user");
    }
    let lab = Lab::tooled();
    open_to_all(&lab);
    let instance = lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&instance).unwrap();
    fs::write(&instance, text + "user: nobody\n").unwrap();
    // What the server writes by itself is its own.
    let given = Command::new("chown")
        .args(["-R", "nobody"])
        .arg(lab.home().join("repository"))
        .status();
    assert!(given.unwrap().success());
    refused_at_once(&lab, IN_PLACE, 1, "permission");
    // The folder of the tool's record alone is enough.
    chown(lab.home(), Some(65534), None).unwrap();
    refused_at_once(&lab, IN_PLACE, 1, "permission");
    chown(lab.home(), Some(0), None).unwrap();
    lab.run(&["update", "lab", "--level", GOAL]).expect(0, "updated");
}
