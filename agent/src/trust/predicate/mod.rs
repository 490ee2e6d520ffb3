//! What statements say: one file per kind.

pub mod approval;
pub mod document;
pub mod evidence;
pub mod receipt;
pub mod scan;

pub use approval::{Approval, ApprovalKind};
pub use document::Document;
pub use evidence::Evidence;
pub use receipt::Receipt;
pub use scan::Scan;
