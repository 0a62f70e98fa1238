//! Scored attempts.

pub mod attempt;
pub mod list;
pub mod name_table;
