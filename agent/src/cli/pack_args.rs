//! `pack` on the command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::absolute;
use super::update_args::level;
use crate::config::VendorTool;
use crate::config::vendor_tool::Credentials;
use crate::model::Level;
use crate::verb::pack::Options;

/// What can be done with packs that belong to no instance.
#[derive(Debug, Clone, Subcommand)]
pub enum Pack {
    /// Build a pristine pack at a level with the vendor's update tool, from a pack that nobody has touched
    ///
    /// Writes `PRODUCT-LEVEL.tar.zst` and `PRODUCT-LEVEL.manifest` into a folder that instances can have as their source. A level
    /// that is there already is not built again. User and password come from UPDATE_TOOL_USERNAME and UPDATE_TOOL_PASSWORD, or
    /// from a file.
    Build(BuildArgs),
}

/// How to build.
#[derive(Debug, Clone, ClapArgs)]
pub struct BuildArgs {
    /// The vendor's pack to begin with: an archive or a directory
    #[arg(long, value_name = "PACK")]
    base: PathBuf,
    /// The level to build, such as 41 or 7.1.0.41
    #[arg(long, value_parser = level, required_unless_present = "update")]
    level: Option<Level>,
    /// An update in a file, made by the tool's `create-update`: neither login nor network is needed then
    #[arg(long, value_name = "ZIP")]
    update: Option<PathBuf>,
    /// The folder that gets the archive and its manifest; it needs room for three unpacked packs meanwhile
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A YAML file with `username` and `password` that only its owner may read
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// The vendor's channel of updates
    #[arg(long, default_value = "full")]
    channel: String,
    /// The tool's HOME: what it downloads stays there for the next build
    #[arg(long, value_name = "DIR")]
    tool_home: Option<PathBuf>,
    /// Seconds until the tool counts as hung
    #[arg(long, value_name = "SECONDS", default_value_t = VendorTool::default().timeout_s, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_s: u64,
}

impl From<BuildArgs> for Options {
    /// The tool works in another folder than the caller.
    fn from(args: BuildArgs) -> Self {
        Self {
            base: absolute(&args.base),
            level: args.level,
            out: absolute(&args.out),
            tool: VendorTool {
                credentials: match (&args.credentials, &args.update) {
                    (Some(file), _) => Some(Credentials::File(absolute(file))),
                    (None, None) => Some(Credentials::Environment),
                    (None, Some(_)) => None,
                },
                channel: args.channel,
                shared_home: args.tool_home.as_deref().map(absolute),
                timeout_s: args.timeout_s,
                ..VendorTool::default()
            },
            update: args.update.as_deref().map(absolute),
        }
    }
}
