//! A laboratory for tests of the program as a process: packs, an instance, a clean environment, trees compared to the
//! last bit.
#![allow(dead_code, reason = "every test binary uses its own part of the laboratory")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests prepare and inspect what the program must not touch"
)]
#![allow(missing_docs, reason = "test code")]

pub mod bundles;
pub mod configured;
pub mod conflicts;
pub mod fleetlock;
pub mod gated;
pub mod host;
pub mod hotfixes;
pub mod levels;
pub mod ports;
pub mod scenario;
pub mod served;
pub mod switches;
pub mod tooled;
pub mod trusted;
pub mod web;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a test pack consists of.
#[derive(Clone)]
pub enum Item {
    File(Vec<u8>, u32),
    Dir(u32),
    Link(&'static str),
}

pub type Pack = BTreeMap<String, Item>;

pub fn file(content: impl Into<Vec<u8>>) -> Item {
    Item::File(content.into(), 0o644)
}

pub fn script(content: impl Into<Vec<u8>>) -> Item {
    Item::File(content.into(), 0o755)
}

pub fn pack(items: &[(&str, Item)]) -> Pack {
    items
        .iter()
        .map(|(path, item)| ((*path).to_owned(), item.clone()))
        .collect()
}

pub fn write_pack(dir: &Path, pack: &Pack) {
    for (path, item) in pack {
        let at = dir.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        match item {
            Item::File(content, mode) => {
                fs::write(&at, content).unwrap();
                fs::set_permissions(&at, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Item::Dir(mode) => {
                fs::create_dir_all(&at).unwrap();
                fs::set_permissions(&at, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Item::Link(target) => symlink(target, &at).unwrap(),
        }
    }
}

/// One path, to the last bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    pub kind: char,
    pub mode: u32,
    pub owner: (u32, u32),
    pub content: Vec<u8>,
    pub attributes: Vec<(String, Vec<u8>)>,
    /// Nanoseconds; compared only where a test says so, because a changed file has a new time.
    pub mtime: i128,
}

pub type Tree = BTreeMap<String, Bits>;

/// The tree below a directory, our own folders left out.
pub fn tree(dir: &Path) -> Tree {
    let mut found = Tree::new();
    read_tree(dir, dir, &mut found);
    found
}

fn read_tree(root: &Path, dir: &Path, found: &mut Tree) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.file_name().is_some_and(|name| name == ".pitstop") {
            continue;
        }
        let meta = fs::symlink_metadata(&path).unwrap();
        let (kind, content) = match meta.file_type() {
            kind if kind.is_symlink() => (
                'l',
                fs::read_link(&path)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .as_bytes()
                    .to_vec(),
            ),
            kind if kind.is_dir() => ('d', Vec::new()),
            _ => ('f', fs::read(&path).unwrap()),
        };
        let attributes = if kind == 'l' {
            Vec::new()
        } else {
            let names = xattr::list(&path).unwrap();
            names
                .map(|n| {
                    (
                        n.to_str().unwrap().to_owned(),
                        xattr::get(&path, &n).unwrap().unwrap_or_default(),
                    )
                })
                .collect()
        };
        let mtime = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        let bits = Bits {
            kind,
            mode: meta.mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
            content,
            attributes,
            mtime,
        };
        found.insert(name, bits);
        if kind == 'd' {
            read_tree(root, &path, found);
        }
    }
}

/// The tree without the times of directories and of the given paths: what must be equal between two runs.
pub fn settled(tree: &Tree, changed: &[&str]) -> Tree {
    let forget =
        |path: &String, bits: &Bits| bits.kind == 'd' || bits.kind == 'l' || changed.contains(&path.as_str());
    tree.iter()
        .map(|(path, bits)| {
            let mtime = if forget(path, bits) { 0 } else { bits.mtime };
            (
                path.clone(),
                Bits {
                    mtime,
                    ..bits.clone()
                },
            )
        })
        .collect()
}

/// What differs between two trees, for messages.
pub fn difference(a: &Tree, b: &Tree) -> String {
    let paths: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let different = paths.into_iter().filter(|path| a.get(*path) != b.get(*path));
    different
        .map(|path| format!("{path}: {:?} / {:?}\n", a.get(path), b.get(path)))
        .collect()
}

/// The program's answer.
pub struct Answer {
    pub code: Option<i32>,
    pub report: Value,
    pub stderr: String,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, code: i32, status: &str) -> Self {
        let found = self.report["status"].as_str().unwrap_or_default();
        assert_eq!(
            (self.code, found),
            (Some(code), status),
            "{:#}\n{}",
            self.report,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn refused(self, code: i32, kind: &str) -> Self {
        let found = self.report["error"]["kind"].as_str().unwrap_or_default();
        assert_eq!(
            (self.code, found),
            (Some(code), kind),
            "{:#}\n{}",
            self.report,
            self.stderr
        );
        self
    }

    pub fn changed(&self) -> bool {
        self.report["changed"].as_bool().unwrap()
    }

    pub fn message(&self) -> &str {
        self.report["message"].as_str().unwrap()
    }
}

/// Runs the program to its end.
pub fn answer(command: &mut Command) -> Answer {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    assert!(
        output.status.code().is_none() || !report.is_null(),
        "no report: {stderr}"
    );
    Answer {
        code: output.status.code(),
        report,
        stderr,
    }
}

/// A home, an instance `lab`, and folders for settings, state and packs, all private to one test.
pub struct Lab {
    pub dir: TempDir,
}

const PROFILE: &str = r#"
name: lab
title: Laboratory server
detect: [{file: VERSION}]
level: {parts: [{file: VERSION, regex: '^([0-9a-z.-]+)'}]}
ownership:
  - {class: state, paths: ['data/**', 'log/**']}
  - {class: generated, paths: ['conf/generated.*']}
  - {class: config, paths: ['conf/**']}
  - {class: customer, paths: ['custom/**', 'lib/ext-*.jar']}
  - {class: vendor, paths: ['VERSION', 'bin/**', 'lib/**', 'web/**', 'doc/**', 'swap', 'swap/**', 'paws', 'paws/**', 'current']}
disk: {factor: 1.0, extra_bytes: 0}
"#;

impl Lab {
    /// A laboratory whose home is `old` as the vendor shipped it.
    pub fn new(old: &Pack) -> Self {
        Self::new_in(TempDir::new().unwrap(), old)
    }

    /// The same in a folder of one's own.
    pub fn new_in(dir: TempDir, old: &Pack) -> Self {
        let lab = Self { dir };
        fs::create_dir_all(lab.path("config/instances.d")).unwrap();
        fs::create_dir_all(lab.path("products/lab")).unwrap();
        fs::write(lab.path("products/lab/product.yaml"), PROFILE).unwrap();
        fs::write(
            lab.path("config/pitstop.yaml"),
            format!("products: {}\n", lab.path("products").display()),
        )
        .unwrap();
        write_pack(&lab.home(), old);
        lab.instance("");
        lab
    }

    /// Changes the profile.
    pub fn profile(&self, change: impl FnOnce(&str) -> String) {
        let file = self.path("products/lab/product.yaml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, change(&text)).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Writes the instance's file, with more lines.
    pub fn instance(&self, more: &str) {
        let text = format!("name: lab\nproduct: lab\nhome: {}\n{more}", self.home().display());
        fs::write(self.path("config/instances.d/lab.yaml"), text).unwrap();
    }

    /// Writes a pack into the folder of packs.
    pub fn offer(&self, name: &str, pack: &Pack) -> PathBuf {
        let dir = self.path("packs").join(name);
        write_pack(&dir, pack);
        dir
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pitstop"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PITSTOP_CONFIG_DIR", self.path("config"))
            .env("PITSTOP_STATE_DIR", self.path("state"))
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Starts the program and leaves its output to be read.
    pub fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts a line of the shell, in which the program is called, on a terminal of its own, which `script` makes.
    pub fn spawn_on_terminal(&self, options: &[&str], line: &str) -> Child {
        let like = self.command(&[]);
        Command::new("script")
            .args(options)
            .args(["--quiet", "--command", line, "/dev/null"])
            .envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The program with its environment as a line for the shell.
    pub fn line(&self, args: &[&str]) -> String {
        let command = self.command(args);
        let env = command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        let env = env.map(|(name, value)| format!("{}={}", name.display(), value.display()));
        let words = env.chain([env!("CARGO_BIN_EXE_pitstop").to_owned()]);
        let words = words.chain(args.iter().map(|arg| (*arg).to_owned()));
        format!("env {}", words.collect::<Vec<_>>().join(" "))
    }

    pub fn run(&self, args: &[&str]) -> Answer {
        self.run_with(args, &[])
    }

    pub fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Answer {
        answer(self.command(args).envs(env.iter().copied()))
    }

    pub fn tree(&self) -> Tree {
        tree(&self.home())
    }

    pub fn write(&self, path: &str, content: &str) {
        let at = self.home().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, content).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.home().join(path)).unwrap()
    }

    pub fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(self.home().join(path)).is_ok()
    }

    /// What is in our folder in the home, and with the whole path what is in those on mounts inside it.
    pub fn leftovers(&self) -> Vec<String> {
        let dirs = self.tree().into_iter().filter(|(_, bits)| bits.kind == 'd');
        let tops = dirs.map(|(path, _)| format!("{path}/.pitstop"));
        let mut found = Vec::new();
        for (own, prefix) in tops
            .map(|own| (own.clone(), own + "/"))
            .chain([(".pitstop".into(), String::new())])
        {
            let at = self.home().join(&own);
            if at.exists() {
                found.extend(tree(&at).into_keys().map(|path| format!("{prefix}{path}")));
            }
        }
        found
    }

    /// A copy of everything that a run may change, to begin again from.
    pub fn save(&self) -> Saved {
        let copy = TempDir::new_in(self.dir.path()).unwrap();
        self.copy(&["home", "state"], self.dir.path(), copy.path());
        Saved { copy }
    }

    pub fn restore(&self, saved: &Saved) {
        for name in ["home", "state"] {
            let _ = fs::remove_dir_all(self.path(name));
        }
        self.copy(&["home", "state"], saved.copy.path(), self.dir.path());
    }

    fn copy(&self, names: &[&str], from: &Path, to: &Path) {
        for name in names.iter().filter(|name| from.join(name).exists()) {
            let status = Command::new("cp")
                .arg("-a")
                .arg(from.join(name))
                .arg(to)
                .status()
                .unwrap();
            assert!(status.success());
        }
    }
}

/// See [`Lab::save`].
pub struct Saved {
    copy: TempDir,
}
