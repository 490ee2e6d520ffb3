//! The list of bundles that a web server offers: one line `sha256 size name` for each, after a header.

use crate::model::Digest;

/// The list's name beside the bundles.
pub const LIST_NAME: &str = "bundles.list";
/// The list, at most.
pub const LIST_BYTES: u64 = 4 << 20;
const HEADER: &str = "pitstop-bundles 1";

/// A bundle as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The digest of its bytes.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its name beside the list.
    pub name: String,
}

/// The list of these bundles.
pub fn write(listed: &[Listed]) -> String {
    let line = |one: &Listed| format!("{} {} {}\n", one.sha256, one.size, one.name);
    std::iter::once(format!("{HEADER}\n"))
        .chain(listed.iter().map(line))
        .collect()
}

/// Reads a list.
///
/// # Errors
/// Why it is none.
pub fn parse(bytes: &[u8]) -> Result<Vec<Listed>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(format!("it does not begin with `{HEADER}`"));
    }
    let line = |(number, line): (usize, &str)| {
        listed(line).ok_or_else(|| format!("line {} is not `sha256 size name`", number + 2))
    };
    lines.enumerate().map(line).collect()
}

/// Whether a bundle of this name can be listed.
pub fn is_name(name: &str) -> bool {
    super::is_plain_name(name, 200)
}

fn listed(line: &str) -> Option<Listed> {
    let mut fields = line.splitn(3, ' ');
    let (sha256, size, name) = (fields.next()?, fields.next()?, fields.next()?);
    is_name(name).then_some(Listed {
        sha256: sha256.parse().ok()?,
        size: size.parse().ok()?,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_it_was_written_and_names_lead_nowhere_else() {
        let one = |name: &str| Listed {
            sha256: Digest::of(name.as_bytes()),
            size: 7,
            name: name.to_owned(),
        };
        let all = [one("a-1.pitstop"), one("b_2+x.pitstop")];
        assert_eq!(parse(write(&all).as_bytes()).unwrap(), all);
        for name in [
            "",
            ".",
            "..",
            "../x",
            "/x",
            "x/y",
            "a b",
            "a?b",
            "a#b",
            "a%2fb",
            "https://x",
            "ü",
        ] {
            assert!(parse(write(&[one(name)]).as_bytes()).is_err(), "{name}");
        }
        assert!(parse(b"pitstop-bundles 2\n").is_err());
        assert!(parse(b"").is_err());
    }
}
