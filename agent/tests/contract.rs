//! Records what the program really prints into `tests/contract/`. Those files are what the Ansible and the Puppet unit
//! tests replay, so a change of them is a change of the contract and is seen in review.
//! `PITSTOP_RECORD=1 cargo test --test contract` records anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "contract/carried.rs"]
mod carried;
mod common;
#[path = "contract/desk.rs"]
mod desk;
#[path = "contract/normal.rs"]
mod normal;
#[path = "contract/proven.rs"]
mod proven;
#[path = "contract/rollout.rs"]
mod rollout;
#[path = "contract/studio.rs"]
mod studio;
#[path = "contract/vendor.rs"]
mod vendor;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::write_pack;
use nix::fcntl::{Flock, FlockArg};
use serde_json::Value;
use studio::{CONF, Studio, Takes, broken, level};

/// From the adoption to the rollback, with a server that runs.
fn life() -> Takes {
    let studio = Studio::new();
    let packs = studio.packs();
    let adopt = ["adopt", "lab", "--pristine", &packs];
    studio.take("check-not-adopted", &["check", "lab"], (0, "not-adopted"));
    studio.take(
        "adopt-dry-run",
        &[&adopt[..], &["--dry-run"]].concat(),
        (0, "planned"),
    );
    studio.take("adopt", &adopt, (0, "adopted"));
    studio.take("adopt-again", &adopt, (0, "adopted"));
    studio.take("adopt-once", &[&adopt[..], &["--once"]].concat(), (0, "current"));
    studio.take("start-dry-run", &["start", "lab", "--dry-run"], (0, "planned"));
    studio.take("start", &["start", "lab"], (0, "started"));
    studio.take("start-again", &["start", "lab"], (0, "started"));
    studio.take(
        "check-update-available",
        &["check", "lab"],
        (0, "update-available"),
    );
    let update = ["update", "lab", "--from", &packs, "--level", "1.1.0"];
    let dry = studio.take(
        "update-dry-run",
        &[&update[..], &["--dry-run"]].concat(),
        (0, "planned"),
    );
    let stale = ["--plan", "0123456789abcdef"];
    studio.take("update-stale", &[&update[..], &stale].concat(), (6, "stale"));
    let plan = ["--plan", dry["plan"]["id"].as_str().unwrap()];
    studio.take("update", &[&update[..], &plan].concat(), (0, "updated"));
    studio.take("attach", &["attach", "lab"], (0, "updated"));
    studio.take("update-again", &update, (0, "current"));
    studio.take("check-current", &["check", "lab"], (0, "current"));
    studio.take(
        "update-downgrade",
        &["update", "lab", "--level", "1.0.0"],
        (6, "downgrade"),
    );
    studio.take("verify", &["verify", "lab"], (0, "verified"));
    studio.take(
        "rollback-dry-run",
        &["rollback", "lab", "--dry-run"],
        (0, "planned"),
    );
    studio.take(
        "rollback",
        &["rollback", "lab", "--to", "1.0.0"],
        (0, "rolled-back"),
    );
    studio.take(
        "rollback-again",
        &["rollback", "lab", "--to", "1.0.0"],
        (0, "current"),
    );
    studio.take("stop-dry-run", &["stop", "lab", "--dry-run"], (0, "planned"));
    studio.take("stop", &["stop", "lab"], (0, "stopped"));
    studio.take("stop-again", &["stop", "lab"], (0, "stopped"));
    studio.takes()
}

/// A stopped pack, and what an update of it may be refused for.
fn refusals() -> Takes {
    let studio = Studio::adopted();
    let missing = studio.packs() + "/missing.zip";
    let unavailable = ["update", "lab", "--level", "9.9.9"];
    studio.take("update-level-unavailable", &unavailable, (1, "level-unavailable"));
    studio.take(
        "update-source-missing",
        &["update", "lab", "--from", &missing],
        (1, "source"),
    );
    studio.take("rollback-no-snapshot", &["rollback", "lab"], (6, "no-snapshot"));
    studio
        .lab
        .write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    studio.lab.write("lib/driver.jar", "\0patched");
    studio.take(
        "update-conflicts-dry-run",
        &["update", "lab", "--dry-run"],
        (3, "conflicts"),
    );
    studio.take("update-conflicts", &["update", "lab"], (3, "conflicts"));
    desk::decisions(&studio);
    let held = hold_lock(&studio.lab.path("state/instances/lab/lock"));
    studio.take("update-locked", &["update", "lab"], (6, "locked"));
    drop(held);
    studio.takes()
}

