//! Messages to learner actors.

use std::sync::Arc;

use bytes::Bytes;
use homeroom_core::{
    learner::{Learner, Verdict},
    shard::EntryContext,
};
use smallvec::SmallVec;
use tokio::sync::mpsc;

use crate::{
    fan_in::Slot,
    learner::codec::{LoadError, Saved},
};

/// A message to a learner. Messages are handled in the order in which the shard sends them.
pub enum LearnerMessage {
    /// Apply the events of one entry.
    Apply(Apply),
    /// Read the learner.
    Read(Read),
    /// Hand over what differs from the stored state.
    Save(Save),
    /// Stop. Sent only when nothing is unsaved and the shard applies no entry.
    Retire,
}

/// Reads a learner; the closure carries the answer to the caller. Entries wait meanwhile, so it
/// takes at most 1 ms.
pub type Look = Box<dyn FnOnce(&Learner) + Send>;

/// A read of a learner, of what is in memory.
pub struct Read {
    /// Receives the learner.
    pub look: Look,
}

/// All events of one entry for a learner.
pub struct Apply {
    /// Values that hold for the entry.
    pub context: Arc<EntryContext>,
    /// The encoded events, in the order of the entry.
    pub events: Vec<Bytes>,
    /// The effects of entries up to this index are durable.
    pub durable_index: u64,
    /// Receives the answer; an error when a block that an event needs can't be read.
    pub answer: Slot<Result<GroupApplied, LoadError>>,
}

/// One verdict per event. Most entries contain one event per learner, which needs no allocation.
pub type Verdicts = SmallVec<[Verdict; 1]>;

/// Result of the events of one entry for a learner.
#[derive(Debug)]
pub struct GroupApplied {
    /// One per event.
    pub verdicts: Verdicts,
    /// Courses not yet reported to the shard.
    pub joined: Vec<Box<str>>,
    /// Number of emitted windows that got a new revision.
    pub corrected_windows: usize,
    /// Time of the newest accepted event, ms.
    pub last_event_ms: i64,
    /// Upper bound of what there is to save of the learner, bytes. Does not count attempts that
    /// have passed the retention since.
    pub unsaved_bytes: u64,
    /// Estimated memory of the learner, bytes.
    pub memory_bytes: u64,
}

/// A request for unsaved state.
#[derive(Clone, Debug)]
pub struct Save {
    /// Whether to save standings, too: the learner may soon be passivated.
    pub standings: bool,
    /// Index of the newest entry in the capture.
    pub as_of: u64,
    /// Has room for the answers of all learners of the capture.
    pub reply: mpsc::Sender<Saved>,
}
