//! Updates and rollbacks of a pack with hotfixes, and what the vendor's tool may do of itself, driven through the program.

use std::fs;
use std::path::Path;

use crate::common::Lab;
use crate::common::bundles::{create_of, keygen};
use crate::common::hotfixes::{
    FIRST, REVERT, SECOND, edit, edits_are_there, hotfixed, integrity, on, planned,
};
use crate::common::tooled::{ADDED, API, CORE, GOAL, KEYSTORE, LOG4J, TOML, differing};
use crate::common::trusted::statement;
use serde_json::json;

const UPDATE: &[&str] = &["update", "lab", "--level", GOAL];

#[test]
fn an_update_ends_them_and_a_rollback_brings_them_back() {
    let lab = hotfixed();
    edit(&lab);
    let with_hotfixes = lab.product();
    let dry = lab.run(&[UPDATE, &["--dry-run"]].concat()).expect(0, "planned");
    assert_eq!(planned(&dry), [format!("end {FIRST}"), format!("end {SECOND}")]);
    assert!(
        dry.report["warnings"].to_string().contains(SECOND),
        "{:#}",
        dry.report
    );
    let done = lab.run(UPDATE).expect(0, "updated");
    assert_eq!(on(&done), Vec::<String>::new());
    assert_eq!(done.report["after"]["hotfixes"], json!(null));
    edits_are_there(&lab);
    assert!(lab.read(LOG4J).contains("level = WARN"), "{}", lab.read(LOG4J));
    assert_eq!(
        differing(&lab.product(), &lab.vendor("4")),
        [TOML, LOG4J, KEYSTORE]
    );
    assert_eq!(integrity(&lab), None);
    // The next level knows nothing of them any more.
    let third = lab.hotfix(4, 1, &[(API, "api, fixed for 4")]);
    lab.apply(&third).expect(0, "hotfix-applied");
    let back = lab
        .run(&["rollback", "lab", "--to", "4.2.0.0"])
        .expect(0, "rolled-back");
    assert_eq!(
        planned(&back),
        [
            format!("end {FIRST}"),
            format!("return {FIRST}"),
            format!("return {SECOND}")
        ]
    );
    assert_eq!(on(&back), [FIRST, SECOND]);
    assert_eq!(differing(&lab.product(), &with_hotfixes), Vec::<String>::new());
    lab.run(REVERT).expect(0, "hotfix-reverted");
    lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(
        differing(&lab.product(), &lab.vendor("0")),
        [TOML, LOG4J, KEYSTORE]
    );
}

#[test]
fn an_update_from_a_pack_ends_them_as_well() {
    let lab = hotfixed();
    edit(&lab);
    let pack = lab.path("pristine/4");
    fs::create_dir_all(pack.join("updates")).unwrap();
    fs::write(pack.join("updates/config.json"), r#"{"update-level": "4"}"#).unwrap();
    lab.run(&["update", "lab", "--from", pack.to_str().unwrap()])
        .expect(0, "updated");
    edits_are_there(&lab);
    assert_eq!(
        differing(&lab.product(), &lab.vendor("4")),
        [TOML, LOG4J, KEYSTORE]
    );
}

#[test]
fn an_update_is_refused_where_one_is_said_not_to_be_superseded() {
    let lab = hotfixed();
    let kept = lab.product();
    let refuses = |args: &[&str]| {
        let refused = lab.run(&[UPDATE, args].concat()).refused(6, "hotfix");
        assert!(refused.message().contains(SECOND), "{}", refused.message());
        assert_eq!(differing(&lab.product(), &kept), Vec::<String>::new());
    };
    refuses(&["--not-superseded", SECOND]);
    refuses(&[
        "--not-superseded",
        SECOND.strip_suffix(".zip").unwrap(),
        "--dry-run",
    ]);
    let unknown = lab.run(&[UPDATE, &["--not-superseded", "wso2am-4.2.0-xyz-hf-2.zip"]].concat());
    unknown.refused(2, "usage");
    let file = lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}policy: {{not_superseded: [{SECOND}]}}\n")).unwrap();
    refuses(&[]);
    fs::write(&file, text).unwrap();
    lab.run(UPDATE).expect(0, "updated");
}

#[test]
fn a_snapshot_of_a_hotfix_outlives_updates_as_long_as_it_may_be_needed() {
    let lab = hotfixed();
    for level in ["1", "3"] {
        lab.run(&["update", "lab", "--level", level]).expect(0, "updated");
    }
    lab.run(&["rollback", "lab", "--to", "4.2.0.0"])
        .expect(0, "rolled-back");
    let back = lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(on(&back), [FIRST]);
    lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(differing(&lab.product(), &lab.vendor("0")), Vec::<String>::new());
    for level in ["1", "3", "4"] {
        lab.run(&["update", "lab", "--level", level]).expect(0, "updated");
    }
    let kept = fs::read_dir(lab.path("state/instances/lab/hotfixes")).unwrap();
    assert_eq!(kept.count(), 0, "what nothing refers to goes");
}