/// As another run of the program would.
fn hold_lock(path: &Path) -> Flock<fs::File> {
    let mut lock = fs::File::options().append(true).open(path).unwrap();
    lock.set_len(0).unwrap();
    lock.write_all(b"`pitstop update`, pid 4711, since 2026-01-01T00:00:00Z")
        .unwrap();
    Flock::lock(lock, FlockArg::LockExclusiveNonblock).unwrap()
}

/// Instances that cannot be managed, and several instances at once.
fn strangers() -> Takes {
    let studio = Studio::adopted();
    for verb in ["check", "start", "update"] {
        studio.take(
            &format!("{verb}-unknown-instance"),
            &[verb, "nobody"],
            (2, "unknown-instance"),
        );
    }
    let second = |text: &str| fs::write(studio.lab.path("config/instances.d/second.yaml"), text).unwrap();
    let second_in = |name: &str| {
        let home = studio.lab.path(name);
        second(&format!("name: second\nproduct: lab\nhome: {}\n", home.display()));
    };
    write_pack(&studio.lab.path("second"), &level("1.0.0", "4"));
    second_in("second");
    studio.take_all("check-all", &["check", "--all"], 0);
    second_in("nowhere");
    studio.take("check-home-missing", &["check", "second"], (1, "home-missing"));
    studio.take_all("check-all-home-missing", &["check", "--all"], 1);
    second_in("packs");
    studio.take("check-not-a-pack", &["check", "second"], (1, "not-a-pack"));
    studio.take("adopt-not-a-pack", &["adopt", "second"], (1, "not-a-pack"));
    second("name: second\nproduct: lab\nhoem: /srv/second\n");
    studio.take("check-settings", &["check", "second"], (2, "settings"));
    studio.takes()
}

/// What an update leaves to a person, and what is wrong around a pack.
const CAUTION: &str = r#"
lint:
  strays: [.original, .new]
  leftovers: [{paths: [patches/patch*], message: patches are applied here, hint: remove them}]
manual_steps:
  - {name: servers, changed: [bin/server.py], text: Read the notes of the new server., acknowledge: true}
"#;

/// An update that waits until somebody has read what it asks for.
fn caution() -> Takes {
    let studio = Studio::adopted();
    let profile = studio.lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, text + CAUTION).unwrap();
    studio.lab.write("web/index.html.original", "<h1>welcome</h1>\n");
    studio.lab.write("patches/patch0001/a.jar", "\0patched");
    let checked = studio.take("check-findings", &["check", "lab"], (0, "update-available"));
    studio.take("update-manual-steps", &["update", "lab"], (6, "manual-steps"));
    let id = checked["plan"]["manual"][0]["id"].as_str().unwrap().to_owned();
    let update = ["update", "lab", "--acknowledge", &id];
    studio.lab.run(&update).expect(0, "updated");
    studio.takes()
}

/// A release that does not start is taken back and held.
fn fall_back() -> Takes {
    let studio = Studio::started();
    studio.lab.offer("1.2.0", &broken());
    studio.take("update-rolled-back", &["update", "lab"], (4, "rolled-back"));
    studio.take("update-held", &["update", "lab"], (6, "held"));
    studio.take("check-held", &["check", "lab"], (0, "update-available"));
    studio.takes()
}

/// A server that says that it is not well.
fn sickness() -> Takes {
    let studio = Studio::started();
    studio.lab.write("data/sick", "");
    studio.take("verify-unhealthy", &["verify", "lab"], (5, "unhealthy"));
    studio.takes()
}

/// A start that fails without threads, and two files: one is read at the start, one holds a secret.
const CONFIGURED: &str = r#"
service:
  start: [sh, -c, '! grep -q "threads = 0" "$0/conf/server.conf" && exec python3 "$0/bin/server.py" "$0" "$1"',
    "{{ home }}", "{{ port }}"]
config:
  values: [values.yaml]
  files:
    - {path: conf/server.conf, mode: ensure-keys, keys: {threads: "{{ threads }}"}}
    - {path: conf/users.properties, content: "admin={{ admin.password | properties }}\n", restart: false}
"#;

