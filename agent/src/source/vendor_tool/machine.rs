//! What follows from how a run of the tool ended: a closed table over its exit code and what it did to the candidate. The
//! exit code alone proves nothing: 2 is a self-update or a crash, 0 is said of updates that did not happen, 1 of some that
//! did.

use std::fmt;

use crate::model::Level;
use crate::sys::process::End;

/// How often conflicts may be answered in one update: every answer may uncover more.
const MOST_ANSWERS: u32 = 8;

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Whether the tool was run again after it had updated itself.
    pub rerun: bool,
    /// How often its conflicts were answered.
    pub answers: u32,
}

/// What a run left in the candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// The tool's own executable is another one now.
    pub tool_changed: bool,
    /// Files of the product were added, changed or removed since the beginning.
    pub tree_changed: bool,
    /// It left `.original` or `.new` files that were not answered yet.
    pub conflicts: bool,
    /// The level that the candidate tells.
    pub level: Reading,
}

/// The level that the candidate tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// The one before.
    Before,
    /// The wanted one; a higher one where none was named.
    Reached(Level),
    /// Neither.
    Other(Level),
    /// None: what it is told by is damaged, or tells another product.
    Unreadable(String),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The same command once more.
    Rerun,
    /// Answer the conflicts and continue.
    Answer,
    /// The level is reached.
    Done(Level),
    /// There was nothing to do.
    Nothing,
    /// Give the candidate up.
    Stop(Stop),
}

/// Why a candidate is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    TimedOut,
    Signal(i32),
    Refused,
    Crashed,
    UpdatesItselfAgain,
    NoConflictFound,
    EndlessConflicts,
    Reverted,
    UnknownCode(i32),
    ConflictsLeft,
    LevelStayed,
    NotReached,
    NothingChanged(Level),
    OtherLevel(Level),
    NoLevel(String),
}

/// The table.
pub(super) fn next(so_far: Progress, end: End, facts: &Facts, is_level_wanted: bool) -> Next {
    match end {
        End::TimedOut => Next::Stop(Stop::TimedOut),
        End::Signal(signal) => Next::Stop(Stop::Signal(signal)),
        End::Code(0) => after_success(facts, is_level_wanted),
        End::Code(1) => Next::Stop(Stop::Refused),
        End::Code(2) if !facts.tool_changed => Next::Stop(Stop::Crashed),
        End::Code(2) if so_far.rerun => Next::Stop(Stop::UpdatesItselfAgain),
        End::Code(2) if facts.tree_changed && so_far.answers == 0 => Next::Stop(Stop::Crashed),
        End::Code(2) => Next::Rerun,
        End::Code(3) if !facts.conflicts => Next::Stop(Stop::NoConflictFound),
        End::Code(3) if so_far.answers >= MOST_ANSWERS => Next::Stop(Stop::EndlessConflicts),
        End::Code(3) => Next::Answer,
        End::Code(4) => Next::Stop(Stop::Reverted),
        End::Code(other) => Next::Stop(Stop::UnknownCode(other)),
    }
}

/// Exit code 0 is believed only if the level, the tree and the leftovers say the same.
fn after_success(facts: &Facts, is_level_wanted: bool) -> Next {
    if facts.conflicts {
        return Next::Stop(Stop::ConflictsLeft);
    }
    match (&facts.level, facts.tree_changed) {
        (Reading::Unreadable(why), _) => Next::Stop(Stop::NoLevel(why.clone())),
        (Reading::Other(level), _) => Next::Stop(Stop::OtherLevel(level.clone())),
        (Reading::Before, true) => Next::Stop(Stop::LevelStayed),
        (Reading::Before, false) if is_level_wanted => Next::Stop(Stop::NotReached),
        (Reading::Before, false) => Next::Nothing,
        (Reading::Reached(level), true) => Next::Done(level.clone()),
        (Reading::Reached(level), false) => Next::Stop(Stop::NothingChanged(level.clone())),
    }
}

