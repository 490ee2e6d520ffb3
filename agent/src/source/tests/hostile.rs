//! Archives that lie, or that something happened to.

use std::io::Write;

use super::build::Part;
use super::*;

use ErrorKind::{Limits as Over, NotAPack, Source as Bad, UnsafeSource as Unsafe};

fn small_limits() -> Limits {
    Limits {
        entries: 20,
        total_bytes: 4 << 20,
        file_bytes: 3 << 20,
        ratio: 100,
    }
}

/// Reads everything that there is to read.
fn read_all(file: &Path, cache: &Path) -> Result<TreeManifest> {
    open(file, &small_limits(), cache, &NoProgress)?.manifest(&NoProgress)
}

fn refused(name: &str, bytes: &[u8], kind: ErrorKind, says: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = put(dir.path(), "archive", bytes);
    let failure = read_all(&file, &dir.path().join("cache")).expect_err(name);
    let message = failure.full_message();
    assert_eq!(failure.kind, kind, "{name}: {message}");
    assert!(message.contains(says), "{name}: {message}");
    assert!(failure.hint.is_some(), "{name}");
    assert!(!message.contains(char::is_control), "{name}: {message:?}");
    assert!(
        !dir.path().join("cache").exists(),
        "{name}: nothing is remembered"
    );
}

#[test]
fn names_that_lead_elsewhere() {
    let table = [
        ("../x", "climbs"),
        ("a/../../x", "climbs"),
        ("a/..", "climbs"),
        ("/etc/passwd", "absolute"),
        (".//etc/passwd", "absolute"),
        ("a//b", "plain path"),
        ("a/./b", "plain path"),
        ("..\\x", "backslash"),
        ("a\\b", "backslash"),
        ("C:/x", "drive letter"),
        ("c:x", "drive letter"),
        ("a\u{1b}[2Jb", "control character"),
        ("a\nb", "control character"),
        (".pitstop/journal", "own state"),
    ];
    for (name, says) in table {
        let other = stored("ok", b"1");
        refused(name, &zip(&[other.clone(), stored(name, b"x")]), Unsafe, says);
        refused(
            name,
            &tar(&[tar_file("ok", b"1"), tar_file(name, b"x")]),
            Unsafe,
            says,
        );
    }
    refused("NUL", &zip(&[stored("a\0b", b"")]), Unsafe, "control character");
    let latin = stored("x", b"").with(|part| part.name = b"caf\xe9".to_vec());
    refused("latin-1", &zip(&[latin]), Unsafe, "not UTF-8");
    let long = "n".repeat(256);
    refused("long", &zip(&[stored(&long, b"")]), Unsafe, "too long");
    refused(
        "below top",
        &zip(&[stored("top/.pitstop/x", b"")]),
        Unsafe,
        "own state",
    );
}

#[test]
fn links_that_lead_elsewhere() {
    let table = [
        ("a/l", "/etc", "absolute"),
        ("a/l", "../..", "leaves the pack"),
        ("l", "..", "leaves the pack"),
        ("a/l", "../../x", "leaves the pack"),
        ("a/l", "b/../../../x", "behind a name"),
        ("a/l", "", "no path"),
    ];
    for (name, target, says) in table {
        let case = format!("{name} -> {target}");
        refused(
            &case,
            &zip(&[stored("ok", b"1"), link(name, target)]),
            Unsafe,
            says,
        );
        let member = member(EntryType::Symlink, name, 0o777, target, b"");
        let says = if target.is_empty() { "link" } else { says };
        refused(&case, &tar(&[tar_file("ok", b"1"), member]), Unsafe, says);
    }
    let long = "x/".repeat(3000);
    refused(
        "long",
        &zip(&[stored("ok", b""), link("l", &long)]),
        Unsafe,
        "no path",
    );
}

