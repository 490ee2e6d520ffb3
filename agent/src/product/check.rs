//! Whether a profile makes sense, apart from its templates' values.

use regex::Regex;

use super::caution::ManualRule;
use super::glob::{Glob, is_glob};
use super::ownership::templates;
use super::profile::{DetectRule, LevelPart, OwnershipRule, Profile, VendorToolRules};
use super::render::RESERVED;
use super::{Ownership, render};
use crate::api::{ErrorKind, Failure, Result};
use crate::config::validate;
use crate::model::Class;

/// Checks a profile: globs and regular expressions compile, every rule does exactly one thing, every template can be
/// filled in with the profile's own variables.
///
/// # Errors
/// `settings`: the first rule that does not, by its place in the profile.
pub fn check(profile: &Profile) -> Result<()> {
    validate::plain_name("name", &profile.name)?;
    if profile.detect.is_empty() {
        return Err(bad(
            "detect: a profile without a rule would take any directory for its product",
        ));
    }
    for (at, rule) in profile.detect.iter().enumerate() {
        check_detect(&format!("detect[{at}]"), rule)?;
    }
    if profile.level.parts.is_empty() {
        return Err(bad("level.parts: at least one part is needed"));
    }
    for (at, part) in profile.level.parts.iter().enumerate() {
        check_level_part(&format!("level.parts[{at}]"), part)?;
    }
    if profile.level.line == Some(0) {
        return Err(bad("level.line: at least one part is needed"));
    }
    Ownership::new(&profile.ownership)?;
    for (at, rule) in profile.ownership.iter().enumerate() {
        let made_from = rule.made_from.as_deref();
        made_from
            .map_or(Ok(()), |text| templates(text).map(drop))
            .map_err(|failure| bad(format!("ownership rule {}: {}", at + 1, failure.message)))?;
    }
    for (at, rule) in profile.lint.leftovers.iter().enumerate() {
        check_files(&format!("lint.leftovers[{at}].paths"), &rule.paths)?;
    }
    check_files("permissions.private", &profile.permissions.private)?;
    for (at, rule) in profile.manual_steps.iter().enumerate() {
        check_manual(&format!("manual_steps[{at}]"), rule)?;
    }
    for (at, hook) in profile.hooks.iter().enumerate() {
        let field = format!("hooks[{at}].forbid");
        hook.forbid
            .as_deref()
            .map_or(Ok(()), |regex| compiles(&field, regex).map(drop))?;
    }
    check_needs(profile)?;
    check_vars(profile)?;
    profile.vendor_tool.as_ref().map_or(Ok(()), check_vendor_tool)?;
    let vars = render::Vars {
        home: "/home".to_owned(),
        ..render::Vars::default()
    };
    validate::profile_texts(&render::render(profile, &vars)?)
}

fn check_needs(profile: &Profile) -> Result<()> {
    let service = &profile.service;
    for (at, needed) in service.needed_env.iter().enumerate() {
        let unknown = |name: &&String| !profile.vars.contains_key(*name);
        if let Some(name) = needed.var.as_ref().filter(unknown) {
            let field = format!("service.needed_env[{at}].var");
            return Err(bad(format!("{field}: the profile has no variable `{name}`")));
        }
    }
    for (at, needed) in service.needed_files.iter().enumerate() {
        let field = format!("service.needed_files[{at}]");
        check_files(&format!("{field}.paths"), &needed.paths)?;
        check_files(&format!("{field}.used_up"), &needed.used_up)?;
        compiles(&format!("{field}.line"), &needed.line)?;
    }
    Ok(())
}

fn check_vendor_tool(rules: &VendorToolRules) -> Result<()> {
    for glob in &rules.needs {
        check_file("vendor_tool.needs", glob)?;
    }
    for pointer in &rules.account {
        validate::json_pointer("vendor_tool.account", pointer)?;
    }
    Ownership::new(&[OwnershipRule::new(Class::Vendor, rules.bundle_lists.clone())])?;
    if let Some(pattern) = &rules.offline {
        check_groups(
            "vendor_tool.offline",
            pattern,
            &["product", "version", "from", "to"],
        )?;
    }
    let Some(hotfix) = &rules.hotfix else {
        return Ok(());
    };
    for glob in &hotfix.records {
        check_file("vendor_tool.hotfix.records", glob)?;
    }
    check_groups(
        "vendor_tool.hotfix.name",
        &hotfix.name,
        &["product", "version", "number"],
    )
}

fn check_groups(field: &str, pattern: &str, groups: &[&str]) -> Result<()> {
    let names = compiles(field, pattern)?;
    let known: Vec<_> = names.capture_names().flatten().collect();
    match groups.iter().find(|name| !known.contains(name)) {
        Some(missing) => Err(bad(format!("{field}: `{pattern}` has no group `{missing}`"))),
        None => Ok(()),
    }
}

fn check_detect(field: &str, rule: &DetectRule) -> Result<()> {
    check_file(field, &rule.file)?;
    rule.regex
        .as_deref()
        .map_or(Ok(()), |regex| compiles(field, regex).map(drop))
}

