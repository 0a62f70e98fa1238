//! Watched time, computed from the starts and stops of videos.

pub mod eviction;
pub mod playbacks;
pub mod viewing;