#[test]
fn entries_that_fight_for_a_path() {
    let table: [(&str, Vec<Part>, &str); 7] = [
        ("twice", vec![stored("a", b"1"), stored("a", b"2")], "there twice"),
        (
            "twice, once with ./",
            vec![stored("a", b"1"), stored("./a", b"1")],
            "there twice",
        ),
        (
            "case",
            vec![stored("conf/a", b"1"), stored("conf/A", b"1")],
            "upper and lower case",
        ),
        (
            "case above",
            vec![stored("x/LIB/a", b"1"), stored("x/lib/b", b"1")],
            "upper and lower case",
        ),
        (
            "file and folder",
            vec![stored("a", b"1"), stored("a/b", b"1")],
            "a file and a folder",
        ),
        (
            "below a link",
            vec![folder("d/"), link("l", "d"), stored("l/x", b"1")],
            "below a link",
        ),
        (
            "below, first",
            vec![stored("l/x", b"1"), folder("d/"), link("l", "d")],
            "below a link",
        ),
    ];
    for (name, parts, says) in table {
        refused(name, &zip(&parts), Unsafe, says);
    }
    let repeated = zip(&[folder("d/"), folder("d/"), stored("d/x", b"1")]);
    let dir = tempfile::tempdir().unwrap();
    let file = put(dir.path(), "z", &repeated);
    assert!(
        read_all(&file, dir.path()).is_ok(),
        "a folder twice says nothing new"
    );
    let members = [
        tar_file("a", b"1"),
        member(EntryType::Symlink, "a", 0o777, "b", b""),
    ];
    refused("tar, file and link", &gzip(&tar(&members)), Unsafe, "there twice");
}

#[test]
fn bombs() {
    let zeros = vec![0; 2 << 20];
    refused("ratio", &zip(&[deflated("z", &zeros)]), Over, "zip bomb");
    refused(
        "ratio, gzip",
        &gzip(&tar(&[tar_file("z", &zeros)])),
        Over,
        "zip bomb",
    );
    refused(
        "ratio, zstd",
        &zstd(&tar(&[tar_file("z", &zeros)])),
        Over,
        "zip bomb",
    );
    let big = noise(3 << 20 | 1);
    refused("one file", &zip(&[stored("z", &big)]), Over, "more than 3145728");
    refused(
        "one file, tar",
        &tar(&[tar_file("z", &big)]),
        Over,
        "more than 3145728",
    );
    let half = noise(5 << 19);
    refused(
        "all",
        &zip(&[stored("y", &half), stored("z", &half)]),
        Over,
        "more than 4194304",
    );
    let many: Vec<_> = (0..21).map(|n| stored(&n.to_string(), b"")).collect();
    refused("entries", &zip(&many), Over, "more than 20 entries");
    let many: Vec<_> = (0..21).map(|n| tar_file(&n.to_string(), b"")).collect();
    refused("entries, tar", &tar(&many), Over, "more than 20 entries");
    // It declares little and holds much.
    let liar = deflated("z", &zeros).with(|part| part.size = 1000);
    refused("declared too small", &zip(&[liar]), Bad, "longer than declared");
    let mut overlap = zip(&[stored("a", b"12345678"), stored("b", b"x")]);
    // The second entry's place becomes the first one's.
    let at = overlap.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap() + 42;
    overlap[at..at + 4].fill(0);
    refused("overlap", &overlap, Unsafe, "overlaps");
    let name = "n".repeat(3 << 20);
    let header = member(
        EntryType::GNULongName,
        "././@LongLink",
        0o644,
        "",
        name.as_bytes(),
    );
    refused(
        "long header",
        &tar(&[tar_file("ok", b""), header, tar_file("x", b"")]),
        Bad,
        "larger than 1 MiB",
    );
}

#[test]
fn archives_that_were_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    let zip = std::fs::read(the_zip(dir.path())).unwrap();
    refused("empty", b"", Bad, "empty");
    for at in [40, zip.len() / 2, zip.len() - 100, zip.len() - 1] {
        refused("zip", &zip[..at], Bad, "");
    }
    let tar = the_tar();
    // 1024 bytes of zeros end it; one block of them must be there.
    for at in [600, tar.len() / 2] {
        refused("tar", &tar[..at], Bad, "cannot read");
    }
    for at in [tar.len() - 1536, tar.len() - 1024] {
        refused(
            "tar between two members",
            &tar[..at],
            Bad,
            "end marker is missing",
        );
    }
    refused("tar in a file", &tar[..200_000], Bad, "shorter");
    for packed in [gzip(&tar), zstd(&tar)] {
        for at in [12, 100, packed.len() / 2, packed.len() - 1] {
            refused(&format!("packed {at}"), &packed[..at], Bad, "cannot read");
        }
    }
}

