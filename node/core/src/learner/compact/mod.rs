//! Compact forms of ids, keys and lists.

mod claims;
mod course_slot;
mod key;
mod memory;
mod other_types;
mod sorted;
mod text;

pub use claims::Claims;
pub use course_slot::{CourseIndex, CourseSlot};
pub use key::{Arrival, EventKey, IdHash, Place, PlaceRef};
pub use memory::{allocation_bytes, reserve_one, vec_bytes};
pub use other_types::OtherTypes;
pub use sorted::{Sorted, Spot};
pub use text::{Text, TextRef, compare_options, read_text};
