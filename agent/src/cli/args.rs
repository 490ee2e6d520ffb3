//! The command line's types. Doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::absolute;
use super::bundle_args::Bundle;
use super::config_args::Config;
use super::conflicts_args::Conflicts;
use super::hotfix_args::Hotfix;
use super::merge_args::MergeArgs;
use super::pack_args::Pack;
use super::proof_args::ProofArgs;
use super::report_args::ReportArgs;
use super::sign_args::SignArgs;
use super::trust_args::Trust;
use super::update_args::{UpdateArgs, level};
use crate::config::load::ConfigDirs;
use crate::model::Level;
use crate::verb;

/// Takes servers that were delivered as packs from one update level to another, safely.
///
/// Every verb is idempotent and prints one JSON report when its output is not a terminal. Exit codes: 0 ok, 1 failed,
/// 2 usage, 3 conflicts, 4 rolled back, 5 unhealthy, 6 blocked.
#[derive(Debug, Parser)]
#[command(name = "pitstop", version, max_term_width = 100)]
pub struct Args {
    /// Folder with `instances.d/*.yaml` and, if need be, `pitstop.yaml`
    #[arg(
        long,
        global = true,
        env = "PITSTOP_CONFIG_DIR",
        default_value = "/etc/pitstop",
        value_name = "DIR"
    )]
    pub config_dir: PathBuf,

    /// Folder in which pitstop keeps what it must remember
    #[arg(
        long,
        global = true,
        env = "PITSTOP_STATE_DIR",
        default_value = "/var/lib/pitstop",
        value_name = "DIR"
    )]
    pub state_dir: PathBuf,

    /// How to print the report; json if the output is not a terminal
    #[arg(long, global = true, value_enum)]
    pub output: Option<Output>,

    /// Say on stderr what is being done; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// What a run that changes or verifies something does when the connection that it was started over is gone
    #[arg(
        long,
        global = true,
        env = "PITSTOP_ON_DISCONNECT",
        value_enum,
        default_value = "continue",
        value_name = "WHAT"
    )]
    pub on_disconnect: OnDisconnect,

    #[command(subcommand)]
    pub command: Command,
}

/// What the end of the connection means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnDisconnect {
    /// Nothing: `pitstop attach` finds the run again
    Continue,
    /// It gives up, unless the server is stopped already: then it goes on to the end
    Stop,
}

/// How reports are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// One JSON document
    Json,
    /// Text for people
    Text,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show state, drift, what the source offers, and what would stop an update; changes nothing
    Check {
        #[command(flatten)]
        which: Many,
        /// Look at this source instead of the instance's: a pack or a folder of packs
        #[arg(long, value_name = "PATH")]
        from: Option<PathBuf>,
        /// The level that an update would lead to; the highest offered of the release line without it
        #[arg(long, value_parser = level)]
        level: Option<Level>,
        /// Predict without what people decided about the same conflicts before
        #[arg(long)]
        no_remembered: bool,
        /// Ask the vendor's update tool which levels there are, where that is the source
        #[arg(long)]
        online: bool,
        /// Compare the vendor's files with this pack, a folder that holds one at the installed level, or the manifest
        /// beside a pack that `pack build` made
        #[arg(long, value_name = "PATH")]
        against: Option<PathBuf>,
        /// Write what was found as metrics for node-exporter's textfile collector
        #[arg(long, value_name = "FILE", conflicts_with = "name")]
        prometheus: Option<PathBuf>,
    },
    /// Take over a pack that pitstop did not install
    Adopt {
        /// The instance's name
        name: String,
        #[command(flatten)]
        options: AdoptArgs,
    },
    /// Stop the server and wait until its processes and ports are gone
    Stop {
        #[command(flatten)]
        which: Many,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Start the server and wait until its probes answer
    Start {
        #[command(flatten)]
        which: Many,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Finish or undo what was interrupted, by a power cut for one, and nothing else
    ///
    /// Every verb that changes something does so first. Without anything to recover only state and journal are read.
    Recover {
        #[command(flatten)]
        which: Many,
    },
    /// Take the pack to a level; goes back by itself if the new level is unhealthy
    Update {
        /// The instance's name
        name: String,
        #[command(flatten)]
        options: UpdateArgs,
    },
    /// Check integrity, configuration, processes and probes
    Verify {
        #[command(flatten)]
        which: Many,
        /// Read every file, instead of trusting those whose size, inode and times are as they were
        #[arg(long)]
        deep: bool,
        /// Once everything is well, give back the slot of the group that is kept since a change failed
        #[arg(long)]
        release_lock: bool,
        #[command(flatten)]
        proof: ProofArgs,
    },
    /// Go back to a kept snapshot
    Rollback {
        /// The instance's name
        name: String,
        #[command(flatten)]
        options: RollbackArgs,
    },
    /// Follow the run that is under way to its end; else show how the last one ended
    ///
    /// Prints the report of that run and ends with its exit code. Its progress goes to stderr.
    Attach {
        /// The instance's name
        name: String,
    },
    /// Merge three versions of a configuration file by what they say
    ///
    /// Exit codes: 0 merged, 3 conflicts are marked in OUT, 1 a file cannot be read, written or merged.
    Merge(MergeArgs),
    /// Configure the pack's files from templates and values
    Config {
        #[command(subcommand)]
        what: Config,
    },
    /// Show and decide the conflicts of an update that waits; move what was decided to other hosts
    Conflicts {
        #[command(subcommand)]
        what: Conflicts,
    },
    /// Show, apply and revert the vendor's hotfixes
    Hotfix {
        #[command(subcommand)]
        what: Hotfix,
    },
    /// Build pristine packs
    Pack {
        #[command(subcommand)]
        what: Pack,
    },
    /// Make, sign, look at and prove bundles: updates for hosts without a network
    Bundle {
        #[command(subcommand)]
        what: Bundle,
    },
    /// Make one page of the reports of many hosts
    Report(ReportArgs),
    /// Write what this host runs into a file, signed
    ///
    /// Level, tree, hotfixes, and which of the vendor's files are not the vendor's any more: what `bundle create --for` needs to
    /// know, small enough to be carried out by hand.
    Receipt {
        /// The instances
        #[arg(required_unless_present = "all")]
        name: Vec<String>,
        /// Every configured instance
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// The file that gets the receipt
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        sign: SignArgs,
    },
    /// Keys, and whom this host believes
    Trust {
        #[command(subcommand)]
        what: Trust,
    },
    /// JSON Schema, man pages, shell completions
    Internals {
        #[command(subcommand)]
        what: Internals,
    },
}

/// One instance, or all of them.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct Many {
    /// The instance's name
    pub name: Option<String>,
    /// Every configured instance
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct AdoptArgs {
    /// The vendor's pack of exactly the installed level, or a folder that holds it
    #[arg(long, value_name = "PATH")]
    pub pristine: Option<PathBuf>,
    /// Leave a pack alone that was taken over before; without it, the vendor's files are accepted as they are now
    #[arg(long)]
    pub once: bool,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, ClapArgs)]
