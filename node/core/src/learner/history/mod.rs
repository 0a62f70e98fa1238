//! The history of one learner: events in blocks of event time, and its courses, sessions and
//! interactions.

pub mod block_content;
pub mod block_summary;
pub mod blocks;
pub mod claims;
pub mod corrections;
pub mod course;
pub mod evicted_block;
pub mod eviction;
pub mod fingerprint;
pub mod id_filter;
pub mod interaction;
pub mod last_interactions;
pub mod new_pane;
pub mod session;

pub use interaction::Interaction;
pub use new_pane::NewPane;
pub use session::{SESSION_GAP_MS, Session};
