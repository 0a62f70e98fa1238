//! Opening a store: checks whose it is, verifies every record, rebuilds from bases what is damaged.

pub(super) mod identity;
pub(super) mod open_error;
pub(super) mod open_store;
pub(super) mod opener;
pub(super) mod options;
pub(super) mod parallel;
pub(super) mod rebuild;
pub(super) mod recovery;
pub(super) mod watchdog;
