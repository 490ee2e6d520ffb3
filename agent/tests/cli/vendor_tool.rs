//! The vendor's update tool as a source, driven through the program: a stand-in of the tool works on a copy of the pack.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::Lab;
use crate::common::tooled::{GOAL, KEYSTORE, LOG4J, PAGE, PASSWORD, TOML, differing};
use serde_json::json;

const UPDATE: &[&str] = &["update", "lab", "--level", GOAL];

#[test]
fn an_update_brings_exactly_the_vendors_files_and_a_rollback_takes_them_back() {
    let lab = Lab::tooled();
    let (before, keystore) = (lab.product(), fs::read(lab.home().join(KEYSTORE)).unwrap());
    lab.write(KEYSTORE, "the customer's");
    let dry = lab.run(&[UPDATE, &["--dry-run"]].concat()).expect(0, "planned");
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    assert_eq!(lab.config_json(), json!({}), "a dry run leaves nothing");
    let plan = dry.report["plan"]["id"].as_str().unwrap().to_owned();
    let done = lab
        .run(&[UPDATE, &["--plan", &plan]].concat())
        .expect(0, "updated");
    assert_eq!(done.report["after"]["release"]["level"], GOAL);
    let warnings = done.report["warnings"].to_string();
    assert!(
        !warnings.contains("not signed") && !warnings.contains("not known"),
        "{warnings}"
    );
    lab.write(KEYSTORE, std::str::from_utf8(&keystore).unwrap_or(""));
    fs::write(lab.home().join(KEYSTORE), &keystore).unwrap();
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), Vec::<String>::new());
    assert_eq!(lab.config_json()["update-level"], "4");
    lab.run(UPDATE).expect(0, "current");
    assert_eq!(
        done.report["after"]["drift"]["count"], 0,
        "{:#}",
        done.report["after"]
    );
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(differing(&lab.product(), &before), Vec::<String>::new());
}

#[test]
fn what_the_operator_changed_is_merged_by_pitstop_and_not_by_the_tool() {
    let lab = Lab::tooled();
    // The tool would merge this one, and be in conflict about that one.
    lab.write(TOML, &lab.read(TOML).replace("wso2carbon.jks", "acme.jks"));
    lab.log_to_file();
    lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
    let before = lab.tree();
    let answer = lab.run(UPDATE).refused(3, "conflicts");
    let conflicts = answer.report["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:#?}");
    assert_eq!(conflicts[0]["path"], PAGE);
    assert_eq!(
        crate::common::difference(
            &crate::common::settled(&before, &[]),
            &crate::common::settled(&lab.tree(), &[])
        ),
        ""
    );
    let at = |name: &str| conflicts[0][name].as_str().unwrap().to_owned();
    let text = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert!(text("original_file").contains("<p>text</p>"));
    assert!(text("new_file").contains("<p>better text</p>"));
    fs::write(at("final_file"), "<p>both</p>\n").unwrap();
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(lab.read(PAGE), "<p>both</p>\n");
    let log4j = lab.read(LOG4J);
    assert!(
        log4j.contains("level = WARN") && log4j.contains("appender = file"),
        "{log4j}"
    );
    assert!(lab.read(TOML).contains("acme.jks"));
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), [TOML, LOG4J, PAGE]);
}

#[test]
fn without_the_vendors_originals_no_merge_of_the_tool_is_taken_for_the_vendors() {
    let lab = Lab::unadopted(&["1.5.0"]);
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    lab.write(TOML, &lab.read(TOML).replace("wso2carbon.jks", "acme.jks"));
    lab.log_to_file();
    lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
    let answer = lab.run(UPDATE).refused(3, "conflicts");
    // The tool was made to show both sides of the vendor's change, so that only the real conflict needs a person.
    let conflicts = answer.report["conflicts"].as_array().unwrap();
    let paths: Vec<_> = conflicts
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, [PAGE]);
    let original = fs::read_to_string(conflicts[0]["original_file"].as_str().unwrap()).unwrap();
    assert!(original.contains("<p>text</p>"), "{original}");
    fs::write(conflicts[0]["final_file"].as_str().unwrap(), "<p>both</p>\n").unwrap();
    let done = lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert!(
        done.report.to_string().contains("are not known"),
        "{:#}",
        done.report
    );
    assert_eq!(done.report["after"]["pristine_known"], false);
    let log4j = lab.read(LOG4J);
    assert!(
        log4j.contains("level = WARN") && log4j.contains("appender = file"),
        "{log4j}"
    );
    assert!(
        !crate::common::tooled::product(&lab.home())
            .values()
            .any(|(content, _)| String::from_utf8_lossy(content).contains("pitstop-"))
    );
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), [TOML, LOG4J, PAGE]);
}

#[test]
fn staged_while_it_serves_and_made_live_later() {
    let lab = Lab::tooled();
    lab.run(&[UPDATE, &["--stage-only"]].concat()).expect(0, "staged");
    assert_eq!(differing(&lab.product(), &lab.vendor("0")), Vec::<String>::new());
    lab.run(UPDATE).expect(0, "updated");
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), Vec::<String>::new());
    let without_level = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(without_level.report["after"]["release"]["level"], "4.2.0.12");
    assert_eq!(differing(&lab.product(), &lab.vendor("12")), Vec::<String>::new());
    lab.run(&["update", "lab"]).expect(0, "current");
}

