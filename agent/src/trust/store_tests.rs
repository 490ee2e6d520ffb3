//! Anchors, documents that lead on from them, and every way back that is refused.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::trust::keys::{PrivateKey, keygen};
use crate::trust::statement::{Statement, Subject};

/// A host with a folder of keys, whose names are single letters.
struct Host {
    dir: tempfile::TempDir,
    store: TrustStore,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = TrustStore {
            anchor: dir.path().join("config"),
            kept: dir.path().join("state"),
        };
        fs::make_dirs(&store.anchor).unwrap();
        let host = Self { dir, store };
        for name in ["a", "b", "c", "r", "s"] {
            let key = host.dir.path().join(name);
            keygen(&key).unwrap();
            let public = fs::read(&host.dir.path().join(format!("{name}.pub")), LIMIT).unwrap();
            fs::write_public(&host.store.anchor.join(format!("{name}.pem")), &public).unwrap();
        }
        host
    }

    fn key(&self, name: &str) -> PrivateKey {
        PrivateKey::read(&self.dir.path().join(name)).unwrap()
    }

    fn id(&self, name: &str) -> KeyId {
        self.key(name).public().id()
    }

    fn anchor(&self, version: u64, trust: &str, release: &str, more: &str) {
        let list = |keys: &str| {
            keys.chars()
                .map(|key| format!("{key}.pem"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let text = format!(
            "version: {version}\nroles:\n  trust: {{threshold: {}, keys: [{}]}}\n  release: {{keys: [{}]}}\n{more}",
            trust.len(),
            list(trust),
            list(release),
        );
        fs::write_public(&self.store.anchor_file(), text.as_bytes()).unwrap();
    }

    /// A document with these keys in its roles, signed by these.
    fn document(&self, version: u64, roles: [&str; 2], revoked: &str, by: &str) -> PathBuf {
        let draft = self.store.anchor.join("draft.yaml");
        let list = |keys: &str| {
            keys.chars()
                .map(|key| format!("{key}.pem"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let revoked: Vec<String> = revoked
            .chars()
            .map(|key| self.id(&key.to_string()).to_string())
            .collect();
        let text = format!(
            "version: {version}\nroles:\n  trust: {{keys: [{}]}}\n  release: {{keys: [{}]}}\nrevoked: [{}]\n",
            list(roles[0]),
            list(roles[1]),
            revoked.join(", ")
        );
        fs::write_public(&draft, text.as_bytes()).unwrap();
        let document = TrustStore::draft(&draft).unwrap();
        let subject = Subject::new("a", &self.id("a"));
        let mut envelope = Statement::new(vec![subject], document).seal().unwrap();
        for key in by.chars() {
            envelope.sign(&self.key(&key.to_string())).unwrap();
        }
        let path = self.dir.path().join(format!("{version}-{by}.json"));
        fs::write_page(&path, &envelope.to_bytes().unwrap()).unwrap();
        path
    }

    fn releasers(&self) -> Vec<KeyId> {
        self.store
            .load()
            .unwrap()
            .release
            .keys
            .iter()
            .map(PublicKey::id)
            .collect()
    }
}

#[test]
fn without_an_anchor_nobody_is_believed() {
    let host = Host::new();
    let trust = host.store.load().unwrap();
    assert_eq!((trust.version, trust.release.keys.len()), (0, 0));
    assert!(trust.now.as_second() > 0);
}

#[test]
fn the_anchor_names_keys_by_file_inline_or_with_an_owner() {
    let host = Host::new();
    let inline = host
        .key("b")
        .public()
        .to_pem()
        .unwrap()
        .replace('\n', "\n        ");
    let text = format!(
        "version: 3\nroles:\n  release: {{keys: [r.pem]}}\n  approval:\n    threshold: 1\n    keys:\n    - name: alice\n      \
         key: a.pem\n    - name: bob\n      key: |\n        {inline}\n  evidence:\n    staging: {{keys: [s.pem]}}\n"
    );
    fs::write_public(&host.store.anchor_file(), text.as_bytes()).unwrap();
    let trust = host.store.load().unwrap();
    assert_eq!(trust.version, 3);
    assert_eq!(trust.names[&host.id("a")], "alice");
    assert_eq!(trust.names[&host.id("b")], "bob");
    assert_eq!(trust.names[&host.id("r")], "r");
    assert_eq!(trust.evidence["staging"].keys[0].id(), host.id("s"));
    assert!(trust.trust.keys.is_empty());
}

#[test]
fn an_anchor_that_is_wrong_or_open_to_others_is_refused() {
    let host = Host::new();
    let table = [
        ("version: 1\nroles: {release: {keys: [x.pem]}}\n", "x.pem"),
        (
            "version: 1\nroles: {release: {threshold: 2, keys: [r.pem, r.pem]}}\n",
            "2 of 1 keys can never have signed",
        ),
        (
            "version: 1\nroles: {release: {threshold: 0, keys: [r.pem]}}\n",
            "0 of 1 keys",
        ),
        (
            "version: 1\nroles: {releases: {keys: [r.pem]}}\n",
            "did you mean `release`?",
        ),
        ("roles: {}\n", "missing field `version`"),
    ];
    for (text, why) in table {
        fs::write_public(&host.store.anchor_file(), text.as_bytes()).unwrap();
        let failure = host.store.load().unwrap_err();
        assert!(failure.full_message().contains(why), "{why}: {failure}");
    }
    host.anchor(1, "a", "r", "");
    for (path, mode, good) in [
        ("trust.yaml", 0o666, 0o644),
        ("r.pem", 0o646, 0o644),
        ("", 0o757, 0o755),
    ] {
        let path: PathBuf = host.store.anchor.join(path).components().collect();
        let file = std::fs::Permissions::from_mode(mode);
        fs::open(&path).unwrap().set_permissions(file).unwrap();
        let failure = host.store.load().unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Trust);
        assert_eq!(
            failure.hint.unwrap(),
            format!("run `chmod go-w {}`", path.display())
        );
        fs::open(&path)
            .unwrap()
            .set_permissions(std::fs::Permissions::from_mode(good))
            .unwrap();
    }
    assert!(host.store.load().is_ok());
    // Only root can give a file away.
    for path in ["trust.yaml", "r.pem", ""] {
        let path = host.store.anchor.join(path);
        if std::os::unix::fs::chown(&path, Some(1234), None).is_ok() {
            let failure = host.store.load().unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Trust);
            assert!(failure.message.contains("belongs to somebody else"), "{failure}");
            std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        }
    }
    assert!(host.store.load().is_ok());
    // An exposed folder without an anchor lets nobody believe that nothing is demanded.
    fs::remove_if_exists(&host.store.anchor_file()).unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    fs::open(&host.store.anchor)
        .unwrap()
        .set_permissions(open)
        .unwrap();
    assert_eq!(host.store.load().unwrap_err().kind, ErrorKind::Trust);
}

#[test]
fn keys_rotate_by_documents_that_the_old_and_the_new_ones_signed() {
    let host = Host::new();
    host.anchor(1, "ab", "r", "");
    let table = [
        // Old threshold not reached; new one not; both.
        ("ac", None),
        ("ab", None),
        ("abc", Some(["s"])),
    ];
    for (by, led_to) in table {
        let file = host.document(2, ["c", "s"], "", by);
        let updated = host.store.update(&file);
        assert_eq!(updated.is_ok(), led_to.is_some(), "{by}: {updated:?}");
        if let Err(failure) = updated {
            assert_eq!(failure.kind, ErrorKind::Signature);
            assert_eq!(host.releasers(), [host.id("r")]);
        }
    }
    assert_eq!(host.releasers(), [host.id("s")]);
    // The same again is no change; from now on c alone decides.
    assert!(
        !host
            .store
            .update(&host.document(2, ["c", "s"], "", "abc"))
            .unwrap()
            .1
    );
    assert!(
        host.store
            .update(&host.document(3, ["c", "r"], "", "ab"))
            .is_err()
    );
    assert!(
        host.store
            .update(&host.document(3, ["c", "r"], "", "c"))
            .unwrap()
            .1
    );
    assert_eq!(host.releasers(), [host.id("r")]);
}

#[test]
fn no_way_leads_back() {
    let host = Host::new();
    host.anchor(1, "a", "r", "");
    let second = host.document(2, ["a", "s"], "", "a");
    host.store.update(&host.document(3, ["a", "r"], "", "a")).unwrap();
    for replayed in [second, host.document(3, ["a", "s"], "", "a")] {
        let failure = host.store.update(&replayed).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Trust, "{failure}");
    }
    // Somebody removes the document: the anchor alone is older than what was believed.
    fs::remove_if_exists(&host.store.document_file(3)).unwrap();
    let failure = host.store.load().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Trust);
    assert!(
        failure.message.contains("went back from version 3 to 1"),
        "{failure}"
    );
    // The document itself helps, and no older one.
    let older = host.document(2, ["a", "r"], "", "a");
    assert_eq!(host.store.update(&older).unwrap_err().kind, ErrorKind::Trust);
    assert!(host.store.load().is_err());
    assert!(
        host.store
            .update(&host.document(3, ["a", "r"], "", "a"))
            .unwrap()
            .1
    );
    assert_eq!(host.releasers(), [host.id("r")]);
    // Whoever configures the host may lay a newer anchor at any time.
    host.anchor(4, "b", "s", "");
    assert_eq!(host.releasers(), [host.id("s")]);
    host.store.remember(&host.store.load().unwrap()).unwrap();
    host.anchor(3, "b", "r", "");
    assert_eq!(host.store.load().unwrap_err().kind, ErrorKind::Trust);
}

#[test]
fn a_document_of_another_anchor_is_found_out() {
    let host = Host::new();
    host.anchor(1, "a", "r", "");
    host.store.update(&host.document(2, ["a", "s"], "", "a")).unwrap();
    host.anchor(1, "b", "r", "");
    let failure = host.store.load().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Trust);
    assert!(
        failure.full_message().contains("does not lead on from"),
        "{failure}"
    );
}