impl Stop {
    /// What to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::TimedOut => {
                "raise `timeout_s` of the source if it was working, or look at what it waited for; a tool that asks for a \
                 login does not read `credentials` from its environment: let it update itself first"
            }
            Self::Refused => {
                "the output says why; with a shared `home`, a damaged download stays until the tool's cache there is emptied"
            }
            Self::UpdatesItselfAgain | Self::Crashed | Self::Signal(_) | Self::UnknownCode(_) => {
                "run again; if it ends so again, show the kept output to the vendor's support"
            }
            Self::EndlessConflicts | Self::NoConflictFound | Self::ConflictsLeft => {
                "show the kept output to the vendor's support"
            }
            Self::Reverted => "the output says what it went back for",
            Self::LevelStayed | Self::NotReached | Self::NothingChanged(_) | Self::OtherLevel(_) => {
                "the vendor names levels that must not be jumped over: update to the next one of them first"
            }
            Self::NoLevel(_) => "run again; the pack itself is untouched",
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => write!(f, "did not end within its time and was ended"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::Refused => write!(f, "failed with exit code 1"),
            Self::Crashed => write!(
                f,
                "ended with exit code 2 without having updated itself, as when it crashes"
            ),
            Self::UpdatesItselfAgain => write!(f, "updated itself a second time instead of the pack"),
            Self::NoConflictFound => write!(f, "told of conflicts (exit code 3) and left none"),
            Self::EndlessConflicts => write!(f, "told of new conflicts after {MOST_ANSWERS} answers"),
            Self::Reverted => write!(f, "went back by itself (exit code 4)"),
            Self::UnknownCode(code) => write!(f, "ended with the unknown exit code {code}"),
            Self::ConflictsLeft => write!(f, "told of success (exit code 0) and left conflicts"),
            Self::LevelStayed => {
                write!(
                    f,
                    "told of success (exit code 0) and changed files, but the level is the old one"
                )
            }
            Self::NotReached => write!(f, "told of success (exit code 0) and did nothing"),
            Self::NothingChanged(level) => {
                write!(
                    f,
                    "told of success (exit code 0) and of level {level}, but changed no file"
                )
            }
            Self::OtherLevel(level) => {
                write!(
                    f,
                    "told of success (exit code 0), but led to level {level}, which was not asked for"
                )
            }
            Self::NoLevel(why) => write!(f, "told of success (exit code 0), but the level is gone: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(letters: &str) -> Facts {
        let level = || Level::new("4.2.0.9");
        Facts {
            tool_changed: letters.contains('t'),
            tree_changed: letters.contains('f'),
            conflicts: letters.contains('c'),
            level: match letters.chars().find(|letter| "ROU".contains(*letter)) {
                Some('R') => Reading::Reached(level()),
                Some('O') => Reading::Other(level()),
                Some(_) => Reading::Unreadable("it is empty".to_owned()),
                None => Reading::Before,
            },
        }
    }

    /// The facts as letters: `t`ool changed, `f`iles changed, `c`onflicts; level `R`eached, `O`ther, `U`nreadable, else as
    /// before. What was done: `2` after a self-update, `3` after an answer, `8` after as many as there may be.
    #[test]
    fn the_table() {
        use Next::{Answer, Done, Nothing, Rerun};
        let stop = Next::Stop;
        let level = || Level::new("4.2.0.9");
        let table = [
            (End::Code(0), "", "fR", Done(level())),
            (End::Code(0), "23", "fRt", Done(level())),
            (End::Code(0), "", "", stop(Stop::NotReached)),
            (End::Code(0), "", "f", stop(Stop::LevelStayed)),
            (End::Code(0), "", "R", stop(Stop::NothingChanged(level()))),
            (End::Code(0), "", "fO", stop(Stop::OtherLevel(level()))),
            (
                End::Code(0),
                "",
                "fU",
                stop(Stop::NoLevel("it is empty".to_owned())),
            ),
            (End::Code(0), "", "fRc", stop(Stop::ConflictsLeft)),
            (End::Code(1), "", "", stop(Stop::Refused)),
            (End::Code(1), "", "fR", stop(Stop::Refused)),
            (End::Code(2), "", "t", Rerun),
            (End::Code(2), "", "", stop(Stop::Crashed)),
            (End::Code(2), "", "tf", stop(Stop::Crashed)),
            (End::Code(2), "2", "t", stop(Stop::UpdatesItselfAgain)),
            (End::Code(2), "3", "tf", Rerun),
            (End::Code(3), "", "fc", Answer),
            (End::Code(3), "3", "fcR", Answer),
            (End::Code(3), "8", "fc", stop(Stop::EndlessConflicts)),
            (End::Code(3), "", "f", stop(Stop::NoConflictFound)),
            (End::Code(4), "", "", stop(Stop::Reverted)),
            (End::Code(70), "", "", stop(Stop::UnknownCode(70))),
            (End::Code(137), "", "f", stop(Stop::UnknownCode(137))),
            (End::Signal(9), "", "fR", stop(Stop::Signal(9))),
            (End::TimedOut, "", "fR", stop(Stop::TimedOut)),
        ];
        for (end, done, letters, expected) in table {
            let so_far = Progress {
                rerun: done.contains('2'),
                answers: match done.chars().next_back() {
                    Some('3') => 1,
                    Some('8') => MOST_ANSWERS,
                    _ => 0,
                },
            };
            assert_eq!(
                next(so_far, end, &facts(letters), true),
                expected,
                "{end:?} {done} {letters}"
            );
        }
        assert_eq!(
            next(Progress::default(), End::Code(0), &facts(""), false),
            Nothing
        );
    }

    #[test]
    fn only_success_is_ever_believed_and_no_run_goes_on_for_ever() {
        let all = ["", "t", "f", "c", "tf", "tc", "fc", "tfc"];
        let levels = ["", "R", "O", "U"];
        for code in 1..256 {
            for (letters, level) in all.iter().flat_map(|a| levels.map(|level| (a, level))) {
                let spent = Progress {
                    rerun: true,
                    answers: MOST_ANSWERS,
                };
                let facts = facts(&format!("{letters}{level}"));
                let fresh = next(Progress::default(), End::Code(code), &facts, true);
                assert!(
                    !matches!(fresh, Next::Done(_) | Next::Nothing),
                    "{code} {facts:?}"
                );
                let last = next(spent, End::Code(code), &facts, true);
                assert!(matches!(last, Next::Stop(_)), "{code} {facts:?}");
            }
        }
    }
}
