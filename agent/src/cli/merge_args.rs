//! `merge` on the command line.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::merge::{Format, MARKER_SIZE};
use crate::verb;

/// What to merge, and how.
#[derive(Debug, Clone, ClapArgs)]
pub struct MergeArgs {
    /// The version that both others come from
    pub base: PathBuf,
    /// Your version
    pub current: PathBuf,
    /// The vendor's new version
    pub new: PathBuf,
    /// Where the result goes; may be one of the three
    #[arg(short, long, value_name = "OUT")]
    pub out: PathBuf,
    /// The format; found by name and content without it
    #[arg(long, value_parser = formats())]
    pub format: Option<Format>,
    /// Tell the format by this path's name; by that of CURRENT without it
    #[arg(long, value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// How many characters a conflict marker has
    #[arg(long, default_value_t = MARKER_SIZE, value_parser = marker_size, value_name = "N")]
    pub marker_size: usize,
    /// Print a JSON report on stdout
    #[arg(long)]
    pub json_report: bool,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(|(_, name)| name))
        .map(|name| Format::named(&name).unwrap_or(Format::Text))
}

fn marker_size(text: &str) -> Result<usize, String> {
    let size: usize = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1..=200).contains(&size) {
        Ok(size)
    } else {
        Err("must be 1 to 200".to_owned())
    }
}

impl From<MergeArgs> for verb::merge::Options {
    fn from(args: MergeArgs) -> Self {
        let MergeArgs {
            base,
            current,
            new,
            out,
            format,
            path,
            marker_size,
            json_report: _,
        } = args;
        Self {
            base,
            current,
            new,
            out,
            format,
            path,
            marker_size,
        }
    }
}
