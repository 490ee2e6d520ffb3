//! `bundle` on the command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::sign_args::SignArgs;
use crate::api::Result;
use crate::bundle::index::ExtraKind;
use crate::verb::bundle::{Create, What};

/// What can be done with bundles: one signed file that carries an update to hosts without a network.
#[derive(Debug, Clone, Subcommand)]
pub enum Bundle {
    /// Make a pair of Ed25519 keys: FILE signs bundles, FILE.pub is for the hosts that verify them; as `trust keygen` does
    Keygen {
        /// The private key's file
        file: PathBuf,
    },
    /// Make a bundle that leads from one pack, or from several, to another
    ///
    /// The same packs, options and keys give the same bytes.
    Create(Box<CreateArgs>),
    /// Show what a bundle holds, whoever signed it
    Inspect {
        /// The bundle
        bundle: PathBuf,
    },
    /// Prove that a bundle is signed by whom this host trusts, and that all of it is what was signed
    Verify {
        /// The bundle
        bundle: PathBuf,
    },
    /// Take out of a bundle what travels with the update: decisions, hotfixes, manual steps, the agent
    Extract {
        /// The bundle, which must be signed by whom this host trusts
        bundle: PathBuf,
        /// The folder to write to
        #[arg(long, short, value_name = "DIR")]
        out: PathBuf,
    },
    /// Add signatures to a bundle; its content stays as it is
    Sign {
        /// The bundle
        bundle: PathBuf,
        #[command(flatten)]
        sign: SignArgs,
    },
    /// Add signed statements to a bundle: evidence, scan results, approvals; its content stays as it is
    Attach {
        /// The bundle
        bundle: PathBuf,
        /// The statements, each in its signed envelope
        #[arg(required = true)]
        statements: Vec<PathBuf>,
    },
    /// Cut a bundle into parts for media that are smaller, with a list of them beside it
    Split {
        /// The bundle
        bundle: PathBuf,
        /// The largest size of a part, such as 4G or 700M
        #[arg(long, value_parser = size)]
        size: u64,
    },
    /// List the bundles in a folder, for a web server that is the source of instances
    ///
    /// Writes `bundles.list` beside them. An instance has them as its source by `source: https://HOST/FOLDER`.
    Publish {
        /// The folder with bundles, named `….pitstop`
        folder: PathBuf,
    },
    /// Put the parts of a bundle together again, and prove that they are what was cut
    Join {
        /// The list of the parts, `….parts`; they lie beside it
        list: PathBuf,
        /// The bundle to write
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
}

/// What to make.
#[derive(Debug, Clone, ClapArgs)]
pub struct CreateArgs {
    /// A pristine pack where hosts may start; several are allowed
    ///
    /// An archive, a directory, or PRODUCT-LEVEL such as flink-1.20.0: then it is looked for in the folder that --packs names, and
    /// in the packs that the instances of this machine have as their source.
    #[arg(long, value_name = "PACK", required_unless_present_any = ["full", "receipts"], conflicts_with = "full")]
    from: Vec<PathBuf>,
    /// A receipt of a host that it is for: it starts where that host stands, and brings whole what that host changed
    #[arg(
        long = "for",
        id = "receipts",
        value_name = "RECEIPT",
        conflicts_with = "full"
    )]
    receipts: Vec<PathBuf>,
    /// A folder with pristine packs, of which those are taken that are named, and where the hosts of receipts stand
    #[arg(long, value_name = "DIR")]
    packs: Option<PathBuf>,
    /// The pristine pack that it leads to, as with --from
    #[arg(long, value_name = "PACK")]
    to: PathBuf,
    /// The product, where the packs do not tell it
    #[arg(long)]
    product: Option<String>,
    /// Hold the whole pack, for hosts that start anywhere
    #[arg(long)]
    full: bool,
    /// Let these paths travel as a whole too, for hosts that changed them: a glob such as `lib/**`
    #[arg(long, value_name = "GLOB")]
    whole: Vec<String>,
    /// Decisions about conflicts that travel with it, as `conflicts export` writes them
    #[arg(long, value_name = "FILE")]
    resolutions: Vec<PathBuf>,
    /// A hotfix that travels with it
    #[arg(long, value_name = "FILE")]
    hotfix: Vec<PathBuf>,
    /// What the update leaves to a person, as text
    #[arg(long, value_name = "FILE")]
    manual_steps: Vec<PathBuf>,
    /// The agent itself, for hosts with an older one
    #[arg(long, value_name = "FILE")]
    with_agent: Option<PathBuf>,
    /// When it counts as made, such as 2026-12-01T08:00:00Z: hosts without a clock learn the time from it. It says nothing of
    /// it without this, since the same packs, options and keys give the same bytes
    #[arg(long, value_name = "TIME")]
    made: Option<jiff::Timestamp>,
    /// After this it is not to be used, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    expires: Option<String>,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    sign: SignArgs,
}

impl CreateArgs {
    fn options(self) -> Result<Create> {
        let all = |kind, files: Vec<PathBuf>| files.into_iter().map(move |file| (kind, file));
        let extras = all(ExtraKind::Resolutions, self.resolutions)
            .chain(all(ExtraKind::Hotfix, self.hotfix))
            .chain(all(ExtraKind::ManualSteps, self.manual_steps))
            .chain(self.with_agent.map(|file| (ExtraKind::Agent, file)));
        Ok(Create {
            extras: extras.collect(),
            from: self.from,
            receipts: self.receipts,
            packs: self.packs,
            to: self.to,
            product: self.product,
            whole: self.whole,
            made: self.made,
            expires: self.expires,
            sign: self.sign.with()?,
            out: self.out,
        })
    }
}

impl Bundle {
    /// What is asked for.
    ///
    /// # Errors
    /// `usage`: who is to sign cannot be reached.
    pub fn what(self) -> Result<What> {
        Ok(match self {
            Self::Keygen { file } => What::Keygen(file),
            Self::Create(args) => What::Create(Box::new(args.options()?)),
            Self::Inspect { bundle } => What::Inspect(bundle),
            Self::Verify { bundle } => What::Verify(bundle),
            Self::Extract { bundle, out } => What::Extract(bundle, out),
            Self::Sign { bundle, sign } => What::Sign(bundle, sign.required()?),
            Self::Attach { bundle, statements } => What::Attach(bundle, statements),
            Self::Split { bundle, size } => What::Split(bundle, size),
            Self::Join { list, out } => What::Join(list, out),
            Self::Publish { folder } => What::Publish(folder),
        })
    }
}

/// Bytes, with K, M or G for powers of 1024.
fn size(text: &str) -> std::result::Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) => (digits, &text[digits.len()..]),
        None => (text, ""),
    };
    let shift = match unit {
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => 0,
    };
    let bytes = digits
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(1 << shift));
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "give a number of bytes, with K, M or G if you like, such as 700M".to_owned())
}

fn moment(text: &str) -> std::result::Result<String, String> {
    match text.parse::<jiff::Timestamp>() {
        Ok(moment) => Ok(crate::sys::clock::in_words(moment)),
        Err(error) => Err(error.to_string()),
    }
}
