//! Updates of a running server: kept running, put back when the new level is unhealthy, judged by what was well before.

use crate::common::file;
use crate::common::host::eventually;
use crate::common::served::{level, server};

#[test]
fn start_and_stop_are_idempotent_and_a_dead_server_is_seen() {
    let server = server("", &[], "");
    assert!(!server.run(&["stop", "lab"]).expect(0, "stopped").changed());
    assert!(server.run(&["start", "lab"]).expect(0, "started").changed());
    let pids = server.pids();
    assert_eq!(pids.len(), 1);
    assert!(!server.run(&["start", "lab"]).expect(0, "started").changed());
    assert_eq!(server.pids(), pids);
    server.run(&["verify", "lab"]).expect(0, "verified");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pids[0]).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    eventually("it still answers", || server.says().is_none());
    assert_eq!(server.pids(), Vec::<u64>::new());
    server.run(&["verify", "lab"]).refused(5, "unhealthy");
    assert!(server.run(&["start", "lab"]).expect(0, "started").changed());
}

/// What is left beside it holds files of the pack: a stop ends it, so a dry run says that it would.
#[test]
fn a_stop_of_what_is_left_of_a_server_is_something_to_do() {
    let server = server("", &[], "");
    let profile = server.lab.path("products/lab/product.yaml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, text + "process: {main: [server.py]}\n").unwrap();
    server.lab.write("bin/helper.sh", "read line\n");
    let mut helper = std::process::Command::new("/bin/sh")
        .arg(server.lab.home().join("bin/helper.sh"))
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let dry = server.run(&["stop", "lab", "--dry-run"]).expect(0, "planned");
    assert!(
        dry.changed() && dry.message() == "would stop",
        "{}",
        dry.message()
    );
    assert!(server.run(&["stop", "lab"]).expect(0, "stopped").changed());
    helper.wait().unwrap();
    let dry = server.run(&["stop", "lab", "--dry-run"]).expect(0, "stopped");
    assert!(!dry.changed(), "{}", dry.message());
}

/// Somebody started it with an environment that a start by pitstop does not have.
#[test]
fn a_server_that_could_not_start_again_is_not_stopped() {
    let server = server("", &[("1.1.0", "")], "");
    server.start_by_hand();
    let program = std::fs::read_link(format!("/proc/{}/exe", server.pids()[0])).unwrap();
    let (folder, file) = (program.ancestors().nth(2).unwrap(), program.file_name().unwrap());
    let mut start = String::new();
    server.settings(|text| {
        let (own, others) = text
            .lines()
            .partition::<Vec<_>, _>(|line| line.starts_with("  start: "));
        start = own.join("\n");
        others.join("\n") + "\n"
    });
    server.lab.profile(|text| {
        format!(
            "{text}vars: {{runtime: ''}}\nservice:\n{start}\n  env: {{RUNTIME: '{{{{ runtime }}}}'}}\n  \
             needed_env: [{{name: RUNTIME, file: bin/{}, var: runtime}}]\n",
            file.display()
        )
    });
    let pids = server.pids();
    let refused = |args: &[&str], why: &str| {
        let answer = server.run(args).refused(2, "settings");
        assert!(answer.message().contains(why), "{args:?}: {}", answer.message());
        let hint = answer.report["error"]["hint"].as_str().unwrap();
        let has = format!("the server that runs has {}", folder.display());
        assert!(
            hint.contains("`runtime` below `vars`") && hint.contains(&has),
            "{hint}"
        );
        assert_eq!(server.pids(), pids, "{args:?}");
    };
    for args in [&["update", "lab"][..], &["update", "lab", "--dry-run"]] {
        refused(args, "RUNTIME, which its start command needs, is not set");
    }
    // Whoever asks for nothing but a stop gets one.
    let warned = |args: &[&str], status: &str| {
        let answer = server.run(args).expect(0, status);
        let warnings = answer.report["warnings"].to_string();
        assert!(
            warnings.contains("which its start command needs"),
            "{args:?}: {warnings}"
        );
    };
    warned(&["stop", "lab", "--dry-run"], "planned");
    let check = server.run(&["check", "lab"]);
    assert_eq!(check.report["blockers"][0]["kind"], "settings");
    server.run(&["update", "lab", "--stage-only"]).expect(0, "staged");

    server.settings(|text| format!("{text}vars: {{runtime: {}}}\n", folder.display()));
    server.run(&["update", "lab"]).expect(0, "updated");
    server.settings(|text| text.replace(&format!("runtime: {}", folder.display()), "runtime: /nonexistent"));
    let pids = server.pids();
    let answer = server.run(&["rollback", "lab"]).refused(2, "settings");
    assert!(
        answer
            .message()
            .contains("is /nonexistent, where there is no bin/"),
        "{}",
        answer.message()
    );
    assert_eq!(server.pids(), pids);
    server.settings(|text| text.replace("/nonexistent", &folder.display().to_string()));
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    server.settings(|text| text.replace(&folder.display().to_string(), "/nonexistent"));
    warned(&["stop", "lab"], "stopped");
    server.run(&["start", "lab"]).refused(2, "settings");
    // What is down may be replaced all the same.
    server.run(&["update", "lab"]).expect(0, "updated");
    server.settings(|text| text.replace("/nonexistent", &folder.display().to_string()));
}

/// A password that each start uses up: after a stop there is time to put it there, in the middle of a change there is not.
#[test]
fn a_server_whose_start_asks_a_person_is_not_stopped_for_a_change() {
    let server = server("", &[("1.1.0", "")], "").started();
    server.lab.profile(|text| {
        format!(
            "{text}service: {{needed_files: [{{paths: [pass-tmp, 'pass-p*'], used_up: [pass-tmp], said_in: conf/server.conf, line: '^secrets', \
             message: it asks for a password, hint: put it there}}]}}\n"
        )
    });
    server.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    server.lab.write("conf/server.conf", "a = 1\nsecrets = 1\n");
    let pids = server.pids();
    for args in [&["update", "lab"][..], &["update", "lab", "--dry-run"]] {
        let answer = server.run(args).refused(6, "manual-steps");
        assert_eq!(
            answer.message(),
            "it asks for a password: there is no pass-tmp or pass-p*"
        );
    }
    assert_eq!(server.pids(), pids);
    let check = server.run(&["check", "lab"]);
    assert_eq!(check.report["blockers"][0]["hint"], "put it there");
    server.run(&["stop", "lab"]).expect(0, "stopped");
    server.run(&["start", "lab"]).refused(6, "manual-steps");
    server.lab.write("pass-persist", "secret");
    server.run(&["start", "lab"]).expect(0, "started");
    let lasts = server.run(&["update", "lab", "--dry-run"]).expect(0, "planned");
    assert!(
        !lasts.report["warnings"].to_string().contains("pass-"),
        "{}",
        lasts.report
    );
    std::fs::rename(
        server.lab.home().join("pass-persist"),
        server.lab.home().join("pass-tmp"),
    )
    .unwrap();
    let updated = server.run(&["update", "lab"]).expect(0, "updated");
    let warnings = updated.report["warnings"].to_string();
    assert!(warnings.contains("uses pass-tmp up"), "{warnings}");
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
    // Each start uses it up: that is no reason to report the server as long as nothing is to be done, nor to keep anybody from going
    // back.
    std::fs::remove_file(server.lab.home().join("pass-tmp")).unwrap();
    let check = server.run(&["check", "lab"]).expect(0, "current");
    let blockers = check.report["blockers"].as_array();
    assert!(blockers.is_none_or(Vec::is_empty), "{blockers:?}");
    let back = server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert!(
        back.report["warnings"]
            .to_string()
            .contains("it asks for a password"),
        "{}",
        back.report
    );
}

#[test]
fn a_running_server_runs_again_and_a_second_update_leaves_it_alone() {
    let server = server("", &[("1.1.0", "")], "").started();
    let before = server.pids();
    let answer = server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
    assert!(answer.report["timing"]["stopped_ms"].as_u64().unwrap() > 0);
    let after = server.pids();
    assert_ne!(before, after);
    assert!(!server.run(&["update", "lab"]).expect(0, "current").changed());
    assert_eq!(server.pids(), after);
}

#[test]
fn a_stopped_server_stays_stopped() {
    let server = server("", &[("1.1.0", "")], "");
    server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(server.says(), None);
}

#[test]
fn a_level_that_dies_is_put_back_verified_and_held() {
    let server = server("", &[("1.1.0", "dies"), ("1.2.0", "")], "").started();
    let before = crate::common::settled(&server.lab.tree(), &[]);
    let answer = server
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(4, "rolled-back");
    assert!(!answer.report["ok"].as_bool().unwrap());
    assert_eq!(answer.report["status"], "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    assert_eq!(crate::common::settled(&server.lab.tree(), &[]), before);
    assert_eq!(server.lab.leftovers(), Vec::<String>::new());
    let held = server
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(6, "held");
    let hint = held.report["error"]["hint"].as_str().unwrap();
    assert!(
        hint.contains("`pitstop update lab --level 1.1.0 --release-hold`"),
        "{hint}"
    );
    let check = server.run(&["check", "lab", "--level", "1.1.0"]);
    assert_eq!(check.report["blockers"][0]["kind"], "held");
    // Each of the two transactions has its share of the time for which the server was down.
    let last = check.report["transactions"].as_array().unwrap();
    let told: Vec<_> = last.iter().map(|one| (&one["action"], &one["outcome"])).collect();
    let expected = [("rollback", "done"), ("update", "taken-back")].map(|(a, b)| (a.into(), b.into()));
    assert_eq!(told, expected.each_ref().map(|(a, b)| (a, b)));
    let stopped = last.iter().map(|one| one["stopped_ms"].as_u64().unwrap());
    assert!(stopped.clone().all(|ms| ms > 0), "{last:?}");
    assert_eq!(
        stopped.sum::<u64>(),
        answer.report["timing"]["stopped_ms"].as_u64().unwrap()
    );
    // By hand it may be tried again; a newer level is not held at all.
    server
        .run(&["update", "lab", "--level", "1.1.0", "--release-hold"])
        .refused(4, "rolled-back");
    server
        .run(&["update", "lab", "--level", "1.2.0"])
        .expect(0, "updated");
    assert_eq!(server.says().as_deref(), Some("1.2.0"));
}

#[test]
fn a_failed_release_costs_no_snapshot() {
    let server = server(
        "",
        &[("1.1.0", ""), ("1.2.0", "dies")],
        "policy: {keep_snapshots: 1}\n",
    )
    .started();
    server
        .run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
}

#[test]
fn a_probe_that_the_update_breaks_leads_back() {
    let server = server("", &[("1.1.0", "extra-broken")], "").started();
    let answer = server.run(&["update", "lab"]).refused(4, "rolled-back");
    let probes = answer.report["probes"].to_string();
    assert!(probes.contains("extra"), "{probes}");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));

    // It is held until a newer one has come, and no longer.
    let holds = || server.run(&["check", "lab"]).report["before"]["holds"].clone();
    assert_eq!(holds()[0]["release"]["level"], "1.1.0");
    server.lab.offer("1.2.0", &level("1.2.0", ""));
    server.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(holds(), serde_json::json!([]));
}

