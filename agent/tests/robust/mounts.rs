//! Mounts inside the home: a change is staged on their own file systems, because no rename crosses one; where one stands
//! in the way, or lets nothing be written, the change is refused before anything is touched. Needs root.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::host::{Mounted, own_mounts, skipped};
use crate::common::scenario::{REPLACED, lab};
use crate::common::{Lab, settled};

/// What is mounted: directories of the vendor's and of the server's own files, and a file.
const DIRS: &[&str] = &["lib", "conf", "doc", "data"];
const FILE: &str = "bin/same";

/// Puts a file system of its own under each of the directories, with what is in them, and a file over itself.
fn mount_parts(lab: &Lab) -> Vec<Mounted> {
    let mut mounted: Vec<Mounted> = DIRS
        .iter()
        .map(|dir| {
            let (at, aside) = (lab.home().join(dir), lab.path("aside"));
            copy(&at, &aside);
            let mounted = Mounted::tmpfs(&at, "mode=755,size=8m");
            copy(&aside, &at);
            fs::remove_dir_all(aside).unwrap();
            mounted
        })
        .collect();
    if !lab.exists(FILE) {
        lab.write(FILE, "nobody replaces it");
    }
    mounted.push(bind(lab, FILE));
    mounted
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.unwrap().success());
}

/// Our folders on the mounts and in the home.
fn own_folders(lab: &Lab) -> Vec<&'static str> {
    let all = DIRS.iter().copied().chain(["."]);
    all.filter(|dir| lab.home().join(dir).join(".pitstop").exists())
        .collect()
}

fn may_mount() -> bool {
    own_mounts().map_err(|why| skipped(&why)).is_ok()
}

#[test]
fn an_update_commits_across_mounts_and_a_rollback_comes_back() {
    if !may_mount() {
        return;
    }
    let plain = lab();
    plain.write(FILE, "nobody replaces it");
    plain.run(&["update", "lab"]).expect(0, "updated");
    let lab = lab();
    let _mounted = mount_parts(&lab);
    let before = settled(&lab.tree(), &[]);
    lab.run(&["update", "lab"]).expect(0, "updated");
    let names = |lab: &Lab| {
        lab.tree()
            .into_iter()
            .map(|(path, bits)| (path, bits.content))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&lab), names(&plain));
    // The snapshot lies where the old files lay.
    assert_eq!(own_folders(&lab), ["lib", "conf", "doc", "."]);
    lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(settled(&lab.tree(), REPLACED), settled(&before, REPLACED));
    assert_eq!(own_folders(&lab), Vec::<&str>::new());
}

#[test]
fn what_is_mounted_in_the_way_is_refused_by_name() {
    if !may_mount() {
        return;
    }
    type Arrange = fn(&Lab) -> Mounted;
    let table: [(&str, Arrange, i32, &str); 6] = [
        // A file that the update replaces, one that it removes, and a directory that it removes.
        ("bin/run.sh", |lab| bind(lab, "bin/run.sh"), 6, "mount"),
        ("lib/gone.jar", |lab| bind(lab, "lib/gone.jar"), 6, "mount"),
        ("doc/old", |lab| bind(lab, "doc/old"), 6, "mount"),
        (
            "lib",
            |lab| Mounted::read_only(&lab.home().join("lib")),
            1,
            "read-only",
        ),
        ("", |lab| Mounted::read_only(&lab.home()), 1, "read-only"),
        (
            "lib",
            |lab| Mounted::tmpfs(&lab.home().join("lib"), "size=4k"),
            6,
            "space",
        ),
    ];
    for (path, arrange, code, kind) in table {
        let lab = lab();
        fs::write(lab.path("packs/1.1.0/lib/core-1.1.0.jar"), vec![0; 64 << 10]).unwrap();
        let _mounted = arrange(&lab);
        let before = lab.tree();
        let at = lab.home().join(path);
        for args in [&["update", "lab", "--dry-run"][..], &["update", "lab"]] {
            let answer = lab.run(args).refused(code, kind);
            let error = &answer.report["error"];
            assert!(
                answer
                    .message()
                    .contains(at.to_str().unwrap().trim_end_matches('/')),
                "{path}: {}",
                answer.message()
            );
            assert!(error["hint"].is_string(), "{path}: {error:#}");
            assert_eq!(lab.tree(), before, "{path}");
            assert_eq!(own_folders(&lab), Vec::<&str>::new(), "{path}");
        }
    }
}

