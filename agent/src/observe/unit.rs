//! Systemd units.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::api::report::UnitView;
use crate::api::{ErrorKind, Failure, Result};
use crate::sys::process::{Environment, Output, Spec, User, run};

/// How long one call of `systemctl` may take: it only asks, or starts a job without awaiting it.
const CALL: Duration = Duration::from_secs(30);
const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,ControlGroup,MainPID,Restart,Result,FragmentPath,\
     NeedDaemonReload,ConditionResult,SuccessExitStatus,Job";
/// What a unit's name may end with.
const SUFFIXES: [&str; 5] = [".service", ".scope", ".slice", ".target", ".socket"];

/// The service manager of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Systemd {
    /// Its command.
    pub systemctl: PathBuf,
    /// Where the administrator's units and drop-ins lie.
    pub units: PathBuf,
    /// The user whose own manager it is; that of the system without one.
    pub user: Option<u32>,
}

impl Default for Systemd {
    fn default() -> Self {
        Self {
            systemctl: "systemctl".into(),
            units: "/etc/systemd/system".into(),
            user: None,
        }
    }
}

/// A unit at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitState {
    /// Its full name.
    pub name: String,
    /// `ActiveState`, such as `active`, `inactive` or `failed`.
    pub active: String,
    /// `SubState`, such as `running` or `auto-restart`.
    pub sub: String,
    /// Its control group, absolute in the hierarchy; absent while it has none.
    pub cgroup: Option<String>,
    /// The process that systemd takes for the server.
    pub main_pid: Option<u32>,
    /// `Restart`, such as `no` or `on-failure`.
    pub restart: String,
    /// The exit codes besides 0 that are no failure; `None` where systemd does not say.
    pub success_codes: Option<Vec<u8>>,
    /// `Result`: why it failed, or `success`.
    pub result: String,
    /// The unit file.
    pub fragment: PathBuf,
    /// Whether unit files changed since systemd read them.
    pub needs_reload: bool,
    /// Whether its conditions held when they were last looked at; not, if they never were.
    pub conditions_held: bool,
    /// Whether something is to be done to it: a start may wait for that of another unit.
    pub has_job: bool,
}

impl UnitState {
    /// Whether systemd has nothing to do with it any more: no process, no job, no restart to come.
    pub fn is_down(&self) -> bool {
        matches!(self.active.as_str(), "inactive" | "failed") && !self.has_job
    }

    /// Whether systemd takes it for started, whatever lives of it: a start does nothing then.
    pub fn is_up(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }

    /// Whether systemd is ending it: what still lives of it is no server that runs.
    pub fn goes_down(&self) -> bool {
        self.active == "deactivating"
    }

    /// Whether it counts as failed, which can be a server's normal way to end, and is not about to be started.
    pub fn has_failed(&self) -> bool {
        self.active == "failed" && !self.has_job
    }

    /// Those of some exit codes of a server that was asked to stop for which systemd would start it again.
    pub fn mistakes(&self, codes: &[u8]) -> Vec<u8> {
        let restarts = matches!(self.restart.as_str(), "on-failure" | "always");
        let Some(known) = self.success_codes.as_ref().filter(|_| restarts) else {
            return Vec::new();
        };
        let is_failure = |code: &&u8| !known.contains(code);
        codes.iter().filter(is_failure).copied().collect()
    }

    /// As reports show it.
    pub fn view(&self) -> UnitView {
        UnitView {
            name: self.name.clone(),
            active: self.active.clone(),
            sub: self.sub.clone(),
        }
    }
}

/// The full name of a unit: `.service` is what systemd adds to a bare name.
///
/// # Errors
/// `settings` if it cannot be a unit's name.
pub fn full_name(unit: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    if unit.is_empty() || unit.starts_with(['-', '.']) || !unit.chars().all(plain) {
        let text = format!("`{unit}` is not the name of a systemd unit");
        return Err(Failure::new(ErrorKind::Settings, text).hint("correct `service.unit` of the instance"));
    }
    let complete = SUFFIXES.iter().any(|suffix| unit.ends_with(suffix));
    Ok(if complete {
        unit.to_owned()
    } else {
        format!("{unit}.service")
    })
}