#[test]
fn a_probe_that_was_broken_before_does_not() {
    let server = server("extra-broken", &[("1.1.0", "extra-broken")], "");
    // A start by hand is strict.
    server.run(&["start", "lab"]).refused(5, "start-failed");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    let answer = server.run(&["update", "lab"]).expect(0, "updated");
    let extra = answer.report["probes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "extra")
        .unwrap()
        .clone();
    assert_eq!(
        (&extra["ok"], &extra["baseline_ok"]),
        (&false.into(), &false.into())
    );
    assert!(answer.report["warnings"].to_string().contains("extra"));
    assert!(
        extra["ms"].as_u64().unwrap() < 15_000,
        "others tell that it is up: {extra}"
    );
    assert_eq!(answer.report["after"]["verified"], false);
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
}

#[test]
fn what_was_staged_is_judged_by_what_was_well_right_before_the_stop() {
    let server = server("", &[("1.1.0", "")], "").started();
    let mood = server.lab.path("mood");
    server.probe(&format!(
        "{{name: mood, deadline_s: 1, command: [/bin/sh, -c, 'test -e {} && grep -q 1.0.0 {}/VERSION']}}",
        mood.display(),
        server.lab.home().display()
    ));
    server.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    std::fs::write(&mood, "").unwrap();
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
}

/// A server that has been up for long may have no line of its start left.
#[test]
fn a_log_that_was_removed_excuses_no_start_that_writes_none() {
    let server = server("logs", &[("1.1.0", "")], "");
    server.probe("{name: up, log: {file: log/up.log, pattern: '^up '}}");
    let server = server.started();
    std::fs::remove_file(server.lab.home().join("log/up.log")).unwrap();
    server.run(&["update", "lab"]).refused(4, "rolled-back");
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
}

#[test]
fn a_seed_that_was_written_to_right_before_the_stop_stays_and_the_node_is_back_in_service() {
    let server = server("", &[], "").started();
    let mut next = level("1.1.0", "");
    next.insert("custom/seed".into(), file("seed\n"));
    server.lab.offer("1.1.0", &next);
    server.run(&["update", "lab"]).expect(0, "updated");
    let (drained, home) = (server.lab.path("drained"), server.lab.home());
    server.hooks(&format!(
        "{{when: before-stop, command: [/bin/sh, -c, 'touch {drained} && echo mine > {home}/custom/seed']}}, \
         {{when: after-start, command: [/bin/rm, '{drained}']}}",
        drained = drained.display(),
        home = home.display()
    ));
    server.run(&["rollback", "lab"]).refused(6, "stale");
    assert_eq!(server.lab.read("custom/seed"), "mine\n");
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
    assert!(!drained.exists());
}

#[test]
fn where_the_policy_forbids_to_go_back_the_failure_stands() {
    let server = server("", &[("1.1.0", "dies")], "policy: {rollback: false}\n").started();
    server.run(&["update", "lab"]).refused(5, "unhealthy");
    assert_eq!(server.lab.read("VERSION"), "1.1.0\n");
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(server.lab.read("VERSION"), "1.0.0\n");
}

#[test]
fn a_failed_hook_stops_nothing() {
    let server = server("", &[("1.1.0", "")], "").started();
    server.hooks("{when: before-stop, command: [/bin/false]}");
    let before = server.pids();
    server.run(&["update", "lab"]).refused(1, "hook");
    assert_eq!(server.pids(), before);
    assert_eq!(server.lab.read("VERSION"), "1.0.0\n");
    assert_eq!(server.lab.leftovers(), Vec::<String>::new());
}

#[test]
fn what_a_hook_says_is_shown_without_its_secrets() {
    let server = server("", &[("1.1.0", "")], "").started();
    server.hooks(
        "{when: before-stop, command: [/bin/echo, 'ERROR <Password>hunter2</Password> is refused'], forbid: ERROR}",
    );
    let refused = server.run(&["update", "lab"]).refused(1, "hook");
    let said = "it said `ERROR <Password>***</Password> is refused`";
    assert!(refused.message().contains(said), "{}", refused.message());
}

/// Killed at any point, the next run leaves the server running at a level that is whole.
#[test]
#[cfg(feature = "faults")]
fn a_running_server_survives_a_kill_at_any_point() {
    let server = server("", &[("1.1.0", "")], "").started();
    let start = server.lab.save();
    let log = server.lab.path("effects");
    server
        .lab
        .run_with(
            &["update", "lab"],
            &[("PITSTOP_FAULT_LOG", log.to_str().unwrap())],
        )
        .expect(0, "updated");
    let count = std::fs::read_to_string(&log).unwrap().lines().count();
    assert!(count > 30);
    // Each try stops and starts a real server: every fifth effect is enough beside the matrix of the stopped pack.
    for number in (1..=count).step_by(5) {
        server.run(&["stop", "lab"]).expect(0, "stopped");
        server.lab.restore(&start);
        server.run(&["start", "lab"]).expect(0, "started");
        let fault = format!("kill-after:{number}");
        let killed = server
            .lab
            .run_with(&["update", "lab"], &[("PITSTOP_FAULT", &fault)]);
        assert_eq!(killed.code, None, "{fault}");
        let again = server.run(&["update", "lab"]);
        assert_eq!(again.code, Some(0), "{fault}: {:#}", again.report);
        assert_eq!(server.says().as_deref(), Some("1.1.0"), "{fault}");
        let check = server.run(&["check", "lab"]);
        assert_eq!(check.report["before"]["verified"], true, "{fault}");
    }
}

/// The server is stopped by then: it must not stay so because the journal cannot be written.
#[test]
#[cfg(feature = "faults")]
fn a_mark_that_cannot_be_written_leaves_no_server_down() {
    let after_the_first_file = "eio:link VERSION;append";
    let undo_too = format!("{after_the_first_file},{after_the_first_file};append");
    let faults = [
        ("eio:append;append;append", 1, "io"),
        (after_the_first_file, 4, "rolled-back"),
        (&undo_too, 4, "rolled-back"),
    ];
    for (fault, code, kind) in faults {
        let server = server("", &[("1.1.0", "")], "").started();
        server
            .lab
            .run_with(&["update", "lab"], &[("PITSTOP_FAULT", fault)])
            .refused(code, kind);
        assert_eq!(server.says().as_deref(), Some("1.0.0"), "{fault}");
        assert_eq!(server.lab.read("VERSION"), "1.0.0\n", "{fault}");
        assert_eq!(server.lab.leftovers(), Vec::<String>::new(), "{fault}");
    }
}

#[test]
#[cfg(feature = "faults")]
fn a_server_that_was_started_on_a_half_replaced_tree_is_started_again() {
    let server = server("", &[("1.1.0", "")], "").started();
    let killed = server.lab.run_with(
        &["update", "lab"],
        &[("PITSTOP_FAULT", "kill-before:link VERSION")],
    );
    assert_eq!(killed.code, None);
    server.start_by_hand();
    assert_eq!(server.says().as_deref(), Some("1.0.0"));
    server.run(&["start", "lab"]).expect(0, "started");
    assert_eq!(server.says().as_deref(), Some("1.1.0"));
}
