//! Scored attempts of one learner.

pub mod attempt;
pub mod list;
pub mod name_table;
