//! What comes of asking a probe.

/// What a probe said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it passed.
    pub ok: bool,
    /// What it saw, without bodies and secrets.
    pub detail: String,
}

impl Answer {
    pub(super) fn pass(detail: impl Into<String>) -> Self {
        Self {
            ok: true,
            detail: detail.into(),
        }
    }

    pub(super) fn fail(detail: impl Into<String>) -> Self {
        Self {
            ok: false,
            detail: detail.into(),
        }
    }
}
