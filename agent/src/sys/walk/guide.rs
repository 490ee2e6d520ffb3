//! Where a walk goes.

/// What to do with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit<At, Tag> {
    /// Neither reported nor entered; the system is not even asked about it.
    Skip,
    /// Reported, not entered.
    Report(Tag),
    /// Reported and entered; the position is passed to the calls for its children.
    Enter(At, Tag),
}

/// Decides where a walk goes, one name at a time, so that it needs no full paths.
pub trait Guide: Sync {
    /// A position in the guide's own rules, one per directory.
    type At: Send + Clone;
    /// What the guide says about a path that is reported.
    type Tag: Send;

    /// The position of the tree's root.
    fn root(&self) -> Self::At;

    /// What to do with the directory `name` in the directory at `at`.
    fn dir(&self, at: &Self::At, name: &str) -> Visit<Self::At, Self::Tag>;

    /// What to say about something else in the directory at `at`; `None` leaves it out.
    fn leaf(&self, at: &Self::At, name: &str) -> Option<Self::Tag>;
}

/// Enters everything and says nothing.
pub struct Everything;

impl Guide for Everything {
    type At = ();
    type Tag = ();

    fn root(&self) {}

    fn dir(&self, (): &(), _: &str) -> Visit<(), ()> {
        Visit::Enter((), ())
    }

    fn leaf(&self, (): &(), _: &str) -> Option<()> {
        Some(())
    }
}