impl Systemd {
    /// Runs `systemctl` with arguments. A call that fails is a failure of `kind`.
    ///
    /// # Errors
    /// `settings` if there is no such program; `kind`, with the last of what it said, if it fails.
    pub fn call(&self, kind: ErrorKind, arguments: &[&str]) -> Result<Output> {
        let program = self.systemctl.display().to_string();
        let called = arguments.join(" ");
        let output = self.spec(&program, arguments).and_then(|spec| run(&spec, CALL));
        let output = output.map_err(|error| no_systemctl(&program, error))?;
        if output.success() {
            return Ok(output);
        }
        let said = output.stderr_tail.trim();
        let text = format!("`systemctl {called}` ended with {}: {said}", output.ending());
        Err(Failure::new(kind, text)
            .hint("see whether systemd runs on this host and whether this user may control it"))
    }

    /// A user's manager only speaks to that user.
    fn spec(&self, program: &str, arguments: &[&str]) -> io::Result<Spec> {
        let option = self.user.map(|_| "--user");
        let argv = [program]
            .into_iter()
            .chain(option)
            .chain(arguments.iter().copied());
        let mut spec = Spec::new(argv);
        if let Some(uid) = self.user {
            let runtime = ("XDG_RUNTIME_DIR".to_owned(), format!("/run/user/{uid}"));
            spec.env = Environment::Clean([runtime].into());
            spec.user = Some(User::by_uid(uid)?);
        }
        Ok(spec)
    }

    /// Asks for a unit's state.
    ///
    /// # Errors
    /// `settings` if there is no such unit or no systemd; `io` if it does not answer.
    pub fn show(&self, unit: &str) -> Result<UnitState> {
        let name = full_name(unit)?;
        let output = self.call(ErrorKind::Io, &["show", "-p", PROPERTIES, &name])?;
        let values = parse(&output.stdout_tail);
        match values.get("LoadState").copied() {
            Some("loaded") => Ok(state(&name, &values)),
            load => Err(not_loaded(&name, load.unwrap_or("unknown"))),
        }
    }
}

fn no_systemctl(program: &str, error: std::io::Error) -> Failure {
    let text = format!("cannot run {program}, but the instance is controlled through a systemd unit");
    Failure::new(ErrorKind::Settings, text)
        .hint("install systemd, or give `service.start` instead of `service.unit`")
        .because(error)
}

fn not_loaded(name: &str, load: &str) -> Failure {
    let text = format!("the unit {name} cannot be used: systemd says `{load}`");
    let hint = match load {
        "not-found" => format!("install {name} and run `systemctl daemon-reload`, or correct `service.unit`"),
        "masked" => format!("run `systemctl unmask {name}`"),
        _ => format!("see `systemctl status {name}`"),
    };
    Failure::new(ErrorKind::Settings, text).hint(hint)
}

pub(super) fn parse(text: &str) -> HashMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

/// The numbers in a list of exit codes and names of signals; older versions put more around them.
fn codes(text: &str) -> Vec<u8> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| word.parse().ok()).collect()
}

