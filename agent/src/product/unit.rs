//! A systemd unit for an instance whose product can run in the foreground.

use serde_json::{Map, Value, json};
use std::path::Path;

use super::config::Named;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::Settings;
use crate::template::{Engine, values};

const TEMPLATE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../templates/systemd/pack.service.tera"
));

/// The text of the unit. `user` is who the server runs as.
///
/// # Errors
/// `settings` if the profile does not say how the server runs in the foreground.
pub fn unit(settings: &Settings, user: &str) -> Result<String> {
    let rules = &settings.profile.service;
    let command = rules.foreground.as_ref().ok_or_else(|| {
        let message = format!(
            "the profile {} does not say how the server runs in the foreground",
            settings.profile.name
        );
        Failure::new(ErrorKind::Settings, message)
            .hint("give it `service.foreground`, or write the unit by hand")
    })?;
    let tree: Map<String, Value> = [
        ("title", json!(settings.profile.title)),
        ("name", json!(settings.name)),
        ("home", json!(settings.home)),
        ("user", json!(user)),
        ("command", json!(command)),
        ("env", json!(rules.env)),
        ("stop_timeout_s", json!(settings.stop_timeout_s)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let template = Named {
        name: "pack.service.tera".to_owned(),
        path: Path::new("built-in/systemd/pack.service.tera").to_owned(),
        text: TEMPLATE.to_owned(),
    };
    let values = values::merge(Vec::new(), tree).with_secrets(Vec::new());
    Engine::new(std::slice::from_ref(&template))?.render(&template.name, &values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigDirs;
    use crate::config::load::load;
    use crate::sys::fs;

    fn of(product: &str, more: &str) -> Result<String> {
        let dir = tempfile::tempdir().unwrap();
        let dirs = ConfigDirs {
            config: dir.path().join("config"),
            state: dir.path().join("state"),
        };
        fs::make_private_dirs(&dirs.config.join("instances.d")).unwrap();
        let text = format!("name: a\nproduct: {product}\nhome: /opt/the pack\n{more}");
        fs::write_atomic(&dirs.config.join("instances.d/a.yaml"), text.as_bytes()).unwrap();
        unit(&load(&dirs, "a").unwrap(), "wso2carbon")
    }

    #[test]
    fn a_unit_has_none_of_the_published_traps() {
        let text = of(
            "wso2am",
            "vars: {profile: gateway-worker, java_home: /opt/java, offset: 1}\n",
        )
        .unwrap();
        for line in [
            "ExecStart=\"/opt/the pack/bin/api-manager.sh\" -Dprofile=gateway-worker",
            "Environment=JAVA_HOME=/opt/java",
            "User=wso2carbon",
            "WorkingDirectory=/opt/the pack",
            "SuccessExitStatus=143",
            "UnsetEnvironment=CARBON_HOME",
            "TimeoutStopSec=180",
            "Type=exec",
        ] {
            assert!(
                text.lines().any(|found| found.trim_end() == line),
                "{line}\n{text}"
            );
        }
        let keys: Vec<&str> = text
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0))
            .collect();
        for trap in ["PIDFile", "ExecReload", "ExecStop", "Group"] {
            assert!(!keys.contains(&trap), "{trap}\n{text}");
        }
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
    }

    #[test]
    fn a_product_that_cannot_run_in_the_foreground_has_none() {
        let refused = of("flink", "").unwrap_err();
        assert!(refused.message.contains("in the foreground"), "{refused}");
        for product in ["wso2is", "wso2mi", "wso2si"] {
            assert!(of(product, "").unwrap().contains("ExecStart="), "{product}");
        }
    }
}
