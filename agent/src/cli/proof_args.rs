//! Tests and evidence of `verify` on the command line.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::sign_args::SignArgs;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::load::{self, ConfigDirs};
use crate::verb::verify::{ProofOptions, SuiteOptions};

/// What is run and left behind besides the report.
#[derive(Debug, Clone, ClapArgs)]
pub struct ProofArgs {
    /// Run the tests in `verify.d`, and write what was checked and tested into this file, signed
    #[arg(long, value_name = "FILE", requires = "sign", conflicts_with = "all")]
    evidence: Option<PathBuf>,
    /// The environment that the evidence is from; the host's own without it
    #[arg(long, value_name = "NAME", requires = "evidence")]
    environment: Option<String>,
    /// Run these tests too: a folder with `required` and `wanted`, a program, or a line for the shell, as NAME=LINE if it
    /// is to have a name; once for each. They run as the user that the server runs as, and write JUnit's XML into
    /// $PITSTOP_RESULTS or TAP to standard output, or only end well
    #[arg(long, value_name = "DIR|COMMAND")]
    suite: Vec<String>,
    /// Seconds for which a suite of tests may run
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    suite_timeout_s: u64,
    #[command(flatten)]
    sign: SignArgs,
}

impl ProofArgs {
    /// The suites that are to run; none where nobody asked for any, or for evidence.
    pub fn suites(&self) -> Option<SuiteOptions> {
        (self.evidence.is_some() || !self.suite.is_empty()).then(|| SuiteOptions {
            asked: self.suite.clone(),
            timeout_s: self.suite_timeout_s,
        })
    }

    /// The evidence that is to be left.
    ///
    /// # Errors
    /// `usage`: a key is named and nothing to sign; or as [`SignArgs::required`] and [`load::load_all`].
    pub fn proof(&self, dirs: &ConfigDirs) -> Result<Option<ProofOptions>> {
        if self.evidence.is_none() && self.sign.sign.is_some() {
            let message = "a key is named, and nothing that it is to sign";
            return Err(Failure::new(ErrorKind::Usage, message)
                .hint("name the file that gets the evidence with --evidence"));
        }
        let proof = |out: &PathBuf| {
            Ok(ProofOptions {
                out: out.clone(),
                with: self.sign.required()?,
                environment: self.environment.clone(),
                instances: instances(dirs)?,
            })
        };
        self.evidence.as_ref().map(proof).transpose()
    }
}

/// The instances of this host; none if a file of one cannot be understood, which may be any.
fn instances(dirs: &ConfigDirs) -> Result<Vec<String>> {
    let loaded = load::load_all(dirs)?;
    let known = loaded.iter().all(|one| one.settings.is_ok());
    let names = loaded.into_iter().map(|one| one.name);
    Ok(names.filter(|_| known).collect())
}
