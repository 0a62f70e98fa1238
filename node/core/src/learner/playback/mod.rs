//! Watched time, from the starts and stops of videos.

pub mod forgettable;
pub mod playbacks;
pub mod viewing;
