//! What somebody does to an adopted pack without pitstop, and what pitstop has from before then.

use std::fs;

use crate::common::Lab;
use crate::common::hotfixes::{FIRST, REVERT, SECOND, hotfixed, on};
use crate::common::tooled::{ADDED, API, CORE, GOAL, LOG4J, differing};

/// Paths, and what stands there again: `0` is the vendor's file, nothing is none, else it is the content.
type Again = &'static [(&'static str, &'static str)];

/// The names in the folder of what is kept for a person.
fn kept(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.home().join(".pitstop/kept")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn from_a_level_that_somebody_else_installed_nothing_leads_back() {
    let lab = Lab::tooled();
    let updated = lab.run(&["update", "lab", "--level", GOAL]).expect(0, "updated");
    let by_hand = ["--level", "9", "--no-backup"];
    assert!(lab.tool_in(&lab.home(), &by_hand).status().unwrap().success());
    let refused = lab.run(&["rollback", "lab"]).refused(6, "stale");
    assert!(refused.report["error"]["hint"].to_string().contains("adopt"));
    lab.run(&["rollback", "lab", "--dry-run"]).refused(6, "stale");
    assert_eq!(differing(&lab.product(), &lab.vendor("9")), Vec::<String>::new());

    let dry = lab.run(&["adopt", "lab", "--dry-run"]).expect(0, "planned");
    assert!(dry.report["warnings"].to_string().contains("no going back"));
    let adopted = lab.run(&["adopt", "lab"]).expect(0, "adopted");
    assert!(adopted.report["warnings"].to_string().contains("no going back"));
    let transaction = updated.report["transaction"].as_str().unwrap();
    assert_eq!(kept(&lab), [format!("{transaction}.snapshot")]);
    lab.run(&["rollback", "lab"]).refused(6, "no-snapshot");
    assert_eq!(differing(&lab.product(), &lab.vendor("9")), Vec::<String>::new());
    assert!(!lab.run(&["adopt", "lab"]).expect(0, "adopted").changed());
}

#[test]
fn hotfixes_whose_files_are_gone_are_not_on_any_more() {
    // Which of the vendor's files stand there again, and which hotfixes are left.
    let table: [(Again, &[&str]); 4] = [
        (&[], &[FIRST, SECOND]),
        (&[(API, "0")], &[FIRST, SECOND]),
        (&[(API, "0"), (CORE, "core, fixed")], &[FIRST]),
        (&[(API, "0"), (CORE, "0"), (ADDED, ""), (LOG4J, "0")], &[]),
    ];
    for (again, left) in table {
        let lab = hotfixed();
        for (path, from) in again {
            let pristine = lab.path("pristine/0").join(path);
            match *from {
                "0" => fs::write(lab.home().join(path), fs::read(pristine).unwrap()).unwrap(),
                "" => fs::remove_file(lab.home().join(path)).unwrap(),
                text => lab.write(path, text),
            }
        }
        let adopted = lab.run(&["adopt", "lab"]).expect(0, "adopted");
        assert_eq!(on(&adopted), left, "{again:?}: {:#}", adopted.report["after"]);
        let warnings = adopted.report["warnings"].to_string();
        assert_eq!(warnings.contains("are gone"), left.len() < 2, "{warnings}");
        let is_half = again.len() == 1;
        assert_eq!(warnings.contains("not as they left it"), is_half, "{warnings}");
        let again = lab.run(&["adopt", "lab"]).expect(0, "adopted");
        assert!(!again.changed());
        match left.last() {
            Some(last) => {
                let reverted = lab.run(REVERT).expect(0, "hotfix-reverted");
                assert!(reverted.message().contains(last), "{}", reverted.message());
            }
            None => drop(lab.run(REVERT).refused(6, "no-snapshot")),
        }
        lab.run(&["update", "lab", "--level", GOAL]).expect(0, "updated");
    }
}
