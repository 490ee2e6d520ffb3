//! `pitstop merge` as a person and as git call it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    fn new(sides: [&str; 3]) -> Self {
        let desk = Self(TempDir::new().unwrap());
        for (name, text) in ["base.toml", "current.properties", "new.x"]
            .into_iter()
            .zip(sides)
        {
            fs::write(desk.path(name), text).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn merge(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pitstop"));
        command.current_dir(self.0.path()).arg("merge");
        command.args(["base.toml", "current.properties", "new.x", "-o", "out"]);
        command.args(more).output().unwrap()
    }

    fn out(&self) -> String {
        fs::read_to_string(self.path("out")).unwrap()
    }

    fn files(&self) -> usize {
        fs::read_dir(self.0.path()).unwrap().count()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_clean_merge_says_nothing_and_exits_0() {
    let desk = Desk::new(["a=1\nb=2\n", "a=9\nb=2\n", "a=1\nb=3\n"]);
    let output = desk.merge(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!((text(&output.stdout), text(&output.stderr)), Default::default());
    assert_eq!(desk.out(), "a=9\nb=3\n");
    assert_eq!(desk.files(), 4);
}

#[test]
fn conflicts_are_marked_told_and_exit_3() {
    let desk = Desk::new([
        "a=1\nb.password=2\n",
        "a=9\nb.password=hunter2\n",
        "a=3\nb.password=4\n",
    ]);
    let output = desk.merge(&["--marker-size", "9"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = text(&output.stderr);
    assert!(told.contains("2 conflicts need a person in out"), "{told}");
    assert!(told.contains("a: you and the vendor both changed it"), "{told}");
    assert!(told.contains("was `1`; yours `9`; the vendor's `3`"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(
        desk.out()
            .starts_with("<<<<<<<<< current\na=9\n=========\na=3\n>>>>>>>>> new\n")
    );

    let output = desk.merge(&["--json-report"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "pitstop/merge/v1");
    assert_eq!(report["status"], "conflicts");
    assert_eq!(report["format"], "properties");
    assert_eq!(report["conflicts"][0]["key"], "a");
    assert_eq!(report["conflicts"][1]["key"], "b.password");
    assert!(!text(&output.stdout).contains("hunter2"));
}

#[test]
fn the_format_is_what_is_asked_for_else_what_the_name_says() {
    let desk = Desk::new(["a=1\nx\nb=2\n", "b=2\nx\na=9\n", "a=1\nx\nb=3\n"]);
    assert_eq!(desk.merge(&[]).status.code(), Some(0));
    assert_eq!(desk.out(), "b=3\nx\na=9\n");
    assert_eq!(desk.merge(&["--format", "text"]).status.code(), Some(3));
    assert_eq!(desk.merge(&["--path", "conf/run.sh"]).status.code(), Some(3));
    assert_eq!(
        desk.merge(&["--path", "conf/a.properties"]).status.code(),
        Some(0)
    );
}

#[test]
fn out_is_replaced_as_a_whole_and_keeps_its_permissions() {
    let desk = Desk::new(["a=1\nb=2\n", "a=9\nb=2\n", "a=1\nb=3\n"]);
    fs::set_permissions(desk.path("current.properties"), fs::Permissions::from_mode(0o640)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    desk.merge(&[]);
    assert_eq!(mode(&desk.path("out")), 0o640);
    fs::set_permissions(desk.path("out"), fs::Permissions::from_mode(0o604)).unwrap();
    desk.merge(&[]);
    assert_eq!(mode(&desk.path("out")), 0o604);
}

#[test]
fn what_cannot_be_merged_exits_1_and_writes_nothing() {
    let desk = Desk::new(["a\0", "b", "c"]);
    let output = desk.merge(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not text"), "{output:?}");
    assert!(!desk.path("out").exists());

    fs::remove_file(desk.path("new.x")).unwrap();
    let output = desk.merge(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot read new.x"), "{output:?}");
    assert!(!desk.path("out").exists());
}

#[test]
fn git_merges_with_it() {
    let desk = Desk::new(["", "", ""]);
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(desk.0.path()).env("HOME", desk.0.path());
        command.args(["-c", "user.name=x", "-c", "user.email=x@localhost"]);
        let driver = format!(
            "merge.pitstop.driver={} merge %O %A %B -o %A --path %P --marker-size %L",
            env!("CARGO_BIN_EXE_pitstop")
        );
        command.args(["-c", &driver]).args(arguments).output().unwrap()
    };
    let commit = |content: &str, branch: &str| {
        fs::write(desk.path("a.properties"), content).unwrap();
        git(&["checkout", "-q", "-B", branch]);
        git(&["add", "a.properties"]);
        let output = git(&["commit", "-qm", branch]);
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "-q"]);
    fs::write(desk.path(".git/info/attributes"), "*.properties merge=pitstop\n").unwrap();
    commit("a=1\nb=2\n", "base");
    commit("a=9\nb=2\n", "mine");
    git(&["checkout", "-q", "base"]);
    commit("a=1\nb=3\n", "vendor");
    git(&["checkout", "-q", "mine"]);
    let output = git(&["merge", "-q", "--no-edit", "vendor"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        fs::read_to_string(desk.path("a.properties")).unwrap(),
        "a=9\nb=3\n"
    );
}