/// Whatever the vendor's tool does of itself: exactly without, exactly with, or a clear stop that leaves what was there.
#[test]
fn the_tools_switches() {
    let lab = Lab::tooled();
    let [first, second] = lab.two_hotfixes();
    let start = lab.save();
    let rows = [
        (json!({"hotfix_gap": "accept"}), true),
        (json!({"hotfix_gap": "refuse"}), true),
        (json!({"hotfix_after_update": "refused"}), true),
        (json!({"hotfix_dry_run": "simulated"}), true),
        (json!({"revert_hotfix_exit": 4}), true),
        (json!({"update_with_hotfixes": "drop"}), true),
        (json!({"update_with_hotfixes": "refuse"}), true),
        (json!({"state_place": "config"}), true),
        (json!({"state_place": "own-file"}), true),
        (json!({"current_state_online": false}), true),
        (json!({"home_rule": "cwd"}), true),
        (json!({"write_method": "rename"}), true),
        (json!({"touch_keystore": true}), true),
        (json!({"die_with": 137}), false),
        (json!({"kill_after_files": 1}), false),
        (json!({"enospc_after_bytes": 5}), false),
    ];
    for (switches, works) in rows {
        lab.restore(&start);
        lab.knobs(&switches);
        let applied = [lab.apply(&first), lab.apply(&second)];
        if !works {
            for answer in applied {
                let kind = answer.report["error"]["kind"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                assert!(
                    ["vendor-tool", "hotfix"].contains(&kind.as_str()),
                    "{switches}: {:#}",
                    answer.report
                );
            }
            assert_eq!(
                differing(&lab.product(), &lab.vendor("0")),
                Vec::<String>::new(),
                "{switches}"
            );
            assert_eq!(lab.leftovers(), Vec::<String>::new(), "{switches}");
            continue;
        }
        for answer in applied {
            assert_eq!(answer.code, Some(0), "{switches}: {:#}", answer.report);
        }
        let expected = [ADDED, API, CORE, LOG4J];
        assert_eq!(
            differing(&lab.product(), &lab.vendor("0")),
            expected,
            "{switches}"
        );
        lab.run(UPDATE).expect(0, "updated");
        assert_eq!(
            differing(&lab.product(), &lab.vendor("4")),
            Vec::<String>::new(),
            "{switches}"
        );
        lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
        lab.run(REVERT).expect(0, "hotfix-reverted");
        lab.run(REVERT).expect(0, "hotfix-reverted");
        assert_eq!(
            differing(&lab.product(), &lab.vendor("0")),
            Vec::<String>::new(),
            "{switches}"
        );
    }
}

/// A hotfix right after an update: nothing of what the tool remembers of the one hinders the other.
#[test]
fn a_hotfix_follows_an_update() {
    let lab = Lab::tooled();
    lab.run(UPDATE).expect(0, "updated");
    let zip = lab.hotfix(4, 1, &[(API, "api, fixed for 4")]);
    lab.knobs(&json!({"hotfix_after_update": "refused"}));
    lab.apply(&zip).expect(0, "hotfix-applied");
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), [API]);
}

#[test]
fn what_the_vendor_had_is_never_guessed() {
    let lab = Lab::tooled();
    lab.write(API, "api, the operator's");
    let file = lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}policy: {{binary: take-new}}\n")).unwrap();
    let [first, second] = lab.two_hotfixes();
    lab.apply(&first).expect(0, "hotfix-applied");
    lab.apply(&second).expect(0, "hotfix-applied");
    assert_eq!(lab.read(API), "api, fixed");
    let refused = lab.run(UPDATE).refused(6, "hotfix");
    assert!(refused.message().contains(API), "{}", refused.message());
    lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(lab.read(API), "api, the operator's");
    lab.run(UPDATE).expect(0, "updated");
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), [API]);
}

#[test]
fn a_receipt_of_a_host_with_hotfixes_makes_the_bundle_that_ends_them() {
    let lab = hotfixed();
    edit(&lab);
    let to = lab.path("pristine/4");
    fs::create_dir_all(to.join("updates")).unwrap();
    fs::write(to.join("updates/config.json"), r#"{"update-level": "4"}"#).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (key, receipt) = (keygen(&lab, "host.pem"), lab.path("receipt.json"));
    let given = lab.run(&["receipt", "lab", "-o", &text(&receipt), "--sign", &text(&key)]);
    assert_eq!(given.code, Some(0), "{}", given.report);
    let told = statement(&receipt)["predicate"]["instances"][0].clone();
    assert_eq!(told["hotfixes"], json!([FIRST, SECOND]));
    for path in [CORE, API, ADDED] {
        assert!(told["deviations"][path].is_string(), "{path}: {told:#}");
    }
    let out = lab.path("b.pitstop");
    let more = ["--for", &text(&receipt)];
    let made = create_of(&lab, &[lab.path("pristine/0")], &to, &out, &more);
    assert_eq!(made["from"][0]["tree"], told["tree"], "{made:#}");
    lab.run(&["update", "lab", "--from", &text(&out)])
        .expect(0, "updated");
    edits_are_there(&lab);
    assert_eq!(
        differing(&lab.product(), &lab.vendor("4")),
        [TOML, LOG4J, KEYSTORE]
    );
}
