//! Whose hotfixes a host takes: what the policy demands of them, and bundles that carry them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::bundles::{Bent, create_of, text};
use crate::common::hotfixes::{FIRST, SECOND, on, planned};
use crate::common::tooled::{CORE, PAGE};
use crate::common::trusted::{believe, policy, ship, shipped};
use crate::common::{Answer, Lab};
use pitstop::model::Digest;
use pitstop::trust::PrivateKey;
use serde_json::{Value, json};

const KEYS: &[&str] = &["r", "alice", "bob", "s"];
const APPROVERS: &str = "  approval: {threshold: 2, keys: [alice.pem, bob.pem]}\n";
const STRICT: &str = "default: {unsigned: refuse}\n";

/// A host that believes the key `r` about releases, and approvers.
fn trusting() -> Lab {
    let lab = Lab::tooled();
    believe(
        &lab,
        KEYS,
        &format!(
            "version: 1\nroles:\n  release: {{keys: [r.pem]}}\n{APPROVERS}  evidence: {{staging: {{keys: [s.pem]}}}}\n"
        ),
    );
    lab
}

/// A host that believes nobody about releases.
fn approving() -> Lab {
    let lab = Lab::tooled();
    believe(&lab, KEYS, &format!("version: 1\nroles:\n{APPROVERS}"));
    lab
}

/// A bundle with hotfixes; signed by the key of this name, if any.
fn carrying(lab: &Lab, hotfixes: &[&Path], key: Option<&str>) -> PathBuf {
    let out = lab.path(&format!("{}-{}.pitstop", key.unwrap_or("nobody"), hotfixes.len()));
    let mut more = Vec::new();
    for hotfix in hotfixes {
        more.extend(["--hotfix".to_owned(), text(hotfix).to_owned()]);
    }
    if let Some(key) = key {
        let key = lab.path(&format!("{key}.key"));
        more.extend(["--sign".to_owned(), text(&key).to_owned()]);
    }
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let pack = lab.path("pristine/0");
    let from = match hotfixes {
        [] => Vec::new(),
        _ => vec![pack.clone()],
    };
    create_of(lab, &from, &pack, &out, &more);
    out
}

fn apply_with(lab: &Lab, file: &Path, more: &[&str]) -> Answer {
    lab.run(&[&["hotfix", "apply", "lab", text(file)], more].concat())
}

fn sha256(file: &Path) -> String {
    Digest::of(&fs::read(file).unwrap()).to_string()
}

fn approve(lab: &Lab, subject: &str, key: &str, name: &str, more: &[&str]) {
    let args = [
        &[
            "trust",
            "approve",
            subject,
            "--reason",
            "CVE-2026-1",
            "--expires",
            "1h",
        ],
        more,
    ]
    .concat();
    assert_eq!(ship(lab, &args, key, name).code, Some(0));
}

fn hint(answer: &Answer) -> &str {
    answer.report["error"]["hint"].as_str().unwrap()
}

/// Applies it, and sees that it is refused without a trace: in the home, in the state, and without that the vendor's tool ran.
#[track_caller]
fn refused_untouched(lab: &Lab, file: &Path, more: &[&str], code: i32, kind: &str) -> Answer {
    let (home, kept) = (lab.tree(), lab.path("state/instances/lab/hotfixes").exists());
    let answer = apply_with(lab, file, more).refused(code, kind);
    assert_eq!(
        crate::common::difference(
            &crate::common::settled(&home, &[]),
            &crate::common::settled(&lab.tree(), &[])
        ),
        ""
    );
    assert_eq!(lab.path("state/instances/lab/hotfixes").exists(), kept);
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    let steps = answer.report["steps"].to_string();
    assert!(!steps.contains("update-tool"), "{steps}");
    answer
}

#[test]
fn what_nobody_signed_is_refused_where_the_policy_or_the_trust_says_so() {
    for (lab, demanded) in [(trusting(), "# nothing\n"), (approving(), STRICT)] {
        let [first, _] = lab.two_hotfixes();
        policy(&lab, demanded);
        let dry = refused_untouched(&lab, &first, &["--dry-run"], 6, "signature");
        let expected = "needs a source that is signed by a key of the role release";
        assert_eq!(dry.report["missing"], json!([expected]));
        let refused = refused_untouched(&lab, &first, &[], 6, "signature");
        assert!(
            refused
                .message()
                .contains(&format!("{FIRST} may not go to lab: {expected}")),
            "{}",
            refused.message()
        );
        assert!(
            hint(&refused).contains("bundle create --hotfix"),
            "{}",
            hint(&refused)
        );
        assert!(hint(&refused).contains(&sha256(&first)), "{}", hint(&refused));
    }
}

