//! Who starts a server again once it is stopped, seconds later and in the middle of whatever follows: units of systemd that are not
//! the instance's own, and other supervisors.

use std::collections::HashSet;
use std::iter::successors;

use crate::api::{ErrorKind, Failure, Result};
use crate::config::{ServiceControl, Stop};
use crate::observe::cgroup::{InService, service_of};
use crate::observe::process::Found;
use crate::observe::unit::{Systemd, UnitState};
use crate::sys::process::ProcessId;
use crate::sys::procfs::Stat;

/// Programs that only wait for the one that they started, and end with it.
const WAITING: [&str; 7] = ["sudo", "su", "runuser", "doas", "sh", "bash", "dash"];

/// The service that a process belongs to, if that is another one than ours.
pub(super) fn foreign_service(pid: u32) -> Option<InService> {
    service_of(pid).filter(|service| service_of(std::process::id()).as_ref() != Some(service))
}

/// Refuses to stop a server that such a unit is certain to start again.
pub(super) fn refuse(control: &ServiceControl, systemd: &Systemd, ours: &[&Found]) -> Result<()> {
    for found in ours {
        let Some(service) = foreign_service(found.view.pid) else {
            continue;
        };
        // Where systemd does not answer, it restarts nothing either.
        let Ok(unit) = service.manager(systemd).show(&service.name) else {
            continue;
        };
        if unit.restart != "no"
            && !may_stop_it(control, &service)
            && unit.main_pid.is_some_and(|main| ends_with(main, found))
        {
            return Err(refusal(&service, &unit));
        }
    }
    Ok(())
}

/// Refuses to go on after a stop where such a unit only waits to start the server again.
pub(super) fn refuse_waiting<'a>(
    systemd: &Systemd,
    services: impl IntoIterator<Item = &'a InService>,
) -> Result<()> {
    for service in services {
        match service.manager(systemd).show(&service.name) {
            Ok(unit) if unit.sub == "auto-restart" => return Err(refusal(service, &unit)),
            _ => {}
        }
    }
    Ok(())
}

/// A user's unit cannot be named in the settings, so the stop command may be what stops it.
pub(super) fn may_stop_it(control: &ServiceControl, service: &InService) -> bool {
    let commands = matches!(
        control,
        ServiceControl::Commands {
            stop: Stop::Command(_),
            ..
        }
    );
    commands && service.user.is_some()
}

/// Whether a unit's main process is one of ours, or ends with it.
pub(super) fn ends_with(main: u32, found: &Found) -> bool {
    let above = successors(Some(found.parent), |pid| {
        Stat::of(*pid).ok().map(|stat| stat.parent)
    });
    let waits = |pid: u32| Stat::of(pid).is_ok_and(|stat| WAITING.contains(&stat.program.as_str()));
    main == found.view.pid || (waits(main) && above.take_while(|pid| *pid > 1).any(|pid| pid == main))
}

pub(super) fn refusal(service: &InService, unit: &UnitState) -> Failure {
    let name = &service.name;
    let (of_user, hint) = match service.user {
        None => (
            String::new(),
            format!("set `service: {{unit: {name}}}` in the instance's file"),
        ),
        Some(uid) => (
            format!(" of the user {uid}"),
            format!(
                "make it a unit of the system and name that in `service.unit`, or let `service.start` and `service.stop` be \
                 `systemctl --user start {name}` and `stop`, with `XDG_RUNTIME_DIR: /run/user/{uid}` in `service.env`"
            ),
        ),
    };
    let text = format!(
        "cannot stop the server: it belongs to the unit {name}{of_user}, which restarts it (Restart={})",
        unit.restart
    );
    Failure::new(ErrorKind::StopFailed, text).hint(hint)
}

/// Who started a process, if it is neither one of the instance's own, nor init, nor pitstop.
pub(super) fn parent_of(found: &Found, known: &HashSet<ProcessId>) -> Option<String> {
    let parent = found.parent;
    if parent <= 1 || parent == std::process::id() || known.iter().any(|one| one.pid == parent) {
        return None;
    }
    let stat = Stat::of(parent).ok()?;
    // A user's service manager adopts orphans as init does.
    let adopts = stat.program == "systemd";
    (!adopts).then(|| format!("process {parent} ({})", stat.program))
}

pub(super) fn restarted(found: &Found, supervisor: &str) -> Failure {
    let view = &found.view;
    let text = format!(
        "cannot stop the server: {supervisor} started it again as process {} ({})",
        view.pid, view.program
    );
    let hint = format!(
        "stop or pause {supervisor} first, or give its way of stopping as `service.stop` or `service.unit`"
    );
    Failure::new(ErrorKind::StopFailed, text).hint(hint)
}
