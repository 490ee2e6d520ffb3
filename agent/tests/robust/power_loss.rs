//! A power cut: what was not synced is lost, although it was written. At every moment at which the disk can differ, the
//! next run leads to a tree that is exactly old or exactly new. Needs the feature `faults`, and root for the disk.

use std::path::PathBuf;

use crate::common::Lab;
use crate::common::host::{Disk, Held, Mounted, own_mounts, skipped};
use crate::common::scenario::{Ends, adopted, edited_after_update, old};
use tempfile::TempDir;

/// Before each sync: nothing else gets to the disk by itself.
const SYNCS: &str = "stop-every:sync";
/// How many moments of a run are looked at: booting each takes its time.
const MOMENTS: usize = 20;

/// A laboratory on a disk of its own.
struct Site {
    ends: Ends,
    args: &'static [&'static str],
    effects: usize,
    lab: Lab,
    disk: Disk,
    /// In memory, so that nothing waits for a real disk.
    _memory: Mounted,
    dir: TempDir,
}

/// A disk as it was at one moment of a run.
struct Cut {
    moment: String,
    image: PathBuf,
    /// Whether the run had ended well by then.
    done: bool,
}

impl Site {
    /// `None` where there can be no such disk, after it was said why.
    fn new(prepare: fn(Lab) -> Lab, args: &'static [&'static str]) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        own_mounts().map_err(|why| skipped(&why)).ok()?;
        let memory = Mounted::tmpfs(dir.path(), "size=1g");
        let at = dir.path().join("disk");
        std::fs::create_dir(&at).unwrap();
        let disk = Disk::make(&dir.path().join("image"), &at)
            .map_err(|why| skipped(&why))
            .ok()?;
        let lab = prepare(adopted(Lab::new_in(TempDir::new_in(&at).unwrap(), &old())));
        disk.sync();
        disk.cut(&dir.path().join("start"));
        let (ends, effects) = Ends::rehearse(&lab, args);
        Some(Self {
            ends,
            args,
            effects: effects.len(),
            lab,
            disk,
            _memory: memory,
            dir,
        })
    }

    /// The run from the start, with the power cut at every moment at which the faults hold it, and after its end.
    fn cuts(&mut self, faults: &str, journal_written: bool) -> Vec<Cut> {
        self.disk.boot(&self.dir.path().join("start"));
        let mut cuts = Vec::new();
        let mut held = Held::start(&self.lab, self.args, faults);
        let mut ended = held.wait();
        loop {
            if journal_written {
                self.disk.write_journal();
            }
            let image = self.dir.path().join(format!("cut-{}", cuts.len()));
            self.disk.cut(&image);
            cuts.push(Cut {
                moment: format!("{faults}, stop {}", cuts.len()),
                image,
                done: ended.is_some(),
            });
            if let Some(answer) = ended {
                assert_eq!(answer.code, Some(0), "{:#}", answer.report);
                return cuts;
            }
            ended = held.go_on();
        }
    }

    /// What is wrong after the boot with such a disk.
    fn wrong_after(&mut self, cut: &Cut) -> Option<String> {
        self.disk.boot(&cut.image);
        let wrong = match self.ends.recovered(&self.lab) {
            Ok(false) if cut.done => Some("the run had ended well, and nothing is left of it".to_owned()),
            Ok(_) => None,
            Err(wrong) => Some(wrong),
        };
        wrong.map(|wrong| format!("{}: {wrong}", cut.moment))
    }

    fn survives(&mut self, faults: &str, journal_written: bool) {
        let cuts = self.cuts(faults, journal_written);
        assert!(cuts.len() > MOMENTS / 2, "only {} moments", cuts.len());
        // Evenly spread, the last one always among them.
        let step = cuts.len().div_ceil(MOMENTS);
        for cut in cuts.iter().rev().step_by(step) {
            assert_eq!(self.wrong_after(cut), None);
        }
    }
}

fn survives_everywhere(prepare: fn(Lab) -> Lab, args: &'static [&'static str]) {
    let Some(mut site) = Site::new(prepare, args) else {
        return;
    };
    site.survives(SYNCS, false);
    // At any other time the file system may have written its journal.
    let sometimes = format!("stop-every:{}", site.effects / MOMENTS);
    site.survives(&sometimes, true);
}

#[test]
fn an_update_survives_a_power_cut() {
    survives_everywhere(|lab| lab, &["update", "lab"]);
}

#[test]
fn a_rollback_survives_a_power_cut() {
    survives_everywhere(edited_after_update, &["rollback", "lab"]);
}

/// The control: these tests find a sync that was forgotten.
#[test]
fn a_forgotten_sync_is_found() {
    let Some(mut site) = Site::new(|lab| lab, &["update", "lab"]) else {
        return;
    };
    let all = format!("unsynced:sync,{SYNCS}");
    // Where the state lies on the same file system, the sync of the kept texts is one of the staged files too.
    let staged = format!("unsynced:/texts,unsynced:fsync .pitstop,{SYNCS}");
    let journal = format!("unsynced:journal.jsonl,{SYNCS}");
    for (faults, journal_written) in [(all, false), (staged, false), (journal, false)] {
        let cuts = site.cuts(&faults, journal_written);
        // What is lost shows most in the end.
        let found = cuts.iter().rev().any(|cut| site.wrong_after(cut).is_some());
        assert!(found, "nothing showed that syncs were left out: {faults}");
    }
}
