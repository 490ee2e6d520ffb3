//! The one signed file that carries an update.

pub mod delta;
