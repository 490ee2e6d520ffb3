//! One home and several state folders: after a rename of the instance, with another `--state-dir`, or after the state was
//! lost, nothing is removed of what only the other one knows.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::Lab;
use crate::common::scenario::lab;

/// A way to come to another state folder; the name of the instance and the folder then.
type Way = fn(&Lab) -> (&'static str, PathBuf);

const WAYS: [(&str, Way); 3] = [
    ("another --state-dir", |lab| ("lab", lab.path("other-state"))),
    ("renamed", |lab| {
        let at = |name: &str| lab.path("config/instances.d").join(format!("{name}.yaml"));
        let text = fs::read_to_string(at("lab")).unwrap();
        fs::write(at("renamed"), text.replacen("name: lab", "name: renamed", 1)).unwrap();
        fs::remove_file(at("lab")).unwrap();
        ("renamed", lab.path("state"))
    }),
    ("lost", |lab| {
        fs::remove_dir_all(lab.path("state")).unwrap();
        ("lab", lab.path("state"))
    }),
];

const MARK: &str = "owner";

/// What is in a folder of ours.
fn own(lab: &Lab, folder: &str) -> Vec<String> {
    let prefix = format!("{folder}/");
    let found = lab.leftovers().into_iter();
    found.filter(|path| path.starts_with(&prefix)).collect()
}

#[test]
fn snapshots_of_another_state_folder_stay_until_it_is_taken_over_and_are_kept_then() {
    for (way, leave) in WAYS {
        // Older versions left no mark.
        for marked in [true, false] {
            let lab = lab();
            lab.run(&["update", "lab"]).expect(0, "updated");
            if !marked {
                fs::remove_file(lab.home().join(".pitstop").join(MARK)).unwrap();
            }
            let snapshots = own(&lab, "snapshots");
            let (tree, context) = (lab.tree(), format!("{way}, marked: {marked}"));
            let (name, state) = leave(&lab);
            let run = |args: &[&str]| lab.run_with(args, &[("PITSTOP_STATE_DIR", state.to_str().unwrap())]);
            let stopped = run(&["stop", name]).expect(0, "stopped").report;
            assert!(
                stopped["warnings"].to_string().contains("another state folder"),
                "{context}"
            );
            let checked = run(&["check", name]).report;
            assert_eq!(
                checked["findings"][0]["kind"], "leftover",
                "{context}: {checked:#}"
            );
            run(&["adopt", name, "--dry-run"]).expect(0, "planned");
            assert_eq!(own(&lab, "snapshots"), snapshots, "{context}");
            let adopted = run(&["adopt", name]).expect(0, "adopted").report;
            assert!(adopted["warnings"].to_string().contains(".snapshot"), "{context}");
            let kept: Vec<String> = own(&lab, "kept");
            assert!(
                kept.iter().any(|path| path.ends_with(".snapshot/lib/gone.jar")),
                "{context}: {kept:?}"
            );
            assert_eq!(kept.len(), snapshots.len(), "{context}");
            let checked = run(&["check", name]).report;
            assert_eq!(checked["findings"][0]["kind"], "kept", "{context}: {checked:#}");
            // Nothing of it goes by itself later.
            run(&["stop", name]).expect(0, "stopped");
            assert_eq!((own(&lab, "kept"), lab.tree()), (kept, tree), "{context}");
        }
    }
}

/// The first change of an instance that was never adopted adopts it, and so takes the folder over.
#[test]
fn a_change_under_another_state_folder_keeps_the_snapshots_and_the_first_one_goes_on_afterwards() {
    let lab = lab();
    lab.run(&["update", "lab"]).expect(0, "updated");
    lab.instance(&format!(
        "source: {}\nconfig: {{files: [{{path: conf/more.conf, content: x}}]}}\n",
        lab.path("packs").display()
    ));
    let other = lab.path("other-state");
    let done = lab
        .run_with(
            &["config", "apply", "lab"],
            &[("PITSTOP_STATE_DIR", other.to_str().unwrap())],
        )
        .expect(0, "configured")
        .report;
    assert!(
        done["warnings"].to_string().contains(".snapshot"),
        "{:#}",
        done["warnings"]
    );
    assert!(
        own(&lab, "kept")
            .iter()
            .any(|path| path.ends_with("/lib/gone.jar"))
    );
    let tree = lab.tree();
    // Its snapshot is not where it was: that is said, and nothing is changed. The folder is its own again.
    let refused = lab.run(&["rollback", "lab"]);
    assert_eq!((refused.code, lab.tree()), (Some(1), tree));
    assert!(
        refused.report["warnings"].to_string().contains(".snapshot"),
        "{:#}",
        refused.report["warnings"]
    );
    lab.write("conf/more.conf", "y");
    lab.run(&["config", "apply", "lab"]).expect(0, "configured");
    lab.run(&["rollback", "lab", "--config"]).expect(0, "rolled-back");
}

/// What was only staged can be staged again, and is, where another state folder has removed it.
#[test]
fn what_another_state_folder_has_staged_goes_with_it() {
    let lab = lab();
    lab.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    let other = lab.path("other-state");
    let run = |args: &[&str]| lab.run_with(args, &[("PITSTOP_STATE_DIR", other.to_str().unwrap())]);
    run(&["stop", "lab"]).expect(0, "stopped");
    assert!(!own(&lab, "tx").is_empty());
    run(&["adopt", "lab"]).expect(0, "adopted");
    run(&["stop", "lab"]).expect(0, "stopped");
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(lab.read("VERSION"), "1.1.0\n");
    lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
}

#[test]
fn what_an_older_version_left_without_a_mark_is_still_ones_own() {
    let lab = lab();
    let before = crate::common::settled(&lab.tree(), crate::common::scenario::REPLACED);
    lab.run(&["update", "lab"]).expect(0, "updated");
    let own = lab.home().join(".pitstop");
    fs::remove_file(own.join(MARK)).unwrap();
    fs::create_dir_all(own.join("tx/000001-left/old")).unwrap();
    fs::write(
        own.join("tx/000001-left/old/x"),
        "left by a run that died at its very end",
    )
    .unwrap();
    let stopped = lab.run(&["stop", "lab"]).expect(0, "stopped").report;
    assert_eq!(stopped["warnings"], serde_json::json!([]));
    assert!(!own.join("tx").exists());
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    let after = crate::common::settled(&lab.tree(), crate::common::scenario::REPLACED);
    assert_eq!((after, lab.leftovers()), (before, vec![]));
}

#[test]
fn a_home_that_is_put_back_from_a_backup_is_still_ones_own() {
    let lab = lab();
    lab.run(&["update", "lab"]).expect(0, "updated");
    let (home, backup) = (lab.home(), lab.path("backup"));
    let copied = Command::new("cp").arg("-a").args([&home, &backup]).status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(&home).unwrap();
    fs::rename(&backup, &home).unwrap();
    let stopped = lab.run(&["stop", "lab"]).expect(0, "stopped").report;
    assert_eq!(stopped["warnings"], serde_json::json!([]));
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(
        (lab.read("VERSION").as_str(), lab.leftovers()),
        ("1.0.0\n", vec![])
    );
}

#[cfg(feature = "faults")]
mod interrupted {
    use super::*;
    use crate::common::{settled, tree};

    /// In the middle of a commit: some old files are nowhere else.
    const KILLED: (&str, &str) = ("PITSTOP_FAULT", "kill-after:rename doc/old/index.html");

    #[test]
    fn what_another_state_folder_has_not_finished_is_refused_whole() {
        for (way, leave) in WAYS {
            for marked in [true, false] {
                let lab = lab();
                let before = settled(&lab.tree(), &[]);
                assert_eq!(lab.run_with(&["update", "lab"], &[KILLED]).code, None);
                if !marked {
                    fs::remove_file(lab.home().join(".pitstop").join(MARK)).unwrap();
                }
                let (left, context) = (
                    tree(&lab.home().join(".pitstop")),
                    format!("{way}, marked: {marked}"),
                );
                let (name, state) = leave(&lab);
                let run =
                    |args: &[&str]| lab.run_with(args, &[("PITSTOP_STATE_DIR", state.to_str().unwrap())]);
                let verbs: [&[&str]; 7] = [
                    &["stop"],
                    &["adopt"],
                    &["adopt", "--dry-run"],
                    &["update"],
                    &["update", "--dry-run"],
                    &["rollback"],
                    &["verify"],
                ];
                for verb in verbs {
                    let refused = run(&[verb, &[name]].concat()).refused(1, "interrupted");
                    let error = &refused.report["error"];
                    assert!(
                        error["path"].as_str().unwrap().ends_with("/old"),
                        "{context}: {error:#}"
                    );
                    assert!(
                        error["hint"].as_str().unwrap().contains("--state-dir"),
                        "{context}: {error:#}"
                    );
                }
                let checked = run(&["check", name]).report;
                assert_eq!(
                    checked["blockers"][0]["kind"], "interrupted",
                    "{context}: {checked:#}"
                );
                assert_eq!(tree(&lab.home().join(".pitstop")), left, "{context}");
                by_hand(&lab);
                run(&["adopt", name]).expect(0, "adopted");
                run(&["stop", name]).expect(0, "stopped");
                assert_eq!(
                    (settled(&lab.tree(), &[]), lab.leftovers()),
                    (before, vec![]),
                    "{context}"
                );
            }
        }
    }

    /// What the hint says.
    fn by_hand(lab: &Lab) {
        let transactions = lab.home().join(".pitstop/tx");
        let transaction = fs::read_dir(transactions)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let old = transaction.join("old");
        let find = format!(
            "cd '{}' && find . ! -type d -exec mv -T {{}} '{}'/{{}} ';'",
            old.display(),
            lab.home().display()
        );
        assert!(Command::new("sh").args(["-c", &find]).status().unwrap().success());
        fs::remove_dir_all(old).unwrap();
    }

    #[test]
    fn the_state_folder_that_began_it_finishes_it_whatever_another_one_tried() {
        let lab = lab();
        assert_eq!(lab.run_with(&["update", "lab"], &[KILLED]).code, None);
        let other = lab.path("other-state");
        let other = [("PITSTOP_STATE_DIR", other.to_str().unwrap())];
        lab.run_with(&["adopt", "lab"], &other).refused(1, "interrupted");
        lab.run(&["update", "lab"]).expect(0, "current");
        assert_eq!(lab.read("VERSION"), "1.1.0\n");
        lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
    }
}
