//! The replicated part of a shard: an entry's events go to their learners, and their verdicts become outcomes.
//!
//! Must not know: who proposed an entry, who reads.

mod groups;
mod machine;
mod tell;
mod watchers;

#[cfg(test)]
pub use groups::Groups;
pub use machine::ShardMachine;
#[cfg(test)]
pub use tell::{Applying, tell};
pub use watchers::{Watch, Watchers};
