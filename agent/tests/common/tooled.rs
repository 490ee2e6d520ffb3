//! A laboratory with a stand-in of the vendor's update tool: `tests/vendor-tool`. It needs python3.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Lab, tree};

pub const TOML: &str = "repository/conf/deployment.toml";
pub const LOG4J: &str = "repository/conf/log4j2.properties";
pub const PAGE: &str = "repository/deployment/server/webapps/page.jag";
pub const KEYSTORE: &str = "repository/resources/security/wso2carbon.jks";
/// Bundles of the pack that was never updated. The first has another name from level 1 on, the other one never changes.
pub const CORE: &str = "repository/components/plugins/org.demo.core_1.0.0.jar";
pub const API: &str = "repository/components/plugins/org.demo.api_2.1.0.jar";
/// What a hotfix adds.
pub const ADDED: &str = "repository/components/plugins/org.demo.added_1.0.0.jar";
pub const CONFIG: &str = "updates/config.json";
/// The level that the laboratory goes to unless a test says otherwise.
pub const GOAL: &str = "4.2.0.4";
pub const PASSWORD: &str = "pw$1";
/// Where the caller's environment has the login.
pub const LOGIN: [(&str, &str); 2] = [
    ("UPDATE_TOOL_USERNAME", "user@example.com"),
    ("UPDATE_TOOL_PASSWORD", PASSWORD),
];

/// Path → content and permission bits.
pub type Product = BTreeMap<String, (Vec<u8>, u32)>;

impl Lab {
    /// A pack that was never updated, adopted with its pristine tree.
    pub fn tooled() -> Self {
        Self::tooled_by(&["1.5.0"])
    }

    /// The same, where the service offers other versions of the tool.
    pub fn tooled_by(versions: &[&str]) -> Self {
        let lab = Self::unadopted(versions);
        lab.run(&[
            "adopt",
            "lab",
            "--pristine",
            lab.path("pristine/0").to_str().unwrap(),
        ])
        .expect(0, "adopted");
        lab
    }

    pub fn unadopted(versions: &[&str]) -> Self {
        let lab = Self {
            dir: TempDir::new().unwrap(),
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vendor-tool/lab.py");
        let made = Command::new("python3")
            .arg("-B")
            .arg(script)
            .arg(lab.dir.path())
            .args(versions)
            .status();
        assert!(made.expect("python3 is needed").success());
        fs::create_dir_all(lab.path("config/instances.d")).unwrap();
        let login = lab.path("login.yaml");
        fs::write(
            &login,
            format!("username: user@example.com\npassword: '{PASSWORD}'\n"),
        )
        .unwrap();
        fs::set_permissions(&login, fs::Permissions::from_mode(0o600)).unwrap();
        lab.configure("{credentials: {file: ../../login.yaml}, timeout_s: 60}");
        lab
    }

    /// What the operator does to the log's configuration; the vendor changes another key of it.
    pub fn log_to_file(&self) {
        let theirs = self.read(LOG4J).replace("appender = console", "appender = file");
        self.write(LOG4J, &theirs);
    }

    /// Writes the instance's file, with this configuration of the tool.
    pub fn configure(&self, tool: &str) {
        let home = self.home();
        let text = format!(
            "name: lab\nproduct: wso2am\nhome: {}\nsource: {{vendor-tool: {tool}}}\n",
            home.display()
        );
        fs::write(self.path("config/instances.d/lab.yaml"), text).unwrap();
    }

    /// An update in a file, made by the tool on a copy of the pack, as on a host with a way to the vendor.
    pub fn offline(&self, from: &str, to: &str) -> PathBuf {
        let copy = self.path("connected");
        let _ = fs::remove_dir_all(&copy);
        let copied = Command::new("cp").arg("-a").arg(self.home()).arg(&copy).status();
        assert!(copied.unwrap().success());
        let made = self
            .tool_in(&copy, &["create-update", "-s", from, "-e", to])
            .status();
        assert!(made.unwrap().success());
        copy.join(format!("bin/wso2am-4.2.0.{from}-4.2.0.{to}.zip"))
    }

    /// The tool as a person runs it in a pack.
    pub fn tool_in(&self, pack: &Path, args: &[&str]) -> Command {
        let bin = pack.join("bin");
        let mut tool = Command::new(bin.join("wso2update_linux"));
        tool.args(args)
            .current_dir(bin)
            .env("HOME", self.dir.path())
            .envs(LOGIN)
            .stdout(Stdio::null());
        tool
    }

    /// Sets knobs and faults of the stand-in.
    pub fn knobs(&self, knobs: &Value) {
        self.knobs_kept(knobs);
        let _ = fs::remove_dir_all(self.path("service/marks"));
    }

    /// The same; the folder of marks stays whose it is.
    pub fn knobs_kept(&self, knobs: &Value) {
        fs::write(self.path("service/knobs.json"), knobs.to_string()).unwrap();
    }

    /// Waits until the stand-in says that it is at a place.
    pub fn until_tool_is_at(&self, place: &str) {
        let (mark, began) = (
            self.path("service/marks").join(format!("at.{place}")),
            Instant::now(),
        );
        // It is there before its content is.
        while !fs::read_to_string(&mark).is_ok_and(|pid| pid.ends_with('\n')) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "the tool never came to {place}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the tool said in runs that others may go on beside.
    pub fn logs_beside(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("state/instances/lab")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with("vendor-tool-")
            })
            .collect()
    }

    /// What the vendor's tree is at a level.
    pub fn vendor(&self, level: &str) -> Product {
        product(&self.path("pristine").join(level))
    }

    /// What is of the product in the home.
    pub fn product(&self) -> Product {
        product(&self.home())
    }

    pub fn config_json(&self) -> Value {
        serde_json::from_slice(&fs::read(self.home().join(CONFIG)).unwrap_or_default()).unwrap_or(json!({}))
    }

    /// Everything that pitstop keeps or says, to look for secrets in.
    pub fn kept(&self) -> String {
        let state = tree(&self.path("state"));
        let texts = state
            .values()
            .map(|bits| String::from_utf8_lossy(&bits.content).into_owned());
        let home = self.home().join(CONFIG);
        texts
            .chain([fs::read_to_string(home).unwrap_or_default()])
            .collect()
    }
}

/// The product's files, without the tool and what is the tool's own.
pub fn product(home: &Path) -> Product {
    let is_products = |path: &String| {
        !path.starts_with("bin/wso2update")
            && path != "wso2carbon.pid"
            && (!path.starts_with("updates/") || path == "updates/product.txt")
    };
    tree(home)
        .into_iter()
        .filter(|(path, bits)| bits.kind == 'f' && is_products(path))
        .map(|(path, bits)| (path, (bits.content, bits.mode)))
        .collect()
}

/// The paths in which two products differ.
pub fn differing(a: &Product, b: &Product) -> Vec<String> {
    let paths: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    paths
        .into_iter()
        .filter(|path| a.get(*path) != b.get(*path))
        .cloned()
        .collect()
}
