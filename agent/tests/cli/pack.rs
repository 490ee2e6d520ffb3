//! Pristine packs built with the vendor's tool, a stand-in of it here, as a builder sees them.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::common::tooled::{CONFIG, LOGIN, PASSWORD, differing, product};
use crate::common::{Answer, Lab, answer};
use serde_json::{Value, json};

const ARCHIVE: &str = "wso2am-4.2.0.4.tar.zst";

fn build(lab: &Lab, out: &str) -> Answer {
    build_masked(lab, out, 0o022)
}

/// The same for a caller whose files lack these permissions.
fn build_masked(lab: &Lab, out: &str, mask: u32) -> Answer {
    let (base, out) = (lab.home(), lab.path(out));
    let args = ["pack", "build", "--level", "4", "--base"];
    let paths = [base.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let mut command = lab.command(&[&args[..], &paths[..]].concat());
    let takes = move || {
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(mask));
        Ok(())
    };
    // SAFETY: between fork and exec, umask is all that is called.
    unsafe { command.pre_exec(takes) };
    answer(command.envs(LOGIN))
}

#[track_caller]
fn built(answer: &Answer, changed: bool) -> Value {
    assert_eq!(answer.code, Some(0), "{:#}\n{}", answer.report, answer.stderr);
    assert_eq!(answer.changed(), changed);
    answer.report.clone()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every host's copy: an untouched pack at the base's level, updated from the folder that was built.
fn updated_from(lab: &Lab, packs: &Path) {
    let instance = format!(
        "name: host\nproduct: wso2am\nhome: {}\nsource: {}\n",
        lab.path("host").display(),
        packs.display()
    );
    fs::write(lab.path("config/instances.d/host.yaml"), instance).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(lab.home())
        .arg(lab.path("host"))
        .status();
    assert!(copied.unwrap().success());
    lab.run(&["adopt", "host", "--pristine", lab.home().to_str().unwrap()])
        .expect(0, "adopted");
    lab.run(&["update", "host"]).expect(0, "updated");
}

#[test]
fn a_built_pack_is_the_vendors_level_in_the_same_bytes_every_time() {
    let lab = Lab::unadopted(&["1.5.0"]);
    let base = lab.tree();
    let first = built(&build(&lab, "packs"), true);
    assert_eq!(first["level"], "4.2.0.4");
    assert_eq!(
        names(&lab.path("packs")),
        ["wso2am-4.2.0.4.manifest", ARCHIVE],
        "nothing else is left"
    );
    assert!(lab.tree() == base, "the base is only read");

    let again = built(&build(&lab, "packs"), false);
    let second = built(&build_masked(&lab, "others", 0o077), true);
    for field in ["sha256", "tree", "files", "bytes"] {
        assert_eq!(first[field], again[field]);
        assert_eq!(first[field], second[field]);
    }
    let archives = ["packs", "others"].map(|folder| fs::read(lab.path(folder).join(ARCHIVE)).unwrap());
    assert!(archives[0] == archives[1]);

    updated_from(&lab, &lab.path("packs"));
    let host = product(&lab.path("host"));
    assert_eq!(differing(&host, &lab.vendor("4")), Vec::<String>::new());
    for pack in ["wso2am-4.2.0.4.manifest", ARCHIVE, ""] {
        let pack = lab.path("packs").join(pack);
        let against = ["check", "host", "--against", pack.to_str().unwrap()];
        let exact = lab.run(&against).expect(0, "current").report;
        assert_eq!(exact["comparison"]["exact"], true, "{exact:#}");
        assert_eq!(exact["comparison"]["tree"], first["tree"]);

        let jar = lab.path("host/repository/components/plugins");
        let jar = jar.join(names(&jar).first().unwrap());
        let original = fs::read(&jar).unwrap();
        fs::write(&jar, "something else").unwrap();
        let other = lab.run(&against).report;
        assert_eq!(other["comparison"]["exact"], false, "{other:#}");
        assert_eq!(other["comparison"]["count"], 1, "{other:#}");
        fs::write(&jar, original).unwrap();
    }
    let record = fs::read_to_string(lab.path("host").join(CONFIG)).unwrap();
    assert!(
        record.contains("update-level") && !record.contains("user@example.com"),
        "{record}"
    );
}

#[test]
fn a_tool_that_updates_itself_or_fails_leaves_no_wrong_pack() {
    let lab = Lab::unadopted(&["1.5.0", "1.6.0"]);
    for fault in [
        json!({"kill_after_files": 1}),
        json!({"level_unchanged": true}),
        json!({"duplicate_jar": true}),
    ] {
        lab.knobs(&fault);
        build(&lab, "packs").refused(1, "vendor-tool");
        assert_eq!(names(&lab.path("packs")), [".pitstop-build"], "{fault}");
        let kept = crate::common::tree(&lab.path("packs"));
        for bits in kept.values() {
            assert!(
                !String::from_utf8_lossy(&bits.content).contains(PASSWORD),
                "{fault}"
            );
        }
    }
    lab.knobs(&json!({}));
    built(&build(&lab, "packs"), true);
    assert_eq!(names(&lab.path("packs")), ["wso2am-4.2.0.4.manifest", ARCHIVE]);
}

#[test]
fn what_cannot_be_built_is_refused_with_what_to_do() {
    let lab = Lab::unadopted(&["1.5.0"]);
    let home = lab.home();
    let (home, out) = (home.to_str().unwrap(), lab.path("packs"));
    fs::create_dir_all(lab.path("nothing")).unwrap();
    let nothing = lab.path("nothing");
    let table = [
        (home, "0", 6, "downgrade"),
        (home, "4.1.0.9", 6, "downgrade"),
        (home, "999", 1, "vendor-tool"),
        (nothing.to_str().unwrap(), "4", 1, "not-a-pack"),
        ("/nonexistent.zip", "4", 1, "source"),
    ];
    for (base, level, code, kind) in table {
        let args = ["pack", "build", "--base", base, "--level", level, "--out"];
        let answer = lab.run_with(&[&args[..], &[out.to_str().unwrap()]].concat(), &LOGIN);
        let answer = answer.refused(code, kind);
        assert!(answer.report["error"]["hint"].is_string(), "{base} {level}");
        assert!(!out.join(ARCHIVE).exists());
    }
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join(ARCHIVE), "something else").unwrap();
    build(&lab, "packs").refused(1, "not-a-pack");
    assert_eq!(fs::read(out.join(ARCHIVE)).unwrap(), b"something else");
}

