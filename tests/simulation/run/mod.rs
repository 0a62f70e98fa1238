//! Runs seeds, each in processes of its own.

mod child;
mod seeds;
mod tests;

pub use child::{be_child, is_child};
pub use tests::run_tests;
