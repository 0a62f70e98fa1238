//! Opens a store in two phases: [`open_store`] checks its identity and finds each group's position;
//! [`recover`] verifies every record of one group, or rebuilds it from a base.

pub(super) mod identity;
pub(super) mod open_error;
pub(super) mod open_recovered;
pub(super) mod open_store;
pub(super) mod opener;
pub(super) mod options;
pub(super) mod parallel;
pub(super) mod rebuild;
pub(super) mod recover;
pub(super) mod recover_error;
pub(super) mod recovery;
pub(super) mod verify;
pub(super) mod watchdog;
