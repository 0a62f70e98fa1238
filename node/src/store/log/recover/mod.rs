//! Opens a log directory: reads the newest segment, and of the others the footers; rebuilds the
//! groups, cuts off a torn tail.

mod mark_check;
mod rebuild;
pub(super) mod recovery;
mod sealed;
