use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::classify::{Classify, names};
use super::*;
use crate::api::report::ProcessRole::{Bystander, Helper, Main};
use crate::product::builtin;
use crate::sys::clock::{Deadline, pause};
use crate::sys::process::{Detached, Signal, Spec, spawn_detached};

const HOME: &str = "/srv/app";
const REAL: &str = "/data/app-4.2.0";
pub(super) const BOOTSTRAP: &str = "org.wso2.carbon.bootstrap.Bootstrap";
pub(super) const DIAGNOSTICS: &str = "org.wso2.diagnostics.DiagnosticsApp";

/// `parent`, program, arguments, working directory; pids count from 100.
pub(super) struct Given(
    pub u32,
    pub &'static str,
    pub &'static [&'static str],
    pub &'static str,
);

pub(super) fn rules(named: bool) -> ProcessRules {
    let texts = |text: &str| if named { vec![text.to_owned()] } else { Vec::new() };
    ProcessRules {
        main: texts(BOOTSTRAP),
        helpers: texts(DIAGNOSTICS),
        home: Vec::new(),
    }
}

fn row(at: usize, given: &Given) -> Row {
    let pid = 100 + u32::try_from(at).unwrap();
    let terminal = if given.3 == "/terminal" { 34816 } else { 0 };
    let stat = format!(
        "{pid} (x) S {} 1 1 {terminal} -1 0 0 0 0 0 0 0 0 0 0 0 0 0 5 0",
        given.0
    );
    Row {
        pid,
        stat: procfs::Stat::of_text(&stat).unwrap(),
        args: given.2.iter().map(|arg| (*arg).to_owned()).collect(),
        exe: (!given.1.is_empty()).then(|| given.1.into()),
        cwd: Some(given.3.into()),
        in_unit: given.3 == "/unit",
    }
}

/// `/opt/current` is a symlink to the home; these files exist in it.
fn resolve(path: &Path) -> Option<PathBuf> {
    const EXISTING: [&str; 5] = ["", "bin/start.sh", "server.py", "logs/x.log", "conf/x.xml"];
    let rest = ["/opt/current", HOME, REAL]
        .iter()
        .find_map(|home| path.strip_prefix(home).ok())?;
    EXISTING
        .iter()
        .any(|one| Path::new(one) == rest)
        .then(|| Path::new(REAL).join(rest))
}

fn roles(named: bool, main_pid: Option<u32>, given: &[Given]) -> Vec<Option<ProcessRole>> {
    roles_by(&rules(named), main_pid, given)
}

/// What each of some processes is by these rules.
pub(super) fn roles_by(
    rules: &ProcessRules,
    main_pid: Option<u32>,
    given: &[Given],
) -> Vec<Option<ProcessRole>> {
    let rows: Vec<Row> = given
        .iter()
        .enumerate()
        .map(|(at, given)| row(at, given))
        .collect();
    let wso2 = builtin::find("wso2am", None).unwrap();
    let found = Classify {
        homes: &[HOME.into(), REAL.into()],
        rules,
        vendor_tool: wso2.vendor_tool.as_ref(),
        main_pid,
        resolve: &resolve,
        open_file: &|pid| (pid == 199).then(|| PathBuf::from("/srv/app/logs/x.log")),
    }
    .all(&rows);
    let by_pid: HashMap<u32, ProcessRole> = found.iter().map(|one| (one.view.pid, one.view.role)).collect();
    rows.iter().map(|row| by_pid.get(&row.pid).copied()).collect()
}

#[test]
fn a_path_is_named_as_whole_components_only() {
    let table = [
        ("/srv/app", true),
        ("/srv/app/", true),
        ("/srv/app/bin/x.sh", true),
        ("-Dcarbon.home=/srv/app", true),
        ("-cp=/x/y.jar:/srv/app/lib/z.jar:/srv/app", true),
        ("file:///srv/app/conf", true),
        ("@/srv/app/args", true),
        ("cd '/srv/app' && run", true),
        ("/srv/app2", false),
        ("/srv/app-old/bin", false),
        ("/srv/app.bak", false),
        ("/mnt/srv/app", false),
        ("x/srv/app", false),
        ("/srv/ap", false),
        ("/srv/app2:/srv/app", true),
        ("", false),
    ];
    for (text, expected) in table {
        assert_eq!(names(text, "/srv/app"), expected, "{text}");
        assert_eq!(names(text, "/srv/app/"), expected, "{text}");
    }
    assert!(!names("/srv/app", "/"), "the root is no home");
}

