//! Hotfixes, driven through the program: a stand-in of the vendor's update tool applies them to a copy of the pack.

use std::fs;

use crate::common::Lab;
use crate::common::hotfixes::{
    FIRST, REVERT, SECOND, edit, edits_are_there, hotfixed, integrity, on, planned,
};
use crate::common::tooled::{ADDED, API, CORE, GOAL, KEYSTORE, LOG4J, PAGE, TOML, differing};
use serde_json::json;

#[test]
fn two_are_applied_one_after_the_other_and_are_no_drift() {
    let lab = Lab::tooled();
    // Without the login of the vendor's service, which no hotfix needs.
    lab.configure("{credentials: {env: true}}");
    let [first, second] = lab.two_hotfixes();
    let listed = lab.run(&["hotfix", "list", "lab"]).expect(0, "current");
    assert!(listed.message().contains("no hotfix"), "{}", listed.message());
    let dry = lab.run(&["hotfix", "apply", "lab", first.to_str().unwrap(), "--dry-run"]);
    let dry = dry.expect(0, "planned");
    assert_eq!(planned(&dry), [format!("apply {FIRST}")]);
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    assert_eq!(differing(&lab.product(), &lab.vendor("0")), Vec::<String>::new());
    let done = lab.run(&[
        "hotfix",
        "apply",
        "lab",
        first.to_str().unwrap(),
        "--plan",
        dry.report["plan"]["id"].as_str().unwrap(),
    ]);
    let done = done.expect(0, "hotfix-applied");
    assert_eq!(done.report["after"]["release"]["level"], "4.2.0.0");
    assert_eq!(on(&done), [FIRST]);
    assert_eq!(differing(&lab.product(), &lab.vendor("0")), [ADDED, CORE, LOG4J]);
    let done = lab.apply(&second).expect(0, "hotfix-applied");
    assert_eq!(on(&done), [FIRST, SECOND]);
    assert_eq!(done.report["after"]["hotfixes"][1]["paths"], json!([API, CORE]));
    assert_eq!(lab.read(CORE), "core, fixed better");
    let again = lab.apply(&second).expect(0, "current");
    assert!(!again.changed());
    lab.apply(&first).expect(0, "current");
    let checked = lab.run(&["check", "lab"]).expect(0, "current");
    assert_eq!(
        checked.report["after"]["drift"]["count"], 0,
        "{:#}",
        checked.report
    );
    assert_eq!(integrity(&lab), None);
    let listed = lab.run(&["hotfix", "list", "lab"]).expect(0, "current");
    assert_eq!(on(&listed), [FIRST, SECOND]);
    // Verification holds the files to the hotfix and not to what was there before.
    fs::copy(lab.path("pristine/0").join(API), lab.home().join(API)).unwrap();
    let missing = integrity(&lab).unwrap();
    assert!(missing.contains(API), "{missing}");
}

#[test]
fn what_is_not_next_or_not_for_this_pack_is_refused_and_changes_nothing() {
    let lab = Lab::tooled();
    let before = lab.tree();
    let [first, second] = lab.two_hotfixes();
    let beside = |name: &str| {
        let path = lab.path(name);
        fs::copy(&first, &path).unwrap();
        path
    };
    lab.apply(&second).refused(6, "hotfix");
    lab.knobs(&json!({"hotfix_gap": "accept"}));
    lab.apply(&second).refused(6, "hotfix");
    lab.knobs(&json!({}));
    lab.apply(&lab.path("wso2am-4.2.0-none-hf-1.zip"))
        .refused(1, "io");
    lab.apply(&beside("fix.zip")).refused(2, "usage");
    lab.apply(&beside("wso2am-4.2.0-abc-1.zip")).refused(2, "usage");
    lab.apply(&beside("wso2is-4.2.0-abc-hf-1.zip"))
        .refused(1, "wrong-product");
    lab.apply(&beside("wso2am-4.3.0-abc-hf-1.zip"))
        .refused(1, "wrong-product");
    let other_level = lab.hotfix(3, 1, &[(CORE, "x")]);
    let refused = lab.apply(&other_level).refused(1, "vendor-tool");
    assert!(refused.message().contains("level 3"), "{}", refused.message());
    let rubbish = lab.path("wso2am-4.2.0-rubbish-hf-1.zip");
    fs::write(&rubbish, "no zip").unwrap();
    lab.apply(&rubbish).refused(1, "vendor-tool");
    lab.run(REVERT).refused(6, "no-snapshot");
    assert_eq!(differing(&lab.product(), &lab.vendor("0")), Vec::<String>::new());
    assert_eq!(
        crate::common::difference(
            &crate::common::settled(&before, &[]),
            &crate::common::settled(&lab.tree(), &[])
        ),
        ""
    );
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    lab.apply(&first).expect(0, "hotfix-applied");
    // The same number with another content.
    let other = lab.hotfix(0, 1, &[(CORE, "quite another fix")]);
    lab.apply(&other).refused(6, "hotfix");
}

