//! Bundles that lie: one fixture for each lie, each refused with its own kind of error, and nothing is written.

use crate::common::bundles::{Bent, Entry, Studio, keygen};
use crate::common::{Lab, tree};
use pitstop::bundle::archive::Name;
use pitstop::bundle::index::{Coding, Index};
use pitstop::bundle::release::Release;
use pitstop::model::{Digest, Level, TreeManifest};
use pitstop::trust::{Envelope, PrivateKey};
use tar::EntryType;

/// What is wrong, and how it is made so.
type Lie<'a, T> = (&'a str, &'a dyn Fn(&mut T));

/// Whether the program refuses a bundle with this kind, looking at it and updating from it, and writes nothing.
#[track_caller]
fn refused(studio: &Studio, lie: &str, bytes: &[u8], kind: &str) {
    let path = studio.put("lie.pitstop", bytes);
    let path = path.to_str().unwrap();
    let before = around(&studio.lab);
    for args in [
        &["bundle", "verify", path][..],
        &["update", "lab", "--from", path],
    ] {
        let answer = studio.lab.run(args);
        let found = answer.report["error"]["kind"].as_str().unwrap_or("nothing");
        assert_eq!(
            found, kind,
            "{lie}: {args:?}\n{:#}\n{}",
            answer.report, answer.stderr
        );
        assert_ne!(answer.code, Some(0), "{lie}");
    }
    assert!(around(&studio.lab) == before, "{lie}: something was written");
    assert_eq!(studio.lab.leftovers(), Vec::<String>::new(), "{lie}");
}

/// Everything around and in the home, the agent's own state left out.
fn around(lab: &Lab) -> crate::common::Tree {
    let mut all = tree(lab.dir.path());
    all.retain(|path, _| !path.starts_with("state"));
    all
}

fn bent(studio: &Studio, bend: impl FnOnce(&mut Bent)) -> Vec<u8> {
    let mut bundle = studio.bent();
    bend(&mut bundle);
    bundle.bytes()
}

#[test]
fn the_bundle_that_is_bent_here_is_good_as_it_is() {
    let studio = Studio::new();
    let bytes = std::fs::read(&studio.bundle).unwrap();
    assert!(studio.bent().bytes() == bytes, "bending nothing changes nothing");
    let path = studio.bundle.to_str().unwrap();
    let verified = studio.lab.run(&["bundle", "verify", path]);
    assert_eq!(
        (verified.code, &verified.report["trusted"]),
        (Some(0), &true.into())
    );
    studio
        .lab
        .run(&["update", "lab", "--from", path])
        .expect(0, "updated");
}

#[test]
fn entries_that_no_bundle_has_are_refused_before_anything_is_read() {
    let studio = Studio::new();
    let long = "n".repeat(99);
    let names = [
        "../outside",
        "/etc/passwd",
        "content/../../outside",
        "./release.json",
        "content/abc",
        "attached/x.json",
        "home/VERSION",
        &long,
        "content/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ",
    ];
    for name in names {
        let bytes = bent(&studio, |bundle| {
            bundle.entries.insert(2, Entry::file(name, b"x"))
        });
        refused(&studio, name, &bytes, "unsafe-source");
    }
    let empty = Name::Blob(Digest::of(b"")).to_string();
    let kinds = [
        (EntryType::Symlink, Some("/etc/passwd")),
        (EntryType::Link, Some("release.json")),
        (EntryType::Directory, None),
        (EntryType::Char, None),
        (EntryType::Block, None),
        (EntryType::Fifo, None),
        (EntryType::XHeader, None),
        (EntryType::XGlobalHeader, None),
        (EntryType::GNULongName, None),
        (EntryType::GNUSparse, None),
    ];
    for (kind, link) in kinds {
        let entry = Entry {
            kind,
            link: link.map(str::to_owned),
            ..Entry::file(&empty, b"")
        };
        let bytes = bent(&studio, |bundle| bundle.entries.insert(2, entry));
        refused(&studio, &format!("{kind:?}"), &bytes, "unsafe-source");
    }
}