#[test]
fn with_rules_the_server_is_what_they_name() {
    let java = "/usr/bin/java";
    let given = [
        Given(1, java, &["java", "-Dcarbon.home=/srv/app", BOOTSTRAP], "/"),
        Given(1, java, &["java", "-Dcarbon.home=/srv/app2", BOOTSTRAP], "/"),
        Given(
            1,
            java,
            &["java", "-Dcarbon.home=/data/app-4.2.0", BOOTSTRAP],
            "/",
        ),
        Given(1, java, &["java", "-Dcarbon.home=/opt/current", BOOTSTRAP], "/"),
        Given(1, java, &["java", "-cp", "lib/*", BOOTSTRAP], "/srv/app/bin"),
        Given(
            1,
            java,
            &["java", "-Dapp.home=/srv/app/diagnostics-tool", DIAGNOSTICS],
            "/",
        ),
        Given(
            1,
            "/usr/bin/dash",
            &["/bin/sh", "/srv/app/bin/start.sh", "start"],
            "/",
        ),
        Given(
            1,
            "/usr/bin/bash",
            &["bash", "-c", "tail -f /srv/app/logs/x.log"],
            "/",
        ),
        Given(1, "/usr/bin/grep", &["grep", "-r", BOOTSTRAP, "/srv/app"], "/"),
        Given(
            1,
            "/usr/bin/python3",
            &["python3", "/root/tool.py", "/srv/app"],
            "/",
        ),
        Given(100, "/usr/bin/sleep", &["sleep", "5"], "/"),
        Given(110, "/usr/bin/tail", &["tail", "-f", "/x"], "/"),
        Given(1, "/srv/app/jre/bin/jcmd", &["jcmd"], "/"),
        Given(1, "", &["java", "-Dcarbon.home=/srv/app", BOOTSTRAP], "/"),
    ];
    let expected = [
        Some(Main),
        None,
        Some(Main),
        Some(Main),
        Some(Main),
        Some(Helper),
        Some(Helper),
        Some(Bystander),
        Some(Bystander),
        Some(Bystander),
        Some(Helper),
        Some(Helper),
        Some(Helper),
        Some(Main),
    ];
    assert_eq!(roles(true, None, &given), expected);
}

#[test]
fn what_people_run_in_a_terminal_is_left_alone_unless_the_server_came_out_of_it() {
    let script: &[&str] = &["/bin/sh", "/srv/app/bin/start.sh"];
    let java: &[&str] = &["java", "-Dcarbon.home=/srv/app", BOOTSTRAP];
    let given = [
        Given(1, "/usr/bin/dash", script, "/terminal"),
        Given(100, "/usr/bin/sleep", &["sleep", "5"], "/terminal"),
        Given(1, "/usr/bin/dash", script, "/terminal"),
        Given(102, "/usr/bin/java", java, "/terminal"),
        Given(1, "/usr/bin/dash", script, "/"),
    ];
    let expected = [Some(Bystander), None, Some(Helper), Some(Main), Some(Helper)];
    assert_eq!(roles(true, None, &given), expected);
}

#[test]
fn without_rules_the_server_is_what_runs_from_the_home() {
    let python = "/usr/bin/python3";
    let given = [
        Given(1, "/srv/app/bin/server", &["server"], "/"),
        Given(1, python, &["python3", "/srv/app/server.py"], "/"),
        Given(1, python, &["python3", "server.py"], "/srv/app"),
        Given(1, python, &["python3", "/opt/current/server.py"], "/"),
        Given(1, python, &["python3", "-c", "sleep"], "/srv/app"),
        Given(1, "/usr/bin/sleep", &["sleep", "60"], "/srv/app"),
        Given(1, "/usr/bin/tail", &["tail", "-f", "/srv/app/logs/x.log"], "/"),
        Given(1, "/usr/bin/vim.basic", &["vi", "conf/x.xml"], "/srv/app"),
        Given(1, "/bin/busybox", &["tail", "-f", "/srv/app/logs/x.log"], "/"),
        Given(1, "/usr/bin/bash", &["-bash"], "/srv/app/conf"),
        Given(1, "/usr/bin/dash", &["sh", "/srv/app/bin/start.sh"], "/"),
        Given(1, "/usr/bin/dash", &["sh", "-e", "bin/start.sh"], "/srv/app"),
        Given(1, python, &["python3", "/srv/other/server.py"], "/srv"),
    ];
    let mut expected = vec![Some(Main); 4];
    expected.extend([Some(Bystander); 6]);
    expected.extend([Some(Helper), Some(Helper), None]);
    assert_eq!(roles(false, None, &given), expected);
}

