//! Servers that are controlled by commands, as they are when everything goes well enough.

use super::demo::Demo;
use crate::api::report::RunState;
use crate::health::tests::support::{eventually, probe, root_or_skip, write};
use crate::model::RelPath;
use crate::observe::ports::holders;
use crate::sys::clock::Stopwatch;
use crate::sys::process::{ProcessId, User};

#[test]
fn a_server_is_started_and_stopped_once() {
    let demo = Demo::new();
    let (first, views) = demo.start_with_views();
    assert!(first.unwrap().changed);
    assert_eq!((views.len(), views[0].ok), (1, true));
    let pids = demo.main_pids();
    assert_eq!(pids.len(), 1);

    let (second, views) = demo.start_with_views();
    let second = second.unwrap();
    assert!(!second.changed && views[0].ok, "{second:?}");
    assert_eq!(demo.main_pids(), pids, "the same process serves on");

    let stopped = demo.stop().unwrap();
    assert!(stopped.changed && stopped.killed.is_empty(), "{stopped:?}");
    assert_eq!(demo.observe().state, RunState::Stopped);
    assert_eq!(holders(&[demo.port]).unwrap(), []);
    let again = demo.stop().unwrap();
    assert!(!again.changed && again.warnings.is_empty(), "{again:?}");
}

#[test]
fn a_start_script_may_leave_the_server_in_the_background() {
    let mut demo = Demo::new();
    demo.starts_by_script("(setsid SERVER >/dev/null 2>&1 &)\nexit 0\n");
    assert!(demo.start().unwrap().changed);
    assert!(!demo.start().unwrap().changed);
    assert!(demo.stop().unwrap().changed);
}

/// The script believes that the server runs if any process has the number in its pid file, whatever follows it.
#[test]
fn a_pid_file_that_outlived_its_server_does_not_hold_up_a_start() {
    let mut demo = Demo::new();
    demo.starts_by_script(
        "pid=$(tr -d '\\0' <\"${0%/*}/demo.pid\" 2>/dev/null) && kill -0 \"$pid\" 2>/dev/null && exit 0\n\
         (setsid SERVER >/dev/null 2>&1 &)\nexit 0\n",
    );
    let file = demo.home().join("demo.pid");
    write(&file, &format!("{}\n\0\0", std::process::id()));
    demo.settings.profile.service.pid_files = vec![RelPath::new("demo.pid").unwrap()];
    assert!(demo.start().unwrap().changed);
    assert!(!file.exists());
    write(&file, "1\n");
    assert!(!demo.start().unwrap().changed);
    assert!(file.exists(), "a running server keeps its own");
    assert!(demo.stop().unwrap().changed);
}

/// Whoever may write to the home must not have files elsewhere removed.
#[test]
fn a_pid_file_behind_a_link_out_of_the_home_is_left_alone() {
    let mut demo = Demo::new();
    let outside = demo.beside("outside");
    crate::sys::fs::make_private_dirs(&outside).unwrap();
    write(&outside.join("demo.pid"), "1\n");
    std::os::unix::fs::symlink(&outside, demo.home().join("run")).unwrap();
    demo.settings.profile.service.pid_files = vec![RelPath::new("run/demo.pid").unwrap()];
    let failure = demo.start().unwrap_err();
    assert!(failure.message.contains("stale pid file"), "{failure}");
    assert!(outside.join("demo.pid").exists());
}

#[test]
fn a_start_script_may_end_badly_if_the_server_comes_up() {
    let mut demo = Demo::new();
    demo.starts_by_script("SERVER &\nexit 4\n");
    // The script ends before the server has been seen for sure, so this is a matter of what lives by then.
    let started = demo.start();
    let is_refusal = |failure: &crate::api::Failure| failure.message.contains("exit code 4");
    assert!(started.as_ref().is_ok_and(|outcome| outcome.changed) || started.as_ref().is_err_and(is_refusal));
    eventually("the server comes up anyway", || {
        demo.observe().state == RunState::Running
    });
    assert!(demo.stop().unwrap().changed);
}

