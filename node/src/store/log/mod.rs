//! The log that all Raft groups of a node share.
//!
//! Entries of all groups go into one row of segment files. One thread writes them: it takes all
//! that waits, writes it as one batch, makes it durable with one fdatasync, and reports. A segment
//! is deleted once no group has a live entry in it, whether older ones still have or not; each
//! segment begins with the state of all groups, so nothing but entries keeps an old one.
//!
//! Damage is noticed: every record has a checksum bound to its place, every record says where its
//! batch begins, and a batch is written only once the one before it is durable. So a record behind
//! a damaged place proves, if its batch begins behind it too, that the damaged record had been
//! durable. See [`FileLog::open`] and `recovery`.
//!
//! Must not know: Raft's library, what payloads mean, when to purge.

mod budget;
mod cache_window;
mod codec;
mod config;
mod engine;
mod entry;
mod error;
mod file_group;
mod file_log;
mod file_read;
mod format;
mod group_log;
mod ledger;
mod memory_log;
mod queue;
mod record;
mod recovery;
mod replay;
mod scan;
mod segment;
mod shared;
mod spare;
mod stats;
mod table;
mod tail;
mod writer;

pub use budget::{ByteBudget, QueuePermit};
pub use config::{FatalHandler, LogConfig, LogHooks};
pub use engine::{CONTROL_BYTES, Completion, LogEngine, append_bytes};
pub use entry::{GroupId, GroupState, GroupUsage, Leader, LogEntry, Position, SegmentId, Vote};
pub use error::{AppendError, DamageKind, DamageProof, OpenError, ReadError, WriteRefused};
pub use file_log::FileLog;
pub use format::PAYLOAD_BYTES_MAX;
pub use memory_log::{Flushing, MemoryLog};
pub use stats::LogStats;
pub use table::SegmentUsage;
