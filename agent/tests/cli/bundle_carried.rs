//! Bundles on their way to hosts that nothing reaches: parts, receipts, and what travels with the update.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::bundles::{Studio, bundle, heavy, keygen, text};
use crate::common::levels::{CONF, lab};

#[test]
fn a_receipt_of_a_host_makes_the_bundle_that_it_needs() {
    let lab = heavy();
    lab.write("lib/heavy.jar", "mine");
    lab.instance("policy: {binary: take-new}\n");
    let key = keygen(&lab, "host.pem");
    let receipt = lab.path("receipt.json");
    let given = lab.run(&["receipt", "lab", "--out", text(&receipt), "--sign", text(&key)]);
    assert_eq!(given.code, Some(0), "{}", given.report);

    let out = lab.path("for-host.pitstop");
    let create = |packs: &Path, to: &Path| {
        let (packs, to) = (["--packs", text(packs)], ["--to", text(to)]);
        let args = [
            &["bundle", "create", "--for", text(&receipt)],
            &packs[..],
            &to,
            &["-o", text(&out)],
        ];
        lab.run(&args.concat())
    };
    let (packs, to) = (lab.path("packs"), lab.path("packs/1.2.0"));
    let made = create(&packs, &to);
    assert_eq!(made.code, Some(0), "{:#}", made.report);
    assert_eq!(
        made.report["from"].as_array().unwrap().len(),
        1,
        "only where the host stands"
    );
    assert_eq!(made.report["from"][0]["level"], "1.0.0");
    lab.run(&["update", "lab", "--from", text(&out)])
        .expect(0, "updated");

    let empty = lab.path("empty");
    fs::create_dir(&empty).unwrap();
    create(&empty, &to).refused(1, "level-unavailable");
    let old = lab.path("packs/1.0.0");
    create(&old, &old).refused(2, "usage");
}

#[test]
fn parts_are_put_together_again_and_a_damaged_one_is_named() {
    let lab = heavy();
    let (path, _) = bundle(&lab, &[], "1.1.0", &[]);
    let cut = lab.run(&["bundle", "split", text(&path), "--size", "50K"]);
    let parts: Vec<PathBuf> = cut.report["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part.as_str().unwrap().into())
        .collect();
    assert!(parts.len() > 4, "{parts:?}");
    let list = parts.last().unwrap();
    let out = lab.path("joined.pitstop");
    let joined = lab.run(&["bundle", "join", text(list), "-o", text(&out)]);
    assert_eq!(joined.code, Some(0), "{}", joined.report);
    assert!(fs::read(&out).unwrap() == fs::read(&path).unwrap());

    let all = fs::read_to_string(list).unwrap();
    let (cut, _) = all.trim_end().rsplit_once('\n').unwrap();
    fs::write(list, format!("{cut}\n")).unwrap();
    lab.run(&["bundle", "join", text(list), "-o", text(&out)])
        .refused(1, "source");
    assert!(
        fs::read(&out).unwrap() == fs::read(&path).unwrap(),
        "the good one is gone"
    );
    fs::write(list, all).unwrap();

    fs::remove_file(&out).unwrap();
    let mut bytes = fs::read(&parts[1]).unwrap();
    bytes[7] ^= 1;
    fs::write(&parts[1], bytes).unwrap();
    let refused = lab
        .run(&["bundle", "join", text(list), "-o", text(&out)])
        .refused(1, "digest");
    let error = refused.report["error"]["message"].as_str().unwrap();
    assert!(error.contains(text(&parts[1])), "{error}");
    assert!(!out.exists());
    let climbing = format!("pitstop-parts 1\n1\n{} 1 ../VERSION\n", "0".repeat(64));
    fs::write(list, climbing).unwrap();
    lab.run(&["bundle", "join", text(list), "-o", text(&out)])
        .refused(1, "source");
}

#[test]
fn what_travels_with_an_update_is_taken_out_and_told() {
    let studio = Studio::new();
    let lab = &studio.lab;
    let steps = studio.put("steps.txt", b"tell the users\n");
    let agent = studio.put("pitstop-agent", b"#!/bin/sh\n");
    let more = [
        "--sign",
        text(&studio.key),
        "--manual-steps",
        text(&steps),
        "--with-agent",
        text(&agent),
    ];
    let (path, report) = bundle(lab, &["1.0.0"], "1.1.0", &more);
    assert_eq!(report["extras"].as_array().unwrap().len(), 2);
    let out = lab.path("out");
    let extracted = lab.run(&["bundle", "extract", text(&path), "--out", text(&out)]);
    assert_eq!(extracted.code, Some(0), "{}", extracted.report);
    assert_eq!(fs::read(out.join("steps.txt")).unwrap(), b"tell the users\n");
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(out.join("pitstop-agent"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
    let answer = lab
        .run(&["update", "lab", "--from", text(&path)])
        .expect(0, "updated");
    assert!(answer.report["warnings"].to_string().contains("tell the users"));
}

#[test]
fn decisions_travel_with_a_signed_update() {
    let studio = Studio::new();
    let lab = &studio.lab;
    // Both sides change the same line.
    lab.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    let begun = lab.save();
    let path = text(&studio.bundle);
    lab.run(&["update", "lab", "--from", path]).expect(3, "conflicts");
    lab.run(&[
        "conflicts",
        "resolve",
        "lab",
        "conf/server.conf",
        "--take",
        "ours",
    ])
    .expect(0, "resolved");
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    let decisions = lab.path("decisions.json");
    let exported = lab.run(&["conflicts", "export", "--out", text(&decisions)]);
    assert_eq!(exported.code, Some(0), "{}", exported.report);

    let trusting_nobody = self::lab();
    trusting_nobody.instance("");
    trusting_nobody.write("conf/server.conf", &CONF.replace("threads = 4", "threads = 5"));
    let more = ["--resolutions", text(&decisions)];
    let (unsigned, _) = bundle(&trusting_nobody, &["1.0.0"], "1.1.0", &more);
    trusting_nobody
        .run(&["update", "lab", "--from", text(&unsigned)])
        .expect(3, "conflicts");

    lab.restore(&begun);
    let _ = fs::remove_dir_all(lab.path("state/resolutions"));
    let more = ["--resolutions", text(&decisions), "--sign", text(&studio.key)];
    let (signed, _) = bundle(lab, &["1.0.0"], "1.1.0", &more);
    lab.run(&["update", "lab", "--from", text(&signed)])
        .expect(0, "updated");
    assert!(lab.read("conf/server.conf").contains("threads = 5"));
}
