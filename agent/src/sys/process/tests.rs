use std::path::Path;

use super::pipes::GRACE;
use super::*;
use crate::sys::clock::{Stopwatch, pause};
use crate::sys::procfs;

fn sh(script: &str) -> Spec {
    Spec::new(["/bin/sh", "-c", script])
}

fn run_for_a_minute(spec: &Spec) -> Output {
    run(spec, Duration::from_secs(60)).unwrap()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Deadline::after(Duration::from_secs(20));
    while !holds() {
        assert!(!deadline.passed(), "{what}");
        pause(Duration::from_millis(10), &deadline);
    }
}

fn read(path: &Path) -> String {
    String::from_utf8(procfs::read(path, 1 << 20).unwrap_or_default()).unwrap()
}

#[test]
fn the_end_and_both_outputs_come_back() {
    let output = run_for_a_minute(&sh("echo out; echo err >&2; exit 3"));
    assert_eq!(
        (output.stdout_tail.as_str(), output.stderr_tail.as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(
        (output.ending().as_str(), output.success()),
        ("exit code 3", false)
    );
    let killed = run_for_a_minute(&sh("kill -9 $$"));
    assert_eq!(killed.ending(), "signal 9");
    assert!(run_for_a_minute(&sh("true")).success());
}

#[test]
fn only_the_end_of_a_long_output_is_kept_and_the_program_is_not_blocked() {
    let output = run_for_a_minute(&sh(
        "i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done",
    ));
    assert_eq!(output.stdout_tail.len(), TAIL_BYTES);
    assert!(output.stdout_tail.ends_with("line-19999\n"));
    assert_eq!((output.stdout_bytes, output.stdout_is_cut()), (208_890, true));
    assert!(!run_for_a_minute(&sh("echo all")).stdout_is_cut());
}

#[test]
fn input_is_given_as_bytes_and_is_empty_otherwise() {
    let mut spec = Spec::new(["/bin/cat"]);
    assert_eq!(run_for_a_minute(&spec).stdout_tail, "");
    spec.stdin = Some(b"secret".to_vec());
    assert_eq!(run_for_a_minute(&spec).stdout_tail, "secret");
    spec.argv = vec!["/bin/true".to_owned()];
    spec.stdin = Some(vec![b'x'; 1 << 20]);
    assert!(run_for_a_minute(&spec).success(), "unread input is no error");
}

#[test]
fn a_clean_environment_is_what_a_login_has() {
    let mut spec = Spec::new(["/usr/bin/env"]);
    spec.env = Environment::Clean([("JAVA_HOME".to_owned(), "/j".to_owned())].into());
    let mut names: Vec<_> = run_for_a_minute(&spec)
        .stdout_tail
        .lines()
        .map(|line| line.split('=').next().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    let expected = ["HOME", "JAVA_HOME", "LC_ALL", "LOGNAME", "PATH", "SHELL", "USER"];
    assert_eq!(names, expected);
}

#[test]
fn a_program_without_an_end_is_ended_with_all_its_children() {
    let watch = Stopwatch::start();
    let script = "trap '' TERM; sleep 300 & echo $!; wait; while :; do sleep 300; done";
    let output = run(&sh(script), Duration::from_millis(300)).unwrap();
    assert!(output.timed_out && !output.success());
    assert_eq!(
        output.status.signal(),
        Some(9),
        "TERM was ignored, so KILL ended it"
    );
    assert!(watch.elapsed() < Duration::from_secs(20));
    let child: u32 = output.stdout_tail.trim().parse().unwrap();
    eventually("the child in its group ends too", || {
        ProcessId::of(child).is_none()
    });
}

#[test]
fn a_background_process_that_holds_the_pipe_does_not_hold_up_the_caller() {
    let watch = Stopwatch::start();
    let output = run_for_a_minute(&sh("sleep 120 & echo $!"));
    assert!(watch.elapsed() < Duration::from_secs(10));
    let left = ProcessId::of(output.stdout_tail.trim().parse().unwrap()).unwrap();
    assert!(left.signal(Signal::SIGKILL).unwrap());
}

#[test]
fn a_missing_program_and_a_missing_directory_are_errors() {
    let missing = run(&Spec::new(["/no/such/program"]), GRACE).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    let mut nowhere = sh("true");
    nowhere.cwd = Some("/no/such/dir".into());
    assert_eq!(run(&nowhere, GRACE).unwrap_err().kind(), io::ErrorKind::NotFound);
    let empty = run(&Spec::default(), GRACE).unwrap_err();
    assert_eq!(empty.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn another_user_gets_its_own_ids_and_groups_only() {
    let Some(nobody) = User::find("nobody").unwrap() else {
        return;
    };
    let mut spec = Spec::new(["/bin/sh", "-c", "id -u; id -g; id -G; echo $HOME $USER"]);
    spec.user = Some(nobody.clone());
    if !nix::unistd::Uid::effective().is_root() {
        assert_eq!(
            run(&spec, GRACE).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        return;
    }
    let (uid, gid) = (nobody.uid, nobody.gid);
    let expected = format!("{uid}\n{gid}\n{gid}\n{} nobody\n", nobody.home);
    assert_eq!(run_for_a_minute(&spec).stdout_tail, expected);
}

#[test]
fn a_detached_program_has_its_own_session_and_none_of_our_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("start.log");
    let lock = fs_file(&dir.path().join("lock"));
    // As a descriptor that the caller's caller left open: not close-on-exec.
    let leaked = nix::fcntl::fcntl(&lock, nix::fcntl::FcntlArg::F_DUPFD(200)).unwrap();
    // As a lock of ours, under a number that a shell does not use itself.
    let held = nix::fcntl::fcntl(&lock, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(300)).unwrap();
    let script = "ls /proc/$$/fd | tr '\\n' ' '; echo; echo problem >&2; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 7";
    let mut detached = spawn_detached(&sh(script), &log).unwrap();
    let mut status = None;
    eventually("it ends", || {
        status = detached.ended().unwrap();
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(7));
    let text = read(&log);
    let lines: Vec<_> = text.lines().collect();
    assert!(
        !text.contains(&leaked.to_string()) && !text.contains(&held.to_string()),
        "{text}"
    );
    assert_eq!(lines[1], "problem");
    assert_eq!(lines[2].trim(), "HOME LANG LOGNAME PATH PWD SHELL USER");
    nix::unistd::close(leaked).unwrap();
    nix::unistd::close(held).unwrap();
}

fn fs_file(path: &Path) -> std::fs::File {
    crate::sys::fs::create_private(path).unwrap()
}

#[test]
fn a_detached_program_leads_its_own_session() {
    let dir = tempfile::tempdir().unwrap();
    let detached = spawn_detached(&Spec::new(["/bin/sleep", "60"]), &dir.path().join("log")).unwrap();
    let id = detached.id();
    assert_eq!(procfs::Stat::of(id.pid).unwrap().session, id.pid);
    assert!(id.lives() && id.signal(Signal::SIGKILL).unwrap());
    eventually("it ends", || !id.lives());
}

#[test]
fn a_signal_never_reaches_a_later_process_of_the_same_pid() {
    let dir = tempfile::tempdir().unwrap();
    let mut sleeper = spawn_detached(&Spec::new(["/bin/sleep", "60"]), &dir.path().join("log")).unwrap();
    let real = sleeper.id();
    let earlier = ProcessId {
        pid: real.pid,
        started_ticks: real.started_ticks - 1,
    };
    assert!(!earlier.lives());
    assert!(!earlier.signal(Signal::SIGKILL).unwrap());
    assert!(real.lives(), "the process that has the pid now is untouched");
    assert!(real.signal(Signal::SIGKILL).unwrap());
    eventually("it ends", || sleeper.ended().unwrap().is_some());
    assert!(
        !real.signal(Signal::SIGKILL).unwrap(),
        "a process that is gone is no error"
    );
}
