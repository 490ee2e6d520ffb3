//! Hotfixes: what their names say, and how the tool applies them to a copy of the pack.
//!
//! Where the tool writes down which hotfixes it applied is not published, and reverting with it takes back all
//! configuration made since. So it never gets to remember one: the copy is made of the vendor's files without any hotfix,
//! and every hotfix that is on is applied to it again, in order, before the next one. What is on, and how it gets off
//! again, only pitstop keeps.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::super::Source;
use super::candidate::Candidate;
use super::drive::Drive;
use super::offline::{names_like, said_by_name};
use super::pieces::pieces;
use super::runner::Runner;
use super::tree::CandidateTree;
use super::{Order, add_needs, found};
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Entry, Level, RelPath};
use crate::product::Profile;
use crate::product::profile::HotfixRules;
use crate::sys::root::Root;

/// What the name of a hotfix says, such as `wso2am-4.2.0-abc-hf-1.zip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotfixName {
    /// The name itself.
    pub name: String,
    /// The product as its vendor calls it.
    pub product: String,
    /// The product's version, without the update level.
    pub version: String,
    /// Its place among the hotfixes of a level, from 1.
    pub number: u32,
}

fn pattern(rules: &HotfixRules) -> Result<Regex> {
    names_like("vendor_tool.hotfix.name", &rules.name)
}

impl HotfixName {
    /// What a file's name says; `None` if it is not the name of a hotfix.
    ///
    /// # Errors
    /// `settings`: the profile's pattern is none.
    pub fn of(path: &Path, rules: &HotfixRules) -> Result<Option<Self>> {
        let pattern = pattern(rules)?;
        let name = path.file_name().and_then(|name| name.to_str());
        Ok(name.and_then(|name| Self::told(name, &pattern)))
    }

    fn told(name: &str, pattern: &Regex) -> Option<Self> {
        let said = said_by_name(pattern, name)?;
        Some(Self {
            name: name.to_owned(),
            product: said("product"),
            version: said("version"),
            number: said("number").parse().ok()?,
        })
    }

    /// Whether it is a hotfix for an installed level of a product: by its version, and because a pack that calls itself as
    /// the name does would be one of the product.
    pub fn is_for(&self, profile: &Profile, installed: &Level) -> bool {
        let rest = installed.as_str().strip_prefix(&self.version);
        let is_version = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        is_version && profile.is_called(&self.product, &self.version)
    }
}

/// A hotfix's file, under the name that the tool has to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotfixFile<'a> {
    /// The name.
    pub name: String,
    /// Its content.
    pub content: HotfixContent<'a>,
}

/// The content of a hotfix's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HotfixContent<'a> {
    /// In a file that nobody else writes.
    Kept(PathBuf),
    /// The bytes that were judged, whatever became of their file since.
    Read(&'a [u8]),
}

/// Lets the tool apply hotfixes to a copy of the pack, one after the other. Returns the vendor's tree with them, and the files
/// of the server's state that the last one brings, which are in no tree.
///
/// # Errors
/// `vendor-tool`: the tool refused one, or what it said and what it did disagree.
pub fn apply(order: &Order<'_>, hotfixes: &[HotfixFile<'_>]) -> Result<(Box<dyn Source>, Vec<RelPath>)> {
    let mut pieces = pieces(&order.known)?;
    let candidate = Candidate::new(order.root, order.user.clone())?;
    let tools_own = add_needs(order, &mut pieces)?;
    // The tool keeps a copy of the whole pack before each.
    let copy_bytes: u64 = pieces
        .values()
        .filter_map(|piece| piece.claim.as_ref())
        .map(Entry::size)
        .sum();
    let copies = copy_bytes.saturating_mul(hotfixes.len() as u64);
    candidate.fill(&pieces, order.profile.disk.extra_bytes.saturating_add(copies))?;
    for hotfix in hotfixes {
        match &hotfix.content {
            HotfixContent::Kept(path) => candidate.bring(path, &hotfix.name)?,
            HotfixContent::Read(bytes) => candidate.bring_bytes(*bytes, &hotfix.name)?,
        }
    }
    let runner = Runner::new(order, &candidate)?;
    let mut drive = Drive::new(order, &candidate, &pieces, &tools_own, runner)?;
    let (outcome, lost) = drive.apply_hotfixes(hotfixes)?;
    drive.runner.keep_newer();
    drop(drive);
    Ok((Box::new(CandidateTree::new(candidate, outcome.new, order)?), lost))
}

/// The larger ones are no records.
const RECORD_LIMIT: u64 = 16 << 20;