#[test]
fn zips_whose_two_sides_disagree() {
    let file = || deflated("a", b"hello hello hello");
    let table = [
        (
            "name",
            file().with(|part| part.local_name = Some(b"b".to_vec())),
            Unsafe,
            "differently",
        ),
        ("size", file().with(|part| part.size += 1), Bad, "shorter"),
        ("check sum", file().with(|part| part.crc ^= 1), Bad, "check sum"),
        (
            "stored sizes",
            stored("a", b"xyz").with(|part| part.size = 9),
            Bad,
            "two different sizes",
        ),
        ("encrypted", file().with(|part| part.flags |= 1), Bad, "encrypted"),
        ("method", file().with(|part| part.method = 12), Bad, "BZIP2"),
        (
            "folder with content",
            stored("a/", b"x").unix(0o040_755),
            Unsafe,
            "folder with content",
        ),
        ("device", file().unix(0o060_644), Unsafe, "device"),
        ("pipe", file().unix(0o010_644), Unsafe, "pipe"),
        ("socket", file().unix(0o140_644), Unsafe, "socket"),
        (
            "damaged",
            file().with(|part| part.body[0] ^= 0x55),
            Bad,
            "damaged",
        ),
    ];
    for (name, part, kind, says) in table {
        refused(name, &zip(&[part, stored("b", b"1")]), kind, says);
    }
    for (field, at) in [("crc", 14), ("packed", 18), ("size", 22), ("method", 8)] {
        let mut bytes = zip(&[file(), stored("b", b"1")]);
        bytes[at] ^= 1;
        refused(field, &bytes, Unsafe, "differently");
    }
    let mut bytes = zip(&[file(), stored("b", b"1")]);
    let count = bytes.len() - 12;
    bytes[count] = 3;
    refused("count", &bytes, Bad, "declares 3");
    refused("nothing", &zip(&[]), NotAPack, "without any content");
    refused(
        "nothing but a folder",
        &zip(&[folder("a/")]),
        NotAPack,
        "without any content",
    );
}

#[test]
fn tars_with_what_no_pack_has() {
    let table = [
        (EntryType::Fifo, Unsafe, "pipe"),
        (EntryType::Char, Unsafe, "device"),
        (EntryType::Block, Unsafe, "device"),
        (EntryType::Link, Bad, "hard link"),
        (EntryType::new(b'M'), Bad, "unknown kind"),
    ];
    for (kind, expected, says) in table {
        let bytes = tar(&[tar_file("ok", b"1"), member(kind, "x", 0o644, "ok", b"")]);
        refused(says, &bytes, expected, says);
    }
    let sparse = member(
        EntryType::XHeader,
        "x",
        0o644,
        "",
        b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n",
    );
    let bytes = tar(&[tar_file("ok", b"1"), sparse, tar_file("x", b"1")]);
    refused("sparse", &bytes, Bad, "sparse");
    let mut damaged = the_tar();
    damaged[512 + 3] ^= 1;
    refused("check sum", &damaged, Bad, "checksum");
    let mut packed = gzip(&the_tar());
    let at = packed.len() - 6;
    packed[at] ^= 1;
    refused("gzip's check sum", &packed, Bad, "cannot read");
}

#[test]
fn what_is_no_archive_at_all() {
    refused("text", b"hello", NotAPack, "unknown format");
    refused("xz", b"\xfd7zXZ\0more", NotAPack, "an xz file");
    refused("bzip2", b"BZh91AY", NotAPack, "a bzip2 file");
    refused(
        "a compressed text",
        &gzip(b"hello"),
        NotAPack,
        "does not hold a tar",
    );
    refused(
        "a compressed text",
        &zstd(&noise(5000)),
        NotAPack,
        "does not hold a tar",
    );
    let dir = tempfile::tempdir().unwrap();
    let missing = read_all(&dir.path().join("missing"), dir.path()).unwrap_err();
    assert_eq!((missing.kind, missing.hint.is_some()), (Bad, true));
    let null = read_all(Path::new("/dev/null"), dir.path()).unwrap_err();
    assert_eq!(null.kind, NotAPack);
}

#[test]
fn a_zstd_window_that_would_take_too_much_memory() {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.write_all(&the_tar()).unwrap();
    refused("window", &encoder.finish().unwrap(), Bad, "window");
}

#[test]
fn directories_with_what_no_pack_has() {
    type Make = fn(&Path);
    let cases: [(&str, Make); 4] = [
        ("leaves the pack", |root| {
            symlink("../outside", root.join("l")).unwrap()
        }),
        ("absolute", |root| symlink("/etc/passwd", root.join("l")).unwrap()),
        ("pipe", |root| {
            nix::unistd::mkfifo(&root.join("p"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        }),
        ("control character", |root| {
            std::fs::write(root.join("a\nb"), "").unwrap()
        }),
    ];
    for (says, make) in cases {
        let dir = tempfile::tempdir().unwrap();
        let root = the_directory(dir.path());
        make(&root);
        let failure = read_all(&root, &dir.path().join("cache")).unwrap_err();
        assert_eq!(failure.kind, Unsafe);
        assert!(failure.message.contains(says), "{failure}");
    }
}
