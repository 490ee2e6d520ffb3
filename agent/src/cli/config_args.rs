//! The command line's types of `config`. Doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::update_args::OverrideArgs;
use crate::verb;

/// What is done with the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum Config {
    /// Put the files in place; restarts the server only if one that changes needs it, goes back by itself if it is unhealthy
    Apply {
        /// The instance's name
        name: String,
        #[command(flatten)]
        values: ValuesArgs,
        /// Only plan: print what would be done
        #[arg(long)]
        dry_run: bool,
        /// Do the plan of this id, or nothing
        #[arg(long, value_name = "ID")]
        plan: Option<String>,
        /// Try a configuration again that failed here before
        #[arg(long)]
        release_hold: bool,
        #[command(flatten)]
        overridden: OverrideArgs,
    },
    /// Show what `apply` would do; the same as `apply --dry-run`
    Diff {
        /// The instance's name
        name: String,
        #[command(flatten)]
        values: ValuesArgs,
    },
}

#[derive(Debug, Clone, ClapArgs)]
pub struct ValuesArgs {
    /// A YAML or JSON file with values, which win over the instance's; `-` is standard input. May be repeated
    #[arg(long, value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// Refuse values that no template needs
    #[arg(long)]
    pub strict: bool,
}

impl Config {
    /// The instance's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Apply { name, .. } | Self::Diff { name, .. } => name,
        }
    }

    /// Whether nothing is changed.
    pub fn only_plans(&self) -> bool {
        match self {
            Self::Apply { dry_run, .. } => *dry_run,
            Self::Diff { .. } => true,
        }
    }

    /// Whether standard input holds values.
    pub fn reads_stdin(&self) -> bool {
        let (Self::Apply { values, .. } | Self::Diff { values, .. }) = self;
        values.values.iter().any(|path| path.as_os_str() == "-")
    }

    /// The verb's options; `stdin` is what standard input holds.
    pub fn options(self, stdin: String) -> verb::config::Options {
        match self {
            Self::Diff { name, values } => Self::Apply {
                name,
                values,
                dry_run: true,
                plan: None,
                release_hold: false,
                overridden: OverrideArgs {
                    overrides: Vec::new(),
                },
            }
            .options(stdin),
            Self::Apply {
                name: _,
                values: ValuesArgs { values, strict },
                dry_run,
                plan,
                release_hold,
                overridden,
            } => verb::config::Options {
                values,
                stdin,
                strict,
                dry_run,
                plan,
                release_hold,
                overrides: overridden.overrides,
            },
        }
    }
}
