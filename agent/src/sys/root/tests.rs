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
