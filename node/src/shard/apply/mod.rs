//! The replicated part of a shard: dispatches an entry's events to learners, turns verdicts into
//! outcomes.
//!
//! Must not know: the proposer of an entry, readers.

mod dispatch;
mod groups;
mod machine;
mod watchers;

#[cfg(test)]
pub use dispatch::{Applying, dispatch};
#[cfg(test)]
pub use groups::Groups;
pub use machine::ShardMachine;
pub use watchers::{Watch, Watchers};
