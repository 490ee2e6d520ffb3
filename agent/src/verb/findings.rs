//! What is wrong with an instance apart from single files that deviate: the lint of its pack, and what surrounds it.

use crate::api::finding::{Finding, FindingKind, Severity, and_more};
use crate::api::{Failure, Result};
use crate::apply::owner;
use crate::lint::lint;
use crate::model::{Digest, Inventory, RelPath, TreeManifest};
use crate::observe::home::HomeView;
use crate::observe::permissions;
use crate::observe::soundness::{self, Beside};
use crate::observe::unit::UnitState;
use crate::product::detect::matching_paths;
use crate::session::Instance;
use crate::sys::process::User;

use super::server::Server;

/// What the observed tree tells. Where the vendor's tree is not known, the vendor may have meant it so: then nothing is
/// severe.
pub(super) fn of_tree(
    instance: &Instance,
    inventory: &Inventory,
    base: Option<&TreeManifest>,
    beside: &Beside,
) -> Result<Vec<Finding>> {
    let rules = &instance.settings.profile.lint;
    let tree = soundness::tree(&instance.root, rules, inventory, beside)?;
    let mut findings = lint(rules, &tree, base);
    if base.is_none() {
        findings
            .iter_mut()
            .for_each(|finding| finding.severity = Severity::Wanted);
    }
    findings.extend(exposed(instance, beside, base)?);
    Ok(findings)
}

/// What no scan of the tree tells: looked at anew each time.
pub(super) fn of_surroundings(instance: &Instance, server: &Server) -> Result<Vec<Finding>> {
    let mut findings = leftovers(instance)?;
    findings.extend(shut(instance)?);
    findings.extend(foreign(instance)?);
    findings.extend(kept(instance)?);
    let codes = &instance.settings.profile.service.stop_codes;
    let unit = server.unit_state.as_ref();
    findings.extend(unit.and_then(|unit| mistaking(unit, codes)));
    Ok(findings)
}

fn leftovers(instance: &Instance) -> Result<Vec<Finding>> {
    let profile = &instance.settings.profile;
    let home = HomeView(&instance.root);
    let mut findings = Vec::new();
    for rule in &profile.lint.leftovers {
        let mut paths = Vec::new();
        for path in &rule.paths {
            paths.extend(matching_paths(&profile.name, path, &home)?);
        }
        if !paths.is_empty() {
            let finding = Finding::wanted(FindingKind::Leftover, &rule.message).at(paths);
            findings.push(Finding {
                hint: rule.hint.clone(),
                ..finding
            });
        }
    }
    Ok(findings)
}

fn foreign(instance: &Instance) -> Result<Vec<Finding>> {
    let finding = |left: owner::Foreign| {
        Finding::wanted(FindingKind::Leftover, left.told(instance))
            .hint(left.hint(instance))
            .at(left.snapshots)
    };
    Ok(owner::foreign(instance)?.into_iter().map(finding).collect())
}

/// What was kept for a person stays until he removes it, so it is told until then.
fn kept(instance: &Instance) -> Result<Option<Finding>> {
    let paths = owner::kept(instance)?;
    let Some(first) = paths.first() else {
        return Ok(None);
    };
    let message = format!(
        "files that an earlier change found no place for are kept: {}",
        and_more(first, paths.len())
    );
    Ok(Some(Finding::wanted(FindingKind::Kept, message).at(paths).hint(
        "look whether anybody still needs them, and remove these folders",
    )))
}

/// A keystore of the vendor's is public anyway.
fn exposed(instance: &Instance, beside: &Beside, base: Option<&TreeManifest>) -> Result<Option<Finding>> {
    let mut paths = Vec::new();
    for file in &beside.exposed {
        let vendors = base.and_then(|base| base.entries.get(&file.path)?.sha256());
        if vendors.is_none() || digest(instance, &file.path)? != vendors {
            paths.push(file.path.clone());
        }
    }
    let Some(first) = paths.first() else {
        return Ok(None);
    };
    let home = instance.root.path();
    let words: Vec<String> = paths
        .iter()
        .map(|path| permissions::quote(&path.under(home)))
        .collect();
    let message = format!(
        "every user of this host can read keys: {}",
        and_more(first, paths.len())
    );
    Ok(Some(
        Finding::wanted(FindingKind::Exposed, message)
            .hint(format!("run `chmod o-rwx {}`", words.join(" ")))
            .at(paths),
    ))
}

