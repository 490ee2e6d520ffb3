//! Updates that are refused or meet something odd on the host, as an operator sees them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::common::levels::*;
use crate::common::{Lab, file, pack};

#[test]
fn bad_input_is_refused_with_its_kind_and_without_a_change() {
    let lab = lab();
    let other = lab.path("other");
    crate::common::write_pack(&other, &pack(&[("README", file("not a pack"))]));
    let before = lab.tree();
    let higher = lab.path("packs/1.1.0");
    let table: [(&[&str], i32, &str); 7] = [
        (&["update", "lab", "--level", "7.7.7"], 1, "level-unavailable"),
        (&["update", "lab", "--level", "0.9.0"], 6, "downgrade"),
        (&["update", "lab", "--from", "/nonexistent"], 1, "source"),
        (
            &["update", "lab", "--from", other.to_str().unwrap()],
            1,
            "not-a-pack",
        ),
        (&["update", "nosuch"], 2, "unknown-instance"),
        (&["rollback", "lab"], 6, "no-snapshot"),
        (
            &["adopt", "lab", "--pristine", higher.to_str().unwrap()],
            1,
            "level-unavailable",
        ),
    ];
    for (args, code, kind) in table {
        let answer = lab.run(args).refused(code, kind);
        assert!(
            answer.report["error"]["hint"].is_string(),
            "{args:?}: {:#}",
            answer.report["error"]
        );
    }
    assert_eq!(lab.tree(), before);
}

/// What a person has to read before an update to any level.
const NOTES: &str =
    "manual_steps: [{name: notes, changed: [VERSION], text: Read them., acknowledge: true}]\n";

#[test]
fn what_is_refused_is_done_by_the_command_of_the_hint() {
    let lab = lab();
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, text + NOTES).unwrap();
    // Without a source of its own, and with a higher level beside the wanted one.
    lab.instance("");
    let packs = lab.path("packs");
    let update = [
        "update",
        "lab",
        "--from",
        packs.to_str().unwrap(),
        "--level",
        "1.1.0",
    ];
    let check = [&["check"], &update[1..]].concat();
    let checked = lab.run(&check).expect(0, "update-available");
    let refused = lab.run(&update).refused(6, "manual-steps");
    let hint = refused.report["error"]["hint"].as_str().unwrap();
    assert_eq!(checked.report["blockers"][0]["hint"], hint);
    let command = hint.split('`').nth(1).unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let done = lab.run(&words).expect(0, "updated");
    assert_eq!(installed(&done.report), "1.1.0", "{command}");
}

#[test]
fn a_missing_home_is_named() {
    let lab = lab();
    fs::remove_dir_all(lab.home()).unwrap();
    for verb in ["check", "update", "stop", "verify"] {
        let answer = lab.run(&[verb, "lab"]).refused(1, "home-missing");
        assert!(answer.message().contains("home"), "{}", answer.message());
    }
}

#[test]
fn symlinks_are_never_followed_out_of_the_home() {
    let lab = lab();
    let outside = lab.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("index.html"), "outside").unwrap();
    lab.offer("1.3.0", &{
        let mut next = level("1.3.0", "4");
        next.insert("web/index.html".into(), file("changed"));
        next
    });
    fs::remove_dir_all(lab.home().join("web")).unwrap();
    symlink(&outside, lab.home().join("web")).unwrap();
    let answer = lab.run(&["update", "lab", "--level", "1.3.0"]);
    assert!(matches!(answer.code, Some(3 | 6)), "{:#}", answer.report);
    assert_eq!(fs::read_to_string(outside.join("index.html")).unwrap(), "outside");
    assert_eq!(lab.read("VERSION"), "1.0.0\n");
}

