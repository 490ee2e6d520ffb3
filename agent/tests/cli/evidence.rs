//! `verify --evidence` and `receipt`: what is run, as whom, what is signed of it, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command};

use crate::common::host::eventually;
use crate::common::scenario::lab;
use crate::common::trusted::{believe, statement};
use crate::common::{Answer, Lab};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

fn keyed() -> Lab {
    let lab = lab();
    believe(
        &lab,
        &["s"],
        "version: 1\nroles: {evidence: {staging: {keys: [s.pem]}}}\n",
    );
    lab
}

fn verify(lab: &Lab, more: &[&str]) -> Answer {
    let (out, key) = (lab.path("evidence.json"), lab.path("s.key"));
    let args = [
        "verify",
        "lab",
        "--evidence",
        out.to_str().unwrap(),
        "--sign",
        key.to_str().unwrap(),
    ];
    lab.run(&[&args, more].concat())
}

fn told(lab: &Lab) -> Value {
    statement(&lab.path("evidence.json"))
}

fn suite(lab: &Lab, path: &str, script: &str) {
    let file = lab.path("config/verify.d").join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn probe<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    let probes = answer.report["probes"].as_array().unwrap();
    probes.iter().find(|probe| probe["name"] == name).unwrap()
}

const ENVIRONMENT: &[&str] = &["--environment", "staging"];