#[test]
fn where_the_only_key_of_the_role_release_is_revoked_nothing_passes() {
    let lab = trusting();
    let [first, _] = lab.two_hotfixes();
    let bundles = [Some("r"), None].map(|key| carrying(&lab, &[&first], key));
    let revoked = PrivateKey::read(&lab.path("r.key")).unwrap().public().id();
    believe(
        &lab,
        &[],
        &format!("version: 2\nroles:\n  release: {{keys: [r.pem]}}\nrevoked: [{revoked}]\n"),
    );
    refused_untouched(&lab, &first, &[], 6, "signature");
    for bundle in bundles {
        refused_untouched(&lab, &bundle, &[], 6, "signature");
        lab.run(&["update", "lab", "--from", text(&bundle)])
            .refused(6, "signature");
    }
}

#[test]
fn a_signed_bundle_brings_its_hotfixes_one_by_one() {
    let lab = trusting();
    policy(&lab, STRICT);
    let [first, second] = lab.two_hotfixes();
    let bundle = carrying(&lab, &[&first, &second], Some("r"));
    let several = refused_untouched(&lab, &bundle, &[], 2, "usage");
    assert!(
        hint(&several).contains(&format!("{FIRST}, {SECOND}")),
        "{}",
        hint(&several)
    );
    refused_untouched(&lab, &bundle, &["--hotfix", "wso2am-4.2.0-abc-hf-3"], 2, "usage");
    refused_untouched(&lab, &first, &["--hotfix", FIRST], 2, "usage");
    refused_untouched(&lab, &bundle, &["--hotfix", SECOND], 6, "hotfix");
    let dry = apply_with(&lab, &bundle, &["--hotfix", FIRST, "--dry-run"]).expect(0, "planned");
    assert_eq!(planned(&dry), [format!("apply {FIRST}")]);
    assert_eq!(lab.leftovers(), Vec::<String>::new());
    let id = dry.report["plan"]["id"].as_str().unwrap();
    let done = apply_with(&lab, &bundle, &["--hotfix", FIRST, "--plan", id]).expect(0, "hotfix-applied");
    assert_eq!(done.report["signed_by"].as_array().unwrap().len(), 1);
    assert_eq!(on(&done), [FIRST]);
    let done = apply_with(&lab, &bundle, &["--hotfix", "wso2am-4.2.0-abc-hf-2"]).expect(0, "hotfix-applied");
    assert_eq!(on(&done), [FIRST, SECOND]);
    assert_eq!(lab.read(CORE), "core, fixed better");
    assert!(
        !apply_with(&lab, &bundle, &["--hotfix", FIRST])
            .expect(0, "current")
            .changed()
    );
    // What is on already is no change, whoever brings it.
    lab.apply(&first).expect(0, "current");
    // And to who stands there the bundle is no update.
    let update = lab.run(&["update", "lab", "--from", text(&bundle)]);
    assert!(!update.expect(0, "current").changed());
}

#[test]
fn only_the_role_release_speaks_for_what_a_bundle_carries() {
    let lab = trusting();
    let [first, second] = lab.two_hotfixes();
    let empty = carrying(&lab, &[], Some("r"));
    refused_untouched(&lab, &empty, &[], 2, "usage");
    for key in [None, Some("s"), Some("alice")] {
        refused_untouched(&lab, &carrying(&lab, &[&first], key), &[], 6, "signature");
    }
    // Another hotfix in the place of the one that was signed: as it stands, and with an index of somebody else that fits.
    let good = carrying(&lab, &[&first], Some("r"));
    let swapped = lab.path("swapped.pitstop");
    let mut bent = Bent::read(&good);
    let index = bent.index();
    let blob = index.blobs[index.streams[index.extras[0].piece.stream].blobs[0]].sha256;
    bent.entry(&format!("content/{blob}")).bytes = fs::read(&second).unwrap();
    fs::write(&swapped, bent.bytes()).unwrap();
    refused_untouched(&lab, &swapped, &[], 1, "digest");
    let mut forged = Bent::read(&carrying(&lab, &[&second], Some("s")));
    forged.entry("release.json").bytes = Bent::read(&good).entry("release.json").bytes.clone();
    fs::write(&swapped, forged.bytes()).unwrap();
    refused_untouched(&lab, &swapped, &[], 1, "digest");
    // Taken out of its bundle, nothing proves any more whose it is.
    let out = lab.path("taken-out");
    let taken = lab.run(&["bundle", "extract", text(&good), "--out", text(&out)]);
    assert_eq!(taken.code, Some(0), "{}", taken.report);
    refused_untouched(&lab, &out.join(FIRST), &[], 6, "signature");
    apply_with(&lab, &good, &[]).expect(0, "hotfix-applied");
}