/// A name mounted on itself.
fn bind(lab: &Lab, path: &str) -> Mounted {
    let at = lab.home().join(path);
    Mounted::bind(&at, &at)
}

#[test]
fn a_mount_is_seen_through_a_link_to_the_home() {
    if !may_mount() {
        return;
    }
    let lab = lab();
    let link = lab.path("current-home");
    std::os::unix::fs::symlink(lab.home(), &link).unwrap();
    let file = lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace(
        &format!("home: {}", lab.home().display()),
        &format!("home: {}", link.display()),
    );
    fs::write(&file, text).unwrap();
    let _mounted = bind(&lab, "bin/run.sh");
    lab.run(&["update", "lab"]).refused(6, "mount");
}

/// The snapshot was left on the home's own file system, and no link leads from there to the new one.
#[test]
fn a_mount_that_came_after_the_update_does_not_hide_its_snapshot() {
    if !may_mount() {
        return;
    }
    let lab = lab();
    // What cannot be linked is copied, and so has another time.
    let timeless = |lab: &Lab| {
        let tree = lab.tree();
        let all: Vec<&str> = tree.keys().map(String::as_str).collect();
        settled(&tree, &all)
    };
    let before = timeless(&lab);
    lab.run(&["update", "lab"]).expect(0, "updated");
    let _mounted = mount_parts(&lab);
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    let mut after = timeless(&lab);
    after.remove(FILE);
    assert_eq!(crate::common::difference(&after, &before), "");
    assert_eq!(own_folders(&lab), Vec::<&str>::new());
}

/// A mount that belongs to the server alone is none of ours.
#[test]
fn what_is_mounted_for_state_is_left_alone() {
    if !may_mount() {
        return;
    }
    let lab = lab();
    let _mounted = Mounted::read_only(&lab.home().join("data"));
    lab.run(&["update", "lab"]).expect(0, "updated");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(lab.read("data/db"), "precious");
}

/// As the packaged unit does it: root without the right to write, in a read-only view of the file systems.
#[test]
fn who_only_looks_says_what_the_run_that_writes_would_meet() {
    if !may_mount() {
        return;
    }
    let lab = lab();
    let blockers = |program: &[&str]| {
        let like = lab.command(&["check", "lab"]);
        let output = Command::new(program[0])
            .args(&program[1..])
            .arg(like.get_program())
            .args(like.get_args())
            .envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["status"], "update-available", "{report:#}");
        let blockers = report["blockers"].as_array().cloned().unwrap_or_default();
        blockers.iter().map(|one| one["kind"].clone()).collect::<Vec<_>>()
    };
    let only_looks = ["setpriv", "--bounding-set", "-all,+dac_read_search,+sys_ptrace"];
    assert!(blockers(&["env"]).is_empty());
    assert!(blockers(&only_looks).is_empty());
    let _mounted = Mounted::read_only(&lab.home());
    assert_eq!(blockers(&["env"]), ["read-only"]);
    assert!(blockers(&only_looks).is_empty());
}

#[cfg(feature = "faults")]
mod killed {
    use super::*;
    use crate::common::scenario::{Ends, edited_after_update};