fn check_level_part(field: &str, part: &LevelPart) -> Result<()> {
    check_file(field, &part.file)?;
    match (&part.name, &part.regex, &part.json) {
        (Some(regex), None, None) | (None, Some(regex), None) => {
            if compiles(field, regex)?.captures_len() < 2 {
                return Err(bad(format!(
                    "{field}: `{regex}` has no group that would be the part"
                )));
            }
            Ok(())
        }
        (None, None, Some(pointer)) => validate::json_pointer(field, pointer),
        _ => Err(bad(format!(
            "{field}: exactly one of `name`, `regex` and `json` is needed"
        ))),
    }
}

fn check_manual(field: &str, rule: &ManualRule) -> Result<()> {
    validate::plain_name(&format!("{field}.name"), &rule.name)?;
    check_files(&format!("{field}.present"), &rule.present)?;
    for globs in [&rule.changed, &rule.extra, &rule.mounted] {
        Ownership::of_globs(globs).map_err(|failure| bad(format!("{field}: {}", failure.message)))?;
    }
    let conditions = [&rule.changed, &rule.present, &rule.extra, &rule.mounted];
    match conditions.iter().all(|given| given.is_empty()) {
        true => Err(bad(format!(
            "{field}: one of `changed`, `present`, `extra` and `mounted` is needed"
        ))),
        false => Ok(()),
    }
}

fn check_files(field: &str, files: &[String]) -> Result<()> {
    files.iter().try_for_each(|file| check_file(field, file))
}

fn check_file(field: &str, file: &str) -> Result<()> {
    let (dir, last) = file.rsplit_once('/').unwrap_or(("", file));
    let refuse = |why: &str| Err(bad(format!("{field}: `{file}` {why}")));
    if crate::model::RelPath::new(file).is_err() {
        return refuse("is not a path relative to the home");
    }
    if is_glob(dir) || Glob::new(last).is_err() {
        return refuse("may be a glob in its last component only");
    }
    Ok(())
}

fn check_vars(profile: &Profile) -> Result<()> {
    match profile.vars.keys().find(|name| RESERVED.contains(&name.as_str())) {
        Some(name) => Err(bad(format!(
            "vars: `{name}` is taken; pitstop gives it its value"
        ))),
        None => Ok(()),
    }
}

fn compiles(field: &str, regex: &str) -> Result<Regex> {
    Regex::new(regex)
        .map_err(|error| bad(format!("{field}: `{regex}` is not a regular expression")).because(error))
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Settings, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_that_makes_no_sense_is_named() {
        let good = "name: acme\ntitle: A\ndetect: [{file: VERSION}]\n\
                    level: {parts: [{file: VERSION, regex: '(.*)'}]}\nownership: []\n";
        let parse = |text: &str| serde_yaml::from_str::<Profile>(text).unwrap();
        check(&parse(good)).unwrap();
        let table = [
            ("name: acme", "name: a/b", "name: "),
            ("[{file: VERSION}]", "[]", "detect: "),
            ("[{file: VERSION}]", "[{file: /VERSION}]", "detect[0]: "),
            ("[{file: VERSION}]", "[{file: '*/x'}]", "detect[0]: "),
            ("regex: '(.*)'", "regex: '.*'", "no group"),
            ("regex: '(.*)'", "json: x", "level.parts[0]: "),
            ("regex: '(.*)'", "default: '1'", "exactly one of"),
            (
                "ownership: []",
                "ownership: [{class: state, paths: [x/]}]",
                "ownership rule 1",
            ),
            (
                "ownership: []",
                "ownership: [{class: generated, paths: ['conf/**'], made_from: conf/templates}]",
                "ownership rule 1: made_from: ",
            ),
            (
                "ownership: []",
                "ownership: []\nservice: {needed_env: [{name: JAVA_HOME, var: jdk}]}",
                "service.needed_env[0].var: ",
            ),
            (
                "ownership: []",
                "ownership: []\nservice: {needed_files: [{paths: [p], said_in: a, line: '(', message: m}]}",
                "service.needed_files[0].line: ",
            ),
            ("'(.*)'}]", "'(.*)'}], line: 0", "level.line: "),
            (
                "ownership: []",
                "ownership: []\nvars: {home: x}",
                "vars: `home` is taken",
            ),
            (
                "ownership: []",
                "ownership: []\nprocess: {main: ['{{ hom }}']}",
                "unknown variable `hom`",
            ),
            (
                "ownership: []",
                "ownership: []\nprobes: [{name: x}]",
                "probes.x: ",
            ),
            (
                "ownership: []",
                "ownership: []\nmanual_steps: [{name: a, text: A}]",
                "one of `changed`",
            ),
            (
                "ownership: []",
                "ownership: []\nmanual_steps: [{name: a, text: A, changed: [/x]}]",
                "manual_steps[0]: ",
            ),
            (
                "ownership: []",
                "ownership: []\nlint: {leftovers: [{paths: [../x], message: A}]}",
                "lint.leftovers[0].paths: ",
            ),
            (
                "ownership: []",
                "ownership: []\nhooks: [{when: after-start, command: [/x], forbid: '('}]",
                "hooks[0].forbid: ",
            ),
            (
                "ownership: []",
                "ownership: []\nservice: {stop: [/bin/x]}",
                "service.stop",
            ),
        ];
        for (from, to, expected) in table {
            let text = good.replace(from, to);
            assert_ne!(text, good, "{from}");
            let failure = check(&parse(&text)).unwrap_err();
            assert!(failure.message.contains(expected), "{expected} in {failure}");
        }
    }
}
