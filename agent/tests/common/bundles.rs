//! Bundles, made by the program and then bent by hand: entries of the archive, signatures, and what is signed.

use std::fs;
use std::path::{Path, PathBuf};

use pitstop::bundle::archive::{Name, Writer};
use pitstop::bundle::index::Index;
use pitstop::bundle::release::Release;
use pitstop::model::Digest;
use pitstop::trust::{Envelope, PrivateKey, Statement, Subject};
use tar::{EntryType, Header};

use super::levels::level;
use super::{Lab, Pack, file};

/// An entry as it is written, whether a bundle may have it or not.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub kind: EntryType,
    pub link: Option<String>,
    pub bytes: Vec<u8>,
    /// What the header says of the size, if not the truth.
    pub size: Option<u64>,
    pub uid: u64,
    pub mtime: u64,
}

impl Entry {
    pub fn file(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            kind: EntryType::Regular,
            link: None,
            bytes: bytes.to_vec(),
            size: None,
            uid: 0,
            mtime: 0,
        }
    }

    fn header(&self) -> Header {
        let mut header = Header::new_ustar();
        // Names that climb are what the library refuses to write.
        header.as_mut_bytes()[..self.name.len()].copy_from_slice(self.name.as_bytes());
        header.set_entry_type(self.kind);
        if let Some(link) = &self.link {
            header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        }
        header.set_mode(0o644);
        header.set_uid(self.uid);
        header.set_gid(0);
        header.set_mtime(self.mtime);
        header.set_size(self.size.unwrap_or(self.bytes.len() as u64));
        header.set_cksum();
        header
    }
}

/// A bundle in pieces.
#[derive(Clone)]
pub struct Bent {
    pub entries: Vec<Entry>,
    /// What follows the end of the archive.
    pub tail: Vec<u8>,
}

