//! Hotfixes in the laboratory with a stand-in of the vendor's update tool.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::tooled::{ADDED, API, CORE, KEYSTORE, LOG4J, TOML};
use super::{Answer, Lab};

pub const REVERT: &[&str] = &["hotfix", "revert", "lab"];
pub const FIRST: &str = "wso2am-4.2.0-abc-hf-1.zip";
pub const SECOND: &str = "wso2am-4.2.0-abc-hf-2.zip";

/// The names of the hotfixes that are on after a run.
pub fn on(answer: &Answer) -> Vec<String> {
    let views = answer.report["after"]["hotfixes"].as_array();
    let name = |view: &serde_json::Value| view["name"].as_str().unwrap().to_owned();
    views.map_or_else(Vec::new, |views| views.iter().map(name).collect())
}

/// What a plan does with hotfixes, as `op name`.
pub fn planned(answer: &Answer) -> Vec<String> {
    let steps = answer.report["plan"]["hotfixes"].as_array();
    let word = |step: &serde_json::Value| {
        format!(
            "{} {}",
            step["op"].as_str().unwrap(),
            step["name"].as_str().unwrap()
        )
    };
    steps.map_or_else(Vec::new, |steps| steps.iter().map(word).collect())
}

/// What verification finds wrong with the vendor's files, whatever else it finds.
pub fn integrity(lab: &Lab) -> Option<String> {
    let verified = lab.run(&["verify", "lab", "--deep"]);
    let probes = verified.report["probes"].as_array().unwrap().clone();
    let probe = probes
        .into_iter()
        .find(|probe| probe["kind"] == "integrity")
        .unwrap();
    (probe["ok"] == false).then(|| probe["detail"].as_str().unwrap().to_owned())
}

/// What the operator does on a server with hotfixes.
pub fn edit(lab: &Lab) {
    lab.write(TOML, &lab.read(TOML).replace("localhost", "am.example.com"));
    lab.log_to_file();
    lab.write(KEYSTORE, "the customer's");
}

pub fn edits_are_there(lab: &Lab) {
    assert!(lab.read(TOML).contains("am.example.com"));
    assert!(lab.read(LOG4J).contains("appender = file"), "{}", lab.read(LOG4J));
    assert_eq!(lab.read(KEYSTORE), "the customer's");
}

pub fn hotfixed() -> Lab {
    let lab = Lab::tooled();
    for hotfix in lab.two_hotfixes() {
        lab.apply(&hotfix).expect(0, "hotfix-applied");
    }
    lab
}

impl Lab {
    /// The vendor's hotfix of this number for an update level of the product, which brings these files.
    pub fn hotfix(&self, level: u32, number: u32, files: &[(&str, &str)]) -> PathBuf {
        let script = "import json, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import catalogue; \
                      files = {path: text.encode() for path, text in json.loads(sys.argv[5])}; \
                      print(catalogue.hotfix(Path(sys.argv[2]), 'wso2am-4.2.0', int(sys.argv[3]), int(sys.argv[4]), files))";
        let made = Command::new("python3")
            .args(["-B", "-c", script])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vendor-tool"))
            .arg(self.path(&format!("fixes-{level}")))
            .args([level.to_string(), number.to_string(), json!(files).to_string()])
            .output()
            .expect("python3 is needed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim_end().into()
    }

    /// Applies a hotfix.
    pub fn apply(&self, hotfix: &Path) -> Answer {
        self.run(&["hotfix", "apply", "lab", hotfix.to_str().unwrap()])
    }

    /// Two hotfixes for the pack that was never updated: of jars, of a page, of configuration; the second builds on the first.
    pub fn two_hotfixes(&self) -> [PathBuf; 2] {
        let log4j = self.read(LOG4J).replace("level = INFO", "level = TRACE");
        let first = self.hotfix(0, 1, &[(CORE, "core, fixed"), (LOG4J, &log4j), (ADDED, "added")]);
        let second = self.hotfix(0, 2, &[(CORE, "core, fixed better"), (API, "api, fixed")]);
        [first, second]
    }
}
