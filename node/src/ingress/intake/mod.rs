//! Hands requests to the router and answers with their outcomes. The clock and the queues are used
//! here, never in `decode`.

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