#[test]
fn an_archive_that_is_written_otherwise_is_refused() {
    let studio = Studio::new();
    let table: [Lie<Bent>; 7] = [
        ("an owner", &|bundle| bundle.entries[1].uid = 1000),
        ("a time", &|bundle| bundle.entries[1].mtime = 1),
        ("an entry twice", &|bundle| {
            let twice = bundle.entries[2].clone();
            bundle.entries.push(twice);
        }),
        ("a second release", &|bundle| {
            let twice = bundle.entries[0].clone();
            bundle.entries.push(twice);
        }),
        ("content before the index", &|bundle| bundle.entries.swap(1, 2)),
        ("something behind the end", &|bundle| bundle.tail = vec![0; 512]),
        ("another archive behind the end", &|bundle| {
            let again = bundle.bytes();
            bundle.tail = again;
        }),
    ];
    for (lie, bend) in table {
        refused(&studio, lie, &bent(&studio, bend), "unsafe-source");
    }
    // What does not begin as a bundle is none to an update.
    let swapped = bent(&studio, |bundle| bundle.entries.swap(0, 1));
    not_updated(&studio, "no release first", &swapped, "not-a-pack");
    let no_index = bent(&studio, |bundle| {
        bundle.entries.retain(|entry| entry.name != "index.zst")
    });
    refused(&studio, "no index", &no_index, "source");
}

#[test]
fn sizes_that_are_too_large_are_refused_before_memory_is_taken() {
    let studio = Studio::new();
    for (at, size) in [(0, 2 << 20), (1, 65 << 20), (2, 9 << 20), (2, 0o77_777_777_777)] {
        let bytes = bent(&studio, |bundle| bundle.entries[at].size = Some(size));
        refused(&studio, &format!("{size} bytes"), &bytes, "limits");
    }
}

#[test]
fn more_than_may_be_attached_is_refused_before_it_is_read() {
    let studio = Studio::new();
    let bytes = bent(&studio, |bundle| {
        for number in 0..9u8 {
            let attached = vec![number; 8 << 20];
            let name = Name::Attachment(Digest::of(&attached)).to_string();
            bundle.entries.push(Entry::file(&name, &attached));
        }
    });
    refused(&studio, "attachments", &bytes, "limits");
}

#[test]
fn a_bundle_that_is_cut_short_anywhere_is_refused() {
    let studio = Studio::new();
    let bytes = std::fs::read(&studio.bundle).unwrap();
    // Whatever does not even begin as a bundle is no bundle.
    let cuts = [
        200,
        511,
        512,
        600,
        1024,
        2000,
        bytes.len() / 2,
        bytes.len() - 1024,
        bytes.len() - 512,
        bytes.len() - 1,
    ];
    for cut in cuts {
        refused(&studio, &format!("cut at {cut}"), &bytes[..cut], "source");
    }
}

/// Replaces the envelope.
fn with_envelope(studio: &Studio, envelope: &Envelope) -> Vec<u8> {
    bent(studio, |bundle| {
        bundle.entry("release.json").bytes = envelope.to_bytes().unwrap()
    })
}

