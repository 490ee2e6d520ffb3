//! What others write into the home while the vendor's tool, a stand-in of it here, works there.

use std::fs;

use serde_json::json;

use crate::common::tooled::GOAL;
use crate::common::{Lab, difference, settled};

const IN_PLACE: &[&str] = &["update", "lab", "--level", GOAL, "--in-place"];

/// What others write meanwhile: new files of every kind, which nobody can tell from the tool's own work.
const MEANWHILE: [(&str, &str); 4] = [
    (KEYSTORE_OF_TODAY, "the only copy of a key"),
    ("repository/conf/new.toml", "[new]"),
    (
        "repository/components/plugins/patched_1.0.0.jar",
        "a support engineer's",
    ),
    ("notes/deep/today.txt", "what I did"),
];
const KEYSTORE_OF_TODAY: &str = "repository/resources/security/today.jks";

#[test]
fn what_others_write_while_the_tool_works_is_kept_whatever_comes_of_it() {
    for is_killed in [false, true] {
        let lab = Lab::tooled();
        // Long enough for what is written meanwhile, also on a busy machine; without a kill it is how the run ends.
        let timeout_s = if is_killed { 60 } else { 15 };
        lab.configure(&format!(
            "{{credentials: {{file: ../../login.yaml}}, timeout_s: {timeout_s}}}"
        ));
        let before = settled(&lab.tree(), &[]);
        lab.knobs(&json!({"hang_at": "files"}));
        let mut update = lab.spawn(IN_PLACE);
        lab.until_tool_is_at("files");
        for (path, content) in MEANWHILE {
            lab.write(path, content);
        }
        let report = if is_killed {
            update.kill().unwrap();
            update.wait().unwrap();
            lab.run(&["stop", "lab"]).expect(0, "stopped").report
        } else {
            let output = update.wait_with_output().unwrap();
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let context = format!("killed: {is_killed}: {report:#}");
        assert_eq!(difference(&before, &settled(&lab.tree(), &[])), "", "{context}");
        let kept = lab.home().join(".pitstop/kept");
        let transaction = fs::read_dir(&kept).unwrap().next().unwrap().unwrap().path();
        for (path, content) in MEANWHILE {
            let found = fs::read_to_string(transaction.join(path)).ok();
            assert_eq!(found.as_deref(), Some(content), "{path}, {context}");
        }
        let warnings = report["warnings"].to_string();
        assert!(warnings.contains(transaction.to_str().unwrap()), "{context}");
        let checked = lab.run(&["check", "lab"]).report;
        let told = checked["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["kind"] == "kept");
        assert!(told, "{:#}", checked["findings"]);
    }
}

/// As its vendor documents it.
#[test]
fn a_tool_that_somebody_runs_in_the_home_is_neither_ended_nor_is_the_pack_changed_beside_it() {
    let lab = Lab::tooled();
    lab.run(&["update", "lab", "--level", "4.2.0.3"])
        .expect(0, "updated");
    lab.knobs(&json!({"hang_at": "files"}));
    let by_hand = ["--level", "9", "--no-backup"];
    let mut tool = lab.tool_in(&lab.home(), &by_hand).spawn().unwrap();
    lab.until_tool_is_at("files");
    let update = ["update", "lab", "--level", GOAL];
    let dry_run = [&update[..], &["--dry-run"]].concat();
    for change in [&update[..], &dry_run, IN_PLACE, &["rollback", "lab"]] {
        let refused = lab.run(change).refused(6, "locked");
        let pid = format!("process {}", tool.id());
        assert!(
            refused.message().contains(&pid),
            "{change:?}: {}",
            refused.message()
        );
    }
    lab.run(&["stop", "lab"]).expect(0, "stopped");
    assert_eq!(tool.try_wait().unwrap(), None, "it works on");
    tool.kill().unwrap();
    tool.wait().unwrap();
}
