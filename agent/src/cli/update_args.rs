//! The command line's types of `update`, and of what holds changes up. Doc comments are the help texts.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::api::rollout::Gate;
use crate::model::Level;
use crate::verb;

#[expect(clippy::unnecessary_wraps, reason = "clap's signature")]
/// A level, as any text may be one.
pub(super) fn level(text: &str) -> Result<Level, std::convert::Infallible> {
    Ok(Level::new(text))
}

/// What does not hold a change up.
#[derive(Debug, Clone, ClapArgs)]
pub struct OverrideArgs {
    /// Go although the host's wave has not opened, no maintenance window is open, or the group gives no slot: for
    /// emergencies, said in the report and in the history; once for each
    #[arg(long = "override", value_name = "RULE", value_parser = gates())]
    pub overrides: Vec<Gate>,
}

fn gates() -> impl TypedValueParser<Value = Gate> {
    PossibleValuesParser::new(Gate::ALL.map(Gate::name))
        .try_map(|name| Gate::named(&name).ok_or("no such rule"))
}

#[derive(Debug, Clone, ClapArgs)]
pub struct UpdateArgs {
    /// Update from this source instead of the instance's: a pack, a folder of packs, or an update in a file that the
    /// vendor's tool made
    #[arg(long, value_name = "PATH")]
    pub from: Option<PathBuf>,
    /// The level to update to; the highest offered of the release line without it
    #[arg(long, value_parser = level)]
    pub level: Option<Level>,
    /// Only plan: print what would be done
    #[arg(long, conflicts_with = "stage_only")]
    pub dry_run: bool,
    /// Do the plan of this id, or nothing
    #[arg(long, value_name = "ID")]
    pub plan: Option<String>,
    /// Prepare everything while the server serves, and leave the rest to a later run
    #[arg(long)]
    pub stage_only: bool,
    /// Go on with the conflicts that you resolved with `pitstop conflicts resolve` or in `.final` files
    #[arg(long = "continue")]
    pub resume: bool,
    /// Let the vendor's tool work in the home itself, with the server stopped and a snapshot around it, instead of on a copy
    #[arg(long, conflicts_with_all = ["stage_only", "plan", "resume"])]
    pub in_place: bool,
    /// Accept a level below the installed one
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Try a release again that failed here before
    #[arg(long)]
    pub release_hold: bool,
    /// Leave out what people decided about the same conflicts before
    #[arg(long)]
    pub no_remembered: bool,
    /// A manual step of the update is taken care of; once for each
    #[arg(long, value_name = "ID")]
    pub acknowledge: Vec<String>,
    /// Refuse an update that would end this hotfix: the new level does not hold its fix; once for each
    #[arg(long, value_name = "HOTFIX")]
    pub not_superseded: Vec<String>,
    #[command(flatten)]
    pub overridden: OverrideArgs,
}

impl From<UpdateArgs> for verb::update::Options {
    fn from(args: UpdateArgs) -> Self {
        let UpdateArgs {
            from,
            level,
            dry_run,
            plan,
            stage_only,
            resume,
            in_place,
            allow_downgrade,
            release_hold,
            no_remembered,
            acknowledge,
            not_superseded,
            overridden,
        } = args;
        Self {
            from,
            level,
            dry_run,
            plan,
            stage_only,
            resume,
            in_place,
            allow_downgrade,
            release_hold,
            no_remembered,
            acknowledge,
            not_superseded,
            overrides: overridden.overrides,
        }
    }
}
