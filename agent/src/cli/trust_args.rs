//! `trust` on the command line.

use std::path::PathBuf;

use clap::Subcommand;

/// What can be done about who is believed.
#[derive(Debug, Clone, Subcommand)]
pub enum Trust {
    /// Make a pair of keys: FILE for its owner only, and FILE.pub
    Keygen {
        /// The private key's file
        file: PathBuf,
    },
}
