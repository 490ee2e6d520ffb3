//! Updates and rollbacks of a stopped pack, as an operator sees them.

use std::fs;

use crate::common::levels::*;
use crate::common::{Lab, file, settled};
use serde_json::Value;

#[test]
fn an_update_keeps_customisations_and_a_second_one_changes_nothing() {
    let lab = lab();
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 9999"));
    lab.write("lib/ext-driver.jar", "mine");
    lab.write("data/db", "precious");
    let answer = lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    assert!(answer.changed());
    assert_eq!(installed(&answer.report), "1.1.0");
    assert_eq!(
        lab.read("conf/server.conf"),
        CONF.replace("port = 1", "port = 9999").replace("= 4", "= 8")
    );
    assert_eq!(lab.read("lib/ext-driver.jar"), "mine");
    let before = settled(&lab.tree(), &[]);
    let again = lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "current");
    assert!(!again.changed());
    assert_eq!(settled(&lab.tree(), &[]), before);
    lab.run(&["verify", "lab"]).expect(0, "verified");
}

#[test]
fn without_a_level_the_highest_on_offer_is_taken() {
    let lab = lab();
    let answer = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
}

/// Another product version is another product's schema: nobody gets there by a nightly run.
#[test]
fn nobody_leaves_the_release_line_without_saying_so() {
    let lab = lab();
    lab.profile(|text| text.replace("level: {", "level: {line: 1, "));
    lab.offer("2.0.0", &level("2.0.0", "32"));
    lab.instance(&format!(
        "source: {}\npolicy: {{acknowledge: false}}\n",
        lab.path("packs").display()
    ));
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    assert!(check.message().ends_with("offers 1.2.0"), "{}", check.message());
    let told = &check.report["offers"][0];
    assert_eq!(
        [&told["level"], &told["newer"], &told["migration"]],
        [&Value::from("2.0.0"), &false.into(), &true.into()]
    );
    lab.run(&["update", "lab", "--level", "2.0.0", "--dry-run"])
        .refused(6, "manual-steps");
    assert_eq!(installed(&lab.run(&["update", "lab"]).report), "1.2.0");
    let current = lab.run(&["update", "lab"]).expect(0, "current");
    let warnings = current.report["warnings"].to_string();
    assert!(
        warnings.contains("2.0.0") && warnings.contains("--level"),
        "{warnings}"
    );
    lab.run(&["check", "lab"]).expect(0, "current");

    let check = lab.run(&["check", "lab", "--level", "2.0.0"]);
    assert_eq!(check.report["blockers"][0]["kind"], "manual-steps");
    let refused = lab
        .run(&["update", "lab", "--level", "2.0.0"])
        .refused(6, "manual-steps");
    assert!(refused.message().contains("migration"), "{}", refused.message());
    let id = refused.report["plan"]["manual"][0]["id"].as_str().unwrap();
    let answer = lab
        .run(&["update", "lab", "--level", "2.0.0", "--acknowledge", id])
        .expect(0, "updated");
    assert_eq!(installed(&answer.report), "2.0.0");
}

/// What the server writes anew from a template follows the vendor; what lies beside it without one is edited in place.
#[test]
fn only_what_the_pack_has_a_template_for_is_the_servers_to_write() {
    let level = |version: &str, files: [&str; 3], templates: &[&str]| {
        let mut pack = level(version, "4");
        for (path, text) in ["conf/a.xml", "conf/b.policy", "conf/c.xml"].iter().zip(files) {
            pack.insert((*path).to_owned(), file(text));
        }
        for path in templates {
            pack.insert(format!("web/templates/{path}.j2"), file("a template\n"));
        }
        pack
    };
    let old = level("1.0.0", ["a\n", "one\n\ntwo\n\nthree\n", "c\n"], &["conf/a.xml"]);
    let new = level(
        "1.1.0",
        ["A\n", "one\n\ntwo\n\nTHREE\n", "C\n"],
        &["conf/a.xml", "conf/c.xml"],
    );
    let lab = Lab::new(&old);
    lab.offer("1.0.0", &old);
    lab.offer("1.1.0", &new);
    lab.profile(|text| {
        text.replace(
            "ownership:\n",
            "ownership:\n  - {class: generated, paths: ['conf/**'], made_from: 'web/templates/{path}.j2'}\n",
        )
    });
    let packs = lab.path("packs");
    lab.instance(&format!("source: {}\n", packs.display()));
    lab.run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    let deviating = |report: &Value| -> Vec<String> {
        let paths = report["drift"]["paths"].as_array().unwrap().iter();
        paths
            .map(|one| one["path"].as_str().unwrap().to_owned())
            .collect()
    };
    lab.write("conf/a.xml", "written by the server\n");
    lab.write("conf/b.policy", "ONE\n\ntwo\n\nthree\n");
    lab.write("conf/c.xml", "edited\n");
    let check = lab.run(&["check", "lab"]);
    assert_eq!(
        deviating(&check.report["before"]),
        ["conf/b.policy", "conf/c.xml"]
    );
    let answer = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(lab.read("conf/a.xml"), "A\n");
    assert_eq!(lab.read("conf/b.policy"), "ONE\n\ntwo\n\nTHREE\n");
    assert_eq!(lab.read("conf/c.xml"), "C\n", "from now on the server writes it");
    lab.write("conf/c.xml", "written by the server\n");
    assert_eq!(deviating(&answer.report["after"]), ["conf/b.policy"]);
    let check = lab.run(&["check", "lab"]);
    assert_eq!(deviating(&check.report["before"]), ["conf/b.policy"]);

    for (path, code) in [("conf/a.xml", 2), ("conf/b.policy", 0)] {
        lab.instance(&format!("config: {{files: [{{path: {path}, content: x}}]}}\n"));
        let answer = lab.run(&["config", "apply", "lab", "--dry-run"]);
        assert_eq!(answer.code, Some(code), "{:#}", answer.report);
    }
}

