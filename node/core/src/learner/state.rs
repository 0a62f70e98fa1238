//! The accumulated state of one learner.

use std::hint::black_box;

use crate::learner::{
    attempts::Attempts,
    compact::allocation_bytes,
    history::{Blocks, Corrections, Courses, LastInteractions, Session, Sessions},
    kept::Kept,
    playback::Playbacks,
};

/// The accumulated state of one learner.
///
/// The order of the fields is deliberate: those that every event touches come first. Most events
/// find their learner in no processor cache, and then each cache line costs as much as the work on
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Learner {
    pub(super) events: u64,
    pub(super) last_event_ms: i64,
    /// The floor of the last pruning, ms.
    pub(super) pruned_to_ms: i64,
    pub(super) kept: Kept,
    /// The state differs from the stored head.
    pub(super) unsaved: bool,
    /// The event that is being applied made the checks panic while blocks were evicted.
    pub(super) doubted: bool,
    pub(super) blocks: Blocks,
    pub(super) courses: Courses,
    pub(super) sessions: Sessions,
    pub(super) last_interactions: LastInteractions,
    pub(super) playbacks: Playbacks,
    pub(super) attempts: Attempts,
    pub(super) corrections: Corrections,
    pub(super) user_id: Box<str>,
}

impl Learner {
    /// A learner without events.
    pub fn new(user_id: &str) -> Self {
        Self {
            user_id: user_id.into(),
            events: 0,
            last_event_ms: i64::MIN,
            pruned_to_ms: i64::MIN,
            kept: Kept::beginning(user_id),
            courses: Courses::default(),
            sessions: Sessions::default(),
            playbacks: Playbacks::default(),
            attempts: Attempts::default(),
            last_interactions: LastInteractions::default(),
            corrections: Corrections::default(),
            blocks: Blocks::default(),
            unsaved: false,
            doubted: false,
        }
    }

    /// The learner's id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Whether at least one event was accepted.
    pub fn is_known(&self) -> bool {
        self.events > 0
    }

    /// Newest accepted event, ms; `i64::MIN` before the first.
    pub fn last_event_ms(&self) -> i64 {
        self.last_event_ms
    }

    /// The floor of the last pruning, ms; `i64::MIN` before the first.
    pub fn floor_ms(&self) -> i64 {
        self.pruned_to_ms
    }

    /// Number of accepted events, ever.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Sessions within the retention, and the newest session, ordered by id.
    pub fn sessions(&self, watermark_ms: i64) -> impl Iterator<Item = Session> {
        self.sessions.all(watermark_ms)
    }

    /// Number of identities, in memory or stored.
    pub fn identities(&self) -> usize {
        self.blocks.identities()
    }

    /// Size of the records of changed blocks, as of their last write or read, bytes.
    pub fn unsaved_apart_bytes(&self) -> u64 {
        self.blocks.unsaved_apart_bytes()
    }

    /// Memory used by the learner, bytes, including the allocator's overhead.
    ///
    /// An estimate within a fifth of the true size. Takes time in proportion to sessions, courses,
    /// attempts, facts of videos and blocks.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + allocation_bytes(self.user_id.len())
            + self.courses.heap_bytes()
            + self.sessions.heap_bytes()
            + self.playbacks.heap_bytes()
            + self.attempts.heap_bytes()
            + self.last_interactions.heap_bytes()
            + self.corrections.heap_bytes()
            + self.blocks.heap_bytes()
    }

    /// Loads the cache lines that most events change.
    ///
    /// Called for several learners in turn, it costs as much as for one or two, since their memory
    /// reads overlap.
    pub fn prefetch(&self) {
        let lines = self.pruned_to_ms.cast_unsigned()
            ^ self.blocks.prefetch()
            ^ self.courses.prefetch()
            ^ self.sessions.prefetch()
            ^ self.last_interactions.prefetch()
            ^ self.playbacks.prefetch()
            ^ self.corrections.prefetch()
            ^ self.user_id.bytes().next().map_or(0, u64::from);
        black_box(lines);
    }
}
