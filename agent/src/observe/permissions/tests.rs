#![expect(
    clippy::disallowed_methods,
    reason = "what the test looks at is made with other means"
)]

use super::*;
use crate::product::profile::OwnershipRule;
use std::os::unix::fs::PermissionsExt;

fn writer(uid: u32, groups: &[u32]) -> Writer {
    Writer {
        user: User::by_uid(uid).unwrap(),
        groups: groups.to_vec(),
    }
}

#[test]
fn the_bits_say_who_may_write() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    let own = root.stat_self().unwrap();
    // Mode; as the owner, in the group, as anybody else, as root.
    let table = [
        (0o755, [true, false, false, true]),
        (0o775, [true, true, false, true]),
        (0o777, [true, true, true, true]),
        (0o555, [false, false, false, true]),
        (0o072, [false, true, true, true]),
    ];
    for (mode, expected) in table {
        let stat = Stat {
            mode,
            uid: 5,
            gid: 6,
            ..own
        };
        let may = [
            writer(5, &[5]),
            writer(7, &[7, 6]),
            writer(8, &[8]),
            writer(0, &[0]),
        ]
        .map(|one| one.may(&stat));
        assert_eq!(may, expected, "{mode:o}");
    }
}

#[test]
fn the_uppermost_path_is_named_and_only_what_the_server_writes() {
    let dir = tempfile::tempdir().unwrap();
    let make = |path: &str, mode: u32| {
        let at = dir.path().join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(&at, "x").unwrap();
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    make("backup/conf/a.xml", 0o444);
    make("conf/generated.xml", 0o444);
    make("conf/own.toml", 0o444);
    make("conf/sub/b.xml", 0o666);
    let rules: Vec<OwnershipRule> = serde_yaml::from_str(
        "[{class: state, paths: ['backup/**']}, {class: generated, paths: ['conf/**/*.xml']}, {class: config, paths: ['**']}]",
    )
    .unwrap();
    let ownership = Ownership::new(&rules).unwrap();
    let open = |path: &str, mode: u32| {
        std::fs::set_permissions(dir.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for path in ["backup/conf", "conf", "conf/sub", "."] {
        open(path, 0o777);
    }
    open("backup", 0o555);
    let root = Root::open(dir.path()).unwrap();
    // Nobody that exists: the bits decide, and the system is not asked as that user.
    let nobody = writer(64_321, &[64_321]);
    let paths = ["backup/**", "conf/**", "missing/**", "conf"].map(str::to_owned);
    let found = shut(&root, &ownership, &paths, &nobody).unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(names, ["backup", "conf/generated.xml"]);
}

#[test]
fn what_lies_in_a_closed_folder_nobody_reads() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let open = |path: &str, mode: u32| {
        std::fs::set_permissions(home.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::create_dir_all(home.join("security")).unwrap();
    std::fs::write(home.join("security/a.jks"), "x").unwrap();
    let above =
        |mode: u32| std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    let path = RelPath::new("security/a.jks").unwrap();
    // Above the home, home, folder, file, whether everybody reads it.
    let table = [
        ([0o755, 0o755, 0o755, 0o755], true),
        ([0o755, 0o755, 0o755, 0o644], true),
        ([0o755, 0o755, 0o755, 0o640], false),
        ([0o755, 0o755, 0o750, 0o644], false),
        ([0o755, 0o750, 0o755, 0o644], false),
        ([0o700, 0o755, 0o755, 0o644], false),
    ];
    for (modes, expected) in table {
        let [over, own, folder, file] = modes;
        above(over);
        open(".", own);
        open("security", folder);
        open("security/a.jks", file);
        let root = Root::open(&home).unwrap();
        let found = readable_by_all(&root, [path.clone()].into_iter()).unwrap();
        assert_eq!(!found.is_empty(), expected, "{modes:?}");
    }
}
