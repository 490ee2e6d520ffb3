use proptest::prelude::*;

use super::document::{Document, LARGEST_VALUE, parse};
use super::*;

fn path() -> RelPath {
    RelPath::new("conf/a.yaml").unwrap()
}

fn subject<'a>(path: &'a RelPath, sides: [Option<&'a str>; 3], secret: bool) -> Subject<'a> {
    Subject {
        product: "lab",
        path,
        scope: Scope::Key,
        key: Some("a.b"),
        sides,
        secret,
    }
}

const SIDES: [Option<&str>; 3] = [Some("1"), Some("2"), Some("3")];

fn entry(subject: &Subject<'_>, key: Option<&HostKey>, decision: Decision) -> Remembered {
    let origin = Origin {
        decided: "2026-01-01T00:00:00Z".into(),
        by: "alice".into(),
        instance: "lab-1".into(),
    };
    Remembered::new(subject, key, decision, origin).unwrap()
}

#[test]
fn a_decision_is_found_again_and_only_for_its_own_conflict() {
    let (path, other) = (path(), RelPath::new("conf/b.yaml").unwrap());
    let asked = subject(&path, SIDES, false);
    let mut memory = Memory::default();
    memory.add(entry(&asked, None, Decision::Theirs), None);
    assert_eq!(memory.find(&asked).unwrap().0.decision, Decision::Theirs);
    let others = [
        Subject {
            product: "other",
            ..asked
        },
        Subject {
            path: &other,
            ..asked
        },
        Subject {
            key: Some("a.c"),
            ..asked
        },
        Subject {
            key: None,
            scope: Scope::Lines,
            ..asked
        },
        Subject {
            key: None,
            scope: Scope::File,
            ..asked
        },
        Subject {
            sides: [None, Some("2"), Some("3")],
            ..asked
        },
        Subject {
            sides: [Some("1"), None, Some("3")],
            ..asked
        },
        Subject {
            sides: [Some("1"), Some("2"), Some("")],
            ..asked
        },
        // Parts that run into each other are not the same.
        Subject {
            key: Some("a.b1"),
            sides: [Some(""), Some("2"), Some("3")],
            ..asked
        },
    ];
    for other in others {
        assert!(memory.find(&other).is_none(), "{other:?}");
    }
}

#[test]
fn a_contrary_decision_replaces_and_the_hosts_own_wins() {
    let path = path();
    let asked = subject(&path, SIDES, false);
    let mut memory = Memory::default();
    let shipped = Some(PathBuf::from("/etc/pitstop/resolutions.d/a.json"));
    memory.add(entry(&asked, None, Decision::Ours), None);
    memory.add(entry(&asked, None, Decision::Theirs), shipped.clone());
    assert_eq!(memory.find(&asked).unwrap().0.decision, Decision::Ours);
    memory.add(entry(&asked, None, Decision::Theirs), None);
    assert_eq!(memory.find(&asked).unwrap().0.decision, Decision::Theirs);
    let mut memory = Memory::default();
    memory.add(entry(&asked, None, Decision::Theirs), shipped.clone());
    assert_eq!(memory.find(&asked).unwrap().1.file, shipped);
}

#[test]
fn what_is_secret_is_told_only_by_who_has_the_key() {
    let path = path();
    let asked = subject(&path, SIDES, true);
    let (mine, other) = (HostKey::new([1; 32]), HostKey::new([2; 32]));
    assert!(asked.signature(None).is_none());
    let known = entry(&asked, Some(&mine), Decision::Ours);
    assert_ne!(asked.signature(Some(&mine)), asked.signature(Some(&other)));
    for (key, found) in [(Some(mine), true), (Some(other), false), (None, false)] {
        let mut memory = Memory::new(key);
        memory.add(known.clone(), None);
        assert_eq!(memory.find(&asked).is_some(), found);
    }
}

fn written(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let path = path();
    let asked = subject(&path, SIDES, false);
    let document = Document::new(vec![entry(&asked, None, Decision::Value { value: "4".into() })]);
    let mut value = serde_json::to_value(document).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn what_was_decided_last_counts_whether_it_is_secret_or_not() {
    let (path, key) = (path(), HostKey::new([7; 32]));
    let asked = subject(&path, SIDES, false);
    let secret = Subject {
        secret: true,
        ..asked
    };
    let value = |value: &str| Decision::Value { value: value.into() };
    for (plain_at, secret_at, expected) in [("1", "2", None), ("2", "1", Some("open"))] {
        let mut memory = Memory::new(Some(key.clone()));
        for (subject, at, text) in [(&asked, plain_at, "open"), (&secret, secret_at, "hidden")] {
            let decided = format!("2026-01-0{at}T00:00:00Z");
            let made = entry(subject, Some(&key), value(text));
            memory.add(Remembered { decided, ..made }, None);
        }
        let (_, view) = memory.find(&asked).unwrap();
        assert_eq!(view.value.as_deref(), expected);
    }
}

#[test]
fn documents_are_read_back_and_hostile_ones_refused() {
    let good = written(|_| {});
    let [one] = &parse(&good).unwrap()[..] else {
        panic!()
    };
    assert_eq!(
        parse(&serde_json::to_vec(one).unwrap()).unwrap(),
        std::slice::from_ref(one)
    );
    let set = |key: &'static str, to: serde_json::Value| {
        written(move |document| document["resolutions"][0][key] = to)
    };
    let hostile: [(&str, Vec<u8>); 14] = [
        ("no JSON", b"{".to_vec()),
        ("no schema", b"{}".to_vec()),
        ("a list", b"[]".to_vec()),
        (
            "another schema",
            written(|document| document["schema"] = "x".into()),
        ),
        ("a path that climbs", set("path", "../../etc/passwd".into())),
        ("an absolute path", set("path", "/etc/passwd".into())),
        ("a path with a line end", set("path", "a\nb".into())),
        ("a product that climbs", set("product", "../x".into())),
        ("a decision of no kind", set("take", "everything".into())),
        ("a file for a key", set("take", "deleted".into())),
        ("a key for a file", set("scope", "file".into())),
        ("no digest", set("base", "00".into())),
        ("a terminal's control", set("by", "\u{1b}[2J".into())),
        ("a huge value", set("value", "x".repeat(LARGEST_VALUE + 1).into())),
    ];
    for (what, bytes) in hostile {
        assert!(parse(&bytes).is_err(), "{what}");
    }
}

proptest! {
    #[test]
    fn any_document_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn a_digest_that_differs_in_any_side_does_not_apply(
        kept in "[ab]{0,3}", sides in proptest::array::uniform3(proptest::option::of("[ab]{0,3}")),
        at in 0..3_usize, other in proptest::option::of("[ab]{0,3}"),
    ) {
        let path = path();
        let texts = sides.each_ref().map(Option::as_deref);
        let asked = Subject { key: Some(&kept), ..subject(&path, texts, false) };
        let mut memory = Memory::default();
        memory.add(entry(&asked, None, Decision::Ours), None);
        let mut changed = texts;
        changed[at] = other.as_deref();
        let found = memory.find(&Subject { sides: changed, ..asked }).is_some();
        prop_assert_eq!(found, changed == texts);
    }
}
