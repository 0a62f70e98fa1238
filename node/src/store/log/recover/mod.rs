//! Opening a log directory: reads every record, rebuilds the groups from them, cuts a torn tail.

pub(super) mod recovery;
pub(super) mod replay;
