//! `trust`: dispatch and printing.

use serde::Serialize;

use crate::api::Result;
use crate::api::trust::TrustReport;
use crate::verb;

use super::args::Args;
use super::show;
use super::trust_args::Trust;

/// Runs one of the verbs.
pub fn trust(args: &Args, what: &Trust) -> Result<u8> {
    match what {
        Trust::Keygen { file } => {
            let report = verb::trust::keygen(file)?;
            print(args, &report, &report.message)
        }
        Trust::Show => print_trust(args, &verb::trust::show(&args.dirs())?),
        Trust::Update { file } => print_trust(args, &verb::trust::update(&args.dirs(), file)?),
        Trust::Document { from, out, sign } => {
            let report = verb::trust::document(from, out, &sign.required()?)?;
            print(args, &report, &report.message)
        }
        Trust::Sign { file, sign } => {
            let report = verb::trust::sign(file, &sign.required()?)?;
            print(args, &report, &report.message)
        }
        Trust::Approve(what) => {
            let report = verb::trust::approve(what.clone().into(), &what.sign.required()?)?;
            print(args, &report, &report.message)
        }
    }
}

/// One document, or one sentence.
pub(super) fn print(args: &Args, report: &impl Serialize, message: &str) -> Result<u8> {
    show(args, report, &format!("{message}\n"))
}

fn print_trust(args: &Args, report: &TrustReport) -> Result<u8> {
    let mut text = report.message.clone();
    for role in &report.roles {
        text += &format!("\n  {:<20} {} of", role.role, role.threshold);
        for key in &role.keys {
            text += &format!("\n    {} {}", key.id, key.owner.as_deref().unwrap_or_default());
        }
    }
    for key in &report.revoked {
        text += &format!("\n  revoked {key}");
    }
    if let Some(expires) = &report.expires {
        text += &format!("\n  expires {expires}, now {}", report.now);
    }
    print(args, report, &text)
}
