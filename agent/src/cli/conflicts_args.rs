//! The command line's types of `conflicts`. Doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::model::RelPath;
use crate::verb::conflicts::exchange::Which;

/// What is done with conflicts.
#[derive(Debug, Clone, Subcommand)]
pub enum Conflicts {
    /// Show which conflicts of the update that waits are open, and which are answered
    List {
        /// The instance's name
        name: String,
    },
    /// Show the three sides of the conflicts, values as a whole
    Show {
        /// The instance's name
        name: String,
        /// Only this path in the pack
        #[arg(value_parser = path)]
        path: Option<RelPath>,
        /// Only this key of it, or `line N`
        key: Option<String>,
    },
    /// Decide conflicts; without a path, on a terminal, one by one
    ///
    /// The update goes on with the answers when `pitstop update NAME --continue` runs. What was decided is remembered
    /// then: the same conflict elsewhere resolves itself.
    Resolve {
        /// The instance's name
        name: String,
        #[command(flatten)]
        options: ResolveArgs,
    },
    /// Write what is remembered into one document, without what looks secret
    Export {
        #[command(flatten)]
        which: WhichArgs,
        /// Where to; standard output without it
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Take over what another host exported
    Import {
        /// The document; `-` is standard input
        file: PathBuf,
    },
    /// Forget what this host remembers
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["product", "path", "key", "all"]))]
    Forget {
        #[command(flatten)]
        which: WhichArgs,
        /// All of it
        #[arg(long, conflicts_with_all = ["product", "path", "key"])]
        all: bool,
    },
}

#[derive(Debug, Clone, ClapArgs)]
pub struct ResolveArgs {
    /// The path in the pack
    #[arg(value_parser = path)]
    pub path: Option<RelPath>,
    /// Only this key of the path, or `line N`
    #[arg(long, requires = "path")]
    pub key: Option<String>,
    /// Whatever is still open
    #[arg(long, conflicts_with = "path", requires = "how")]
    pub all: bool,
    #[command(flatten)]
    pub how: HowArgs,
    /// Remember the decision also if it is a secret; it never leaves this host
    #[arg(long)]
    pub remember_secret: bool,
}

/// What a conflict shall be.
#[derive(Debug, Clone, ClapArgs)]
#[group(id = "how", multiple = false)]
pub struct HowArgs {
    /// Whose side
    #[arg(long, value_enum)]
    pub take: Option<Take>,
    /// This value; not for secrets, which others could see on the command line
    #[arg(long, requires = "path")]
    pub value: Option<String>,
    /// The value in this file; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "path")]
    pub value_from: Option<PathBuf>,
    /// This file in the place of the path; `-` is standard input
    #[arg(long = "final", value_name = "FILE", requires = "path")]
    pub whole: Option<PathBuf>,
    /// Take the answer back
    #[arg(long)]
    pub reopen: bool,
}

/// Sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Take {
    /// What you have
    Ours,
    /// What the vendor has now
    Theirs,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct WhichArgs {
    /// Only of this product
    #[arg(long)]
    pub product: Option<String>,
    /// Only about this path in the pack
    #[arg(long, value_parser = path)]
    pub path: Option<RelPath>,
    /// Only about this key
    #[arg(long)]
    pub key: Option<String>,
}

impl From<WhichArgs> for Which {
    fn from(WhichArgs { product, path, key }: WhichArgs) -> Self {
        Self { product, path, key }
    }
}

fn path(text: &str) -> Result<RelPath, String> {
    RelPath::new(text).map_err(|why| format!("{why}; give it as in the pack, such as `conf/server.xml`"))
}