#[test]
fn a_second_run_is_told_who_holds_the_instance() {
    use std::io::Write;
    let lab = lab();
    let path = lab.path("state/instances/lab/lock");
    let mut held = fs::File::options().append(true).open(&path).unwrap();
    held.set_len(0).unwrap();
    held.write_all(b"`pitstop update`, pid 4711, since 2026-01-01T00:00:00Z")
        .unwrap();
    let held = nix::fcntl::Flock::lock(held, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let answer = lab.run(&["update", "lab"]).refused(6, "locked");
    assert!(
        answer.message().contains("pid 4711, since 2026-01-01"),
        "{}",
        answer.message()
    );
    lab.run(&["check", "lab"]).expect(0, "update-available");
    drop(held);
    lab.run(&["update", "lab"]).expect(0, "updated");
}

#[test]
fn a_clock_that_was_set_back_changes_nothing() {
    let lab = lab();
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    // Everything remembered is from a future that has not come yet.
    for name in ["state.json", "history.jsonl"] {
        let path = lab.path("state/instances/lab").join(name);
        let text = fs::read_to_string(&path).unwrap().replace("\"20", "\"29");
        fs::write(&path, text).unwrap();
    }
    let future = std::time::SystemTime::now() + std::time::Duration::from_secs(10 * 365 * 86400);
    for path in ["conf/server.conf", "lib/core.jar"] {
        fs::File::options()
            .write(true)
            .open(lab.home().join(path))
            .unwrap()
            .set_modified(future)
            .unwrap();
    }
    lab.run(&["update", "lab", "--level", "1.2.0"])
        .expect(0, "updated");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(lab.read("VERSION"), "1.1.0\n");
}

#[test]
fn modes_owners_and_attributes_survive() {
    let lab = lab();
    let conf = lab.home().join("conf/server.conf");
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 2"));
    fs::set_permissions(&conf, fs::Permissions::from_mode(0o640)).unwrap();
    xattr::set(&conf, "user.note", b"keep").unwrap();
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    let tree = lab.tree();
    let bits = &tree["conf/server.conf"];
    assert_eq!(bits.mode, 0o640);
    assert!(
        bits.attributes
            .contains(&("user.note".to_owned(), b"keep".to_vec()))
    );
    assert_eq!(lab.tree()["bin/run.sh"].mode, 0o755);
}

/// A default ACL of `user::rwx, user:1000:rwx, group::rwx, mask::rwx, other::r-x`, as the kernel keeps it.
fn open_acl() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 7, u32::MAX),
        (0x02, 7, 1000),
        (0x04, 7, u32::MAX),
        (0x10, 7, u32::MAX),
        (0x20, 5, u32::MAX),
    ];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

#[test]
fn an_acl_opens_no_file_further_than_its_mode() {
    let lab = lab();
    let conf = lab.home().join("conf");
    xattr::set(&conf, "system.posix_acl_default", &open_acl()).unwrap();
    let replaced = conf.join("server.conf");
    fs::set_permissions(&replaced, fs::Permissions::from_mode(0o640)).unwrap();
    let added = lab.path("packs/1.1.0/conf/added.conf");
    fs::write(&added, "new\n").unwrap();
    fs::set_permissions(&added, fs::Permissions::from_mode(0o640)).unwrap();
    // Only root may, and only then is it there to be copied.
    let signed = xattr::set(&replaced, "security.ima", b"\x03of the old content").is_ok();
    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    let tree = lab.tree();
    assert_eq!(tree["conf/server.conf"].mode, 0o640);
    assert_eq!(tree["conf/added.conf"].mode, 0o640);
    let acl = |path: &str| xattr::get(conf.join(path), "system.posix_acl_access").unwrap();
    assert!(acl("added.conf").is_some(), "the directory's ACL counts");
    assert_eq!(acl("server.conf"), None);
    assert!(!signed || xattr::get(&replaced, "security.ima").unwrap().is_none());
}

fn demand_a_petabyte(lab: &Lab) {
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(
        &profile,
        text.replace("extra_bytes: 0", "extra_bytes: 1000000000000000"),
    )
    .unwrap();
}

#[test]
fn a_tight_disk_keeps_nobody_from_going_back() {
    let lab = lab();
    lab.run(&["update", "lab"]).expect(0, "updated");
    demand_a_petabyte(&lab);
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(lab.read("VERSION"), "1.0.0\n");
}

#[test]
fn a_tight_disk_is_told_with_its_numbers() {
    let lab = lab();
    demand_a_petabyte(&lab);
    let before = lab.tree();
    let answer = lab.run(&["update", "lab"]).refused(6, "space");
    assert!(
        answer.message().contains("953674317 MiB needed") || answer.message().contains("MiB free"),
        "{}",
        answer.message()
    );
    assert_eq!(lab.tree(), before);
}
