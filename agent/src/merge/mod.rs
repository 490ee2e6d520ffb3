//! Three-way merges: bytes × 3 → merged bytes or a conflict. Pure.

pub mod node;
pub mod text;