#[test]
fn a_server_without_probes_must_stay_alive() {
    let mut demo = Demo::new();
    demo.settings.probes.clear();
    let watch = Stopwatch::start();
    assert!(demo.start().unwrap().changed);
    assert!(watch.ms() >= 2_000, "it was watched for a while");
    demo.stop().unwrap();
    demo.starts_with(&["die-after", "0.7"]);
    let failure = demo.start_failure();
    assert!(failure.message.contains("ended"), "{failure}");
}

#[test]
fn a_log_line_of_an_earlier_start_is_not_taken_for_this_one() {
    let mut demo = Demo::new();
    write(&demo.home().join("logs/server.log"), "server started in 1 sec\n");
    demo.settings.probes.push(probe(
        "name: log\ninterval_s: 0\nlog: {file: logs/server.log, pattern: 'started in \\d'}",
    ));
    let (started, views) = demo.start_with_views();
    started.unwrap();
    assert!(views.iter().all(|view| view.ok), "{views:?}");
    demo.stop().unwrap();
    demo.settings.probes[1] = probe("name: log\nlog: {file: logs/server.log, pattern: never}");
    demo.settings.start_timeout_s = 2;
    let (failed, views) = demo.start_with_views();
    let failure = failed.unwrap_err();
    assert!(failure.message.contains("probe log fails"), "{failure}");
    assert_eq!(
        views.iter().map(|view| view.ok).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn a_probe_that_only_warns_is_asked_but_does_not_hold_up_the_start_for_long() {
    let mut demo = Demo::new();
    demo.settings.probes.push(probe(
        "name: warns\nrequired: false\ndeadline_s: 1\ntcp: {port: 1}",
    ));
    let watch = Stopwatch::start();
    let (started, views) = demo.start_with_views();
    assert!(started.unwrap().changed && watch.ms() < 30_000);
    assert!(!views[1].ok && views[1].attempts > 0, "{views:?}");
}

#[test]
fn a_stop_command_that_works_is_enough() {
    let mut demo = Demo::new();
    // As the vendor's scripts do: the pid file holds NUL bytes, and the script does not wait.
    demo.starts_by_script("(setsid SERVER >/dev/null 2>&1 & printf '%d\\n\\0\\0\\0' $! >server.pid)\n");
    demo.stops_by_script("kill -TERM $(head -n1 server.pid)\nexit 0\n");
    demo.start().unwrap();
    let stopped = demo.stop().unwrap();
    assert!(stopped.changed && stopped.warnings.is_empty(), "{stopped:?}");
    assert!(stopped.detail.contains("stop command"), "{stopped:?}");
}

#[test]
fn a_stop_command_that_lies_or_fails_is_not_believed() {
    let mut demo = Demo::new();
    demo.settings.stop_timeout_s = 4;
    demo.stops_by_script("exit 0\n");
    demo.start().unwrap();
    let lied = demo.stop().unwrap();
    assert!(
        lied.changed && lied.killed.is_empty(),
        "SIGTERM came before the end of the time: {lied:?}"
    );
    assert_eq!(demo.observe().state, RunState::Stopped);

    demo.settings.stop_timeout_s = 60;
    demo.stops_by_script("echo no such server; exit 1\n");
    demo.start().unwrap();
    let watch = Stopwatch::start();
    let failed = demo.stop().unwrap();
    assert!(watch.ms() < 20_000 && failed.killed.is_empty());
    assert!(
        failed.warnings[0].contains("exit code 1: no such server"),
        "{failed:?}"
    );
}

/// It has to have had its chance to end by itself before it is killed.
#[test]
fn a_stop_command_that_hangs_leaves_time_for_sigterm() {
    let mut demo = Demo::new();
    demo.settings.stop_timeout_s = 6;
    demo.stops_by_script("exec sleep 600\n");
    demo.start().unwrap();
    let stopped = demo.stop().unwrap();
    assert!(stopped.killed.is_empty(), "{stopped:?}");
    let said = &stopped.warnings[0];
    assert!(
        said.contains("no end within its time") && said.ends_with("; SIGTERM was sent"),
        "{said}"
    );
}

#[test]
fn a_sigterm_that_nobody_needed_is_not_told_of() {
    let mut demo = Demo::new();
    demo.starts_by_script("(setsid SERVER >/dev/null 2>&1 & echo $! >server.pid)\n");
    demo.stops_by_script(
        "pid=$(cat server.pid)\nkill -TERM $pid\n\
         while grep -q server.py /proc/$pid/cmdline 2>/dev/null; do :; done\nexit 1\n",
    );
    demo.start().unwrap();
    let stopped = demo.stop().unwrap();
    let said = &stopped.warnings[0];
    assert!(
        said.contains("exit code 1") && !said.contains("SIGTERM"),
        "{said}"
    );
}

#[test]
fn a_stale_pid_file_of_a_stop_script_cannot_hide_a_living_server() {
    let mut demo = Demo::new();
    demo.settings.stop_timeout_s = 4;
    let bystander = demo.run_beside(demo.home(), &["/bin/sleep", "600"]);
    demo.stops_by_script("test -d /proc/$(head -n1 stale.pid) && exit 0\n");
    write(
        &demo.home().join("stale.pid"),
        &format!("{}\n\0\0", bystander.pid()),
    );
    demo.start().unwrap();
    assert!(demo.stop().unwrap().changed);
    assert_eq!(demo.observe().state, RunState::Stopped);
    assert!(bystander.lives());
}

#[test]
fn a_server_that_ignores_sigterm_is_killed_and_reported() {
    let mut demo = Demo::new();
    demo.settings.stop_timeout_s = 1;
    demo.starts_with(&["ignore-term"]);
    demo.start().unwrap();
    let pids = demo.main_pids();
    let stopped = demo.stop().unwrap();
    assert_eq!(stopped.killed, pids);
    assert!(
        stopped.detail.contains(&format!("SIGKILL for {}", pids[0])),
        "{stopped:?}"
    );
    assert_eq!(demo.observe().state, RunState::Stopped);
}

#[test]
fn a_wrapper_of_the_pack_that_restarts_its_server_is_stopped_with_it() {
    let mut demo = Demo::new();
    demo.starts_by_script("trap '' TERM\nwhile :; do SERVER; done\n");
    demo.settings.stop_timeout_s = 2;
    demo.start().unwrap();
    let stopped = demo.stop().unwrap();
    assert!(
        stopped.changed && !stopped.killed.is_empty(),
        "the wrapper ignores SIGTERM: {stopped:?}"
    );
    assert!(demo.observe().to_stop().is_empty());
}

#[test]
fn an_administrators_shell_and_tail_survive_a_stop() {
    let demo = Demo::new();
    demo.start().unwrap();
    let log = demo.home().join("logs/server.log").display().to_string();
    let shell = demo.run_beside(
        &demo.home().join("logs"),
        &["/bin/bash", "-c", "read < <(sleep 600)"],
    );
    let tail = demo.run_beside(&demo.beside(""), &["tail", "-f", &log]);
    let stopped = demo.stop().unwrap();
    assert!(stopped.changed && shell.lives() && tail.lives());
    let left = demo.observe();
    assert_eq!(left.state, RunState::Stopped);
    let seen: Vec<u32> = left.processes.iter().map(|found| found.view.pid).collect();
    assert!(
        seen.contains(&shell.pid()) && seen.contains(&tail.pid()),
        "they are reported: {left:?}"
    );
}

#[test]
fn the_server_runs_as_its_own_user() {
    if !root_or_skip("start a server as another user") {
        return;
    }
    let mut demo = Demo::new();
    let nobody = User::find("nobody").unwrap().unwrap();
    for dir in [demo.beside(""), demo.home().to_owned(), demo.home().join("logs")] {
        std::os::unix::fs::chown(dir, Some(nobody.uid), Some(nobody.gid)).unwrap();
    }
    let server = demo.home().join("server.py");
    std::os::unix::fs::chown(&server, Some(nobody.uid), None).unwrap();
    demo.settings.user = Some("nobody".to_owned());
    demo.start().unwrap();
    let pid = demo.main_pids()[0];
    let status = String::from_utf8(crate::sys::procfs::of_process(pid, "status").unwrap()).unwrap();
    let uid = nobody.uid;
    assert!(
        status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")),
        "{status}"
    );
    assert!(status.contains("Umask:\t0022\n"), "{status}");
    demo.settings.user = None;
    assert!(
        demo.stop().unwrap().changed,
        "the owner of the home is the same user"
    );
    assert!(ProcessId::of(pid).is_none());
}
