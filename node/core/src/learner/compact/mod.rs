//! Compact forms of ids, keys and lists.

pub mod course_slot;
pub mod key;
pub mod memory;
pub mod sorted;
pub mod text;

pub use course_slot::CourseIndex;
pub use key::EventKey;
