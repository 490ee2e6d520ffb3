//! The command line's types of `hotfix`. Doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::update_args::OverrideArgs;
use crate::verb::hotfix;

/// What is done with hotfixes.
#[derive(Debug, Clone, Subcommand)]
pub enum Hotfix {
    /// Show the hotfixes that are on
    List {
        /// The instance's name
        name: String,
    },
    /// Apply the next hotfix for exactly the installed level; goes back by itself if the server is unhealthy with it
    Apply {
        /// The instance's name
        name: String,
        #[command(flatten)]
        options: ApplyArgs,
    },
    /// Take the newest hotfix off again; what was configured since stays
    Revert {
        /// The instance's name
        name: String,
        #[command(flatten)]
        options: RevertArgs,
    },
}

#[derive(Debug, Clone, ClapArgs)]
pub struct ApplyArgs {
    /// The vendor's file, such as wso2am-4.2.0-abc-hf-1.zip, or a bundle that carries it
    pub file: PathBuf,
    /// Which of the hotfixes that the bundle carries; needed where there are several
    #[arg(long, value_name = "HOTFIX")]
    pub hotfix: Option<String>,
    /// Only plan: print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Do the plan of this id, or nothing
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    /// Go on with the conflicts that you resolved with `pitstop conflicts resolve` or in `.final` files
    #[arg(long = "continue")]
    pub resume: bool,
    /// Try a hotfix again that failed here before
    #[arg(long)]
    pub release_hold: bool,
    /// Leave out what people decided about the same conflicts before
    #[arg(long)]
    pub no_remembered: bool,
    /// A manual step of the hotfix is taken care of; once for each
    #[arg(long, value_name = "ID")]
    pub acknowledge: Vec<String>,
    #[command(flatten)]
    pub overridden: OverrideArgs,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct RevertArgs {
    /// Only plan: print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Do the plan of this id, or nothing
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    #[command(flatten)]
    pub overridden: OverrideArgs,
}

impl Hotfix {
    /// Whether nothing is changed.
    pub fn only_looks(&self) -> bool {
        match self {
            Self::List { .. } => true,
            Self::Apply { options, .. } => options.dry_run,
            Self::Revert { options, .. } => options.dry_run,
        }
    }

    /// The instance's name.
    pub fn name(&self) -> &str {
        match self {
            Self::List { name } | Self::Apply { name, .. } | Self::Revert { name, .. } => name,
        }
    }
}

impl From<ApplyArgs> for hotfix::Apply {
    fn from(args: ApplyArgs) -> Self {
        let ApplyArgs {
            file,
            hotfix,
            dry_run,
            plan,
            resume,
            release_hold,
            no_remembered,
            acknowledge,
            overridden,
        } = args;
        Self {
            file,
            hotfix,
            dry_run,
            plan,
            resume,
            release_hold,
            no_remembered,
            acknowledge,
            overrides: overridden.overrides,
        }
    }
}

impl From<RevertArgs> for hotfix::Revert {
    fn from(args: RevertArgs) -> Self {
        let RevertArgs {
            dry_run,
            plan,
            overridden,
        } = args;
        Self {
            dry_run,
            plan,
            overrides: overridden.overrides,
        }
    }
}