#[test]
fn a_dry_run_changes_nothing_and_predicts_the_very_plan() {
    let lab = lab();
    let before = lab.tree();
    let dry = lab.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    assert!(dry.changed());
    assert_eq!(lab.tree(), before);
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    let id = dry.report["plan"]["id"].as_str().unwrap();
    let real = lab.run(&["update", "lab", "--plan", id]).expect(0, "updated");
    assert_eq!(real.report["plan"], dry.report["plan"]);
}

#[test]
fn a_plan_that_the_host_outran_is_refused() {
    let lab = lab();
    let dry = lab.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    let id = dry.report["plan"]["id"].as_str().unwrap();
    lab.write("conf/server.conf", &CONF.replace("memory = 2", "memory = 3"));
    lab.run(&["update", "lab", "--plan", id]).refused(6, "stale");
    assert_eq!(lab.read("VERSION"), "1.0.0\n");
}

#[test]
fn what_state_a_server_writes_does_not_make_a_plan_stale() {
    let lab = lab();
    let dry = lab.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    lab.write("log/server.log", "a line");
    lab.write("data/db", "a row");
    lab.run(&[
        "update",
        "lab",
        "--plan",
        dry.report["plan"]["id"].as_str().unwrap(),
    ])
    .expect(0, "updated");
}

#[test]
fn rollback_restores_files_and_merges_later_edits_back() {
    let lab = lab();
    lab.write("data/db", "old row");
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    lab.write(
        "conf/server.conf",
        &lab.read("conf/server.conf").replace("memory = 2", "memory = 512"),
    );
    lab.write("data/db", "new row");
    let answer = lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert!(answer.changed());
    assert_eq!(
        lab.read("conf/server.conf"),
        CONF.replace("memory = 2", "memory = 512")
    );
    assert_eq!(lab.read("lib/core.jar"), "\0core 1.0.0");
    assert_eq!(lab.read("data/db"), "new row");
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    lab.run(&["rollback", "lab"]).refused(6, "no-snapshot");
}

#[test]
fn rollback_leads_over_several_levels_in_one_go() {
    let lab = lab();
    let before = settled(&lab.tree(), &[]);
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    lab.run(&["update", "lab", "--level", "1.2.0"])
        .expect(0, "updated");
    lab.run(&["rollback", "lab", "--to", "0.9"])
        .refused(6, "no-snapshot");
    lab.run(&["rollback", "lab", "--to", "1.0.0"])
        .expect(0, "rolled-back");
    assert_eq!(settled(&lab.tree(), &[]), before);
    let again = lab
        .run(&["rollback", "lab", "--to", "1.0.0"])
        .expect(0, "current");
    assert!(!again.changed());
}

#[test]
fn an_edit_that_does_not_fit_the_old_level_is_kept_aside() {
    let lab = lab();
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    lab.write(
        "conf/server.conf",
        &lab.read("conf/server.conf")
            .replace("threads = 8", "threads = 99"),
    );
    let answer = lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(lab.read("conf/server.conf"), CONF);
    let warned = answer.report["warnings"].to_string();
    assert!(warned.contains("conf/server.conf"), "{warned}");
    let kept: Vec<String> = lab
        .leftovers()
        .into_iter()
        .filter(|path| path.ends_with("conf/server.conf"))
        .collect();
    assert_eq!(kept.len(), 1);
    assert!(
        lab.read(&format!(".pitstop/{}", kept[0]))
            .contains("threads = 99")
    );
}

