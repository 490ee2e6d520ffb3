//! A command as it was given, for hints that say how to run it again.

use std::fmt::{self, Display};
use std::path::Path;

use crate::observe::permissions::quote;

/// A command that grows option by option.
pub(super) struct Again(String);

impl Again {
    pub fn new(verb: &str, instance: &str) -> Self {
        Self(format!("pitstop {verb} {instance}"))
    }

    /// Adds an option without a value, if it was given.
    pub fn flag(mut self, is_given: bool, option: &str) -> Self {
        if is_given {
            self.0 += &format!(" {option}");
        }
        self
    }

    /// Adds an option once for each value.
    pub fn each(mut self, option: &str, values: impl IntoIterator<Item = impl Display>) -> Self {
        for value in values {
            self.0 += &format!(" {option} {}", word(&value.to_string()));
        }
        self
    }

    /// Adds a path that stands by itself.
    pub fn path(mut self, path: &Path) -> Self {
        self.0 += &format!(" {}", word(&path.display().to_string()));
        self
    }
}

impl Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Quoted only where a shell would see more than one word in it.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@+=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => quote(Path::new(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_given() {
        let again = Again::new("update", "am-1")
            .each("--from", [Path::new("/srv/to come/a.zip").display()])
            .each("--level", ["4.2.0.135"])
            .flag(true, "--continue")
            .flag(false, "--in-place")
            .each("--acknowledge", ["one", "it's"]);
        assert_eq!(
            again.to_string(),
            "pitstop update am-1 --from '/srv/to come/a.zip' --level 4.2.0.135 --continue --acknowledge one \
             --acknowledge 'it'\\''s'"
        );
    }
}
