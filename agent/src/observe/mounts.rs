//! What is mounted inside a home.

use std::path::Path;

use crate::api::{Failure, Result};
use crate::model::RelPath;
use crate::model::inventory::Mount;
use crate::sys::fs;

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// The mounts strictly inside a home. Bind mounts count: a rename across one fails even on the same device.
///
/// # Errors
/// The mount table cannot be read.
pub fn mounts_in(home: &Path) -> Result<Vec<Mount>> {
    let text = fs::read_text_if_exists(Path::new(MOUNTINFO))
        .map_err(|error| Failure::io("read the mount table", MOUNTINFO, error))?;
    Ok(parse(&text.unwrap_or_default(), home))
}

/// Reads the table of proc(5): the fifth field is the mount point, the sixth its options, and the last the options of
/// the file system.
fn parse(text: &str, home: &Path) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (Some(point), Some(options), Some(super_options)) = (fields.get(4), fields.get(5), fields.last())
        else {
            continue;
        };
        let point = unescape(point);
        let Ok(below) = Path::new(&point).strip_prefix(home) else {
            continue;
        };
        let Some(path) = below.to_str().and_then(|text| RelPath::new(text).ok()) else {
            continue;
        };
        let read_only = [options, super_options]
            .iter()
            .any(|list| list.split(',').any(|option| option == "ro"));
        // A later mount on the same point covers the earlier one.
        mounts.retain(|mount| mount.path != path);
        mounts.push(Mount { path, read_only });
    }
    mounts
}

/// Blanks, tabs, line feeds and backslashes are written as three octal digits.
fn unescape(field: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(field.to_owned(), |text, (escaped, plain)| {
            text.replace(escaped, plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_inside_the_home_are_found_and_others_are_not() {
        let table = "\
22 1 0:21 / / rw,relatime - ext4 /dev/vda rw
30 22 0:30 / /srv/app rw - ext4 /dev/vdb rw
31 30 0:31 / /srv/app/logs\\040old ro,relatime shared:1 - tmpfs tmpfs rw
32 30 0:32 / /srv/app/data rw - nfs server:/x ro,vers=4
33 22 0:33 / /srv/app2/conf rw - ext4 /dev/vdc rw
34 30 0:34 / /srv/app/data rw - ext4 /dev/vdd rw
";
        let found: Vec<(String, bool)> = parse(table, Path::new("/srv/app"))
            .into_iter()
            .map(|mount| (mount.path.to_string(), mount.read_only))
            .collect();
        assert_eq!(found, [("logs old".to_owned(), true), ("data".to_owned(), false)]);
    }
}
