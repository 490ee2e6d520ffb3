//! Which service of systemd a process belongs to, by its control group.

use std::collections::HashMap;

use crate::api::ErrorKind;
use crate::sys::procfs;

use super::unit::{Systemd, parse};

const PROPERTIES: &str = "LoadState,ControlGroup,KillMode,RemainAfterExit";

/// A service of systemd that has a process in its control group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InService {
    /// Its full name.
    pub name: String,
    /// The user whose own service manager it belongs to; without one it is the system's.
    pub user: Option<u32>,
    /// Its control group, absolute in the hierarchy.
    group: String,
}

/// The service of a process; `None` also in a container or a session, where it has none of its own.
pub fn service_of(pid: u32) -> Option<InService> {
    in_service(&String::from_utf8_lossy(&procfs::of_process(pid, "cgroup").ok()?))
}

/// The service with whose end systemd ends what this process leaves behind. `None` where that cannot be told.
pub fn ends_with(systemd: &Systemd) -> Option<String> {
    let own = service_of(std::process::id())?;
    let manager = own.manager(systemd);
    let output = manager.call(ErrorKind::Io, &["show", "-p", PROPERTIES, &own.name]);
    let takes_along = own.takes_along(&parse(&output.ok()?.stdout_tail));
    takes_along.then_some(own.name)
}

/// By the text of `/proc/PID/cgroup`. The innermost unit counts.
fn in_service(text: &str) -> Option<InService> {
    text.lines()
        .find_map(|line| InService::at(line.splitn(3, ':').nth(2)?))
}

impl InService {
    /// The service of a control group.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let is_unit = |name: &&str| name.ends_with(".service") || name.ends_with(".scope");
        let names: Vec<&str> = path.split('/').collect();
        let last = names.iter().rposition(is_unit)?;
        let name = names[last];
        let manager = |name: &str| name.strip_prefix("user@")?.strip_suffix(".service")?.parse().ok();
        let serves = name.ends_with(".service") && manager(name).is_none();
        serves.then(|| Self {
            name: name.to_owned(),
            user: names[..last].iter().find_map(|name| manager(name)),
            group: names[..=last].join("/"),
        })
    }

    /// Who manages it.
    pub fn manager(&self, systemd: &Systemd) -> Systemd {
        Systemd {
            user: self.user,
            ..systemd.clone()
        }
    }

    /// Whether its end is that of all that it started, by what systemd says of it.
    fn takes_along(&self, said: &HashMap<&str, &str>) -> bool {
        let value = |key: &str| said.get(key).copied().unwrap_or_default();
        // Another manager's service of this name would have another group.
        let is_it = value("LoadState") == "loaded" && value("ControlGroup") == self.group;
        let spares =
            matches!(value("KillMode"), "process" | "none" | "") || value("RemainAfterExit") == "yes";
        is_it && !spares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether what pitstop starts ends with where it runs, by its control group and what systemd says.
    fn ends(cgroup: &str, said: &str) -> bool {
        in_service(cgroup).is_some_and(|own| own.takes_along(&parse(said)))
    }

    fn says(name: &str, kill_mode: &str) -> String {
        format!(
            "KillMode={kill_mode}\nControlGroup=/system.slice/{name}\nLoadState=loaded\nRemainAfterExit=no\n"
        )
    }

    #[test]
    fn what_a_service_takes_along_by_table() {
        // Control group, the unit, its KillMode, whether what was started ends.
        let table = [
            (
                "0::/system.slice/run-u12.service",
                "run-u12.service",
                "control-group",
                true,
            ),
            (
                "0::/system.slice/run-u12.service",
                "run-u12.service",
                "mixed",
                true,
            ),
            (
                "0::/system.slice/run-u12.service",
                "run-u12.service",
                "process",
                false,
            ),
            (
                "0::/system.slice/run-u12.service",
                "run-u12.service",
                "none",
                false,
            ),
            ("0::/system.slice/run-u12.service", "run-u12.service", "", false),
            (
                "0::/system.slice/run-u12.service/below",
                "run-u12.service",
                "control-group",
                true,
            ),
            (
                "12:pids:/system.slice/night.service\n1:name=systemd:/system.slice/night.service\n0::/system.slice/night.service",
                "night.service",
                "control-group",
                true,
            ),
            (
                "0::/system.slice/run-r1.scope",
                "run-r1.scope",
                "control-group",
                false,
            ),
            (
                "0::/user.slice/user-0.slice/session-3.scope",
                "session-3.scope",
                "control-group",
                false,
            ),
            (
                "0::/system.slice/puppet.service",
                "puppet.service",
                "process",
                false,
            ),
            ("0::/system.slice/ssh.service", "ssh.service", "process", false),
            (
                "0::/system.slice/pitstop-recover.service",
                "pitstop-recover.service",
                "process",
                false,
            ),
            ("0::/", "", "control-group", false),
            ("4:memory:/docker/8f7c\n0::/", "", "control-group", false),
            (
                "0::/system.slice/docker-8f7c.scope",
                "docker-8f7c.scope",
                "control-group",
                false,
            ),
            // That of the system has a service of this name, too.
            (
                "0::/user.slice/user-7.slice/user@7.service/app.slice/night.service",
                "night.service",
                "control-group",
                false,
            ),
            (
                "0::/user.slice/user-7.slice/user@7.service/init.scope",
                "user@7.service",
                "control-group",
                false,
            ),
            ("", "", "", false),
        ];
        for (cgroup, name, kill_mode, expected) in table {
            assert_eq!(
                ends(cgroup, &says(name, kill_mode)),
                expected,
                "{cgroup} {kill_mode}"
            );
        }
    }

    #[test]
    fn a_users_service_is_that_of_the_users_manager() {
        let table = [
            ("/system.slice/is.service", Some(("is.service", None))),
            (
                "/user.slice/user-7.slice/user@7.service/app.slice/is.service",
                Some(("is.service", Some(7))),
            ),
            ("/user.slice/user-7.slice/user@7.service/app.slice/is.scope", None),
            ("/user.slice/user-7.slice/user@7.service/init.scope", None),
            ("/user.slice/user-7.slice/user@7.service", None),
            ("/user.slice/user-7.slice/session-3.scope", None),
            ("/", None),
        ];
        for (path, expected) in table {
            let found = InService::at(path);
            let found = found
                .as_ref()
                .map(|service| (service.name.as_str(), service.user));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn what_stays_or_is_not_known_ends_nothing() {
        let cgroup = "0::/system.slice/night.service";
        let said = says("night.service", "control-group");
        assert!(ends(cgroup, &said));
        for other in [
            said.replace("RemainAfterExit=no", "RemainAfterExit=yes"),
            said.replace("LoadState=loaded", "LoadState=not-found"),
            String::new(),
        ] {
            assert!(!ends(cgroup, &other), "{other}");
        }
    }
}