#[test]
fn a_key_that_was_revoked_is_never_believed_again() {
    let host = Host::new();
    host.anchor(1, "a", "rs", "");
    host.store
        .update(&host.document(2, ["a", "rs"], "r", "a"))
        .unwrap();
    assert_eq!(host.releasers(), [host.id("s")]);
    host.anchor(9, "a", "rs", "");
    assert_eq!(host.releasers(), [host.id("s")]);
    // Nor does it sign the next document.
    host.store
        .update(&host.document(10, ["ab", "s"], "a", "ab"))
        .unwrap();
    assert!(
        host.store
            .update(&host.document(11, ["a", "s"], "", "a"))
            .is_err()
    );
    assert!(host.store.update(&host.document(11, ["b", "s"], "", "b")).is_ok());
}

#[test]
fn what_several_runs_write_down_at_once_is_all_remembered() {
    let host = Host::new();
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for number in 1..=8 {
            let (store, start) = (&host.store, &start);
            scope.spawn(move || {
                let trust = Trust {
                    version: number,
                    revoked: [KeyId::of(&[number as u8])].into(),
                    ..Trust::default()
                };
                start.wait();
                store.remember(&trust).unwrap();
                store.saw(Timestamp::from_second(number as i64).unwrap()).unwrap();
            });
        }
    });
    let seen = host.store.seen().unwrap();
    assert_eq!((seen.version, seen.revoked.len()), (8, 8));
    let clock: Clock = host.store.read("clock.json").unwrap().unwrap();
    assert_eq!(clock.latest.as_second(), 8);
}

