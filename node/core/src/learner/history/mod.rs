//! The history of one learner: events in blocks of event time, and its courses, sessions and
//! interactions.

mod block_content;
mod block_room;
mod block_summary;
mod blocks;
mod corrections;
mod course;
mod evicted_block;
mod eviction;
mod fingerprint;
mod id_filter;
mod interaction;
mod last_interactions;
mod new_pane;
mod pane_counts;
mod session;

pub use block_content::BlockContent;
pub use blocks::Blocks;
pub use corrections::{Correction, Corrections};
pub use course::{Courses, Membership};
pub use evicted_block::EvictedBlock;
pub use interaction::Interaction;
pub use last_interactions::LastInteractions;
pub use new_pane::NewPane;
pub use session::{SESSION_GAP_MS, Session, Sessions};