#[test]
fn a_conflict_stops_before_anything_is_touched_and_continue_goes_on() {
    let lab = lab();
    lab.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    let before = lab.tree();
    let dry = lab
        .run(&["update", "lab", "--level", "1.1.0", "--dry-run"])
        .refused(3, "conflicts");
    assert_eq!(dry.report["conflicts"][0]["path"], "conf/server.conf");
    let answer = lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(3, "conflicts");
    assert_eq!(lab.tree(), before);
    let conflict = &answer.report["conflicts"][0];
    let read = |key: &str| fs::read_to_string(conflict[key].as_str().unwrap()).unwrap();
    assert_eq!(read("original_file"), CONF);
    assert_eq!(read("new_file"), CONF.replace("= 4", "= 8"));
    // Not resolved yet.
    lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
    fs::write(
        conflict["final_file"].as_str().unwrap(),
        CONF.replace("= 4", "= 6"),
    )
    .unwrap();
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(lab.read("conf/server.conf"), CONF.replace("= 4", "= 6"));
    assert!(!lab.leftovers().iter().any(|path| path.contains("conflicts")));
    lab.run(&["update", "lab", "--continue"]).refused(2, "usage");
}

#[test]
fn an_answer_to_another_conflict_does_not_count() {
    let lab = lab();
    lab.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    let answer = lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(3, "conflicts");
    let place = answer.report["conflicts"][0]["final_file"].as_str().unwrap();
    fs::write(place, "threads = 6\n").unwrap();
    lab.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 7"));
    lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
}

#[test]
fn binaries_changed_on_both_sides_follow_the_policy() {
    let table = [
        ("conflict", None),
        ("take-new", Some("\0core 1.1.0")),
        ("keep", Some("\0patched")),
    ];
    for (policy, expected) in table {
        let lab = lab();
        lab.instance(&format!(
            "source: {}\npolicy: {{binary: {policy}}}\n",
            lab.path("packs").display()
        ));
        lab.write("lib/core.jar", "\0patched");
        let answer = lab.run(&["update", "lab", "--level", "1.1.0"]);
        match expected {
            None => drop(answer.refused(3, "conflicts")),
            Some(content) => {
                answer.expect(0, "updated");
                assert_eq!(lab.read("lib/core.jar"), content, "{policy}");
            }
        }
    }
}

#[test]
fn adoption_without_the_pristine_pack_says_what_it_cannot_know_and_learns_it() {
    let lab = unadopted();
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 2"));
    let answer = lab.run(&["adopt", "lab"]).expect(0, "adopted");
    assert_eq!(answer.report["after"]["pristine_known"], false);
    assert!(answer.report["warnings"].to_string().contains("not known"));
    // The folder of packs holds the installed level too.
    let update = ["update", "lab", "--level", "1.1.0"];
    let dry = lab.run(&[&update[..], &["--dry-run"]].concat());
    let id = dry.report["plan"]["id"].as_str().unwrap();
    lab.run(&[&update[..], &["--plan", id]].concat())
        .expect(0, "updated");
    assert!(lab.read("conf/server.conf").contains("port = 2"));
    let check = lab.run(&["check", "lab"]);
    assert_eq!(check.report["before"]["pristine_known"], true);
}

#[test]
fn a_dry_adoption_says_whether_anything_would_change() {
    let lab = unadopted();
    let packs = lab.path("packs");
    let pristine = &["--pristine", packs.to_str().unwrap()][..];
    let adopt = |given: &[&str], changes: bool| {
        let args = [&["adopt", "lab"], given].concat();
        let dry = lab
            .run(&[&args[..], &["--dry-run"]].concat())
            .expect(0, "planned");
        assert_eq!(dry.changed(), changes, "{given:?}: {:#}", dry.report);
        assert_eq!(
            lab.run(&args).expect(0, "adopted").changed(),
            changes,
            "{given:?}"
        );
    };
    adopt(&[], true);
    adopt(&[], false);
    adopt(pristine, true);
    adopt(pristine, false);
    lab.write("lib/core.jar", "\0patched");
    adopt(&[], true);
    adopt(pristine, false);
}

#[test]
fn without_any_pristine_pack_vendor_files_are_replaced_and_config_asks() {
    let lab = unadopted();
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    let only_new = lab.path("packs/1.1.0");
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 2"));
    let from = only_new.to_str().unwrap();
    lab.run(&["update", "lab", "--from", from])
        .refused(3, "conflicts");
    lab.write("conf/server.conf", &CONF.replace("= 4", "= 8"));
    let answer = lab.run(&["update", "lab", "--from", from]).expect(0, "updated");
    assert!(answer.report["warnings"].to_string().contains("not known"));
    assert_eq!(lab.read("lib/core.jar"), "\0core 1.1.0");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(lab.read("lib/core.jar"), "\0core 1.0.0");
}

