//! EFFECTS: staging, committing, undoing, starting and stopping. Decides nothing: a step that needs an `if` about policy
//! was not planned to the end.

pub mod commit;
pub mod fleetlock;
pub mod in_place;
pub mod journal;
pub mod layout;
pub mod owner;
pub mod preflight;
pub mod seal;
pub mod service;
pub mod stage;
pub mod sweep;
