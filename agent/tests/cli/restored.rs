//! A state that was put back from a backup: what a later one left in the home is known to nobody any more, and may be the only
//! copy of somebody's files.

use std::fs;
use std::process::Command;

use crate::common::Lab;
use crate::common::scenario::lab;

/// A pack that was changed before, so that its state folder has an id.
fn changed_before() -> Lab {
    let lab = lab();
    lab.run(&["update", "lab"]).expect(0, "updated");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    lab
}

fn copied(lab: &Lab, from: &str, to: &str) {
    let _ = fs::remove_dir_all(lab.path(to));
    let done = Command::new("cp")
        .arg("-a")
        .args([lab.path(from), lab.path(to)])
        .status();
    assert!(done.unwrap().success());
}

/// What is in a folder of ours.
fn own(lab: &Lab, folder: &str) -> Vec<String> {
    let found = lab.leftovers().into_iter();
    found.filter(|path| path.starts_with(folder)).collect()
}

#[test]
fn what_a_later_state_left_stays_until_the_next_change_and_is_kept_then() {
    for change in ["adopt", "config"] {
        let lab = changed_before();
        lab.instance(&format!(
            "source: {}\nconfig: {{files: [{{path: conf/more.conf, content: x}}]}}\n",
            lab.path("packs").display()
        ));
        copied(&lab, "state", "backup");
        lab.run(&["update", "lab"]).expect(0, "updated");
        copied(&lab, "backup", "state");
        let snapshots = own(&lab, "snapshots/");
        let stopped = lab.run(&["stop", "lab"]).expect(0, "stopped").report;
        assert!(
            stopped["warnings"].to_string().contains("put back from a backup"),
            "{:#}",
            stopped["warnings"]
        );
        let check = lab.run(&["check", "lab"]).report;
        assert_eq!(check["findings"][0]["kind"], "leftover", "{check:#}");
        assert_eq!(own(&lab, "snapshots/"), snapshots);

        let changed = match change {
            "config" => lab.run(&["config", "apply", "lab"]).expect(0, "configured"),
            _ => lab.run(&["adopt", "lab"]).expect(0, "adopted"),
        };
        let warnings = changed.report["warnings"].to_string();
        assert!(warnings.contains(".snapshot"), "{change}: {warnings}");
        let kept = own(&lab, "kept/");
        assert!(
            kept.iter().any(|path| path.ends_with(".snapshot/lib/gone.jar")),
            "{change}: {kept:?}"
        );
        assert_eq!(kept.len(), snapshots.len(), "{change}");
        let stopped = lab.run(&["stop", "lab"]).expect(0, "stopped").report;
        assert_eq!(stopped["warnings"], serde_json::json!([]), "{change}");
        assert_eq!(own(&lab, "kept/"), kept, "{change}");
    }
}

#[test]
#[cfg(feature = "faults")]
fn what_a_later_state_has_not_finished_is_refused() {
    let lab = changed_before();
    copied(&lab, "state", "backup");
    let fault = [("PITSTOP_FAULT", "kill-after:rename doc/old/index.html")];
    assert_eq!(lab.run_with(&["update", "lab"], &fault).code, None);
    copied(&lab, "state", "newest");
    copied(&lab, "backup", "state");
    let left = lab.leftovers();
    for verb in ["stop", "update", "rollback", "adopt"] {
        let refused = lab.run(&[verb, "lab"]).refused(1, "interrupted");
        let error = &refused.report["error"];
        assert!(error["path"].as_str().unwrap().ends_with("/old"), "{error:#}");
        let hint = error["hint"].as_str().unwrap();
        assert!(hint.starts_with("put the newest state folder back"), "{hint}");
    }
    assert_eq!(lab.leftovers(), left);
    copied(&lab, "newest", "state");
    lab.run(&["update", "lab"]).expect(0, "current");
    lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
}
