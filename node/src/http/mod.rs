//! The HTTP side: metrics, health, and statements of the learning standards.
//!
//! Translates between HTTP and the rest of the node, and decides nothing: what becomes of an event, the [`Intake`] says.

mod body;
mod error;
mod health;
mod intake;
mod metrics;
mod router;
mod server;
mod statement;
mod xapi;

#[cfg(test)]
mod tests;

pub use body::BodyLimits;
pub use error::{HttpError, RefusedStatement};
pub use intake::{Intake, IntakeError, IntakeOutcome, IntakeStatus};
pub use router::{HttpState, router};
pub use server::{ServerOptions, serve};
