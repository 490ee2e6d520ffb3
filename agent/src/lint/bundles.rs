//! OSGi bundles and the lists that say which of them are installed.
//!
//! A line is `name,version,location,start level,started`. A start writes the lines of the drop-ins anew and keeps those
//! of the plugins, so that only the latter can be wrong for good.

use std::collections::{BTreeMap, BTreeSet};

use super::{Listing, Tree};
use crate::api::finding::{Finding, FindingKind, and_more};
use crate::model::{RelPath, TreeManifest};
use crate::product::caution::BundleRules;

pub(super) fn lint(rules: &BundleRules, tree: &Tree<'_>, pristine: Option<&TreeManifest>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut folders: BTreeMap<RelPath, Listed<'_>> = BTreeMap::new();
    for listing in &tree.listings {
        let Some(plugins) = climb(listing.path, &rules.plugins) else {
            continue;
        };
        let look = Look {
            dropins: &rules.dropins,
            tree,
            pristine,
            plugins: &plugins,
        };
        let lines = lines(listing);
        findings.extend(look.missing(listing.path, &lines));
        findings.extend(look.twice(listing.path, &lines));
        folders.entry(plugins).or_default().add(&lines);
    }
    for (plugins, listed) in &folders {
        let look = Look {
            dropins: &rules.dropins,
            tree,
            pristine,
            plugins,
        };
        findings.extend(look.unlisted(listed));
    }
    findings
}

struct Line<'t> {
    name: &'t str,
    /// The folder's name and the file's.
    place: (&'t str, &'t str),
}

/// Lines that are none are left out: the configurator skips them too.
fn lines<'t>(listing: &'t Listing<'_>) -> Vec<Line<'t>> {
    let line = |line: &'t str| {
        let mut fields = line.trim().split(',');
        let (name, _, location) = (fields.next()?, fields.next()?, fields.next()?);
        let (above, file) = location.trim_end_matches('/').rsplit_once('/')?;
        let folder = above.rsplit(['/', ':']).next()?;
        (!name.starts_with('#')).then_some(Line {
            name,
            place: (folder, file),
        })
    };
    listing.text.lines().filter_map(line).collect()
}

/// What all lists of one folder say.
#[derive(Default)]
struct Listed<'t> {
    files: BTreeSet<&'t str>,
    names: BTreeSet<&'t str>,
}

impl<'t> Listed<'t> {
    fn add(&mut self, lines: &[Line<'t>]) {
        self.files.extend(lines.iter().map(|line| line.place.1));
        self.names.extend(lines.iter().map(|line| line.name));
    }
}

struct Look<'a> {
    dropins: &'a RelPath,
    tree: &'a Tree<'a>,
    pristine: Option<&'a TreeManifest>,
    plugins: &'a RelPath,
}

