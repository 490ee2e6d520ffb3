//! What is made from the program itself: the reports' JSON Schema, man pages, completions, units.

use clap::CommandFactory;

use crate::api::{Failure, Result, schema};
use crate::config::{ConfigDirs, load};
use crate::observe::process::server_user;
use crate::product::unit;
use crate::sys::fs;

use super::args::{Args, Internals};
use super::{print_text, unprintable};

/// Prints or writes one of them.
pub fn print(what: &Internals, dirs: &ConfigDirs) -> Result<u8> {
    match what {
        Internals::Schema => {
            let mut text = serde_json::to_string_pretty(&schema::schema()).map_err(unprintable)?;
            text.push('\n');
            print_text(&text)?;
        }
        Internals::Man { into } => {
            let failed = |error| Failure::io("write the man pages to", into, error);
            fs::make_dirs(into).map_err(failed)?;
            clap_mangen::generate_to(Args::command(), into).map_err(failed)?;
        }
        Internals::Unit { name } => {
            let settings = load::load(dirs, name)?;
            let owner = server_user(&settings)?;
            print_text(&unit::unit(&settings, &owner.name)?)?;
        }
        Internals::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "pitstop", &mut text);
            print_text(&String::from_utf8_lossy(&text))?;
        }
    }
    Ok(0)
}