/// Configurations of a server that runs: what they change, what they are taken back for, and what they refuse.
fn configuration() -> Takes {
    let studio = Studio::started();
    let values = |text: &str| fs::write(studio.lab.path("config/instances.d/values.yaml"), text).unwrap();
    values("threads: 8\nadmin: {password: {secret: {file: secret}}}\n");
    fs::write(studio.lab.path("config/instances.d/secret"), "hunter2-precious\n").unwrap();
    fs::set_permissions(
        studio.lab.path("config/instances.d/secret"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    let instance = studio.lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&instance).unwrap();
    fs::write(&instance, text + CONFIGURED).unwrap();
    let apply = ["config", "apply", "lab"];
    studio.take("config-diff", &["config", "diff", "lab"], (0, "planned"));
    studio.take("config-apply", &apply, (0, "configured"));
    studio.take("config-apply-again", &apply, (0, "current"));
    studio.take("check-configured", &["check", "lab"], (0, "update-available"));
    values("threads: 0\nadmin: {password: {secret: {file: secret}}}\n");
    studio.take("config-rolled-back", &apply, (4, "rolled-back"));
    studio.take("config-held", &apply, (6, "held"));
    values("threds: 8\nadmin: {password: {secret: {file: secret}}}\n");
    studio.take("config-settings", &apply, (2, "settings"));
    studio.take(
        "rollback-config",
        &["rollback", "lab", "--config"],
        (0, "rolled-back"),
    );
    studio.takes()
}

/// Killed while the server takes its time to stop.
fn interruption() -> Takes {
    let studio = Studio::started();
    studio.lab.write("data/busy", "");
    let mut update = studio.lab.command(&["update", "lab"]).spawn().unwrap();
    let journal = studio.lab.path("state/instances/lab/journal.jsonl");
    let stopping = eventually(|| fs::read_to_string(&journal).is_ok_and(|text| text.contains("stopping")));
    update.kill().unwrap();
    update.wait().unwrap();
    assert!(stopping, "the stop does not begin");
    studio.take("check-interrupted", &["check", "lab"], (0, "interrupted"));
    studio.take("attach-killed", &["attach", "lab"], (1, "interrupted"));
    studio.take(
        "update-interrupted-dry-run",
        &["update", "lab", "--dry-run"],
        (1, "interrupted"),
    );
    studio.takes()
}

fn eventually(condition: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !condition() && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(5));
    }
    condition()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/contract")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// What is printed now against what is committed, or the other way round when that is asked for.
fn compare(printed: BTreeMap<String, String>) {
    let record = std::env::var_os("PITSTOP_RECORD").is_some();
    let mut stray: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json") && !printed.contains_key(name))
        .collect();
    let mut moved = Vec::new();
    for (name, text) in &printed {
        let at = folder().join(name);
        let committed = fs::read_to_string(&at).unwrap_or_default();
        if committed != *text {
            moved.push(format!("{name}:\n{}", first_difference(&committed, text)));
            if record {
                fs::write(&at, text).unwrap();
            }
        }
    }
    if record {
        stray
            .iter()
            .for_each(|name| fs::remove_file(folder().join(name)).unwrap());
        return;
    }
    moved.append(&mut stray);
    assert!(
        moved.is_empty(),
        "the contract moved; if that is meant, run `PITSTOP_RECORD=1 cargo test --test contract` and commit \
         tests/contract:\n{}",
        moved.join("\n")
    );
}

fn first_difference(committed: &str, printed: &str) -> String {
    let lines = committed.lines().chain(std::iter::repeat("(nothing)"));
    let different = printed.lines().zip(lines).find(|(new, old)| new != old);
    different.map_or_else(
        || "  it is shorter now".to_owned(),
        |(new, old)| format!("  committed {old}\n  printed   {new}"),
    )
}

#[test]
fn what_is_printed_is_what_is_recorded() {
    let scenarios = [
        life,
        refusals,
        strangers,
        caution,
        fall_back,
        sickness,
        configuration,
        interruption,
        vendor::hotfixes,
        vendor::built,
        rollout::gates,
        proven::proofs,
        vendor::in_place,
        carried::bundles,
    ];
    let takes: Takes = std::thread::scope(|scope| {
        let running = scenarios.map(|scenario| scope.spawn(scenario));
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let mut printed: BTreeMap<String, String> = takes
        .iter()
        .map(|(name, take)| (format!("{name}.json"), pretty(take)))
        .collect();
    let schema = Command::new(env!("CARGO_BIN_EXE_pitstop"))
        .args(["internals", "schema"])
        .output()
        .unwrap();
    printed.insert(
        "report.schema.json".to_owned(),
        String::from_utf8(schema.stdout).unwrap(),
    );
    compare(printed);
}
