//! `report` on the command line.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use crate::verb::report::Options;

/// Which reports, and which pages.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReportArgs {
    /// What the agents printed: files, folders that hold them, or `-` for standard input
    ///
    /// A file may hold one report, a list, an array, or any number of them after one another. Of each instance the newest
    /// report tells its state, and all of them its transactions. What is no report is told and passed over.
    #[arg(required = true, value_name = "PATH")]
    from: Vec<PathBuf>,
    /// Write the page as HTML; `-` for standard output
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,
    /// Write the page as Markdown; `-` for standard output
    #[arg(long, value_name = "OUT")]
    markdown: Option<PathBuf>,
    /// How old a level may be: 7d where updates come weekly, 14d where fortnightly
    #[arg(long, value_name = "DAYS", default_value = "14d", value_parser = days)]
    every: u64,
    /// After how long an instance counts as silent
    #[arg(long, value_name = "DAYS", default_value = "2d", value_parser = days)]
    silent: u64,
    /// The page's title
    #[arg(long, default_value = "Fleet", value_name = "TEXT")]
    title: String,
}

impl ReportArgs {
    /// Whether both pages want to go to standard output.
    pub fn is_ambiguous(&self) -> bool {
        let stream = |out: &Option<PathBuf>| out.as_deref() == Some(Path::new("-"));
        stream(&self.html) && stream(&self.markdown)
    }
}

impl From<ReportArgs> for Options {
    fn from(args: ReportArgs) -> Self {
        let ReportArgs {
            from,
            html,
            markdown,
            every,
            silent,
            title,
        } = args;
        Self {
            from,
            html,
            markdown,
            every,
            silent,
            title,
        }
    }
}

fn days(text: &str) -> Result<u64, String> {
    let (number, weeks) = match text.strip_suffix('w') {
        Some(weeks) => (weeks, true),
        None => (text.strip_suffix('d').unwrap_or(text), false),
    };
    match number.parse::<u64>() {
        Ok(days @ 1..=3650) => Ok(if weeks { days * 7 } else { days }),
        _ => Err("give days or weeks, such as 14d or 2w".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_weeks() {
        let table = [
            ("7d", Some(7)),
            ("14", Some(14)),
            ("2w", Some(14)),
            ("0d", None),
            ("", None),
            ("-1d", None),
            ("1h", None),
        ];
        for (text, expected) in table {
            assert_eq!(days(text).ok(), expected, "{text}");
        }
    }
}