#[test]
fn check_asks_the_tool_only_when_told() {
    let lab = Lab::tooled();
    let quiet = lab.run(&["check", "lab"]).expect(0, "current");
    assert_eq!(quiet.report["offers"], json!([]));
    let asked = lab
        .run(&["check", "lab", "--online"])
        .expect(0, "update-available");
    let levels: Vec<_> = asked.report["offers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["level"].clone())
        .collect();
    assert_eq!(levels, ["4.2.0.12", "4.2.0.9", "4.2.0.4", "4.2.0.3", "4.2.0.1"]);
    lab.knobs(&json!({"check_exit": 10}));
    lab.run(&["check", "lab", "--online"])
        .expect(0, "update-available");
    lab.knobs(&json!({"network_fail": "before-backup"}));
    lab.run(&["check", "lab", "--online"])
        .expect(0, "update-available");
    fs::remove_dir_all(lab.path("service/wso2am-4.2.0")).unwrap();
    let failed = lab.run(&["check", "lab", "--online"]).expect(0, "current");
    assert_eq!(failed.report["blockers"][0]["kind"], "vendor-tool");
    assert_eq!(lab.leftovers(), Vec::<String>::new());
}

#[test]
fn no_secret_gets_anywhere() {
    let lab = Lab::tooled();
    lab.knobs(&json!({"echo_secrets": true, "config_account": "tokens", "config_extra_keys": true}));
    lab.write(
        "updates/config.json",
        r#"{"update-level": "-1", "username": "older@example.com", "backup-dir": "/b"}"#,
    );
    let answer = lab
        .run_with(&[UPDATE, &["-vv"]].concat(), &[])
        .expect(0, "updated");
    let told = format!("{}{}{}", answer.report, answer.stderr, lab.kept());
    for secret in [
        PASSWORD,
        "user@example.com",
        "older@example.com",
        "STANDIN-SECRET",
    ] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    let config = lab.config_json();
    assert_eq!(config["backup-dir"], "/b", "nothing of the copy's paths");
    assert_eq!(config["update-level"], "4");
    assert_eq!(config["standin-unknown"]["since"], "always");
    let log = fs::metadata(lab.path("state/instances/lab/vendor-tool.log")).unwrap();
    assert_eq!(log.permissions().mode() & 0o777, 0o600);
}

#[test]
fn credentials_come_from_a_private_file_or_the_callers_environment() {
    let lab = Lab::tooled();
    fs::set_permissions(lab.path("login.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    let refused = lab.run(UPDATE).refused(2, "settings");
    assert!(!refused.report.to_string().contains(PASSWORD));
    lab.configure("{}");
    lab.run(UPDATE).refused(2, "settings");
    lab.configure("{credentials: {env: true}}");
    lab.run(UPDATE).refused(2, "settings");
    let env = |password| {
        [
            ("UPDATE_TOOL_USERNAME", "user@example.com"),
            ("UPDATE_TOOL_PASSWORD", password),
        ]
    };
    let wrong = lab.run_with(UPDATE, &env("wrong-pass")).refused(1, "vendor-tool");
    assert!(
        wrong.message().contains("invalid credentials"),
        "{}",
        wrong.message()
    );
    lab.run_with(UPDATE, &env(PASSWORD)).expect(0, "updated");
}

#[test]
fn a_newer_tool_is_fetched_once() {
    let lab = Lab::tooled_by(&["1.5.0", "1.6.0"]);
    let own = fs::read(lab.home().join("bin/wso2update_linux")).unwrap();
    let runs = |log: &Path| {
        let log = fs::read_to_string(log).unwrap();
        log.lines().filter(|line| line.starts_with("# ")).count()
    };
    lab.run(&[UPDATE, &["--dry-run"]].concat()).expect(0, "planned");
    let logs = lab.logs_beside();
    assert_eq!(logs.len(), 1);
    assert_eq!(
        runs(&logs[0]),
        2,
        "the old one updates itself, the new one the pack"
    );
    lab.run(UPDATE).expect(0, "updated");
    assert_eq!(runs(&lab.path("state/instances/lab/vendor-tool.log")), 1);
    assert_eq!(fs::read(lab.home().join("bin/wso2update_linux")).unwrap(), own);
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), Vec::<String>::new());
}

/// It costs a download, no more.
#[test]
fn an_update_is_done_also_where_the_newer_tool_cannot_be_kept() {
    let lab = Lab::tooled_by(&["1.5.0", "1.6.0"]);
    let kept = lab.path("state/cache/update-tool-lab");
    let fault = format!("eio:write {}", kept.display());
    let fault = [("PITSTOP_FAULT", fault.as_str())];
    let check = lab
        .run_with(&["check", "lab", "--online"], &fault)
        .expect(0, "update-available");
    assert_eq!(check.report["blockers"], json!([]), "{:#}", check.report);
    lab.run_with(UPDATE, &fault).expect(0, "updated");
    assert!(!kept.exists());
}

#[test]
fn a_short_level_is_of_this_version_and_a_lower_one_is_refused() {
    let lab = Lab::tooled();
    lab.run(&["update", "lab", "--level", "4"]).expect(0, "updated");
    assert_eq!(lab.config_json()["update-level"], "4");
    lab.run(&["update", "lab", "--level", "3"])
        .refused(6, "downgrade");
    lab.run(&["update", "lab", "--level", "7"])
        .refused(1, "vendor-tool");
    let log = || {
        fs::metadata(lab.path("state/instances/lab/vendor-tool.log"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = log();
    lab.run(&["update", "lab", "--level", "4.2.0.4"])
        .expect(0, "current");
    let instance = lab.path("config/instances.d/lab.yaml");
    let closed = "rollout: {waves: [{percent: 100, opens: 2999-01-01T00:00:00Z}]}\n";
    fs::write(&instance, fs::read_to_string(&instance).unwrap() + closed).unwrap();
    lab.run(&["update", "lab", "--level", "12"]).refused(6, "wave");
    lab.run(&["update", "lab", "--level", "4"]).expect(0, "current");
    assert_eq!(log(), before, "nobody asked the tool");
    lab.configure("{credentials: {file: ../../login.yaml}}");
    // Somebody else's update is seen before the tool is.
    lab.write("updates/config.json", r#"{"update-level": "9"}"#);
    lab.run(&["update", "lab", "--level", "12"]).refused(6, "stale");
}

#[test]
fn an_update_in_a_file_needs_no_network_and_no_credentials() {
    let lab = Lab::tooled();
    let zip = lab.offline("0", "4");
    let later = offline_copy(&lab, &zip, "wso2am-4.2.0.3-4.2.0.9.zip");
    fs::rename(lab.path("service/users.json"), lab.path("users.json")).unwrap();
    let from = zip.to_str().unwrap();
    // Nor those that an instance has for the service.
    lab.configure("{credentials: {env: true}}");
    lab.run(&["update", "lab", "--from", from, "--dry-run"])
        .expect(0, "planned");
    lab.configure("{}");
    let seen = lab
        .run(&["check", "lab", "--from", from])
        .expect(0, "update-available");
    assert_eq!(seen.report["plan"]["to"]["level"], GOAL);
    lab.run(&["update", "lab", "--from", later.to_str().unwrap()])
        .refused(1, "level-unavailable");
    lab.run(&["update", "lab", "--from", from, "--level", "3"])
        .refused(1, "level-unavailable");
    lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
    let answer = lab
        .run(&["update", "lab", "--from", from])
        .refused(3, "conflicts");
    let place = answer.report["conflicts"][0]["final_file"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(place, "<p>both</p>\n").unwrap();
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), [PAGE]);
    lab.run(&["update", "lab", "--from", from]).expect(0, "current");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    // Its content is not what its name says.
    fs::write(&zip, "no zip").unwrap();
    lab.run(&["update", "lab", "--from", from])
        .refused(1, "vendor-tool");
}

fn offline_copy(lab: &Lab, zip: &Path, name: &str) -> std::path::PathBuf {
    let copy = lab.path(name);
    fs::copy(zip, &copy).unwrap();
    copy
}

#[test]
fn a_pack_that_comes_without_the_tool_gets_it_by_the_vendors_script() {
    let lab = Lab::tooled();
    fs::remove_file(lab.home().join("bin/wso2update_linux")).unwrap();
    lab.run(UPDATE).refused(1, "vendor-tool");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vendor-tool/update_tool_setup.sh");
    let text = fs::read_to_string(script).unwrap();
    let service = format!("${{STANDIN_SERVICE:-{}}}", lab.path("service").display());
    lab.write(
        "bin/update_tool_setup.sh",
        &text.replace("${STANDIN_SERVICE:-}", &service),
    );
    fs::write(lab.path("service/tool/unsupported"), "").unwrap();
    let failed = lab.run(UPDATE).refused(1, "vendor-tool");
    assert!(
        failed.message().contains("does not support"),
        "{}",
        failed.message()
    );
    fs::remove_file(lab.path("service/tool/unsupported")).unwrap();
    lab.run(UPDATE).expect(0, "updated");
    assert!(
        !lab.exists("bin/wso2update_linux"),
        "what the tool is, the pack's owner decides"
    );
    fs::rename(lab.path("service/tool"), lab.path("tool")).unwrap();
    lab.run(&["update", "lab"]).expect(0, "updated");
}

#[test]
fn what_the_tool_remembers_of_hotfixes_and_conflicts_is_not_kept_from_it() {
    let lab = Lab::tooled();
    let table = [
        (r#"{"hotfixes": [{"name": "abc"}]}"#, "hotfixes are applied"),
        (
            r#"{"pending": {"level": 3, "paths": [], "waves": 0}}"#,
            "conflicts are pending",
        ),
    ];
    for (state, words) in table {
        lab.write("updates/.standin-state.json", state);
        let refused = lab.run(UPDATE).refused(1, "vendor-tool");
        assert!(refused.message().contains(words), "{}", refused.message());
    }
}
