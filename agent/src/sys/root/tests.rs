use super::*;

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "prepares files outside the root")]
fn a_symlink_on_the_way_is_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    let inside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path(), inside.path().join("out")).unwrap();
    let root = Root::open(inside.path()).unwrap();
    assert!(root.read(&rel("out/secret"), 10).is_err());
    assert!(root.create(&rel("out/new")).is_err());
    assert!(root.unlink(&rel("out/secret")).is_err());
    assert!(root.rename(&rel("out/secret"), &rel("stolen")).is_err());
    assert!(root.set_mode(&rel("out"), 0o777).is_err());
    root.remove_tree(&rel("out")).unwrap();
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"x");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "prepares files outside the root")]
fn one_call_and_the_walk_by_hand_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    std::fs::write(dir.path().join("a/file"), "x").unwrap();
    std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
    let root = Root::open(dir.path()).unwrap();
    let inode = |found: io::Result<OwnedFd>| match found {
        Ok(fd) => Ok(nix::sys::stat::fstat(fd).unwrap().st_ino),
        Err(error) => Err(error.raw_os_error()),
    };
    for path in [
        "a", "a/b", "a/file", "a/file/x", "link", "link/b", "none", "a/none/x",
    ] {
        let path = rel(path);
        assert_eq!(
            inode(root.open_dir(Some(&path))),
            inode(root.descend(&path)),
            "{path}"
        );
    }
}

#[test]
fn rename_does_not_overwrite() {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    drop(root.create(&rel("a")).unwrap());
    drop(root.create(&rel("b")).unwrap());
    assert_eq!(
        root.rename(&rel("a"), &rel("b")).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    root.make_private_dirs(&rel("x/y")).unwrap();
    root.rename(&rel("a"), &rel("x/y/a")).unwrap();
    assert_eq!(root.names_in(Some(&rel("x/y"))).unwrap(), ["a"]);
    assert_eq!(root.stat(&rel("x")).unwrap().unwrap().mode, 0o700);
    assert_eq!(root.stat(&rel("no/such")).unwrap(), None);
}
