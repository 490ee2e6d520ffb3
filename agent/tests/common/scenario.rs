//! A run that is interrupted, and where the next one must lead: the tree is exactly old or exactly new, nothing of ours
//! is left over, and the history has one record for each transaction.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::{Answer, Item, Lab, Pack, Saved, Tree, difference, file, pack, script, settled};

/// How many effects less than its rehearsal a run may have.
const SLACK: usize = 24;

pub const CONF: &str = "port = 1\n\n# memory\nmemory = 2\n\n# threads\nthreads = 4\n";

pub fn old() -> Pack {
    pack(&[
        ("VERSION", file("1.0.0\n")),
        ("bin/run.sh", script("#!/bin/sh\nexit 0\n")),
        ("bin/tool", file("not yet executable")),
        ("conf/server.conf", file(CONF)),
        ("conf/same.conf", file("a\n")),
        ("lib/core-1.0.0.jar", file(b"\0core 1".to_vec())),
        ("lib/stays.jar", file(b"\0stays".to_vec())),
        ("lib/gone.jar", file(b"\0gone".to_vec())),
        ("doc/old/index.html", file("<p>1</p>")),
        ("web/ü ö.html", file("<p>1</p>\n")),
        ("swap", file("a file that becomes a directory")),
        ("paws/x", file("in a directory that becomes a file")),
        ("current", Item::Link("lib/core-1.0.0.jar")),
        ("custom/seed", file("seed")),
    ])
}

pub fn new() -> Pack {
    pack(&[
        ("VERSION", file("1.1.0\n")),
        ("bin/run.sh", script("#!/bin/sh\n# 1.1\nexit 0\n")),
        ("bin/tool", script("not yet executable")),
        (
            "conf/server.conf",
            file(CONF.replace("threads = 4", "threads = 8")),
        ),
        ("conf/same.conf", file("a\n")),
        ("conf/added.conf", file("new\n")),
        ("lib/core-1.1.0.jar", file(b"\0core 2".to_vec())),
        ("lib/stays.jar", file(b"\0stays".to_vec())),
        ("doc/new/deep/index.html", file("<p>2</p>")),
        ("web/ü ö.html", file("<p>2</p>\n")),
        ("swap/now-inside", file("x")),
        ("paws", file("a file now")),
        ("current", Item::Link("lib/core-1.1.0.jar")),
        ("custom/seed", file("seed")),
        ("custom/second-seed", file("seed 2")),
    ])
}

/// Paths that an update or a rollback replaces: only their times may differ between two runs.
pub const REPLACED: &[&str] = &[
    "VERSION",
    "bin/run.sh",
    "conf/server.conf",
    "conf/added.conf",
    "conf/deep/added.conf",
    "lib/core-1.1.0.jar",
    "doc/new/deep/index.html",
    "web/ü ö.html",
    "swap/now-inside",
    "paws",
    "custom/second-seed",
];

/// A customised, adopted pack and the folder of its successors.
pub fn lab() -> Lab {
    adopted(Lab::new(&old()))
}

