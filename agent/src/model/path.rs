//! Paths inside a pack.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// A path relative to a pack's home: UTF-8, `/`-separated, never empty, never absolute, without `.` or `..`, so that
/// joining it to the home cannot leave the home.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct RelPath(Box<str>);

/// Why a text is not a [`RelPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Nothing is left of it.
    #[error("the path is empty")]
    Empty,
    /// It starts at the root.
    #[error("the path is absolute")]
    Absolute,
    /// It climbs with `..`.
    #[error("the path climbs with `..`")]
    Climbs,
    /// It holds an empty or `.` component, a NUL byte or is not UTF-8.
    #[error("the path is not plain: it has an empty or `.` component, a NUL byte or is not UTF-8")]
    NotPlain,
}

impl RelPath {
    /// Checks a text.
    ///
    /// # Errors
    /// [`BadPath`] says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, BadPath> {
        if text.is_empty() {
            return Err(BadPath::Empty);
        }
        if text.starts_with('/') {
            return Err(BadPath::Absolute);
        }
        for component in text.split('/') {
            match component {
                ".." => return Err(BadPath::Climbs),
                "" | "." => return Err(BadPath::NotPlain),
                _ if component.contains('\0') => return Err(BadPath::NotPlain),
                _ => {}
            }
        }
        Ok(Self(text.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directory it lies in; `None` for a direct child of the home.
    pub fn parent(&self) -> Option<RelPath> {
        self.0.rfind('/').map(|at| Self(self.0[..at].into()))
    }

    /// All directories above it, the outermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = RelPath> + '_ {
        self.0.match_indices('/').map(|(at, _)| Self(self.0[..at].into()))
    }

    /// A path below this one. `name` must be a valid relative path itself.
    ///
    /// # Errors
    /// As [`RelPath::new`].
    pub fn join(&self, name: &str) -> Result<Self, BadPath> {
        let below = Self::new(name)?;
        Ok(Self(format!("{}/{}", self.0, below.0).into()))
    }

    /// The same path with a text appended to its last component, as in `a.xml` + `.new`.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}{suffix}", self.0).into())
    }

    /// The same path with every version number in its last component replaced, so that `lib/core-1.20.0.jar` and
    /// `lib/core-1.20.1.jar` are alike.
    pub fn without_version(&self) -> String {
        let dir = self.parent().map(|dir| format!("{dir}/")).unwrap_or_default();
        format!("{dir}{}", name_without_version(self.file_name()))
    }

    /// How deep it lies: 1 for a direct child of the home.
    pub fn depth(&self) -> usize {
        self.0.matches('/').count() + 1
    }

    /// Whether it is `other` or lies below it.
    pub fn is_at_or_below(&self, other: &RelPath) -> bool {
        self.0
            .strip_prefix(&*other.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The absolute path under a home.
    pub fn under(&self, home: &Path) -> PathBuf {
        home.join(&*self.0)
    }
}

fn name_without_version(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut in_number = false;
    for c in name.chars() {
        let continues = c.is_ascii_digit() || (in_number && c == '.');
        if c.is_ascii_digit() && !in_number {
            plain.push('#');
        } else if !continues {
            plain.push(c);
        }
        // The dot before an extension belongs to the number's run and is dropped on both sides alike.
        in_number = continues;
    }
    plain
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl AsRef<Path> for RelPath {
    fn as_ref(&self) -> &Path {
        Path::new(&*self.0)
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(|why| serde::de::Error::custom(format!("`{text}`: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_stay_inside_are_paths() {
        let table = [
            ("conf/config.yaml", Ok(())),
            ("api#am#gateway#v2.war", Ok(())),
            ("a b/ü", Ok(())),
            ("..hidden", Ok(())),
            ("", Err(BadPath::Empty)),
            ("/etc/passwd", Err(BadPath::Absolute)),
            ("../x", Err(BadPath::Climbs)),
            ("a/../x", Err(BadPath::Climbs)),
            ("a/..", Err(BadPath::Climbs)),
            ("a//b", Err(BadPath::NotPlain)),
            ("./a", Err(BadPath::NotPlain)),
            ("a/", Err(BadPath::NotPlain)),
            ("a\0b", Err(BadPath::NotPlain)),
        ];
        for (text, expected) in table {
            assert_eq!(RelPath::new(text).map(|_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn relations_between_paths() {
        let path = RelPath::new("a/b/c").unwrap();
        let above: Vec<_> = path.ancestors().map(|p| p.to_string()).collect();
        assert_eq!(above, ["a", "a/b"]);
        assert_eq!((path.file_name(), path.depth()), ("c", 3));
        assert!(path.is_at_or_below(&RelPath::new("a/b").unwrap()));
        assert!(!path.is_at_or_below(&RelPath::new("a/bc").unwrap()));
        assert!(
            !RelPath::new("a/bc")
                .unwrap()
                .is_at_or_below(&RelPath::new("a/b").unwrap())
        );
    }

    #[test]
    fn versions_in_names_do_not_count() {
        let same = [
            ("flink-dist-1.20.0.jar", "flink-dist-1.20.1.jar"),
            ("org.x_4.5.1.jar", "org.x_4.5.1.1.jar"),
            ("log4j2-core.jar", "log4j3-core.jar"),
        ];
        for (a, b) in same {
            assert_eq!(name_without_version(a), name_without_version(b));
        }
        assert_ne!(name_without_version("a-1.jar"), name_without_version("b-1.jar"));
    }
}
