//! What a run tells those who follow it, and how the last one ended.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{LIMIT, Store, parse};
use crate::api::report::{Action, Report, StepView};
use crate::api::{Failure, Result};
use crate::sys::follow::Reader;
use crate::sys::fs;

/// One line of a run under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first: which run it is.
    Run(RunId),
    /// A piece of work begins.
    Begin {
        /// What it is called.
        label: String,
        /// Its bytes, 0 if they are not known.
        total: u64,
    },
    /// So many more bytes of the last piece of work are done.
    Done(u64),
    /// The last piece of work is over.
    End,
    /// A step was done.
    Step(StepView),
    /// Something that a person should know.
    Warning(String),
}

/// Which run it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunId {
    /// Its process.
    pub pid: u32,
    /// When it began, as RFC 3339.
    pub began: String,
    /// The same in nanoseconds, so that no two are the same.
    pub nanoseconds: i128,
    /// Its verb.
    pub action: Action,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastReport {
    /// Which run it was.
    pub run: RunId,
    /// When it ended, as RFC 3339.
    pub ended: String,
    /// What it reported.
    pub report: Report,
}

impl Store {
    /// The run that is under way, if one is.
    ///
    /// # Errors
    /// Reading failed.
    pub fn run_under_way(&self) -> Result<Option<RunId>> {
        let path = self.told_file();
        let first = || {
            let Some(mut told) = Reader::open(&path)?.filter(Reader::is_live) else {
                return Ok(None);
            };
            Ok(told.lines()?.into_iter().next())
        };
        let first = first().map_err(|error: io::Error| Failure::io("look for a run in", &path, error))?;
        Ok(first.and_then(|line| match serde_json::from_slice(&line) {
            Ok(Line::Run(run)) => Some(run),
            _ => None,
        }))
    }

    fn last_report_file(&self) -> PathBuf {
        self.dir.join("last-report.json")
    }

    /// Keeps how a run ended.
    ///
    /// # Errors
    /// Writing failed.
    pub fn keep_last_report(&self, last: &LastReport) -> Result<()> {
        self.write_json(&self.last_report_file(), last)
    }

    /// How the last run ended, if one has.
    ///
    /// # Errors
    /// Reading failed.
    pub fn last_report(&self) -> Result<Option<LastReport>> {
        let path = self.last_report_file();
        let text = fs::read_text_up_to(&path, LIMIT)
            .map_err(|error| Failure::io("read the last report in", &path, error))?;
        let hint = "remove the file: it only tells how the last run ended";
        text.map(|text| parse(&path, &text, hint)).transpose()
    }
}
