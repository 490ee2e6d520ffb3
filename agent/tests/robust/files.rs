//! What files can be besides plain ones: owned by others, unreadable, immutable, linked elsewhere. Needs root for most.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;
use std::process::Command;

use crate::common::host::{open_to_all, run_as, skipped};
use crate::common::scenario::lab;
use crate::common::{Lab, settled};

const SHOP: u32 = 4242;
const STRANGER: u32 = 4343;

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skipped("only root can give files away");
    }
    is_root
}

fn give(path: &Path, uid: u32) {
    let given = Command::new("chown")
        .arg("-Rh")
        .arg(format!("{uid}:{uid}"))
        .arg(path)
        .status();
    assert!(given.unwrap().success());
}

/// An adopted pack that belongs to its own user, with everything else that this user needs.
fn owned() -> Lab {
    let lab = lab();
    open_to_all(&lab);
    for part in ["home", "state", "packs"] {
        give(&lab.path(part), SHOP);
    }
    lab
}

#[test]
fn who_is_not_root_is_told_which_path_is_not_his() {
    if !is_root() {
        return;
    }
    type Arrange = fn(&Lab);
    let table: [(&str, Arrange, u32, &str); 7] = [
        // Where, what is arranged, who runs, and what that is called.
        ("home", |_| (), STRANGER, "wrong-user"),
        (
            "home/bin/run.sh",
            |lab| give(&lab.home().join("bin/run.sh"), 0),
            SHOP,
            "wrong-user",
        ),
        (
            "home/lib",
            |lab| give_dir(lab, "home/lib", 0o755),
            SHOP,
            "permission",
        ),
        (
            "home/web",
            |lab| give_dir(lab, "home/web", 0o700),
            SHOP,
            "permission",
        ),
        (
            "home/conf/server.conf",
            |lab| close(lab, "home/conf/server.conf"),
            SHOP,
            "permission",
        ),
        (
            "packs/1.1.0/lib",
            |lab| close(lab, "packs/1.1.0/lib"),
            SHOP,
            "permission",
        ),
        (
            "state/instances/lab",
            |lab| close(lab, "state/instances/lab"),
            SHOP,
            "permission",
        ),
    ];
    for (path, arrange, uid, kind) in table {
        let lab = owned();
        arrange(&lab);
        let before = lab.tree();
        let answer = run_as(&lab, uid, &["update", "lab"]).refused(1, kind);
        let (message, error) = (answer.message().to_owned(), &answer.report["error"]);
        let at = lab.path(path);
        assert!(message.contains(at.to_str().unwrap()), "{path}: {message}");
        assert!(error["hint"].is_string(), "{path}: {error:#}");
        assert!(
            error["path"].as_str().unwrap().contains(at.to_str().unwrap()),
            "{path}: {error:#}"
        );
        assert_eq!(lab.tree(), before, "{path}");
        assert_eq!(lab.leftovers(), Vec::<String>::new(), "{path}");
    }
}

fn give_dir(lab: &Lab, path: &str, mode: u32) {
    lchown_to_root(&lab.path(path));
    fs::set_permissions(lab.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn close(lab: &Lab, path: &str) {
    lchown_to_root(&lab.path(path));
    fs::set_permissions(lab.path(path), fs::Permissions::from_mode(0o600)).unwrap();
}

fn lchown_to_root(path: &Path) {
    lchown(path, Some(0), Some(0)).unwrap();
}

/// Who stops a server to start it again asks first.
#[test]
fn a_start_that_is_bound_to_fail_is_told_by_a_dry_run() {
    if !is_root() {
        return;
    }
    let lab = owned();
    let profile = lab.path("products/lab/product.yaml");
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, format!("{text}permissions: {{needed: [data]}}\n")).unwrap();
    lab.instance("service: {start: [/bin/sleep, infinity]}\n");
    let try_out = || lab.run(&["start", "lab", "--dry-run"]);
    try_out().expect(0, "planned");
    give_dir(&lab, "home/data", 0o755);
    assert!(
        try_out()
            .refused(1, "permission")
            .message()
            .contains("would not start")
    );
}

#[test]
fn the_packs_own_user_updates_it_and_comes_back() {
    if !is_root() {
        return;
    }
    let lab = owned();
    let before = settled(&lab.tree(), &[]);
    run_as(&lab, SHOP, &["update", "lab"]).expect(0, "updated");
    run_as(&lab, SHOP, &["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(settled(&lab.tree(), &[]), before);
}

/// Everything that root puts into a pack belongs to the pack's user, new links and directories too.
#[test]
fn what_root_stages_belongs_to_the_user_of_what_it_replaces() {
    if !is_root() {
        return;
    }
    let lab = owned();
    std::os::unix::fs::symlink("lib", lab.path("packs/1.1.0/lib/new-link")).unwrap();
    std::os::unix::fs::symlink("../VERSION", lab.path("packs/1.1.0/web/deep-link")).unwrap();
    let owners = |lab: &Lab| {
        lab.tree()
            .into_iter()
            .map(|(path, bits)| (path, bits.owner))
            .collect::<Vec<_>>()
    };
    for args in [["update", "lab"], ["rollback", "lab"]] {
        assert_eq!(lab.run(&args).code, Some(0));
        for (path, owner) in owners(&lab) {
            assert_eq!(owner, (SHOP, SHOP), "{path} after {args:?}");
        }
    }
}

#[test]
fn what_is_marked_as_immutable_is_refused_before_anything_is_touched() {
    if !is_root() {
        return;
    }
    for path in ["lib/gone.jar", "conf/server.conf", "web"] {
        let lab = lab();
        let at = lab.home().join(path);
        if let Err(why) = chattr("+i", &at) {
            return skipped(&why);
        }
        let before = lab.tree();
        let answer = lab.run(&["update", "lab"]);
        let tree = lab.tree();
        let left = lab.leftovers();
        chattr("-i", &at).unwrap();
        let answer = answer.refused(1, "permission");
        assert!(
            answer.message().contains(at.to_str().unwrap()),
            "{}",
            answer.message()
        );
        let hint = answer.report["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("attr"), "{hint}");
        assert_eq!(tree, before, "{path}");
        assert_eq!(left, Vec::<String>::new(), "{path}");
        lab.run(&["update", "lab"]).expect(0, "updated");
    }
}

fn chattr(mark: &str, path: &Path) -> Result<(), String> {
    let output = Command::new("chattr")
        .arg(mark)
        .arg(path)
        .output()
        .map_err(|error| format!("chattr: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Other names of a file in the pack keep the old content: files are replaced, never written to.
#[test]
fn nothing_is_written_through_hard_links() {
    let lab = lab();
    let outside = lab.path("outside");
    fs::create_dir(&outside).unwrap();
    let linked = ["VERSION", "bin/run.sh", "conf/server.conf", "lib/core-1.0.0.jar"];
    let other = |path: &str| outside.join(path.replace('/', "-"));
    for path in linked {
        fs::hard_link(lab.home().join(path), other(path)).unwrap();
    }
    // Two names in the pack, of which the update replaces one.
    fs::hard_link(
        lab.home().join("conf/server.conf"),
        lab.home().join("conf/twin.conf"),
    )
    .unwrap();
    let content = |lab: &Lab| {
        let of_outside = linked.map(|path| fs::read(other(path)).unwrap());
        (of_outside, lab.read("conf/twin.conf"))
    };
    let before = content(&lab);
    lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(content(&lab), before);
    assert_ne!(lab.read("conf/server.conf"), before.1);
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(content(&lab), before);
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&other("VERSION")), inode(&lab.home().join("VERSION")));
}