#[test]
fn what_is_not_signed_by_who_must_is_refused() {
    let studio = Studio::new();
    let key = studio.private();
    let other = PrivateKey::read(&keygen(&studio.lab, "other.pem")).unwrap();
    let payload = studio.bent().envelope().unproven().payload().to_vec();
    let statement = "application/vnd.in-toto+json";
    let signed = |payload_type: &str, payload: &[u8], key: &PrivateKey| {
        let mut envelope = Envelope::new(payload_type, payload.to_vec());
        envelope.sign(key).unwrap();
        envelope
    };

    refused(
        &studio,
        "nobody signed it",
        &with_envelope(&studio, &Envelope::new(statement, payload.clone())),
        "signature",
    );
    refused(
        &studio,
        "a stranger signed it",
        &with_envelope(&studio, &signed(statement, &payload, &other)),
        "signature",
    );
    refused(
        &studio,
        "no statement",
        &with_envelope(&studio, &signed("text/plain", &payload, &key)),
        "signature",
    );
    refused(
        &studio,
        "no JSON",
        &with_envelope(&studio, &signed(statement, b"\xff", &key)),
        "signature",
    );

    let good = String::from_utf8(studio.bent().entry("release.json").bytes.clone()).unwrap();
    let table = [
        (
            "a signature over another type",
            good.replace("vnd.in-toto+json", "vnd.other+json"),
        ),
        ("a signature over other bytes", {
            let release = Release {
                product: "lab2".to_owned(),
                ..studio.bent().release()
            };
            let mut bundle = studio.bent();
            bundle.say(&release, &other);
            let stolen: serde_json::Value = serde_json::from_str(&good).unwrap();
            let mut envelope: serde_json::Value =
                serde_json::from_slice(&bundle.entry("release.json").bytes).unwrap();
            envelope["signatures"] = stolen["signatures"].clone();
            envelope.to_string()
        }),
        ("the name of a trusted key under a stranger's signature", {
            let stranger = signed(statement, &payload, &other).to_bytes().unwrap();
            let stranger = String::from_utf8(stranger).unwrap();
            stranger.replace(&other.public().id().to_string(), &key.public().id().to_string())
        }),
        (
            "two payloads",
            good.replacen("\"payload\":", "\"payload\":\"e30=\",\"payload\":", 1),
        ),
        (
            "two payload types",
            good.replacen(
                "\"payloadType\":",
                "\"payloadType\":\"text/plain\",\"payloadType\":",
                1,
            ),
        ),
        ("no envelope", "{}".to_owned()),
        ("nothing", String::new()),
    ];
    for (lie, text) in table {
        assert_ne!(text, good, "{lie}");
        let bytes = bent(&studio, |bundle| {
            bundle.entry("release.json").bytes = text.into_bytes()
        });
        refused(&studio, lie, &bytes, "signature");
    }
}

#[test]
fn what_is_not_as_it_was_signed_is_refused() {
    let studio = Studio::new();
    let flip = |entry: &mut Entry| {
        let middle = entry.bytes.len() / 2;
        entry.bytes[middle] ^= 1;
    };
    refused(
        &studio,
        "another index",
        &bent(&studio, |bundle| flip(bundle.entry("index.zst"))),
        "digest",
    );
    refused(
        &studio,
        "another blob",
        &bent(&studio, |bundle| flip(bundle.blob())),
        "digest",
    );
    let shorter = bent(&studio, |bundle| {
        bundle.blob().bytes.pop();
    });
    refused(&studio, "a shorter blob", &shorter, "digest");
    let swapped = bent(&studio, |bundle| {
        let attached = Entry::file(&Name::Attachment(Digest::of(b"x")).to_string(), b"y");
        bundle.entries.push(attached);
    });
    refused(&studio, "a swapped attachment", &swapped, "digest");
}

#[test]
fn a_format_that_is_not_known_is_refused() {
    let studio = Studio::new();
    let key = studio.private();
    for format in [0, 2, u32::MAX] {
        let bytes = bent(&studio, |bundle| {
            let release = Release {
                format,
                ..bundle.release()
            };
            bundle.say(&release, &key);
        });
        refused(&studio, &format!("format {format}"), &bytes, "format");
    }
}

/// Puts another index, as it is, into a bundle that is signed all the same.
fn with_index(studio: &Studio, change: impl FnOnce(&mut Index)) -> Vec<u8> {
    bent(studio, |bundle| {
        let mut index = bundle.index();
        change(&mut index);
        bundle.index_of(index.encode().unwrap(), &studio.private());
    })
}