#[test]
fn evidence_says_what_ran_where_and_how_it_went() {
    let lab = keyed();
    suite(
        &lab,
        "required/smoke.sh",
        "printf '1..2\\nok 1 - login\\nok 2 - logout # SKIP no mail\\n'",
    );
    suite(
        &lab,
        "wanted/load.sh",
        "echo \"<testsuite><testcase name='slow'><failure/></testcase></testsuite>\" >\"$PITSTOP_RESULTS/r.xml\"",
    );
    suite(
        &lab,
        "lab/required/own.sh",
        "test \"$PITSTOP_INSTANCE $PITSTOP_LEVEL $(pwd)\" = \"lab 1.0.0 $PITSTOP_HOME\"",
    );
    suite(&lab, "other/required/not-mine.sh", "exit 1");
    fs::write(lab.path("config/verify.d/required/README"), "no program").unwrap();
    let answer = verify(&lab, ENVIRONMENT).expect(0, "verified");
    assert!(answer.message().contains("evidence.json"), "{}", answer.message());
    assert_eq!(probe(&answer, "smoke")["detail"], "1 passed, 0 failed, 1 skipped");
    assert_eq!(probe(&answer, "load")["detail"], "0 passed, 1 failed: slow");

    let told = told(&lab);
    assert_eq!(told["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        told["predicateType"],
        "https://in-toto.io/attestation/test-result/v0.1"
    );
    let before = &answer.report["before"]["release"];
    assert_eq!(
        told["subject"],
        json!([{"name": "lab-1.0.0", "digest": {"sha256": before["tree"]}}])
    );
    let predicate = &told["predicate"];
    assert_eq!(predicate["result"], "WARNED");
    let passed = predicate["passedTests"].as_array().unwrap();
    assert!(
        passed.contains(&json!("smoke.login")) && passed.contains(&json!("checks.integrity")),
        "{passed:?}"
    );
    assert_eq!(predicate["warnedTests"], json!(["load.slow"]));
    assert_eq!(predicate["failedTests"], json!([]));
    let pitstop = &predicate["pitstop"];
    for (key, expected) in [
        ("environment", "staging"),
        ("instance", "lab"),
        ("product", "lab"),
        ("level", "1.0.0"),
    ] {
        assert_eq!(pitstop[key], expected, "{key}");
    }
    assert_eq!(pitstop["instances"], json!(["lab"]));
    assert_eq!(
        predicate["configuration"][0]["digest"]["sha256"],
        pitstop["config"]
    );
    let suites = pitstop["suites"].as_array().unwrap();
    let names: Vec<&str> = suites
        .iter()
        .map(|suite| suite["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["checks", "smoke", "load", "own"]);
    assert_eq!(
        suites[1],
        json!({"name": "smoke", "required": true, "ok": true, "passed": 1, "failed": 0, "skipped": 1})
    );
    // Whose file this is nobody can say: which instances there are is not told.
    fs::write(lab.path("config/instances.d/broken.yaml"), "nonsense").unwrap();
    verify(&lab, ENVIRONMENT).expect(0, "verified");
    let there = statement(&lab.path("evidence.json"));
    assert!(there["predicate"]["pitstop"]["instances"].is_null(), "{there}");
}

#[test]
fn only_results_are_taken_for_results() {
    let lab = keyed();
    // As a server's own health page has it.
    suite(&lab, "required/smoke.sh", "echo ok");
    let answer = verify(&lab, ENVIRONMENT).expect(0, "verified");
    assert_eq!(probe(&answer, "smoke")["detail"], "exit code 0");
    // More than is kept of an output, with its failures at the beginning.
    let much = "printf 'not ok 1 - login\\n'; yes '# talk' | head -c 9000000";
    suite(
        &lab,
        "required/smoke.sh",
        &format!("{much}; printf '\\nok 2 - logout\\n1..2\\n'"),
    );
    let answer = verify(&lab, ENVIRONMENT).refused(5, "unhealthy");
    assert_eq!(
        probe(&answer, "smoke")["detail"],
        "0 passed, 1 failed: its output of 9000037 bytes was cut, so its results are not known"
    );
    assert_eq!(told(&lab)["predicate"]["result"], "FAILED");
    // Much talk that is no result is only that.
    suite(
        &lab,
        "required/smoke.sh",
        "yes 'ok so far' | head -c 9000000; echo ok",
    );
    verify(&lab, ENVIRONMENT).expect(0, "verified");
}

#[test]
fn what_fails_is_signed_as_failed() {
    let lab = keyed();
    for (script, detail) in [
        ("printf '1..1\\nnot ok 1 - login\\n'", "0 passed, 1 failed: login"),
        (
            "printf '1..1\\nok 1 - login\\n'; exit 3",
            "exit code 3, 1 passed, 0 failed",
        ),
        (
            "printf '1..2\\nok 1 - login\\n'",
            "1 passed, 1 failed: 2 tests were planned, and 1 ran",
        ),
        (
            "echo password=hunter2 went wrong >&2; exit 1",
            "exit code 1: password=***",
        ),
        (
            "ln -s /etc/passwd $PITSTOP_RESULTS/x.xml",
            "0 passed, 1 failed: x.xml is no result: it is no file",
        ),
        (
            "mkfifo $PITSTOP_RESULTS/x.xml",
            "0 passed, 1 failed: x.xml is no result: it is no file",
        ),
        (
            "echo '<a/>' >$PITSTOP_RESULTS/x.xml",
            "0 passed, 1 failed: x.xml is no result: `a` is no test suite",
        ),
        ("sleep 60", "no end within its time: "),
    ] {
        suite(&lab, "required/smoke.sh", script);
        let answer =
            verify(&lab, &[ENVIRONMENT, &["--suite-timeout-s", "1"]].concat()).refused(5, "unhealthy");
        assert_eq!(probe(&answer, "smoke")["detail"], detail, "{script}");
        assert_eq!(told(&lab)["predicate"]["result"], "FAILED", "{script}");
        assert!(!told(&lab).to_string().contains("hunter2"));
    }
    // The server is not as it should be: nothing is tested, and that is the evidence.
    suite(&lab, "required/smoke.sh", "touch $PITSTOP_HOME/data/tested");
    lab.write("lib/stays.jar", "tampered");
    let answer = verify(&lab, ENVIRONMENT).refused(5, "unhealthy");
    assert!(answer.message().contains("integrity"), "{}", answer.message());
    assert!(!lab.exists("data/tested"));
    let predicate = told(&lab)["predicate"].clone();
    assert_eq!(predicate["failedTests"], json!(["checks.integrity"]));
    assert_eq!(predicate["pitstop"]["suites"][0]["ok"], false);
    assert_eq!(predicate["pitstop"]["deviations"], 1);
}

/// What stands in the others may be failures.
#[test]
fn more_files_of_results_than_are_read_are_a_failure() {
    let lab = keyed();
    let result = "<testsuite><testcase name='a'/></testsuite>";
    let script = format!("for i in $(seq 1001); do echo \"{result}\" >$PITSTOP_RESULTS/$i.xml; done");
    suite(&lab, "required/smoke.sh", &script);
    let answer = verify(&lab, ENVIRONMENT).refused(5, "unhealthy");
    let told = probe(&answer, "smoke")["detail"].as_str().unwrap();
    let expected = "1000 passed, 1 failed: 1001 files of results are there, and no more than 1000 are read";
    assert_eq!(told, expected);
}

#[test]
fn what_was_changed_during_the_tests_is_not_signed() {
    let lab = keyed();
    lab.run(&["update", "lab"]).expect(0, "updated");
    let run = |verb: &str| {
        let line = format!("other={}", lab.line(&verb.split(' ').collect::<Vec<_>>()));
        verify(&lab, &[ENVIRONMENT, &["--suite", &line]].concat())
    };
    let stale = run("rollback lab").refused(6, "stale");
    assert_eq!(probe(&stale, "other")["ok"], true, "{}", stale.report["probes"]);
    assert!(!lab.path("evidence.json").exists());
    // What only looks, or only stages, changes nothing of what was tested.
    run("check lab").expect(0, "verified");
    run("update lab --stage-only --release-hold").expect(0, "verified");
    run("update lab --release-hold").refused(6, "stale");
}

#[test]
fn suites_that_are_asked_for_run_beside_those_that_lie_there() {
    let lab = keyed();
    suite(&lab, "required/smoke.sh", "true");
    let folder = lab.path("more");
    fs::create_dir_all(folder.join("wanted")).unwrap();
    let program = folder.join("wanted/extra");
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (folder, program) = (folder.to_str().unwrap(), program.to_str().unwrap());
    let answer = lab.run(&[
        "verify", "lab", "--suite", folder, "--suite", "api=true", "--suite", "true # x",
    ]);
    let answer = answer.expect(0, "verified");
    let names = ["smoke", "extra", "api", "true"];
    assert!(names.iter().all(|name| probe(&answer, name)["kind"] == "suite"));
    assert_eq!(probe(&answer, "extra")["required"], false);
    lab.run(&["verify", "lab", "--suite", program])
        .refused(5, "unhealthy");
    let empty = lab.path("empty");
    fs::create_dir(&empty).unwrap();
    lab.run(&["verify", "lab", "--suite", empty.to_str().unwrap()])
        .refused(2, "usage");
    // Without being asked for, none runs.
    suite(&lab, "required/smoke.sh", "exit 1");
    lab.run(&["verify", "lab"]).expect(0, "verified");
}

#[test]
fn what_cannot_be_proven_is_said_before_anything_is_tested() {
    let lab = keyed();
    suite(&lab, "required/smoke.sh", "touch $PITSTOP_HOME/data/tested");
    verify(&lab, &[]).refused(2, "usage");
    lab.run(&["verify", "lab", "--sign", lab.path("s.key").to_str().unwrap()])
        .refused(2, "usage");
    fs::set_permissions(lab.path("s.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = verify(&lab, ENVIRONMENT).refused(2, "settings");
    assert!(
        refused.report["error"]["hint"]
            .as_str()
            .unwrap()
            .starts_with("run `chmod 600")
    );
    fs::set_permissions(lab.path("s.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(lab.path("s.key"), "no key").unwrap();
    verify(&lab, ENVIRONMENT).refused(6, "trust");
    fs::remove_file(lab.path("s.key")).unwrap();
    verify(&lab, ENVIRONMENT).refused(1, "io");
    assert!(!lab.exists("data/tested") && !lab.path("evidence.json").exists());
}

#[test]
fn probes_are_asked_also_where_nothing_says_how_the_server_is_started() {
    let lab = keyed();
    let with = |probe: &str| {
        lab.instance(&format!(
            "probes: [{{name: api, deadline_s: 0, command: [{probe}]}}]\n"
        ))
    };
    with("/bin/true");
    let answer = verify(&lab, ENVIRONMENT).expect(0, "verified");
    assert_eq!(probe(&answer, "api")["ok"], true);
    assert!(
        told(&lab)["predicate"]["passedTests"]
            .to_string()
            .contains("checks.api")
    );
    with("/bin/false");
    verify(&lab, ENVIRONMENT).refused(5, "unhealthy");
    assert_eq!(told(&lab)["predicate"]["result"], "FAILED");
}

#[test]
fn files_alone_are_no_evidence() {
    let lab = keyed();
    let refused = verify(&lab, ENVIRONMENT).refused(2, "usage");
    assert!(refused.message().contains("only files"), "{}", refused.message());
    assert!(!lab.path("evidence.json").exists());
    let answer = lab.run(&["verify", "lab"]).expect(0, "verified");
    assert!(answer.report["warnings"].to_string().contains("only files"));
    verify(&lab, &[ENVIRONMENT, &["--suite", "smoke=true"]].concat()).expect(0, "verified");
    lab.write("lib/stays.jar", "tampered");
    verify(&lab, ENVIRONMENT).refused(5, "unhealthy");
    assert_eq!(told(&lab)["predicate"]["result"], "FAILED");
}

/// A verification with evidence whose suite writes the process id of its main process, or of one that it starts, into a
/// file and goes on for long; that id.
fn under_way(lab: &Lab, suite: &str) -> (Child, String) {
    let file = lab.path("pid");
    let line = format!("slow={}", suite.replace("FILE", file.to_str().unwrap()));
    let (out, key) = (lab.path("evidence.json"), lab.path("s.key"));
    let (out, key) = (out.to_str().unwrap(), key.to_str().unwrap());
    let args = [
        "verify",
        "lab",
        "--suite",
        &line,
        "--evidence",
        out,
        "--sign",
        key,
    ];
    let run = lab.spawn(&[&args, ENVIRONMENT].concat());
    eventually("it runs", || file.exists());
    let pid = fs::read_to_string(&file).unwrap();
    (run, pid.trim().to_owned())
}

/// Of a process that has ended, but that nobody has waited for, there is no command line.
fn ends(pid: &str) {
    let commands = format!("/proc/{pid}/cmdline");
    eventually("it is gone", || {
        fs::read(&commands).unwrap_or_default().is_empty()
    });
}

/// Without it nobody looks at its time any more.
#[test]
fn a_suite_ends_with_the_run_that_it_belongs_to() {
    let lab = keyed();
    let (mut run, suite) = under_way(&lab, "echo $$ >FILE.new && mv FILE.new FILE && exec sleep 600");
    run.kill().unwrap();
    run.wait().unwrap();
    ends(&suite);
}

#[test]
fn a_verification_that_is_asked_to_stop_ends_all_of_its_suite_and_proves_nothing() {
    let lab = keyed();
    let (run, child) = under_way(&lab, "sleep 600 & echo $! >FILE.new && mv FILE.new FILE; wait");
    kill(Pid::from_raw(i32::try_from(run.id()).unwrap()), Signal::SIGTERM).unwrap();
    let output = run.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    assert_eq!(report["error"]["kind"], "cancelled", "{report:#}");
    ends(&child);
    assert!(!lab.path("evidence.json").exists());
}

#[test]
fn suites_run_as_the_user_of_the_server() {
    if !nix::unistd::geteuid().is_root() {
        return crate::common::host::skipped("only root can become another user");
    }
    let lab = keyed();
    // Whoever runs the suite must get there.
    fs::set_permissions(lab.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let source = lab.path("packs");
    lab.instance(&format!("user: nobody\nsource: {}\n", source.display()));
    suite(
        &lab,
        "required/who.sh",
        "test \"$(id -un)\" = nobody && touch \"$PITSTOP_RESULTS/mine\" && test -z \"$PITSTOP_SECRET\"",
    );
    let (out, key) = (lab.path("evidence.json"), lab.path("s.key"));
    let args = [
        "verify",
        "lab",
        "--evidence",
        out.to_str().unwrap(),
        "--sign",
        key.to_str().unwrap(),
        "--environment",
        "e",
    ];
    let answer = lab.run_with(&args, &[("PITSTOP_SECRET", "x")]);
    assert_eq!(probe(&answer, "who")["ok"], true, "{}", answer.report["probes"]);
}

#[test]
fn a_receipt_says_what_runs_and_what_is_not_the_vendors_any_more() {
    let lab = keyed();
    let (out, key) = (lab.path("receipt.json"), lab.path("s.key"));
    let run = |names: &[&str]| {
        let args = [
            "receipt",
            "-o",
            out.to_str().unwrap(),
            "--sign",
            key.to_str().unwrap(),
        ];
        lab.run(&[&args, names].concat())
    };
    assert_eq!(run(&["nobody"]).code, Some(2));
    lab.write("lib/stays.jar", "tampered");
    fs::remove_file(lab.home().join("doc/old/index.html")).unwrap();
    let answer = run(&["--all"]);
    assert_eq!(answer.report["schema"], "pitstop/signed/v1");
    let told = statement(&out);
    assert_eq!(told["predicateType"], "https://pitstop.dev/receipt/v1");
    let one = &told["predicate"]["instances"][0];
    assert_eq!(
        (&one["name"], &one["level"], &one["running"]),
        (&json!("lab"), &json!("1.0.0"), &json!(false))
    );
    assert_eq!(told["subject"][0]["digest"]["sha256"], one["tree"]);
    let deviations = one["deviations"].as_object().unwrap();
    let digest = Command::new("sha256sum")
        .arg(lab.home().join("lib/stays.jar"))
        .output()
        .unwrap()
        .stdout;
    let digest = String::from_utf8(digest).unwrap()[..64].to_owned();
    assert_eq!(deviations["lib/stays.jar"], json!(digest));
    assert_eq!(deviations["doc/old/index.html"], Value::Null);
    assert_eq!(deviations.len(), 2);
    assert!(fs::metadata(&out).unwrap().len() < 4096);

    // One that cannot be told of does not hide the other.
    fs::write(
        lab.path("config/instances.d/broken.yaml"),
        "name: broken\nproduct: lab\nhome: /nowhere\n",
    )
    .unwrap();
    assert_eq!(run(&["--all"]).code, Some(0));
    let told = statement(&out);
    assert!(
        told["predicate"]["untold"]["broken"]
            .as_str()
            .unwrap()
            .contains("/nowhere")
    );
    assert_eq!(told["predicate"]["instances"].as_array().unwrap().len(), 1);
    assert_eq!(run(&["broken"]).code, Some(2));
}