fn state(name: &str, values: &HashMap<&str, &str>) -> UnitState {
    let value = |key: &str| values.get(key).copied().unwrap_or_default();
    let text = |key: &str| value(key).to_owned();
    UnitState {
        name: Some(text("Id"))
            .filter(|id| !id.is_empty())
            .unwrap_or(name.to_owned()),
        active: text("ActiveState"),
        sub: text("SubState"),
        // The root group would make every process of the host a part of the unit.
        cgroup: Some(text("ControlGroup")).filter(|group| !group.trim_matches('/').is_empty()),
        main_pid: value("MainPID").parse().ok().filter(|pid| *pid != 0),
        restart: text("Restart"),
        success_codes: values.get("SuccessExitStatus").map(|text| codes(text)),
        result: text("Result"),
        fragment: text("FragmentPath").into(),
        needs_reload: value("NeedDaemonReload") == "yes",
        conditions_held: value("ConditionResult") != "no",
        has_job: !matches!(value("Job"), "" | "0"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::health::tests::support::{open_to_all, write};

    /// The state of a unit that `systemctl show` tells so.
    pub(crate) fn shown(text: &str) -> UnitState {
        state("x", &parse(text))
    }

    #[test]
    fn names_of_units_are_completed_and_nothing_else_passes() {
        let table = [
            ("wso2is", Some("wso2is.service")),
            ("wso2is.service", Some("wso2is.service")),
            ("flink@1", Some("flink@1.service")),
            ("a.b", Some("a.b.service")),
            ("", None),
            ("--now", None),
            ("../x", None),
            ("a/b.service", None),
            ("a b", None),
        ];
        for (name, full) in table {
            assert_eq!(full_name(name).ok().as_deref(), full, "{name:?}");
        }
    }

    #[test]
    fn what_systemd_says_becomes_a_state() {
        let text = "Restart=on-failure\nMainPID=812\nResult=success\nId=is.service\nLoadState=loaded\n\
            ActiveState=activating\nSubState=auto-restart\nFragmentPath=/etc/systemd/system/is.service\n\
            ControlGroup=/system.slice/is.service\nNeedDaemonReload=yes\nConditionResult=no\n";
        let unit = state("is", &parse(text));
        assert_eq!(
            (unit.main_pid, unit.cgroup.as_deref()),
            (Some(812), Some("/system.slice/is.service"))
        );
        assert_eq!(
            (unit.is_down(), unit.needs_reload, unit.conditions_held),
            (false, true, false)
        );
        let down = state(
            "is.service",
            &parse("ActiveState=failed\nMainPID=0\nControlGroup=\n"),
        );
        assert_eq!(
            (down.main_pid, down.cgroup.clone(), down.is_down()),
            (None, None, true)
        );
        assert_eq!(down.name, "is.service");
        for (job, is_down) in [
            ("", true),
            ("Job=\n", true),
            ("Job=0\n", true),
            ("Job=77\n", false),
        ] {
            let unit = state("x", &parse(&format!("ActiveState=failed\n{job}")));
            assert_eq!((unit.is_down(), unit.has_failed()), (is_down, is_down), "{job:?}");
        }
        let root = state("x", &parse("ControlGroup=/\n"));
        assert_eq!(root.cgroup, None, "the root group is nobody's");
    }

    #[test]
    fn the_normal_end_of_a_server_is_told_from_a_crash() {
        // What `systemctl show` says, the codes that are mistaken for a crash.
        let table = [
            ("Restart=on-failure\nSuccessExitStatus=\n", vec![143]),
            ("Restart=always\nSuccessExitStatus=1 SIGHUP\n", vec![143]),
            ("Restart=on-failure\nSuccessExitStatus=143\n", vec![]),
            ("Restart=on-failure\nSuccessExitStatus=1 143 SIGKILL\n", vec![]),
            (
                "Restart=on-failure\nSuccessExitStatus={ status=[ 143 ] signal=[ ] }\n",
                vec![],
            ),
            ("Restart=no\nSuccessExitStatus=\n", vec![]),
            ("Restart=on-abort\nSuccessExitStatus=\n", vec![]),
            ("Restart=on-failure\n", vec![]),
        ];
        for (text, expected) in table {
            assert_eq!(state("x", &parse(text)).mistakes(&[143]), expected, "{text}");
        }
    }

    #[test]
    fn a_users_manager_is_asked_as_that_user() {
        let dir = tempfile::tempdir().unwrap();
        let systemctl = dir.path().join("systemctl");
        write(
            &systemctl,
            "#!/bin/sh\necho \"$* of $XDG_RUNTIME_DIR for $(id -u)\"\n",
        );
        open_to_all(&systemctl);
        let uid = User::current().unwrap().uid;
        let table = [
            (None, format!("show is of  for {uid}\n")),
            (
                Some(uid),
                format!("--user show is of /run/user/{uid} for {uid}\n"),
            ),
        ];
        for (user, said) in table {
            let systemd = Systemd {
                systemctl: systemctl.clone(),
                user,
                ..Systemd::default()
            };
            let output = systemd.call(ErrorKind::Io, &["show", "is"]).unwrap();
            assert_eq!(output.stdout_tail, said);
        }
    }

    #[test]
    fn a_host_without_systemd_is_told_what_to_do() {
        let systemd = Systemd {
            systemctl: "/no/such/systemctl".into(),
            ..Systemd::default()
        };
        let failure = systemd.show("is").unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        assert!(failure.hint.unwrap().contains("service.start"));
    }
}
