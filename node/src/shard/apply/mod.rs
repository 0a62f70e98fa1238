//! The replicated part of a shard: an entry's events go to their learners, and their verdicts become outcomes.
//!
//! Must not know: who proposed an entry, who reads.

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