impl Look<'_> {
    /// Where a line's bundle lies, if it is among the plugins.
    fn plugin(&self, line: &Line<'_>) -> Option<RelPath> {
        let (folder, file) = line.place;
        (folder == self.plugins.file_name())
            .then(|| self.plugins.join(file).ok())
            .flatten()
    }

    /// Where a line's bundle lies, if it is there at all.
    fn present(&self, line: &Line<'_>) -> Option<RelPath> {
        let (folder, file) = line.place;
        if folder == self.dropins.file_name() && self.tree.dropins.contains(file) {
            return self.dropins.join(file).ok();
        }
        self.plugin(line).filter(|path| self.tree.paths.contains(path))
    }

    fn is_vendors(&self, path: &RelPath) -> bool {
        self.pristine
            .is_some_and(|pristine| pristine.entries.contains_key(path))
    }

    /// The bundles of a symbolic name among the plugins.
    fn versions(&self, name: &str) -> impl Iterator<Item = &RelPath> {
        self.bundles().filter(move |path| symbolic_name(path) == name)
    }

    fn bundles(&self) -> impl Iterator<Item = &RelPath> {
        let folder = self.plugins;
        let onwards = self.tree.paths.range::<&RelPath, _>(folder..).copied();
        // `plugins-old` comes before `plugins/a.jar`.
        onwards
            .take_while(|path| path.as_str().starts_with(folder.as_str()))
            .filter(|path| path.is_at_or_below(folder) && path.as_str().ends_with(".jar"))
            .filter(|path| path.depth() == folder.depth() + 1)
    }

    /// A line whose bundle is not there. One that the vendor's pack itself lists and does not have is harmless: then no
    /// other version of it is there either.
    fn missing(&self, list: &RelPath, lines: &[Line<'_>]) -> Vec<Finding> {
        let is_gone = |line: &&Line<'_>| {
            self.plugin(line)
                .is_some_and(|path| !self.tree.paths.contains(&path))
        };
        let finding = |line: &Line<'_>| {
            let path = self.plugin(line)?;
            let message = format!(
                "{list} lists {path}, which is not there: the server waits for it or starts without it"
            );
            let finding = Finding::wanted(FindingKind::MissingBundle, message)
                .at([path.clone()])
                .hint("take both from one level of the vendor's pack");
            let is_wrong = self.pristine.is_none()
                || self.is_vendors(&path)
                || self.versions(line.name).next().is_some();
            Some(if is_wrong { finding.required() } else { finding })
        };
        lines.iter().filter(is_gone).filter_map(finding).collect()
    }

    /// Two bundles of one name in one list. With a drop-in among them it is the operator's doing, and often meant.
    fn twice(&self, list: &RelPath, lines: &[Line<'_>]) -> Vec<Finding> {
        let mut places: BTreeMap<&str, BTreeSet<RelPath>> = BTreeMap::new();
        for line in lines {
            places.entry(line.name).or_default().extend(self.present(line));
        }
        let doubtful =
            |paths: &BTreeSet<RelPath>| paths.len() > 1 && !paths.iter().all(|path| self.is_vendors(path));
        let finding = |(name, paths): (&str, BTreeSet<RelPath>)| {
            let has_dropin = paths.iter().any(|path| path.is_at_or_below(self.dropins));
            let message = format!(
                "{list} lists {} bundles of the name {name}: the server can wait for its services for ever",
                paths.len()
            );
            let finding = Finding::wanted(FindingKind::DuplicateBundle, message)
                .at(paths)
                .hint("remove the one that the vendor's pack of this level does not have, and its line");
            if has_dropin { finding } else { finding.required() }
        };
        places
            .into_iter()
            .filter(|(_, paths)| doubtful(paths))
            .map(finding)
            .collect()
    }

    /// Bundles that no list has: the server does not load them.
    fn unlisted(&self, listed: &Listed<'_>) -> Vec<Finding> {
        let unlisted = self
            .bundles()
            .filter(|path| !listed.files.contains(path.file_name()) && !self.is_vendors(path));
        let (beside, alone): (Vec<_>, Vec<_>) =
            unlisted.partition(|path| listed.names.contains(symbolic_name(path)));
        let versions = beside.into_iter().map(|path| {
            let message = format!(
                "{path} is another version of a bundle that is listed: an update or a patch left it behind"
            );
            Finding::wanted(FindingKind::DuplicateBundle, message)
                .at([path.clone()])
                .hint("remove it")
        });
        versions.chain(self.orphans(&alone)).collect()
    }

    /// Without the vendor's tree it is not known what the vendor never listed.
    fn orphans(&self, paths: &[&RelPath]) -> Option<Finding> {
        let first = paths.first().filter(|_| self.pristine.is_some())?;
        let message = format!(
            "no list has {}: the server does not load what is listed nowhere",
            and_more(first, paths.len())
        );
        Some(
            Finding::wanted(FindingKind::OrphanBundle, message)
                .at(paths.iter().copied().cloned())
                .hint("own bundles belong among the drop-ins; else remove them"),
        )
    }
}

/// The symbolic name that a bundle's file name begins with: `a.b_1.2.3.jar` is `a.b`.
fn symbolic_name(path: &RelPath) -> &str {
    let name = path.file_name();
    let is_version = |at: &usize| name[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let at = name.match_indices('_').map(|(at, _)| at).find(is_version);
    &name[..at.unwrap_or(name.len())]
}

/// The path that a relative one with `..` leads to from a file's folder; `None` if it leads out of the tree.
fn climb(file: &RelPath, relative: &str) -> Option<RelPath> {
    let mut parts: Vec<&str> = file.as_str().split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    RelPath::new(&parts.join("/")).ok()
}
