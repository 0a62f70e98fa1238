//! Requests of deliveries to the router, and back with their outcomes: what has a clock and queues.

mod admission;
mod outcome;
mod publish;
mod redelivery;

#[cfg(test)]
mod tests;

pub use admission::Admission;
pub use outcome::to_reason;
pub use publish::{Intake, IntakeError, PendingRequest, Receipt};
pub use redelivery::{DryRunOutcome, RedriveOutcome, RefusedNow};
