//! One learner: what was accepted of all that was heard of a person, and what can be read from it.
//!
//! The content is a function of the set of accepted events, the watermark and the settings, never of the order of arrival.
//! Knows nothing of other learners, of shards' counters, or of where it is stored.

mod apply;
mod attempt;
mod corrections;
mod course;
mod emission;
mod help;
mod hour;
mod interaction;
mod key;
mod playback;
mod profile;
mod session;
mod standing;
mod state;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use apply::{Applied, Verdict, is_guarded};
pub use attempt::{Attempt, Attempts};
pub use corrections::Revision;
pub use course::{CourseIndex, Membership};
pub use emission::Emission;
pub use help::{HelpCode, HelpReason, Status};
pub use hour::{Hour, HourNumber, Pane};
pub use interaction::Interaction;
pub use key::{EventKey, IdHash};
pub use profile::{Accuracy, Assessment, CourseStanding, Profile};
pub use session::{SESSION_GAP_MS, Session};
pub use standing::Standing;
pub use state::{StateChange, StateDecodeError, StatePart};
pub use window::{Window, WindowContent, WindowQuery, WindowState};

use self::{
    corrections::Corrections, course::Courses, interaction::LastInteractions, playback::Playbacks,
    session::Sessions,
};
use crate::time::hour_of;

/// Everything that is known of one learner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learner {
    #[serde(skip)]
    user_id: Box<str>,
    events: u64,
    last_event_ms: i64,
    courses: Courses,
    sessions: Sessions,
    playbacks: Playbacks,
    attempts: Attempts,
    last_interactions: LastInteractions,
    corrections: Corrections,
    /// The floor that the parts above were last pruned to.
    pruned_to_ms: i64,
    /// Stored beside the rest, each hour for itself.
    #[serde(skip)]
    hours: BTreeMap<HourNumber, Hour>,
    /// What differs from the stored state.
    #[serde(skip)]
    unsaved: Unsaved,
}

/// Parts of a learner that differ from the stored state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Unsaved {
    head: bool,
    hours: BTreeSet<HourNumber>,
}

impl Learner {
    /// A learner of whom nothing is known yet.
    pub fn new(user_id: &str) -> Self {
        Self {
            user_id: user_id.into(),
            events: 0,
            last_event_ms: i64::MIN,
            courses: Courses::default(),
            sessions: Sessions::default(),
            playbacks: Playbacks::default(),
            attempts: Attempts::default(),
            last_interactions: LastInteractions::default(),
            corrections: Corrections::default(),
            pruned_to_ms: i64::MIN,
            hours: BTreeMap::new(),
            unsaved: Unsaved::default(),
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

    /// How many identities are held in memory.
    pub fn identities(&self) -> usize {
        self.hours.values().map(Hour::identities).sum()
    }

    /// How many identities the hours hold that differ from the stored state.
    pub fn unsaved_identities(&self) -> usize {
        let unsaved = self.unsaved.hours.iter();
        unsaved
            .filter_map(|number| self.hours.get(number))
            .map(Hour::identities)
            .sum()
    }

    /// The panes that begin in `[from_ms, to_ms)`, oldest first, each with its hour and its start.
    fn panes_between(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (&Hour, i64, &Pane)> {
        let to_ms = to_ms.max(from_ms);
        self.hours
            .range(hour_of(from_ms)..=hour_of(to_ms))
            .flat_map(|(&number, hour)| {
                hour.panes(number)
                    .map(move |(start_ms, pane)| (hour, start_ms, pane))
            })
            .filter(move |(_, start_ms, _)| (from_ms..to_ms).contains(start_ms))
    }
}
