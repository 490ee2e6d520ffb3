#![expect(
    clippy::disallowed_methods,
    reason = "tests build their trees with plain calls"
)]

use super::*;
use crate::model::RelPath;
use crate::source::tests::build::{gzip, put, stored, tar, tar_file, zip};

/// A stand-in for a profile: the file `product` says `name level`.
fn by_product_file(tree: &dyn TreeView) -> Result<Option<Detected>> {
    let Some(bytes) = tree.head_of(&RelPath::new("product").unwrap())? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).unwrap();
    let (name, level) = text.split_once(' ').unwrap();
    Ok(Some(Detected {
        product: name.to_owned(),
        level: (!level.is_empty()).then(|| Level::new(level)),
    }))
}

fn offers_of(path: &Path) -> Result<Offers> {
    let dir = tempfile::tempdir().unwrap();
    Search {
        product: "demo",
        detect: &by_product_file,
        limits: &Limits::default(),
        cache_dir: dir.path(),
        progress: &crate::model::NoProgress,
    }
    .offers(path)
}

fn levels(offers: &Offers) -> Vec<(&str, &str)> {
    let name = |offer: &'_ Offer| offer.path.file_name().unwrap().to_owned();
    assert!(offers.offers.is_sorted_by_key(name));
    offers
        .offers
        .iter()
        .map(|offer| {
            (
                offer.path.file_name().unwrap().to_str().unwrap(),
                offer.level.as_str(),
            )
        })
        .collect()
}

fn pack(product: &str) -> Vec<u8> {
    zip(&[stored("p/product", product.as_bytes()), stored("p/x", b"")])
}

#[test]
fn a_pack_is_one_offer() {
    let dir = tempfile::tempdir().unwrap();
    let file = put(dir.path(), "a.zip", &pack("demo 1.2"));
    let offers = offers_of(&file).unwrap();
    assert_eq!(levels(&offers), [("a.zip", "1.2")]);
    put(dir.path(), "unpacked/product", b"demo 1.3");
    let offers = offers_of(&dir.path().join("unpacked")).unwrap();
    assert_eq!(levels(&offers), [("unpacked", "1.3")]);
}

#[test]
fn a_folder_offers_its_packs_and_a_damaged_one_hides_none() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a.zip", &pack("demo 1"));
    put(
        dir.path(),
        "b.tgz",
        &gzip(&tar(&[tar_file("product", b"demo 2")])),
    );
    put(dir.path(), "c/product", b"demo 3");
    put(dir.path(), "other.zip", &pack("else 9"));
    put(dir.path(), "notes.txt", b"see the manual");
    put(dir.path(), "docs/readme", b"");
    put(dir.path(), ".part.zip", &pack("demo 4")[..50]);
    put(dir.path(), "unknown-level.zip", &pack("demo "));
    let whole = pack("demo 5");
    put(dir.path(), "short.zip", &whole[..whole.len() - 30]);
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();

    let offers = offers_of(dir.path()).unwrap();
    assert_eq!(levels(&offers), [("a.zip", "1"), ("b.tgz", "2"), ("c", "3")]);
    let mut named = ["dangling", "short.zip", "unknown-level.zip"].iter();
    assert_eq!(offers.warnings.len(), named.len(), "{:?}", offers.warnings);
    assert!(
        offers
            .warnings
            .iter()
            .all(|warning| warning.contains(named.next().unwrap()))
    );
}

#[test]
fn where_nothing_is_offered_the_failure_says_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let other = put(dir.path(), "other/o.zip", &pack("else 9"));
    let plain = put(
        dir.path(),
        "plain/p.zip",
        &zip(&[stored("bin/x", b""), stored("readme", b"")]),
    );
    put(dir.path(), "broken/b.zip", &pack("demo 1")[..60]);
    let level = put(dir.path(), "level.zip", &pack("demo "));
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let table = [
        (other.clone(), ErrorKind::WrongProduct, "offers else, not demo"),
        (
            dir.path().join("other"),
            ErrorKind::WrongProduct,
            "offers else, not demo",
        ),
        (plain, ErrorKind::NotAPack, "in it is bin, readme"),
        (dir.path().join("plain"), ErrorKind::NotAPack, "in it is p.zip"),
        (dir.path().join("empty"), ErrorKind::NotAPack, "in it is nothing"),
        (dir.path().join("broken"), ErrorKind::Source, "cut short"),
        (dir.path().join("missing"), ErrorKind::Source, "does not exist"),
        (level, ErrorKind::NotAPack, "level cannot be read"),
    ];
    for (path, kind, says) in table {
        let failure = offers_of(&path).unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(failure.hint.is_some() && failure.path.is_some());
    }
}