/// The hotfixes that the tool says it has applied to a pack itself: every name of one in its records.
///
/// # Errors
/// Reading them failed.
pub fn applied_by_the_tool(root: &Root, rules: &HotfixRules) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for glob in &rules.records {
        for (path, _) in found(root, glob)? {
            let bytes = match root.read(&path, RECORD_LIMIT) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => continue,
                Err(error) => return Err(Failure::io("read", path.under(root.path()), error)),
            };
            names.extend(mentioned(&String::from_utf8_lossy(&bytes), rules)?);
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The names of hotfixes in a text, with or without what archives end with.
fn mentioned(text: &str, rules: &HotfixRules) -> Result<Vec<String>> {
    let pattern = pattern(rules)?;
    let mut names = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || "\"'`,;:/\\[]{}()".contains(c)) {
        let full = match word.ends_with(".zip") {
            true => word.to_owned(),
            false => format!("{word}.zip"),
        };
        names.extend(HotfixName::told(&full, &pattern).map(|hotfix| hotfix.name));
    }
    Ok(names)
}

/// Refuses to go on where the tool itself has applied hotfixes: only it can revert them.
///
/// # Errors
/// `hotfix`.
pub fn refuse_tools_own(root: &Root, rules: &HotfixRules, program: &Path) -> Result<()> {
    let names = applied_by_the_tool(root, rules)?;
    let Some(first) = names.first() else { return Ok(()) };
    let message = format!(
        "the vendor's update tool has applied {} to {} itself, without pitstop{}",
        first,
        root.path().display(),
        match names.len() {
            1 => String::new(),
            more => format!(", and {} more", more - 1),
        }
    );
    Err(Failure::new(ErrorKind::Hotfix, message).at(root.path()).hint(format!(
        "save the configuration, run `{} revert-hotfix` for each (it takes back what was configured since), put the \
         configuration back, then `pitstop adopt`, `pitstop hotfix apply` and run again",
        program.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::builtin;

    fn rules() -> HotfixRules {
        let profile = builtin::find("wso2am", None).unwrap();
        profile.vendor_tool.unwrap().hotfix.unwrap()
    }

    #[test]
    fn names_tell_product_version_and_number() {
        let table = [
            ("wso2am-4.2.0-abc-hf-1.zip", Some(("wso2am", "4.2.0", 1))),
            ("wso2am-3.0.0-abc-hf1.zip", Some(("wso2am", "3.0.0", 1))),
            ("wso2am-4.2.0-hf-12.zip", Some(("wso2am", "4.2.0", 12))),
            (
                "wso2am-universal-gw-4.5.0-a-b-hf2.zip",
                Some(("wso2am-universal-gw", "4.5.0", 2)),
            ),
            ("wso2am-4.2.0-abc-hf-0.zip", None),
            ("wso2am-4.2.0-abc-hf-.zip", None),
            ("wso2am-4.2.0-abc-1.zip", None),
            ("wso2am-4.2.0-abc-hf-99999999999.zip", None),
            ("wso2am-4.2.0-abc-hf-1.zip.part", None),
            ("wso2am-4.2.0.3-4.2.0.4.zip", None),
            ("hf-1.zip", None),
        ];
        for (name, expected) in table {
            let found = HotfixName::of(&Path::new("/tmp").join(name), &rules()).unwrap();
            let found = found
                .as_ref()
                .map(|found| (found.product.as_str(), found.version.as_str(), found.number));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_hotfix_is_for_one_version_of_one_product() {
        // The profile, the installed level, the hotfix.
        let table = [
            ("wso2am", "4.2.0.4", "wso2am-4.2.0-abc-hf-1.zip", true),
            ("wso2am", "4.2.0", "wso2am-4.2.0-abc-hf-1.zip", true),
            ("wso2am", "4.2.01.4", "wso2am-4.2.0-abc-hf-1.zip", false),
            ("wso2am", "4.3.0.4", "wso2am-4.2.0-abc-hf-1.zip", false),
            ("wso2am", "4.5.0.4", "wso2am-acp-4.5.0-abc-hf-1.zip", false),
            ("wso2am-acp", "4.5.0.4", "wso2am-acp-4.5.0-abc-hf-1.zip", true),
            ("wso2am-3", "3.2.0.4", "wso2am-3.2.0-abc-hf-1.zip", true),
            ("wso2is", "7.1.0.4", "wso2is-7.1.0-abc-hf1.zip", true),
            ("wso2is", "4.2.0.4", "wso2am-4.2.0-abc-hf-1.zip", false),
        ];
        for (product, level, name, expected) in table {
            let hotfix = HotfixName::of(Path::new(name), &rules()).unwrap().unwrap();
            let profile = builtin::find(product, None).unwrap();
            assert_eq!(
                hotfix.is_for(&profile, &Level::new(level)),
                expected,
                "{product} {level} {name}"
            );
        }
    }

    #[test]
    fn records_name_hotfixes_in_whatever_form_they_have() {
        let table = [
            (r#"{"hotfixes": [{"name": "wso2am-4.2.0-abc-hf-1.zip"}]}"#, 1),
            (
                r#"{"applied":["/tmp/wso2am-4.2.0-abc-hf1","/tmp/x/wso2am-4.2.0-abc-hf2"]}"#,
                2,
            ),
            (r#"{"update-level": "4", "channel": "full"}"#, 0),
            (r#"{"backup": "/b/wso2am-4.2.0-30de1a18"}"#, 0),
        ];
        for (text, count) in table {
            assert_eq!(mentioned(text, &rules()).unwrap().len(), count, "{text}");
        }
    }
}
