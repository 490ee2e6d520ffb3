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

/// What the tool is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal<'a> {
    /// A level; `named` tells whether it was.
    Level { named: bool },
    /// A hotfix of the level that is installed, which stays.
    Hotfix(&'a Level),
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
    HotfixConflicts,
    HotfixMissing,
    LevelStayed,
    NotReached,
    NothingChanged(Level),
    OtherLevel(Level),
    NoLevel(String),
}

/// The table.
pub(super) fn next(so_far: Progress, end: End, facts: &Facts, goal: Goal<'_>) -> Next {
    match end {
        End::TimedOut => Next::Stop(Stop::TimedOut),
        End::Signal(signal) => Next::Stop(Stop::Signal(signal)),
        End::Code(0) => after_success(facts, goal),
        End::Code(1) => Next::Stop(Stop::Refused),
        End::Code(2) if !facts.tool_changed => Next::Stop(Stop::Crashed),
        End::Code(2) if so_far.rerun => Next::Stop(Stop::UpdatesItselfAgain),
        End::Code(2) if facts.tree_changed && so_far.answers == 0 => Next::Stop(Stop::Crashed),
        End::Code(2) => Next::Rerun,
        // How it would go on after conflicts of a hotfix is not documented, and it was given nothing that it could be in
        // conflict with.
        End::Code(3) if matches!(goal, Goal::Hotfix(_)) => Next::Stop(Stop::HotfixConflicts),
        End::Code(3) if !facts.conflicts => Next::Stop(Stop::NoConflictFound),
        End::Code(3) if so_far.answers >= MOST_ANSWERS => Next::Stop(Stop::EndlessConflicts),
        End::Code(3) => Next::Answer,
        End::Code(4) => Next::Stop(Stop::Reverted),
        End::Code(other) => Next::Stop(Stop::UnknownCode(other)),
    }
}

/// Exit code 0 is believed only if the level, the tree and the leftovers say the same.
fn after_success(facts: &Facts, goal: Goal<'_>) -> Next {
    if facts.conflicts {
        return Next::Stop(Stop::ConflictsLeft);
    }
    match (&facts.level, facts.tree_changed, goal) {
        (Reading::Unreadable(why), ..) => Next::Stop(Stop::NoLevel(why.clone())),
        (Reading::Other(level), ..) => Next::Stop(Stop::OtherLevel(level.clone())),
        (Reading::Reached(level), _, Goal::Hotfix(_)) => Next::Stop(Stop::OtherLevel(level.clone())),
        (Reading::Before, true, Goal::Hotfix(level)) => Next::Done(level.clone()),
        (Reading::Before, false, Goal::Hotfix(_)) => Next::Stop(Stop::HotfixMissing),
        (Reading::Before, true, _) => Next::Stop(Stop::LevelStayed),
        (Reading::Before, false, Goal::Level { named: true }) => Next::Stop(Stop::NotReached),
        (Reading::Before, false, _) => Next::Nothing,
        (Reading::Reached(level), true, _) => Next::Done(level.clone()),
        (Reading::Reached(level), false, _) => Next::Stop(Stop::NothingChanged(level.clone())),
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
            Self::HotfixConflicts => {
                "let it know every original: `pitstop adopt NAME --pristine PACK` with the vendor's pack of the installed level"
            }
            Self::HotfixMissing => {
                "the hotfix may be one for another level, or for files that this pack does not have"
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
            Self::HotfixConflicts => write!(
                f,
                "told of conflicts (exit code 3) though it was given the vendor's own files"
            ),
            Self::HotfixMissing => write!(f, "told of success (exit code 0), but changed no file"),
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
                next(so_far, end, &facts(letters), Goal::Level { named: true }),
                expected,
                "{end:?} {done} {letters}"
            );
        }
        let unnamed = Goal::Level { named: false };
        assert_eq!(
            next(Progress::default(), End::Code(0), &facts(""), unnamed),
            Nothing
        );
    }

    #[test]
    fn a_hotfix_changes_files_and_not_the_level() {
        let installed = Level::new("4.2.0.4");
        let table = [
            (0, "f", Next::Done(installed.clone())),
            (0, "ft", Next::Done(installed.clone())),
            (0, "", Next::Stop(Stop::HotfixMissing)),
            (0, "fR", Next::Stop(Stop::OtherLevel(Level::new("4.2.0.9")))),
            (0, "fU", Next::Stop(Stop::NoLevel("it is empty".to_owned()))),
            (0, "fc", Next::Stop(Stop::ConflictsLeft)),
            (1, "", Next::Stop(Stop::Refused)),
            (2, "t", Next::Rerun),
            (2, "", Next::Stop(Stop::Crashed)),
            (3, "fc", Next::Stop(Stop::HotfixConflicts)),
        ];
        for (code, letters, expected) in table {
            let found = next(
                Progress::default(),
                End::Code(code),
                &facts(letters),
                Goal::Hotfix(&installed),
            );
            assert_eq!(found, expected, "{code} {letters}");
        }
    }

    #[test]
    fn only_success_is_ever_believed_and_no_run_goes_on_for_ever() {
        let all = ["", "t", "f", "c", "tf", "tc", "fc", "tfc"];
        let levels = ["", "R", "O", "U"];
        let installed = Level::new("4.2.0.4");
        let goals = [Goal::Level { named: true }, Goal::Hotfix(&installed)];
        for code in 1..256 {
            for (letters, level, goal) in all
                .iter()
                .flat_map(|a| levels.map(|level| (a, level)))
                .flat_map(|(a, level)| goals.map(|goal| (a, level, goal)))
            {
                let spent = Progress {
                    rerun: true,
                    answers: MOST_ANSWERS,
                };
                let facts = facts(&format!("{letters}{level}"));
                let fresh = next(Progress::default(), End::Code(code), &facts, goal);
                assert!(
                    !matches!(fresh, Next::Done(_) | Next::Nothing),
                    "{code} {facts:?}"
                );
                let last = next(spent, End::Code(code), &facts, goal);
                assert!(matches!(last, Next::Stop(_)), "{code} {facts:?}");
            }
        }
    }
}
