//! Checkpoints: the state of each shard as of one position in its log, durable, verified, and
//! rebuilt when damaged.
//!
//! sled holds the states, one tree per shard, and is treated as a cache that may be lost at any time: the
//! truth is a *base* (immutable, checked files that come to a shard's whole state) and the log behind it.
//!
//! ```text
//! <dir>/sled/              the trees; put under quarantine/ as a whole when damaged
//! <dir>/bases/shard-NNNN/  the newest two bases of each shard
//! <dir>/heads              position of each shard's newest durable checkpoint
//! <dir>/identity, lock     whose store it is; that it is in use
//! ```
//!
//! Invariants:
//! - A shard's tree changes by one batch per commit, which holds the position too. So after a crash
//!   a tree is at one committed position, with that commit's content.
//! - A commit is durable before its position shows anywhere: sled's files first, then `heads`.
//! - Nothing is served unverified. A record carries its checksum; the shard's meta record carries
//!   the [`Tally`] of all records; `heads` and the bases tell a state of the past from the newest.
//! - An open ends with every shard at the exact content of its newest checkpoint, or of a base, or
//!   empty, and says which.
//!
//! It does not know what keys and values mean, and it never looks at the log: that the log reaches
//! back to a recovered position is the caller's to check.

mod base;
mod changed_keys;
mod commit;
mod cut;
mod damage;
mod fields;
mod figures;
mod files;
mod heads;
mod health;
mod identity;
mod meta;
mod open;
mod open_error;
mod opener;
mod options;
mod parallel;
mod position;
mod read_error;
mod rebuild;
mod recent_hashes;
mod record;
mod recovery;
mod scan;
mod shard_tree;
mod sled_dir;
mod sled_guard;
mod store;
mod supervise;
mod syncer;
mod tally;
#[cfg(test)]
mod tests;

pub use base::{
    BaseError, BaseFile, BaseHeader, BaseInfo, BaseReader, BaseRecord, BaseWriter,
    CLUSTER_ID_BYTES_MAX, Pace,
};
pub use commit::{COMMIT_BYTES_MAX, Change, Commit, CommitError, CommitFigures};
pub use damage::{Damage, Damaged};
pub use figures::StoreFigures;
pub use meta::{META_BYTES_MAX, ShardMeta};
pub use open::SHARDS_MAX;
pub use open_error::OpenError;
pub use opener::RECORD_BYTES_CHEAP;
pub use options::CheckpointOptions;
pub use position::Position;
pub use read_error::{CutError, ReadError};
pub use record::{KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, Payload, Record};
pub use recovery::{Recovered, RecoveryVisitor, ShardRecovery};
pub use scan::Scan;
pub use sled_guard::panic_is_caught_here;
pub use store::CheckpointStore;
pub use tally::Tally;
