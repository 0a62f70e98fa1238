//! Scored attempts of one learner.

mod attempt;
mod list;
mod name_table;

pub use attempt::AttemptRef;
pub use list::{Attempts, ROLLING_LONG, ROLLING_SHORT, SKILLS_KEPT, Shown, ShownPast};
