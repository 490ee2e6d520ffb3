//! Updates and rollbacks of a stopped pack, as an operator sees them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "test code")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use common::{Lab, Pack, file, pack, script, settled};
use serde_json::Value;

const CONF: &str = "port = 1\n\n# memory\nmemory = 2\n\n# threads\nthreads = 4\n";

fn level(version: &str, threads: &str) -> Pack {
    pack(&[
        ("VERSION", file(format!("{version}\n"))),
        ("bin/run.sh", script(format!("#!/bin/sh\n# {version}\n"))),
        (
            "conf/server.conf",
            file(CONF.replace("threads = 4", &format!("threads = {threads}"))),
        ),
        ("lib/core.jar", file(format!("\0core {version}"))),
        ("lib/same.jar", file(b"\0same".to_vec())),
        ("web/index.html", file("<h1>welcome</h1>\n\n<p>text</p>\n")),
    ])
}

/// Levels 1.0.0, 1.1.0 and 1.2.0 on offer, 1.0.0 installed and adopted with its pristine pack.
fn lab() -> Lab {
    let lab = unadopted();
    let packs = lab.path("packs");
    lab.run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    lab
}

fn unadopted() -> Lab {
    let lab = Lab::new(&level("1.0.0", "4"));
    for (version, threads) in [("1.0.0", "4"), ("1.1.0", "8"), ("1.2.0", "16")] {
        lab.offer(version, &level(version, threads));
    }
    lab.instance(&format!("source: {}\n", lab.path("packs").display()));
    lab
}

fn installed(report: &Value) -> &str {
    report["after"]["release"]["level"].as_str().unwrap()
}

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
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    assert!(lab.read("conf/server.conf").contains("port = 2"));
    let check = lab.run(&["check", "lab"]);
    assert_eq!(check.report["before"]["pristine_known"], true);
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
fn bad_input_is_refused_with_its_kind_and_without_a_change() {
    let lab = lab();
    let other = lab.path("other");
    common::write_pack(&other, &pack(&[("README", file("not a pack"))]));
    let before = lab.tree();
    let higher = lab.path("packs/1.1.0");
    let table: [(&[&str], i32, &str); 7] = [
        (&["update", "lab", "--level", "7.7.7"], 1, "level-unavailable"),
        (&["update", "lab", "--level", "0.9.0"], 6, "downgrade"),
        (&["update", "lab", "--from", "/nonexistent"], 1, "source"),
        (
            &["update", "lab", "--from", other.to_str().unwrap()],
            1,
            "not-a-pack",
        ),
        (&["update", "nosuch"], 2, "unknown-instance"),
        (&["rollback", "lab"], 6, "no-snapshot"),
        (
            &["adopt", "lab", "--pristine", higher.to_str().unwrap()],
            1,
            "level-unavailable",
        ),
    ];
    for (args, code, kind) in table {
        let answer = lab.run(args).refused(code, kind);
        assert!(
            answer.report["error"]["hint"].is_string(),
            "{args:?}: {:#}",
            answer.report["error"]
        );
    }
    assert_eq!(lab.tree(), before);
}

#[test]
fn a_missing_home_is_named() {
    let lab = lab();
    fs::remove_dir_all(lab.home()).unwrap();
    for verb in ["check", "update", "stop", "verify"] {
        let answer = lab.run(&[verb, "lab"]).refused(1, "home-missing");
        assert!(answer.message().contains("home"), "{}", answer.message());
    }
}

#[test]
fn symlinks_are_never_followed_out_of_the_home() {
    let lab = lab();
    let outside = lab.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("index.html"), "outside").unwrap();
    lab.offer("1.3.0", &{
        let mut next = level("1.3.0", "4");
        next.insert("web/index.html".into(), file("changed"));
        next
    });
    fs::remove_dir_all(lab.home().join("web")).unwrap();
    symlink(&outside, lab.home().join("web")).unwrap();
    let answer = lab.run(&["update", "lab", "--level", "1.3.0"]);
    assert!(matches!(answer.code, Some(3 | 6)), "{:#}", answer.report);
    assert_eq!(fs::read_to_string(outside.join("index.html")).unwrap(), "outside");
    assert_eq!(lab.read("VERSION"), "1.0.0\n");
}

#[test]
fn a_second_run_is_told_who_holds_the_instance() {
    use std::io::Write;
    let lab = lab();
    let path = lab.path("state/instances/lab/lock");
    let mut held = fs::File::options().append(true).open(&path).unwrap();
    held.set_len(0).unwrap();
    held.write_all(b"`pitstop update`, pid 4711, since 2026-01-01T00:00:00Z")
        .unwrap();
    let held = nix::fcntl::Flock::lock(held, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let answer = lab.run(&["update", "lab"]).refused(6, "locked");
    assert!(
        answer.message().contains("pid 4711, since 2026-01-01"),
        "{}",
        answer.message()
    );
    lab.run(&["check", "lab"]).expect(0, "update-available");
    drop(held);
    lab.run(&["update", "lab"]).expect(0, "updated");
}

#[test]
fn a_clock_that_was_set_back_changes_nothing() {
    let lab = lab();
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    // Everything remembered is from a future that has not come yet.
    for name in ["state.json", "history.jsonl"] {
        let path = lab.path("state/instances/lab").join(name);
        let text = fs::read_to_string(&path).unwrap().replace("\"20", "\"29");
        fs::write(&path, text).unwrap();
    }
    let future = std::time::SystemTime::now() + std::time::Duration::from_secs(10 * 365 * 86400);
    for path in ["conf/server.conf", "lib/core.jar"] {
        fs::File::options()
            .write(true)
            .open(lab.home().join(path))
            .unwrap()
            .set_modified(future)
            .unwrap();
    }
    lab.run(&["update", "lab", "--level", "1.2.0"])
        .expect(0, "updated");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(lab.read("VERSION"), "1.1.0\n");
}

#[test]
fn modes_owners_and_attributes_survive() {
    let lab = lab();
    let conf = lab.home().join("conf/server.conf");
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 2"));
    fs::set_permissions(&conf, fs::Permissions::from_mode(0o640)).unwrap();
    xattr::set(&conf, "user.note", b"keep").unwrap();
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    let tree = lab.tree();
    let bits = &tree["conf/server.conf"];
    assert_eq!(bits.mode, 0o640);
    assert!(
        bits.attributes
            .contains(&("user.note".to_owned(), b"keep".to_vec()))
    );
    assert_eq!(lab.tree()["bin/run.sh"].mode, 0o755);
}

#[test]
fn a_tight_disk_is_told_with_its_numbers() {
    let lab = lab();
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(
        &profile,
        text.replace("extra_bytes: 0", "extra_bytes: 1000000000000000"),
    )
    .unwrap();
    let before = lab.tree();
    let answer = lab.run(&["update", "lab"]).refused(6, "space");
    assert!(
        answer.message().contains("953674317 MiB needed") || answer.message().contains("MiB free"),
        "{}",
        answer.message()
    );
    assert_eq!(lab.tree(), before);
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
