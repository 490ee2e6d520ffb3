//! What one `product.yaml` says: a whole profile, or the differences from the one that it extends.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Profile;
use super::caution::{LintRules, ManualRule, PermissionRules};
use super::profile::{
    DetectRule, DiskRule, HookRule, LevelRules, OwnershipRule, ProcessRules, ServiceRules, VendorToolRules,
};
use crate::config::Probe;

/// See the module. What it does not say is the base's; how each key joins the base's is said at [`ProfileFragment::over`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFragment {
    /// As in [`Profile`], and so are all that follow but `extends`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The profile that this one completes.
    pub extends: Option<String>,
    /// How its packs are recognised. A profile that only others extend has none.
    #[serde(default)]
    pub detect: Vec<DetectRule>,
    /// How its level is read.
    pub level: Option<LevelRules>,
    /// Who owns which path.
    pub ownership: Option<Vec<OwnershipRule>>,
    /// How its processes are recognised.
    #[serde(default)]
    pub process: ProcessRules,
    /// How it is started and stopped.
    #[serde(default)]
    pub service: ServiceRules,
    /// How its health is told.
    #[serde(default)]
    pub probes: Vec<Probe>,
    /// How much space an update needs.
    pub disk: Option<DiskRule>,
    /// Commands around the update.
    #[serde(default)]
    pub hooks: Vec<HookRule>,
    /// What its updates leave to a person.
    #[serde(default)]
    pub manual_steps: Vec<ManualRule>,
    /// What makes its packs sound as a whole.
    #[serde(default)]
    pub lint: LintRules,
    /// What the server's user must be able to do, and others must not.
    #[serde(default)]
    pub permissions: PermissionRules,
    /// Words in configuration keys whose values are secrets.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// The vendor's own update tool.
    pub vendor_tool: Option<VendorToolRules>,
    /// Default values of the templates' variables.
    #[serde(default)]
    pub vars: BTreeMap<String, serde_json::Value>,
}

impl ProfileFragment {
    /// This fragment completed by the one that it extends. Rules of ownership come before the base's, so that they win;
    /// hooks, secret words, leftovers, permissions and manual steps come after the base's; a probe takes the place of the
    /// base's of the same name; variables and the environment are joined name by name; of `process`, `service` and `lint`
    /// each other key that is given replaces the base's; `detect`, `level`, `disk` and `vendor_tool` replace the base's as
    /// a whole.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            name: self.name,
            title: self.title,
            extends: base.extends,
            detect: or_base(self.detect, base.detect),
            level: self.level.or(base.level),
            ownership: match (self.ownership, base.ownership) {
                (Some(own), Some(base)) => Some(joined(own, base)),
                (own, base) => own.or(base),
            },
            process: ProcessRules {
                main: or_base(self.process.main, base.process.main),
                helpers: or_base(self.process.helpers, base.process.helpers),
                home: or_base(self.process.home, base.process.home),
            },
            service: service_over(self.service, base.service),
            probes: probes_over(self.probes, base.probes),
            disk: self.disk.or(base.disk),
            hooks: joined(base.hooks, self.hooks),
            manual_steps: joined(base.manual_steps, self.manual_steps),
            lint: lint_over(self.lint, base.lint),
            permissions: permissions_over(self.permissions, base.permissions),
            secrets: joined(base.secrets, self.secrets),
            vendor_tool: self.vendor_tool.or(base.vendor_tool),
            vars: base.vars.into_iter().chain(self.vars).collect(),
        }
    }
}

impl TryFrom<ProfileFragment> for Profile {
    type Error = String;

    /// # Errors
    /// A key is missing that a profile needs, or another profile is extended, which only who knows it can resolve.
    fn try_from(said: ProfileFragment) -> Result<Self, String> {
        if let Some(base) = said.extends {
            return Err(format!("extends: `{base}` is not known here"));
        }
        let missing = |key: &str| format!("`{key}` is missing, here and in what this extends");
        Ok(Self {
            name: said.name,
            title: said.title,
            detect: said.detect,
            level: said.level.ok_or_else(|| missing("level"))?,
            ownership: said.ownership.ok_or_else(|| missing("ownership"))?,
            process: said.process,
            service: said.service,
            probes: said.probes,
            disk: said.disk.unwrap_or_default(),
            hooks: said.hooks,
            manual_steps: said.manual_steps,
            lint: said.lint,
            permissions: said.permissions,
            secrets: said.secrets,
            vendor_tool: said.vendor_tool,
            vars: said.vars,
        })
    }
}

fn service_over(own: ServiceRules, base: ServiceRules) -> ServiceRules {
    ServiceRules {
        start: own.start.or(base.start),
        stop: own.stop.or(base.stop),
        foreground: own.foreground.or(base.foreground),
        env: base.env.into_iter().chain(own.env).collect(),
        needed_env: or_base(own.needed_env, base.needed_env),
        needed_files: or_base(own.needed_files, base.needed_files),
        pid_files: or_base(own.pid_files, base.pid_files),
        stop_codes: or_base(own.stop_codes, base.stop_codes),
        stop_timeout_s: own.stop_timeout_s.or(base.stop_timeout_s),
        start_timeout_s: own.start_timeout_s.or(base.start_timeout_s),
        ports: or_base(own.ports, base.ports),
    }
}

