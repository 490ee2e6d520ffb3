//! A host that believes somebody, and people who sign.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Answer, Lab};

/// Makes keys with these names, and lets the host believe as a text says in which they are called `NAME.pem`.
pub fn believe(lab: &Lab, keys: &[&str], trust: &str) {
    let folder = lab.path("config/trust");
    fs::create_dir_all(&folder).unwrap();
    for name in keys {
        let key = lab.path(&format!("{name}.key"));
        if !key.exists() {
            let made = lab.run(&["trust", "keygen", key.to_str().unwrap()]);
            assert_eq!(made.code, Some(0), "{}", made.stderr);
        }
        fs::copy(
            lab.path(&format!("{name}.key.pub")),
            folder.join(format!("{name}.pem")),
        )
        .unwrap();
    }
    fs::write(folder.join("trust.yaml"), trust).unwrap();
}

pub fn policy(lab: &Lab, text: &str) {
    fs::write(lab.path("config/policy.yaml"), text).unwrap();
}

/// The folder for envelopes that are shipped to the host.
pub fn shipped(lab: &Lab, name: &str) -> PathBuf {
    let folder = lab.path("config/evidence.d");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Runs the program with a key that signs and a file that gets what is signed, and ships that.
pub fn ship(lab: &Lab, args: &[&str], key: &str, name: &str) -> Answer {
    let key = lab.path(&format!("{key}.key"));
    let file = shipped(lab, name);
    let file = file.to_str().unwrap();
    let out = if args[0] == "verify" {
        "--evidence"
    } else {
        "--out"
    };
    let more = [out, file, "--sign", key.to_str().unwrap()];
    lab.run(&[args, &more].concat())
}

/// What a signed file says.
pub fn statement(file: &Path) -> Value {
    let envelope: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// An envelope that nobody signed.
pub fn unsigned(statement: &Value) -> String {
    let payload = STANDARD.encode(serde_json::to_vec(statement).unwrap());
    let envelope = serde_json::json!({
        "payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []
    });
    envelope.to_string()
}

/// Lets somebody who has a key say anything.
pub fn say(lab: &Lab, key: &str, name: &str, statement: &Value) -> PathBuf {
    let file = shipped(lab, name);
    fs::write(&file, unsigned(statement)).unwrap();
    let key = lab.path(&format!("{key}.key"));
    let signed = lab.run(&[
        "trust",
        "sign",
        file.to_str().unwrap(),
        "--sign",
        key.to_str().unwrap(),
    ]);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    file
}