pub struct RollbackArgs {
    /// The level to go back to; the one before the last update without it
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub to: Option<Level>,
    /// Take the newest configuration back instead, and leave the level as it is
    #[arg(long, conflicts_with = "to")]
    pub config: bool,
    /// Only plan: print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Do the plan of this id, or nothing
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
}

/// What is made from the program itself.
#[derive(Debug, Clone, Subcommand)]
pub enum Internals {
    /// The JSON Schema of the reports
    Schema,
    /// The man pages, into a folder
    Man {
        /// The folder
        #[arg(value_name = "DIR")]
        into: PathBuf,
    },
    /// A systemd unit for an instance, without the traps of those that the vendors publish
    Unit {
        /// The instance's name
        name: String,
    },
    /// Completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether it ends at a safe point when a signal asks it to: it changes an instance, or runs tests that must not go on
    /// without it.
    pub fn hears_signals(&self) -> bool {
        match self {
            Self::Adopt { options, .. } => !options.dry_run,
            Self::Stop { dry_run, .. } | Self::Start { dry_run, .. } => !dry_run,
            Self::Recover { .. } | Self::Verify { .. } => true,
            Self::Update { options, .. } => !options.dry_run,
            Self::Rollback { options, .. } => !options.dry_run,
            Self::Config { what } => !what.only_plans(),
            Self::Hotfix { what } => !what.only_looks(),
            Self::Check { .. }
            | Self::Attach { .. }
            | Self::Merge(_)
            | Self::Report(_)
            | Self::Conflicts { .. }
            | Self::Pack { .. }
            | Self::Trust { .. }
            | Self::Receipt { .. }
            | Self::Bundle { .. }
            | Self::Internals { .. } => false,
        }
    }
}

impl Args {
    /// The folders that settings and state lie in, for programs in other folders as well.
    pub fn dirs(&self) -> ConfigDirs {
        ConfigDirs {
            config: absolute(&self.config_dir),
            state: absolute(&self.state_dir),
        }
    }
}

impl From<AdoptArgs> for verb::adopt::Options {
    fn from(args: AdoptArgs) -> Self {
        let AdoptArgs {
            pristine,
            once,
            dry_run,
        } = args;
        Self {
            pristine,
            once,
            dry_run,
        }
    }
}

impl From<RollbackArgs> for verb::rollback::Options {
    fn from(args: RollbackArgs) -> Self {
        let RollbackArgs {
            to,
            config,
            dry_run,
            plan,
        } = args;
        Self {
            to,
            config,
            dry_run,
            plan,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_the_same_for_programs_that_run_elsewhere() {
        let args = Args::parse_from([
            "pitstop",
            "--state-dir",
            "state",
            "--config-dir",
            "/etc/pitstop",
            "check",
            "lab",
        ]);
        let dirs = args.dirs();
        assert!(
            dirs.state.is_absolute() && dirs.state.ends_with("state"),
            "{dirs:?}"
        );
        assert_eq!(dirs.config, PathBuf::from("/etc/pitstop"));
    }
}