/// Keystores are small; a larger file is taken for the customer's own.
const KEYS_LIMIT: u64 = 4 << 20;

fn digest(instance: &Instance, path: &RelPath) -> Result<Option<Digest>> {
    match instance.root.read(path, KEYS_LIMIT) {
        Ok(bytes) => Ok(Some(Digest::of(&bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Ok(None),
        Err(error) => Err(Failure::io("read", path.under(instance.root.path()), error)),
    }
}

fn shut(instance: &Instance) -> Result<Option<Finding>> {
    let rules = &instance.settings.profile.permissions;
    let all = [&rules.needed[..], &rules.renewed, &rules.written].concat();
    if all.is_empty() {
        return Ok(None);
    }
    let home = instance.root.path();
    let (user, shut) =
        permissions::shut_for_server(&instance.root, &instance.ownership, &instance.settings, &all)?;
    let Some(first) = shut.first() else {
        return Ok(None);
    };
    let message = format!(
        "the server's user {} may not write what the server writes: {}, of which the first belongs to {}",
        user.name,
        and_more(&first.path, shut.len()),
        User::name_of(first.owner)
    );
    let hint = format!("run `{}`", permissions::mend(home, &shut, &user));
    Ok(Some(
        Finding::wanted(FindingKind::NotWritable, message)
            .at(shut.into_iter().map(|one| one.path))
            .hint(hint),
    ))
}

/// A unit that takes the server's normal end for a crash starts it again after every stop that is not its own.
fn mistaking(unit: &UnitState, codes: &[u8]) -> Option<Finding> {
    let words: Vec<String> = unit.mistakes(codes).iter().map(u8::to_string).collect();
    let words = (!words.is_empty()).then(|| words.join(" "))?;
    let message = format!(
        "the unit {} takes the exit code {words}, with which the server ends when it is asked to, for a crash: stopped by \
         anything but systemd it is started again (Restart={})",
        unit.name, unit.restart
    );
    let restart = match unit.restart.as_str() {
        "always" => "Restart=on-failure\n",
        _ => "",
    };
    let hint = format!(
        "put this into /etc/systemd/system/{}.d/stop.conf and run `systemctl daemon-reload`:\n[Service]\n{restart}\
         SuccessExitStatus={words}",
        unit.name
    );
    Some(Finding::wanted(FindingKind::Unit, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_mistakes_the_servers_end_comes_with_the_drop_in_that_mends_it() {
        let unit = |restart: &str, codes: &[u8]| UnitState {
            name: "wso2is.service".to_owned(),
            active: "active".to_owned(),
            sub: "running".to_owned(),
            cgroup: None,
            main_pid: None,
            restart: restart.to_owned(),
            success_codes: Some(codes.to_vec()),
            result: "success".to_owned(),
            fragment: "/etc/systemd/system/wso2is.service".into(),
            needs_reload: false,
            conditions_held: true,
            has_job: false,
        };
        let drop_in = |unit: &UnitState| {
            let hint = mistaking(unit, &[143])?.hint?;
            hint.split_once(":\n").map(|(_, text)| text.to_owned())
        };
        assert_eq!(
            drop_in(&unit("on-failure", &[])).as_deref(),
            Some("[Service]\nSuccessExitStatus=143")
        );
        // With `always` no exit code keeps it down.
        assert_eq!(
            drop_in(&unit("always", &[1])).as_deref(),
            Some("[Service]\nRestart=on-failure\nSuccessExitStatus=143")
        );
        for sound in [unit("on-failure", &[143]), unit("no", &[])] {
            assert_eq!(mistaking(&sound, &[143]), None);
        }
        assert_eq!(
            mistaking(&unit("on-failure", &[]), &[]),
            None,
            "the profile says nothing"
        );
    }
}