#[test]
fn an_index_that_makes_no_sense_is_refused_though_it_is_signed() {
    let studio = Studio::new();
    let key = studio.private();
    let table: [Lie<Index>; 12] = [
        ("a blob that is not there", &|index| {
            index.streams[0].blobs = vec![999]
        }),
        ("a stream of nothing", &|index| index.streams[0].blobs.clear()),
        ("a stream that is not there", &|index| index.manifest.stream = 999),
        ("a part behind the end", &|index| index.manifest.at = u64::MAX),
        ("a part that is too long", &|index| index.manifest.size = u64::MAX),
        ("a content twice", &|index| {
            let twice = index.contents[0].clone();
            index.contents.push(twice);
        }),
        ("a content made of nothing", &|index| {
            index.contents[0].whole = None
        }),
        ("two sizes", &|index| index.contents[0].size += 1),
        ("a delta that is none", &|index| {
            index.contents[0].deltas.push(pitstop::bundle::index::Delta {
                base: Digest::of(b"x"),
                stream: 0,
            });
        }),
        ("a blob twice", &|index| {
            let twice = index.blobs[0];
            index.blobs.push(twice);
        }),
        ("other trees than the release", &|index| {
            index.from[0].tree = Digest::of(b"x")
        }),
        ("a manifest that is a delta", &|index| {
            index.streams[0].coding = Coding::Delta
        }),
    ];
    for (lie, change) in table {
        refused(&studio, lie, &with_index(&studio, change), "source");
    }
    let extra = with_index(&studio, |index| {
        let piece = index.manifest;
        index.extras.push(pitstop::bundle::index::Extra {
            kind: pitstop::bundle::index::ExtraKind::Agent,
            name: "../agent".to_owned(),
            sha256: Digest::of(b""),
            piece,
        });
    });
    refused(&studio, "an extra that climbs", &extra, "source");
    let bomb = zstd::encode_all(std::io::repeat(b' ').take_bytes(600 << 20), 1).unwrap();
    refused(
        &studio,
        "a bomb",
        &bent(&studio, |bundle| bundle.index_of(bomb, &key)),
        "source",
    );
    let frame = zstd::encode_all(&b"{}"[..], 1).unwrap();
    refused(
        &studio,
        "another document",
        &bent(&studio, |bundle| bundle.index_of(frame, &key)),
        "source",
    );
    refused(
        &studio,
        "no frame",
        &bent(&studio, |bundle| bundle.index_of(b"x".to_vec(), &key)),
        "source",
    );
}

trait Take: std::io::Read + Sized {
    fn take_bytes(self, bytes: u64) -> std::io::Take<Self> {
        std::io::Read::take(self, bytes)
    }
}

impl Take for std::io::Repeat {}

/// Puts another manifest of the target into a bundle that is signed all the same; `honest` names its tree as the target.
fn with_manifest(studio: &Studio, text: &str, honest: bool) -> Vec<u8> {
    bent(studio, |bundle| {
        let mut index = bundle.index();
        let stored = zstd::encode_all(text.as_bytes(), 3).unwrap();
        index.blobs.push(pitstop::bundle::index::Blob {
            sha256: Digest::of(&stored),
            size: stored.len() as u64,
        });
        index.streams.push(pitstop::bundle::index::Stream {
            coding: Coding::Zstd,
            blobs: vec![index.blobs.len() - 1],
            unpacked: text.len() as u64,
        });
        index.manifest = pitstop::bundle::index::Piece {
            stream: index.streams.len() - 1,
            at: 0,
            size: text.len() as u64,
        };
        let name = Name::Blob(Digest::of(&stored)).to_string();
        bundle.entries.push(Entry::file(&name, &stored));
        let key = studio.private();
        let mut release = bundle.release();
        if honest {
            release.to.tree = Digest::of(text.as_bytes());
        }
        bundle.say(&release, &key);
        bundle.index_of(index.encode().unwrap(), &key);
    })
}

/// Updating from it is refused; looking at it need not be, because that does not read the manifest.
#[track_caller]
fn not_updated(studio: &Studio, lie: &str, bytes: &[u8], kind: &str) {
    let path = studio.put("lie.pitstop", bytes);
    let before = around(&studio.lab);
    let answer = studio
        .lab
        .run(&["update", "lab", "--from", path.to_str().unwrap()]);
    let found = answer.report["error"]["kind"].as_str().unwrap_or("nothing");
    assert_eq!(found, kind, "{lie}\n{:#}\n{}", answer.report, answer.stderr);
    assert!(around(&studio.lab) == before, "{lie}: something was written");
}

