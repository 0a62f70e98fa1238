//! The accumulated state of one learner.

use std::hint::black_box;

use super::{
    attempts::list::Attempts,
    compact::memory::allocation_bytes,
    history::{
        blocks::Blocks,
        corrections::Corrections,
        course::Courses,
        last_interactions::LastInteractions,
        session::{Session, Sessions},
    },
    playback::playbacks::Playbacks,
};

/// Everything that is known of one learner.
///
/// The fields lie in this order, what every event needs first: most learners' events find them in no processor's cache, and each of its
/// lines that is needed costs as much as the work on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Learner {
    pub(super) events: u64,
    pub(super) last_event_ms: i64,
    /// The floor that the other parts were last pruned to.
    pub(super) pruned_to_ms: i64,
    /// What is stored in the head differs from what is.
    pub(super) unsaved: bool,
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
    /// A learner of whom nothing is known yet.
    pub fn new(user_id: &str) -> Self {
        Self {
            user_id: user_id.into(),
            events: 0,
            last_event_ms: i64::MIN,
            pruned_to_ms: i64::MIN,
            courses: Courses::default(),
            sessions: Sessions::default(),
            playbacks: Playbacks::default(),
            attempts: Attempts::default(),
            last_interactions: LastInteractions::default(),
            corrections: Corrections::default(),
            blocks: Blocks::default(),
            unsaved: false,
        }
    }

    /// The learner's id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Whether an event was ever accepted.
    pub fn is_known(&self) -> bool {
        self.events > 0
    }

    /// Newest accepted event, ms; the least number before the first.
    pub fn last_event_ms(&self) -> i64 {
        self.last_event_ms
    }

    /// The floor that its memory was last pruned to, ms; the least number before the first time.
    pub fn floor_ms(&self) -> i64 {
        self.pruned_to_ms
    }

    /// All accepted events, ever.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Sessions within the retention, and the newest, in the order of their ids.
    pub fn sessions(&self, watermark_ms: i64) -> impl Iterator<Item = Session> {
        self.sessions.all(watermark_ms)
    }

    /// How many identities are held, in memory or stored.
    pub fn identities(&self) -> usize {
        self.blocks.identities()
    }

    /// Size of the records of blocks that differ from those, when they were last written or read, bytes.
    pub fn unsaved_apart_bytes(&self) -> u64 {
        self.blocks.unsaved_apart_bytes()
    }

    /// What the learner takes in memory, bytes: what it asked the allocator for, and what that keeps beside. An estimate, within a
    /// quarter of it: ids are taken to be as long as their newest neighbours. Takes time in proportion to the learner's sessions,
    /// courses, videos and blocks, not to its events.
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

    /// Reads a little of each piece of memory that most events change. Called for several learners in turn, it costs as much as
    /// for one or two: no read of one waits for one of another.
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
