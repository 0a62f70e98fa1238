//! One learner: what was accepted of all that was heard of a person, and what can be read from it.
//!
//! The content is a function of the set of accepted events, the watermark and the settings, never of the order of arrival.
//! Knows nothing of other learners, of shards' counters, or of where it is stored.

mod apply;
mod attempt;
mod attempts;
mod block_summary;
mod blocks;
mod claims;
mod corrections;
mod course;
mod emission;
mod fingerprint;
mod forgettable;
mod help;
mod hour;
mod id_filter;
mod interaction;
mod key;
mod last_interactions;
mod memory;
mod names;
mod new_pane;
mod partial;
mod playback;
mod prefetch;
mod profile;
mod residence;
mod session;
mod sorted;
mod standing;
mod state;
mod text;
mod viewing;
mod window;

pub use apply::{Applied, Touched, Verdict, is_guarded};
pub use corrections::Revision;
pub use course::CourseIndex;
pub use emission::Emission;
pub use help::{HelpCode, HelpReason, Status};
pub use interaction::Interaction;
pub use key::EventKey;
pub use new_pane::NewPane;
pub use profile::{Accuracy, Assessment, CourseStanding, Profile};
pub use residence::{ALWAYS, Missing};
pub use session::{SESSION_GAP_MS, Session};
pub use standing::Standing;
pub use state::{RequiredParts, StateChange, StateDecodeError, StatePart};
pub use window::{Window, WindowContent, WindowQuery, WindowState};

use self::{
    attempts::Attempts,
    blocks::Blocks,
    corrections::Corrections,
    course::Courses,
    hour::{Hour, Pane},
    key::IdHash,
    last_interactions::LastInteractions,
    memory::block_bytes,
    playback::Playbacks,
    session::Sessions,
};

/// Everything that is known of one learner.
///
/// The fields lie in this order, what every event needs first: most learners' events find them in no processor's cache, and each of its
/// lines that is needed costs as much as the work on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Learner {
    events: u64,
    last_event_ms: i64,
    /// The floor that the other parts were last pruned to.
    pruned_to_ms: i64,
    /// What is stored in the head differs from what is.
    unsaved: bool,
    blocks: Blocks,
    courses: Courses,
    sessions: Sessions,
    last_interactions: LastInteractions,
    playbacks: Playbacks,
    attempts: Attempts,
    corrections: Corrections,
    user_id: Box<str>,
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
            + block_bytes(self.user_id.len())
            + self.courses.heap_bytes()
            + self.sessions.heap_bytes()
            + self.playbacks.heap_bytes()
            + self.attempts.heap_bytes()
            + self.last_interactions.heap_bytes()
            + self.corrections.heap_bytes()
            + self.blocks.heap_bytes()
    }
}
