//! `trust` on the command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::sign_args::SignArgs;
use crate::model::Digest;
use crate::trust::predicate::ApprovalKind;
use crate::verb::trust::Approve;

/// What can be done about who is believed.
#[derive(Debug, Clone, Subcommand)]
pub enum Trust {
    /// Make a pair of keys: FILE for its owner only, and FILE.pub
    Keygen {
        /// The private key's file
        file: PathBuf,
    },
    /// Show whom this host believes about what
    Show,
    /// Follow a signed trust document from now on
    ///
    /// It has to be signed by those who have the role `trust` now and, where it gives the role to others, by these too. Its
    /// version has to be higher than that of all before.
    Update {
        /// The document
        file: PathBuf,
    },
    /// Make a signed trust document of a file that is like `trust.yaml`
    Document {
        /// The file
        from: PathBuf,
        /// The file that gets the document
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        sign: SignArgs,
    },
    /// Add a signature to a trust document, an approval, or whatever else others signed already
    Sign {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        sign: SignArgs,
    },
    /// Sign an approval of a release or a hotfix
    Approve(ApproveArgs),
}

/// What is approved.
#[derive(Debug, Clone, ClapArgs)]
pub struct ApproveArgs {
    /// The digest of the release's tree, as `check` and `bundle inspect` show it; of a hotfix, the SHA-256 of its file
    subject: Digest,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Until when it is good: a moment such as 2026-12-01T08:00:00Z, or a time from now on such as 2d
    #[arg(long, value_name = "WHEN")]
    expires: String,
    /// Override what the policy demands, in an emergency
    #[arg(long)]
    break_glass: bool,
    /// Only for this instance; once for each
    #[arg(long, value_name = "NAME")]
    instance: Vec<String>,
    /// The file that gets the approval
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    pub sign: SignArgs,
}

impl From<ApproveArgs> for Approve {
    fn from(args: ApproveArgs) -> Self {
        Self {
            subject: args.subject,
            reason: args.reason,
            expires: args.expires,
            kind: match args.break_glass {
                true => ApprovalKind::BreakGlass,
                false => ApprovalKind::Approval,
            },
            instances: args.instance,
            out: args.out,
        }
    }
}
