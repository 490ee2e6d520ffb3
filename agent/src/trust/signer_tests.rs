//! Signers for real: keys that openssl made, a command that is openssl, an ssh-agent.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::sys::fs;

fn shell(dir: &Path, script: &str) -> String {
    let spec = Spec {
        cwd: Some(dir.to_owned()),
        ..Spec::new(["/bin/sh", "-euc", script])
    };
    let output = run(&spec, Duration::from_secs(60)).unwrap();
    assert!(output.success(), "{script}: {}", output.stderr_tail);
    output.stdout_tail
}

fn openssl_pair(dir: &Path) {
    shell(
        dir,
        "umask 077; openssl genpkey -algorithm ed25519 -out k.pem; openssl pkey -in k.pem -pubout -out k.pub",
    );
}

fn verified_by_openssl(dir: &Path, message: &[u8], signature: &[u8]) {
    fs::write_page(&dir.join("message"), message).unwrap();
    fs::write_page(&dir.join("signature"), signature).unwrap();
    shell(
        dir,
        "openssl pkeyutl -verify -pubin -inkey k.pub -rawin -in message -sigfile signature",
    );
}

#[test]
fn a_key_that_openssl_made_signs_and_openssl_verifies_it() {
    let dir = tempfile::tempdir().unwrap();
    openssl_pair(dir.path());
    let signer = SignWith::File(dir.path().join("k.pem")).open().unwrap();
    assert_eq!(
        signer.public(),
        &PublicKey::read(&dir.path().join("k.pub")).unwrap()
    );
    verified_by_openssl(dir.path(), b"message", &signer.sign(b"message").unwrap());
}

#[test]
fn openssl_reads_the_keys_that_keygen_makes() {
    let dir = tempfile::tempdir().unwrap();
    let public = crate::trust::keys::keygen(&dir.path().join("k.pem")).unwrap();
    shell(
        dir.path(),
        "openssl pkey -in k.pem -pubout -out k.pub; cmp k.pub k.pem.pub",
    );
    shell(
        dir.path(),
        "printf message >message; openssl pkeyutl -sign -inkey k.pem -rawin -in message -out signature",
    );
    let signature = fs::read(&dir.path().join("signature"), 100).unwrap();
    assert!(public.verifies(b"message", &signature));
}

#[test]
fn a_command_signs_raw_or_as_base64_and_says_why_it_does_not() {
    let dir = tempfile::tempdir().unwrap();
    openssl_pair(dir.path());
    let key = dir.path().join("k.pem");
    let sign = format!(
        "cat >{0}.in && openssl pkeyutl -sign -inkey {0} -rawin -in {0}.in",
        key.display()
    );
    let by = |command: &str| {
        let with = SignWith::Command {
            public: dir.path().join("k.pub"),
            command: command.to_owned(),
        };
        let signer = with.open().unwrap();
        signer
            .sign(b"message")
            .map(|signature| signer.public().verifies(b"message", &signature))
    };
    assert!(by(&sign).unwrap());
    assert!(by(&format!("{sign} | base64")).unwrap());
    let refused = [
        (
            "echo no such slot >&2; exit 3",
            "ended with exit code 3: no such slot",
        ),
        ("cat >/dev/null; echo hello", "did not write a signature"),
        ("exec /nowhere/hsm", "ended with exit code 127"),
    ];
    for (command, why) in refused {
        let failure = by(command).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Signature);
        assert!(failure.message.contains(why), "{failure}");
    }
}

/// An ssh-agent, ended with the test.
struct SshAgent(Pid);

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGTERM);
    }
}

#[test]
fn an_ssh_agent_signs_with_the_key_that_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let said = shell(
        dir.path(),
        "ssh-keygen -q -t ed25519 -N '' -f held; ssh-keygen -q -t ed25519 -N '' -f other; ssh-agent -a socket",
    );
    let (_, pid) = said.split_once("SSH_AGENT_PID=").unwrap();
    let agent = SshAgent(Pid::from_raw(pid.split_once(';').unwrap().0.parse().unwrap()));
    shell(dir.path(), "SSH_AUTH_SOCK=socket ssh-add -q held");
    let with = |public: &str| SignWith::Agent {
        public: dir.path().join(public),
        socket: dir.path().join("socket"),
    };
    let signer = with("held.pub").open().unwrap();
    assert!(
        signer
            .public()
            .verifies(b"message", &signer.sign(b"message").unwrap())
    );
    let refusal = |public: &str| with(public).open().unwrap().sign(b"message").unwrap_err();
    assert!(refusal("other.pub").message.contains("does not hold key"));
    shell(dir.path(), "SSH_AUTH_SOCK=socket ssh-add -q -D");
    assert!(refusal("held.pub").message.contains("does not hold key"));
    drop(agent);
    // Its end is not awaited: whether it still answers or not, it signs nothing.
    assert_eq!(refusal("held.pub").kind, ErrorKind::Signature);
}
