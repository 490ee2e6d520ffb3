//! Values of headers are mostly those of the old entry. Of the others, each is mostly near the last one.

use super::DeltaError;
use super::columns::{unzigzag, zigzag};

/// How a content is told.
pub(super) mod kind {
    /// It is its base.
    pub(crate) const SAME: u64 = 0;
    /// One piece, against all of its base.
    pub(crate) const PIECE: u64 = 1;
    /// Parts, copied or new.
    pub(crate) const PARTS: u64 = 2;
    /// A zip archive against another.
    pub(crate) const ZIP: u64 = 3;
    /// A zip archive against what is none.
    pub(crate) const ZIP_ALONE: u64 = 4;
    /// A class against another.
    pub(crate) const CLASS: u64 = 5;
}

/// How an entry's data is told.
pub(super) mod action {
    /// It is the data of the base's entry, and so are its numbers.
    pub(crate) const SAME: u64 = 0;
    /// A content, deflated.
    pub(crate) const DEFLATE: u64 = 1;
    /// A content as it is.
    pub(crate) const STORE: u64 = 2;
    /// A content that is the data, whatever it means.
    pub(crate) const RAW: u64 = 3;
}

/// A column of values that are predicted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Predictor {
    last: u32,
}

impl Predictor {
    /// The code of a value: 0 if it is as predicted.
    pub(super) fn code(&mut self, value: u32, predicted: u32) -> u64 {
        if value == predicted {
            return 0;
        }
        let code = zigzag(i64::from(value) - i64::from(self.last)) + 1;
        self.last = value;
        code
    }

    /// The value of a code.
    pub(super) fn value(&mut self, code: u64, predicted: u32) -> Result<u32, DeltaError> {
        let Some(code) = code.checked_sub(1) else {
            return Ok(predicted);
        };
        let value = unzigzag(code).checked_add(i64::from(self.last));
        self.last = value
            .and_then(|value| u32::try_from(value).ok())
            .ok_or(DeltaError::Malformed("a field of a header is too large"))?;
        Ok(self.last)
    }
}