#[test]
fn without_the_vendors_originals_there_is_nothing_to_build_on() {
    let lab = Lab::unadopted(&["1.5.0"]);
    let [first, _] = lab.two_hotfixes();
    lab.apply(&first).refused(6, "hotfix");
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    let refused = lab.apply(&first).refused(6, "hotfix");
    let hint = refused.report["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("--pristine"), "{hint}");
}

#[test]
fn the_newest_is_reverted_first_and_what_was_configured_since_stays() {
    let lab = hotfixed();
    edit(&lab);
    let dry = lab.run(&[REVERT, &["--dry-run"]].concat()).expect(0, "planned");
    assert_eq!(planned(&dry), [format!("end {SECOND}")]);
    let done = lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(on(&done), [FIRST]);
    assert_eq!(lab.read(CORE), "core, fixed");
    edits_are_there(&lab);
    let done = lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(on(&done), Vec::<String>::new());
    edits_are_there(&lab);
    assert!(lab.read(LOG4J).contains("level = INFO"), "{}", lab.read(LOG4J));
    assert_eq!(
        differing(&lab.product(), &lab.vendor("0")),
        [TOML, LOG4J, KEYSTORE]
    );
    lab.run(REVERT).refused(6, "no-snapshot");
    // They can be applied again, and a rollback is the same as a revert then.
    let [first, _] = lab.two_hotfixes();
    lab.apply(&first).expect(0, "hotfix-applied");
    let back = lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(on(&back), Vec::<String>::new());
    edits_are_there(&lab);
}

#[test]
fn what_the_operator_changed_before_is_merged_with_the_hotfix() {
    let lab = Lab::tooled();
    edit(&lab);
    let [first, _] = lab.two_hotfixes();
    let log4j = lab.read(LOG4J);
    lab.apply(&first).expect(0, "hotfix-applied");
    assert!(lab.read(LOG4J).contains("level = TRACE"));
    edits_are_there(&lab);
    lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(lab.read(LOG4J), log4j);
}

#[test]
fn a_conflict_with_what_the_operator_changed_waits_for_a_person() {
    let lab = Lab::tooled();
    lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
    let before = lab.read(PAGE);
    let fixed = before.replace("our text", "safe text");
    let log4j = |level: &str| lab.read(LOG4J).replace("level = INFO", level);
    let zip = lab.hotfix(0, 1, &[(PAGE, &fixed), (LOG4J, &log4j("level = TRACE"))]);
    lab.write(LOG4J, &log4j("level = DEBUG"));
    let dry = ["hotfix", "apply", "lab", zip.to_str().unwrap(), "--dry-run"];
    lab.run(&dry).refused(3, "conflicts");
    let refused = lab.apply(&zip).refused(3, "conflicts");
    assert_eq!(lab.read(PAGE), before);
    let hint = refused.report["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("hotfix apply lab"), "{hint}");
    let conflicts = refused.report["conflicts"].as_array().unwrap();
    let page = conflicts.iter().find(|one| one["path"] == PAGE).unwrap();
    fs::write(page["final_file"].as_str().unwrap(), "<p>our safe text</p>\n").unwrap();
    lab.run(&["update", "lab", "--continue"]).refused(2, "usage");
    let goes_on = ["hotfix", "apply", "lab", zip.to_str().unwrap(), "--continue"];
    let half = lab.run(&goes_on).refused(3, "conflicts");
    assert_eq!(half.report["conflicts"][0]["path"], LOG4J);
    lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "theirs"])
        .expect(0, "resolved");
    lab.run(&goes_on).expect(0, "hotfix-applied");
    assert_eq!(lab.read(PAGE), "<p>our safe text</p>\n");
    assert!(lab.read(LOG4J).contains("level = TRACE"));
    lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(lab.read(PAGE), before);
    // What is remembered by now, and was not wanted, is left out to the end.
    lab.run(&[&goes_on[..4], &["--no-remembered"]].concat())
        .refused(3, "conflicts");
    lab.run(&goes_on).refused(3, "conflicts");
}

#[test]
fn a_hotfix_costs_an_update_that_waits_none_of_its_answers() {
    let lab = Lab::tooled();
    lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
    let waits = lab
        .run(&["update", "lab", "--level", GOAL])
        .refused(3, "conflicts");
    let written = waits.report["conflicts"][0]["final_file"].as_str().unwrap();
    fs::write(written, "<p>both</p>\n").unwrap();
    lab.apply(&lab.hotfix(0, 1, &[(CORE, "core, fixed")]))
        .expect(0, "hotfix-applied");
    // One that needs a person itself would take the place of what waits.
    let page = lab.read(PAGE).replace("our text", "safe text");
    let refused = lab
        .apply(&lab.hotfix(0, 2, &[(PAGE, &page)]))
        .refused(3, "conflicts");
    assert!(
        refused.message().contains("the update to") && refused.message().contains("has answered"),
        "{}",
        refused.message()
    );
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(lab.read(PAGE), "<p>both</p>\n");
}