/// Customises and adopts the old pack in a laboratory, and offers its successors.
pub fn adopted(lab: Lab) -> Lab {
    lab.offer("1.0.0", &old());
    lab.offer("1.1.0", &new());
    lab.instance(&format!("source: {}\n", lab.path("packs").display()));
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 9999"));
    fs::set_permissions(
        lab.home().join("conf/server.conf"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    xattr::set(lab.home().join("conf/server.conf"), "user.origin", b"operator").unwrap();
    lab.write("lib/ext-driver.jar", "mine");
    lab.write("data/db", "precious");
    lab.write("log/server.log", "line\n");
    std::os::unix::fs::chown(lab.home().join("conf/server.conf"), Some(1234), Some(1235)).ok();
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    let answer = lab.run(&["adopt", "lab", "--pristine", lab.path("packs").to_str().unwrap()]);
    answer.expect(0, "adopted");
    lab
}

/// That pack after its update, with an edit that a rollback must merge back and not drop.
pub fn updated() -> Lab {
    edited_after_update(lab())
}

/// Updates an adopted pack and edits it then.
pub fn edited_after_update(lab: Lab) -> Lab {
    lab.run(&["update", "lab"]).expect(0, "updated");
    let edited = lab.read("conf/server.conf").replace("memory = 2", "memory = 512");
    lab.write("conf/server.conf", &edited);
    lab
}

/// The numbers of the first and the last effect of each kind in each of our folders.
pub fn places(effects: &[String]) -> Vec<usize> {
    let mut ends: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (at, line) in effects.iter().enumerate() {
        let mut words = line.split(' ').skip(1);
        let kind = words.next().unwrap_or_default();
        let folder = ["candidates", "tx", "snapshots", "state"]
            .into_iter()
            .find(|folder| line.contains(&format!("/{folder}/")));
        let key = format!("{kind} {folder:?}");
        ends.entry(key).or_insert((at + 1, at + 1)).1 = at + 1;
    }
    let mut places: Vec<usize> = ends
        .into_values()
        .flat_map(|(first, last)| [first, last])
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The two ends of a run.
pub struct Ends {
    args: &'static [&'static str],
    before: Tree,
    after: Tree,
    leftovers: (Vec<String>, Vec<String>),
}

impl Ends {
    /// Runs once to see both, with a log of every effect. Returns its lines too; the laboratory is at the new end then.
    pub fn rehearse(lab: &Lab, args: &'static [&'static str]) -> (Self, Vec<String>) {
        let before = settled(&lab.tree(), &[]);
        let untouched = lab.leftovers();
        let effects = effects(lab, args);
        assert!(
            effects.len() > 30,
            "only {} effects: the fault hooks are not compiled in",
            effects.len()
        );
        let after = settled(&lab.tree(), REPLACED);
        assert_ne!(before, after);
        let left = lab.leftovers();
        let ends = Self {
            args,
            before,
            after,
            leftovers: (untouched, left),
        };
        (ends, effects)
    }

    /// Whether the tree is exactly new; what is wrong if it is neither new nor old.
    pub fn side(&self, lab: &Lab) -> Result<bool, String> {
        let tree = lab.tree();
        let (as_old, as_new) = (settled(&tree, &[]), settled(&tree, REPLACED));
        if as_old == self.before {
            Ok(false)
        } else if as_new == self.after {
            Ok(true)
        } else {
            Err(format!(
                "neither old nor new\nto old:\n{}\nto new:\n{}",
                difference(&as_old, &self.before),
                difference(&as_new, &self.after)
            ))
        }
    }

    /// Files that both ends have and the tree has not: a running server would miss them.
    pub fn missing(&self, lab: &Lab) -> Vec<String> {
        let tree = lab.tree();
        let in_both = self.before.iter().filter(|(path, bits)| {
            let after = self.after.get(*path);
            bits.kind != 'd' && after.is_some_and(|after| after.kind != 'd')
        });
        let paths = in_both.map(|(path, _)| path.clone());
        paths.filter(|path| !tree.contains_key(path)).collect()
    }

    /// Whether the tree is exactly new; panics if it is neither new nor old.
    #[track_caller]
    pub fn is_new(&self, lab: &Lab, fault: &str) -> bool {
        self.side(lab).unwrap_or_else(|wrong| panic!("{fault}: {wrong}"))
    }

    /// Recovers an interrupted run and repeats it; panics unless all is well afterwards.
    #[track_caller]
    pub fn converges(&self, lab: &Lab, fault: &str) {
        if let Err(wrong) = self.recovered(lab) {
            panic!("{fault}: {wrong}");
        }
    }

    /// Recovers an interrupted run and repeats it; tells whether the recovery alone led to the new side.
    pub fn recovered(&self, lab: &Lab) -> Result<bool, String> {
        let interrupted = lab.run(&["check", "lab"]).report["status"] == "interrupted";
        let stopped = lab.run(&["stop", "lab"]);
        if stopped.code != Some(0) {
            return Err(format!("not recovered: {:#}", stopped.report));
        }
        let new = self.side(lab)?;
        if !interrupted && !new {
            same_leftovers(lab, &self.leftovers.0)?;
        }
        let again = lab.run(self.args);
        if !matches!(again.code, Some(0 | 6)) || !self.side(lab)? {
            return Err(format!("did not converge: {:#}", again.report));
        }
        same_leftovers(lab, &self.leftovers.1)?;
        if lab.run(&["check", "lab"]).report["status"] == "interrupted" {
            return Err("still interrupted".to_owned());
        }
        one_record_each(lab)?;
        Ok(new)
    }
}

/// Both ends, and the state of the laboratory before the run, to begin again from.
pub struct Scenario {
    pub lab: Lab,
    pub ends: Ends,
    pub effects: Vec<String>,
    start: Saved,
}

impl Scenario {
    pub fn new(lab: Lab, args: &'static [&'static str]) -> Self {
        let start = lab.save();
        let (ends, effects) = Ends::rehearse(&lab, args);
        Self {
            lab,
            ends,
            effects,
            start,
        }
    }

    /// How many effects the run has.
    pub const fn count(&self) -> usize {
        self.effects.len()
    }

    /// The run from the beginning, with a fault.
    pub fn faulty(&self, fault: &str) -> Answer {
        self.lab.restore(&self.start);
        self.lab.run_with(self.ends.args, &[("PITSTOP_FAULT", fault)])
    }

    /// See [`Ends::is_new`].
    #[track_caller]
    pub fn is_new(&self, fault: &str) -> bool {
        self.ends.is_new(&self.lab, fault)
    }

    /// See [`Ends::converges`].
    #[track_caller]
    pub fn converges(&self, fault: &str) {
        self.ends.converges(&self.lab, fault);
    }
}

