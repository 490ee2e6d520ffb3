//! `trust`: dispatch and printing.

use crate::api::Result;
use crate::api::trust::KeyReport;
use crate::verb;

use super::args::Args;
use super::trust_args::Trust;
use super::{print_json, print_text};

/// Runs one of the verbs.
pub fn trust(args: &Args, what: &Trust) -> Result<u8> {
    match what {
        Trust::Keygen { file } => print_key(args, &verb::trust::keygen(file)?),
    }
}

fn print_key(args: &Args, report: &KeyReport) -> Result<u8> {
    match args.wants_json() {
        true => print_json(report)?,
        false => print_text(&format!("{}\n", report.message))?,
    }
    Ok(0)
}
