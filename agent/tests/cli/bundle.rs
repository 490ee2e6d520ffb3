//! Bundles as those see them who make them and update from them.

use std::fs;
use std::path::Path;

use crate::common::bundles::{bundle, heavy, keygen, text};
use crate::common::levels::{CONF, installed, lab, unadopted};

#[test]
fn the_same_packs_make_the_same_bytes_in_whatever_order_they_are_named() {
    let lab = heavy();
    let key = keygen(&lab, "release.pem");
    let (first, _) = bundle(&lab, &["1.0.0", "1.1.0"], "1.2.0", &["--sign", text(&key)]);
    let (second, _) = bundle(&lab, &["1.1.0", "1.0.0"], "1.2.0", &["--sign", text(&key)]);
    assert!(fs::read(first).unwrap() == fs::read(second).unwrap());
}

#[test]
fn a_large_file_that_changed_a_little_travels_as_a_little() {
    let lab = heavy();
    let (path, report) = bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    assert_eq!(report["contents"]["deltas"], 1, "{report:#}");
    let (_, full) = bundle(&lab, &[], "1.1.0", &[]);
    assert!(report["bytes"].as_u64().unwrap() * 10 < full["bytes"].as_u64().unwrap());
    let answer = lab
        .run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.1.0");
    assert!(
        fs::read(lab.home().join("lib/heavy.jar")).unwrap()
            == fs::read(lab.path("packs/1.1.0/lib/heavy.jar")).unwrap()
    );
    lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");
}

#[test]
fn a_host_that_knows_no_pristine_files_learns_from_the_bundle_what_was_customised() {
    let lab = unadopted();
    lab.instance("");
    let (path, _) = bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    lab.write("conf/server.conf", &CONF.replace("port = 1", "port = 9999"));
    let update = ["update", "lab", "--from", text(&path)];
    let plan = |args: &[&str]| lab.run(&[&update, args].concat()).report["plan"].clone();
    let dry = plan(&["--dry-run"]);
    assert_eq!(
        dry,
        lab.run(&["check", "lab", "--from", text(&path)]).report["plan"]
    );
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    assert_eq!(plan(&["--dry-run"]), dry);
    let real = plan(&["--plan", dry["id"].as_str().unwrap()]);
    assert_eq!(real, dry);
    assert_eq!(
        lab.read("conf/server.conf"),
        CONF.replace("port = 1", "port = 9999").replace("= 4", "= 8")
    );
}

#[test]
fn bundles_in_a_folder_lead_on_from_each_other_and_the_shortest_way_is_taken() {
    let lab = heavy();
    bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    bundle(&lab, &["1.1.0"], "1.2.0", &[]);
    lab.instance(&format!("source: {}\n", lab.path("bundles").display()));
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    let offers: Vec<&str> = check.report["offers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| offer["level"].as_str().unwrap())
        .collect();
    assert_eq!(offers, ["1.2.0", "1.1.0"]);
    let begun = lab.save();
    let answer = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
    lab.run(&["verify", "lab", "--deep"]).expect(0, "verified");

    lab.restore(&begun);
    let (direct, _) = bundle(&lab, &["1.0.0"], "1.2.0", &[]);
    let check = lab.run(&["check", "lab"]);
    assert_eq!(check.report["offers"][0]["path"], text(&direct));
}

#[test]
fn an_update_over_several_bundles_goes_on_over_all_of_them() {
    let lab = heavy();
    bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    bundle(&lab, &["1.1.0"], "1.2.0", &[]);
    let bundles = lab.path("bundles");
    lab.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    let begun = lab.save();
    // The source of the instance, and one that is named from where the caller stands.
    for (source, from) in [
        (format!("source: {}\n", bundles.display()), &[][..]),
        (String::new(), &["--from", "bundles"]),
    ] {
        lab.restore(&begun);
        lab.instance(&source);
        let args = [&["update", "lab"], from].concat();
        let begun = lab.command(&args).current_dir(lab.dir.path()).output().unwrap();
        assert_eq!(begun.status.code(), Some(3), "{from:?}");
        lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "theirs"])
            .expect(0, "resolved");
        let done = lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
        assert_eq!(installed(&done.report), "1.2.0", "{from:?}");
    }
}

