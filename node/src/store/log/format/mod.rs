//! The bytes of the log: headers of files and records, the content of records, and the state that
//! results from them.
//!
//! Pure: no files, no locks, no threads.

pub(super) mod blank;
mod codec;
pub(super) mod contents;
pub(super) mod footer;
pub(super) mod group_meta;
pub(super) mod headers;
pub(super) mod ledger;
pub(super) mod mark;
pub(super) mod record;
pub(super) mod scan;