#[test]
fn a_wrapper_alone_is_the_server_where_no_rule_says_otherwise() {
    let wrapper = || [Given(1, "/usr/bin/dash", &["sh", "/srv/app/bin/start.sh"], "/")];
    assert_eq!(roles(false, None, &wrapper()), [Some(Main)]);
    assert_eq!(roles(true, None, &wrapper()), [Some(Helper)]);
}

#[test]
fn a_unit_proves_that_its_processes_belong_to_the_instance() {
    let unit = [
        Given(1, "/usr/bin/node", &["node", "main.js"], "/unit"),
        Given(1, "/usr/bin/tail", &["tail", "-F", "x"], "/unit"),
        Given(1, "/usr/bin/node", &["node", "main.js"], "/"),
    ];
    assert_eq!(roles(true, Some(100), &unit), [Some(Main), Some(Helper), None]);
    assert_eq!(roles(true, None, &unit), [Some(Helper), Some(Helper), None]);
    let both = [
        Given(1, "/usr/bin/dash", &["sh", "x"], "/unit"),
        Given(
            100,
            "/usr/bin/java",
            &["java", "-Dcarbon.home=/srv/app", BOOTSTRAP],
            "/unit",
        ),
    ];
    assert_eq!(
        roles(true, Some(100), &both),
        [Some(Helper), Some(Main)],
        "a rule knows better"
    );
}

#[test]
fn control_groups_are_compared_in_the_hierarchies_of_systemd() {
    let table = [
        ("0::/system.slice/is.service", true),
        ("0::/system.slice/is.service/worker", true),
        ("1:name=systemd:/system.slice/is.service", true),
        ("4:cpu,cpuacct:/system.slice/is.service", false),
        ("0::/system.slice/is.service-old", false),
        ("0::/", false),
        (
            "8:pids:/\n1:name=systemd:/user.slice\n0::/system.slice/is.service\n",
            true,
        ),
        ("", false),
    ];
    for (lines, expected) in table {
        assert_eq!(
            is_in_group(lines, "/system.slice/is.service"),
            expected,
            "{lines}"
        );
    }
}

#[test]
fn what_cannot_be_seen_is_not_taken_for_stopped() {
    let table = [
        (false, false, RunState::Stopped, 0),
        (true, false, RunState::Unknown, 1),
        (true, true, RunState::Stopped, 1),
    ];
    for (hidden, own, state, warnings) in table {
        let observed = conclude(Vec::new(), hidden, own);
        assert_eq!((observed.state, observed.warnings.len()), (state, warnings));
    }
}

#[test]
fn ancestors_and_commands_of_ours_do_not_count_but_servers_that_we_started_do() {
    let stat = |parent: u32, session: u32| {
        let text = format!("1 (x) S {parent} 1 {session} 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 5 0");
        procfs::Stat::of_text(&text).unwrap()
    };
    // 10 is us: 1 → 5 → 10 → {11 → 12, 20 → 21}; 20 leads its own session.
    let table = [
        (1, 0, 1),
        (5, 1, 5),
        (10, 5, 5),
        (11, 10, 5),
        (12, 11, 5),
        (20, 10, 20),
        (21, 20, 20),
        (6, 1, 5),
    ];
    let stats = table
        .iter()
        .map(|(pid, parent, session)| (*pid, stat(*parent, *session)))
        .collect();
    let mut ours: Vec<u32> = our_own(10, &stats).into_iter().collect();
    ours.sort_unstable();
    assert_eq!(ours, [0, 1, 5, 10, 11, 12]);
}

