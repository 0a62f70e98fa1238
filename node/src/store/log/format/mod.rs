//! The bytes of the log: file and record headers, what records say, and the group state that they
//! come to.
//!
//! Pure: no files, no locks, no threads.

pub(super) mod blank;
mod codec;
pub(super) mod group_meta;
pub(super) mod headers;
pub(super) mod ledger;
pub(super) mod record;
pub(super) mod scan;
