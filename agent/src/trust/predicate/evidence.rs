//! Evidence: what was tested on which host, and how it went. An in-toto test result, with what pitstop needs beside it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Digest, Level};
use crate::trust::Predicate;

/// A test result, <https://in-toto.io/attestation/test-result/v0.1>, about the pristine tree of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// How it went as a whole.
    pub result: Outcome,
    /// What was tested besides the subject.
    pub configuration: Vec<Resource>,
    /// Tests that passed.
    #[serde(default)]
    pub passed_tests: Vec<String>,
    /// Tests that failed without consequences.
    #[serde(default)]
    pub warned_tests: Vec<String>,
    /// Tests that failed.
    #[serde(default)]
    pub failed_tests: Vec<String>,
    /// Where it was tested and what else ran there; absent in the results of others, which count for no environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitstop: Option<Tested>,
}

impl Predicate for Evidence {
    const TYPE: &'static str = "https://in-toto.io/attestation/test-result/v0.1";
    const WHAT: &'static str = "a test result";
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// Everything passed.
    Passed,
    /// What had to pass did.
    Warned,
    /// Something failed that had to pass.
    Failed,
}

/// Something with a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its digests, by algorithm.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
}

/// Where it was tested, and what exactly ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The environment.
    pub environment: String,
    /// The host.
    pub host: String,
    /// The instance.
    pub instance: String,
    /// All instances that the host had then, also those that were not tested; empty if that was not told. An instance that
    /// is not among those of a later result is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
    /// When the tests ended.
    pub at: Timestamp,
    /// The product.
    pub product: String,
    /// The level.
    pub level: Level,
    /// The hotfixes that were on, the oldest first.
    #[serde(default)]
    pub hotfixes: Vec<String>,
    /// How many of the vendor's files were not as in the release.
    #[serde(default)]
    pub deviations: u64,
    /// Names the configuration files as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Digest>,
    /// Names what people decided about conflicts of this product, as far as the host remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolutions: Option<Digest>,
    /// The agent's version.
    pub agent: String,
    /// What was run, in order: `checks` are the verify verb's own.
    pub suites: Vec<Suite>,
}

/// A suite of tests, and how many of them went how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Whether it had to pass.
    pub required: bool,
    /// Whether it did.
    pub ok: bool,
    /// How many tests passed.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were skipped.
    pub skipped: u64,
}
