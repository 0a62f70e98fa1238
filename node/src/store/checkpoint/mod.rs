//! Checkpoints: the state of each group as of one position in its log, durable, verified, and
//! rebuilt if damaged.
//!
//! sled stores the states, one tree per group. It counts as a cache that may be lost at any time.
//! The truth is a *base* (immutable, checksummed files with a group's whole state) and the log
//! behind it.
//!
//! ```text
//! <dir>/sled/              the trees; moved to quarantine/ as a whole when damaged
//! <dir>/bases/shard-NNNN/  the newest two bases of each group
//! <dir>/incoming/          bases that are being received
//! <dir>/heads              position of each group's newest durable checkpoint
//! <dir>/identity, lock     cluster and number of groups; a lock while the store is in use
//! ```
//!
//! Invariants:
//! - A group's tree changes by one batch per commit, which includes the position. So after a crash
//!   a tree is at one committed position, with the content of that commit.
//! - A commit is durable before its position is visible anywhere: sled's files first, then `heads`.
//! - Nothing is returned unverified, but what an open finds: a group is used only after its
//!   recovery has verified all of it. Each record has a checksum; a group's meta record has the
//!   [`Digest`] of all records; `heads` and the bases distinguish an old state from the newest.
//! - An install replaces a group's state as a whole: before and after a kill the group has all of
//!   its old state or all of the new one.
//! - After its recovery each group has the exact content of its newest checkpoint or of a base, or
//!   is empty; the result says which.
//!
//! Must not know: the meaning of keys and values, the log. The caller checks that the log reaches
//! back to a recovered position.

mod bases;
mod cut;
mod damage;
mod digest;
mod found;
mod install;
mod open;
mod position;
mod read_error;
mod store;
mod stored_group;
#[cfg(test)]
mod tests;
mod tree;

pub use bases::{
    BaseError, BaseFile, BaseHeader, BaseInfo, BaseReader, BaseRecord, BaseWriter,
    CLUSTER_ID_BYTES_MAX, IncomingBase, Throttle,
};
pub use damage::{Damage, Damaged};
pub use digest::Digest;
pub use found::FoundGroup;
pub use install::{InstallError, InstallStep};
pub use open::open_error::OpenError;
pub use open::open_store::GROUPS_MAX;
pub use open::options::CheckpointOptions;
pub use open::recover_error::RecoverError;
pub use open::recovery::{GroupRecovery, Recovered, RecoveryVisitor};
pub use position::Position;
pub use read_error::{CutError, ReadError};
pub use store::CheckpointStore;
pub use tree::commit::{COMMIT_BYTES_MAX, Change, Commit, CommitError, CommitFigures};
pub use tree::meta::{GroupMeta, META_BYTES_MAX};
pub use tree::record::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, Payload, Record};
pub use tree::scan::Scan;
pub use tree::sled_guard::panic_is_caught_here;