#[test]
fn an_update_in_a_file_builds_a_pack_without_login_or_network() {
    let lab = Lab::unadopted(&["1.5.0"]);
    let zip = lab.offline("0", "4");
    let online = built(&build(&lab, "online"), true);
    fs::rename(lab.path("service/users.json"), lab.path("users.json")).unwrap();
    let offline = |more: &[&str]| {
        let (base, out) = (lab.home(), lab.path("packs"));
        let paths = ["--base", base.to_str().unwrap(), "--out", out.to_str().unwrap()];
        lab.run(
            &[
                &["pack", "build"],
                &paths[..],
                &["--update", zip.to_str().unwrap()],
                more,
            ]
            .concat(),
        )
    };
    offline(&["--level", "9"]).refused(1, "level-unavailable");
    let first = built(&offline(&[]), true);
    assert_eq!(
        (&first["level"], &first["tree"]),
        (&json!("4.2.0.4"), &online["tree"])
    );
    built(&offline(&["--level", "4"]), false);
    let misnamed = lab.path("update.zip");
    fs::copy(&zip, &misnamed).unwrap();
    let (base, out) = (lab.home(), lab.path("packs"));
    let args = ["--base", base.to_str().unwrap(), "--out", out.to_str().unwrap()];
    lab.run(
        &[
            &["pack", "build"],
            &args[..],
            &["--update", misnamed.to_str().unwrap()],
        ]
        .concat(),
    )
    .refused(2, "usage");
    let no_level = lab
        .command(&[&["pack", "build"], &args[..]].concat())
        .output()
        .unwrap();
    assert_eq!(no_level.status.code(), Some(2));
}

#[test]
fn paths_are_those_of_the_caller_wherever_the_tool_works() {
    let lab = Lab::unadopted(&["1.5.0"]);
    let args = ["pack", "build", "--level", "4", "--base"];
    let exact = built(&build(&lab, "exact"), true);
    let base = Path::new(lab.home().file_name().unwrap()).to_owned();
    let paths = [
        base.to_str().unwrap(),
        "--out",
        "packs",
        "--tool-home",
        "tool",
        "--credentials",
        "login.yaml",
    ];
    let mut command = lab.command(&[&args[..], &paths[..]].concat());
    let relative = built(&answer(command.current_dir(lab.dir.path())), true);
    assert_eq!(
        relative["tree"], exact["tree"],
        "nothing of the tool's HOME is in it"
    );
    assert_eq!(relative["archive"], json!(lab.path("packs").join(ARCHIVE)));
    assert!(!names(&lab.path("tool")).is_empty());
}