#[test]
fn the_present_is_never_before_what_was_verified_and_ends_what_has_expired() {
    let host = Host::new();
    host.anchor(1, "a", "r", "expires: 2200-01-01T00:00:00Z\n");
    assert!(host.store.load().unwrap().refuse_expired().is_ok());
    let moment = |text: &str| text.parse::<Timestamp>().unwrap();
    host.store.saw(moment("2001-01-01T00:00:00Z")).unwrap();
    assert!(host.store.now().unwrap() > moment("2001-01-02T00:00:00Z"));
    host.store.saw(moment("2200-01-01T00:00:00Z")).unwrap();
    host.store.saw(moment("2100-01-01T00:00:00Z")).unwrap();
    let trust = host.store.load().unwrap();
    assert_eq!(trust.now, moment("2200-01-01T00:00:00Z"));
    let envelope = Envelope::new("t", Vec::new());
    for failure in [
        trust.verify_release(&envelope, "it"),
        trust.verify_any(&envelope, "it"),
    ] {
        assert_eq!(failure.unwrap_err().kind, ErrorKind::Trust);
    }
}

#[test]
fn a_key_counts_in_its_own_role_only() {
    let host = Host::new();
    host.anchor(
        1,
        "a",
        "r",
        "  approval: {keys: [b.pem]}\n  evidence: {staging: {keys: [s.pem]}}\n",
    );
    let trust = host.store.load().unwrap();
    let signed = |by: &str| {
        let mut envelope = Envelope::new("t", Vec::new());
        envelope.sign(&host.key(by)).unwrap();
        envelope
    };
    for (by, release, any) in [
        ("r", true, true),
        ("s", false, true),
        ("b", false, true),
        ("a", false, false),
        ("c", false, false),
    ] {
        assert_eq!(trust.verify_release(&signed(by), "it").is_ok(), release, "{by}");
        assert_eq!(trust.verify_any(&signed(by), "it").is_ok(), any, "{by}");
    }
}
