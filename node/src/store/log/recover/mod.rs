//! Opens a log directory: reads every record, rebuilds the groups, cuts off a torn tail.

mod mark_check;
pub(super) mod recovery;
pub(super) mod replay;
