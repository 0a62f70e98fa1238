//! Scored attempts of one learner.

mod attempt;
mod fast_ranks;
mod limits;
mod list;
mod name_table;

pub use attempt::AttemptRef;
pub use limits::{ROLLING_LONG, ROLLING_SHORT, SKILLS_KEPT};
pub use list::{Attempts, Shown, ShownPast};
