//! The log that all Raft groups of a node share.
//!
//! The entries of all groups go into one sequence of segment files. One thread writes them: it
//! takes all waiting writes, writes them as one batch, makes the batch durable with one fdatasync,
//! and calls the completions. A segment is deleted once it has no live entry of any group, even if
//! older segments still have some. This works because each segment begins with the state of all
//! groups: only entries keep a segment.
//!
//! A full segment ends with a footer that says what is in it, so opening the log reads little.
//!
//! Damage is detected: each record has a checksum that includes its place, each record contains the
//! offset of its batch, and a batch is written only once the batch before it is durable. So a later
//! batch behind a damaged record proves that the record had been durable. For the last batch, a
//! mark outside the segments proves it. See [`FileLog::open`], `recover` and `mark`.
//!
//! Must not know: Raft's library, the meaning of payloads, when to purge.

mod budget;
mod config;
mod engine;
mod entry;
mod error;
mod file_log;
mod file_read;
mod file_verify;
mod format;
mod mark;
mod memory;
mod recover;
mod segments;
mod stats;
mod write;

pub use budget::{ByteBudget, QueuePermit};
pub use config::{FatalHandler, LogConfig, LogHooks};
pub use engine::{CONTROL_BYTES, Completion, LogEngine, append_bytes};
pub use entry::{GroupId, GroupState, GroupUsage, Leader, LogEntry, Position, SegmentId, Vote};
pub use error::{
    AppendError, DamageKind, DamageProof, MarkFault, OpenError, ReadError, VerifyError,
    WriteRefused,
};
pub use file_log::FileLog;
pub use file_verify::Pace;
pub use format::headers::PAYLOAD_BYTES_MAX;
pub use memory::memory_log::{Flushing, MemoryLog};
pub use segments::table::SegmentUsage;
pub use stats::LogStats;
