//! Who starts a server again.

use std::collections::BTreeMap;

use super::super::supervisor::{ends_with, may_stop_it, refusal};
use super::demo::Demo;
use crate::config::{ServiceControl, Stop};
use crate::health::tests::support::eventually;
use crate::observe::cgroup::InService;
use crate::observe::unit::tests::shown;

/// What waits for a server is told from what watches over it.
#[test]
fn a_main_process_that_only_waits_ends_with_the_server() {
    let demo = Demo::new();
    let server = format!("python3 {}/server.py {}", demo.home().display(), demo.port);
    let shell = demo.run_beside(demo.home(), &["/bin/sh", "-c", &format!("{server}; exit $?")]);
    let mut pids = Vec::new();
    eventually("the server runs", || {
        pids = demo.main_pids();
        !pids.is_empty()
    });
    let observed = demo.observe();
    let found = observed.mains().next().unwrap();
    assert!(ends_with(pids[0], found), "it itself");
    assert!(ends_with(shell.pid(), found), "the shell above it");
    assert!(!ends_with(std::process::id(), found), "whatever else is above it");
    assert!(!ends_with(1, found));
    demo.stop().unwrap();
}

#[test]
fn only_a_users_unit_is_left_to_a_stop_command() {
    let commands = |stop: Stop| ServiceControl::Commands {
        start: Vec::new(),
        stop,
        env: BTreeMap::new(),
    };
    let service = |path: &str| InService::at(path).unwrap();
    let of_system = service("/system.slice/is.service");
    let of_user = service("/user.slice/user-7.slice/user@7.service/app.slice/is.service");
    let by_command = commands(Stop::Command(vec!["systemctl".to_owned()]));
    assert!(may_stop_it(&by_command, &of_user) && !may_stop_it(&by_command, &of_system));
    assert!(!may_stop_it(&commands(Stop::Signal), &of_user));
}

#[test]
fn the_hint_fits_the_manager() {
    let unit = shown("Restart=always\n");
    let told = |path: &str| refusal(&InService::at(path).unwrap(), &unit);
    let system = told("/system.slice/is.service");
    assert!(
        system
            .message
            .contains("the unit is.service, which restarts it (Restart=always)"),
        "{system}"
    );
    assert!(system.hint.unwrap().contains("{unit: is.service}"));
    let user = told("/user.slice/user-7.slice/user@7.service/app.slice/is.service");
    assert!(
        user.message.contains("the unit is.service of the user 7"),
        "{user}"
    );
    assert!(user.hint.unwrap().contains("systemctl --user start is.service"));
}