#[test]
fn approvals_are_about_the_hotfix_itself_and_environments_are_not_asked() {
    let lab = trusting();
    policy(
        &lab,
        "default:\n  evidence: [{environment: staging}]\n  hold: [4.2.0.0]\n  approvals: {threshold: 1}\n",
    );
    let [first, second] = lab.two_hotfixes();
    let bundle = carrying(&lab, &[&first], Some("r"));
    let refused = refused_untouched(&lab, &bundle, &[], 6, "evidence");
    assert_eq!(refused.report["missing"], json!(["needs approval: 0 of 1"]));
    approve(&lab, &sha256(&second), "alice", "other.json", &[]);
    refused_untouched(&lab, &bundle, &[], 6, "evidence");
    // It may also come in the bundle, whose content stays as it was signed.
    approve(&lab, &sha256(&first), "alice", "approval.json", &[]);
    let approval = lab.path("approval.json");
    fs::rename(shipped(&lab, "approval.json"), &approval).unwrap();
    let attached = lab.run(&["bundle", "attach", text(&bundle), text(&approval)]);
    assert_eq!(attached.code, Some(0), "{}", attached.report);
    apply_with(&lab, &bundle, &[]).expect(0, "hotfix-applied");
}

#[test]
fn who_breaks_the_glass_stands_in_the_report_and_the_history() {
    let lab = trusting();
    policy(&lab, "default: {unsigned: refuse, approvals: {threshold: 1}}\n");
    let [first, _] = lab.two_hotfixes();
    approve(&lab, &sha256(&first), "alice", "glass.json", &["--break-glass"]);
    refused_untouched(&lab, &first, &[], 6, "evidence");
    let (glass, bob) = (shipped(&lab, "glass.json"), lab.path("bob.key"));
    let signed = lab.run(&["trust", "sign", text(&glass), "--sign", text(&bob)]);
    assert_eq!(signed.code, Some(0), "{}", signed.report);
    apply_with(&lab, &first, &["--dry-run"]).expect(0, "planned");
    let done = lab.apply(&first).expect(0, "hotfix-applied");
    assert_eq!(done.report["overridden_by"]["reason"], "CVE-2026-1");
    assert_eq!(done.report["overridden_by"]["by"].as_array().unwrap().len(), 2);
    let warnings = done.report["warnings"].to_string();
    assert!(warnings.contains("overridden by"), "{warnings}");
    let history = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap();
    let last: Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
    assert_eq!(last["overridden"], json!(["evidence"]));
}

#[test]
fn where_nothing_is_demanded_a_bundle_need_not_be_signed_and_conflicts_wait_as_ever() {
    let lab = Lab::tooled();
    lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
    let fixed = lab.read(PAGE).replace("our text", "safe text");
    let bundle = carrying(&lab, &[&lab.hotfix(0, 1, &[(PAGE, &fixed)])], None);
    let refused = apply_with(&lab, &bundle, &[]).refused(3, "conflicts");
    let command = format!(
        "pitstop hotfix apply lab {} --hotfix {FIRST} --continue",
        text(&bundle)
    );
    assert!(hint(&refused).contains(&command), "{}", hint(&refused));
    let place = refused.report["conflicts"][0]["final_file"].as_str().unwrap();
    fs::write(place, "<p>our safe text</p>\n").unwrap();
    apply_with(&lab, &bundle, &["--hotfix", FIRST, "--continue"]).expect(0, "hotfix-applied");
    assert_eq!(lab.read(PAGE), "<p>our safe text</p>\n");
}