#[test]
fn staging_first_and_going_live_later() {
    let lab = lab();
    let before = lab.tree();
    let staged = lab.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    assert_eq!(lab.tree(), before);
    let again = lab.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    assert!(staged.changed() && !again.changed());
    assert_eq!(again.report["transaction"], staged.report["transaction"]);
    let check = lab.run(&["check", "lab"]);
    assert_ne!(check.report["status"], "interrupted");
    let live = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(live.report["transaction"], staged.report["transaction"]);
    // A staged plan that the host outran is made anew.
    let lab = self::lab();
    lab.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 3"));
    lab.run(&["update", "lab"]).expect(0, "updated");
    assert!(lab.read("conf/server.conf").contains("port = 3"));
}

#[test]
fn drift_is_found_and_tampering_fails_verification() {
    let lab = lab();
    lab.write("web/index.html", "<h1>mine</h1>\n");
    fs::remove_file(lab.home().join("lib/same.jar")).unwrap();
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    let drift = check.report["before"]["drift"].to_string();
    assert!(
        drift.contains("web/index.html") && drift.contains("missing"),
        "{drift}"
    );
    lab.run(&["verify", "lab"]).refused(5, "unhealthy");
    let once = lab.run(&["adopt", "lab", "--once", "--pristine", "/not/there"]);
    assert_eq!(once.expect(0, "current").report["changed"], false);
    lab.run(&["verify", "lab"]).refused(5, "unhealthy");
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    lab.run(&["verify", "lab"]).expect(0, "verified");
    // Same size, same time: only a deep look finds it.
    let jar = lab.home().join("lib/core.jar");
    let time = fs::metadata(&jar).unwrap().modified().unwrap();
    fs::write(&jar, "\0core 6.6.6").unwrap();
    fs::File::options()
        .write(true)
        .open(&jar)
        .unwrap()
        .set_modified(time)
        .unwrap();
    lab.run(&["verify", "lab", "--deep"]).refused(5, "unhealthy");
}

#[test]
fn every_change_has_one_record_in_the_history() {
    let lab = lab();
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "current");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    let history = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap();
    let records: Vec<Value> = history
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary: Vec<(&str, &str, &str)> = records
        .iter()
        .map(|record| {
            (
                record["action"].as_str().unwrap(),
                record["outcome"].as_str().unwrap(),
                record["to"]["level"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [("update", "done", "1.1.0"), ("rollback", "done", "1.0.0")]
    );
}

#[test]
fn check_tells_the_last_transactions_also_those_of_an_older_agent_and_beside_damaged_ones() {
    let lab = lab();
    let check = lab.run(&["check", "lab"]);
    assert_eq!(check.report["transactions"], Value::Null);
    let (at, installed_at) = (&check.report["at"], &check.report["after"]["installed_at"]);
    assert!(at.is_string() && installed_at.is_string(), "{at} {installed_at}");
    let old = r#"{"transaction":"000000-0","action":"update","outcome":"done","from":{"product":"lab","level":"0.9"},
        "to":{"product":"lab","level":"1.0.0"},"began":"2026-01-01T00:00:00Z","ended":"2026-01-01T00:00:09Z","agent":"0.0.9"}"#;
    // No text any more: neither a change nor its way back may fail because of it.
    let damaged = b"{\"transaction\":\"000000-1\",\"action\":\"up\xff";
    let history = lab.path("state/instances/lab/history.jsonl");
    let lines = [old.replace("\n        ", "").as_bytes(), damaged].join(&b'\n');
    fs::write(history, lines).unwrap();
    for _ in 0..3 {
        lab.run(&["update", "lab", "--level", "1.1.0"])
            .expect(0, "updated");
        let check = lab.run(&["check", "lab"]);
        let told = check.report["transactions"].as_array().unwrap().clone();
        assert_eq!(
            (&told[0]["action"], &told[0]["stopped_ms"]),
            (&"update".into(), &0.into())
        );
        let oldest = told.iter().find(|one| one["transaction"] == "000000-0");
        assert_eq!(
            oldest.is_some_and(|one| one["stopped_ms"].is_null()),
            told.len() < 5,
            "{told:?}"
        );
        assert!(told.len() <= 5 && told.iter().all(|one| one["transaction"] != "000000-1"));
        lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    }
}

#[test]
fn a_directory_replaced_by_a_file_keeps_what_the_customer_put_there() {
    let mut old = level("1.0.0", "4");
    old.insert("swap/vendor.txt".into(), file("v"));
    let mut new = level("1.1.0", "4");
    new.insert("swap".into(), file("a file now"));
    let lab = Lab::new(&old);
    lab.offer("1.0.0", &old);
    lab.offer("1.1.0", &new);
    lab.instance(&format!("source: {}\n", lab.path("packs").display()));
    lab.write("swap/mine.txt", "customer");
    let answer = lab.run(&["update", "lab"]).refused(3, "conflicts");
    assert_eq!(answer.report["conflicts"][0]["kind"], "type");
    assert_eq!(lab.read("swap/mine.txt"), "customer");
}