fn lint_over(own: LintRules, base: LintRules) -> LintRules {
    LintRules {
        bundles: own.bundles.or(base.bundles),
        strays: or_base(own.strays, base.strays),
        leftovers: joined(base.leftovers, own.leftovers),
    }
}

fn permissions_over(own: PermissionRules, base: PermissionRules) -> PermissionRules {
    PermissionRules {
        needed: joined(base.needed, own.needed),
        renewed: joined(base.renewed, own.renewed),
        written: joined(base.written, own.written),
        private: joined(base.private, own.private),
    }
}

fn probes_over(own: Vec<Probe>, mut base: Vec<Probe>) -> Vec<Probe> {
    for probe in own {
        match base.iter_mut().find(|known| known.name == probe.name) {
            Some(known) => *known = probe,
            None => base.push(probe),
        }
    }
    base
}

fn or_base<T>(own: Vec<T>, base: Vec<T>) -> Vec<T> {
    if own.is_empty() { base } else { own }
}

fn joined<T>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.extend(second);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "
name: base
title: Base
level: {parts: [{file: V, regex: '(.+)'}]}
ownership: [{class: vendor, paths: ['**']}]
process: {main: [java], helpers: [wrapper], home: [-Dhome=]}
service: {start: [a, start], env: {A: '1', B: '1'}, ports: [1, 2], pid_files: [a.pid], stop_codes: [143], stop_timeout_s: 9}
probes: [{name: one, tcp: {port: 1}}, {name: two, tcp: {port: 2}}]
disk: {factor: 3.0}
hooks: [{when: after-commit, command: [one]}]
lint:
  bundles: {plugins: p, dropins: d}
  strays: [.old]
  leftovers: [{paths: [a], message: A}]
permissions: {needed: [a], written: [a], private: [a]}
manual_steps: [{name: a, text: A}]
secrets: [salt]
vars: {a: 1, b: 1}
";
    const OWN: &str = "
name: own
title: Own
extends: base
detect: [{file: V}]
ownership: [{class: state, paths: [log]}]
process: {helpers: [other]}
service: {start: [b, start], env: {B: '2'}, ports: [3]}
probes: [{name: two, tcp: {port: 22}}, {name: three, tcp: {port: 3}}]
hooks: [{when: after-start, command: [two]}]
lint: {strays: [.new], leftovers: [{paths: [b], message: B}]}
permissions: {needed: [b]}
manual_steps: [{name: b, text: B}]
secrets: [pepper]
vars: {b: 2}
";

    fn fragment(text: &str) -> ProfileFragment {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn each_key_joins_the_bases_as_it_is_documented() {
        let profile = Profile::try_from(fragment(OWN).over(fragment(BASE))).unwrap();
        let whole = "
name: own
title: Own
detect: [{file: V}]
level: {parts: [{file: V, regex: '(.+)'}]}
ownership: [{class: state, paths: [log]}, {class: vendor, paths: ['**']}]
process: {main: [java], helpers: [other], home: [-Dhome=]}
service: {start: [b, start], env: {A: '1', B: '2'}, ports: [3], pid_files: [a.pid], stop_codes: [143], stop_timeout_s: 9}
probes: [{name: one, tcp: {port: 1}}, {name: two, tcp: {port: 22}}, {name: three, tcp: {port: 3}}]
disk: {factor: 3.0}
hooks: [{when: after-commit, command: [one]}, {when: after-start, command: [two]}]
lint:
  bundles: {plugins: p, dropins: d}
  strays: [.new]
  leftovers: [{paths: [a], message: A}, {paths: [b], message: B}]
permissions: {needed: [a, b], written: [a], private: [a]}
manual_steps: [{name: a, text: A}, {name: b, text: B}]
secrets: [salt, pepper]
vars: {a: 1, b: 2}
";
        assert_eq!(profile, serde_yaml::from_str::<Profile>(whole).unwrap());
    }

    #[test]
    fn what_neither_says_is_named() {
        for key in ["level", "ownership"] {
            let base = BASE.lines().filter(|line| !line.starts_with(key));
            let own = OWN.lines().filter(|line| !line.starts_with(key));
            let text = |lines: Vec<&str>| lines.join("\n");
            let merged = fragment(&text(own.collect())).over(fragment(&text(base.collect())));
            let why = Profile::try_from(merged).unwrap_err();
            assert!(why.starts_with(&format!("`{key}` is missing")), "{why}");
        }
        let unresolved = Profile::try_from(fragment(OWN)).unwrap_err();
        assert!(unresolved.contains("`base`"), "{unresolved}");
    }
}
