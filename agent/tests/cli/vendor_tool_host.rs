//! The vendor's update tool as a source, and the host around it: killed runs, runs at once, users, links, full disks.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::Lab;
use crate::common::tooled::{GOAL, LOG4J, TOML, differing};
use serde_json::json;

const UPDATE: &[&str] = &["update", "lab", "--level", GOAL];

#[test]
fn a_run_that_is_killed_while_the_tool_works_costs_nothing() {
    for place in ["download", "files"] {
        let lab = Lab::tooled();
        lab.knobs(&json!({"hang_at": place}));
        let before = lab.tree();
        let mut run = lab.command(UPDATE).stdout(Stdio::null()).spawn().unwrap();
        lab.until_tool_is_at(place);
        let tool: i32 = fs::read_to_string(lab.path(&format!("service/marks/at.{place}")))
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        run.kill().unwrap();
        run.wait().unwrap();
        gone(tool);
        assert_eq!(crate::common::difference(&before, &lab.tree()), "", "{place}");
        assert!(!lab.leftovers().is_empty(), "a killed run cannot tidy up");
        lab.run(&["check", "lab"]).expect(0, "current");
        lab.knobs(&json!({}));
        // Any run that may change something takes away what was left.
        lab.run(&["stop", "lab"]);
        assert_eq!(lab.leftovers(), Vec::<String>::new());
        lab.run(UPDATE).expect(0, "updated");
        assert_eq!(differing(&lab.product(), &lab.vendor("4")), Vec::<String>::new());
    }
}

/// Waits until the tool is dead: it dies with the run.
fn gone(tool: i32) {
    let began = Instant::now();
    let lives = || fs::read_to_string(format!("/proc/{tool}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while lives() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the tool outlives its run"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_server_and_other_runs_go_on_while_the_tool_works() {
    let lab = Lab::tooled();
    lab.knobs(&json!({"output_pause": "silent"}));
    let run = lab.command(UPDATE).stdout(Stdio::piped()).spawn().unwrap();
    lab.until_tool_is_at("silent");
    let busy = lab.run(UPDATE).refused(6, "locked");
    assert!(busy.message().contains("pitstop update"), "{}", busy.message());
    lab.run(&["check", "lab"]).expect(0, "current");
    // What changes meanwhile and is not of the update is nobody's business.
    lab.write(TOML, &lab.read(TOML).replace("wso2carbon.jks", "late.jks"));
    fs::write(lab.path("service/marks/release.silent"), "").unwrap();
    assert!(run.wait_with_output().unwrap().status.success());
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), [TOML]);
}

#[test]
fn root_does_not_run_what_the_packs_user_could_have_written() {
    if !nix::unistd::geteuid().is_root() {
        return crate::common::host::skipped("only root can become another user");
    }
    let lab = Lab::tooled();
    crate::common::host::open_to_all(&lab);
    let marks = lab.path("service/marks");
    fs::create_dir_all(&marks).unwrap();
    for path in [lab.home(), marks] {
        let given = Command::new("chown")
            .args(["-R", "1234:1235"])
            .arg(path)
            .status()
            .unwrap();
        assert!(given.success());
    }
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    lab.knobs_kept(&json!({"output_pause": "silent"}));
    let run = lab.command(UPDATE).stdout(Stdio::piped()).spawn().unwrap();
    lab.until_tool_is_at("silent");
    let tool = fs::read_to_string(lab.path("service/marks/at.silent")).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", tool.trim())).unwrap();
    assert!(status.contains("Uid:\t1234\t1234\t1234\t1234"), "{status}");
    let environment = fs::read(format!("/proc/{}/environ", tool.trim())).unwrap();
    let arguments = fs::read(format!("/proc/{}/cmdline", tool.trim())).unwrap();
    assert!(String::from_utf8_lossy(&environment).contains("UPDATE_TOOL_PASSWORD=pw$1"));
    assert!(!String::from_utf8_lossy(&arguments).contains("pw$1"));
    let copies = fs::metadata(lab.home().join(".pitstop")).unwrap();
    assert_eq!(copies.permissions().mode() & 0o777, 0o711);
    fs::write(lab.path("service/marks/release.silent"), "").unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), Vec::<String>::new());
    assert_eq!(
        fs::metadata(lab.home().join(".pitstop"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    let script = fs::metadata(lab.home().join("bin/api-manager.sh")).unwrap();
    assert_eq!((script.uid(), script.gid()), (1234, 1235));
}

#[test]
fn a_link_that_leads_out_of_the_pack_is_not_followed_by_the_tool() {
    let lab = Lab::tooled();
    let outside = lab.path("outside.properties");
    fs::rename(lab.home().join(LOG4J), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, lab.home().join(LOG4J)).unwrap();
    let before = fs::read(&outside).unwrap();
    lab.run(UPDATE).refused(3, "conflicts");
    assert_eq!(fs::read(&outside).unwrap(), before);
}

#[test]
fn a_copy_that_does_not_fit_is_refused_before_the_disk_is_full() {
    if let Err(why) = crate::common::host::own_mounts() {
        return crate::common::host::skipped(&why);
    }
    let lab = Lab::tooled();
    fs::rename(lab.home(), lab.path("full")).unwrap();
    fs::create_dir(lab.home()).unwrap();
    let _mounted = crate::common::host::Mounted::tmpfs(&lab.home(), "size=16m");
    let copied = Command::new("cp")
        .args(["-a", "-T"])
        .arg(lab.path("full"))
        .arg(lab.home())
        .status()
        .unwrap();
    assert!(copied.success());
    let refused = lab.run(UPDATE).refused(6, "space");
    assert!(
        refused.message().contains("for a copy of the pack"),
        "{}",
        refused.message()
    );
    assert_eq!(lab.leftovers(), Vec::<String>::new());
}

#[test]
fn what_the_tool_said_is_kept_though_others_ask_it_meanwhile() {
    let lab = Lab::tooled();
    lab.configure("{credentials: {file: ../../login.yaml}, timeout_s: 5}");
    lab.knobs(&json!({"hang_at": "files"}));
    let update = lab.spawn(UPDATE);
    lab.until_tool_is_at("files");
    for _ in 0..2 {
        lab.run(&["check", "lab", "--online"])
            .expect(0, "update-available");
    }
    let output = update.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["error"]["kind"], "vendor-tool", "{report:#}");
    let hint = report["error"]["hint"].as_str().unwrap();
    let (_, log) = hint.rsplit_once(" is in ").unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert!(log.starts_with("# ") && log.contains("--level 4.2.0.4"), "{log}");
    assert_eq!(lab.logs_beside().len(), 2);
}

#[test]
fn two_looks_at_once_do_not_take_each_others_copies() {
    let lab = Lab::tooled();
    let look = || {
        let dry = [UPDATE, &["--dry-run"]].concat();
        lab.command(&dry).stdout(Stdio::null()).spawn().unwrap()
    };
    for mut run in (0..6).map(|_| look()).collect::<Vec<_>>() {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(lab.leftovers(), Vec::<String>::new());
}
