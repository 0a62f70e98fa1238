//! Opens a store: checks its identity, verifies every record, rebuilds damaged state from bases.

pub(super) mod identity;
pub(super) mod open_error;
pub(super) mod open_store;
pub(super) mod opener;
pub(super) mod options;
pub(super) mod parallel;
pub(super) mod rebuild;
pub(super) mod recovery;
pub(super) mod watchdog;
