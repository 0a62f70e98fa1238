//! Checkpoints: the state of each group as of one position in its log, durable, verified, and
//! rebuilt when damaged.
//!
//! sled holds the states, one tree per group, and is treated as a cache that may be lost at any time: the
//! truth is a *base* (immutable, checked files that come to a group's whole state) and the log behind it.
//!
//! ```text
//! <dir>/sled/              the trees; put under quarantine/ as a whole when damaged
//! <dir>/bases/shard-NNNN/  the newest two bases of each group
//! <dir>/heads              position of each group's newest durable checkpoint
//! <dir>/identity, lock     whose store it is; that it is in use
//! ```
//!
//! Invariants:
//! - A group's tree changes by one batch per commit, which holds the position too. So after a crash
//!   a tree is at one committed position, with that commit's content.
//! - A commit is durable before its position shows anywhere: sled's files first, then `heads`.
//! - Nothing is served unverified. A record carries its checksum; the group's meta record carries
//!   the [`Digest`] of all records; `heads` and the bases tell a state of the past from the newest.
//! - An open ends with every group at the exact content of its newest checkpoint, or of a base, or
//!   empty, and says which.
//!
//! It does not know what keys and values mean, and it never looks at the log: that the log reaches
//! back to a recovered position is the caller's to check.

mod bases;
mod cut;
mod damage;
mod digest;
mod fields;
mod open;
mod position;
mod read_error;
mod store;
#[cfg(test)]
mod tests;
mod tree;

pub use bases::{
    BaseError, BaseFile, BaseHeader, BaseInfo, BaseReader, BaseRecord, BaseWriter,
    CLUSTER_ID_BYTES_MAX, Throttle,
};
pub use damage::{Damage, Damaged};
pub use digest::Digest;
pub use open::open_error::OpenError;
pub use open::open_store::GROUPS_MAX;
pub use open::opener::RECORD_BYTES_CHEAP;
pub use open::options::CheckpointOptions;
pub use open::recovery::{GroupRecovery, Recovered, RecoveryVisitor};
pub use position::Position;
pub use read_error::{CutError, ReadError};
pub use store::{CheckpointStore, StoreFigures};
pub use tree::commit::{COMMIT_BYTES_MAX, Change, Commit, CommitError, CommitFigures};
pub use tree::meta::{GroupMeta, META_BYTES_MAX};
pub use tree::record::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, Payload, Record};
pub use tree::scan::Scan;
pub use tree::sled_guard::panic_is_caught_here;