/// What a run does to files, one line each.
pub fn effects(lab: &Lab, args: &[&str]) -> Vec<String> {
    let log = lab.path("effects");
    let _ = fs::remove_file(&log);
    lab.run_with(args, &[("PITSTOP_FAULT_LOG", log.to_str().unwrap())]);
    let text = fs::read_to_string(log).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Whether a run that was to be killed at an effect of its rehearsal was killed. How many digests come from a cache
/// depends on the files' ages, so a run can have a few effects less than its rehearsal, and end before the last ones.
///
/// # Panics
/// If it ended in any other way.
#[track_caller]
pub fn was_killed(answer: &Answer, place: usize, count: usize, fault: &str) -> bool {
    let fewer = SLACK.min(count / 8);
    if answer.code == Some(0) {
        assert!(place + fewer > count, "{fault}: not killed: {:#}", answer.report);
        return false;
    }
    assert_eq!(answer.code, None, "{fault}: not killed: {:#}", answer.report);
    true
}

fn same_leftovers(lab: &Lab, expected: &[String]) -> Result<(), String> {
    let (found, expected) = (names(&lab.leftovers()), names(expected));
    if found == expected {
        Ok(())
    } else {
        Err(format!("left over is {found:?}, not {expected:?}"))
    }
}

fn one_record_each(lab: &Lab) -> Result<(), String> {
    let history = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap_or_default();
    let ids: Vec<String> = history
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).map(|record| record["transaction"].to_string()))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{error} in the history {history}"))?;
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    if ids.len() == distinct.len() {
        Ok(())
    } else {
        Err(format!("a transaction has two records: {history}"))
    }
}

/// Transaction ids differ between runs.
fn names(paths: &[String]) -> Vec<String> {
    let mut names: Vec<String> = paths
        .iter()
        .map(|path| {
            let parts = path
                .split('/')
                .map(|part| if part.starts_with("0000") { "TX" } else { part });
            parts.collect::<Vec<_>>().join("/")
        })
        .collect();
    names.sort();
    names.dedup();
    names
}