#[test]
fn what_the_tool_itself_applied_only_it_can_revert() {
    let lab = Lab::tooled();
    let [first, second] = lab.two_hotfixes();
    for place in ["own-file", "config"] {
        let start = lab.save();
        lab.knobs(&json!({"state_place": place}));
        let applied = std::process::Command::new(lab.home().join("bin/wso2update_linux"))
            .args(["apply-hotfix", "--offline"])
            .arg(&first)
            .current_dir(lab.home().join("bin"))
            .env("HOME", lab.dir.path())
            .output()
            .unwrap();
        assert!(
            applied.status.success(),
            "{}",
            String::from_utf8_lossy(&applied.stderr)
        );
        for refused in [lab.run(&["update", "lab", "--level", GOAL]), lab.apply(&second)] {
            let refused = refused.refused(6, "hotfix");
            assert!(refused.message().contains(FIRST), "{}", refused.message());
            let hint = refused.report["error"]["hint"].as_str().unwrap();
            assert!(hint.contains("revert-hotfix"), "{hint}");
        }
        let listed = lab.run(&["hotfix", "list", "lab"]).expect(0, "current");
        assert_eq!(listed.report["blockers"][0]["kind"], "hotfix");
        lab.restore(&start);
    }
}

#[test]
fn adopting_again_keeps_them() {
    let lab = hotfixed();
    let pristine = lab.path("pristine/0");
    lab.run(&["adopt", "lab", "--pristine", pristine.to_str().unwrap()])
        .refused(6, "hotfix");
    lab.run(&[
        "adopt",
        "lab",
        "--pristine",
        pristine.to_str().unwrap(),
        "--dry-run",
    ])
    .refused(6, "hotfix");
    let adopted = lab.run(&["adopt", "lab"]).expect(0, "adopted");
    assert_eq!(on(&adopted), [FIRST, SECOND]);
    lab.run(REVERT).expect(0, "hotfix-reverted");
}

/// A product whose packs are refused before the start while a bundle of them is broken.
const WATCHFUL: &str = r#"
name: watchful
title: API Manager that looks at its bundles
extends: wso2am
hooks: [{when: after-commit, command: [sh, -c, '! grep -r broken "$0"', "{{ home }}/repository/components/plugins"]}]
"#;

#[test]
fn one_that_fails_is_taken_back_and_held() {
    let lab = Lab::tooled();
    let products = lab.path("products");
    fs::create_dir_all(products.join("watchful")).unwrap();
    fs::write(products.join("watchful/product.yaml"), WATCHFUL).unwrap();
    let settings = format!("products: {}\n", products.display());
    fs::write(lab.path("config/pitstop.yaml"), settings).unwrap();
    let file = lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("product: wso2am", "product: watchful")).unwrap();
    let pristine = lab.path("pristine/0");
    lab.run(&["adopt", "lab", "--pristine", pristine.to_str().unwrap()])
        .expect(0, "adopted");
    let good = lab.hotfix(0, 1, &[(CORE, "core, fixed")]);
    let broken = lab.hotfix(0, 2, &[(CORE, "core, broken")]);
    lab.apply(&good).expect(0, "hotfix-applied");
    edit(&lab);
    let failed = lab.apply(&broken).refused(4, "rolled-back");
    assert!(failed.message().contains(SECOND), "{}", failed.message());
    assert_eq!(on(&failed), [FIRST]);
    assert_eq!(lab.read(CORE), "core, fixed");
    edits_are_there(&lab);
    let held = lab.apply(&broken).refused(6, "held");
    let hint = held.report["error"]["hint"].as_str().unwrap();
    let command = format!("`pitstop hotfix apply lab {} --release-hold`", broken.display());
    assert!(hint.contains(&command), "{hint}");
    lab.run(&[
        "hotfix",
        "apply",
        "lab",
        broken.to_str().unwrap(),
        "--release-hold",
    ])
    .refused(4, "rolled-back");
    let history = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap();
    let taken_back = history.lines().filter(|line| line.contains("taken-back"));
    assert_eq!(
        taken_back
            .filter(|line| line.contains(r#""action":"hotfix""#))
            .count(),
        2,
        "{history}"
    );
    lab.run(REVERT).expect(0, "hotfix-reverted");
    assert_eq!(
        differing(&lab.product(), &lab.vendor("0")),
        [TOML, LOG4J, KEYSTORE]
    );
}

#[test]
fn what_a_hotfix_changes_of_the_servers_state_is_told_and_stays() {
    const DATABASE: &str = "repository/database/seed.script";
    let lab = Lab::tooled();
    lab.write(DATABASE, "rows");
    let [first, _] = lab.two_hotfixes();
    let told = |answer: &crate::common::Answer| answer.report["warnings"].to_string().contains(DATABASE);
    assert!(!told(&lab.apply(&first).expect(0, "hotfix-applied")));
    let second = lab.hotfix(0, 2, &[(CORE, "core, fixed better"), (DATABASE, "no rows")]);
    let applied = lab.apply(&second).expect(0, "hotfix-applied");
    assert!(told(&applied), "{:#}", applied.report["warnings"]);
    assert_eq!(lab.read(DATABASE), "rows");
    assert_eq!(lab.read(CORE), "core, fixed better");
}
