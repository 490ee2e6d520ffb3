//! What must hold for everything that is read before anybody has vouched for it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use pitstop::bundle::archive::{Archive, Name, Writer};
use pitstop::bundle::index::Index;
use pitstop::health::suite::{Tally, junit, tap};
use pitstop::merge::Format;
use pitstop::sys::unlinked::Unlinked;
use pitstop::trust::predicate::scan::Finding;
use pitstop::trust::predicate::{Approval, Document, Evidence, Receipt, Scan};
use pitstop::trust::statement::{PAYLOAD_TYPE, kind_of};
use pitstop::trust::{Envelope, PrivateKey, Signers, Statement, Trust};

use crate::input;

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().expect("random numbers"));

/// Reads what an input stands for, and what it stands for once a few lines are changed.
fn each(input: &[u8], read: impl Fn(&[u8])) {
    input::sides(Format::Json, input)
        .iter()
        .flatten()
        .for_each(|text| read(text));
}

fn signers() -> Signers {
    Signers {
        role: "fuzz".to_owned(),
        threshold: 1,
        keys: vec![KEY.public().clone()],
    }
}

/// Reads the archive of a bundle: one that opens is written again byte for byte.
///
/// # Panics
/// If a law is broken.
pub fn bundle(input: &[u8]) {
    let file = Unlinked::new("bundle", input).expect("memory");
    let Ok(archive) = Archive::open(&file.path()) else {
        return;
    };
    let release = archive.bytes(&Name::Release).expect("it was listed");
    let attached = archive.attachments().map(|digest| {
        (
            digest,
            archive.bytes(&Name::Attachment(digest)).expect("it was listed"),
        )
    });
    let attached = attached.collect();
    let mut again = Writer::new(Vec::new(), Path::new("again"));
    archive
        .write_again(&release, &attached, &mut again)
        .expect("it is read");
    let again = again.finish().expect("it is written");
    // Attachments may be read in any order, and are written in one.
    assert_eq!(again.len(), input.len());
}

/// Reads the index of a bundle: one that makes sense is written and read again as it is.
///
/// # Panics
/// If a law is broken.
pub fn index(input: &[u8]) {
    each(input, |text| {
        let packed = zstd::encode_all(text, 1).expect("memory");
        if let Ok(index) = Index::decode(&packed) {
            let again = Index::decode(&index.encode().expect("memory")).expect("it reads what it wrote");
            assert_eq!(index, again);
        }
        // What is no frame is refused as well.
        drop(Index::decode(text));
    });
}

/// Reads an envelope.
///
/// # Panics
/// If a law is broken.
pub fn envelope(input: &[u8]) {
    each(input, |text| {
        let Ok(read) = Envelope::parse(text, "x") else {
            return;
        };
        let again =
            Envelope::parse(&read.to_bytes().expect("it is written"), "x").expect("it reads what it wrote");
        assert_eq!(read, again);
        assert_eq!(
            read.signed_by(&signers().keys),
            BTreeSet::new(),
            "nobody signed it"
        );
        assert!(read.verify(&signers(), "x").is_err());
    });
}

/// Reads a statement that somebody signed who is believed.
///
/// # Panics
/// If a law is broken.
pub fn statement(input: &[u8]) {
    each(input, |text| {
        let mut envelope = Envelope::new(PAYLOAD_TYPE, text.to_vec());
        envelope.sign(&*KEY).expect("it signs");
        let verified = envelope.verify(&signers(), "x").expect("it is signed");
        let kind = kind_of(&verified, "x");
        let opened = [
            Statement::<Evidence>::open(&verified, "x").is_ok(),
            Statement::<Scan>::open(&verified, "x")
                .map(|scan| {
                    let findings = scan.predicate.scanner.result.iter().flatten();
                    findings.map(Finding::severity).max()
                })
                .is_ok(),
            Statement::<Approval>::open(&verified, "x").is_ok(),
            Statement::<Receipt>::open(&verified, "x").is_ok(),
            Statement::<Document>::open(&verified, "x")
                .map(|document| drop(Trust::of_document(&document.predicate)))
                .is_ok(),
        ];
        let count = opened.into_iter().filter(|opened| *opened).count();
        assert!(count <= usize::from(kind.is_ok()), "a statement is of one kind");
    });
}

/// Reads results as JUnit has them.
///
/// # Panics
/// If a law is broken.
pub fn junit(input: &[u8]) {
    each(input, |text| {
        if let Ok(tally) = junit::tally(&String::from_utf8_lossy(text)) {
            adds_up(&tally);
        }
    });
}

/// Reads results in the Test Anything Protocol.
///
/// # Panics
/// If a law is broken.
pub fn tap(input: &[u8]) {
    each(input, |text| adds_up(&tap::tally(&String::from_utf8_lossy(text))));
}

fn adds_up(tally: &Tally) {
    let names = [&tally.passed, &tally.failed, &tally.skipped];
    assert!(names.iter().all(|names| names.listed.len() as u64 <= names.count));
    assert!(
        names.iter().any(|names| names.count > 0),
        "nothing at all is no result"
    );
}