impl Bent {
    pub fn read(path: &Path) -> Self {
        let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            std::io::copy(&mut entry, &mut bytes).unwrap();
            Entry::file(&name, &bytes)
        });
        Self {
            entries: entries.collect(),
            tail: Vec::new(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in &self.entries {
            bytes.extend_from_slice(entry.header().as_bytes());
            bytes.extend_from_slice(&entry.bytes);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes.extend_from_slice(&self.tail);
        bytes
    }

    pub fn entry(&mut self, name: &str) -> &mut Entry {
        self.entries.iter_mut().find(|entry| entry.name == name).unwrap()
    }

    /// The first blob.
    pub fn blob(&mut self) -> &mut Entry {
        self.entries
            .iter_mut()
            .find(|entry| entry.name.starts_with("content/"))
            .unwrap()
    }

    pub fn envelope(&mut self) -> Envelope {
        Envelope::parse(&self.entry("release.json").bytes, "it").unwrap()
    }

    pub fn release(&mut self) -> Release {
        Statement::<Release>::open(&self.envelope().unproven(), "it")
            .unwrap()
            .predicate
    }

    /// Says something else, and signs it.
    pub fn say(&mut self, release: &Release, key: &PrivateKey) {
        let subject = Subject::new(release.name(), &release.to.tree);
        let mut envelope = Statement::new(vec![subject], release.clone()).seal().unwrap();
        envelope.sign(key).unwrap();
        self.entry("release.json").bytes = envelope.to_bytes().unwrap();
    }

    pub fn index(&mut self) -> Index {
        Index::decode(&self.entry("index.zst").bytes).unwrap()
    }

    /// Puts other bytes in the place of the index, and signs them.
    pub fn index_of(&mut self, packed: Vec<u8>, key: &PrivateKey) {
        let release = Release {
            index: Digest::of(&packed),
            ..self.release()
        };
        self.entry("index.zst").bytes = packed;
        self.say(&release, key);
    }

    /// Replaces the stored bytes of a stream that is one blob, and signs that.
    pub fn stream_of(&mut self, stream: usize, stored: Vec<u8>, key: &PrivateKey) {
        let mut index = self.index();
        let number = index.streams[stream].blobs[0];
        let old = index.blobs[number].sha256;
        let new = Digest::of(&stored);
        index.blobs[number].sha256 = new;
        index.blobs[number].size = stored.len() as u64;
        let entry = self.entry(&Name::Blob(old).to_string());
        entry.name = Name::Blob(new).to_string();
        entry.bytes = stored;
        self.index_of(index.encode().unwrap(), key);
    }
}

/// A laboratory that trusts one key with releases, at 1.0.0, and a bundle that leads to 1.1.0.
pub struct Studio {
    pub lab: Lab,
    pub key: PathBuf,
    pub bundle: PathBuf,
}

impl Studio {
    pub fn new() -> Self {
        let lab = super::levels::lab();
        lab.instance("");
        let key = keygen(&lab, "release.pem");
        trust(&lab, "release.pem.pub");
        let bundle = lab.path("to-1.1.0.pitstop");
        create(
            &lab,
            &["1.0.0"],
            "1.1.0",
            &bundle,
            &["--sign", key.to_str().unwrap()],
        );
        Self { lab, key, bundle }
    }

    pub fn private(&self) -> PrivateKey {
        PrivateKey::read(&self.key).unwrap()
    }

    pub fn bent(&self) -> Bent {
        Bent::read(&self.bundle)
    }

    /// A file beside the bundle.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.lab.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// Makes a key; returns the private one's file.
pub fn keygen(lab: &Lab, name: &str) -> PathBuf {
    let path = lab.path(name);
    let made = lab.run(&["trust", "keygen", path.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{}", made.report);
    path
}

/// Lets the host trust a key with releases.
pub fn trust(lab: &Lab, public: &str) {
    fs::create_dir_all(lab.path("config/trust")).unwrap();
    fs::copy(lab.path(public), lab.path("config/trust/release.pem")).unwrap();
    let anchor = "version: 1\nroles:\n  release: {threshold: 1, keys: [release.pem]}\n";
    fs::write(lab.path("config/trust/trust.yaml"), anchor).unwrap();
}

/// Makes a bundle of packs on offer.
#[track_caller]
pub fn create(lab: &Lab, from: &[&str], to: &str, out: &Path, more: &[&str]) -> serde_json::Value {
    let pack = |level: &str| lab.path("packs").join(level);
    let from: Vec<PathBuf> = from.iter().map(|level| pack(level)).collect();
    create_of(lab, &from, &pack(to), out, more)
}

/// Makes a bundle of packs.
#[track_caller]
pub fn create_of(lab: &Lab, from: &[PathBuf], to: &Path, out: &Path, more: &[&str]) -> serde_json::Value {
    let text = |path: &Path| text(path).to_owned();
    let mut args = vec!["bundle".to_owned(), "create".to_owned()];
    match from {
        [] => args.push("--full".to_owned()),
        from => from
            .iter()
            .for_each(|pack| args.extend(["--from".to_owned(), text(pack)])),
    }
    args.extend([
        "--to".to_owned(),
        text(to),
        "--out".to_owned(),
        out.to_str().unwrap().to_owned(),
    ]);
    let args: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    let made = lab.run(&args);
    assert_eq!(made.code, Some(0), "{:#}\n{}", made.report, made.stderr);
    made.report
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A laboratory whose packs also hold a large file that each level changes a little.
pub fn heavy() -> Lab {
    let lab = Lab::new(&heavy_level("1.0.0", "4"));
    for (version, threads) in [("1.0.0", "4"), ("1.1.0", "8"), ("1.2.0", "16")] {
        lab.offer(version, &heavy_level(version, threads));
    }
    lab.run(&["adopt", "lab", "--pristine", text(&lab.path("packs"))])
        .expect(0, "adopted");
    lab
}

fn heavy_level(version: &str, threads: &str) -> Pack {
    let mut pack = level(version, threads);
    let mut noise = noise(200_000);
    noise[100_000..100_000 + version.len()].copy_from_slice(version.as_bytes());
    pack.insert("lib/heavy.jar".to_owned(), file(noise));
    pack
}

/// Bytes that do not pack.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Makes a bundle of packs on offer in the folder for bundles; its path, and what was said.
pub fn bundle(lab: &Lab, from: &[&str], to: &str, more: &[&str]) -> (PathBuf, serde_json::Value) {
    let name = format!("{}-{to}.pitstop", from.join("+"));
    let folder = lab.path("bundles");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let report = create(lab, from, to, &path, more);
    (path, report)
}

/// An archive of entries that are what they say.
pub fn written(entries: &[(Name, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Path::new("it"));
    for (name, bytes) in entries {
        writer.add(name, bytes).unwrap();
    }
    writer.finish().unwrap()
}
