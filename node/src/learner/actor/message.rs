//! What learner actors are told.

use std::sync::Arc;

use bytes::Bytes;
use homeroom_core::{
    learner::{Learner, Verdict, WindowQuery},
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
    /// Look at the learner.
    Read(Read),
    /// Hand over what differs from the stored state.
    Save(Save),
    /// Stop, when nothing is unsaved; said only while the shard applies nothing.
    Retire,
}

/// A look at a learner; whoever asks takes the answer along in the closure.
pub type Look = Box<dyn FnOnce(Seen<'_>) + Send>;

/// What a look finds.
pub enum Seen<'l> {
    /// All that it was to look at.
    Whole(&'l Learner),
    /// Some of it is only stored: a copy, and the blocks that are to be read for it. Whoever asks does that, since entries would wait for the
    /// disk with the learner.
    Lacking(Box<Learner>, Vec<i64>),
}

/// A look at a learner.
pub struct Read {
    /// The windows that are looked at. None but what profiles and standings show, which is in memory.
    pub windows: Option<WindowQuery>,
    /// Looks.
    pub look: Look,
}

/// All events that one entry has for a learner.
pub struct Apply {
    /// What holds for the entry.
    pub context: Arc<EntryContext>,
    /// The encoded events, in the order of the entry.
    pub events: Vec<Bytes>,
    /// Everything that entries up to here did is durable.
    pub durable_index: u64,
    /// Takes the answer; an error when a block that an event needs can't be read.
    pub answer: Slot<Result<GroupApplied, LoadError>>,
}

/// Of the usual entry, which has one event for a learner, without memory of their own.
pub type Verdicts = SmallVec<[Verdict; 1]>;

/// What a learner made of its events of one entry.
#[derive(Debug)]
pub struct GroupApplied {
    /// One for each event.
    pub verdicts: Verdicts,
    /// Courses that the shard was not told of yet.
    pub joined: Vec<Box<str>>,
    /// Windows that had been emitted and have a new revision now.
    pub corrected_windows: usize,
    /// Newest accepted event, ms.
    pub last_event_ms: i64,
    /// What there is to save of the learner comes to at most this, bytes; but for attempts that have outlived the retention since.
    pub unsaved_bytes: u64,
    /// What the learner takes in memory, roughly, bytes.
    pub memory_bytes: u64,
}

/// A request for what is unsaved.
#[derive(Clone, Debug)]
pub struct Save {
    /// The standings are to be stored too: the learner may soon leave the memory.
    pub standings: bool,
    /// The index of the newest entry at the capture's boundary.
    pub as_of: u64,
    /// Has room for the answers of all learners that are asked.
    pub reply: mpsc::Sender<Saved>,
}