    /// Some of the effects on a mount: those in the home itself are the crash matrix's.
    fn moments(effects: &[String]) -> Vec<usize> {
        const EVERY: usize = 3;
        let on_mount = |line: &String| DIRS.iter().any(|dir| line.contains(&format!("{dir}/.pitstop")));
        let numbered = effects.iter().enumerate();
        let chosen = numbered.filter(|(_, line)| on_mount(line)).step_by(EVERY);
        chosen.map(|(at, _)| at + 1).collect()
    }

    fn killed_on_mounts(prepare: fn(Lab) -> Lab, args: &'static [&'static str]) {
        let lab = lab();
        let mounted = mount_parts(&lab);
        let lab = prepare(lab);
        let start = lab.save();
        drop(mounted);
        lab.restore(&start);
        let mounted = mount_parts(&lab);
        let (ends, effects) = Ends::rehearse(&lab, args);
        drop(mounted);
        let moments = moments(&effects);
        assert!(moments.len() > 8, "only {moments:?}");
        for number in moments {
            lab.restore(&start);
            let mounted = mount_parts(&lab);
            let fault = format!("kill-before:{number}");
            let killed = lab.run_with(args, &[("PITSTOP_FAULT", &fault)]);
            if killed.code.is_none() {
                ends.converges(&lab, &fault);
                assert!(!own_folders(&lab).contains(&"data"), "{fault}");
            } else {
                // The rehearsal had a few effects more, because nothing was in its cache.
                assert!(ends.is_new(&lab, &fault));
            }
            drop(mounted);
        }
    }

    #[test]
    fn an_update_across_mounts_converges() {
        if may_mount() {
            killed_on_mounts(|lab| lab, &["update", "lab"]);
        }
    }

    #[test]
    fn a_rollback_across_mounts_converges() {
        if may_mount() {
            killed_on_mounts(edited_after_update, &["rollback", "lab"]);
        }
    }

    /// The names of a mount that is missing do not exist, as after a step that was made.
    #[test]
    fn a_commit_is_not_finished_while_a_mount_is_missing() {
        if !may_mount() {
            return;
        }
        // In the middle; after the last rename; while it is taken back.
        let moments = [
            "kill-after:link bin/run.sh",
            "kill-before:mkdir .pitstop/snapshots",
            "eio:-> web/,kill-before:-> lib/gone.jar",
        ];
        for fault in moments {
            let lab = lab();
            let before = lab.tree();
            let (lib, disk) = (lab.home().join("lib"), lab.path("disk"));
            copy(&lib, &disk);
            let mounted = Mounted::bind(&disk, &lib);
            assert_eq!(
                lab.run_with(&["update", "lab"], &[("PITSTOP_FAULT", fault)]).code,
                None,
                "{fault}"
            );
            drop(mounted);
            let left = lab.tree();
            let missing = |why: &str| {
                let refused = lab.run(&["stop", "lab"]).refused(6, "mount");
                assert!(
                    refused.message().contains(lib.to_str().unwrap()),
                    "{}",
                    refused.message()
                );
                assert!(
                    refused.report["error"]["hint"]
                        .as_str()
                        .unwrap()
                        .contains("mount"),
                    "{fault}, {why}"
                );
                lab.run(&["check", "lab"]).expect(0, "interrupted");
            };
            missing("nothing is mounted");
            let wrong = Mounted::tmpfs(&lib, "size=1m");
            missing("something else is mounted");
            drop(wrong);
            assert_eq!(lab.tree(), left, "{fault}");
            let _mounted = Mounted::bind(&disk, &lib);
            if fault.starts_with("eio") {
                lab.run(&["stop", "lab"]).expect(0, "stopped");
                assert_eq!(settled(&lab.tree(), &[]), settled(&before, &[]), "{fault}");
            } else {
                lab.run(&["update", "lab"]).expect(0, "current");
                assert!(
                    !lab.exists("lib/gone.jar") && lab.exists("lib/core-1.1.0.jar"),
                    "{fault}"
                );
                lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
            }
        }
    }
}
