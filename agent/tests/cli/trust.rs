//! `trust`: documents that lead on from the anchor, and everybody who can sign them.

use std::fs;
use std::process::Command;

use crate::common::bundles::Studio;
use crate::common::scenario::old;
use crate::common::trusted::{believe, statement};
use crate::common::{Answer, Lab};
use pitstop::api::trust::{KeyReport, TrustReport};
use pitstop::trust::Envelope;
use serde_json::Value;

const TRUST: &str =
    "version: 1\nroles:\n  trust: {threshold: 2, keys: [a.pem, b.pem]}\n  release: {keys: [r.pem]}\n";

fn lab() -> Lab {
    let lab = Lab::new(&old());
    believe(&lab, &["a", "b", "c", "r", "s"], TRUST);
    lab
}

fn path(lab: &Lab, name: &str) -> String {
    lab.path(name).to_str().unwrap().to_owned()
}

/// A document whose signers are the first of `by`, then the others.
fn document(lab: &Lab, text: &str, by: &[&str]) -> String {
    let (draft, out) = (path(lab, "config/trust/next.yaml"), path(lab, "next.json"));
    fs::write(&draft, text).unwrap();
    let key = |name: &str| path(lab, &format!("{name}.key"));
    let made = lab.run(&["trust", "document", &draft, "-o", &out, "--sign", &key(by[0])]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    for name in &by[1..] {
        let signed = lab.run(&["trust", "sign", &out, "--sign", &key(name)]);
        assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    }
    out
}

fn update(lab: &Lab, file: &str) -> Answer {
    lab.run(&["trust", "update", file])
}

fn shown(lab: &Lab) -> TrustReport {
    serde_json::from_value(lab.run(&["trust", "show"]).report).unwrap()
}

fn owners(report: &TrustReport, role: &str) -> Vec<String> {
    let role = report.roles.iter().find(|one| one.role == role).unwrap();
    role.keys
        .iter()
        .map(|key| key.owner.clone().unwrap_or_default())
        .collect()
}

#[test]
fn keys_rotate_by_signed_documents_and_no_way_leads_back() {
    let lab = lab();
    assert_eq!(owners(&shown(&lab), "trust"), ["a", "b"]);
    let second = "version: 2\nroles:\n  trust: {keys: [c.pem]}\n  release: {keys: [s.pem]}\n";
    let file = document(&lab, second, &["a", "c"]);
    update(&lab, &file).refused(6, "signature");
    let file = document(&lab, second, &["a", "b"]);
    update(&lab, &file).refused(6, "signature");
    assert_eq!(shown(&lab).version, 1);
    let file = document(&lab, second, &["a", "b", "c"]);
    let first = fs::read(&file).unwrap();
    let answer = update(&lab, &file);
    assert_eq!((answer.code, answer.changed()), (Some(0), true));
    assert!(!update(&lab, &file).changed());
    assert_eq!(
        statement(&lab.path("next.json"))["predicateType"],
        "https://pitstop.dev/trust/v1"
    );
    let report = shown(&lab);
    assert_eq!(
        (report.version, owners(&report, "release")),
        (2, vec!["s".to_owned()])
    );

    let revoked = format!(
        "version: 3\nroles:\n  trust: {{keys: [c.pem]}}\n  release: {{keys: [r.pem, s.pem]}}\nrevoked: [{}]\n",
        report
            .roles
            .iter()
            .find(|role| role.role == "release")
            .unwrap()
            .keys[0]
            .id
    );
    let file = document(&lab, &revoked, &["c"]);
    assert!(update(&lab, &file).changed());
    assert_eq!(owners(&shown(&lab), "release"), ["r"]);
    fs::write(&file, &first).unwrap();
    update(&lab, &file).refused(6, "trust");
    // The anchor still names the key that was revoked.
    believe(
        &lab,
        &[],
        "version: 4\nroles: {release: {keys: [s.pem, r.pem]}}\n",
    );
    assert_eq!(owners(&shown(&lab), "release"), ["r"]);
    fs::remove_file(lab.path("config/trust/trust.yaml")).unwrap();
    lab.run(&["trust", "show"]).refused(6, "trust");
}

#[test]
fn a_document_is_refused_whole_when_anything_about_it_is_wrong() {
    let lab = lab();
    let good = "version: 2\nroles: {trust: {keys: [a.pem]}}\n";
    let file = document(&lab, good, &["a", "b"]);
    let envelope = fs::read_to_string(&file).unwrap();
    for (lie, kind) in [
        (
            envelope.replace("\"payload\":\"ey", "\"payload\":\"eY"),
            "signature",
        ),
        (envelope.replace("in-toto", "in-tutu"), "signature"),
        (envelope.replacen('{', "{\"payload\":\"\",", 1), "signature"),
        (envelope[..envelope.len() / 2].to_owned(), "signature"),
        (String::new(), "signature"),
    ] {
        assert_ne!(lie, envelope);
        fs::write(&file, lie).unwrap();
        update(&lab, &file).refused(6, kind);
    }
    update(&lab, "/nowhere").refused(1, "io");
    fs::write(&file, envelope).unwrap();
    assert_eq!(update(&lab, &file).code, Some(0));
    let draft = path(&lab, "config/trust/bad.yaml");
    fs::write(
        &draft,
        "version: 3\nroles: {trust: {threshold: 2, keys: [a.pem]}}\n",
    )
    .unwrap();
    let (out, key) = (path(&lab, "bad.json"), path(&lab, "a.key"));
    lab.run(&["trust", "document", &draft, "-o", &out, "--sign", &key])
        .refused(6, "trust");
    lab.run(&["trust", "document", &draft, "-o", &out])
        .refused(2, "usage");
    assert!(!lab.path("bad.json").exists());
}

#[test]
fn what_several_sign_and_attach_at_once_is_all_there() {
    let studio = Studio::new();
    let lab = &studio.lab;
    let keys = ["a", "b", "c", "d", "e", "f"];
    believe(lab, &keys, TRUST);
    let bundle = studio.bundle.to_str().unwrap();
    let tree = lab.run(&["bundle", "inspect", bundle]).report["to"]["tree"].clone();
    let approve = |name: &str, reason: &str, key: &str| {
        let (out, key) = (path(lab, name), path(lab, &format!("{key}.key")));
        let tree = tree.as_str().unwrap();
        let args = ["trust", "approve", tree, "--reason", reason, "--expires", "1h"];
        let made = lab.run(&[&args[..], &["-o", &out, "--sign", &key]].concat());
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        out
    };
    let shared = approve("shared.json", "of all", "a");
    let apart = keys.map(|key| approve(&format!("{key}.json"), key, key));
    let mut running = Vec::new();
    for (key, statement) in keys.iter().zip(&apart) {
        running.push(lab.spawn(&["bundle", "attach", bundle, statement]));
        let key = path(lab, &format!("{key}.key"));
        running.push(lab.spawn(&["trust", "sign", &shared, "--sign", &key]));
    }
    for child in running {
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    }
    let signed = Envelope::parse(&fs::read(&shared).unwrap(), "it").unwrap();
    assert_eq!(signed.claimed().len(), keys.len());
    let report = lab.run(&["bundle", "inspect", bundle]).report;
    assert_eq!(report["attached"].as_array().unwrap().len(), keys.len());
}

#[test]
fn a_key_is_made_once() {
    let lab = Lab::new(&old());
    let key = path(&lab, "k");
    let made: KeyReport = serde_json::from_value(lab.run(&["trust", "keygen", &key]).report).unwrap();
    let der = format!("openssl pkey -pubin -in {key}.pub -outform DER | sha256sum");
    let digest = Command::new("sh").args(["-c", &der]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(digest).unwrap()[..64], made.id.to_string());
    lab.run(&["trust", "keygen", &key]).refused(2, "usage");
}

fn sign_as(lab: &Lab, public: &str, signer: &str, env: &[(&str, &str)]) -> Answer {
    let draft = path(lab, "config/trust/next.yaml");
    fs::write(&draft, "version: 2\nroles: {trust: {keys: [a.pem]}}\n").unwrap();
    let out = path(lab, "next.json");
    lab.run_with(
        &[
            "trust", "document", &draft, "-o", &out, "--sign", public, "--signer", signer,
        ],
        env,
    )
}

#[test]
fn an_agent_or_a_command_signs_in_the_place_of_a_file() {
    let lab = lab();
    let public = path(&lab, "a.key.pub");
    let key = path(&lab, "a.key");
    let command = format!("cat >{key}.in && openssl pkeyutl -sign -inkey {key} -rawin -in {key}.in | base64");
    let signed = sign_as(&lab, &public, &command, &[]);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    sign_as(&lab, &public, "cat", &[]).refused(6, "signature");
    let wrong = path(&lab, "b.key.pub");
    sign_as(&lab, &wrong, &command, &[]).refused(6, "signature");
    sign_as(&lab, &public, "agent", &[]).refused(2, "usage");
    let socket = path(&lab, "socket");
    sign_as(&lab, &public, "agent", &[("SSH_AUTH_SOCK", &socket)]).refused(6, "signature");

    let ssh = path(&lab, "ssh");
    let draft = path(&lab, "config/trust/next.yaml");
    let out = path(&lab, "by-agent.json");
    let like = lab.command(&[]);
    let script = format!(
        "ssh-keygen -q -t ed25519 -N '' -f {ssh} && ssh-add -q {ssh} && {} trust document {draft} -o {out} --sign {ssh}.pub \
         --signer agent",
        env!("CARGO_BIN_EXE_pitstop")
    );
    let mut agent = Command::new("ssh-agent");
    agent.args(["-a", &socket, "sh", "-ec", &script]).env_clear();
    agent.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = agent.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    // The host believes the key in the form that OpenSSH has it in.
    fs::copy(format!("{ssh}.pub"), lab.path("config/trust/ssh.pub")).unwrap();
    believe(&lab, &[], "version: 1\nroles: {trust: {keys: [ssh.pub]}}\n");
    assert_eq!(
        shown(&lab).roles[0].keys[0].id.to_string(),
        report["signed_by"].as_str().unwrap()
    );
    update(&lab, &out).refused(6, "signature");
    let signed = lab.run(&["trust", "sign", &out, "--sign", &path(&lab, "a.key")]);
    assert_eq!(signed.code, Some(0));
    assert!(update(&lab, &out).changed());
}
