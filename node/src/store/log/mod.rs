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
mod config;
mod engine;
mod entry;
mod error;
mod file_log;
mod file_read;
mod format;
mod memory;
mod recover;
mod segments;
mod stats;
mod write;

pub use budget::{ByteBudget, QueuePermit};
pub use config::{FatalHandler, LogConfig, LogHooks};
pub use engine::{CONTROL_BYTES, Completion, LogEngine, append_bytes};
pub use entry::{GroupId, GroupState, GroupUsage, Leader, LogEntry, Position, SegmentId, Vote};
pub use error::{AppendError, DamageKind, DamageProof, OpenError, ReadError, WriteRefused};
pub use file_log::FileLog;
pub use format::headers::PAYLOAD_BYTES_MAX;
pub use memory::memory_log::{Flushing, MemoryLog};
pub use segments::table::SegmentUsage;
pub use stats::LogStats;