#[test]
fn a_changed_vendor_file_needs_the_whole_of_it_and_the_refusal_names_it() {
    let lab = heavy();
    lab.write("lib/heavy.jar", "mine");
    lab.instance("policy: {binary: take-new}\n");
    let (path, _) = bundle(&lab, &["1.0.0"], "1.1.0", &[]);
    let before = lab.tree();
    let refused = lab
        .run(&["update", "lab", "--from", text(&path)])
        .refused(1, "missing-base");
    assert!(
        refused.message().contains("lib/heavy.jar"),
        "{}",
        refused.message()
    );
    assert!(
        !refused.message().contains("lib/core.jar"),
        "{}",
        refused.message()
    );
    assert_eq!(lab.tree(), before);

    let (path, _) = bundle(&lab, &["1.0.0"], "1.1.0", &["--whole", "lib/heavy*"]);
    lab.run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    lab.run(&["verify", "lab"]).expect(0, "verified");
}

#[test]
fn what_stands_at_several_paths_arrives_at_all_of_them() {
    let lab = lab();
    let pack = lab.path("packs/1.1.0/lib");
    let large: Vec<u8> = (0..5u32 << 18)
        .flat_map(|number| number.wrapping_mul(0x9e37_79b9).to_le_bytes())
        .collect();
    fs::create_dir_all(pack.join("copy")).unwrap();
    for (name, content) in [
        ("a.jar", &large[..]),
        ("copy/a.jar", &large),
        ("a.empty", b""),
        ("middle.txt", b"text"),
        ("zz.empty", b""),
    ] {
        fs::write(pack.join(name), content).unwrap();
    }
    let (whole, _) = bundle(&lab, &[], "1.1.0", &[]);
    lab.run(&["update", "lab", "--from", text(&whole)])
        .expect(0, "updated");
    lab.run(&["verify", "lab"]).expect(0, "verified");
    assert_eq!(fs::read(lab.home().join("lib/copy/a.jar")).unwrap(), large);
}

/// What merges start from decides what of the operator's counts as a change.

#[test]
fn a_profile_that_only_others_extend_is_in_nobodys_way() {
    let lab = lab();
    let base = lab.path("products/wso2");
    fs::create_dir_all(&base).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/products/wso2/product.yaml");
    fs::copy(shipped, base.join("product.yaml")).unwrap();
    bundle(&lab, &["1.0.0"], "1.1.0", &[]);
}

#[test]
fn packs_that_do_not_fit_make_no_bundle() {
    let lab = lab();
    let out = lab.path("x.pitstop");
    let pack = |level: &str| text(&lab.path("packs").join(level)).to_owned();
    let make =
        |from: &str, to: &str| lab.run(&["bundle", "create", "--from", from, "--to", to, "-o", text(&out)]);
    make(&pack("1.1.0"), &pack("1.0.0")).refused(6, "downgrade");
    make(&pack("1.1.0"), &pack("1.1.0")).refused(6, "downgrade");
    let other = lab.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("x"), "x").unwrap();
    make(text(&other), &pack("1.1.0")).refused(1, "not-a-pack");
    assert!(!out.exists());

    // What travels with it has to be found again by its name.
    let notes = lab.path("Release notes.txt");
    fs::write(&notes, "read me").unwrap();
    let make = |more: &[&str]| {
        let (from, to) = (pack("1.0.0"), pack("1.1.0"));
        let args = ["bundle", "create", "--from", &from, "--to", &to, "-o", text(&out)];
        lab.run(&[&args, more].concat())
    };
    make(&["--manual-steps", text(&notes)]).refused(2, "usage");
    let (one, another) = (lab.path("fix.zip"), lab.path("other/fix.zip"));
    fs::write(&one, "1").unwrap();
    fs::write(&another, "2").unwrap();
    make(&["--hotfix", text(&one), "--hotfix", text(&another)]).refused(2, "usage");
    assert!(!out.exists());

    // Nor would a host take what differs in case only.
    fs::write(lab.path("packs/1.1.0/lib/Twice"), "1").unwrap();
    fs::write(lab.path("packs/1.1.0/lib/twice"), "2").unwrap();
    make(&[]).refused(1, "unsafe-source");
    assert!(!out.exists());
    let nowhere = lab
        .command(&["bundle", "create", "--to", &pack("1.1.0"), "-o", text(&out)])
        .output();
    assert_eq!(
        nowhere.unwrap().status.code(),
        Some(2),
        "where it starts has to be said"
    );
}
