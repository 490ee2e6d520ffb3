//! User and password for the vendor's service: from a file or the caller's environment, to the tool's environment, and
//! nowhere else.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::api::{ErrorKind, Failure, Result};
use crate::config::vendor_tool::Credentials;
use crate::product::profile::CredentialVariables;
use crate::source::secret;
use crate::sys::host;

/// A user and a password. Never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    username: String,
    password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    /// Reads it.
    ///
    /// # Errors
    /// `settings`: it is not there, incomplete, or others may read the file. No message holds any of it.
    pub(super) fn read(from: &Credentials, variables: &CredentialVariables) -> Result<Self> {
        let login = match from {
            Credentials::File(path) => in_file(path)?,
            Credentials::Environment => in_environment(variables)?,
        };
        let is_complete = !login.username.is_empty() && !login.password.is_empty();
        let is_plain = |text: &String| !text.contains(char::is_control);
        match is_complete && is_plain(&login.username) && is_plain(&login.password) {
            true => Ok(login),
            false => Err(Failure::new(
                ErrorKind::Settings,
                "source.vendor-tool.credentials: user or password is empty or has a control character in it",
            )),
        }
    }

    /// What the tool finds in its environment.
    pub(super) fn variables(&self, names: &CredentialVariables) -> BTreeMap<String, String> {
        BTreeMap::from([
            (names.username.clone(), self.username.clone()),
            (names.password.clone(), self.password.clone()),
        ])
    }

    /// What must not be seen in any output.
    pub(super) fn secrets(&self) -> Vec<String> {
        vec![self.password.clone(), self.username.clone()]
    }
}

/// The settings name none.
pub(super) fn none_said() -> Failure {
    let message = "source.vendor-tool: there are no `credentials`, and the vendor's service asks for them";
    Failure::new(ErrorKind::Settings, message)
        .hint("add `credentials: {file: PATH}`, or `credentials: {env: true}`")
}

fn in_environment(names: &CredentialVariables) -> Result<Login> {
    let variable = |name: &str| {
        host::variable(name).ok_or_else(|| {
            let message = format!(
                "source.vendor-tool.credentials: there is no environment variable `{name}`, or it is not UTF-8"
            );
            Failure::new(ErrorKind::Settings, message)
                .hint(format!("export `{}` and `{}`, or give `file`", names.username, names.password))
        })
    };
    Ok(Login {
        username: variable(&names.username)?,
        password: variable(&names.password)?,
    })
}

fn in_file(path: &Path) -> Result<Login> {
    let bytes = secret::read(path)?;
    // What the parser says may quote the text.
    serde_yaml::from_slice(&bytes).map_err(|_| {
        let message = format!(
            "{} is not a YAML map with exactly `username` and `password`, both as text",
            path.display()
        );
        Failure::new(ErrorKind::Settings, message).at(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fs;
    use crate::sys::root::Root;

    fn names() -> CredentialVariables {
        CredentialVariables {
            username: "PITSTOP_TEST_NO_USER".to_owned(),
            password: "PITSTOP_TEST_NO_PASSWORD".to_owned(),
        }
    }

    #[test]
    fn a_file_of_ones_own_is_read_and_no_message_quotes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("login.yaml");
        let root = Root::open(dir.path()).unwrap();
        let table = [
            ("username: u@example.com\npassword: 'pw$1'\n", 0o600, ""),
            ("{username: u, password: hunter2}", 0o640, "chmod 600"),
            ("{username: u, password: hunter2}", 0o604, "chmod 600"),
            ("{username: u, password: ''}", 0o600, "is empty"),
            (
                "{username: u, password: \"hunter2\\n\"}",
                0o600,
                "control character",
            ),
            ("hunter2", 0o600, "is not a YAML map"),
            (
                "{username: u, password: 17, hunter2: x}",
                0o600,
                "is not a YAML map",
            ),
        ];
        for (text, mode, expected) in table {
            fs::write_atomic(&path, text.as_bytes()).unwrap();
            root.set_mode(&crate::model::RelPath::new("login.yaml").unwrap(), mode)
                .unwrap();
            match Login::read(&Credentials::File(path.clone()), &names()) {
                Ok(login) => {
                    assert_eq!(expected, "", "{text}");
                    assert_eq!(login.secrets(), ["pw$1", "u@example.com"]);
                    assert_eq!(format!("{login:?}"), "Login");
                }
                Err(failure) => {
                    let told = format!("{failure} {:?}", failure.hint);
                    assert!(!expected.is_empty() && told.contains(expected), "{text}: {told}");
                    assert!(!told.contains("hunter2"), "{told}");
                }
            }
        }
        let failure = Login::read(&Credentials::Environment, &names()).unwrap_err();
        assert!(failure.message.contains("PITSTOP_TEST_NO_USER"), "{failure}");
    }
}