struct Running(Detached);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.id().signal(Signal::SIGKILL);
    }
}

fn start(dir: &Path, cwd: &Path, argv: &[&str]) -> Running {
    let mut spec = Spec::new(argv.iter().copied());
    spec.cwd = Some(cwd.to_owned());
    Running(spawn_detached(&spec, &dir.join("log")).unwrap())
}

fn look(home: &Path, open_files: bool) -> Observed {
    let query = Query {
        home,
        rules: &ProcessRules::default(),
        vendor_tool: None,
        unit: None,
        uid: nix::unistd::Uid::effective().as_raw(),
        open_files,
    };
    observe(&query).unwrap()
}

fn until(home: &Path, what: &str, holds: impl Fn(&Observed) -> bool) -> Observed {
    let deadline = Deadline::after(std::time::Duration::from_secs(20));
    loop {
        let observed = look(home, true);
        if holds(&observed) {
            return observed;
        }
        assert!(!deadline.passed(), "{what}: {observed:?}");
        pause(std::time::Duration::from_millis(10), &deadline);
    }
}

#[test]
fn real_processes_are_found_and_a_stale_pid_file_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("app");
    crate::sys::fs::make_private_dirs(&home.join("logs")).unwrap();
    let script = "import time\ntime.sleep(600)\n";
    crate::sys::fs::write_atomic(&home.join("server.py"), script.as_bytes()).unwrap();
    crate::sys::fs::write_atomic(&home.join("logs/x.log"), b"x\n").unwrap();
    let pid_file = format!("{}\n\0\0\0\0", std::process::id());
    crate::sys::fs::write_atomic(&home.join("server.pid"), pid_file.as_bytes()).unwrap();
    assert_eq!(
        look(&home, true).state,
        RunState::Stopped,
        "a pid file proves nothing"
    );

    let log = home.join("logs/x.log");
    let tail = start(dir.path(), dir.path(), &["tail", "-f", log.to_str().unwrap()]);
    let shell = start(
        dir.path(),
        &home.join("logs"),
        &["/bin/sh", "-c", "sleep 600; true"],
    );
    let reader = format!("exec 9<{}; cd /; sleep 600; true", log.display());
    let reader = start(dir.path(), dir.path(), &["/bin/bash", "-c", &reader]);
    let only_bystanders = |observed: &Observed| {
        observed.processes.len() >= 4 && observed.processes.iter().all(|one| one.view.role == Bystander)
    };
    let observed = until(&home, "three bystanders and a child", only_bystanders);
    assert_eq!(observed.state, RunState::Stopped);
    for pid in [&tail, &shell, &reader].map(|one| one.0.id().pid) {
        assert!(observed.processes.iter().any(|one| one.view.pid == pid), "{pid}");
    }

    let alias = dir.path().join("alias");
    std::os::unix::fs::symlink(&home, &alias).unwrap();
    let server = alias.join("server.py");
    let server = start(dir.path(), Path::new("/"), &["python3", server.to_str().unwrap()]);
    let observed = until(&home, "the server", |observed| {
        observed.state == RunState::Running
    });
    let mains: Vec<u32> = observed.mains().map(|found| found.view.pid).collect();
    assert_eq!(mains, [server.0.id().pid]);
    assert_eq!(observed.mains().next().unwrap().id(), server.0.id());
    drop(server);
    until(&home, "it is gone", |observed| {
        observed.state == RunState::Stopped
    });
    for one in [tail, shell, reader] {
        let pid = one.0.id().pid;
        for child in look(&home, true)
            .processes
            .iter()
            .filter(|found| found.parent == pid)
        {
            child.id().signal(Signal::SIGKILL).unwrap();
        }
    }
}

#[test]
fn a_path_that_means_another_file_in_every_process_proves_nothing() {
    // `bash <(…)` runs /dev/fd/63; under that number the agent itself may have the home open.
    for path in ["/dev/fd/3", "/proc/self/cwd/bin/start.sh", "/dev/stdin"] {
        assert!(!means_the_same_to_all(Path::new(path)), "{path}");
    }
}
