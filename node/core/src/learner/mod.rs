//! One learner: its accumulated state, and the views that are read from it.
//!
//! The content is a function of the set of accepted events, the watermark and the settings, never
//! of the order of arrival. Must not know other learners, the shard's counters, or the store.

mod apply;
mod attempts;
mod codec;
mod compact;
mod history;
mod kept;
mod make_room;
mod playback;
mod residency;
mod room;
mod state;
mod views;

pub use apply::{Applied, Touched, Verdict, catches_panics};
pub use codec::{RequiredParts, StateChange, StatePart};
pub use compact::{CourseIndex, EventKey};
pub use history::{Interaction, NewPane, SESSION_GAP_MS, Session};
pub use residency::{ALWAYS, Missing};
pub use room::standing_bytes_max;
pub use state::Learner;
pub use views::{
    Accuracy, Assessment, CourseStanding, Emission, HelpCode, HelpReason, LearnerVersion,
    NeededBlock, PartsSource, Profile, Revision, Standing, Status, TYPES_LISTED_MAX, Window,
    WindowContent, WindowMaker, WindowParts, WindowPlan, WindowQuery, WindowState, WindowStep,
};
