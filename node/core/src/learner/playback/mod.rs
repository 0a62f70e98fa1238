//! Watched time, computed from the starts and stops of videos.

mod credit;
mod eviction;
mod playbacks;
mod viewing;

pub use eviction::{PlaybackEviction, REWATCHING_SPAN_MS};
pub use playbacks::{Part, Playbacks};
pub use viewing::Viewing;