#[test]
fn a_tree_that_could_leave_the_home_is_refused_though_it_is_signed() {
    let studio = Studio::new();
    let empty = Digest::of(b"");
    let line = |mode: &str, path: &str| format!("pitstop-manifest 1\nf {mode} 0 {empty} {path}\n");
    let table = [
        (line("644", "../x"), "source"),
        (line("644", "/etc/x"), "source"),
        (line("644", "a/../../x"), "source"),
        (line("644", ".pitstop/x"), "unsafe-source"),
        (line("644", "a\\\\b"), "unsafe-source"),
        (line("644", "C:/x"), "unsafe-source"),
        (line("644", "a\\nb"), "unsafe-source"),
        (line("4755", "bin/x"), "unsafe-source"),
        (line("2755", "bin/x"), "unsafe-source"),
        (
            line("644", "A") + &format!("f 644 0 {empty} a\n"),
            "unsafe-source",
        ),
        (
            line("644", "a") + &format!("f 644 0 {empty} a/b\n"),
            "unsafe-source",
        ),
        (
            "pitstop-manifest 1\nl - - /etc/passwd a\n".to_owned(),
            "unsafe-source",
        ),
        ("pitstop-manifest 1\nl - - ../x a\n".to_owned(), "unsafe-source"),
        (
            format!("pitstop-manifest 1\nl - - lib a\nf 644 0 {empty} a/x\n"),
            "unsafe-source",
        ),
        (
            format!("pitstop-manifest 1\nf 644 {} {empty} a\n", u64::MAX),
            "limits",
        ),
        ("pitstop-manifest 2\n".to_owned(), "source"),
        (String::new(), "source"),
    ];
    for (text, kind) in table {
        not_updated(&studio, &text, &with_manifest(&studio, &text, true), kind);
    }
    not_updated(
        &studio,
        "another tree",
        &with_manifest(&studio, &line("644", "a"), false),
        "digest",
    );
}

#[test]
fn content_that_is_not_what_the_tree_says_never_gets_into_the_home() {
    let studio = Studio::new();
    let key = studio.private();
    type Change<'a> = &'a dyn Fn(Vec<u8>) -> Vec<u8>;
    let table: [(&str, Change<'_>); 3] = [
        ("other bytes", &|plain| {
            plain.iter().map(|byte| byte ^ 1).collect()
        }),
        ("fewer bytes", &|plain| plain[..plain.len() / 2].to_vec()),
        ("a bomb", &|_| vec![0; 64 << 20]),
    ];
    for (lie, change) in table {
        let bytes = bent(&studio, |bundle| {
            let mut index = bundle.index();
            let stream = index.contents[0].whole.unwrap().stream;
            let number = index.streams[stream].blobs[0];
            let stored = bundle
                .entry(&Name::Blob(index.blobs[number].sha256).to_string())
                .bytes
                .clone();
            let plain = match index.streams[stream].coding {
                Coding::Stored => stored,
                _ => zstd::decode_all(stored.as_slice()).unwrap(),
            };
            index.streams[stream].coding = Coding::Zstd;
            bundle.index_of(index.encode().unwrap(), &key);
            bundle.stream_of(
                stream,
                zstd::encode_all(change(plain).as_slice(), 3).unwrap(),
                &key,
            );
        });
        not_updated(&studio, lie, &bytes, "source");
    }
}

#[test]
fn a_release_about_another_product_or_tree_is_refused() {
    let studio = Studio::new();
    let key = studio.private();
    let product = bent(&studio, |bundle| {
        let release = Release {
            product: "wso2is".to_owned(),
            ..bundle.release()
        };
        bundle.say(&release, &key);
    });
    not_updated(&studio, "another product", &product, "wrong-product");
    let subject = bent(&studio, |bundle| {
        let statement = pitstop::trust::Statement::new(
            vec![pitstop::trust::Subject::new("x", &Digest::of(b"x"))],
            bundle.release(),
        );
        let mut envelope = statement.seal().unwrap();
        envelope.sign(&key).unwrap();
        bundle.entry("release.json").bytes = envelope.to_bytes().unwrap();
    });
    refused(&studio, "another subject", &subject, "source");
    let escape = bent(&studio, |bundle| {
        let mut release = bundle.release();
        release.to.level = Level::new("1.1.0\u{1b}[2J");
        bundle.say(&release, &key);
    });
    refused(&studio, "a name that commands a terminal", &escape, "source");
    let lower = bent(&studio, |bundle| {
        let mut release = bundle.release();
        release.to.level = Level::new("0.9.0");
        bundle.say(&release, &key);
    });
    let path = studio.put("lie.pitstop", &lower);
    let path = path.to_str().unwrap();
    let asked = studio
        .lab
        .run(&["update", "lab", "--level", "0.9.0", "--from", path]);
    asked.refused(6, "downgrade");
}

#[test]
fn a_manifest_parses_only_as_it_is_written() {
    let text = "pitstop-manifest 1\nd 755 - - bin\n";
    let manifest = TreeManifest::parse(text).unwrap();
    assert_eq!(manifest.encode(), text);
}
